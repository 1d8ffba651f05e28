package idempotency

import (
	"context"
	"strconv"
	"time"

	"github.com/dapr/go-sdk/client"
)

// Dapr is a Store over a Dapr state store component with time to live.
type Dapr struct {
	Client client.Client
	// Component gives the component's name, which may have to be learnt first.
	Component func(ctx context.Context) (string, error)
}

// Create implements Store: first write wins.
func (d Dapr) Create(ctx context.Context, key string, value []byte, ttl time.Duration) error {
	component, err := d.Component(ctx)
	if err != nil {
		return err
	}
	return d.Client.SaveState(ctx, component, key, value,
		map[string]string{"ttlInSeconds": strconv.Itoa(int(ttl.Seconds()))},
		client.WithConcurrency(client.StateConcurrencyFirstWrite),
		client.WithConsistency(client.StateConsistencyStrong))
}

// Get implements Store.
func (d Dapr) Get(ctx context.Context, key string) ([]byte, error) {
	component, err := d.Component(ctx)
	if err != nil {
		return nil, err
	}
	item, err := d.Client.GetStateWithConsistency(ctx, component, key, nil, client.StateConsistencyStrong)
	if err != nil || item == nil || len(item.Value) == 0 {
		return nil, err
	}
	return item.Value, nil
}
