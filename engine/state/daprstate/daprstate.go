// Package daprstate is the state port over a Dapr state store component.
package daprstate

import (
	"context"
	"fmt"
	"sync"

	"github.com/dapr/go-sdk/client"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/plenary/plenary/engine/component"
	"github.com/plenary/plenary/engine/state"
)

// Strategy is how many keys are written at once. All are equally right, since
// each key's compare-and-swap stands alone and every failure falls back to
// writing key by key; they differ in speed, by store.
type Strategy = component.Writing

// The strategies: component.Writing explains them.
const (
	OneByOne      = component.OneByOne
	InTransaction = component.InTransaction
	InBulk        = component.InBulk
)

// StrategyFor picks the strategy for a component type as Dapr's metadata names
// it ("state.sqlite"). An unknown store gets the one that is right for all.
func StrategyFor(componentType string) Strategy { return component.Of(componentType).Writing }

// Store is a state.Store over one Dapr component.
type Store struct {
	dapr     client.Client
	name     string
	strategy Strategy
}

// sideBySide bounds the calls under way at once when keys are written one by
// one; more only queue at the store.
const sideBySide = 8

// chunk bounds the keys of one call, which keeps it below gRPC's 4 MB.
const (
	chunk      = 100
	chunkBytes = 2 << 20
)

// New makes a store over the component called name.
func New(dapr client.Client, name string, strategy Strategy) *Store {
	return &Store{dapr: dapr, name: name, strategy: strategy}
}

// Get implements state.Store.
func (s *Store) Get(ctx context.Context, keys []string) (map[string]state.Entry, error) {
	out := make(map[string]state.Entry, len(keys))
	for len(keys) > 0 {
		n := min(len(keys), chunk)
		if err := s.getBulk(ctx, keys[:n], out); err != nil {
			return nil, err
		}
		keys = keys[n:]
	}
	return out, nil
}

func (s *Store) getBulk(ctx context.Context, keys []string, out map[string]state.Entry) error {
	items, err := s.dapr.GetBulkState(ctx, s.name, keys, nil, sideBySide)
	if status.Code(err) == codes.ResourceExhausted && len(keys) > 1 {
		// The answer outgrew one gRPC message: ask in halves.
		half := len(keys) / 2
		if err := s.getBulk(ctx, keys[:half], out); err != nil {
			return err
		}
		return s.getBulk(ctx, keys[half:], out)
	}
	if err != nil {
		return fmt.Errorf("state store %s: get: %w", s.name, err)
	}
	answered := make(map[string]bool, len(items))
	for _, it := range items {
		if it.Error != "" {
			return fmt.Errorf("state store %s: get %s: %s", s.name, it.Key, it.Error)
		}
		answered[it.Key] = true
		if it.Etag != "" {
			out[it.Key] = state.Entry{Value: it.Value, ETag: it.Etag}
		}
	}
	for _, key := range keys {
		if answered[key] {
			continue
		}
		// The store has cut the answer short. To take the key for one that does not
		// exist would be a wrong answer, so it is asked for by itself.
		it, err := s.dapr.GetState(ctx, s.name, key, nil)
		if err != nil {
			return fmt.Errorf("state store %s: get %s: %w", s.name, key, err)
		}
		if it.Etag != "" {
			out[key] = state.Entry{Value: it.Value, ETag: it.Etag}
		}
	}
	return nil
}

// Save implements state.Store.
func (s *Store) Save(ctx context.Context, writes []state.Write) []error {
	errs := make([]error, len(writes))
	for from := 0; from < len(writes); {
		to, size := from, 0
		for to < len(writes) && to-from < chunk && (to == from || size+len(writes[to].Value) <= chunkBytes) {
			size += len(writes[to].Value)
			to++
		}
		s.saveChunk(ctx, writes[from:to], errs[from:to])
		from = to
	}
	return errs
}

func (s *Store) saveChunk(ctx context.Context, writes []state.Write, errs []error) {
	if len(writes) > 1 && s.strategy != OneByOne && s.saveTogether(ctx, writes) == nil {
		return
	}
	// Where that was tried, some key lost its race, or the call failed in a way
	// that says nothing of each key. Written one by one, each gets an answer of its
	// own; one that was written after all shows as a conflict, and the caller looks.
	var wg sync.WaitGroup
	slots := make(chan struct{}, sideBySide)
	for i, w := range writes {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			errs[i] = s.saveOne(ctx, w)
		})
	}
	wg.Wait()
}

func (s *Store) saveTogether(ctx context.Context, writes []state.Write) error {
	if s.strategy == InTransaction {
		ops := make([]*client.StateOperation, len(writes))
		for i, w := range writes {
			ops[i] = &client.StateOperation{Type: client.StateOperationTypeUpsert, Item: item(w)}
		}
		return s.dapr.ExecuteStateTransaction(ctx, s.name, nil, ops)
	}
	items := make([]*client.SetStateItem, len(writes))
	for i, w := range writes {
		items[i] = item(w)
	}
	return s.dapr.SaveBulkState(ctx, s.name, items...)
}

func (s *Store) saveOne(ctx context.Context, w state.Write) error {
	err := s.dapr.SaveBulkState(ctx, s.name, item(w))
	if err == nil {
		return nil
	}
	if status.Code(err) == codes.Aborted {
		return fmt.Errorf("%w: %s", state.ErrConflict, w.Key)
	}
	return fmt.Errorf("state store %s: save %s: %w", s.name, w.Key, err)
}

// Delete implements state.Store.
func (s *Store) Delete(ctx context.Context, keys []string) error {
	for _, k := range keys {
		if err := s.dapr.DeleteState(ctx, s.name, k, nil); err != nil {
			return fmt.Errorf("state store %s: delete %s: %w", s.name, k, err)
		}
	}
	return nil
}

func item(w state.Write) *client.SetStateItem {
	it := &client.SetStateItem{Key: w.Key, Value: w.Value, Options: &client.StateOptions{
		Concurrency: client.StateConcurrencyFirstWrite,
		Consistency: client.StateConsistencyStrong,
	}}
	if w.Always {
		it.Options.Concurrency = client.StateConcurrencyLastWrite
	} else if w.ETag != "" {
		it.Etag = &client.ETag{Value: w.ETag}
	}
	return it
}
