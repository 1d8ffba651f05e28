package idempotency_test

import (
	"context"
	"errors"
	"os"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/plenary/plenary/apps/web/idempotency"
)

// stored is a store that holds one key.
type stored struct {
	key   string
	value []byte
}

func (stored) Create(context.Context, string, []byte, time.Duration) error {
	return errors.New("somebody was here first")
}

func (s stored) Get(_ context.Context, key string) ([]byte, error) {
	if key != s.key {
		return nil, nil
	}
	return s.value, nil
}

// testdata/v1/claim.json is a claim as version 1 stored it, under the key of
// then. A later version must find and read it for as long as a key is kept, or
// what is sent again across an upgrade would be done twice.
func TestClaimOfVersion1IsFound(t *testing.T) {
	value, err := os.ReadFile("testdata/v1/claim.json")
	if err != nil {
		t.Fatal(err)
	}
	store := stored{"idempotency/fe7b21e8840556041e88b45ceb37cf05f2ed42fc78a0062a614df220d6fe6138", value}
	id, first := claimed(t, idempotency.New(store), request(nil))
	if want := uuid.MustParse("6b0f8a52-6f4e-4c1f-9d5d-0d1d3f4c0021"); id != want || first {
		t.Errorf("got %s (first %v), want %s", id, first, want)
	}
}
