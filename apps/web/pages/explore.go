package pages

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/google/uuid"

	"github.com/plenary/plenary/apps/query/view"
	"github.com/plenary/plenary/apps/web/problem"
	"github.com/plenary/plenary/contracts/refusal"
)

// workStyle is the stylesheet of the explorer's and the operator's pages.
const workStyle = "explore.css"

type explorePage struct {
	Shell
	Query, Status string
	// With is the order that one is looked for to compare it with.
	With     string
	Statuses []view.OrderStatus
	Orders   []view.OrderSummary
	More     string
}

// explore lists the latest orders of all conferences: a way into the explorer.
func (v *Visit) explore(credential string) {
	data := &explorePage{Query: strings.TrimSpace(v.Query("q")), Status: v.Query("status"), Statuses: []view.OrderStatus{
		view.OrderPlaced, view.OrderWaitlisted, view.OrderPartiallyReserved, view.OrderReserved, view.OrderConfirmed, view.OrderRejected, view.OrderExpired, view.OrderCancelled,
	}}
	if !slices.Contains(data.Statuses, view.OrderStatus(data.Status)) {
		data.Status = ""
	}
	if id, err := uuid.Parse(v.Query("compare")); err == nil {
		data.With = id.String()
	}
	if id, err := uuid.Parse(data.Query); err == nil { // somebody has an order's id
		v.See(data.To(id))
		return
	}
	var list view.OrderList
	if !v.read(credential, "/api/explorer/orders?"+parameters("q", data.Query, "status", data.Status, "after", v.Query("after"), "limit", "50"), &list) {
		return
	}
	data.Orders = list.Orders
	if list.Next != "" {
		data.More = "/explore?" + parameters("compare", data.With, "q", data.Query, "status", data.Status, "after", list.Next)
	}
	data.Style, data.Private = workStyle, true
	v.Render("explore", http.StatusOK, data)
}

// To leads to an order, or to how it compares with the one chosen before.
func (d *explorePage) To(order uuid.UUID) string {
	if d.With != "" {
		return "/explore/compare?" + parameters("a", d.With, "b", order.String())
	}
	return "/explore/orders/" + order.String()
}

type flowPage struct {
	Shell
	Flow    view.Flow
	Picture picture
	// Selected is the entry that is looked at; nil if none is.
	Selected *flowEntry
	Cause    *flowEntry
	Effects  []flowEntry
	Payload  string
	// Previous and Next lead through the entries, Earlier and Later through the
	// versions of the order; 0 if there is none.
	Previous, Next, Earlier, Later int
	Version, Latest                uint64
	State                          view.FlowState
	Zone                           string
}

// flowEntry is an entry as the page shows it.
type flowEntry struct {
	view.FlowEntry
	// Name is its type without the version of its form.
	Name string
	// At is the app under whose lane it stands.
	At string
}

// flow shows an order's causal graph and, of the entry that the address selects,
// its content, and how order and conference stood then.
func (v *Visit) flow(credential string) {
	id, err := uuid.Parse(v.Param("id"))
	if err != nil {
		v.refuse(problem.New(refusal.OrderNotFound))
		return
	}
	path := "/api/explorer/orders/" + id.String()
	data := &flowPage{}
	if !v.read(credential, path+"/flow", &data.Flow) {
		return
	}
	entries := make([]flowEntry, len(data.Flow.Entries))
	versions := map[uint64]int{} // the entry with each version of the order
	for i, e := range data.Flow.Entries {
		entries[i] = flowEntry{FlowEntry: e, Name: shortType(e.Type), At: e.Lane}
		if e.Kind == view.TimelineCommand && e.Source != "" {
			entries[i].At = e.Source // a command stands where it was decided to send it
		}
		if e.Kind == view.TimelineEvent && e.Stream == "order/"+id.String() {
			versions[e.Version] = e.Number
			data.Latest = max(data.Latest, e.Version)
		}
	}
	byNumber := func(n int) *flowEntry {
		if n < 1 || n > len(entries) {
			return nil
		}
		return &entries[n-1]
	}
	data.Version = data.Latest
	wanted := ""
	if n, err := strconv.Atoi(v.Query("event")); err == nil {
		data.Selected = byNumber(n)
	} else if version, err := strconv.ParseUint(v.Query("version"), 10, 31); err == nil {
		data.Selected = byNumber(versions[version])
	}
	if s := data.Selected; s != nil {
		data.Payload = indented(s.Payload)
		data.Previous, data.Next = s.Number-1, s.Number+1
		if s.Number == len(entries) {
			data.Next = 0
		}
		for i, e := range entries {
			switch {
			case s.CausedBy != "" && e.ID == s.CausedBy:
				data.Cause = &entries[i]
			case e.CausedBy == s.ID:
				data.Effects = append(data.Effects, e)
			}
		}
		wanted = "?" + parameters("at", s.Time.UTC().Format(time.RFC3339Nano))
		if versions[s.Version] == s.Number {
			wanted = "?" + parameters("version", strconv.FormatUint(s.Version, 10))
		}
	} else if data.Latest > 0 {
		wanted = "?" + parameters("version", strconv.FormatUint(data.Latest, 10))
	}
	if !v.read(credential, path+"/state"+wanted, &data.State) {
		return
	}
	data.Version = data.State.Version
	data.Earlier, data.Later = versions[data.Version-1], versions[data.Version+1]
	if data.State.Conference != nil {
		data.Zone = data.State.Conference.TimeZone
	}
	data.Picture = v.draw(entries, data.Selected)
	data.Style, data.Private = workStyle, true
	v.Render("flow", http.StatusOK, data)
}

// shortType is a message's type without the version of its form.
func shortType(name string) string {
	short, _, _ := strings.Cut(name, ".v")
	return short
}

// indented is JSON to be read by people.
func indented(data json.RawMessage) string {
	var out bytes.Buffer
	if json.Indent(&out, data, "", "  ") != nil {
		return string(data)
	}
	return out.String()
}

// processApp is the app whose lane shows what the process waits for.
const processApp = "registration-process"

// The measures of the picture, in pixels.
const (
	laneWidth, rowHeight  = 176, 60
	boxWidth, boxHeight   = 160, 48
	gutter, head, padding = 104, 48, 8
)

// picture is a causal graph, drawn: a lane for each app from left to right, and
// the entries from top to bottom, causes above what they caused.
type picture struct {
	Width, Height int
	Lanes         []lane
	Boxes         []box
	Arrows        []arrow
	Waits         []wait
}

type lane struct {
	Name        string
	Left, X, To int
	Process     bool
}

type box struct {
	flowEntry
	X, Y, TextX, TextY int
	// First and Second are the lines of its name, LowY is where the second stands.
	First, Second  string
	LowY, ClockY   int
	Here, OnTheWay bool
	Clock          string
}

type arrow struct {
	Path     string
	OnTheWay bool
}

// wait is what the process waits for from one entry to another.
type wait struct {
	Key                string
	Until              time.Time
	X, From, To        int
	TextX, TextY, LowY int
	Now                bool
}

// draw draws entries; what led to the selected one stands out.
func (v *Visit) draw(entries []flowEntry, selected *flowEntry) picture {
	p := picture{Height: head + len(entries)*rowHeight + padding}
	column := map[string]int{}
	place := func(app string) int {
		at, ok := column[app]
		if !ok {
			at = len(p.Lanes)
			column[app] = at
			left := gutter + at*laneWidth
			p.Lanes = append(p.Lanes, lane{Name: app, Left: left, X: left + laneWidth/2, To: p.Height, Process: app == processApp})
		}
		return at
	}
	onTheWay := map[string]bool{}
	causes := map[string]string{}
	for _, e := range entries {
		causes[e.ID] = e.CausedBy
	}
	if selected != nil {
		for id := selected.ID; id != "" && !onTheWay[id]; id = causes[id] {
			onTheWay[id] = true
		}
	}
	boxes := map[string]box{}
	for i, e := range entries {
		if e.At == "" {
			e.At = "?"
		}
		left := gutter + place(e.At)*laneWidth + (laneWidth-boxWidth)/2
		top := head + i*rowHeight
		b := box{
			flowEntry: e, X: left, Y: top, TextX: left + 12, TextY: top + 29, ClockY: top + 29,
			Here: selected != nil && selected.Number == e.Number, OnTheWay: onTheWay[e.ID], Clock: e.Time.UTC().Format("15:04:05.000"),
		}
		if b.First, b.Second = lines(e.Name); b.Second != "" {
			b.TextY, b.LowY = top+20, top+38
		}
		p.Boxes = append(p.Boxes, b)
		if from, ok := boxes[e.CausedBy]; ok {
			p.Arrows = append(p.Arrows, arrow{Path: curve(from, b), OnTheWay: b.OnTheWay && from.OnTheWay})
		}
		boxes[e.ID] = b
	}
	place(processApp) // it shows what it waits for, even before it did anything
	p.Width = gutter + len(p.Lanes)*laneWidth
	p.Waits = waits(entries, gutter+column[processApp]*laneWidth, func(i int) bool { return entries[i].At == processApp })
	return p
}

// lines is a name in one line or, if it is too long for a box, in two of about the
// same length, parted where a word begins.
func lines(name string) (first, second string) {
	const most = 15
	if len(name) <= most {
		return name, ""
	}
	best := len(name)
	for i, r := range name {
		if i > 0 && unicode.IsUpper(r) && max(i, len(name)-i) < max(best, len(name)-best) {
			best = i
		}
	}
	return name[:best], name[best:]
}

// curve leads from under a box to above another one, aside of those between.
func curve(from, to box) string {
	x1, y1, x2, y2 := from.X+boxWidth/2, from.Y+boxHeight, to.X+boxWidth/2, to.Y-2
	if x1 == x2 && y2-y1 > rowHeight {
		aside := x1 - boxWidth/2 - 4
		return fmt.Sprintf("M%d %dC%d %d %d %d %d %d", x1, y1, aside, y1+rowHeight/2, aside, y2-rowHeight/2, x2, y2)
	}
	bend := min(rowHeight, (y2-y1)/2+8)
	return fmt.Sprintf("M%d %dC%d %d %d %d %d %d", x1, y1, x1, y1+bend, x2, y2-bend, x2, y2)
}

// waitsAfter is what the process waits for after an event: the key of a text, empty
// when it is done. Events that are not here change nothing.
var waitsAfter = map[string]string{
	"OrderPlaced": "flow.wait.seats", "OrderUpdated": "flow.wait.seats",
	"SeatsReserved":             "flow.wait.marked",
	"OrderWaitlisted":           "flow.wait.offer",
	"OrderPartiallyReserved":    "flow.wait.payment",
	"OrderReservationCompleted": "flow.wait.payment",
	"PaymentInitiated":          "flow.wait.provider",
	"PaymentRejected":           "flow.wait.payment",
	"PaymentCancelled":          "flow.wait.payment",
	"PaymentCompleted":          "flow.wait.confirmed",
	"OrderReinstated":           "flow.wait.confirmed",
	"OrderConfirmed":            "flow.wait.committed",
	"OrderExpired":              "flow.wait.released", "OrderRejected": "flow.wait.released", "OrderCancelled": "flow.wait.released",
	"OrderSeatsCancelled":       "flow.wait.released",
	"SeatsReservationCommitted": "", "SeatsReservationCancelled": "", "SeatsReservationReduced": "",
	"PaymentRefundRequested": "flow.wait.refund", "PaymentRefunded": "", "RefundFailed": "flow.wait.operator",
}

// waits are the spans in which the process waits for something. busy says that an
// entry's row is taken in the process's lane.
func waits(entries []flowEntry, left int, busy func(int) bool) (out []wait) {
	var open *wait
	from := 0
	var deadline time.Time
	end := func(row int) {
		if open == nil {
			return
		}
		open.To = head + row*rowHeight + boxHeight/2
		for i := from; i <= row && i < len(entries); i++ { // the first row with room for a text
			if !busy(i) {
				open.TextY = head + i*rowHeight + 20
				open.LowY = open.TextY + 18
				break
			}
		}
		out = append(out, *open)
		open = nil
	}
	for i, e := range entries {
		if e.Kind != view.TimelineEvent || e.Refused {
			continue
		}
		key, ok := waitsAfter[e.Name]
		if !ok {
			continue
		}
		var body struct {
			Deadline time.Time `json:"deadline"`
		}
		if json.Unmarshal(e.Payload, &body) == nil && !body.Deadline.IsZero() {
			deadline = body.Deadline
		}
		if open != nil && open.Key == key {
			continue
		}
		end(i)
		if key == "" {
			continue
		}
		open, from = &wait{Key: key, X: left + 3, From: head + i*rowHeight + boxHeight/2, TextX: left + 16}, i
		if key == "flow.wait.payment" || key == "flow.wait.provider" || key == "flow.wait.seats" {
			open.Until = deadline
		}
	}
	if open != nil {
		open.Now = true
		end(len(entries) - 1)
	}
	return out
}

// selecting is the address of the flow with an entry selected.
func selecting(number int) string {
	return "?" + url.Values{"event": {strconv.Itoa(number)}}.Encode() + "#selected"
}
