package demo

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"time"

	"github.com/plenary/plenary/tools/local/api"
	"github.com/plenary/plenary/topology/tour"
)

// tourWaits is how long a tour waits for holds to lapse.
const tourWaits = time.Hour

// Tour is the demo, begun by a page of the running system, which shows what there is
// to see. It is begun once: a second beginning changes nothing, unless the first failed.
type Tour struct {
	ctx     context.Context
	options Options
	failed  func(error)

	mu  sync.Mutex
	now tour.Tour
}

// NewTour makes a tour that ends with ctx. failed is told why one has failed.
func NewTour(ctx context.Context, o Options, failed func(error)) *Tour {
	o.Out, o.Wait = io.Discard, tourWaits
	return &Tour{ctx: ctx, options: o, failed: failed, now: tour.Tour{Orders: []tour.Order{}}}
}

// ServeHTTP begins the tour (POST), and tells how far it is.
func (t *Tour) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch r.Method {
	case http.MethodPost:
		t.begin()
	case http.MethodGet:
	default:
		w.WriteHeader(http.StatusMethodNotAllowed)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	t.mu.Lock()
	defer t.mu.Unlock()
	_ = json.NewEncoder(w).Encode(t.now) // else web has gone
}

func (t *Tour) begin() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.now.State != tour.NotBegun && t.now.State != tour.Failed {
		return
	}
	t.now = tour.Tour{State: tour.Running, Orders: []tour.Order{}}
	s := newShow(t.options)
	s.saw = func(fate string, o api.Order) { t.saw(s, fate, o) }
	go func() {
		err := s.play(t.ctx)
		t.mu.Lock()
		defer t.mu.Unlock()
		if t.now.State = tour.Done; err != nil {
			t.now.State = tour.Failed
			if t.ctx.Err() == nil {
				t.failed(s.explain(err))
			}
		}
	}()
}

func (t *Tour) saw(s *show, fate string, o api.Order) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.now.Conference, t.now.Slug = s.conference.ID, s.slug()
	seen := tour.Order{
		Fate: fate, ID: o.ID, Status: o.Status,
		Page: fmt.Sprintf("/orders/%s?%s", o.ID, url.Values{"key": {api.Secret(o.ID)}}.Encode()),
	}
	if i := slices.IndexFunc(t.now.Orders, func(o tour.Order) bool { return o.Fate == fate }); i >= 0 {
		t.now.Orders[i] = seen
	} else {
		t.now.Orders = append(t.now.Orders, seen)
	}
	if len(t.now.Orders) == len(fates) {
		t.now.State = tour.Waiting
	}
}
