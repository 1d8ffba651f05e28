package idempotency

import (
	"context"
	"strconv"
	"time"

	"github.com/dapr/go-sdk/client"
)

// Dapr is a Store over a Dapr state store component with time to live.
type Dapr struct {
	Client    client.Client
	Component string
}

// Create implements Store: first write wins.
func (d Dapr) Create(ctx context.Context, key string, value []byte, ttl time.Duration) error {
	return d.Client.SaveState(ctx, d.Component, key, value,
		map[string]string{"ttlInSeconds": strconv.Itoa(int(ttl.Seconds()))},
		client.WithConcurrency(client.StateConcurrencyFirstWrite),
		client.WithConsistency(client.StateConsistencyStrong))
}

// Get implements Store.
func (d Dapr) Get(ctx context.Context, key string) ([]byte, error) {
	item, err := d.Client.GetStateWithConsistency(ctx, d.Component, key, nil, client.StateConsistencyStrong)
	if err != nil || item == nil || len(item.Value) == 0 {
		return nil, err
	}
	return item.Value, nil
}
