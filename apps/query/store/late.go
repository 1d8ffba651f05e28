package store

import (
	"context"
	"errors"
)

// Late is a Store that is opened after the app has begun to listen: its
// connection string is a secret, which comes from the sidecar.
type Late struct {
	opened chan struct{}
	store  *Store
}

// NewLate makes a Late.
func NewLate() *Late { return &Late{opened: make(chan struct{})} }

// ErrNotOpen: the database is not open yet.
var ErrNotOpen = errors.New("store: the database is not open yet")

// Set gives the store, once.
func (l *Late) Set(s *Store) {
	l.store = s
	close(l.opened)
}

// Get is the store. Error: ErrNotOpen, when ctx ends before it is there.
func (l *Late) Get(ctx context.Context) (*Store, error) {
	select {
	case <-l.opened:
		return l.store, nil
	default:
	}
	select {
	case <-l.opened:
		return l.store, nil
	case <-ctx.Done():
		return nil, errors.Join(ErrNotOpen, ctx.Err())
	}
}

// Ready says whether the store is open and can be used.
func (l *Late) Ready(ctx context.Context) error {
	select {
	case <-l.opened:
		return l.store.Ready(ctx)
	default:
		return ErrNotOpen
	}
}

// Close closes the store, if it was opened.
func (l *Late) Close() error {
	select {
	case <-l.opened:
		return l.store.Close()
	default:
		return nil
	}
}
