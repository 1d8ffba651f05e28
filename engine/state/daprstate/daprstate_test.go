package daprstate_test

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strconv"
	"testing"

	"github.com/dapr/go-sdk/client"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/plenary/plenary/engine/state"
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

// versions is a sidecar's store that counts how often it was called. As with Dapr's stores,
// a bulk call writes what does not lose, a transaction nothing if one loses, and neither
// says which one it was.
type versions struct {
	client.Client
	values map[string]string
	etags  map[string]int
	calls  int
}

func (v *versions) lost(i *client.SetStateItem) bool {
	etag := ""
	if i.Etag != nil {
		etag = i.Etag.Value
	}
	return etag != v.etag(i.Key)
}

func (v *versions) etag(key string) string {
	if v.etags[key] == 0 {
		return ""
	}
	return strconv.Itoa(v.etags[key])
}

func (v *versions) write(i *client.SetStateItem) {
	v.values[i.Key] = string(i.Value)
	v.etags[i.Key]++
}

func (v *versions) SaveBulkState(_ context.Context, _ string, items ...*client.SetStateItem) (err error) {
	v.calls++
	for _, i := range items {
		if v.lost(i) {
			err = status.Error(codes.Aborted, "an ETag does not match")
		} else {
			v.write(i)
		}
	}
	return err
}

func (v *versions) ExecuteStateTransaction(_ context.Context, _ string, _ map[string]string, ops []*client.StateOperation) error {
	v.calls++
	for _, op := range ops {
		if v.lost(op.Item) {
			return status.Error(codes.Aborted, "an ETag does not match")
		}
	}
	for _, op := range ops {
		v.write(op.Item)
	}
	return nil
}

func (v *versions) GetBulkState(_ context.Context, _ string, keys []string, _ map[string]string, _ int32) (items []*client.BulkStateItem, _ error) {
	v.calls++
	for _, k := range keys {
		items = append(items, &client.BulkStateItem{Key: k, Value: []byte(v.values[k]), Etag: v.etag(k)})
	}
	return items, nil
}

// With two replicas some key of nearly every batch has lost its race. The others are
// written all the same, in a few calls, and are known to be.
func TestWhatLosesItsRaceCostsTheOthersNoCallEach(t *testing.T) {
	for _, strategy := range []daprstate.Strategy{daprstate.InTransaction, daprstate.InBulk} {
		v := &versions{values: map[string]string{}, etags: map[string]int{}}
		s := daprstate.New(v, "statestore", strategy)
		v.values["stale"], v.etags["stale"] = "another's", 2
		v.values["taken"], v.etags["taken"] = "another's", 1
		writes := []state.Write{
			{Key: "stale", Value: []byte("mine"), ETag: "1", Unique: true},
			{Key: "taken", Value: []byte("mine"), Unique: true},
		}
		for i := range 50 {
			writes = append(writes, state.Write{Key: "fine-" + strconv.Itoa(i), Value: []byte("mine " + strconv.Itoa(i)), Unique: true})
		}
		for i, err := range s.Save(t.Context(), writes) {
			lost := i < 2
			if errors.Is(err, state.ErrConflict) != lost || (err != nil) != lost {
				t.Errorf("strategy %d, %s: %v", strategy, writes[i].Key, err)
			}
			if written := v.values[writes[i].Key] == string(writes[i].Value); written == lost {
				t.Errorf("strategy %d, %s is now %q", strategy, writes[i].Key, v.values[writes[i].Key])
			}
		}
		if v.calls > 4 {
			t.Errorf("strategy %d: %d calls", strategy, v.calls)
		}
	}
}

// Another may have written the same.
func TestTheSameValueIsNotTakenForOnesOwn(t *testing.T) {
	v := &versions{values: map[string]string{"count": "2"}, etags: map[string]int{"count": 2}}
	s := daprstate.New(v, "statestore", daprstate.InBulk)
	errs := s.Save(t.Context(), []state.Write{{Key: "count", Value: []byte("2"), ETag: "1"}, {Key: "other", Value: []byte("1")}})
	if !errors.Is(errs[0], state.ErrConflict) {
		t.Errorf("another's increment was taken for one's own: %v", errs[0])
	}
}
