package holds_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"

	"github.com/plenary/plenary/apps/web/holds"
)

const lasts = 20 * time.Minute

func TestAClientHoldsSeatsWithSoManyOrders(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := holds.New(limit[string](2), 10)
		first, second, third := uuid.New(), uuid.New(), uuid.New()
		take := func(who string, order uuid.UUID, want bool, after time.Duration) {
			t.Helper()
			if ok, retryAfter := h.Take(who, order); ok != want || retryAfter != after {
				t.Errorf("%t after %s, want %t after %s", ok, retryAfter, want, after)
			}
		}
		take("ann", first, true, 0)
		<-time.After(time.Minute)
		take("ann", second, true, 0)
		take("ann", second, true, 0) // placed again
		take("ann", third, false, lasts-time.Minute)
		take("bob", third, true, 0) // who is another
		if h.Open("ann") != 2 || h.Open("bob") != 1 || h.Open("eve") != 0 {
			t.Errorf("%d, %d, %d are open", h.Open("ann"), h.Open("bob"), h.Open("eve"))
		}
		if !h.Counts(second) || h.Counts(uuid.New()) {
			t.Error("an order counts that was not taken, or does not although it was")
		}
		h.Released(second)
		if h.Counts(second) {
			t.Error("an order counts that was released")
		}
		take("ann", uuid.New(), true, 0)
		take("ann", uuid.New(), false, lasts-time.Minute)
		<-time.After(lasts - time.Minute) // the first has lapsed
		take("ann", uuid.New(), true, 0)
	})
}

func TestAnOrderCountsForWhoTookItLast(t *testing.T) {
	h := holds.New(limit[string](1), 10)
	order := uuid.New()
	h.Take("ann@example.com", order)
	if ok, _ := h.Take("bob@example.com", order); !ok || h.Open("ann@example.com") != 0 || h.Open("bob@example.com") != 1 {
		t.Errorf("%d and %d are open", h.Open("ann@example.com"), h.Open("bob@example.com"))
	}
	// One that cannot be taken stays where it was.
	h.Take("ann@example.com", uuid.New())
	if ok, _ := h.Take("ann@example.com", order); ok || h.Open("bob@example.com") != 1 {
		t.Errorf("taken: %t; %d are open", ok, h.Open("bob@example.com"))
	}
}

func TestManyClientsTakeBoundedMemory(t *testing.T) {
	h := holds.New(limit[int](5), 100)
	for who := range 10_000 {
		h.Take(who, uuid.New())
	}
	open := 0
	for who := range 10_000 {
		open += h.Open(who)
	}
	if open != 100 {
		t.Errorf("%d are kept", open)
	}
}

func TestWithoutALimitNothingIsCounted(t *testing.T) {
	h := holds.New(limit[string](0), 10)
	for range 1000 {
		if ok, _ := h.Take("ann", uuid.New()); !ok {
			t.Fatal("turned away")
		}
	}
	if h.Open("ann") != 0 {
		t.Errorf("%d are open", h.Open("ann"))
	}
}

func limit[K comparable](most int) func(K) (int, time.Duration) {
	return func(K) (int, time.Duration) { return most, lasts }
}

// A limit that is lowered takes no hold from anybody, and gives none either.
func TestALimitMayChange(t *testing.T) {
	most := 2
	h := holds.New(func(string) (int, time.Duration) { return most, lasts }, 10)
	take := func(want bool) {
		t.Helper()
		if ok, _ := h.Take("ann", uuid.New()); ok != want {
			t.Errorf("of %d with %d open: %t", most, h.Open("ann"), ok)
		}
	}
	take(true)
	take(true)
	take(false)
	most = 1
	take(false)
	if h.Open("ann") != 2 {
		t.Errorf("%d are open", h.Open("ann"))
	}
	most = 3
	take(true)
	take(false)
}
