package dapr

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/plenary/plenary/tools/local/runfile"
)

func TestTheSmallBuildKeepsTheFilesThatRegisterItsTypes(t *testing.T) {
	folder := t.TempDir()
	for name, source := range map[string]string{
		"state_redis.go":              `register("redis")`,
		"state_postgres.go":           `register("postgres"); register("postgresql")`,
		"pubsub_redis.go":             `register("redis")`,
		"secretstores_local_file.go":  `register("local.file")`,
		"nameresolution_nothing.go":   `register("nothing")`,
		"zz_nothing_is_registered.go": `package components`,
	} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(source), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := prune(folder, []string{"state.postgresql", "pubsub.redis", "secretstores.local.file"}); err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	var left []string
	for _, e := range entries {
		left = append(left, e.Name())
	}
	if want := []string{"pubsub_redis.go", "secretstores_local_file.go", "state_postgres.go"}; !slices.Equal(left, want) {
		t.Errorf("left: %v, want %v", left, want)
	}
	if err := prune(folder, []string{"state.nothing"}); err == nil || !strings.Contains(err.Error(), "state.nothing") {
		t.Errorf("got %v, want state.nothing named", err)
	}
}

func TestTheSmallBuildHasWhatTheComponentSetsUse(t *testing.T) {
	root, err := runfile.Root()
	if err != nil {
		t.Fatal(err)
	}
	if beyond, err := unusual(root); err != nil || len(beyond) > 0 {
		t.Errorf("not in the small build: %v, %v", beyond, err)
	}
}

func TestATypeOfAUsersOwnAsksForTheFullBuild(t *testing.T) {
	root := t.TempDir()
	if err := os.MkdirAll(filepath.Join(root, "components", "mine"), 0o755); err != nil {
		t.Fatal(err)
	}
	const file = "kind: Component\nspec:\n  type: state.mongodb\n  version: v1\n"
	if err := os.WriteFile(filepath.Join(root, "components", "mine", "state.yaml"), []byte(file), 0o644); err != nil {
		t.Fatal(err)
	}
	if beyond, err := unusual(root); err != nil || !slices.Equal(beyond, []string{"state.mongodb"}) {
		t.Errorf("got %v, %v", beyond, err)
	}
}
