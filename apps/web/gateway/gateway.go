// Package gateway is the HTTP API of Plenary, under one origin. It has no
// business rules and no durable state: it publishes each write as a command,
// forwards reads to the query service and passes the payment provider's pages
// through.
package gateway

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"reflect"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humagin"
	"github.com/gin-gonic/gin"
	"github.com/google/uuid"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/trace"

	"github.com/plenary/plenary/apps/query/live"
	"github.com/plenary/plenary/apps/web/access"
	"github.com/plenary/plenary/apps/web/backlog"
	"github.com/plenary/plenary/apps/web/changes"
	"github.com/plenary/plenary/apps/web/docs"
	"github.com/plenary/plenary/apps/web/idempotency"
	"github.com/plenary/plenary/apps/web/problem"
	"github.com/plenary/plenary/apps/web/throttle"
	"github.com/plenary/plenary/apps/web/upstream"
	"github.com/plenary/plenary/engine/gather"
	"github.com/plenary/plenary/engine/message"
)

// Commands sends commands.
type Commands interface {
	// Send returns nil only when the broker has the command.
	Send(ctx context.Context, command message.Message) error
}

// Options are what a Gateway works with.
type Options struct {
	// Contracts holds the rules of every command.
	Contracts *message.Registry
	Commands  Commands
	// Query and Payments are the apps behind this one.
	Query, Payments *upstream.App
	// Keys keeps the Idempotency-Keys, and the links of orders found again.
	Keys idempotency.Store
	// OrganiserToken and OperatorToken give the credentials of those who work with
	// Plenary.
	OrganiserToken, OperatorToken func(ctx context.Context) (string, error)
	// TrustedProxies are the networks whose X-Forwarded-For (or X-Real-IP, when
	// that is absent) names the client. If empty, no proxy is trusted.
	TrustedProxies []string
	// MaxLag is the lag in handling beyond which new orders are turned away.
	MaxLag time.Duration
	// Limits bound what one address may take at the moment; nil bounds nothing. Challenge
	// is asked where one holds much; nil asks nobody.
	Limits    func() Limits
	Challenge Challenge
	// Recheck is how often the credential that opened a stream is looked at again; 0 is
	// the default.
	Recheck time.Duration
	// Remember is how long a member's credential that was right is not looked up again; 0
	// is the default.
	Remember time.Duration
	// Pages are the HTML pages; optional.
	Pages Pages
	Log   *slog.Logger
}

// Pages are HTML pages under the same origin.
type Pages interface {
	Routes(routes gin.IRoutes, orders *access.Access)
	// Problem answers a browser's request with an error page. For any other
	// request it returns false and writes nothing.
	Problem(*gin.Context, *problem.Problem) bool
	// Language is the language in which pages answer this request.
	Language(*gin.Context) string
}

// Gateway answers the API's requests.
type Gateway struct {
	contracts *message.Registry
	commands  Commands
	pages     Pages
	query     *upstream.App
	changes   *changes.Changes
	feeds     *live.Feeds
	orders    *gather.Gatherer[*orderRead] // for streams
	reading   *gather.Gatherer[*orderRead]
	absent    *live.Absent
	payments  *upstream.App
	keys      *idempotency.Keys
	access    *access.Access
	log       *slog.Logger

	api     huma.API
	backlog *backlog.Backlog
	recheck time.Duration
	finding *throttle.Throttle[netip.Prefix] // by client
	coding  *throttle.Throttle[netip.Prefix] // by client
	writing *throttle.Throttle[uuid.UUID]    // by order
	limits  *limits
	tracer  trace.Tracer
	refused metric.Int64Counter // requests answered with 429
	proxies proxies
	wrong   metric.Int64Counter // secrets and tokens that open nothing
	waiting *throttle.Places
	streams *throttle.Places
	health  health
	running context.Context // ends when the gateway does
	end     context.CancelFunc
}

// Finding an order takes an e-mail address and a locator. The limits make
// guessing hopeless without troubling a person who mistypes. Only failures count.
const (
	findAtOnce    = 10
	findEvery     = 6 * time.Second
	findClients   = 10_000
	readyLookBack = 10 * time.Second
)

// One order is written to by a person or two, who fill in a form for every seat.
// The limit is that of one replica, and by order: a hall full of people is one
// address, whose limit is higher (Limits).
const (
	writesAtOnce = 60
	writeEvery   = time.Second
	writeOrders  = 50_000
)

// New makes a Gateway and adds its routes to router. It fails if a trusted proxy
// is not an address or network.
func New(router *gin.Engine, o Options) (*Gateway, error) {
	trusted, err := proxiesOf(o.TrustedProxies)
	if err != nil {
		return nil, fmt.Errorf("trusted proxies: %w", err)
	}
	g := &Gateway{
		contracts: o.Contracts, commands: o.Commands, query: o.Query, payments: o.Payments,
		keys: idempotency.New(o.Keys), pages: o.Pages, log: o.Log,
		writing: throttle.New[uuid.UUID](writesAtOnce, writeEvery, writeOrders),
		limits:  newLimits(o.Limits, o.Challenge),
		waiting: throttle.NewPlaces(maxWaiting, waitingEach),
		streams: throttle.NewPlaces(maxStreams, streamsEach),
	}
	g.finding = g.limits.byClient(findAtOnce, findEvery, findClients)
	g.changes = changes.New(g.query)
	g.feeds = &live.Feeds{Hub: g.changes.Hub(), Pace: feedPace}
	g.orders = gather.New(maxReadAtOnce, g.readOrders)
	g.reading = gather.New(maxReadAtOnce, g.readOrders).Bounded(maxReading)
	g.absent = &live.Absent{Most: maxAbsent}
	g.recheck = cmp.Or(o.Recheck, recheck)
	g.running, g.end = context.WithCancel(context.Background())
	g.backlog = backlog.New(o.MaxLag, g.answered)
	g.tracer = otel.Tracer(scope)
	g.proxies = trusted
	if g.refused, g.wrong, err = measure(g.backlog); err != nil {
		return nil, fmt.Errorf("measure: %w", err)
	}

	g.access = access.New(access.Options{
		Links: o.Keys, OrganiserToken: o.OrganiserToken, OperatorToken: o.OperatorToken, Wrong: g.wrongCredential,
		Credential: g.credential, Owns: g.owns, Remember: o.Remember,
		Client: func(r *http.Request) netip.Addr { return originOf(r.Context()).addr },
	})

	router.HandleMethodNotAllowed = true
	router.RedirectTrailingSlash = false
	before := []gin.HandlerFunc{g.logAccess, g.recoverPanic, secureHeaders, g.withOrigin, boundWriting, g.readBody}
	router.NoRoute(append(before, func(c *gin.Context) { g.fail(c, problem.New(problem.NotFound)) })...)
	router.NoMethod(append([]gin.HandlerFunc{headAsGet(router)}, append(before, func(c *gin.Context) { g.fail(c, problem.New(problem.MethodNotAllowed)) })...)...)

	routes := router.Group("/", before...)
	g.api = humagin.NewWithGroup(router, routes, config())
	g.registrant()
	g.reads()
	g.lists()
	g.promo()
	g.waitlist()
	g.explorer()
	g.organiser()
	g.organisations()
	g.stuck()
	g.passThrough(routes)
	docs.Serve(routes, g.api.OpenAPI())
	if g.pages != nil {
		g.pages.Routes(routes, g.access)
	}
	return g, nil
}

// headWithin bounds a HEAD request for a stream, which would otherwise not end. It is
// longer than query waits for what is not there.
const headWithin = 4 * time.Second

// headAsGet answers HEAD wherever GET is answered, for link checkers and monitors.
// The server omits the body.
func headAsGet(router *gin.Engine) gin.HandlerFunc {
	return func(c *gin.Context) {
		if c.Request.Method != http.MethodHead {
			return
		}
		ctx, cancel := context.WithTimeout(c.Request.Context(), headWithin)
		defer cancel()
		// A clone, so that the server's own request still says HEAD.
		c.Request = c.Request.Clone(ctx)
		c.Request.Method = http.MethodGet
		router.HandleContext(c)
		c.Abort()
	}
}

// Run does the gateway's background work until ctx ends. Then it ends the
// streams and waiting requests that clients hold open.
func (g *Gateway) Run(ctx context.Context) error {
	defer g.end()
	var all sync.WaitGroup
	all.Go(func() { g.changes.Run(ctx) })
	defer all.Wait()
	return g.backlog.Watch(ctx)
}

// whileRunning is ctx, cancelled also when the gateway ends.
func (g *Gateway) whileRunning(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	stop := context.AfterFunc(g.running, cancel)
	return ctx, func() { stop(); cancel() }
}

// Access decides who may see an order. Use it only for requests that came through
// the gateway's routes.
func (g *Gateway) Access() *access.Access { return g.access }

// OpenAPI describes the API.
func (g *Gateway) OpenAPI() *huma.OpenAPI { return g.api.OpenAPI() }

func config() huma.Config {
	schemas := huma.NewMapRegistry("#/components/schemas/", huma.DefaultSchemaNamer)
	schemas.RegisterTypeAlias(reflect.TypeFor[uuid.UUID](), reflect.TypeFor[uuidText]())
	format := huma.Format{Marshal: marshal, Unmarshal: problem.JSON.Unmarshal}
	c := huma.Config{
		OpenAPI: &huma.OpenAPI{
			OpenAPI: "3.1.0",
			Info: &huma.Info{
				Title:       "Plenary",
				Version:     "1",
				Description: description,
			},
			Tags: []*huma.Tag{
				{Name: tagConferences, Description: "Conferences on sale."},
				{Name: tagOrders, Description: "A registrant's order, from placing it to assigning its seats. There are no accounts: an order's secret, returned when the order is placed, gives access to it. Its id alone does not."},
				{Name: tagPayments, Description: "Payments for orders."},
				{Name: tagOutcomes, Description: "Outcomes of commands."},
				{Name: tagOrganiser, Description: "Operations for organisers."},
				{Name: tagOrganisations, Description: "Organisations, their members and the members' credentials; who changed what."},
				{Name: tagOperator, Description: "Operations for operators, who look after the system, and for those who want to know how an order went."},
			},
			Components: &huma.Components{
				Schemas: schemas,
				SecuritySchemes: map[string]*huma.SecurityScheme{
					organiserScheme: {Type: "http", Scheme: "bearer", Description: "A member's credential, or the installation's own for organisers, which is that of an owner of the main organisation. It opens what belongs to the organisation; all else is as if it were not there."},
					operatorScheme:  {Type: "http", Scheme: "bearer", Description: "The operator's token. It is another one than organisers', and opens no conference and no order."},
					orderScheme:     {Type: "http", Scheme: "bearer", Description: "The order's secret, or the key returned when the order was found again. An organiser's credential gives access to the orders of the organisation's conferences."},
				},
			},
		},
		Formats:       map[string]huma.Format{"application/json": format, "json": format},
		DefaultFormat: "application/json",
		Transformers:  []huma.Transformer{localize},
	}
	// Answers may gain fields. Request bodies must not have unknown fields, and
	// declare that one by one.
	c.AllowAdditionalPropertiesByDefault = true
	return c
}

const description = `Conference registration.

**Writes are asynchronous.** The API validates a write, sends it as a command and answers 202; the header Location says where its outcome will be. With the header "Prefer: wait=10" the API holds the answer until the outcome is known, for at most 10 seconds: 200 or 201 with the outcome if the command was accepted, a problem with the refusal's code if it was refused, and still 202 if the time ran out.

**Retries are safe** with an Idempotency-Key (a UUID, or 128 random bits in base64 or hexadecimal digits), or with an id or secret that the client chooses for the new resource.

**An order's secret gives access to it**, sent as "Authorization: Bearer <secret>". Placing the order returns the secret. Finding the order again by e-mail address and locator returns another one, valid for 30 days. Without a valid secret the answer is 401, whether or not the order exists.

**Reads are eventually consistent.** Once a command's outcome is known, reads include its effect.

**Errors** are problem details (RFC 9457) with a stable code, in English or 简体中文 according to Accept-Language. A client that accepts only Traditional Chinese gets English.

**Names** may use any script and are kept as written, without surrounding white space; a first or a last name alone is enough. A name is one line of at most 100 characters and 1,000 bytes, with at least one visible character, no control characters and no characters that override the text's direction. **E-mail addresses** are shown as typed; a search finds an address in any spelling. **Record locators** may be typed in upper or lower case, with spaces and hyphens.

**Amounts** are integers in minor units (cents). Times are UTC.`

// uuidText is a UUID in JSON.
type uuidText struct{}

// Schema implements huma.SchemaProvider.
func (uuidText) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: huma.TypeString, Format: "uuid"}
}

// localize translates problems into the reader's language.
func localize(ctx huma.Context, _ string, v any) (any, error) {
	p, ok := v.(*problem.Problem)
	if !ok {
		return v, nil
	}
	url := ctx.URL()
	sent, lang := p.Localize(ctx.Header("Accept-Language"), url.Path)
	problem.SetLanguage(ctx.SetHeader, lang)
	return sent, nil
}

// fail answers a request with a problem: a browser gets a page.
func (g *Gateway) fail(c *gin.Context, p *problem.Problem) {
	if g.pages != nil && g.pages.Problem(c, p) {
		c.Abort()
		return
	}
	fail(c, p)
}

// fail answers a request that huma does not handle with a problem.
func fail(c *gin.Context, p *problem.Problem) {
	problem.Write(c.Writer, c.Request, p)
	c.Abort()
}

// unavailable logs why a part of the system could not be reached, and makes a
// problem that does not give the reason.
func (g *Gateway) unavailable(ctx context.Context, doing string, err error) *problem.Problem {
	if ctx.Err() == nil { // otherwise the client went away
		g.log.ErrorContext(ctx, "unavailable", "doing", doing, "error", err)
	}
	return problem.New(problem.Unavailable).With("Retry-After", "1")
}
