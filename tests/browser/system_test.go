package browser_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/google/uuid"

	"github.com/plenary/plenary/tests/harness"
	"github.com/plenary/plenary/tools/local/demo"
	"github.com/plenary/plenary/topology/tour"
)

// hold is how long seats are held in the system that the tests run: long enough
// for a slow machine to go through an order, and short enough to see one lapse.
const hold = 100 * time.Second

// grace is how much longer an order is held for a payment that is open.
const grace = 5 * time.Second

// shop is a conference on the real system, which its organiser set up by the pages.
type shop struct {
	*browser // the organiser's

	system *harness.System
	slug   string
	id     string
}

// visitor is another person before the same system, who shares no cookie with others.
func (s *shop) visitor(t *testing.T, language string, width int64) *browser {
	t.Helper()
	ctx, end := chromedp.NewContext(s.ctx, chromedp.WithNewBrowserContext())
	t.Cleanup(end)
	if err := chromedp.Do(ctx); err != nil { // before any step that has a time of its own
		t.Fatal(err)
	}
	b := &browser{t: t, url: s.url, ctx: ctx}
	b.size(width, 900)
	b.prefer(language, "light")
	return b
}

// withoutScript switches the browser's script off; the tests still look.
func (b *browser) withoutScript() {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, within)
	defer cancel()
	if _, err := chromedp.Call(ctx, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true}); err != nil {
		b.t.Fatal(err)
	}
}

// press presses the first button or link with that text.
func (b *browser) press(text string) {
	b.t.Helper()
	b.sees(text)
	path := "//main//*[self::button or self::a or self::summary][contains(normalize-space(.), '" + text + "')]"
	b.run(chromedp.Click(path))
}

// follow presses a button or link that leads to another page, and waits for that.
func (b *browser) follow(text string) {
	b.t.Helper()
	b.sees(text)
	value[string](b, "document.documentElement.dataset.left = 'soon'")
	b.press(text)
	b.until("!document.documentElement.dataset.left && document.readyState === 'complete'")
}

// fill types into the field with that id, in place of what is there.
func (b *browser) fill(id, typed string) {
	b.t.Helper()
	b.until("document.getElementById('" + id + "')")
	value[string](b, "document.getElementById('"+id+"').value = ''")
	b.run(chromedp.SendKeys(`[id="`+id+`"]`, typed))
}

// quantity is the id of the field for a number of seats of that type.
func (b *browser) quantity(seatType string) string {
	b.t.Helper()
	label := `[...document.querySelectorAll('.rows label')].find(l => l.textContent === '` + seatType + `')`
	b.until(label)
	return value[string](b, label+".htmlFor")
}

// decide chooses on the payment's page what becomes of it, and once more where the
// provider was not reached, as a person does.
func (b *browser) decide(choice, says string) {
	b.t.Helper()
	page := value[string](b, "location.pathname")
	for {
		b.run(chromedp.Click("[value=" + choice + "]"))
		b.until("document.querySelector('[role=status]')?.textContent.includes('" + says + "') || document.querySelector('header.top')")
		if value[bool](b, "!document.querySelector('header.top')") { // it is the provider's page
			return
		}
		b.open(page)
	}
}

// choose opens the conference and chooses seats.
func (b *browser) choose(s *shop, seatType string, n int) {
	b.t.Helper()
	b.open("/c/" + s.slug)
	b.fill(b.quantity(seatType), strconv.Itoa(n))
}

func (b *browser) address() string { b.t.Helper(); return value[string](b, "location.pathname") }

// who says who orders.
func (b *browser) who(first, last string) {
	b.t.Helper()
	b.fill("first", first)
	b.fill("last", last)
	b.fill("email", "browser@example.org")
}

// newShop starts the system, and sets a conference up as its organiser.
func newShop(t *testing.T) *shop {
	t.Helper()
	program := chromium(t)
	var guide atomic.Pointer[demo.Tour] // made once the system's address is known
	tours := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { guide.Load().ServeHTTP(w, r) }))
	t.Cleanup(tours.Close)
	system := harness.New(t, harness.Options{Env: map[string]string{
		"PLENARY_HOLD": hold.String(), "PLENARY_GRACE": grace.String(), tour.Variable: tours.URL,
	}})
	guide.Store(demo.NewTour(t.Context(), demo.Options{URL: system.API().URL, Token: system.Organiser().Token}, func(err error) {
		t.Errorf("the tour: %v", err)
	}))
	s := &shop{browser: &browser{t: t, url: system.API().URL, ctx: start(t, program)}, system: system, slug: "browser-" + uuid.NewString()[:8]}
	s.size(1280, 1000)
	s.toured(t)
	s.open("/organise/new")
	s.run(chromedp.SendKeys("#credential", system.Organiser().Token), chromedp.Click("main .button"))
	s.until("location.pathname === '/organise/new'")
	s.fill("name", "A day in a browser")
	s.fill("slug", s.slug)
	s.fill("owner", "The organisers")
	begins := time.Now().AddDate(0, 6, 0).Format("2006-01-02T15:04")
	for id, at := range map[string]string{"startsAt": begins, "endsAt": time.Now().AddDate(0, 6, 2).Format("2006-01-02T15:04"), "refundUntil": time.Now().AddDate(0, 5, 0).Format("2006-01-02T15:04")} {
		value[string](s.browser, "document.getElementById('"+id+"').value = '"+at+"'")
	}
	s.press("Create")
	s.until("location.pathname.startsWith('/organise/c/')")
	s.id = strings.TrimPrefix(s.address(), "/organise/c/")
	for _, seat := range [][3]string{{"Talks", "199", "50"}, {"Workshop", "99.50", "3"}, {"Party", "0", "20"}, {"Dinner", "20", "1"}, {"Tutorial", "10", "1"}} {
		s.press("Add a seat type")
		s.fill("-name", seat[0])
		s.fill("-price", seat[1])
		s.fill("-quota", seat[2])
		s.run(chromedp.Click("#type-new .button"))
		s.until("[...document.querySelectorAll('.folds summary b')].some(b => b.textContent === '" + seat[0] + "')")
	}
	s.open("/organise/c/" + s.id + "/promo-codes")
	s.press("New promo code")
	s.fill("new-code", promoCode)
	s.fill("new-value", "10")
	s.run(chromedp.Click("#code-new .button"))
	s.until("document.querySelector('.data th[scope=row]')?.textContent === '" + promoCode + "'")
	s.open("/organise/c/" + s.id)
	s.press("Publish")
	s.sees("Stop new orders")
	s.open("/c/" + s.slug)
	s.until("document.querySelectorAll('.rows label').length === 5") // all seats are there
	return s
}

// toured: on empty data one click makes something for each page to show.
func (s *shop) toured(t *testing.T) {
	b := s.visitor(t, "en", 390)
	b.open("/")
	b.sees("Nothing is here yet")
	b.follow("Make a demo conference")
	b.sees("A tour of Plenary")
	for deadline := time.Now().Add(within); value[int](b, "document.querySelectorAll('.tour .rows > li').length") < 6 && time.Now().Before(deadline); {
		b.follow("Look again")
	}
	b.judged()
	b.follow("What happened") // of the first order
	b.sees("Choose a command or an event")
	for path, says := range map[string]string{"/operate": "Dead letters", "/organise": "CQRS in the wild", "/": "CQRS in the wild"} {
		b.open(path)
		b.sees(says)
	}
}

// promoCode takes 10 % off any order.
const promoCode = "TENTH"

// The pages against the real system: its organiser's day, and orders of each fate.
func TestOrdersOfEachFateInABrowser(t *testing.T) {
	s := newShop(t)

	// A tab that is left open while its order lapses, and a payment that is on its way
	// meanwhile.
	left, late := s.visitor(t, "en", 390), s.visitor(t, "zh-Hans", 1280)
	left.choose(s, "Talks", 1)
	left.press("Hold my seats")
	left.sees("Your seats are held")
	late.choose(s, "Talks", 1)
	late.press("为我保留席位")
	late.sees("席位已为您保留")
	order := late.address()
	late.who("小明", "欧阳")
	late.press("继续付款")
	late.press("支付 €199.00")
	late.until("location.pathname.startsWith('/pay/')")
	payment := late.address()
	late.judged()
	late.decide("never", "商家尚未得到答复")
	late.open(order)

	t.Run("paid, in English, with script, wide", s.paid)
	t.Run("got less, paid at the second try, in Chinese, without script, on a phone", s.partial)
	t.Run("for nothing, by keyboard", s.free)
	t.Run("two browsers want the last seat", s.last)
	t.Run("the organiser's day", s.day)
	t.Run("operator and explorer", s.explored)

	// People who come back to the tab read what is so now, and go on.
	left.t, late.t = t, t
	left.untilWithin(hold+within, "document.body?.innerText.includes('The time for your seats is over')")
	left.sees("Your seats were held until")
	left.press("Try again with the same selection")
	left.sees("Your seats are held")
	late.untilWithin(hold+within, "document.body?.innerText.includes('席位保留时间已过')")
	late.open(payment)
	late.decide("accept", "付款已被接受")
	late.follow("返回您的订单")
	late.sees("您的付款到账较晚，但席位仍在：预订成功。")
}

// orders counts the orders of a status, or all.
func (s *shop) orders(t *testing.T, status string) (n int) {
	t.Helper()
	in := *s.browser
	in.t = t
	in.open("/organise/c/" + s.id + "/orders?status=" + status)
	return value[int](&in, "document.querySelectorAll('.data tbody tr').length")
}

func (s *shop) paid(t *testing.T) {
	before := s.orders(t, "")
	b := s.visitor(t, "en", 1280)
	b.choose(s, "Talks", 2)
	// What was chosen survives a reload, and a second click changes nothing.
	b.until("document.querySelector('form[data-keep]').dataset.kept === document.querySelector('form[data-keep]').dataset.changes")
	b.run(chromedp.Reload())
	b.until("document.readyState === 'complete' && document.getElementById('" + b.quantity("Talks") + "').value === '2'")
	value[bool](b, "[...document.querySelectorAll('main button.button')].forEach(b => { b.click(); b.click(); }), true")
	b.sees("Your seats are held")
	b.promo("NOSUCHCODE")
	b.sees("no such promo code")
	b.promo(promoCode)
	b.sees("−€39.80")
	b.who("Ada", "Lovelace")
	b.press("Continue to payment")
	b.press("Pay €358.20")
	b.until("location.pathname.startsWith('/pay/')")
	b.judged()
	b.decide("accept", "The payment was accepted")
	b.judged()
	b.follow("Back to your order")
	b.sees("You are in")
	order := b.address()
	b.run(chromedp.Reload())
	b.sees("You are in")
	// Back to before the payment: the page says what is so now.
	for range 3 {
		b.run(chromedp.NavigateBack())
		if b.address() == order {
			break
		}
	}
	b.until("location.pathname === '" + order + "'")
	b.sees("You are in")
	b.open(order + "/pay") // the address of the form, from a history
	b.sees("You are in")
	if n := s.orders(t, "") - before; n != 1 {
		t.Errorf("one person pressed twice and reloaded: %d orders", n)
	}
	// Given back: the money comes back.
	b.press("Cancel this order")
	b.press("Cancel the order")
	b.sees("€358.20 came back to you")
}

// promo enters a promo code.
func (b *browser) promo(code string) {
	b.t.Helper()
	b.sees("I have a promo code")
	value[bool](b, "document.getElementById('promo').open = true")
	b.fill("code", code)
	b.press("Apply")
}

func (s *shop) partial(t *testing.T) {
	b := s.visitor(t, "zh-Hans", 390)
	b.withoutScript()
	b.choose(s, "Workshop", 5)
	b.follow("为我保留席位")
	b.again("您申请了 5 个席位，可保留 3 个")
	b.follow("接受这 3 个席位")
	b.press("我有优惠码")
	b.fill("code", strings.ToLower(promoCode))
	b.follow("使用")
	b.again("€268.65")
	b.who("伟", "王")
	b.follow("继续付款")
	b.follow("支付")
	b.until("location.pathname.startsWith('/pay/')")
	b.decide("reject", "付款已被拒绝")
	b.follow("返回您的订单")
	b.again("我们尚未收到付款")
	b.follow("支付")
	b.until("location.pathname.startsWith('/pay/')")
	b.decide("accept", "付款已被接受")
	b.follow("返回您的订单")
	b.again("预订成功")
	b.follow("填写参会人")
	b.run(chromedp.Click("#seat-0 .button"))
	b.sees("3 个席位中已有 1 个填写了参会人")
}

// again looks at the page again until it says something, as a person without
// script does.
func (b *browser) again(text string) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, within)
	defer cancel()
	for !value[bool](b, "document.body.innerText.includes('"+text+"')") {
		select {
		case <-ctx.Done():
			b.sees(text)
			return
		case <-time.After(500 * time.Millisecond):
			b.run(chromedp.Reload())
		}
	}
}

func (s *shop) free(t *testing.T) {
	b := s.visitor(t, "en", 1280)
	b.open("/c/" + s.slug)
	// tab goes on with the keyboard until the element is reached.
	tab := func(reached string) {
		t.Helper()
		for range 60 {
			if value[bool](b, reached) {
				return
			}
			b.run(chromedp.KeyEvent(kb.Tab))
		}
		t.Fatalf("not reached by keyboard: %s", reached)
	}
	tab("document.activeElement.id === '" + b.quantity("Party") + "'")
	b.run(chromedp.KeyEvent("2"), chromedp.KeyEvent(kb.Enter))
	b.sees("Your seats are held")
	for id, typed := range map[string]string{"first": "Grace", "last": "Hopper", "email": "grace@example.org"} {
		value[bool](b, "document.querySelector('.skip').focus(), true")
		tab("document.activeElement.id === '" + id + "'")
		b.run(chromedp.KeyEvent(typed))
	}
	b.run(chromedp.KeyEvent(kb.Enter))
	b.sees("Nothing is to be paid")
	value[bool](b, "document.querySelector('.skip').focus(), true")
	tab("document.activeElement.textContent === 'Confirm'")
	b.run(chromedp.KeyEvent(kb.Enter))
	b.sees("You are in")
}

// last: one of two gets the last seat, and the other reads so.
func (s *shop) last(t *testing.T) {
	people := []*browser{s.visitor(t, "en", 390), s.visitor(t, "en", 1280)}
	for _, b := range people {
		b.choose(s, "Dinner", 1)
	}
	var both sync.WaitGroup
	for _, b := range people {
		both.Go(func() {
			_ = chromedp.Do(b.ctx, chromedp.Click("main button.button:not([type=button])"))
		})
	}
	both.Wait()
	got := 0
	for _, b := range people {
		b.until("/Your seats are held|None of these seats is free now/.test(document.querySelector('h1')?.textContent)")
		if value[bool](b, "document.querySelector('h1').textContent === 'Your seats are held'") {
			got++
		}
	}
	if got != 1 {
		t.Errorf("%d of two got the last seat", got)
	}
}

// day: the organiser raises a quota while somebody looks, finds an order and cancels it.
func (s *shop) day(t *testing.T) {
	watching := s.visitor(t, "en", 390)
	watching.choose(s, "Tutorial", 1)
	watching.press("Hold my seats")
	watching.sees("Your seats are held")
	watching.open("/c/" + s.slug)
	watching.until("[...document.querySelectorAll('.rows li')].some(l => l.textContent.includes('Tutorial') && l.textContent.includes('Sold out'))")

	o := *s.browser
	o.t = t
	o.open("/organise/c/" + s.id)
	o.press("Tutorial")
	id := value[string](&o, "[...document.querySelectorAll('.folds details')].find(d => d.textContent.includes('Tutorial')).id.slice(5)")
	value[string](&o, "document.getElementById('"+id+"-quota').value = '4'")
	o.run(chromedp.Click(`[id="type-` + id + `"] .button`))
	watching.until("[...document.querySelectorAll('.rows li')].some(l => l.textContent.includes('Tutorial') && l.textContent.includes('Only 3 left') && l.querySelector('input'))")

	o.open("/organise/c/" + s.id + "/orders")
	o.fill("q", "王伟")
	o.run(chromedp.Click(".search button"))
	o.until("document.querySelectorAll('.data tbody tr').length === 1")
	o.run(chromedp.Click(".data tbody a"))
	o.sees("What happened")
	o.press("Cancel this order")
	o.press("Cancel the order")
	o.until("document.querySelector('.facts').textContent.includes('Cancelled')")
}

func (s *shop) explored(t *testing.T) {
	o := *s.browser
	o.t = t
	o.open("/operate")
	o.until("location.pathname === '/operate/sign-in'") // an organiser is no operator
	o.run(chromedp.SendKeys("#credential", s.system.Operator().Token), chromedp.Click("main .button"))
	o.until("location.pathname === '/operate'")
	o.sees("Dead letters")
	orders := map[string]string{}
	for _, status := range []string{"confirmed", "rejected"} {
		o.open("/explore?status=" + status)
		orders[status] = value[string](&o, "document.querySelector('.grid tbody a').textContent")
	}
	o.open("/explore/orders/" + orders["confirmed"])
	o.sees("Choose a command or an event")
	if boxes := value[int](&o, "document.querySelectorAll('.flow .box').length"); boxes < 8 {
		t.Errorf("the picture of an order that was confirmed has %d boxes", boxes)
	}
	// The slider shows an earlier moment, by keyboard.
	o.run(chromedp.Focus("#version"), chromedp.KeyEvent(kb.Home))
	o.until("location.search === '?version=1' && document.getElementById('then').textContent.includes('version 1 of') && document.getElementById('selected').textContent.includes('OrderPlaced')")
	o.press("Compare with another order")
	o.sees("Choose an order to compare")
	o.open("/explore/compare?a=" + orders["confirmed"] + "&b=" + orders["rejected"])
	o.sees("From here on they went different ways")
	o.sees("OrderRejected")
}
