package pages_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"github.com/plenary/plenary/apps/web/pages"
	"github.com/plenary/plenary/apps/web/pages/pagestest"
)

// world serves the pages over HTTP, to a browser that keeps cookies.
type world struct {
	*pagestest.World
	t      *testing.T
	server *httptest.Server
	client *http.Client
	header http.Header
}

func newWorld(t *testing.T, change ...func(*pages.Options)) *world {
	t.Helper()
	w := &world{World: pagestest.New(change...), t: t, header: http.Header{"Accept": {"text/html"}}}
	w.server = httptest.NewServer(w.Handler)
	t.Cleanup(func() { w.Close(); w.server.CloseClientConnections(); w.server.Close() })
	w.newVisitor()
	return w
}

// newVisitor has another browser make the requests from now on.
func (w *world) newVisitor() {
	jar := &jar{}
	w.client = &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// jar keeps all cookies for all paths that they are for.
type jar struct{ cookies []*http.Cookie }

func (j *jar) SetCookies(_ *url.URL, set []*http.Cookie) {
	for _, c := range set {
		kept := j.cookies[:0]
		for _, old := range j.cookies {
			if old.Name != c.Name || old.Path != c.Path {
				kept = append(kept, old)
			}
		}
		j.cookies = kept
		if c.MaxAge >= 0 {
			j.cookies = append(j.cookies, c)
		}
	}
}

func (j *jar) Cookies(u *url.URL) (out []*http.Cookie) {
	for _, c := range j.cookies {
		if strings.HasPrefix(u.Path, c.Path) {
			out = append(out, c)
		}
	}
	return out
}

type page struct {
	t      *testing.T
	status int
	header http.Header
	body   string
}

func (w *world) do(method, path string, form url.Values) page {
	w.t.Helper()
	r, err := http.NewRequest(method, w.server.URL+path, strings.NewReader(form.Encode()))
	if err != nil {
		w.t.Fatal(err)
	}
	for name, values := range w.header {
		r.Header[name] = values
	}
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		if r.Header.Get("Sec-Fetch-Site") == "" {
			r.Header.Set("Sec-Fetch-Site", "same-origin")
		}
	}
	answer, err := w.client.Do(r)
	if err != nil {
		w.t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	return page{w.t, answer.StatusCode, answer.Header, string(body)}
}

func (w *world) get(path string) page { w.t.Helper(); return w.do(http.MethodGet, path, nil) }

func (w *world) post(path string, namesAndValues ...string) page {
	w.t.Helper()
	form := url.Values{}
	for i := 0; i < len(namesAndValues); i += 2 {
		form.Add(namesAndValues[i], namesAndValues[i+1])
	}
	return w.do(http.MethodPost, path, form)
}

func (p page) is(status int) page {
	p.t.Helper()
	if p.status != status {
		p.t.Fatalf("status %d, want %d: %s", p.status, status, p.body)
	}
	return p
}

func (p page) says(parts ...string) page {
	p.t.Helper()
	for _, part := range parts {
		if !strings.Contains(p.body, part) {
			p.t.Fatalf("the page does not say %q:\n%s", part, p.body)
		}
	}
	return p
}

func (p page) saysNot(parts ...string) page {
	p.t.Helper()
	for _, part := range parts {
		if strings.Contains(p.body, part) {
			p.t.Fatalf("the page says %q:\n%s", part, p.body)
		}
	}
	return p
}

// leadsTo holds that the answer redirects there.
func (p page) leadsTo(path string) page {
	p.t.Helper()
	p.is(http.StatusSeeOther)
	if got := p.header.Get("Location"); got != path {
		p.t.Fatalf("leads to %q, want %q", got, path)
	}
	return p
}

// everyPage is a page of each kind. enter, if set, does what has to be done first.
var everyPage = []struct {
	name, path string
	enter      func(*world)
	most       int // bytes of HTML, compressed
}{
	{name: "home", path: "/", most: registrantPage},
	{name: "nothing found", path: "/?q=nowhere", most: registrantPage},
	{name: "conference", path: "/c/" + pagestest.Slug, most: registrantPage},
	{name: "conference that is over", path: "/c/gophers-2026", most: registrantPage},
	{name: "find", path: "/find", most: registrantPage},
	{name: "order without its link", path: "/orders/" + pagestest.OrderID("ready").String(), most: registrantPage},
	{name: "order placed", path: order("placed"), enter: opens("placed"), most: registrantPage},
	{name: "order partial", path: order("partial"), enter: opens("partial"), most: registrantPage},
	{name: "order partial, taken", path: order("partial") + "?take=1", enter: opens("partial"), most: registrantPage},
	{name: "order reserved", path: order("reserved"), enter: opens("reserved"), most: registrantPage},
	{name: "order ready", path: order("ready"), enter: opens("ready"), most: registrantPage},
	{name: "order promo", path: order("promo"), enter: opens("promo"), most: registrantPage},
	{name: "order free", path: order("free"), enter: opens("free"), most: registrantPage},
	{name: "order payment open", path: order("payment-open"), enter: opens("payment-open"), most: registrantPage},
	{name: "order payment failed", path: order("payment-failed"), enter: opens("payment-failed"), most: registrantPage},
	{name: "order payment arrived", path: order("payment-arrived"), enter: opens("payment-arrived"), most: registrantPage},
	{name: "order confirmed", path: order("confirmed"), enter: opens("confirmed"), most: registrantPage},
	{name: "order late", path: order("late"), enter: opens("late"), most: registrantPage},
	{name: "order rejected", path: order("rejected"), enter: opens("rejected"), most: registrantPage},
	{name: "order expired", path: order("expired"), enter: opens("expired"), most: registrantPage},
	{name: "order refunding", path: order("refunding"), enter: opens("refunding"), most: registrantPage},
	{name: "order cancelled", path: order("cancelled"), enter: opens("cancelled"), most: registrantPage},
	{name: "order refund failed", path: order("refund-failed"), enter: opens("refund-failed"), most: registrantPage},
	{name: "give back", path: order("confirmed") + "/give-back", enter: opens("confirmed"), most: registrantPage},
	{name: "give back, chosen", path: order("confirmed") + "/give-back?seat=0&seat=2", enter: opens("confirmed"), most: registrantPage},
	{name: "order with seats given back", path: order("given-back"), enter: opens("given-back"), most: registrantPage},
	{name: "seats", path: order("confirmed") + "/seats", enter: opens("confirmed"), most: registrantPage},
	{name: "sign-in", path: "/organise/sign-in", most: registrantPage},
	{name: "operator's sign-in", path: "/operate/sign-in", most: registrantPage},
	{name: "organise", path: "/organise", enter: signsIn, most: workPage},
	{name: "new conference", path: "/organise/new", enter: signsIn, most: workPage},
	{name: "dashboard", path: own(""), enter: signsIn, most: workPage},
	{name: "details", path: own("/details"), enter: signsIn, most: workPage},
	{name: "orders", path: own("/orders"), enter: signsIn, most: workPage},
	{name: "attendees", path: own("/attendees"), enter: signsIn, most: workPage},
	{name: "order waitlisted", path: order("waitlisted"), enter: opens("waitlisted"), most: registrantPage},
	{name: "order offered", path: order("offered"), enter: opens("offered"), most: registrantPage},
	{name: "waitlist", path: own("/waitlist"), enter: signsIn, most: workPage},
	{name: "promo codes", path: own("/promo-codes"), enter: signsIn, most: workPage},
	{name: "own order, give back", path: "/organise" + order("confirmed") + "/give-back?seat=1", enter: signsIn, most: workPage},
	{name: "members", path: "/organise/members", enter: signsIn, most: workPage},
	{name: "members, for one who is no owner", path: "/organise/members", enter: func(w *world) {
		w.t.Helper()
		w.post("/organise/sign-in", "credential", pagestest.MemberCredential).leadsTo("/organise")
	}, most: workPage},
	{name: "changes", path: "/organise/changes", enter: signsIn, most: workPage},
	{name: "own order", path: "/organise" + order("confirmed"), enter: signsIn, most: workPage},
	{name: "not found", path: "/nothing-here", most: registrantPage},
}

func own(rest string) string { return "/organise/c/" + pagestest.ConferenceID.String() + rest }

// signsIn signs the visitor in as an organiser.
func signsIn(w *world) {
	w.t.Helper()
	w.post("/organise/sign-in", "credential", pagestest.OrganiserToken).leadsTo("/organise")
}

func order(name string) string { return "/orders/" + pagestest.OrderID(name).String() }

// opens opens an order by its link, after which the browser has its cookie.
func opens(name string) func(*world) {
	return func(w *world) { w.t.Helper(); w.get(pagestest.PagePath(name)).leadsTo(order(name)) }
}

// What pages may weigh, in bytes, compressed.
const (
	registrantPage = 14 << 10
	workPage       = 32 << 10
	scriptAndStyle = 30 << 10
)

func compressed(s string) int {
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	_, _ = z.Write([]byte(s))
	_ = z.Close()
	return out.Len()
}

func TestEveryPageIsWellMadeInEachLanguage(t *testing.T) {
	for _, p := range everyPage {
		for _, language := range []string{"en", "zh-Hans"} {
			t.Run(p.name+" "+language, func(t *testing.T) {
				w := newWorld(t)
				w.header.Set("Accept-Language", language)
				if p.enter != nil {
					p.enter(w)
				}
				got := w.get(p.path)
				if got.status != http.StatusOK && got.status != http.StatusNotFound && got.status != http.StatusUnauthorized {
					t.Fatalf("status %d: %s", got.status, got.body)
				}
				got.says(`<html lang="`+language+`"`, "<h1")
				got.saysNot("<no value>", "&lt;nil&gt;", "%!", "ZgotmplZ")
				if weight := compressed(got.body); weight > p.most {
					t.Errorf("%d bytes compressed, at most %d", weight, p.most)
				}
				wellMade(t, got.body)
			})
		}
	}
}

// wellMade holds what every page owes to those who cannot see it, as far as it
// can be told without a browser.
func wellMade(t *testing.T, body string) {
	t.Helper()
	root, err := html.Parse(strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	ids, refs, headings := map[string]int{}, []string{}, 0
	for n := range root.Descendants() {
		if n.Type != html.ElementNode {
			continue
		}
		attr := map[string]string{}
		for _, a := range n.Attr {
			attr[a.Key] = a.Val
			switch a.Key {
			case "id":
				ids[a.Val]++
			case "for", "form":
				refs = append(refs, a.Val)
			case "aria-describedby", "aria-labelledby", "aria-controls":
				refs = append(refs, strings.Fields(a.Val)...)
			case "style":
				t.Errorf("a style attribute in <%s>", n.Data)
			}
		}
		switch {
		case n.Data == "h1":
			headings++
		case n.Data == "form" && attr["method"] != "post" && attr["method"] != "get":
			t.Errorf("a form without a method")
		case n.Data == "script" && n.FirstChild != nil:
			t.Error("an inline script")
		}
	}
	if headings != 1 {
		t.Errorf("%d first headings", headings)
	}
	for id, n := range ids {
		if n > 1 {
			t.Errorf("the id %q stands %d times", id, n)
		}
	}
	for _, ref := range refs {
		if ids[ref] == 0 {
			t.Errorf("something refers to %q, which is not there", ref)
		}
	}
}

func TestScriptAndStyleAreLight(t *testing.T) {
	total := 0
	for _, name := range []string{"script.js", "style.css"} {
		content, err := os.ReadFile(filepath.Join("static", name))
		if err != nil {
			t.Fatal(err)
		}
		weight := compressed(string(content))
		t.Logf("%s: %d bytes compressed", name, weight)
		total += weight
	}
	if total > scriptAndStyle {
		t.Errorf("%d bytes, at most %d", total, scriptAndStyle)
	}
}

func TestFilesAreKeptForGoodUnderANameOfTheirContent(t *testing.T) {
	w := newWorld(t)
	found := regexp.MustCompile(`/static/[^"]+`).FindAllString(w.get("/").body, -1)
	if len(found) < 3 {
		t.Fatalf("files: %v", found)
	}
	for _, path := range found {
		got := w.get(path).is(http.StatusOK)
		if c := got.header.Get("Cache-Control"); !strings.Contains(c, "immutable") {
			t.Errorf("%s: %q", path, c)
		}
		if got.header.Get("Content-Type") == "" {
			t.Errorf("%s has no type", path)
		}
	}
}

func TestAPageLoadsOnlyWhatThisOriginServes(t *testing.T) {
	w := newWorld(t)
	for _, p := range everyPage {
		if p.enter != nil {
			p.enter(w)
		}
		got := w.get(p.path)
		policy := got.header.Get("Content-Security-Policy")
		for _, want := range []string{"default-src 'none'", "script-src 'self'", "style-src 'self'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'self'"} {
			if !strings.Contains(policy, want) {
				t.Errorf("%s: %q lacks %s", p.name, policy, want)
			}
		}
		if strings.Contains(policy, "unsafe") || strings.Contains(policy, "http") {
			t.Errorf("%s: %q", p.name, policy)
		}
		for name, want := range map[string]string{"X-Content-Type-Options": "nosniff", "Referrer-Policy": "same-origin"} {
			if h := got.header.Get(name); h != want {
				t.Errorf("%s: %s is %q", p.name, name, h)
			}
		}
	}
}

func TestAFormOfAnotherSiteIsRefused(t *testing.T) {
	w := newWorld(t)
	w.header.Set("Sec-Fetch-Site", "cross-site")
	w.post("/preferences", "theme", "dark").is(http.StatusForbidden).says("The form came from another site")
	if sent := w.Sent(); len(sent) > 0 {
		t.Errorf("sent all the same: %v", sent)
	}
}

func TestTheLanguageIsThatOfTheChoiceOrElseOfTheBrowser(t *testing.T) {
	w := newWorld(t)
	w.get("/").says(`lang="en"`, "Conferences")
	w.header.Set("Accept-Language", "zh-CN,zh;q=0.9")
	w.get("/").says(`lang="zh-Hans"`, "会议")
	w.post("/preferences", "language", "en", "back", "/?q=go").leadsTo("/?q=go")
	w.get("/").says(`lang="en"`)
}

func TestAChoiceLeadsBackToOurOwnPagesOnly(t *testing.T) {
	w := newWorld(t)
	for _, back := range []string{"https://example.org/", "//example.org/", `/\example.org`, "javascript:alert(1)", ""} {
		w.post("/preferences", "theme", "dark", "back", back).leadsTo("/")
	}
	w.get("/").says(`data-theme="dark"`)
}

func TestAProgramGetsAProblemAndAPersonAPage(t *testing.T) {
	w := newWorld(t)
	w.get("/nothing-here").is(http.StatusNotFound).says("<h1>Not found</h1>", `href="/find"`)
	w.header.Set("Accept", "*/*")
	got := w.get("/nothing-here").is(http.StatusNotFound)
	if c := got.header.Get("Content-Type"); c != "application/problem+json" {
		t.Errorf("content type %q", c)
	}
}

func TestTheFirstPageSaysWhatIsOnSaleAndFindsItByWords(t *testing.T) {
	w := newWorld(t)
	w.get("/").says("Gophers in Berlin 2027", "From $99.00", "Only 4 left", "Sold out", "Past", "Gophers in Berlin 2026")
	w.get("/?q="+url.QueryEscape("BERLIN 2027")).says("Gophers in Berlin 2027").saysNot("2026</a>", "Lisbon")
	w.get("/?q=" + url.QueryEscape("上海")).says("分布式系统大会").saysNot("Lisbon")
	w.get("/?q=%3Cscript%3E").says("No conference matches", "&lt;script&gt;").saysNot("<script>")
}

func TestAConferenceSaysWhenAndInWhichPlacesTime(t *testing.T) {
	w := newWorld(t)
	w.get("/c/"+pagestest.Slug).says("5–6 June 2027", "Begins 10:00, ends 17:30, in Berlin (UTC+2)", "Only 3 left", "38 left", "Sold out", "On sale from 1 April 2027, 10:00 in Berlin (UTC+2)")
	w.header.Set("Accept-Language", "zh-CN")
	w.get("/c/"+pagestest.Slug).says("2027年6月5日至6日", "10:00 开始，17:30 结束（柏林时间，UTC+2）", "仅剩 3 个")
	w.get("/c/gophers-2026").says("会议已结束").saysNot(`<form method="post" action="/c/`)
}

// A payer whose payment cannot be reached reads a page, and a program its problem.
func TestAPaymentThatCannotBeReachedIsSaidOnAPage(t *testing.T) {
	w := newWorld(t)
	w.PaymentsAway()
	path := "/pay/demo/" + pagestest.Payment.String()
	for _, p := range []page{w.get(path), w.post(path, "choice", "accept")} {
		wellMade(t, p.is(http.StatusServiceUnavailable).says("Look again", `href="`+path+`"`).saysNot(`"code"`, "Idempotency-Key").body)
	}
	w.header.Set("Accept", "application/json")
	w.get(path).is(http.StatusServiceUnavailable).says(`"code":"unavailable"`)
}

func TestThePaymentPageSpeaksTheLanguageThatWasChosen(t *testing.T) {
	w := newWorld(t)
	w.get("/pay/" + pagestest.Payment.String()).says(`lang="en"`)
	w.post("/preferences", "language", "zh-Hans")
	w.get("/pay/" + pagestest.Payment.String()).says(`lang="zh-Hans"`)
}

func TestAnOrganisersTextIsMarkdownWithoutAnythingThatRuns(t *testing.T) {
	w := newWorld(t)
	c := pagestest.Conference()
	c.Description = "# Hello\n\n**bold** [good](https://example.org) [bad](javascript:alert(1))\n\n<script>alert(1)</script><img src=x onerror=alert(1)>"
	w.Put("/conferences/"+c.Slug, c)
	w.get("/c/"+c.Slug).says("<h3>Hello</h3>", "<strong>bold</strong>", `href="https://example.org"`, "nofollow").
		saysNot("javascript:", "onerror", "alert(1)</script>", "<img")
}

func TestAConferenceIsWatchedWithWordsInTheReadersLanguage(t *testing.T) {
	w := newWorld(t)
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, w.server.URL+"/live?watch=conference:"+pagestest.Slug+"&watch=line:"+pagestest.Slug+"&watch=nonsense", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Accept-Language", "zh-CN")
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	if c := answer.Header.Get("Content-Type"); !strings.HasPrefix(c, "text/event-stream") {
		t.Fatalf("content type %q", c)
	}
	lines := bufio.NewScanner(answer.Body)
	next := func() (change struct {
		Subject string
		Texts   map[string]string
	}) {
		t.Helper()
		for lines.Scan() {
			if data, ok := strings.CutPrefix(lines.Text(), "data:"); ok {
				if err := json.Unmarshal([]byte(data), &change); err != nil {
					t.Fatal(err)
				}
				return change
			}
		}
		t.Fatalf("the stream ended: %v", lines.Err())
		return change
	}
	field := "seats-" + pagestest.Admission.String() + "-left"
	if got := next(); got.Subject != "conference:"+pagestest.Slug || !strings.Contains(got.Texts[field], "余 38 个") {
		t.Fatalf("first: %+v", got)
	}
	if got := next(); got.Subject != "line:"+pagestest.Slug || got.Texts["line"] != "0 0 0 0 0" {
		t.Fatalf("the line: %+v", got)
	}
	c := pagestest.Conference()
	c.SeatTypes[0].Remaining = 2
	w.Put("/conferences/"+c.Slug, c)
	if got := next(); !strings.Contains(got.Texts[field], "仅剩 2 个") {
		t.Fatalf("after the change: %+v", got)
	}
	// Each is told what is new to it alone.
	c.SeatTypes[0].Waiting = 2
	w.Put("/conferences/"+c.Slug, c)
	if got := next(); got.Subject != "line:"+pagestest.Slug || got.Texts["line"] != "2 0 0 0 0" {
		t.Fatalf("after somebody came: %+v", got)
	}
}
