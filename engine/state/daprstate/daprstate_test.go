package daprstate_test

import (
	"context"
	"errors"
	"maps"
	"slices"
	"testing"

	"github.com/dapr/go-sdk/client"

	"github.com/plenary/plenary/engine/state/daprstate"
)

// short is a sidecar whose store cuts bulk reads short.
type short struct {
	client.Client
	has  map[string]string
	most int
	fail bool
}

func (s *short) GetBulkState(_ context.Context, _ string, keys []string, _ map[string]string, _ int32) (items []*client.BulkStateItem, _ error) {
	for _, k := range keys[:min(s.most, len(keys))] {
		it := &client.BulkStateItem{Key: k}
		if v, ok := s.has[k]; ok {
			it.Value, it.Etag = []byte(v), "1"
		}
		items = append(items, it)
	}
	return items, nil
}

func (s *short) GetState(_ context.Context, _, key string, _ map[string]string) (*client.StateItem, error) {
	if s.fail {
		return nil, errors.New("connection lost")
	}
	it := &client.StateItem{Key: key}
	if v, ok := s.has[key]; ok {
		it.Value, it.Etag = []byte(v), "1"
	}
	return it, nil
}

// A key that is missing in the answer is not one that does not exist.
func TestABulkReadThatIsCutShortIsCompleted(t *testing.T) {
	dapr := &short{has: map[string]string{"a": "1", "c": "3"}, most: 1}
	s := daprstate.New(dapr, "statestore", daprstate.OneByOne)
	got, err := s.Get(t.Context(), []string{"a", "b", "c"})
	if keys := slices.Sorted(maps.Keys(got)); err != nil || !slices.Equal(keys, []string{"a", "c"}) || string(got["c"].Value) != "3" {
		t.Errorf("%v, %v", got, err)
	}
	dapr.fail = true
	if got, err := s.Get(t.Context(), []string{"a", "b", "c"}); err == nil {
		t.Errorf("%v, although nothing is known of two keys", got)
	}
}
