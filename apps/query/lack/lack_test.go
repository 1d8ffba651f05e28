package lack_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/plenary/plenary/apps/query/lack"
	"github.com/plenary/plenary/apps/query/live"
	"github.com/plenary/plenary/apps/query/store"
	"github.com/plenary/plenary/contracts"
	"github.com/plenary/plenary/engine/message"
	"github.com/plenary/plenary/engine/repeat"
)

// fixture is a query service, and the owners that it asks.
type fixture struct {
	t     *testing.T
	store *store.Store
	now   time.Time
	asked map[string][]repeat.Lack // by owner, since the last look
	*lack.Seeker
}

func newFixture(t *testing.T) *fixture {
	t.Helper()
	s, err := store.Open(t.Context(), filepath.Join(t.TempDir(), "query.db"), contracts.Registry(), live.NewHub())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	late := store.NewLate()
	late.Set(s)
	f := &fixture{t: t, store: s, now: time.Date(2027, time.March, 1, 12, 0, 0, 0, time.UTC)}
	owners := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var lacks repeat.Lacks
		if err := json.NewDecoder(r.Body).Decode(&lacks); err != nil || r.Method != http.MethodPost || !strings.HasSuffix(r.URL.Path, repeat.AgainRoute) {
			t.Errorf("%s %s: %v", r.Method, r.URL.Path, err)
		}
		owner := strings.Split(r.URL.Path, "/")[1]
		f.asked[owner] = append(f.asked[owner], lacks.Streams...)
		w.WriteHeader(http.StatusNoContent)
	}))
	t.Cleanup(owners.Close)
	f.Seeker = &lack.Seeker{
		Store: late, Client: owners.Client(), URL: func(app string) string { return owners.URL + "/" + app },
		Now: func() time.Time { return f.now }, Every: lack.DefaultEvery,
	}
	return f
}

// look lets time pass and looks, and gives what was asked of whom.
func (f *fixture) look(pass time.Duration) map[string][]repeat.Lack {
	f.t.Helper()
	f.now, f.asked = f.now.Add(pass), map[string][]repeat.Lack{}
	if err := f.Once(f.t.Context()); err != nil {
		f.t.Fatal(err)
	}
	return f.asked
}

func (f *fixture) append(source, stream string, version uint64, body any) {
	f.t.Helper()
	m := message.Message{Meta: message.Meta{
		ID: uuid.NewString(), Source: source, Stream: stream, Time: f.now, Tenant: message.DefaultTenant, StreamVersion: version,
	}, Body: body}
	var data []byte
	var err error
	if m.Type, data, err = contracts.Registry().Encode(m.Meta, body); err != nil {
		f.t.Fatal(err)
	}
	if _, err := f.store.Append(context.Background(), []store.Event{{Message: m, Data: data}}); err != nil {
		f.t.Fatal(err)
	}
}

func TestTheOwnerOfAStreamWithAGapIsAskedForWhatFollows(t *testing.T) {
	f := newFixture(t)
	payment, order := uuid.New(), uuid.New()
	stream := "payment/" + payment.String()
	price := contracts.Money{Amount: 100, Currency: "USD"}
	initiated := contracts.PaymentInitiated{PaymentID: payment, OrderID: order, Amount: price, Version: 1, Provider: "demo"}
	f.append("payments", stream, 1, initiated)
	f.append("payments", stream, 3, contracts.PaymentRefunded{PaymentID: payment, OrderID: order})

	if got := f.look(0); len(got) > 0 {
		t.Fatalf("a gap that may close by itself is asked for: %v", got)
	}
	want := []repeat.Lack{{Tenant: "main", Stream: stream, After: 1}}
	if got := f.look(lack.DefaultEvery); len(got) != 1 || !slices.Equal(got["payments"], want) {
		t.Fatalf("asked: %v, want %v of payments", got, want)
	}
	// It is asked for less and less often.
	times := 0
	for range 120 { // an hour
		times += len(f.look(lack.DefaultEvery)["payments"])
	}
	if times < 4 || times > 8 {
		t.Errorf("in an hour it was asked for %d times", times)
	}
	f.append("payments", stream, 2, contracts.PaymentCompleted{PaymentID: payment, OrderID: order, Amount: price})
	if got := f.look(2 * time.Hour); len(got) > 0 {
		t.Errorf("what is here is asked for: %v", got)
	}
}

func TestAnOrderIsAskedForOfWhichNothingIsHeardPastItsDeadline(t *testing.T) {
	f := newFixture(t)
	order := uuid.New()
	stream := "order/" + order.String()
	f.append("order", stream, 1, contracts.OrderPlaced{
		OrderID: order, ConferenceID: uuid.New(), Version: 1, Deadline: f.now.Add(15 * time.Minute), Locator: "SECRETLY",
		Items: contracts.Seats{{SeatType: uuid.New(), Quantity: 1}},
	})
	if got := f.look(24 * time.Minute); len(got) > 0 {
		t.Fatalf("asked for while it may still be paid: %v", got)
	}
	want := []repeat.Lack{{Tenant: "main", Stream: stream, After: 1}}
	if got := f.look(2 * time.Minute); !slices.Equal(got["order"], want) {
		t.Fatalf("asked: %v, want %v of order", got, want)
	}
	f.append("order", stream, 2, contracts.OrderExpired{OrderID: order})
	if got := f.look(time.Hour); len(got) > 0 {
		t.Errorf("what has ended is asked for: %v", got)
	}
}
