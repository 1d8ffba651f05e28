package host

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/dapr/go-sdk/client"

	"github.com/plenary/plenary/engine/state"
	"github.com/plenary/plenary/engine/state/daprstate"
)

// awaitSidecar waits until the sidecar's components are there, and learns from
// its metadata which of them is the app's state store and how that is written
// best. It gives an error only when ctx has ended.
func (h *Host) awaitSidecar(ctx context.Context) error {
	const pause = 100 * time.Millisecond
	for {
		err := h.meetSidecar(ctx)
		if err == nil {
			return nil
		}
		slog.DebugContext(ctx, "no sidecar yet", "error", err)
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pause):
		}
	}
}

func (h *Host) meetSidecar(ctx context.Context) error {
	if err := h.outbound(ctx); err != nil {
		return err
	}
	meta, err := h.dapr.GetMetadata(ctx)
	if err != nil {
		return fmt.Errorf("sidecar's metadata: %w", err)
	}
	if c := stateStore(meta.RegisteredComponents); c != nil {
		h.store.set(known{component: c.Name, Store: daprstate.New(h.dapr, c.Name, daprstate.StrategyFor(c.Type))})
	}
	return nil
}

// stateStore picks the app's state store from the components that its sidecar
// has: the only one, or the one named StateStore; nil if there is none.
func stateStore(components []*client.MetadataRegisteredComponents) *client.MetadataRegisteredComponents {
	var stores []*client.MetadataRegisteredComponents
	for _, c := range components {
		if !strings.HasPrefix(c.Type, "state.") {
			continue
		}
		if c.Name == StateStore {
			return c
		}
		stores = append(stores, c)
	}
	if len(stores) != 1 {
		return nil
	}
	return stores[0]
}

// known is what is learnt of the app's state store.
type known struct {
	component string
	*daprstate.Store
}

// lateStore is a state store that is learnt of later. Its calls wait for that,
// as long as for the sidecar itself.
type lateStore struct {
	known known
	isSet chan struct{}
}

func newLateStore() *lateStore { return &lateStore{isSet: make(chan struct{})} }

// set may be called once.
func (l *lateStore) set(k known) {
	l.known = k
	close(l.isSet)
}

func (l *lateStore) await(ctx context.Context) (known, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	select {
	case <-l.isSet:
		return l.known, nil
	case <-ctx.Done():
		return known{}, fmt.Errorf("no state store yet: %w", ctx.Err())
	}
}

// Get implements state.Store.
func (l *lateStore) Get(ctx context.Context, keys []string) (map[string]state.Entry, error) {
	k, err := l.await(ctx)
	if err != nil {
		return nil, err
	}
	return k.Get(ctx, keys)
}

// Save implements state.Store.
func (l *lateStore) Save(ctx context.Context, writes []state.Write) []error {
	k, err := l.await(ctx)
	if err != nil {
		errs := make([]error, len(writes))
		for i := range errs {
			errs[i] = err
		}
		return errs
	}
	return k.Save(ctx, writes)
}

// Delete implements state.Store.
func (l *lateStore) Delete(ctx context.Context, keys []string) error {
	k, err := l.await(ctx)
	if err != nil {
		return err
	}
	return k.Delete(ctx, keys)
}
