// Package backlog measures how far the handling of commands lags behind their
// acceptance, in a way that works with every broker: now and then a published
// command is kept as a sample, and the query service is asked whether its
// outcome is known yet. When the lag grows past a bound, new orders are to be
// turned away (HTTP 429), since the answer "accepted" would be worth little.
package backlog

import (
	"context"
	"sync"
	"time"
)

const (
	// SampleEvery is the least time between two samples.
	SampleEvery = 100 * time.Millisecond
	// LookEvery is the time between two looks at the samples.
	LookEvery = 500 * time.Millisecond
	// ProbeEvery is the time between two orders that are let through though the
	// lag is too long: their outcomes are what shows that it has gone.
	ProbeEvery = time.Second

	maxSamples = 512
)

// Answered says whether the outcome of a command is known.
type Answered func(ctx context.Context, commandID string) (bool, error)

// Backlog keeps the samples that are not answered yet, oldest first.
//
// Commands are handled about in the order in which they were published, so an
// answer to one sample speaks for all before it: the lag is the age of the
// oldest sample that is newer than the newest answered one. A command that is
// never answered therefore stops counting as soon as a later one is.
type Backlog struct {
	limit    time.Duration
	answered Answered

	mu      sync.Mutex
	samples []sample
	last    time.Time // of the newest sample, answered or not
	probed  time.Time
}

type sample struct {
	id string
	at time.Time
}

// New makes a Backlog that is too long when it lags more than limit.
func New(limit time.Duration, answered Answered) *Backlog {
	return &Backlog{limit: limit, answered: answered}
}

// Limit is the lag that is too long.
func (b *Backlog) Limit() time.Duration { return b.limit }

// Published takes notice of a command that the broker has.
func (b *Backlog) Published(commandID string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := time.Now()
	if now.Sub(b.last) < SampleEvery {
		return
	}
	b.last = now
	if len(b.samples) == maxSamples {
		b.thin()
	}
	b.samples = append(b.samples, sample{commandID, now})
}

// thin drops every second sample, which keeps the oldest and so the lag.
func (b *Backlog) thin() {
	kept := b.samples[:0]
	for i, s := range b.samples {
		if i%2 == 0 {
			kept = append(kept, s)
		}
	}
	b.samples = kept
}

// Lag is how far handling lags behind.
func (b *Backlog) Lag() time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.lag()
}

func (b *Backlog) lag() time.Duration {
	if len(b.samples) == 0 {
		return 0
	}
	return time.Since(b.samples[0].at)
}

// Admit says whether a new order may be placed and, if not, after how long it
// is worth trying again.
func (b *Backlog) Admit() (ok bool, retryAfter time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	lag := b.lag()
	if lag <= b.limit {
		return true, 0
	}
	if now := time.Now(); now.Sub(b.probed) >= ProbeEvery {
		b.probed, b.last = now, time.Time{} // a probe is always sampled
		return true, 0
	}
	return false, min(lag, time.Minute)
}

// Watch looks at the samples until ctx ends.
func (b *Backlog) Watch(ctx context.Context) error {
	tick := time.NewTicker(LookEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			b.look(ctx)
		}
	}
}

// look finds the newest answered sample by halving, which takes few questions
// however long the backlog is, and forgets it with all before it. While query
// does not answer nothing is forgotten: clients that wait for an outcome do not
// get it either.
func (b *Backlog) look(ctx context.Context) {
	b.mu.Lock()
	samples := append([]sample(nil), b.samples...)
	b.mu.Unlock()

	low, high := 0, len(samples) // all before low are done with
	for low < high {
		middle := (low + high) / 2
		done, err := b.answered(ctx, samples[middle].id)
		if err != nil {
			break
		}
		if done {
			low = middle + 1
		} else {
			high = middle
		}
	}
	if low == 0 {
		return
	}
	newest := samples[low-1].at
	b.mu.Lock()
	defer b.mu.Unlock()
	for len(b.samples) > 0 && !b.samples[0].at.After(newest) {
		b.samples = b.samples[1:]
	}
}
