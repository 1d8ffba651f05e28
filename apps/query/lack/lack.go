// Package lack has the owners of streams send events again that were lost, where they
// do not do so by themselves, since what they keep of it was lost with them (ADR 28): of
// a stream that has had a gap for a while, what follows the gap's beginning; of an order
// of which nothing was heard past its deadline, what follows the last that was.
package lack

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"time"

	"github.com/plenary/plenary/apps/query/store"
	"github.com/plenary/plenary/engine/every"
	"github.com/plenary/plenary/engine/message"
	"github.com/plenary/plenary/engine/repeat"
)

const (
	// DefaultEvery is how often one looks. A gap is asked for that was there the last
	// time.
	DefaultEvery = 30 * time.Second
	// silence is how long past its deadline an order may be before it is asked for: more
	// than the grace of one that is being paid, and the time in which owners by
	// themselves send again what was lost.
	silence = 10 * time.Minute
	// longest is the longest pause after which the same is asked for once more; it
	// doubles.
	longest = time.Hour
)

// Seeker looks for what is lacking.
type Seeker struct {
	Store *store.Late
	// URL is where an app's routes are.
	URL    func(app string) string
	Client *http.Client
	Now    func() time.Time
	Every  time.Duration

	seen map[store.Lack]*asked
}

// asked is what was found lacking before: when it is asked for, and the pause after that.
type asked struct {
	next  time.Time
	pause time.Duration
	still bool
}

// Run looks until ctx ends.
func (s *Seeker) Run(ctx context.Context) error {
	every.Do(ctx, s.Every, s.Every, func(ctx context.Context) {
		if err := s.Once(ctx); err != nil && ctx.Err() == nil {
			slog.WarnContext(ctx, "not all that is lacking could be asked for", "error", err)
		}
	})
	return nil
}

// Once looks once, and asks for at most repeat.MostLacks streams of each kind.
func (s *Seeker) Once(ctx context.Context) error {
	db, err := s.Store.Get(ctx)
	if err != nil {
		return err
	}
	now := s.Now()
	gaps, err := db.Gaps(ctx, repeat.MostLacks)
	if err != nil {
		return err
	}
	silent, err := db.Silent(ctx, message.DefaultTenant, now.Add(-silence), repeat.MostLacks)
	if err != nil {
		return err
	}
	byOwner := map[string][]repeat.Lack{}
	for _, lack := range s.due(now, gaps, silent) {
		byOwner[lack.Owner] = append(byOwner[lack.Owner], repeat.Lack{Tenant: lack.Tenant, Stream: lack.Stream, After: lack.After})
	}
	var failed []error
	for owner, streams := range byOwner {
		for len(streams) > 0 {
			n := min(len(streams), repeat.MostLacks)
			failed = append(failed, s.ask(ctx, owner, repeat.Lacks{Streams: streams[:n]}))
			streams = streams[n:]
		}
	}
	return errors.Join(failed...)
}

// due are those that are asked for now.
func (s *Seeker) due(now time.Time, gaps, silent []store.Lack) (due []store.Lack) {
	if s.seen == nil {
		s.seen = map[store.Lack]*asked{}
	}
	for _, a := range s.seen {
		a.still = false
	}
	look := func(all []store.Lack, atOnce bool) {
		for _, lack := range all {
			a := s.seen[lack]
			if a == nil {
				a = &asked{next: now, pause: s.Every}
				if s.seen[lack] = a; !atOnce {
					a.next = now.Add(s.Every / 2) // it may close by itself
				}
			}
			if a.still = true; !now.Before(a.next) {
				due = append(due, lack)
				a.next, a.pause = now.Add(a.pause), min(2*a.pause, longest)
			}
		}
	}
	look(gaps, false)
	look(silent, true)
	for lack, a := range s.seen {
		if !a.still {
			delete(s.seen, lack)
		}
	}
	return due
}

func (s *Seeker) ask(ctx context.Context, owner string, lacks repeat.Lacks) error {
	body, err := json.Marshal(lacks)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.URL(owner)+repeat.AgainRoute, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	res, err := s.Client.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = res.Body.Close() }()
	_, _ = io.Copy(io.Discard, io.LimitReader(res.Body, 64<<10)) // so that the connection can be used again
	if res.StatusCode != http.StatusNoContent {
		return fmt.Errorf("%s was asked for events and answers %s", owner, res.Status)
	}
	return nil
}
