package gateway

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/google/uuid"
)

// health remembers how publishing went of late.
type health struct {
	mu     sync.Mutex
	err    error
	failed time.Time
}

func (h *health) published(err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.err = err
	if err != nil {
		h.failed = time.Now()
	}
}

// publishing is the error of the last command sent, if it is recent: a gateway
// that gets no more requests because it is not ready must become so again.
func (h *health) publishing() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.err != nil && time.Since(h.failed) < readyLookBack {
		return fmt.Errorf("publishing fails: %w", h.err)
	}
	return nil
}

// readyWithin bounds what readiness asks of query.
const readyWithin = 2 * time.Second

// Ready says whether the gateway can do its work: commands are published and
// query answers.
func (g *Gateway) Ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, readyWithin)
	defer cancel()
	if err := g.health.publishing(); err != nil {
		return err
	}
	if _, err := g.outcome(ctx, uuid.New()); err != nil {
		return fmt.Errorf("query does not answer: %w", err)
	}
	return nil
}
