package live

import (
	"context"
	"sync"
	"time"
)

// Update is a view as it was at one moment.
type Update struct {
	// ID is another one whenever Data is.
	ID   string
	Data []byte
}

// Feeds give all who look at the same view what one of them would read: each
// change is read once, however many look.
type Feeds struct {
	// Hub tells of changes.
	Hub *Hub
	// Pace is the least time between two readings of one view. Changes between
	// are seen together.
	Pace time.Duration
	// Refresh, if it is not 0, is when a view is read again although no change was
	// told: for views of which only some changes are told.
	Refresh time.Duration

	mu    sync.Mutex
	feeds map[string]*feed
}

type feed struct {
	viewers map[*Viewer]struct{}
	last    *Update
	failed  error // of the last reading; nil also while the first is under way
	stop    context.CancelFunc
}

// Viewer is one who looks at a view.
type Viewer struct {
	// Updates has the view as it is and, after each change, as it is then. Of
	// several updates that were not received, only the last is kept.
	Updates <-chan Update

	updates chan Update
	key     string
	feeds   *Feeds
}

// readAgain is when a view that could not be read is read again, unless it
// changes before.
const readAgain = time.Second

// readWithin bounds a read: watchers wait without limit, but a source that has gone
// silent must not block the read and its resources that long.
const readWithin = 5 * time.Second

// Look begins to look at the view under a key, in one of its variants. read reads it; an error means
// that there is no view now, and it is read again after the next change or a
// while. Leave ends it.
func (f *Feeds) Look(key, variant string, read func(context.Context) (Update, error)) *Viewer {
	updates := make(chan Update, 1)
	of := key + "\x00" + variant
	v := &Viewer{Updates: updates, updates: updates, key: of, feeds: f}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.feeds == nil {
		f.feeds = map[string]*feed{}
	}
	at := f.feeds[of]
	if at == nil {
		ctx, cancel := context.WithCancel(context.Background())
		at = &feed{viewers: map[*Viewer]struct{}{}, stop: cancel}
		f.feeds[of] = at
		waiter := f.Hub.Wait(key)
		go func() {
			defer waiter.Leave()
			f.follow(ctx, at, waiter, read)
		}()
	}
	at.viewers[v] = struct{}{}
	if at.last != nil {
		updates <- *at.last
	}
	return v
}

// Failed is why the last reading gave no view; nil when it gave one, or when
// there was none yet.
func (v *Viewer) Failed() error {
	f := v.feeds
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.feeds[v.key].failed
}

// Leave ends the looking.
func (v *Viewer) Leave() {
	f := v.feeds
	f.mu.Lock()
	defer f.mu.Unlock()
	at := f.feeds[v.key]
	delete(at.viewers, v)
	if len(at.viewers) == 0 {
		at.stop()
		delete(f.feeds, v.key)
	}
}

func (f *Feeds) follow(ctx context.Context, at *feed, waiter *Waiter, read func(context.Context) (Update, error)) {
	pace := time.NewTimer(0)
	defer pace.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-pace.C:
		}
		var again <-chan time.Time
		u, err := readOnce(ctx, read)
		f.hand(at, u, err)
		switch {
		case err != nil:
			again = time.After(readAgain)
		case f.Refresh > 0:
			again = time.After(f.Refresh)
		}
		pace.Reset(f.Pace)
		select {
		case <-ctx.Done():
			return
		case <-waiter.Changed:
		case <-again:
		}
	}
}

func readOnce(ctx context.Context, read func(context.Context) (Update, error)) (Update, error) {
	ctx, cancel := context.WithTimeout(ctx, readWithin)
	defer cancel()
	return read(ctx)
}

// hand gives what was read to all viewers, in place of an update that a viewer
// has not received.
func (f *Feeds) hand(at *feed, u Update, failed error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	at.failed = failed
	if failed != nil {
		return
	}
	if at.last != nil && u.ID == at.last.ID {
		return
	}
	at.last = &u
	for v := range at.viewers {
		select {
		case <-v.updates:
		default:
		}
		v.updates <- u
	}
}
