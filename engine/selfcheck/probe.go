package selfcheck

import (
	"bytes"
	"context"
	"fmt"
	"strings"

	pb "github.com/dapr/dapr/pkg/proto/runtime/v1"

	"github.com/plenary/plenary/engine/state"
)

// large is a value of 1 MB, which is more than the engine writes under one key.
var large = []byte(`"` + strings.Repeat("x", 1_000_000) + `"`)

// Probe writes, reads and deletes under a key that nobody else uses, and finds
// out whether the state store keeps what its capabilities promise: that a second
// create and an update with an old ETag are refused. Its error means that the
// store could not be asked, and says nothing of what it can do.
func Probe(ctx context.Context, store state.Store, component *pb.RegisteredComponents, key string) ([]Finding, error) {
	c := &check{}
	first, second := []byte(`"first"`), []byte(`"second"`)
	save := func(w state.Write) error {
		w.Key = key
		return store.Save(ctx, []state.Write{w})[0]
	}
	read := func() (state.Entry, error) {
		got, err := store.Get(ctx, []string{key})
		if err != nil {
			return state.Entry{}, err
		}
		return got[key], nil
	}
	defer func() { _ = store.Delete(context.WithoutCancel(ctx), []string{key}) }()

	if err := save(state.Write{Value: first}); err != nil {
		return nil, fmt.Errorf("create: %w", err)
	}
	created, err := read()
	if err != nil {
		return nil, fmt.Errorf("read: %w", err)
	}
	if !bytes.Equal(created.Value, first) || created.ETag == "" {
		c.refuse("no-etag", component, "returns no ETag for a value just written, or another value",
			"use a state store that returns written values with their ETags")
		return c.found, nil
	}

	// What a refusal looks like differs by store; what counts is what is there
	// afterwards.
	_ = save(state.Write{Value: second})
	again, err := read()
	if err != nil {
		return nil, fmt.Errorf("read: %w", err)
	}
	if !bytes.Equal(again.Value, first) {
		c.refuse("creates-twice", component, "lets a second create overwrite the first, so a decision would be lost",
			"use a state store with first-write concurrency")
		return c.found, nil
	}

	// Somebody may have stopped the store just now, so one failure says nothing.
	const tries = 3
	newest := again.ETag
	for n := 1; ; n++ {
		if err := save(state.Write{Value: large, ETag: newest}); err == nil {
			break
		}
		if err := save(state.Write{Value: second, ETag: newest}); err != nil {
			return nil, fmt.Errorf("update: %w", err)
		}
		if n == tries {
			c.refuse("small-values", component, "refuses a value of 1 MB", "raise its size limit, or use another state store")
			return c.found, nil
		}
		e, err := read()
		if err != nil {
			return nil, fmt.Errorf("read: %w", err)
		}
		newest = e.ETag
	}
	_ = save(state.Write{Value: first, ETag: again.ETag})
	if again, err = read(); err != nil {
		return nil, fmt.Errorf("read: %w", err)
	}
	if !bytes.Equal(again.Value, large) {
		c.refuse("overwrites", component, "lets an update with an old ETag overwrite a newer value, so a decision would be lost",
			"use a state store that compares ETags")
	}
	return c.found, nil
}
