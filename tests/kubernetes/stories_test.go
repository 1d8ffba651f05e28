package kubernetes

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func TestHelmTestPlacesOrders(t *testing.T) {
	out, err := plenary.follow(t.Context(), "install-on-kind.md", "helm test")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out, "Succeeded") {
		t.Errorf("helm test says\n%s", out)
	}
}

func TestThePortIsForwardedByHand(t *testing.T) {
	out, err := plenary.follow(t.Context(), "install-on-kind.md", "port-forward")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out, `"conferences":`) {
		t.Errorf("the commands print\n%s", out)
	}
}

// The stories that are told through the API alone are told here as well.
func TestTheEndToEndStories(t *testing.T) {
	stories := exec.CommandContext(t.Context(), "go", "test", "-count=1", "-v", "./e2e")
	stories.Dir = filepath.Join(plenary.Root, "tests")
	stories.Env = append(os.Environ(), "PLENARY_URL="+plenary.url, "PLENARY_ORGANISER_TOKEN="+plenary.token, "PLENARY_OPERATOR_TOKEN="+plenary.operatorToken)
	out, err := stories.CombinedOutput()
	told := strings.Count(string(out), "\n--- PASS: ")
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	const few = 12
	if told < few {
		t.Errorf("only %d stories were told:\n%s", told, out)
	}
	t.Logf("%d stories", told)
}
