package host

import (
	"math"
	"os"
	"path/filepath"
	"runtime/debug"
	"testing"
)

func TestMemoryIsLimitedToThatOfTheContainer(t *testing.T) {
	for name, tc := range map[string]struct {
		files map[string]string
		env   string
		want  int64
	}{
		"version 2":                        {map[string]string{"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/memory.max": "268435456\n"}, "", 241591910},
		"version 2, in a group of its own": {map[string]string{"proc/self/cgroup": "0::/a/b\n", "sys/fs/cgroup/a/b/memory.max": "1000000\n", "sys/fs/cgroup/memory.max": "max"}, "", 900000},
		"version 1":                        {map[string]string{"proc/self/cgroup": "4:memory:/x\n", "sys/fs/cgroup/memory/memory.limit_in_bytes": "1000000"}, "", 900000},
		"no limit in version 2":            {map[string]string{"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/memory.max": "max\n"}, "", math.MaxInt64},
		"no limit in version 1":            {map[string]string{"sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712"}, "", math.MaxInt64},
		"no control groups":                {nil, "", math.MaxInt64},
		"GOMEMLIMIT decides":               {map[string]string{"sys/fs/cgroup/memory.max": "1000000"}, "5MiB", 5 << 20},
	} {
		t.Run(name, func(t *testing.T) {
			root := t.TempDir()
			for file, text := range tc.files {
				file = filepath.Join(root, file)
				if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			before := debug.SetMemoryLimit(math.MaxInt64)
			defer debug.SetMemoryLimit(before)
			t.Setenv("GOMEMLIMIT", tc.env)
			if tc.env != "" {
				debug.SetMemoryLimit(tc.want) // as Go does when it starts
			}
			streams := limitMemory(root)
			if got := debug.SetMemoryLimit(-1); got != tc.want {
				t.Errorf("limited to %d, want %d", got, tc.want)
			}
			if want := tc.want / 4; tc.want == math.MaxInt64 && streams != 0 || tc.want != math.MaxInt64 && streams != want {
				t.Errorf("%d for streams", streams)
			}
		})
	}
}

func TestGarbageIsCollectedSeldomUnlessGOGCSaysOtherwise(t *testing.T) {
	for env, want := range map[string]int{"": growth, "50": 50} {
		before := debug.SetGCPercent(50) // as Go does when it starts with 50
		t.Setenv("GOGC", env)
		limitMemory(t.TempDir())
		if got := debug.SetGCPercent(before); got != want {
			t.Errorf("GOGC=%q: %d %%, want %d", env, got, want)
		}
	}
}
