// Package browser tries the pages in a real Chromium: what only a browser can
// tell. Needed: Chromium (Debian's), and axe-core, which `make axe` fetches with
// npm by a lock file. Without Chromium the tests are left out, and say so.
package browser_test

import (
	"context"
	"flag"
	"fmt"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/plenary/plenary/apps/web/pages/pagestest"
	"github.com/plenary/plenary/contracts"
	"github.com/plenary/plenary/engine/leftout"
)

// chromium is the browser's program, if it is on this machine.
func chromium(t *testing.T) string {
	t.Helper()
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	leftout.Skip(t, "the pages in a browser", "apt-get install chromium")
	return ""
}

// browser is one Chromium before one small world.
type browser struct {
	t     *testing.T
	world *pagestest.World
	url   string
	ctx   context.Context
}

func newBrowser(t *testing.T) *browser {
	t.Helper()
	program := chromium(t)
	world := pagestest.New()
	server := httptest.NewServer(world.Handler)
	t.Cleanup(func() { world.Close(); server.CloseClientConnections(); server.Close() })
	b := &browser{t: t, world: world, url: server.URL}
	b.ctx = start(t, program)
	return b
}

func start(t *testing.T, program string) context.Context {
	t.Helper()
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(program), chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.UserDataDir(t.TempDir()), chromedp.Flag("lang", "en"))
	allocator, cancel := chromedp.NewExecAllocator(context.Background(), options...)
	t.Cleanup(cancel)
	ctx, end := chromedp.NewContext(allocator)
	t.Cleanup(end)
	ctx, stop := context.WithTimeout(ctx, 10*time.Minute)
	t.Cleanup(stop)
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("start %s: %v", program, err)
	}
	return ctx
}

// within bounds each step: a browser on a busy machine takes its time.
const within = time.Minute

func (b *browser) run(steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, within)
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		last, cancel := context.WithTimeout(b.ctx, within)
		defer cancel()
		html, _ := chromedp.Run(last, chromedp.OuterHTML("main"))
		b.t.Fatalf("%v\n%s", err, html)
	}
}

func (b *browser) open(path string) { b.t.Helper(); b.run(chromedp.Navigate(b.url + path)) }

// prefer sets language and theme, as a person's choice on the page does.
func (b *browser) prefer(language, theme string) {
	b.t.Helper()
	b.open("/find")
	value[bool](b, fmt.Sprintf("fetch('/preferences', {method: 'POST', body: new URLSearchParams({language: %q, theme: %q})}).then(() => true)", language, theme))
}

func (b *browser) size(width, height int64) {
	b.t.Helper()
	b.run(chromedp.EmulateViewport(width, height))
}

// sees waits until the page says something.
func (b *browser) sees(text string) {
	b.t.Helper()
	b.until(fmt.Sprintf("document.body && document.body.innerText.includes(%q)", text))
}

// until waits until an expression is true in the page, also in one that is loaded
// meanwhile, and in a tab that is not in front.
func (b *browser) until(expression string) {
	b.t.Helper()
	b.untilWithin(within, expression)
}

func (b *browser) untilWithin(limit time.Duration, expression string) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, limit)
	defer cancel()
	for {
		once, end := context.WithTimeout(ctx, within/10)
		is, err := chromedp.Run(once, chromedp.Evaluate[bool]("!!("+expression+")"))
		end()
		if err == nil && is {
			return
		}
		select {
		case <-ctx.Done():
			last, cancel := context.WithTimeout(b.ctx, within/10)
			defer cancel()
			shown, _ := chromedp.Run(last, chromedp.Evaluate[string]("location.href + '\\n' + document.body?.innerText"))
			b.t.Fatalf("%s: %v\n%s", expression, err, shown)
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// value is what an expression gives in the page, a promise's value included.
func value[T any](b *browser, expression string) T {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, within)
	defer cancel()
	v, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		b.t.Fatalf("%s: %v", expression, err)
	}
	return v
}

// signIn signs in as organiser and as operator.
func (b *browser) signIn() {
	b.t.Helper()
	for root, credential := range map[string]string{"/organise": pagestest.OrganiserToken, "/operate": pagestest.OperatorToken} {
		b.open(root + "/sign-in")
		b.run(chromedp.SendKeys("#credential", credential), chromedp.Click("main .button"))
		b.until("location.pathname === '" + root + "'")
	}
}

func own(rest string) string { return "/organise/c/" + pagestest.ConferenceID.String() + rest }

// everyPage are the pages by name.
func everyPage() map[string]string {
	flow := "/explore/orders/" + pagestest.OrderID("confirmed").String()
	out := map[string]string{
		"home": "/", "nothing-found": "/?q=nowhere", "conference": "/c/" + pagestest.Slug, "over": "/c/gophers-2026",
		"sold-out": "/c/open-evening", "not-open": "/c/rust-2027", "not-on-sale": "/c/" + pagestest.Stopped, "no-seats": "/c/no-seats-yet",
		"find": "/find", "not-found": "/nothing-here",
		"sign-in": "/organise/sign-in", "operator-sign-in": "/operate/sign-in", "organise": "/organise", "new": "/organise/new",
		"dashboard": own(""), "details": own("/details"), "orders": own("/orders"), "attendees": own("/attendees"), "promo-codes": own("/promo-codes"),
		"own-give-back": "/organise/orders/" + pagestest.OrderID("confirmed").String() + "/give-back?seat=1",
		"own-order":     "/organise/orders/" + pagestest.OrderID("confirmed").String(),
		"draft":         "/organise/c/" + pagestest.Draft.String(), "own-expired": "/organise/orders/" + pagestest.OrderID("refunding").String(),
		"seats":     pagestest.PagePath("confirmed") + "#seats",
		"give-back": pagestest.PagePath("confirmed") + "#give-back", "give-back-chosen": pagestest.PagePath("confirmed") + "#give-back?seat=0&seat=2",
		"explore": "/explore", "compare": "/explore/compare?a=" + pagestest.OrderID("confirmed").String() + "&b=" + pagestest.OrderID("rejected").String(), "flow": flow, "flow-selected": flow + "?event=8",
		"operate": "/operate", "letters": "/operate/letters", "stuck": "/operate/stuck",
		"members": "/organise/members", "changes": "/organise/changes", "organisations": "/operate/organisations",
		"operator-members": "/operate/organisations/" + contracts.MainOrganisation.String(), "operator-changes": "/operate/changes",
	}
	for name := range pagestest.Orders() {
		out["order-"+name] = pagestest.PagePath(name)
	}
	return out
}

// visit opens a page of everyPage.
func (b *browser) visit(path string) {
	b.t.Helper()
	link, under, found := strings.Cut(path, "#") // a page under that of an order, which its link opens
	b.open(link)
	if found {
		b.open(link[:strings.Index(link, "?")] + "/" + under)
	}
	// Everything that is folded is part of the page.
	value[bool](b, `document.querySelectorAll('details').forEach(d => d.open = true), true`)
}

// axe is the source of axe-core.
func axe(t *testing.T) string {
	t.Helper()
	source, err := os.ReadFile(axeFile)
	if err != nil {
		leftout.Skip(t, "the accessibility of the pages", "make axe")
	}
	return string(source)
}

// axeFile is where make axe puts axe-core.
var axeFile = filepath.Join("..", "..", ".bin", "browser", "node_modules", "axe-core", "axe.min.js")

// judged has axe judge the page that is open, in a test of something else: where axe
// is not there, TestAxeFindsNothingOnAnyPage says so.
func (b *browser) judged() {
	b.t.Helper()
	if source, err := os.ReadFile(axeFile); err == nil {
		b.accessible(string(source))
	}
}

// runAxe gives what is wrong and, of what axe cannot judge, the contrasts; but not
// those of signs such as minus, which have the colours of the text around them, of
// what is scrolled out of sight, which a wide screen shows, and of the explorer's
// picture, whose colours TestColoursOfThePictureHaveContrast measures.
const runAxe = `axe.run(document, {runOnly: {type: 'tag', values: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']}, rules: {'target-size': {enabled: true}}})
	.then(r => [...r.violations, ...r.incomplete.filter(i => i.id === 'color-contrast').map(i => ({...i, nodes: i.nodes.filter(n => innerWidth > 1000 && !n.failureSummary.includes('non-text') && !/^<(text|tspan)/.test(n.html))})).filter(i => i.nodes.length)].map(v => ({ID: v.id, Help: v.help, Nodes: v.nodes.map(n => ({HTML: n.html, FailureSummary: n.failureSummary}))})))`

// accessible has axe judge the page that is open.
func (b *browser) accessible(source string) {
	b.t.Helper()
	value[bool](b, source+";true")
	for _, f := range value[[]finding](b, runAxe) {
		for _, n := range f.Nodes {
			b.t.Errorf("%s: %s\n%s\n%s", f.ID, f.Help, n.HTML, n.FailureSummary)
		}
	}
}

// finding is one that axe reports.
type finding struct {
	ID, Help string
	Nodes    []struct {
		HTML, FailureSummary string
	}
}

func TestAxeFindsNothingOnAnyPage(t *testing.T) {
	b := newBrowser(t)
	source := axe(t)
	b.signIn()
	for _, language := range []string{"en", "zh-Hans"} {
		for _, theme := range []string{"light", "dark"} {
			for _, width := range []int64{390, 1280} {
				// Each language, theme and width at least once; all of them if asked for.
				if !*everything && (language == "en") != (theme == "light") || !*everything && (theme == "light") != (width == 390) {
					continue
				}
				b.prefer(language, theme)
				b.size(width, 1200)
				for name, path := range everyPage() {
					t.Run(strings.Join([]string{name, language, theme, strconv.FormatInt(width, 10)}, " "), func(t *testing.T) {
						in := *b
						in.t = t
						in.visit(path)
						in.accessible(source)
					})
				}
			}
		}
	}
}

// everything asks for all pages in each language and theme at each width.
var everything = flag.Bool("everything", false, "all languages, themes and widths together, which takes long")

// contrasts gives the pairs of colours of the explorer's picture that are below 4.5:1.
const contrasts = `(() => {
	const style = getComputedStyle(document.documentElement), part = v => (v /= 255) <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4;
	const light = name => { const n = parseInt(style.getPropertyValue(name).trim().slice(1), 16); return .2126 * part(n >> 16) + .7152 * part(n >> 8 & 255) + .0722 * part(n & 255); };
	return ['ink accent-soft', 'ink good-soft', 'ink bad-soft', 'quiet accent-soft', 'quiet good-soft', 'quiet bad-soft', 'quiet raised', 'ink raised', 'warn raised']
		.filter(pair => { const [a, b] = pair.split(' ').map(n => light('--' + n) + .05); return Math.max(a, b) / Math.min(a, b) < 4.5; });
})()`

func TestColoursOfThePictureHaveContrast(t *testing.T) {
	b := newBrowser(t)
	for _, theme := range []string{"light", "dark"} {
		b.prefer("en", theme)
		b.open("/find")
		if low := value[[]string](b, contrasts); len(low) > 0 {
			t.Errorf("%s: %v", theme, low)
		}
	}
}

// Nothing is wider than the narrowest screen.
func TestPagesFitANarrowScreen(t *testing.T) {
	b := newBrowser(t)
	b.signIn()
	b.size(320, 900)
	for _, language := range []string{"en", "zh-Hans"} {
		b.prefer(language, "light")
		for name, path := range everyPage() {
			b.visit(path)
			if wide := value[int](b, "document.documentElement.scrollWidth"); wide > 320 {
				t.Errorf("%s (%s) is %d px wide", name, language, wide)
			}
		}
	}
}
