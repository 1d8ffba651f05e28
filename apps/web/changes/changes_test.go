package changes_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"

	"github.com/plenary/plenary/apps/query/live"
	"github.com/plenary/plenary/apps/query/view"
	"github.com/plenary/plenary/apps/web/changes"
	"github.com/plenary/plenary/engine/message"
)

// query is one that tells what a test has it tell.
type query struct {
	mu      sync.Mutex
	down    bool
	opened  int
	current *io.PipeWriter
}

func (q *query) Stream(context.Context, string) (io.ReadCloser, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.opened++
	if q.down {
		return nil, errors.New("down")
	}
	out, in := io.Pipe()
	q.current = in
	go q.tell(view.Changes{Missed: true})
	return out, nil
}

func (q *query) tell(c view.Changes) {
	data, err := json.Marshal(c)
	if err != nil {
		panic(err)
	}
	q.mu.Lock()
	current := q.current
	q.mu.Unlock()
	_, _ = fmt.Fprintf(current, ": a comment\n\nevent: changes\ndata: %s\n\n", data)
}

// goDown breaks the connection, and refuses further ones.
func (q *query) goDown() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.down = true
	_ = q.current.Close()
}

func (q *query) comeBack() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.down = false
}

// timesOpened is how often a connection was asked for.
func (q *query) timesOpened() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.opened
}

func with(t *testing.T, do func(q *query, c *changes.Changes)) {
	synctest.Test(t, func(t *testing.T) {
		q := &query{}
		c := changes.New(q)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() { defer close(ended); c.Run(ctx) }()
		do(q, c)
		cancel()
		<-ended
	})
}

func TestAnOutcomeReachesAllWhoWaitForIt(t *testing.T) {
	with(t, func(q *query, c *changes.Changes) {
		synctest.Wait()
		id, other := uuid.New(), uuid.New()
		a, b, elsewhere := c.Wait(id), c.Wait(id), c.Wait(other)
		q.tell(view.Changes{Outcomes: []view.Outcome{{CommandID: id.String(), Status: view.OutcomeAccepted}}})
		for _, w := range []*changes.Waiter{a, b} {
			if o := <-w.Outcome; o.CommandID != id.String() {
				t.Errorf("got %+v", o)
			}
			w.Leave()
		}
		synctest.Wait()
		select {
		case o := <-elsewhere.Outcome:
			t.Errorf("got %+v, which is another's", o)
		case <-elsewhere.Ask:
			t.Error("told to ask while everything is heard")
		default:
		}
		if !c.Came(id.String()) || c.Came(other.String()) {
			t.Error("what came is not what is remembered")
		}
	})
}

func TestWhoWaitsWhileNothingIsHeardIsToldToAsk(t *testing.T) {
	with(t, func(q *query, c *changes.Changes) {
		synctest.Wait()
		w := c.Wait(uuid.New())
		q.goDown()
		<-w.Ask
		synctest.Wait()
		if c.Connected() {
			t.Error("said to be connected")
		}
		late := c.Wait(uuid.New())
		<-late.Ask
		q.comeBack()
		<-w.Ask // what was missed while nothing was heard
		if !c.Connected() {
			t.Error("said not to be connected")
		}
	})
}

func TestChangesReachThoseWhoWatch(t *testing.T) {
	with(t, func(q *query, c *changes.Changes) {
		synctest.Wait()
		order, conference := c.Hub().Wait(live.OrderKey(message.DefaultTenant, "1")), c.Hub().Wait(live.ConferenceKey(message.DefaultTenant, "2"))
		q.tell(view.Changes{Orders: []string{"1"}})
		<-order.Changed
		q.tell(view.Changes{Conferences: []string{"2"}})
		<-conference.Changed
		q.tell(view.Changes{Missed: true})
		<-order.Changed
		<-conference.Changed
	})
}

// A connection that died unnoticed is made again.
func TestAConnectionThatIsSilentIsMadeAgain(t *testing.T) {
	with(t, func(q *query, c *changes.Changes) {
		synctest.Wait()
		<-time.After(40 * time.Second)
		if q.timesOpened() != 1 {
			t.Errorf("opened %d times", q.timesOpened())
		}
		q.tell(view.Changes{}) // a sign of life
		<-time.After(40 * time.Second)
		if q.timesOpened() != 1 {
			t.Errorf("opened %d times", q.timesOpened())
		}
		<-time.After(10 * time.Second)
		if q.timesOpened() != 2 || !c.Connected() {
			t.Errorf("opened %d times, connected %v", q.timesOpened(), c.Connected())
		}
	})
}

// While query is away it is not asked again and again without pause.
func TestAQueryThatIsAwayIsAskedWithPauses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := &query{down: true}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		changes.New(q).Run(ctx)
		if q.timesOpened() > 70 {
			t.Errorf("asked %d times in a minute", q.timesOpened())
		}
	})
}
