package estest

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"testing"
)

var write = flag.Bool("write-snapshots", false, "write the fixtures of snapshots anew; only before their version is released, or with a new SnapshotSchema")

// Snapshot holds a state against the fixture that a released version wrote of
// it: today's code must read that snapshot into the same state, or raise
// SnapshotSchema, so that older snapshots are rebuilt from the events.
func Snapshot[S any](t *testing.T, file string, fresh func() S, state S) {
	t.Helper()
	if *write {
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(encode(t, state)+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	read := fresh()
	if err := json.Unmarshal(data, &read); err != nil {
		t.Fatalf("%s can no longer be read; was SnapshotSchema raised? %v", file, err)
	}
	if got, want := encode(t, read), encode(t, state); got != want {
		t.Errorf("%s is read as\n%s\nwant\n%s", file, got, want)
	}
}
