package selfcheck_test

import (
	"context"
	"errors"
	"testing"

	pb "github.com/dapr/dapr/pkg/proto/runtime/v1"

	"github.com/plenary/plenary/engine/selfcheck"
	"github.com/plenary/plenary/engine/state"
)

// claimant is a state store that does not keep what it promises.
type claimant struct {
	state.Memory
	save    func(w *state.Write) error
	noETags bool
	down    error
}

func (s *claimant) Get(ctx context.Context, keys []string) (map[string]state.Entry, error) {
	got, err := s.Memory.Get(ctx, keys)
	if s.noETags {
		for k, e := range got {
			e.ETag = ""
			got[k] = e
		}
	}
	return got, errors.Join(err, s.down)
}

func (s *claimant) Save(ctx context.Context, writes []state.Write) []error {
	if s.save != nil {
		if err := s.save(&writes[0]); err != nil {
			return []error{err}
		}
	}
	return s.Memory.Save(ctx, writes)
}

func TestAStoreThatDoesNotKeepItsPromisesIsFound(t *testing.T) {
	component := &pb.RegisteredComponents{Name: "statestore", Type: "state.claims"}
	for _, c := range []struct {
		name  string
		store *claimant
		want  string
	}{
		{"one that keeps them", &claimant{}, ""},
		{"it gives no ETags", &claimant{noETags: true}, "no-etag"},
		{"a second create overwrites", &claimant{save: func(w *state.Write) error { w.Always = w.ETag == ""; return nil }}, "creates-twice"},
		{"an old ETag overwrites", &claimant{save: func(w *state.Write) error { w.Always = w.ETag != ""; return nil }}, "overwrites"},
		{"it takes small values only", &claimant{save: func(w *state.Write) error {
			if len(w.Value) > 400<<10 {
				return errors.New("item too large")
			}
			return nil
		}}, "small-values"},
	} {
		t.Run(c.name, func(t *testing.T) {
			found, err := selfcheck.Probe(t.Context(), c.store, component, "selfcheck/1")
			if err != nil {
				t.Fatal(err)
			}
			got := ""
			for _, f := range found {
				got += f.Name
				if !f.Refused || f.Component != "statestore" {
					t.Errorf("found %+v", f)
				}
			}
			if got != c.want {
				t.Errorf("found %q, want %q", got, c.want)
			}
			if left, _ := c.store.Memory.Get(t.Context(), []string{"selfcheck/1"}); len(left) != 0 {
				t.Error("the probe left its key behind")
			}
		})
	}
}

func TestAStoreThatCannotBeAskedIsNotJudged(t *testing.T) {
	for _, store := range []*claimant{
		{down: errors.New("down")},
		{save: func(*state.Write) error { return errors.New("down") }},
	} {
		if found, err := selfcheck.Probe(t.Context(), store, nil, "selfcheck/1"); err == nil || found != nil {
			t.Errorf("found %v, %v", found, err)
		}
	}
}
