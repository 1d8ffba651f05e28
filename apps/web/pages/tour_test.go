package pages_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/plenary/plenary/apps/query/view"
	"github.com/plenary/plenary/apps/web/pages"
	"github.com/plenary/plenary/apps/web/pages/pagestest"
	"github.com/plenary/plenary/topology/tour"
)

// maker stands in for what makes the tour: it is ready when it was asked twice.
type maker struct {
	mu     sync.Mutex
	begun  int
	asked  int
	failed bool
}

func (m *maker) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := tour.Tour{State: tour.NotBegun, Orders: []tour.Order{}}
	if r.Method == http.MethodPost {
		m.begun++
	}
	m.asked++
	switch {
	case m.failed:
		now.State = tour.Failed
	case m.begun > 0 && m.asked < 3:
		now.State = tour.Running
	case m.begun > 0:
		now = tour.Tour{State: tour.Waiting, Conference: pagestest.ConferenceID.String(), Slug: pagestest.Slug, Orders: []tour.Order{
			{Fate: "confirmed", ID: pagestest.OrderID("confirmed").String(), Page: pagestest.PagePath("confirmed"), Status: "confirmed"},
			{Fate: "sold out", ID: pagestest.OrderID("rejected").String(), Page: pagestest.PagePath("rejected"), Status: "rejected"},
			{Fate: "a new one", ID: pagestest.OrderID("expired").String(), Page: pagestest.PagePath("expired"), Status: "expired"},
		}}
	}
	_ = json.NewEncoder(w).Encode(now)
}

func token(value string, err error) func(context.Context) (string, error) {
	return func(context.Context) (string, error) { return value, err }
}

// guided is a world without conferences and with a tour.
func guided(t *testing.T, m *maker) *world {
	t.Helper()
	server := httptest.NewServer(m)
	t.Cleanup(server.Close)
	guide, err := pages.NewGuide(server.URL+"/x", "127.0.0.1", token(pagestest.OrganiserToken, nil), token(pagestest.OperatorToken, nil))
	if err != nil {
		t.Fatal(err)
	}
	w := newWorld(t, func(o *pages.Options) { o.Guide = guide })
	w.Put("/conferences", view.Conferences{Conferences: []view.Conference{}})
	return w
}

func TestOneClickMakesATourOfEachPage(t *testing.T) {
	for language, says := range map[string]string{"en": "It came when no seat was left.", "zh-Hans": "下单时已无空余席位。"} {
		m := &maker{}
		w := guided(t, m)
		w.header.Set("Accept-Language", language)
		wellMade(t, w.get("/").is(http.StatusOK).says(`<form method="post" action="/tour">`).body)
		w.get("/tour").is(http.StatusOK).says(`<form method="post" action="/tour">`)
		w.post("/tour").leadsTo("/tour")
		p := w.get("/tour").is(http.StatusOK).says(says, "/c/"+pagestest.Slug, own(""), "/operate", "a new one",
			strings.ReplaceAll(pagestest.PagePath("confirmed"), "&", "&amp;"), "/explore/orders/"+pagestest.OrderID("rejected").String(),
			"/explore/compare?a="+pagestest.OrderID("confirmed").String()+"&amp;b="+pagestest.OrderID("rejected").String())
		wellMade(t, p.body)
		for _, path := range []string{own(""), "/operate", "/explore", flowPath()} { // signed in as both
			w.get(path).is(http.StatusOK)
		}
		if m.begun != 1 {
			t.Errorf("begun %d times", m.begun)
		}
	}
	w := guided(t, &maker{failed: true})
	w.post("/tour").leadsTo("/tour")
	w.get("/tour").says("could not be made")
}

// The tour signs its visitors in. Nobody else is to have it.
func TestTheTourIsOfALocalTrialOnly(t *testing.T) {
	w := newWorld(t) // as in production
	w.Put("/conferences", view.Conferences{Conferences: []view.Conference{}})
	w.get("/").says("No conference is on sale").saysNot("/tour")
	w.get("/tour").is(http.StatusNotFound)
	w.post("/tour").is(http.StatusNotFound)

	m := &maker{}
	w = guided(t, m)
	r, err := http.NewRequest(http.MethodPost, w.server.URL+"/tour", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Host = "rebound.example" // a name of another site that was pointed at this machine
	answer, err := w.client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	if answer.Body.Close(); answer.StatusCode != http.StatusNotFound {
		t.Errorf("by another name: %d", answer.StatusCode)
	}
	w.header.Set("X-Forwarded-For", "192.0.2.1")
	w.get("/").saysNot("/tour")
	w.post("/tour").is(http.StatusNotFound)
	w.header.Del("X-Forwarded-For")
	w.header.Set("Sec-Fetch-Site", "cross-site")
	w.post("/tour").is(http.StatusForbidden)
	if m.begun > 0 || len(w.client.Jar.(*jar).cookies) > 0 {
		t.Errorf("begun %d times, cookies %v", m.begun, w.client.Jar.(*jar).cookies)
	}

	for _, c := range []struct{ address, bind string }{
		{"http://192.0.2.1:80/", "127.0.0.1"}, {"http://example.org/", "127.0.0.1"}, {"https://127.0.0.1/", "127.0.0.1"}, {"127.0.0.1:80", "127.0.0.1"},
		{"http://127.0.0.1:80/", "0.0.0.0"}, {"http://127.0.0.1:80/", "192.0.2.1"},
	} {
		if _, err := pages.NewGuide(c.address, c.bind, nil, nil); err == nil {
			t.Errorf("a guide at %s for an app on %s", c.address, c.bind)
		}
	}
	if g, err := pages.NewGuide("", "0.0.0.0", nil, nil); g != nil || err != nil {
		t.Errorf("no address: %v, %v", g, err)
	}
}

func TestATourWithoutTheSecretStoreSignsNobodyIn(t *testing.T) {
	server := httptest.NewServer(&maker{})
	t.Cleanup(server.Close)
	guide, err := pages.NewGuide(server.URL, "::1", token("", errors.New("away")), token("", errors.New("away")))
	if err != nil {
		t.Fatal(err)
	}
	w := newWorld(t, func(o *pages.Options) { o.Guide = guide })
	w.post("/tour").is(http.StatusServiceUnavailable)
	if cookies := w.client.Jar.(*jar).cookies; len(cookies) > 0 {
		t.Errorf("cookies %v", cookies)
	}
}
