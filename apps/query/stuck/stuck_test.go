package stuck_test

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/plenary/plenary/apps/query/live"
	"github.com/plenary/plenary/apps/query/store"
	"github.com/plenary/plenary/apps/query/stuck"
	"github.com/plenary/plenary/contracts"
	"github.com/plenary/plenary/engine/message"
)

func TestTheBoundIsAtLeastASecond(t *testing.T) {
	for set, want := range map[string]time.Duration{"": 30 * time.Minute, "1s": time.Second, "2h": 2 * time.Hour, "999ms": 0, "-1m": 0, "soon": 0} {
		got, err := stuck.Bound(func(string) string { return set })
		if want == 0 && err == nil || want > 0 && (err != nil || got != want) {
			t.Errorf("%q: %s, %v", set, got, err)
		}
	}
}

func TestTheSweepRunsByItselfUntilItIsStopped(t *testing.T) {
	s, err := store.Open(t.Context(), filepath.Join(t.TempDir(), "query.db"), contracts.Registry(), live.NewHub())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	order := uuid.New()
	placed := contracts.OrderPlaced{
		OrderID: order, ConferenceID: uuid.New(), Version: 1, Deadline: time.Now().Add(-time.Hour), Locator: "SECRETLY",
		Items: contracts.Seats{{SeatType: uuid.New(), Quantity: 1}},
	}
	m := message.Message{Meta: message.Meta{
		ID: uuid.NewString(), Source: "order", Stream: "order/" + order.String(), Time: time.Now(), Tenant: message.DefaultTenant, StreamVersion: 1,
	}, Body: placed}
	var data []byte
	if m.Type, data, err = contracts.Registry().Encode(m.Meta, placed); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Append(t.Context(), []store.Event{{Message: m, Data: data}}); err != nil {
		t.Fatal(err)
	}
	late := store.NewLate()
	late.Set(s)
	ended := make(chan error, 1)
	go func() {
		ended <- (&stuck.Sweep{Store: late, Now: time.Now, After: 40 * time.Millisecond}).Run(t.Context())
	}()
	tick, patience := time.NewTicker(5*time.Millisecond), time.After(10*time.Second)
	defer tick.Stop()
	for n := 0; n != 1; {
		select {
		case <-tick.C:
		case <-patience:
			t.Fatal("the sweep found nothing")
		}
		var err error
		if n, err = s.CountStuck(t.Context(), message.DefaultTenant); err != nil {
			t.Fatal(err)
		}
	}
	select {
	case err := <-ended:
		t.Fatalf("the sweep ended by itself: %v", err)
	default:
	}
}
