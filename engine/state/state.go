// Package state is the port to a key-value store with compare-and-swap, the
// one thing the engine asks of a database: that of two writers who read the
// same version of a key, at most one succeeds. Nothing here spans two keys.
//
// daprstate is the port over Dapr. Package stream commits through it; package handling
// keeps its claims and waiting messages through it.
package state

import (
	"context"
	"errors"
	"strconv"
	"sync"
)

// Entry is a key with its value as it was read.
type Entry struct {
	Value []byte
	// ETag is the version read; it is what a Write gives back.
	ETag string
}

// Write is a change of one key.
type Write struct {
	Key   string
	Value []byte
	// ETag must still be the key's version. Empty: the key must not exist. What
	// becomes of an ETag whose key was deleted is up to the store.
	ETag string
	// Always writes without looking at the ETag. It is for content that is the
	// same whoever writes it, under a key that says so. Such a key is never written
	// otherwise.
	Always bool
	// Unique says that no other Write has the same value, for example because the value
	// contains an identifier made for it. If the key has this value, this Write was made,
	// whatever the store answered.
	Unique bool
}

// Store is the port. Its promises are written as tests in package statetest.
type Store interface {
	// Get reads many keys, with strong consistency. Keys that do not exist are
	// absent from the answer. An error means that nothing is known.
	Get(ctx context.Context, keys []string) (map[string]Entry, error)
	// Save writes many keys, each by itself: the error at i belongs to writes[i]
	// and says nothing of the others. After an error the write may have happened
	// or not; which of the two can only be seen by reading the key again. A lost
	// race is ErrConflict where the store can tell, but callers must not lean on
	// that.
	Save(ctx context.Context, writes []Write) []error
	// Delete removes keys, whatever their version. A key that does not exist is
	// no error.
	Delete(ctx context.Context, keys []string) error
}

// ErrConflict: the key was no longer at the ETag given.
var ErrConflict = errors.New("state: the key has changed")

// Memory is a Store in memory, for tests. Its zero value is ready.
type Memory struct {
	mu   sync.Mutex
	keys map[string]Entry
	next int
}

// Get implements Store.
func (m *Memory) Get(_ context.Context, keys []string) (map[string]Entry, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	out := make(map[string]Entry, len(keys))
	for _, k := range keys {
		if e, ok := m.keys[k]; ok {
			out[k] = Entry{Value: append([]byte(nil), e.Value...), ETag: e.ETag}
		}
	}
	return out, nil
}

// Save implements Store.
func (m *Memory) Save(_ context.Context, writes []Write) []error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.keys == nil {
		m.keys = map[string]Entry{}
	}
	errs := make([]error, len(writes))
	for i, w := range writes {
		if !w.Always && m.keys[w.Key].ETag != w.ETag {
			errs[i] = ErrConflict
			continue
		}
		m.next++
		m.keys[w.Key] = Entry{Value: append([]byte(nil), w.Value...), ETag: strconv.Itoa(m.next)}
	}
	return errs
}

// Delete implements Store.
func (m *Memory) Delete(_ context.Context, keys []string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, k := range keys {
		delete(m.keys, k)
	}
	return nil
}
