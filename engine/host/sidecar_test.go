package host

import (
	"context"
	"errors"
	"testing"

	"github.com/dapr/go-sdk/client"

	"github.com/plenary/plenary/engine/state"
	"github.com/plenary/plenary/engine/state/daprstate"
)

func TestTheStateStoreIsTheOnlyOneOrTheOneOfThatName(t *testing.T) {
	type components = []*client.MetadataRegisteredComponents
	bus := &client.MetadataRegisteredComponents{Name: "commandbus", Type: "pubsub.redis"}
	plain := &client.MetadataRegisteredComponents{Name: "statestore", Type: "state.redis"}
	own := &client.MetadataRegisteredComponents{Name: "payments-store", Type: "state.postgresql"}
	other := &client.MetadataRegisteredComponents{Name: "cache", Type: "state.in-memory"}
	for _, c := range []struct {
		name       string
		components components
		want       string
	}{
		{"the only one", components{bus, plain}, "statestore"},
		{"the only one, whatever its name", components{bus, own}, "payments-store"},
		{"of several, the one named statestore", components{own, bus, plain, other}, "statestore"},
		{"of several, none is named so", components{own, other}, ""},
		{"none at all", components{bus}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := ""
			if s := stateStore(c.components); s != nil {
				got = s.Name
			}
			if got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestCallsWaitUntilTheStateStoreIsKnown(t *testing.T) {
	l := newLateStore()
	ended, end := context.WithCancel(t.Context())
	end()
	_, got := l.Get(ended, []string{"a"})
	saved := l.Save(ended, make([]state.Write, 2))
	for i, err := range []error{got, saved[0], saved[1], l.Delete(ended, []string{"a"})} {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("call %d, given up before it is known: %v", i, err)
		}
	}
	l.set(known{component: "statestore", Store: daprstate.New(nil, "statestore", daprstate.OneByOne)})
	if k, err := l.await(t.Context()); err != nil || k.component != "statestore" {
		t.Errorf("known: %q, %v", k.component, err)
	}
}
