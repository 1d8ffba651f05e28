package dapr

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestAnInstalledDaprIsUsedIfItIsRecentAndComplete(t *testing.T) {
	running := listening(PlacementPort) && listening(SchedulerPort)
	for name, c := range map[string]struct {
		parts []string
		daprd string
		used  bool
		says  string
	}{
		"nothing installed": {nil, "", false, ""},
		"slim":              {[]string{"placement", "scheduler"}, "1.16.14", true, "Using the Dapr 1.16.14"},
		"newer":             {[]string{"placement", "scheduler"}, "2.0.1", true, "Using the Dapr 2.0.1"},
		"too old":           {[]string{"placement", "scheduler"}, "1.15.9", false, "too old"},
		"not patched":       {[]string{"placement", "scheduler"}, "1.17.4", false, "too old"},
		"not to be run":     {[]string{"placement", "scheduler"}, "", false, ""},
		"no scheduler":      {[]string{"placement"}, "1.18.2", running, ""},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			bin := filepath.Join(dir, ".dapr", "bin")
			if err := os.MkdirAll(bin, 0o755); err != nil {
				t.Fatal(err)
			}
			if c.daprd != "" {
				program(t, filepath.Join(bin, "daprd"), c.daprd)
			}
			for _, part := range c.parts {
				program(t, filepath.Join(bin, part), "")
			}
			t.Setenv("DAPR_RUNTIME_PATH", dir)
			var said strings.Builder
			b, used := installed(t.Context(), &said)
			if used != c.used || !strings.Contains(said.String(), c.says) {
				t.Errorf("used: %v, want %v; it said %q", used, c.used, said.String())
			}
			if used && (b.RuntimePath != dir || b.Version != c.daprd || b.Daprd != filepath.Join(bin, "daprd")) {
				t.Errorf("got %+v", b)
			}
		})
	}
}

func TestTheVersionsThatDaprsProgramsSay(t *testing.T) {
	for said, want := range map[string]string{
		"1.18.2": "1.18.2",
		"CLI version: 1.16.5 \nRuntime version: 1.18.2": "1.16.5",
	} {
		path := filepath.Join(t.TempDir(), "program")
		program(t, path, said)
		if got, err := versionOf(t.Context(), path); err != nil || got != want {
			t.Errorf("%q is version %q, %v; want %q", said, got, err, want)
		}
	}
}

func TestWhetherSomebodyListens(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := l.Addr().(*net.TCPAddr).Port
	if !listening(port) {
		t.Error("nobody listens, though somebody does")
	}
	_ = l.Close()
	if listening(port) {
		t.Error("somebody listens, though nobody does")
	}
}

// program writes a script that says its version.
func program(t *testing.T, path, version string) {
	t.Helper()
	script := "#!/bin/sh\ncat <<'END'\n" + version + "\nEND\n"
	if err := os.WriteFile(path, []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
}
