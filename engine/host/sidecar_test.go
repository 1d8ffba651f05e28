package host

import (
	"context"
	"errors"
	"testing"

	"github.com/plenary/plenary/engine/state"
	"github.com/plenary/plenary/engine/state/daprstate"
)

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
