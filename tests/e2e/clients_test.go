package e2e

import (
	"errors"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/plenary/plenary/engine/leftout"
	"github.com/plenary/plenary/tools/local/components"
)

// Clients that public generators make of the API's description compile and place an
// order: in Go of OpenAPI 3.0, in TypeScript of OpenAPI 3.1.
func TestGeneratedClientsPlaceAnOrder(t *testing.T) {
	if system.Set.Name != components.Local {
		t.Skip("tried with the local set: the API is the same with each")
	}
	system.Watch(t)
	for name, c := range map[string]struct {
		needs, install string
		description    string
		commands       [][]string
	}{
		"go": {
			needs: "go", description: "/openapi-3.0.json",
			commands: [][]string{
				{"mkdir", "api"},
				{"go", "tool", "oapi-codegen", "-generate", "types,client", "-package", "api", "-o", "api/api.go", "openapi.json"},
				{"go", "run", "."},
			},
		},
		"typescript": {
			needs: "npm", install: "apt-get install nodejs npm", description: "/openapi.json",
			commands: [][]string{
				{"npm", "ci", "--no-audit", "--no-fund"},
				{"npm", "run", "generate"},
				{"npm", "run", "build"},
				{"node", "order.js"},
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := exec.LookPath(c.needs); err != nil {
				leftout.Skip(t, "a generated client in "+name, c.install)
			}
			dir := t.TempDir()
			if err := os.CopyFS(dir, os.DirFS(filepath.Join("testdata", "clients", name))); err != nil {
				t.Fatal(err)
			}
			organiser := system.Organiser()
			fetch(t, organiser.URL+c.description, filepath.Join(dir, "openapi.json"))
			var said []byte
			for i, command := range c.commands {
				if i == len(c.commands)-1 {
					command = append(command, organiser.URL, organiser.Token)
				}
				cmd := exec.CommandContext(t.Context(), command[0], command[1:]...)
				cmd.Dir, cmd.Env = dir, append(os.Environ(), "GOWORK=off", "GOFLAGS=-mod=readonly")
				var err error
				if said, err = cmd.CombinedOutput(); err != nil {
					t.Fatalf("%s: %v\n%s", command[0], err, said)
				}
			}
			if !strings.Contains(string(said), "placed ") {
				t.Errorf("it said %s", said)
			}
		})
	}
}

// fetch keeps what an address gives in a file.
func fetch(t *testing.T, url, file string) {
	t.Helper()
	r, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(r.Body)
	if err = errors.Join(err, r.Body.Close()); err != nil || r.StatusCode != http.StatusOK {
		t.Fatalf("%s: %d, %v", url, r.StatusCode, err)
	}
	if err := os.WriteFile(file, b, 0o644); err != nil {
		t.Fatal(err)
	}
}
