package browser_test

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/plenary/plenary/apps/web/pages/pagestest"
	"github.com/plenary/plenary/contracts"
)

// A page that is open follows: the words of a conference, and the whole of an order.
func TestAnOpenPageShowsWhatHasChanged(t *testing.T) {
	b := newBrowser(t)
	b.open("/c/" + pagestest.Slug)
	b.sees("38 left")
	c := pagestest.Conference()
	c.SeatTypes[0].Remaining = 2
	b.world.Put("/conferences/"+c.Slug, c)
	b.sees("Only 2 left")

	b.open(pagestest.PagePath("placed"))
	b.sees("We are asking for your seats")
	o := pagestest.Orders()["reserved"]
	o.ID = pagestest.OrderID("placed")
	b.world.Put("/orders/"+o.ID.String(), o)
	b.sees("Who is ordering?")
	if said := value[string](b, "document.getElementById('announce').textContent"); said != "Your seats are held" {
		t.Errorf("people who do not see it heard %q", said)
	}
	// What is typed stays, though the order changes meanwhile.
	b.run(chromedp.SendKeys("#first", "Ada"))
	o.Lines[0].Granted, o.Version = 1, 2
	b.world.Put("/orders/"+o.ID.String(), o)
	b.sees("1 of 2")
	if typed := value[string](b, "document.getElementById('first').value"); typed != "Ada" {
		t.Errorf("typed and gone: %q", typed)
	}
	if focus := value[string](b, "document.activeElement.id"); focus != "first" {
		t.Errorf("the focus is on %q", focus)
	}
}

// Who is in line sees their number fall when somebody before them has gone, which is no
// change of their order.
func TestAnOpenPageShowsWhoMovedUpInLine(t *testing.T) {
	b := newBrowser(t)
	line := func(waiting, position int) {
		o := pagestest.Orders()["waitlisted"]
		o.ID = pagestest.OrderID("waitlisted")
		o.Waitlist.Positions[0].Position = position
		b.world.PutUntold("/orders/"+o.ID.String(), o)
		c := pagestest.Conference()
		for i := range c.SeatTypes {
			if c.SeatTypes[i].ID == pagestest.Tutorial {
				c.SeatTypes[i].Waiting = waiting
			}
		}
		b.world.Put("/conferences/"+c.Slug, c)
	}
	line(3, 3)
	b.open(pagestest.PagePath("waitlisted"))
	b.sees("number 3 in line")
	b.until("document.querySelector('[data-line]').dataset.line.includes('3')")
	line(4, 3) // somebody came
	b.until("document.querySelector('[data-line]').dataset.line.includes('4')")
	line(3, 2) // and somebody went
	b.sees("number 2 in line")
}

// An order is placed with the keyboard alone.
func TestAnOrderIsPlacedByKeyboard(t *testing.T) {
	b := newBrowser(t)
	b.open("/c/" + pagestest.Slug)
	field := "seats-" + pagestest.Admission.String()
	for range 40 { // from the top of the page
		if value[string](b, "document.activeElement.id") == field {
			break
		}
		b.run(chromedp.KeyEvent(kb.Tab))
	}
	if at := value[string](b, "document.activeElement.id"); at != field {
		t.Fatalf("the quantity cannot be reached by keyboard: %q", at)
	}
	b.run(chromedp.KeyEvent("2"), chromedp.KeyEvent(kb.Enter))
	b.until("location.pathname.startsWith('/orders/')")
	sent := b.world.Sent()
	if placed, ok := sent[0].(contracts.RegisterToConference); !ok || placed.Items.Of(pagestest.Admission) != 2 {
		t.Fatalf("sent %+v", sent)
	}
	// The address that can be read over a shoulder opens nothing.
	if address := value[string](b, "location.href"); strings.Contains(address, "key=") {
		t.Errorf("the secret stays in the address: %s", address)
	}
}

// What was chosen and not placed survives a reload.
func TestASelectionSurvivesAReload(t *testing.T) {
	b := newBrowser(t)
	b.open("/c/" + pagestest.Slug)
	id := "seats-" + pagestest.Workshop.String()
	b.run(chromedp.Click(`[aria-label="One more: Workshop: profiling"]`), chromedp.Click(`[aria-label="One more: Workshop: profiling"]`))
	b.until("document.querySelector('form[data-keep]').dataset.kept === document.querySelector('form[data-keep]').dataset.changes")
	b.run(chromedp.Reload())
	b.until("document.readyState === 'complete' && document.getElementById('" + id + "').value === '2'")
}

// All tabs of a browser share one stream.
func TestABrowserHasOneStream(t *testing.T) {
	b := newBrowser(t)
	b.open("/c/" + pagestest.Slug)
	b.sees("38 left")
	other := *b
	tab, end := chromedp.NewContext(b.ctx)
	defer end()
	if err := chromedp.Do(tab); err != nil { // before any step that has a time of its own
		t.Fatal(err)
	}
	other.ctx = tab
	other.open("/c/" + pagestest.Slug)
	other.sees("38 left")
	c := pagestest.Conference()
	c.SeatTypes[0].Remaining = 4
	b.world.Put("/conferences/"+c.Slug, c)
	b.sees("Only 4 left")
	other.sees("Only 4 left")
	const streams = "performance.getEntriesByType('resource').filter(r => r.name.includes('/live?')).length"
	held := "navigator.locks.query().then(l => l.held.filter(h => h.name === 'plenary-live').length)"
	if n := value[int](b, held); n != 1 {
		t.Errorf("%d tabs hold the lock", n)
	}
	if n := value[int](&other, streams); n != 0 {
		t.Errorf("the second tab opened %d streams of its own", n)
	}
}

var pictures = flag.String("pictures", "", "folder that pictures of the main pages are written to")

// Pictures of the main pages, for the README.
func TestPictures(t *testing.T) {
	if *pictures == "" {
		t.Skip("only make screenshots asks for pictures")
	}
	folder, err := filepath.Abs(*pictures)
	if err != nil {
		t.Fatal(err)
	}
	b := newBrowser(t)
	b.signIn()
	for _, p := range []struct {
		name, path, language, theme string
		width, height               int64
	}{
		{"conference", "/c/" + pagestest.Slug, "en", "light", 390, 844},
		{"order", pagestest.PagePath("partial"), "en", "light", 390, 844},
		{"confirmed-dark", pagestest.PagePath("confirmed"), "en", "dark", 390, 844},
		{"conference-zh", "/c/huizhan-2027", "zh-Hans", "light", 390, 844},
		{"flow", "/explore/orders/" + pagestest.OrderID("confirmed").String() + "?event=8", "en", "light", 1440, 900},
		{"dashboard", "/organise/c/" + pagestest.ConferenceID.String(), "en", "light", 1200, 900},
	} {
		b.prefer(p.language, p.theme)
		b.size(p.width, p.height)
		b.open(p.path)
		b.until("document.readyState === 'complete'")
		picture, err := chromedp.Run(b.ctx, chromedp.CaptureScreenshot())
		if err != nil {
			t.Fatal(err)
		}
		if len(picture) > 150<<10 {
			t.Errorf("%s: %d bytes, at most 150 KB", p.name, len(picture))
		}
		if err := os.WriteFile(filepath.Join(folder, p.name+".png"), picture, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// An owner adds a member and issues a credential by keyboard; it is shown, and axe finds
// nothing on the page that shows it.
func TestACredentialIsIssuedByKeyboard(t *testing.T) {
	b := newBrowser(t)
	b.signIn()
	b.open("/organise/members")
	b.run(chromedp.Focus(`main button[value="issue"]`), chromedp.SendKeys(`main button[value="issue"]`, kb.Enter))
	b.until(`(document.querySelector('#credential-issued') || {value: ''}).value.startsWith('member.')`)
	b.judged()
	b.open("/organise/members")
	b.until(`!document.querySelector('#credential-issued')`)
}
