package e2e

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/plenary/plenary/engine/leftout"
	"github.com/plenary/plenary/tools/local/runfile"
)

// What docs/api.md has people type works, and does what it says.
func TestTheCommandsOfTheAPIsPage(t *testing.T) {
	if _, err := exec.LookPath("curl"); err != nil {
		leftout.Skip(t, "the commands of docs/api.md", "apt-get install curl")
	}
	system.Watch(t)
	root, err := runfile.Root()
	if err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile(filepath.Join(root, "docs", "api.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, script, _ := strings.Cut(string(page), "\n```sh\n")
	script, _, found := strings.Cut(script, "\n```\n")
	if !found {
		t.Fatal("docs/api.md has no commands to try")
	}

	script = strings.ReplaceAll(script, "organiser-for-local-trial-only", system.Organiser().Token)

	ctx, cancel := context.WithTimeout(t.Context(), within)
	defer cancel()
	cmd := exec.CommandContext(ctx, "sh", "-e")
	cmd.Dir = t.TempDir()
	cmd.Stdin = strings.NewReader(script)
	cmd.Env = append(os.Environ(), "web="+system.API().URL)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	rest := string(out)
	for _, step := range []string{
		"ConferenceCreated.v1", "SeatTypeAdded.v1", "ConferencePublished.v1",
		"OrderPlaced.v1", "OrderRegistrantAssigned.v1", `"status":"reserved"`, "PaymentInitiated.v1",
		`"status":"confirmed"`, "SeatAssigned.v1", `"entries":[`, `"type":"SeatAssigned.v1"`, `"code":"items-required"`,
	} {
		_, after, found := strings.Cut(rest, step)
		if !found {
			t.Fatalf("%s is missing, or out of turn, in\n%s", step, out)
		}
		rest = after
	}
}
