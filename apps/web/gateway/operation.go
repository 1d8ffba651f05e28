package gateway

import (
	"cmp"
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/plenary/plenary/apps/web/access"
	"github.com/plenary/plenary/apps/web/problem"
	"github.com/plenary/plenary/engine/es"
)

// The groups of operations.
const (
	tagConferences = "Conferences"
	tagOrders      = "Orders"
	tagPayments    = "Payments"
	tagOutcomes    = "Outcomes"
	tagOrganiser   = "Organiser"

	tagOrganisations = "Organisations"
	tagOperator      = "Operator"
)

// Who may call an operation.
const (
	anyone    = "Anyone."
	holder    = "The holder of the order's secret, and the organiser."
	organiser = "The organiser."
	operator  = "The operator."
	either    = "The organiser and the operator."

	anyoneOncePublished = "Anyone once the conference has been published; before that, the organiser."

	holderOrOrganiser = "The holder of the order's secret, and the organiser, who may do it for longer."
)

// operation is one operation of the API.
type operation struct {
	id, method, path string
	tag              string
	summary, text    string
	who              string
	only             string // who of them, if not all
	body             bool   // has one
	params           bool   // has some, in the query or headers
	// problems are the codes it may answer with, besides those that every operation has.
	problems []es.Code
}

// read describes an operation that answers 200 with the resource.
func (g *Gateway) read(o operation) huma.Operation {
	o.problems = append(o.problems, problem.Unavailable)
	return g.describe(o)
}

// write describes an operation that sends a command.
func (g *Gateway) write(o operation, creates bool) huma.Operation {
	o.problems = append(o.problems, problem.IdempotencyKeyWeak, problem.IdempotencyKeyReused, problem.Unavailable)
	o.params = true
	op := g.describe(o)
	op.DefaultStatus = http.StatusAccepted
	g.alsoAnswers(&op, http.StatusOK, "The command was accepted before the wait ended")
	if creates {
		g.alsoAnswers(&op, http.StatusCreated, "The resource was created before the wait ended; Location is its address")
	}
	return op
}

func (g *Gateway) describe(o operation) huma.Operation {
	o.problems = append(o.problems, problem.InternalError)
	op := huma.Operation{
		OperationID: o.id,
		Method:      o.method,
		Path:        o.path,
		Tags:        []string{o.tag},
		Summary:     o.summary,
		Description: strings.TrimSpace(o.text + "\n\n**Who may call it:** " + cmp.Or(o.only, o.who)),
		Security:    []map[string][]string{{}}, // no credential is needed
		Responses:   map[string]*huma.Response{},
		// Bodies are bounded in size and time by readBody.
		MaxBodyBytes:    -1,
		BodyReadTimeout: -1,
	}
	switch o.who {
	case organiser:
		op.Security = []map[string][]string{{organiserScheme: {}}}
		op.Middlewares = huma.Middlewares{g.only(access.Organiser)}
		o.problems = append(o.problems, problem.CredentialRequired, problem.CredentialOfAnother, problem.TooManyRequests, problem.Unavailable)
	case operator:
		op.Security = []map[string][]string{{operatorScheme: {}}}
		op.Middlewares = huma.Middlewares{g.only(access.Operator)}
		o.problems = append(o.problems, problem.CredentialRequired, problem.CredentialOfAnother, problem.TooManyRequests, problem.Unavailable)
	case either:
		op.Security = []map[string][]string{{organiserScheme: {}}, {operatorScheme: {}}}
		op.Middlewares = huma.Middlewares{g.only(access.Organiser, access.Operator)}
		o.problems = append(o.problems, problem.CredentialRequired, problem.TooManyRequests, problem.Unavailable)
	case anyoneOncePublished:
		op.Security = append(op.Security, map[string][]string{organiserScheme: {}})
		op.Middlewares = huma.Middlewares{g.organiserToo}
		o.problems = append(o.problems, problem.CredentialRequired, problem.CredentialOfAnother, problem.TooManyRequests, problem.Unavailable)
	case holder, holderOrOrganiser:
		op.Security = []map[string][]string{{orderScheme: {}}}
		op.Middlewares = huma.Middlewares{g.openedOnly}
		o.problems = append(o.problems, problem.OrderSecretRequired, problem.CrossOrigin, problem.TooManyRequests, problem.Unavailable)
	}
	if o.body || o.params || strings.Contains(o.path, "{") {
		o.problems = append(o.problems, problem.ValidationFailed)
	}
	if o.body {
		o.problems = append(o.problems, problem.MalformedJSON, problem.BodyRequired, problem.BodyTooLarge,
			problem.UnsupportedMediaType, problem.RequestTimeout)
	}
	g.describeProblems(&op, o.problems)
	return op
}

// problemHeaders are the headers that a problem of each status carries.
var problemHeaders = map[int]string{
	http.StatusUnauthorized:       "WWW-Authenticate",
	http.StatusTooManyRequests:    "Retry-After",
	http.StatusServiceUnavailable: "Retry-After",
}

// describeProblems describes an operation's problems, by status.
func (g *Gateway) describeProblems(op *huma.Operation, codes []es.Code) {
	schema := g.api.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[problem.Problem](), true, "Problem")
	for _, kind := range problem.Kinds {
		if !slices.Contains(codes, kind.Code) {
			continue
		}
		status := strconv.Itoa(kind.Status)
		if op.Responses[status] == nil {
			op.Responses[status] = &huma.Response{
				Content: map[string]*huma.MediaType{problem.ContentType: {Schema: schema}},
			}
			if name, ok := problemHeaders[kind.Status]; ok {
				op.Responses[status].Headers = map[string]*huma.Param{name: {Schema: &huma.Schema{Type: huma.TypeString}}}
			}
		} else {
			op.Responses[status].Description += "; "
		}
		op.Responses[status].Description += fmt.Sprintf("`%s`: %s", kind.Code, kind.English.Title)
	}
}

// alsoAnswers describes a further status that is answered with a receipt.
func (g *Gateway) alsoAnswers(op *huma.Operation, status int, description string) {
	schema := g.api.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[Receipt](), true, "Receipt")
	op.Responses[strconv.Itoa(status)] = &huma.Response{
		Description: description,
		Content:     map[string]*huma.MediaType{"application/json": {Schema: schema}},
	}
}
