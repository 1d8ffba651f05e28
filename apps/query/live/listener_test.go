package live_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/plenary/plenary/apps/query/live"
)

func TestAListenerHearsOfEveryChangeOnce(t *testing.T) {
	hub := live.NewHub()
	l := hub.Listen()
	hub.Changed("a", "b")
	hub.Changed("b", "c")
	receive(t, l.Heard)
	if keys, all := l.Take(); all || !slices.Equal(keys, []string{"a", "b", "c"}) {
		t.Errorf("%v, %v", keys, all)
	}
	hub.Changed("a")
	receive(t, l.Heard)
	if keys, _ := l.Take(); !slices.Equal(keys, []string{"a"}) {
		t.Errorf("%v", keys)
	}
	hub.ChangedAll()
	if _, all := l.Take(); !all {
		t.Error("not told that all may have changed")
	}
	l.Leave()
	hub.Changed("a")
	if keys, all := l.Take(); all || keys != nil {
		t.Errorf("heard after leaving: %v", keys)
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
	if keys, all := l.Take(); !all || len(keys) > 0 {
		t.Errorf("%d keys, all %v", len(keys), all)
	}
	hub.Changed("a")
	if keys, all := l.Take(); all || len(keys) != 1 {
		t.Errorf("afterwards %v, all %v", keys, all)
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
