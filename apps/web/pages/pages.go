// Package pages is what people meet: pages in English and Simplified Chinese,
// made on the server, under the same origin as the API.
//
// A page holds no rule. It is a client of the API: it reads and sends through
// Visit.Get and Visit.Send, which call the API's own operations in this process,
// on the visitor's behalf and in the visitor's language. So a page refuses what
// the API refuses, in the words of package problem, and is counted and throttled
// as any other client.
//
// # How to add a page
//
//   - A template templates/NAME.html that defines "title" and "main". It uses the
//     components of templates/components.html and holds no text of its own:
//     {{t "key" "name" value}} gives a text. A test refuses letters in a template.
//   - Its texts in text/catalogue.go, in both languages.
//   - A handler func(v *Visit), added to the routes with Site.page, or
//     Site.form for a POST. It ends with v.Render("NAME", status, data), where
//     data embeds Shell, or with v.See(path), which redirects with 303.
//   - A POST changes something and a GET does not. A form carries
//     {{template "form-id" .}}: the same form sent twice is one command (Visit.Send
//     derives the Idempotency-Key from it). When the API refuses, render the page
//     again with what was typed and the problem: see Fields.
//   - Everything must work without script. With script, a region with an id and
//     the attribute data-live is replaced whenever what Shell.Live names changes.
//   - Add the page to pages_test.go (everyPage), which renders it in each
//     language, weighs it and checks its markup; tests/browser does the same with
//     a real browser.
package pages

import (
	"context"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/plenary/plenary/apps/web/access"
	"github.com/plenary/plenary/apps/web/problem"
	"github.com/plenary/plenary/apps/web/throttle"
)

// Options are what the pages work with.
type Options struct {
	// API answers the API's requests: the router that the gateway is on.
	API http.Handler
	// Sessions keeps who is signed in.
	Sessions SessionStore
	// Grace is for how long after its deadline an order waits for a payment that is
	// open, as the process has it; it is not shown if it is 0.
	Grace func() time.Duration
	// Guide makes the tour; nil where there is none.
	Guide *Guide
	// Now is the clock; time.Now if it is nil.
	Now func() time.Time
	Log *slog.Logger
}

// Site is all pages.
type Site struct {
	api     http.Handler
	now     func() time.Time
	log     *slog.Logger
	render  renderer
	foreign *http.CrossOriginProtection
	orders  *access.Access

	sessions SessionStore
	grace    func() time.Duration
	guide    *Guide

	feeds     *feeds
	followers *throttle.Places
	running   context.Context // ends when the app does
	end       context.CancelFunc
}

// New makes the pages. It panics when a template is wrong, which a test rules out.
func New(o Options) *Site {
	if o.Now == nil {
		o.Now = time.Now
	}
	s := &Site{
		api: o.API, now: o.Now, log: o.Log, render: newRenderer(), foreign: http.NewCrossOriginProtection(), sessions: o.Sessions, grace: o.Grace, guide: o.Guide,
		followers: throttle.NewPlaces(maxFollowers, followersEach),
	}
	s.running, s.end = context.WithCancel(context.Background())
	s.feeds = &feeds{api: o.API, running: s.running, open: map[string]*feed{}}
	return s
}

// Run ends what browsers hold open when ctx ends.
func (s *Site) Run(ctx context.Context) error {
	<-ctx.Done()
	s.end()
	return nil
}

// Routes puts the pages on routes.
func (s *Site) Routes(routes gin.IRoutes, orders *access.Access) {
	s.orders = orders
	serveStatic(routes)
	routes.GET("/robots.txt", robots)
	s.form(routes, "/preferences", (*Visit).preferences)

	s.page(routes, "/live", (*Visit).follow)

	s.page(routes, "/", (*Visit).home)
	s.page(routes, "/c/:slug", (*Visit).conference)
	s.form(routes, "/c/:slug", (*Visit).place)
	s.form(routes, "/c/:slug/draft", (*Visit).keepSelection)
	s.page(routes, "/tour", (*Visit).tour)
	s.form(routes, "/tour", (*Visit).takeTour)
	s.page(routes, "/find", (*Visit).find)
	s.form(routes, "/find", (*Visit).lookUp)

	s.page(routes, "/orders/:id", (*Visit).order)
	s.page(routes, "/orders/:id/live", (*Visit).follow)
	s.page(routes, "/orders/:id/calendar.ics", (*Visit).calendar)
	for name, take := range map[string]func(*Visit, *orderPage) *Failure{
		"items": (*Visit).changeItems, "registrant": (*Visit).register,
		"pay": (*Visit).pay, "confirm": (*Visit).confirm, "cancel": (*Visit).cancel, "promo-code": (*Visit).promoCode, "leave": (*Visit).leaveLine,
	} {
		s.form(routes, "/orders/:id/"+name, func(v *Visit) { v.act(take) })
		s.page(routes, "/orders/:id/"+name, func(v *Visit) { v.See("/orders/" + v.Param("id")) })
	}
	s.page(routes, "/orders/:id/seats", (*Visit).seats)
	s.form(routes, "/orders/:id/seats", (*Visit).assign)
	s.page(routes, "/orders/:id/give-back", (*Visit).giveBack)
	s.form(routes, "/orders/:id/give-back", (*Visit).takeBack)
	s.page(routes, "/paid/:payment", (*Visit).paid)

	s.work(routes)
	s.page(routes, "/organise", asOrganiser((*Visit).organise))
	s.page(routes, "/organise/new", asOrganiser((*Visit).newConference))
	s.form(routes, "/organise/new", asOrganiser((*Visit).saveDetails))
	s.page(routes, "/organise/members", asOrganiser((*Visit).members))
	s.form(routes, "/organise/members", asOrganiser((*Visit).changeMembers))
	s.page(routes, "/organise/changes", asOrganiser((*Visit).audit))
	s.page(routes, "/organise/c/:id", asOrganiser((*Visit).dashboard))
	s.form(routes, "/organise/c/:id/sale", asOrganiser((*Visit).publish))
	s.form(routes, "/organise/c/:id/seat-types", asOrganiser((*Visit).seatType))
	s.page(routes, "/organise/c/:id/details", asOrganiser((*Visit).details))
	s.form(routes, "/organise/c/:id/details", asOrganiser((*Visit).saveDetails))
	s.form(routes, "/organise/c/:id/slug", asOrganiser((*Visit).rename))
	s.form(routes, "/organise/c/:id/delete", asOrganiser((*Visit).deleteDraft))
	s.form(routes, "/organise/c/:id/duplicate", asOrganiser((*Visit).duplicate))
	s.page(routes, "/organise/c/:id/orders", asOrganiser((*Visit).orders))
	s.page(routes, "/organise/c/:id/attendees", asOrganiser((*Visit).attendees))
	s.page(routes, "/organise/c/:id/promo-codes", asOrganiser((*Visit).promoCodes))
	s.form(routes, "/organise/c/:id/promo-codes", asOrganiser((*Visit).savePromoCode))
	s.page(routes, "/organise/c/:id/waitlist", asOrganiser((*Visit).waitlist))
	s.form(routes, "/organise/c/:id/waitlist", asOrganiser((*Visit).changeLine))
	for _, name := range []string{"orders.csv", "attendees.csv"} {
		s.page(routes, "/organise/c/:id/"+name, asOrganiser(func(v *Visit, credential string) { v.file(credential, name) }))
	}
	s.page(routes, "/organise/orders/:id", asOrganiser((*Visit).ownOrder))
	s.form(routes, "/organise/orders/:id/cancel", asOrganiser((*Visit).cancelOwn))
	s.page(routes, "/organise/orders/:id/give-back", asOrganiser((*Visit).giveOwnBack))
	s.form(routes, "/organise/orders/:id/give-back", asOrganiser((*Visit).takeOwnBack))
}

// page serves a page by GET.
func (s *Site) page(routes gin.IRoutes, path string, show func(*Visit)) {
	routes.GET(path, func(c *gin.Context) { show(s.visit(c)) })
}

// form takes a form by POST. One that another site's page sent is refused.
func (s *Site) form(routes gin.IRoutes, path string, take func(*Visit)) {
	routes.POST(path, func(c *gin.Context) {
		v := s.visit(c)
		if err := s.foreign.Check(c.Request); err != nil {
			v.refuse(problem.New(problem.CrossOrigin))
			return
		}
		if err := c.Request.ParseForm(); err != nil {
			v.refuse(problem.New(problem.ValidationFailed))
			return
		}
		take(v)
	})
}

// Problem answers a request that went wrong before it came to a page: with a page
// if a person asks. It answers false, and nothing, if a program does.
func (s *Site) Problem(c *gin.Context, p *problem.Problem) bool {
	path := c.Request.URL.Path
	if strings.HasPrefix(path, "/api/") || !strings.Contains(c.GetHeader("Accept"), "text/html") {
		return false
	}
	s.visit(c).refuse(p)
	return true
}

func robots(c *gin.Context) {
	c.Header("Cache-Control", "max-age=3600")
	c.Data(http.StatusOK, "text/plain; charset=utf-8", []byte("User-agent: *\nDisallow: /api/\nDisallow: /orders/\nDisallow: /pay/\nDisallow: /organise\nDisallow: /operate\nDisallow: /explore\n"))
}
