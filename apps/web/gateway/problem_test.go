package gateway_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/plenary/plenary/apps/web/access"
	"github.com/plenary/plenary/apps/web/gateway"
	"github.com/plenary/plenary/apps/web/problem"
	"github.com/plenary/plenary/contracts/refusal"
	"github.com/plenary/plenary/engine/es"
	"github.com/plenary/plenary/engine/message"
)

func TestRequestsThatBreakRulesNameFieldAndRule(t *testing.T) {
	shared := newFixture(t) // nothing gets behind it
	person := func(email string) string {
		return `{"firstName":"Ada","lastName":"Lovelace","email":"` + email + `"}`
	}
	named := func(first, last string) string {
		return `{"firstName":"` + first + `","lastName":"` + last + `","email":"ada@example.org"}`
	}
	conference := func(old, replacement string) string {
		return strings.Replace(`{"slug":"s","owner":"o","currency":"USD",`+detailsJSON+`}`, old, replacement, 1)
	}
	for _, c := range []struct {
		name, request, body string
		headers             []header
		field, rule         string
	}{
		{"a field is missing", "PUT " + orderPath("/registrant"), `{"firstName":"Ada","lastName":"L"}`, nil, "email", "required"},
		{"a field of an item is missing", "PUT " + orderPath("/items"), `{"items":[{"quantity":1}]}`, nil, "items[0].seatType", "required"},
		{"a quantity is missing", "PUT " + orderPath("/items"), `{"items":[{"seatType":"` + seatTypeID.String() + `"}]}`, nil, "items[0].quantity", "required"},
		{"the items are missing", "POST " + placePath(), `{}`, nil, "items", "required"},
		{"the items are null", "POST " + placePath(), `{"items":null}`, nil, "items", "type=array"},
		{"the body is a list", "POST " + placePath(), `[]`, nil, "body", "type=object"},
		{"the body is null", "POST " + placePath(), `null`, nil, "body", "type=object"},
		{"a field nobody knows", "POST " + placePath(), `{"items":[],"price":0}`, nil, "price", "additionalProperties"},
		{"a negative quantity", "POST " + placePath(), strings.Replace(oneSeat, `"quantity":1`, `"quantity":-1`, 1), nil, "items[0].quantity", "minimum=0"},
		{"an enormous quantity", "POST " + placePath(), strings.Replace(oneSeat, `"quantity":1`, `"quantity":1e30`, 1), nil, "items[0].quantity", "maximum=10000"},
		{"half a seat", "POST " + placePath(), strings.Replace(oneSeat, `"quantity":1`, `"quantity":0.5`, 1), nil, "items[0].quantity", "type=integer"},
		{"a seat written as a fraction", "POST " + placePath(), strings.Replace(oneSeat, `"quantity":1`, `"quantity":1.0`, 1), nil, "items.quantity", "type=integer"},
		{"a quantity in words", "POST " + placePath(), strings.Replace(oneSeat, `"quantity":1`, `"quantity":"one"`, 1), nil, "items[0].quantity", "type=integer"},
		{"too many items", "POST " + placePath(), `{"items":[` + strings.TrimSuffix(strings.Repeat(`{"seatType":"`+seatTypeID.String()+`","quantity":1},`, 51), ",") + `]}`, nil, "items", "maxItems=50"},
		{"a seat type that is no id", "POST " + placePath(), `{"items":[{"seatType":"x","quantity":1}]}`, nil, "items[0].seatType", "format=uuid"},
		{"a secret of less than 128 bits", "POST " + placePath(), `{"secret":"` + orderSecret[:21] + `","items":[]}`, nil, "secret", "pattern=" + access.SecretPattern},
		{"a secret that is not base64url", "POST " + placePath(), `{"secret":"` + orderSecret + `=","items":[]}`, nil, "secret", "pattern=" + access.SecretPattern},
		{"the nil id", "POST " + orderPath("/payments"), `{"paymentId":"` + uuid.Nil.String() + `","amount":{"amount":1,"currency":"USD"}}`, nil, "paymentId", "required"},
		{"an order in the path that is no id", "POST /api/orders/42/confirm", "", nil, "path.id", "format=uuid"},
		{"a read of what is no id", "GET /api/orders/42", "", nil, "path.id", "format=uuid"},
		{"a conference that cannot be one", "GET /api/conferences/a%20b", "", nil, "path.id", "pattern=^[A-Za-z0-9-]+$"},
		{"a position that is no number", "DELETE " + orderPath("/seats/first"), "", nil, "path.position", "type=integer"},
		{"a negative position", "DELETE " + orderPath("/seats/-1"), "", nil, "path.position", "minimum=0"},
		{"no e-mail address", "PUT " + orderPath("/registrant"), person("ada"), nil, "email", "format=email"},
		{"more than an e-mail address", "PUT " + orderPath("/registrant"), person("Ada <ada@example.org>"), nil, "email", "format=email"},
		{"more than an attendee's e-mail address", "PUT " + orderPath("/seats/0"), strings.Replace(person("Ada <ada@example.org>"), "{", `{"type":"paid",`, 1), nil, "email", "format=email"},
		{"no name", "PUT " + orderPath("/registrant"), named("", ""), nil, "firstName", "required"},
		{"a blank name", "PUT " + orderPath("/registrant"), named(" ", "\u3000"), nil, "firstName", "blank"},
		{"a name that cannot be seen", "PUT " + orderPath("/registrant"), named(`\u200b`, "Lovelace"), nil, "firstName", "invisible"},
		{"a name of two lines", "PUT " + orderPath("/registrant"), named("Ada", `Love\nlace`), nil, "lastName", "lineBreak"},
		{"a name with a control character", "PUT " + orderPath("/registrant"), named(`A\u0000da`, ""), nil, "firstName", "controlCharacter"},
		{"a name that turns the text around it", "PUT " + orderPath("/registrant"), named(`\u202eadA`, ""), nil, "firstName", "bidiOverride"},
		{"an endless name", "PUT " + orderPath("/registrant"), named(strings.Repeat("é", 101), ""), nil, "firstName", "maxGraphemes=100"},
		{"a heavy name", "PUT " + orderPath("/registrant"), named(strings.Repeat("👩‍👩‍👧‍👦", 41), ""), nil, "firstName", "maxBytes=1000"},
		{"an attendee's name of two lines", "PUT " + orderPath("/seats/0"), strings.Replace(named("Ada", `Love\nlace`), "{", `{"type":"paid",`, 1), nil, "lastName", "lineBreak"},
		{"a conference's name of two lines", "POST /api/conferences", conference("Gophers", `Go\nphers`), []header{asOrganiser}, "name", "lineBreak"},
		{"a conference's description with an escape", "POST /api/conferences", conference("All about Go", `\u001b[31m`), []header{asOrganiser}, "description", "controlCharacter"},
		{"a location of two lines", "POST /api/conferences", conference("Shanghai", `Shang\nhai`), []header{asOrganiser}, "location", "lineBreak"},
		{"an organisation that cannot be seen", "POST /api/conferences", conference(`"o"`, `"\u200b"`), []header{asOrganiser}, "owner", "invisible"},
		{"a seat type's name that is blank", "POST /api/conferences/" + conferenceID.String() + "/seat-types", `{"name":" ","price":1,"quota":1}`, []header{asOrganiser}, "name", "blank"},
		{"a domain that is none", "PUT " + orderPath("/registrant"), person("ada@-example-.org"), nil, "email", "format=email"},
		{"an attendee of no known type", "PUT " + orderPath("/seats/0"), strings.Replace(person("ada@example.org"), "{", `{"type":"vip",`, 1), nil, "type", "enum=paid, speaker, volunteer, student, track-chair"},
		{"nothing to pay", "POST " + orderPath("/payments"), `{"amount":{"amount":0,"currency":"USD"}}`, nil, "amount.amount", "minimum=1"},
		{"a negative payment", "POST " + orderPath("/payments"), `{"amount":{"amount":-5,"currency":"USD"}}`, nil, "amount.amount", "minimum=1"},
		{"no currency", "POST " + orderPath("/payments"), `{"amount":{"amount":5,"currency":"usd"}}`, nil, "amount.currency", "pattern=^[A-Z]{3}$"},
		{"a locator of another length", "POST /api/orders/find", `{"email":"ada@example.org","locator":"ABC"}`, nil, "locator", "format=locator"},
		{"a locator of other characters", "POST /api/orders/find", `{"email":"ada@example.org","locator":"K7PQ2MX0"}`, nil, "locator", "format=locator"},
		{"a slug with spaces", "POST /api/conferences", conference(`"slug":"s"`, `"slug":"a b"`), []header{asOrganiser}, "slug", "pattern=^[a-z0-9]+(-[a-z0-9]+)*$"},
		{"a date that is none", "POST /api/conferences", conference("2027-05-01T", "2027-02-30T"), []header{asOrganiser}, "startsAt", "format=date-time"},
		{"the beginning of time", "POST /api/conferences", conference("2027-05-01T09:00:00Z", "0001-01-01T00:00:00Z"), []header{asOrganiser}, "startsAt", "required"},
		{"a negative price", "POST /api/conferences/" + conferenceID.String() + "/seat-types", `{"name":"n","price":-1,"quota":1}`, []header{asOrganiser}, "price", "minimum=0"},
		{"a negative quota", "POST /api/conferences/" + conferenceID.String() + "/seat-types", `{"name":"n","price":1,"quota":-1}`, []header{asOrganiser}, "quota", "minimum=0"},
		{"dead letters of no known status", "GET /api/dead-letters?status=lost", "", []header{asOperator}, "query.status", "enum=open, retried, discarded, unsettled"},
		{"a dead letter's id that leads elsewhere", "GET /api/dead-letters/a%3Fb", "", []header{asOperator}, "path.id", "pattern=^[A-Za-z0-9_-][A-Za-z0-9._-]*$"},
		{"an endless key", "POST " + placePath(), oneSeat, []header{{"Idempotency-Key", strings.Repeat("k", 256)}}, "header.Idempotency-Key", "maxLength=255"},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := shared.in(t)
			method, path, _ := strings.Cut(c.request, " ")
			r := f.do(method, path, c.body, c.headers...)
			p := r.problem(http.StatusUnprocessableEntity, problem.ValidationFailed)
			if len(p.Errors) != 1 || p.Errors[0].Field != c.field || p.Errors[0].Rule != c.rule || p.Errors[0].Message == "" {
				t.Fatalf("got %s\nwant field %s, rule %s", r.body, c.field, c.rule)
			}
			if strings.Contains(string(r.body), "ada@") {
				t.Fatalf("repeats personal data: %s", r.body)
			}
			if len(f.broker.commands())+len(f.query.requests()) > 0 {
				t.Fatal("something was asked or sent all the same")
			}
		})
	}
}

func TestEveryBrokenRuleIsNamedAtOnce(t *testing.T) {
	f := newFixture(t)
	r := f.do("PUT", orderPath("/registrant"), `{"firstName":"A\nda","lastName":"\u200b","email":"ada"}`)
	if p := r.problem(http.StatusUnprocessableEntity, problem.ValidationFailed); len(p.Errors) != 3 {
		t.Fatalf("got %s, want three errors", r.body)
	}
}

func TestRequestsThatCannotBeRead(t *testing.T) {
	shared := newFixture(t) // nothing gets behind it
	for _, c := range []struct {
		name, request, body, contentType string
		status                           int
		code                             es.Code
	}{
		{"no JSON", "POST " + placePath(), `{"items":`, "application/json", http.StatusBadRequest, problem.MalformedJSON},
		{"more than JSON", "POST " + placePath(), oneSeat + "x", "application/json", http.StatusBadRequest, problem.MalformedJSON},
		{"too deep", "POST " + placePath(), strings.Repeat("[", 20000), "application/json", http.StatusBadRequest, problem.MalformedJSON},
		{"nothing", "POST " + placePath(), "", "application/json", http.StatusBadRequest, problem.BodyRequired},
		{"a form", "POST " + placePath(), "items=1", "application/x-www-form-urlencoded", http.StatusUnsupportedMediaType, problem.UnsupportedMediaType},
		{"XML", "PUT " + orderPath("/items"), "<items/>", "application/xml", http.StatusUnsupportedMediaType, problem.UnsupportedMediaType},
		{"a content type that is none", "PUT " + orderPath("/items"), oneSeat, ";+", http.StatusUnsupportedMediaType, problem.UnsupportedMediaType},
		{"too large", "POST " + placePath(), oneSeat + strings.Repeat(" ", gateway.MaxBody), "application/json", http.StatusRequestEntityTooLarge, problem.BodyTooLarge},
		{"too large for no route", "POST /nowhere", strings.Repeat(" ", gateway.MaxBody+1), "application/json", http.StatusRequestEntityTooLarge, problem.BodyTooLarge},
		{"too large to pass on", "POST /webhooks/demo", strings.Repeat(" ", gateway.MaxBody+1), "application/json", http.StatusRequestEntityTooLarge, problem.BodyTooLarge},
		{"another place", "GET /api/order", "", "", http.StatusNotFound, problem.NotFound},
		{"a slash too many", "GET /api/conferences/", "", "", http.StatusNotFound, problem.NotFound},
		{"another method", "PATCH " + orderPath("/items"), oneSeat, "application/json", http.StatusMethodNotAllowed, problem.MethodNotAllowed},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := shared.in(t)
			method, path, _ := strings.Cut(c.request, " ")
			r := f.do(method, path, c.body, header{"Content-Type", c.contentType})
			r.problem(c.status, c.code)
			if c.status == http.StatusMethodNotAllowed && r.header.Get("Allow") != "PUT" {
				t.Fatalf("Allow: %q", r.header.Get("Allow"))
			}
			if len(f.broker.commands()) > 0 {
				t.Fatal("something was sent all the same")
			}
		})
	}
}

func TestABodyOfTheLargestSizeIsTaken(t *testing.T) {
	f := newFixture(t)
	f.do("POST", placePath(), oneSeat+strings.Repeat(" ", gateway.MaxBody-len(oneSeat))).is(http.StatusAccepted)
}

func TestABodyThatDoesNotArriveIsNotWaitedForLong(t *testing.T) {
	if testing.Short() {
		t.Skip("takes 5 seconds")
	}
	f := newFixture(t)
	conn, err := net.Dial("tcp", strings.TrimPrefix(f.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	_, _ = io.WriteString(conn, "POST "+placePath()+" HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")
	_ = conn.SetReadDeadline(time.Now().Add(20 * time.Second))
	answer, err := io.ReadAll(conn)
	if err != nil {
		t.Fatalf("the connection is held on to: %v", err)
	}
	if !strings.HasPrefix(string(answer), "HTTP/1.1 408 ") || !strings.Contains(string(answer), string(problem.RequestTimeout)) {
		t.Fatalf("got %s", answer)
	}
}

func TestProblemsAreInTheReadersLanguage(t *testing.T) {
	shared := newFixture(t)
	for _, c := range []struct{ accept, lang, title string }{
		{"", "en", "There is no such order"},
		{"en-GB", "en", "There is no such order"},
		{"fr", "en", "There is no such order"},
		{"zh-CN", "zh-Hans", "订单不存在"},
		{"zh", "zh-Hans", "订单不存在"},
		{"zh-Hans-SG;q=0.9, en;q=0.8", "zh-Hans", "订单不存在"},
		{"zh-CN;q=0.5, en;q=0.8", "en", "There is no such order"},
		{"zh-TW", "en", "There is no such order"},
		{"zh-HK, zh-Hant;q=0.9", "en", "There is no such order"},
		{"zh-TW, zh;q=0.9", "zh-Hans", "订单不存在"},
		{";;;", "en", "There is no such order"},
	} {
		t.Run(c.accept, func(t *testing.T) {
			f := shared.in(t)
			r := f.do("GET", orderPath(""), "", header{"Accept-Language", c.accept})
			p := r.problem(http.StatusNotFound, refusal.OrderNotFound)
			if p.Title != c.title || r.header.Get("Content-Language") != c.lang || r.header.Get("Vary") != "Accept-Language" {
				t.Fatalf("got %s in %q", r.body, r.header.Get("Content-Language"))
			}
		})
	}
}

func TestEveryKindOfProblemAnswerIsLocalized(t *testing.T) {
	chinese := header{"Accept-Language", "zh-CN"}
	f := newFixture(t, unreachablePayments)
	f.refusing(refusal.OrderExpired, "the order has expired")
	for name, r := range map[string]response{
		"found by huma":     f.do("POST", placePath(), `{"items":[{"quantity":-1}]}`, chinese),
		"found by contract": f.do("POST", orderPath("/payments"), `{"paymentId":"`+uuid.Nil.String()+`","amount":{"amount":1,"currency":"USD"}}`, chinese),
		"malformed":         f.do("POST", placePath(), `{`, chinese),
		"refused":           f.do("PUT", orderPath("/items"), oneSeat, chinese, waiting),
		"not found":         f.do("GET", "/nowhere", "", chinese),
		"wrong method":      f.do("PATCH", placePath(), "", chinese),
		"no credential":     f.do("GET", "/api/overdue-orders", "", chinese),
		"upstream":          f.do("GET", "/pay/1", "", chinese),
		"stream":            f.do("GET", "/api/conferences/none/events", "", chinese),
	} {
		t.Run(name, func(t *testing.T) {
			p := decoded[problem.Problem](r)
			if r.header.Get("Content-Language") != "zh-Hans" || !chineseText(p.Title) || !chineseText(p.Detail) {
				t.Fatalf("got %s", r.body)
			}
			for _, e := range p.Errors {
				if !chineseText(e.Message) {
					t.Fatalf("got %s", r.body)
				}
			}
		})
	}
}

func chineseText(s string) bool {
	return strings.ContainsFunc(s, func(r rune) bool { return r >= '一' && r <= '鿿' })
}

func TestAPanicIsAProblem(t *testing.T) {
	f := newFixture(t)
	f.broker.handled = func(message.Message) { panic("the order's secret") }
	r := f.do("POST", placePath(), oneSeat)
	r.problem(http.StatusInternalServerError, problem.InternalError)
	if strings.Contains(string(r.body), "secret") {
		t.Fatalf("tells of its inside: %s", r.body)
	}
	if !strings.Contains(f.log.String(), "the order's secret") {
		t.Fatal("is not in the log")
	}
	f.broker.handled = nil
	f.do("POST", placePath(), oneSeat).is(http.StatusAccepted)
}

func TestLogsAreWithoutPersonalData(t *testing.T) {
	f := newFixture(t)
	f.do("PUT", orderPath("/registrant"), `{"firstName":"Ada","lastName":"Lovelace","email":"ada@example.org"}`).is(http.StatusAccepted)
	f.do("POST", "/api/orders/find", `{"email":"ada@example.org","locator":"K7PQ2MXA"}`)
	f.do("GET", "/api/conferences/x?email=ada@example.org", "")
	f.do("GET", "/nowhere/ada@example.org", "")
	f.query.setDown(true)
	f.do("POST", "/api/orders/find", `{"email":"ada@example.org","locator":"K7PQ2MXA"}`)
	log := f.log.String()
	for _, secret := range []string{"ada@", "Ada", "Lovelace", "K7PQ2MXA", "127.0.0.1:", orderID.String(), organiserToken, operatorToken} {
		if strings.Contains(log, secret) {
			t.Errorf("%q is in the log:\n%s", secret, log)
		}
	}
	for _, wanted := range []string{`"route":"/api/orders/:id/registrant"`, `"status":202`, `"method":"PUT"`} {
		if !strings.Contains(log, wanted) {
			t.Errorf("%s is not in the log:\n%s", wanted, log)
		}
	}
}

func TestEveryAnswerHasTheSecurityHeaders(t *testing.T) {
	f := newFixture(t)
	for _, path := range []string{"/api/conferences", "/nowhere", "/docs", "/openapi.json", "/pay/1", "/api/conferences/none/events"} {
		r := f.do("GET", path, "", header{"Origin", "https://elsewhere.example"})
		for _, name := range []string{"X-Content-Type-Options", "Content-Security-Policy", "Referrer-Policy", "Cross-Origin-Resource-Policy", "Cache-Control"} {
			if len(r.header.Values(name)) != 1 {
				t.Errorf("%s: %s %q", path, name, r.header.Values(name))
			}
		}
		if r.header.Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("%s: open to other origins", path)
		}
	}
}

func TestReadiness(t *testing.T) {
	f := newFixture(t)
	ready := func() error { return f.gateway.Ready(context.Background()) }
	if err := ready(); err != nil {
		t.Fatalf("not ready: %v", err)
	}
	f.query.setDown(true)
	if ready() == nil {
		t.Fatal("ready though query does not answer")
	}
	f.query.setDown(false)
	f.broker.err = errBroker
	f.do("POST", placePath(), oneSeat).is(http.StatusServiceUnavailable)
	if err := ready(); !errors.Is(err, errBroker) {
		t.Fatalf("ready though nothing can be published: %v", err)
	}
	f.broker.err = nil
	f.do("POST", placePath(), oneSeat).is(http.StatusAccepted)
	if err := ready(); err != nil {
		t.Fatalf("not ready though publishing works again: %v", err)
	}
}
