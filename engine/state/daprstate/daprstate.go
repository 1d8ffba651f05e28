// Package daprstate is the state port over a Dapr state store component.
package daprstate

import (
	"bytes"
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
// each key's compare-and-swap stands alone, and after a failure each key is looked at;
// they differ in speed, by store.
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

// together is how often what has not lost its race is written together, before it is
// written one by one.
const together = 3

func (s *Store) saveChunk(ctx context.Context, writes []state.Write, errs []error) {
	left := make([]int, len(writes)) // indexes of the writes that are still to be made
	for i := range left {
		left[i] = i
	}
	if s.strategy != OneByOne {
		for range together {
			if len(left) < 2 {
				break
			}
			if s.saveTogether(ctx, writes, left) == nil {
				return
			}
			// With two replicas, nearly every batch has a key that lost its race. The
			// other keys must not cost a call each.
			before := len(left)
			left = s.look(ctx, writes, errs, left)
			if len(left) == before {
				break // it failed in a way that says nothing of each key
			}
		}
	}
	// Written one by one, each gets an answer of its own; one that was written after all
	// shows as a conflict, and the caller looks.
	var wg sync.WaitGroup
	slots := make(chan struct{}, sideBySide)
	for _, i := range left {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			errs[i] = s.saveOne(ctx, writes[i])
		})
	}
	wg.Wait()
}

// look reads what became of writes whose call failed, and returns those that have to be
// made still.
func (s *Store) look(ctx context.Context, writes []state.Write, errs []error, of []int) (left []int) {
	keys := make([]string, len(of))
	for n, i := range of {
		keys[n] = writes[i].Key
	}
	got, err := s.Get(ctx, keys)
	if err != nil {
		return of
	}
	for _, i := range of {
		switch w, now := writes[i], got[writes[i].Key]; {
		case w.Always, now.ETag == w.ETag:
			left = append(left, i)
		case w.Unique && bytes.Equal(now.Value, w.Value):
		default:
			errs[i] = fmt.Errorf("%w: %s", state.ErrConflict, w.Key)
		}
	}
	return left
}

func (s *Store) saveTogether(ctx context.Context, writes []state.Write, of []int) error {
	if s.strategy == InTransaction {
		ops := make([]*client.StateOperation, len(of))
		for n, i := range of {
			ops[n] = &client.StateOperation{Type: client.StateOperationTypeUpsert, Item: item(writes[i])}
		}
		return s.dapr.ExecuteStateTransaction(ctx, s.name, nil, ops)
	}
	items := make([]*client.SetStateItem, len(of))
	for n, i := range of {
		items[n] = item(writes[i])
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
