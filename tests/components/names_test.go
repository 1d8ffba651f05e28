package main

import (
	"bufio"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"go.yaml.in/yaml/v3"
	"golang.org/x/sync/errgroup"
	_ "modernc.org/sqlite"

	"github.com/plenary/plenary/tools/local/runfile"
)

// registers is set in the processes that stand for sidecars, to the database.
const registers = "PLENARY_TEST_REGISTERS"

// A sidecar whose name resolution fails to start says so in its log, goes on, and
// reaches nobody. So they must be able to start all at once, on a file that is not there.
func TestSidecarsRegisterAtOnce(t *testing.T) {
	if name := os.Getenv(registers); name != "" {
		fmt.Println("here")
		_, _ = io.ReadAll(os.Stdin) // until all are there
		if err := register(t.Context(), name); err != nil {
			t.Fatal(err)
		}
		return
	}
	root, err := runfile.Root()
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(filepath.Join(root, "components", "config.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var config struct {
		Spec struct {
			NameResolution struct {
				Configuration struct {
					ConnectionString string `yaml:"connectionString"`
					DisableWAL       string `yaml:"disableWAL"`
					BusyTimeout      string `yaml:"busyTimeout"`
				}
			} `yaml:"nameResolution"`
		}
	}
	if err := yaml.Unmarshal(data, &config); err != nil {
		t.Fatal(err)
	}
	c := config.Spec.NameResolution.Configuration
	_, options, _ := strings.Cut(c.ConnectionString, "?")
	pragmas, err := url.ParseQuery(options)
	if err != nil || c.BusyTimeout != "4s" {
		t.Fatalf("connectionString %q, busyTimeout %q, %v", c.ConnectionString, c.BusyTimeout, err)
	}
	// As Dapr's component makes them of the configuration.
	journal := "journal_mode(WAL)"
	if c.DisableWAL == "true" {
		journal = "journal_mode(DELETE)"
	}
	pragmas["_pragma"] = append(pragmas["_pragma"], "busy_timeout(4000)", journal)
	pragmas.Set("_txlock", "immediate")

	const rounds, sidecars = 25, 16
	for range rounds {
		name := registers + "=file:" + filepath.Join(t.TempDir(), "sidecars.db") + "?" + pragmas.Encode()
		start, begin, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		var g errgroup.Group
		var there sync.WaitGroup
		for range sidecars {
			there.Add(1)
			g.Go(func() error {
				cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestSidecarsRegisterAtOnce$")
				cmd.Env, cmd.Stdin = append(os.Environ(), name), start
				out, err := cmd.StdoutPipe()
				if err == nil {
					err = cmd.Start()
				}
				if err != nil {
					there.Done()
					return err
				}
				lines := bufio.NewReader(out)
				_, err = lines.ReadString('\n')
				there.Done()
				said, _ := io.ReadAll(lines)
				if err = errors.Join(err, cmd.Wait()); err != nil {
					return fmt.Errorf("%w: %s", err, said)
				}
				return nil
			})
		}
		there.Wait()
		_ = begin.Close() // all see it at once
		err = g.Wait()
		_ = start.Close()
		if err != nil {
			t.Fatal(err)
		}
	}
}

// register does as Dapr's component does when it starts.
func register(ctx context.Context, name string) error {
	db, err := sql.Open("sqlite", name)
	if err != nil {
		return err
	}
	defer db.Close()
	conn, err := db.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	for _, statement := range []string{
		"BEGIN EXCLUSIVE TRANSACTION",
		"CREATE TABLE IF NOT EXISTS hosts (registration_id TEXT NOT NULL PRIMARY KEY)",
		"COMMIT TRANSACTION",
		"REPLACE INTO hosts (registration_id) VALUES (hex(randomblob(16)))",
	} {
		if _, err := conn.ExecContext(ctx, statement); err != nil {
			return err
		}
	}
	return nil
}
