package cluster_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/plenary/plenary/tests/kubernetes/cluster"
)

// programs are a kubectl and a helm to which everything is well.
func programs(t *testing.T) {
	t.Helper()
	folder := t.TempDir()
	for _, name := range []string{"kubectl", "helm"} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte("#!/bin/sh\n"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", folder+":"+os.Getenv("PATH"))
}

func TestAClusterIsTakenByWhatTheEnvironmentSays(t *testing.T) {
	programs(t)
	for name, c := range map[string]struct {
		env    map[string]string
		loads  bool
		asItIs bool
		fails  string // what its error names
	}{
		"none":                                {nil, false, false, "there is no cluster"},
		"one that is given images":            {map[string]string{"KUBECONFIG": "some", "PLENARY_IMAGE_LOAD": "load {}"}, true, false, ""},
		"one that cannot be given any":        {map[string]string{"KUBECONFIG": "some"}, true, false, "PLENARY_IMAGE_LOAD"},
		"one that pulls them":                 {map[string]string{"KUBECONFIG": "some"}, false, false, ""},
		"one with what an earlier run left":   {map[string]string{"KUBECONFIG": "some"}, false, true, ""},
		"scripts that are not where they say": {map[string]string{"PLENARY_CLUSTER": "nowhere"}, true, false, "env.sh"},
	} {
		t.Run(name, func(t *testing.T) {
			for _, variable := range []string{"KUBECONFIG", "PLENARY_IMAGE_LOAD", "PLENARY_CLUSTER"} {
				t.Setenv(variable, c.env[variable])
			}
			_, err := cluster.Open(t.Context(), cluster.Options{Namespace: "some", Loads: c.loads, AsItIs: c.asItIs, Out: t.Output()})
			if c.fails == "" && err != nil || c.fails != "" && (err == nil || !strings.Contains(err.Error(), c.fails)) {
				t.Errorf("got %v, want an error that names %q", err, c.fails)
			}
		})
	}
}

func TestAScriptEndsWithWhatItBegan(t *testing.T) {
	c := &cluster.Cluster{}
	folder := t.TempDir()
	for name, s := range map[string]struct {
		commands, want string
		fails          bool
	}{
		"in its folder":                 {"pwd", folder + "\n", false},
		"with its variables":            {"echo $some", "thing\n", false},
		"up to the first that fails":    {"echo one\nfalse\necho two", "one\n", true},
		"with what is left running":     {"tail -f /dev/null & echo begun", "begun\n", false},
		"with what it says of problems": {"echo no >&2", "no\n", false},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := c.Script(t.Context(), folder, s.commands, "some=thing")
			if got != s.want || (err != nil) != s.fails {
				t.Errorf("got %q and %v, want %q and an error: %v", got, err, s.want, s.fails)
			}
		})
	}
}
