// Package idempotencytest has the store in memory that tests use.
package idempotencytest

import (
	"context"
	"errors"
	"sync"
	"time"
)

// Memory is an idempotency.Store. Its zero value is ready.
type Memory struct {
	mu   sync.Mutex
	keys map[string][]byte

	// TTL is that of the last value written.
	TTL time.Duration
	// Down makes every call fail.
	Down bool
}

// Create implements idempotency.Store.
func (m *Memory) Create(_ context.Context, key string, value []byte, ttl time.Duration) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.Down {
		return errors.New("the store is down")
	}
	if _, taken := m.keys[key]; taken {
		return errors.New("somebody was here first")
	}
	if m.keys == nil {
		m.keys = map[string][]byte{}
	}
	m.keys[key], m.TTL = value, ttl
	return nil
}

// Get implements idempotency.Store.
func (m *Memory) Get(_ context.Context, key string) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.Down {
		return nil, errors.New("the store is down")
	}
	return m.keys[key], nil
}
