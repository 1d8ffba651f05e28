package idempotency_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/plenary/plenary/apps/web/idempotency"
	"github.com/plenary/plenary/apps/web/idempotency/idempotencytest"
)

func request(change func(*idempotency.Request)) idempotency.Request {
	r := idempotency.Request{Route: "POST /api/orders", Key: "8e03978e-40d5-43e8-bc93-6894a57f9324", Body: []byte(`{"a":1}`)}
	if change != nil {
		change(&r)
	}
	return r
}

func claimed(t *testing.T, k *idempotency.Keys, r idempotency.Request) (uuid.UUID, bool) {
	t.Helper()
	id, first, err := k.Claim(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	return id, first
}

func TestTheSameRequestGetsTheSameCommand(t *testing.T) {
	k := idempotency.New(&idempotencytest.Memory{})
	id, first := claimed(t, k, request(nil))
	again, firstAgain := claimed(t, k, request(nil))
	if id != again || !first || firstAgain {
		t.Fatalf("got %s (first %v), then %s (first %v)", id, first, again, firstAgain)
	}
}

func TestWhatMakesAnotherKey(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*idempotency.Request)
	}{
		{"another credential", func(r *idempotency.Request) { r.Credential = "organiser" }},
		{"another route", func(r *idempotency.Request) { r.Route = "POST /api/others" }},
		{"another key", func(r *idempotency.Request) { r.Key = "8e03978e-40d5-43e8-bc93-6894a57f9325" }},
		{"a credential that ends where the route began", func(r *idempotency.Request) {
			r.Credential, r.Route = "POST ", "/api/orders"
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			k := idempotency.New(&idempotencytest.Memory{})
			id, _ := claimed(t, k, request(nil))
			other, first := claimed(t, k, request(c.change))
			if other == id || !first {
				t.Fatal("counts as the same")
			}
		})
	}
}

func TestTheSameKeyInAnotherForm(t *testing.T) {
	for _, form := range []string{
		"8E03978E-40D5-43E8-BC93-6894A57F9324", `"8e03978e-40d5-43e8-bc93-6894a57f9324"`,
		"8e03978e40d543e8bc936894a57f9324", "jgOXjkDVQ+i8k2iUpX+TJA==", "jgOXjkDVQ-i8k2iUpX-TJA",
	} {
		k := idempotency.New(&idempotencytest.Memory{})
		id, _ := claimed(t, k, request(nil))
		if again, first := claimed(t, k, request(func(r *idempotency.Request) { r.Key = form })); again != id || first {
			t.Errorf("%s counts as another key", form)
		}
	}
}

func TestAWeakKeyIsRefused(t *testing.T) {
	store := &idempotencytest.Memory{}
	for name, key := range map[string]string{
		"a number":                    "1",
		"an order's number":           "order-42",
		"a word":                      "idempotency",
		"hex of 120 bits":             "8e03978e40d543e8bc936894a57f93",
		"base64 of 120 bits":          "jgOXjkDVQ+i8k2iUpX+T",
		"the nil UUID":                "00000000-0000-0000-0000-000000000000",
		"the greatest UUID":           "ffffffff-ffff-ffff-ffff-ffffffffffff",
		"a UUID cut short":            "8e03978e-40d5-43e8",
		"a sentence":                  "please do this only once, thank you",
		"one character over and over": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
		"quotes with nothing in them": `""`,
	} {
		_, _, err := idempotency.New(store).Claim(t.Context(), request(func(r *idempotency.Request) { r.Key = key }))
		if !errors.Is(err, idempotency.ErrWeak) {
			t.Errorf("%s: %v, want ErrWeak", name, err)
		}
	}
	if store.TTL != 0 {
		t.Error("a weak key was kept")
	}
}

func TestAnotherBodyUnderTheSameKeyIsAnError(t *testing.T) {
	k := idempotency.New(&idempotencytest.Memory{})
	id, _ := claimed(t, k, request(nil))
	_, _, err := k.Claim(t.Context(), request(func(r *idempotency.Request) { r.Body = []byte(`{"a":2}`) }))
	if !errors.Is(err, idempotency.ErrReused) {
		t.Fatalf("error %v, want ErrReused", err)
	}
	if again, _ := claimed(t, k, request(nil)); again != id {
		t.Fatal("the key's own request lost its command")
	}
}

func TestOfRacingRequestsOneIsFirstAndAllGetItsCommand(t *testing.T) {
	k := idempotency.New(&idempotencytest.Memory{})
	const racers = 20
	ids := make([]uuid.UUID, racers)
	firsts := make([]bool, racers)
	start := make(chan struct{})
	var wg sync.WaitGroup
	for i := range racers {
		wg.Go(func() {
			<-start
			ids[i], firsts[i], _ = k.Claim(t.Context(), request(nil))
		})
	}
	close(start)
	wg.Wait()
	winners := 0
	for i := range racers {
		if ids[i] != ids[0] || ids[i] == uuid.Nil {
			t.Fatalf("racer %d got %s, racer 0 %s", i, ids[i], ids[0])
		}
		if firsts[i] {
			winners++
		}
	}
	if winners != 1 {
		t.Fatalf("%d were first", winners)
	}
}

func TestKeysAreKeptForADay(t *testing.T) {
	store := &idempotencytest.Memory{}
	claimed(t, idempotency.New(store), request(nil))
	if store.TTL != 24*time.Hour {
		t.Fatalf("kept for %v", store.TTL)
	}
}

// lossy fails in a way that does not say whether the write happened.
type lossy struct {
	idempotencytest.Memory
	written bool
	down    bool
}

func (s *lossy) Create(ctx context.Context, key string, value []byte, ttl time.Duration) error {
	if s.written {
		_ = s.Memory.Create(ctx, key, value, ttl)
	}
	return errors.New("timeout")
}

func (s *lossy) Get(ctx context.Context, key string) ([]byte, error) {
	if s.down {
		return nil, errors.New("down")
	}
	return s.Memory.Get(ctx, key)
}

func TestAWriteThatFailedAndYetHappenedCounts(t *testing.T) {
	k := idempotency.New(&lossy{written: true})
	id, first := claimed(t, k, request(nil))
	if id == uuid.Nil || !first {
		t.Fatalf("got %s (first %v)", id, first)
	}
}

func TestWithoutTheStoreThereIsNoCommand(t *testing.T) {
	for name, store := range map[string]*lossy{"not written": {}, "not readable": {written: true, down: true}} {
		t.Run(name, func(t *testing.T) {
			id, _, err := idempotency.New(store).Claim(t.Context(), request(nil))
			if err == nil || errors.Is(err, idempotency.ErrReused) || id != uuid.Nil {
				t.Fatalf("got %s, error %v", id, err)
			}
		})
	}
}
