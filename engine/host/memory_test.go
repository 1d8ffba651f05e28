package host

import (
	"context"
	"math"
	"os"
	"path/filepath"
	"runtime/debug"
	"testing"
	"testing/synctest"
	"time"
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

func TestTheHeapGrowsByAsMuchAsIsToSpareAndAtLeastDoubles(t *testing.T) {
	for _, c := range []struct {
		inUse, limit int64
		want         int
	}{
		{12 << 20, math.MaxInt64, 800},
		{48 << 20, math.MaxInt64, 200},
		{96 << 20, math.MaxInt64, 100},
		{500 << 20, math.MaxInt64, 100},
		{12 << 20, 120 << 20, 200}, // a small pod has less to spare
		{0, 1, 100},
	} {
		if got := growth(c.inUse, c.limit); got != c.want {
			t.Errorf("%d in use of %d: %d %%, want %d", c.inUse, c.limit, got, c.want)
		}
	}
}

func TestTheHeapGrowsUnlessGOGCSaysOtherwise(t *testing.T) {
	for gogc, left := range map[string]bool{"": false, "50": true} {
		t.Setenv("GOGC", gogc)
		synctest.Test(t, func(t *testing.T) {
			before := debug.SetGCPercent(50)
			defer debug.SetGCPercent(before)
			ctx, cancel := context.WithCancel(t.Context())
			go spareMemory(ctx)
			<-time.After(time.Second) // of the bubble
			if got := debug.SetGCPercent(50); (got == 50) != left {
				t.Errorf("GOGC=%q: %d %%", gogc, got)
			}
			cancel()
		})
	}
}
