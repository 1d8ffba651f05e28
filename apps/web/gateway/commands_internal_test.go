package gateway

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"testing"

	"github.com/plenary/plenary/engine/message"
)

// batches is a bus.Publisher whose first call waits.
type batches struct {
	entered, release chan struct{}
	once             sync.Once
	sizes            []int
	err              error
}

func (b *batches) Publish(_ context.Context, msgs ...message.Message) error {
	b.sizes = append(b.sizes, len(msgs)) // one call at a time
	b.once.Do(func() { close(b.entered); <-b.release })
	return b.err
}

func TestCommandsOfConcurrentRequestsArePublishedTogether(t *testing.T) {
	down := errors.New("the broker is down")
	for name, err := range map[string]error{"published": nil, "not published": down} {
		t.Run(name, func(t *testing.T) {
			b := &batches{entered: make(chan struct{}), release: make(chan struct{}), err: err}
			commands := Gathered(b).(gathered)
			var wg sync.WaitGroup
			send := func(id string) {
				wg.Go(func() {
					if got := commands.Send(t.Context(), message.Message{Meta: message.Meta{ID: id}}); !errors.Is(got, err) {
						t.Errorf("%s: %v, want %v", id, got, err)
					}
				})
			}
			send("first")
			<-b.entered
			const later = 50
			for i := range later {
				send(strconv.Itoa(i))
			}
			for commands.commands.Waiting() < later {
				runtime.Gosched()
			}
			close(b.release)
			wg.Wait()
			if !slices.Equal(b.sizes, []int{1, later}) {
				t.Fatalf("published in batches of %v", b.sizes)
			}
		})
	}
}
