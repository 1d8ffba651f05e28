package main

import (
	"strings"
	"testing"

	"github.com/plenary/plenary/tools/local/components"
	"github.com/plenary/plenary/tools/local/runfile"
)

// People who open the pages are asked for a credential, and find it where they started.
func TestTheWelcomeSaysHowToSignIn(t *testing.T) {
	root, err := runfile.Root()
	if err != nil {
		t.Fatal(err)
	}
	set, err := components.Read(root, components.Local)
	if err != nil {
		t.Fatal(err)
	}
	var said strings.Builder
	(&system{root: root, out: &said, set: set}).welcome()
	for _, name := range []string{"organiser-token", "operator-token"} {
		if set.Secrets[name] == "" || !strings.Contains(said.String(), set.Secrets[name]) {
			t.Errorf("the welcome does not have the %s:\n%s", name, said.String())
		}
	}
}

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
