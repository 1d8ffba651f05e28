package pages

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"time"

	"github.com/plenary/plenary/apps/web/pages/text"
	"github.com/plenary/plenary/apps/web/problem"
	"github.com/plenary/plenary/topology/tour"
)

// Guide is what makes the tour: a demo conference with orders of all fates, and a
// session for who takes it, so that each page has something to show. It is for a trial
// on one machine.
type Guide struct {
	address string
	// Organiser and Operator give the credentials with which the visitor is signed in.
	Organiser, Operator func(context.Context) (string, error)
}

// NewGuide is the guide at an address; nil, if that is empty. It is refused unless both
// the guide and this app, which listens on bind, can be reached from this machine only.
func NewGuide(address, bind string, organiser, operator func(context.Context) (string, error)) (*Guide, error) {
	if address == "" {
		return nil, nil //nolint:nilnil // there is no guide
	}
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "http" || !isLoopback(u.Hostname()) {
		return nil, fmt.Errorf("%s: %q is no address on the loopback", tour.Variable, address)
	}
	if !isLoopback(bind) {
		return nil, fmt.Errorf("%s: the tour signs its visitors in, and %s can be reached from elsewhere", tour.Variable, bind)
	}
	return &Guide{address: address, Organiser: organiser, Operator: operator}, nil
}

func isLoopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}

// fromHere says whether a request came from this machine, to a name of it: no page of
// another site makes a browser say so.
func fromHere(r *http.Request) bool {
	host := r.Host
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	from, err := netip.ParseAddrPort(r.RemoteAddr)
	return isLoopback(host) && err == nil && from.Addr().IsLoopback() && r.Header.Get("X-Forwarded-For") == ""
}

// tourWithin is how long a page waits for the tour: its orders take a few seconds.
const tourWithin = 20 * time.Second

var errGuide = errors.New("the tour cannot be made")

// ask asks the guide how far the tour is, and with POST to begin it.
func (g *Guide) ask(ctx context.Context, method string) (now tour.Tour, err error) {
	r, err := http.NewRequestWithContext(ctx, method, g.address, nil)
	if err != nil {
		return now, err
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return now, err
	}
	defer func() { _ = answer.Body.Close() }()
	if answer.StatusCode != http.StatusOK {
		return now, fmt.Errorf("%w: %s", errGuide, answer.Status)
	}
	return now, json.NewDecoder(answer.Body).Decode(&now)
}

// await asks until everything is there that takes no hold to lapse.
func (g *Guide) await(ctx context.Context, now tour.Tour) (tour.Tour, error) {
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	ctx, cancel := context.WithTimeout(ctx, tourWithin)
	defer cancel()
	for now.State == tour.Running {
		select {
		case <-ctx.Done():
			return now, nil // the page says that it goes on
		case <-tick.C:
		}
		next, err := g.ask(ctx, http.MethodGet)
		switch {
		case ctx.Err() != nil:
			return now, nil //nolint:nilerr // as above
		case err != nil:
			return now, err
		}
		now = next
	}
	return now, nil
}

type tourPage struct {
	Shell
	Tour tour.Tour
}

// Text is the key of a text about a fate; empty if there is none.
func (p *tourPage) Text(o tour.Order) string {
	if key := "tour.fate." + o.Fate; text.Has(key) {
		return key
	}
	return ""
}

// Order is the order of a fate; nil if there is none yet.
func (p *tourPage) Order(fate string) *tour.Order {
	i := slices.IndexFunc(p.Tour.Orders, func(o tour.Order) bool { return o.Fate == fate })
	if i < 0 {
		return nil
	}
	return &p.Tour.Orders[i]
}

// tour shows the way through the pages.
func (v *Visit) tour() {
	if !v.guided() {
		v.refuse(problem.New(problem.NotFound))
		return
	}
	v.showTour(v.site.guide.ask(v.Request.Context(), http.MethodGet))
}

// guided says whether there is a tour for this visitor.
func (v *Visit) guided() bool { return v.site.guide != nil && fromHere(v.Request) }

func (v *Visit) showTour(now tour.Tour, err error) {
	if err != nil {
		v.site.log.ErrorContext(v.Request.Context(), "ask for the tour", "error", err)
		v.refuse(problem.New(problem.Unavailable))
		return
	}
	data := &tourPage{Tour: now}
	data.Style, data.Private, data.Path = workStyle, true, "/tour"
	v.Render("tour", http.StatusOK, data)
}

// takeTour makes the demo conference, unless it is there, and signs the visitor in.
func (v *Visit) takeTour() {
	if !v.guided() {
		v.refuse(problem.New(problem.NotFound))
		return
	}
	ctx := v.Request.Context()
	now, err := v.site.guide.ask(ctx, http.MethodPost)
	if err == nil {
		_, err = v.site.guide.await(ctx, now)
	}
	for r, credential := range map[role]func(context.Context) (string, error){organiser: v.site.guide.Organiser, operator: v.site.guide.Operator} {
		var given, token string
		if err == nil {
			given, err = credential(ctx)
		}
		if err == nil {
			token, err = v.site.begin(ctx, given)
		}
		if err == nil {
			v.setCookie(r.cookie, token, "/", int(sessionFor.Seconds()))
		}
	}
	if err != nil {
		v.showTour(now, err)
		return
	}
	v.See("/tour")
}
