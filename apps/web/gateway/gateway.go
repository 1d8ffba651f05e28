// Package gateway is the HTTP API of Plenary, all of it under one origin. It
// holds no business rule and no state that matters: a write is turned into a
// command and published, a read is asked of the query service, and pages of the
// payment provider are passed through.
package gateway

import (
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
	// OrganiserToken gives the organiser's credential.
	OrganiserToken func(ctx context.Context) (string, error)
	// TrustedProxies are the networks whose word on a client's address is taken
	// (X-Forwarded-For, or X-Real-IP where there is none); nobody's, if there are none.
	TrustedProxies []string
	// MaxLag is how far handling may lag behind before new orders are turned away.
	MaxLag time.Duration
	// Limits bound what one address may take, and Challenge is asked where one holds
	// much; nil asks nobody.
	Limits    Limits
	Challenge Challenge
	// Pages are the pages for people, if there are any.
	Pages Pages
	Log   *slog.Logger
}

// Pages are pages for people under the same origin.
type Pages interface {
	Routes(routes gin.IRoutes, orders *access.Access)
	// Problem answers with a page that says what went wrong, if the request is
	// that of a person's browser, and else answers false and nothing.
	Problem(*gin.Context, *problem.Problem) bool
}

// Gateway answers the API's requests.
type Gateway struct {
	contracts *message.Registry
	commands  Commands
	pages     Pages
	query     *upstream.App
	changes   *changes.Changes
	feeds     *live.Feeds
	orders    *gather.Gatherer[*orderRead]
	absent    *live.Absent
	payments  *upstream.App
	keys      *idempotency.Keys
	access    *access.Access
	log       *slog.Logger

	api     huma.API
	backlog *backlog.Backlog
	finding *throttle.Throttle[netip.Prefix] // by client
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

// Finding an order takes e-mail and locator; guessing is to be hopeless, and a
// few slips of a person are not to be noticed. Only failures count.
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

// New makes a Gateway and puts its routes on router. It fails when a trusted
// proxy is no address or network.
func New(router *gin.Engine, o Options) (*Gateway, error) {
	trusted, err := proxiesOf(o.TrustedProxies)
	if err != nil {
		return nil, fmt.Errorf("trusted proxies: %w", err)
	}
	g := &Gateway{
		contracts: o.Contracts, commands: o.Commands, query: o.Query, payments: o.Payments,
		keys: idempotency.New(o.Keys), pages: o.Pages, log: o.Log,
		finding: throttle.New[netip.Prefix](findAtOnce, findEvery, findClients),
		writing: throttle.New[uuid.UUID](writesAtOnce, writeEvery, writeOrders),
		limits:  newLimits(o.Limits, o.Challenge),
		waiting: throttle.NewPlaces(maxWaiting, waitingEach),
		streams: throttle.NewPlaces(maxStreams, streamsEach),
	}
	g.changes = changes.New(g.query)
	g.feeds = &live.Feeds{Hub: g.changes.Hub(), Pace: feedPace}
	g.orders = gather.New(maxReadAtOnce, g.readOrders)
	g.absent = &live.Absent{Most: maxAbsent}
	g.running, g.end = context.WithCancel(context.Background())
	g.backlog = backlog.New(o.MaxLag, g.answered)
	g.tracer = otel.Tracer(scope)
	g.proxies = trusted
	if g.refused, g.wrong, err = measure(g.backlog); err != nil {
		return nil, fmt.Errorf("measure: %w", err)
	}

	g.access = access.New(access.Options{
		Links: o.Keys, OrganiserToken: o.OrganiserToken, Wrong: g.wrongCredential,
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
	g.explorer()
	g.organiser()
	g.passThrough(routes)
	docs.Serve(routes, g.api.OpenAPI())
	if g.pages != nil {
		g.pages.Routes(routes, g.access)
	}
	return g, nil
}

// headWithin bounds a HEAD request of a stream, which otherwise would not end. It is
// longer than query waits for what is not there.
const headWithin = 4 * time.Second

// headAsGet answers HEAD wherever GET is answered, as link checkers and monitors ask.
// The server leaves out the body.
func headAsGet(router *gin.Engine) gin.HandlerFunc {
	return func(c *gin.Context) {
		if c.Request.Method != http.MethodHead {
			return
		}
		ctx, cancel := context.WithTimeout(c.Request.Context(), headWithin)
		defer cancel()
		// A clone: by its own request, the server still knows that it was HEAD.
		c.Request = c.Request.Clone(ctx)
		c.Request.Method = http.MethodGet
		router.HandleContext(c)
		c.Abort()
	}
}

// Run does the gateway's background work until ctx ends, and then ends what
// clients hold open: streams, and requests that wait.
func (g *Gateway) Run(ctx context.Context) error {
	defer g.end()
	var all sync.WaitGroup
	all.Go(func() { g.changes.Run(ctx) })
	defer all.Wait()
	return g.backlog.Watch(ctx)
}

// whileRunning is ctx, ended also when the gateway ends.
func (g *Gateway) whileRunning(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	stop := context.AfterFunc(g.running, cancel)
	return ctx, func() { stop(); cancel() }
}

// Access decides who may see an order; it is for requests that came through the
// gateway's routes.
func (g *Gateway) Access() *access.Access { return g.access }

// OpenAPI describes the API.
func (g *Gateway) OpenAPI() *huma.OpenAPI { return g.api.OpenAPI() }

func config() huma.Config {
	schemas := huma.NewMapRegistry("#/components/schemas/", huma.DefaultSchemaNamer)
	schemas.RegisterTypeAlias(reflect.TypeFor[uuid.UUID](), reflect.TypeFor[uuidText]())
	c := huma.Config{
		OpenAPI: &huma.OpenAPI{
			OpenAPI: "3.1.0",
			Info: &huma.Info{
				Title:       "Plenary",
				Version:     "1",
				Description: description,
			},
			Tags: []*huma.Tag{
				{Name: tagConferences, Description: "What is on sale."},
				{Name: tagOrders, Description: "A registrant's order, from placing it to its seats. There are no accounts: an order is opened by its secret, which its registrant got when it was placed. Its id opens nothing."},
				{Name: tagPayments, Description: "Paying an order."},
				{Name: tagOutcomes, Description: "What became of a command."},
				{Name: tagOrganiser, Description: "What organisers and operators do."},
			},
			Components: &huma.Components{
				Schemas: schemas,
				SecuritySchemes: map[string]*huma.SecurityScheme{
					organiserScheme: {Type: "http", Scheme: "bearer", Description: "The organiser's token."},
					orderScheme:     {Type: "http", Scheme: "bearer", Description: "The order's secret, or the key of a link that was given when the order was found again. The organiser's token opens every order."},
				},
			},
		},
		Formats:       map[string]huma.Format{"application/json": problem.JSON, "json": problem.JSON},
		DefaultFormat: "application/json",
		Transformers:  []huma.Transformer{localize},
	}
	// What is answered may gain fields; what is sent in may not have any that
	// nobody knows, and says so where it is declared.
	c.AllowAdditionalPropertiesByDefault = true
	return c
}

const description = `Conference registration.

**Writing is asynchronous.** A write is checked, sent as a command and answered with 202 and where its outcome will be (header Location). With the header "Prefer: wait=10" the answer is held until the outcome is known, for 10 seconds at most: 200 or 201 with the outcome when the command was accepted, a problem with the code of the refusal when it was not, and still 202 when the time is over.

**Sending again is safe** with an Idempotency-Key (a UUID, or 128 random bits in base64 or hexadecimal digits), over any network, or with an id or secret of the client's own choice for what is made.


**An order is opened by its secret**, sent as "Authorization: Bearer <secret>". Placing the order gives it. Who finds the order again by e-mail and locator gets a further one for 30 days. Without a right one the answer is 401, whether there is such an order or not.

**Reading is eventually consistent**, and an outcome once known is included in what is read.

**What goes wrong** is answered as a problem (RFC 9457) with a stable code, in English or 简体中文 after Accept-Language; for Traditional Chinese alone, in English.

**Names** are kept as they were written, in any script, without white space around them; one name is a name. They are one line of at most 100 characters and 1,000 bytes, with something to be seen in it, without control characters and without characters that turn the direction of the text around them. **E-mail addresses** are shown as they were typed and found in every way of writing them; **record locators** are taken in any case, with blanks and hyphens.

**Amounts** are integers in minor units (cents). Times are UTC.`

// uuidText is how a UUID stands in JSON.
type uuidText struct{}

// Schema implements huma.SchemaProvider.
func (uuidText) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: huma.TypeString, Format: "uuid"}
}

// localize puts problems into the reader's language.
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

// fail answers a request that nothing else answers: a person with a page.
func (g *Gateway) fail(c *gin.Context, p *problem.Problem) {
	if g.pages != nil && g.pages.Problem(c, p) {
		c.Abort()
		return
	}
	fail(c, p)
}

// fail answers a request that huma does not see with a problem.
func fail(c *gin.Context, p *problem.Problem) {
	problem.Write(c.Writer, c.Request, p)
	c.Abort()
}

// unavailable logs why a part of the system could not be reached, and makes the
// problem that says no more than that.
func (g *Gateway) unavailable(ctx context.Context, doing string, err error) *problem.Problem {
	if ctx.Err() == nil { // else it is the client who went away
		g.log.ErrorContext(ctx, "unavailable", "doing", doing, "error", err)
	}
	return problem.New(problem.Unavailable).With("Retry-After", "1")
}
