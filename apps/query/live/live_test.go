package live_test

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/plenary/plenary/apps/query/live"
)

// patience is how long a test waits for what must happen.
const patience = 10 * time.Second

func receive[T any](t *testing.T, from <-chan T) (v T) {
	t.Helper()
	select {
	case v = <-from:
	case <-time.After(patience):
		t.Fatal("nothing came")
	}
	return v
}

func TestOneWordStandsForManyChanges(t *testing.T) {
	hub := live.NewHub()
	w, other := hub.Wait("a"), hub.Wait("b")
	for range 100 {
		hub.Changed("a", "c") // never blocks
	}
	receive(t, w.Changed)
	select {
	case <-w.Changed:
		t.Error("told more than once")
	case <-other.Changed:
		t.Error("told of another key")
	default:
	}
	hub.Changed("a")
	receive(t, w.Changed)
	w.Leave()
	hub.Changed("a")
	select {
	case <-w.Changed:
		t.Error("told after leaving")
	default:
	}
}

// number is a view that is a number.
type number struct {
	atomic.Int64
	reads atomic.Int64
}

func (n *number) read(context.Context) (live.Update, error) {
	n.reads.Add(1)
	if n.Load() == 0 {
		return live.Update{}, errors.New("not there yet")
	}
	return live.Update{ID: strconv.FormatInt(n.Load(), 10)}, nil
}

func revision(u live.Update) int64 {
	n, err := strconv.ParseInt(u.ID, 10, 64)
	if err != nil {
		panic(err)
	}
	return n
}

func TestViewersSeeTheViewAndItsChanges(t *testing.T) {
	hub := live.NewHub()
	feeds := &live.Feeds{Hub: hub}
	var n number
	n.Store(1)
	a, b := feeds.Look("n", "", n.read), feeds.Look("n", "", n.read)
	defer a.Leave()
	defer b.Leave()
	for want := int64(1); want < 5; want++ {
		for _, v := range []*live.Viewer{a, b} {
			if u := receive(t, v.Updates); revision(u) != want {
				t.Fatalf("revision %d, want %d", revision(u), want)
			}
		}
		n.Add(1)
		hub.Changed("n")
	}
	late := feeds.Look("n", "", n.read)
	defer late.Leave()
	if u := receive(t, late.Updates); revision(u) < 4 {
		t.Errorf("one who comes late sees revision %d", revision(u))
	}
}

func TestViewThatAppearsIsSeen(t *testing.T) {
	hub := live.NewHub()
	feeds := &live.Feeds{Hub: hub}
	var n number
	looked := make(chan struct{}, 2)
	v := feeds.Look("n", "", func(ctx context.Context) (live.Update, error) {
		defer func() { looked <- struct{}{} }()
		return n.read(ctx)
	})
	defer v.Leave()
	receive(t, looked) // in vain
	n.Store(7)
	hub.Changed("n")
	if u := receive(t, v.Updates); revision(u) != 7 {
		t.Errorf("revision %d", revision(u))
	}
}

// A viewer that does not receive for a while misses what was between, never the
// last, and holds up nobody.
func TestSlowViewerSeesTheLast(t *testing.T) {
	hub := live.NewHub()
	feeds := &live.Feeds{Hub: hub}
	var n number
	n.Store(1)
	slow, quick := feeds.Look("n", "", n.read), feeds.Look("n", "", n.read)
	defer slow.Leave()
	defer quick.Leave()
	const last = 200
	for revision(receive(t, quick.Updates)) < last {
		n.Add(1)
		hub.Changed("n")
	}
	if u := receive(t, slow.Updates); revision(u) < last {
		t.Errorf("revision %d, want the last", revision(u))
	}
}

func TestManyViewersAreOneReader(t *testing.T) {
	hub := live.NewHub()
	feeds := &live.Feeds{Hub: hub}
	var n number
	n.Store(1)
	var all sync.WaitGroup
	for range 100 {
		v := feeds.Look("n", "", n.read)
		all.Go(func() {
			defer v.Leave()
			for u := range v.Updates {
				if revision(u) == 2 {
					return
				}
			}
		})
	}
	n.Store(2)
	hub.Changed("n")
	all.Wait()
	if reads := n.reads.Load(); reads > 2 {
		t.Errorf("read %d times for 2 revisions", reads)
	}
}
