package main

import (
	"strings"
	"testing"

	"github.com/plenary/plenary/tools/local/components"
	"github.com/plenary/plenary/tools/local/runfile"
)

func TestTheWelcomeSaysThatPayersPayThemselves(t *testing.T) {
	root, err := runfile.Root()
	if err != nil {
		t.Fatal(err)
	}
	const warning = "payers accept their own"
	for _, name := range []string{"local", "redis", "rabbitmq-postgres", "kafka-postgres"} {
		set, err := components.Read(root, name)
		if err != nil {
			t.Fatal(err)
		}
		var said strings.Builder
		s := &system{root: root, out: &said, set: set}
		if s.welcome(); !strings.Contains(said.String(), warning) {
			t.Errorf("%s has the demo provider and does not say so:\n%s", name, said.String())
		}
		for i := range s.set.File.Apps {
			delete(s.set.File.Apps[i].Env, "PLENARY_PAYMENTS")
		}
		said.Reset()
		if s.welcome(); strings.Contains(said.String(), warning) {
			t.Errorf("%s has no demo provider and says that it has:\n%s", name, said.String())
		}
	}
}
