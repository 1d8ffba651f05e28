package live_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/plenary/plenary/apps/query/live"
	"github.com/plenary/plenary/apps/query/view"
)

func TestAListenerHearsOfEveryChangeOnce(t *testing.T) {
	hub := live.NewHub()
	l := hub.Listen()
	hub.Changed("a", "b")
	hub.Changed("b", "c")
	receive(t, l.Heard)
	if h := l.Take(); h.All || !slices.Equal(h.Keys, []string{"a", "b", "c"}) {
		t.Errorf("%v", h)
	}
	hub.Changed("a")
	receive(t, l.Heard)
	if h := l.Take(); !slices.Equal(h.Keys, []string{"a"}) {
		t.Errorf("%v", h)
	}
	hub.ChangedAll()
	if h := l.Take(); !h.All {
		t.Error("not told that all may have changed")
	}
	l.Leave()
	hub.Changed("a")
	if h := l.Take(); h.All || h.Keys != nil {
		t.Errorf("heard after leaving: %v", h)
	}
}

// What a listener does not take is bounded.
func TestAListenerThatIsTooSlowIsToldSo(t *testing.T) {
	hub := live.NewHub()
	l := hub.Listen()
	defer l.Leave()
	for i := range 20_000 {
		hub.Changed(fmt.Sprint(i))
	}
	if h := l.Take(); !h.All || len(h.Keys) > 0 {
		t.Errorf("%d keys, all %v", len(h.Keys), h.All)
	}
	hub.Changed("a")
	if h := l.Take(); h.All || len(h.Keys) != 1 {
		t.Errorf("afterwards %v", h)
	}
}

// An outcome stands for what has been told of a command. When there is more of it, it has
// to be read.
func TestAListenerHearsOutcomesUntilThereIsMoreOfThem(t *testing.T) {
	hub := live.NewHub()
	l := hub.Listen()
	defer l.Leave()
	outcome := map[string]view.Outcome{"a": {CommandID: "1", Status: view.OutcomeAccepted}}
	hub.Decided([]string{"a", "b"}, outcome)
	if h := l.Take(); len(h.Keys) != 2 || len(h.Outcomes) != 1 || h.Outcomes["a"].CommandID != "1" {
		t.Errorf("%v", h)
	}
	hub.Decided([]string{"a"}, outcome)
	hub.Changed("a")
	if h := l.Take(); len(h.Keys) != 1 || len(h.Outcomes) != 0 {
		t.Errorf("%v", h)
	}
}

func TestKeysAreNamedByTheirKind(t *testing.T) {
	orders, conferences, commands := live.Named("main", []string{
		live.OrderKey("main", "1"), live.ConferenceKey("main", "2"), live.CommandKey("main", "3"), live.DashboardKey("main", "4"), live.OrderKey("other", "5"),
	})
	if !slices.Equal(orders, []string{"1"}) || !slices.Equal(conferences, []string{"2"}) || !slices.Equal(commands, []string{"3"}) {
		t.Errorf("%v %v %v", orders, conferences, commands)
	}
}
