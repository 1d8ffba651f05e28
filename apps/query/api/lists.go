package api

import (
	"context"
	"encoding/csv"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/plenary/plenary/apps/query/live"
	"github.com/plenary/plenary/apps/query/problem"
	"github.com/plenary/plenary/apps/query/store"
	"github.com/plenary/plenary/apps/query/view"
	"github.com/plenary/plenary/contracts/refusal"
)

// typed is what somebody searches for. What is longer than any name is cut.
func (r request) typed() string {
	const most = 500
	q := r.Query("q")
	return q[:min(len(q), most)]
}

func (a *API) catalogue(r request) (any, error) {
	after, limit, err := r.page()
	if err != nil {
		return nil, err
	}
	q := store.CatalogueQuery{Typed: r.typed(), After: after, Limit: limit}
	switch when := r.Query("when"); when {
	case "", "soon":
	case "over":
		q.Over = true
	default:
		return nil, problem.New(http.StatusBadRequest, problem.InvalidRequest, "when must be soon or over")
	}
	return r.store.Catalogue(r.Request.Context(), r.tenant, q, a.Now())
}

// list reads which page of a list is asked for, and what is searched for in it.
func (r request) list() (q store.ListQuery, err error) {
	q.Typed = r.typed()
	q.Status = view.OrderStatus(r.Query("status"))
	switch q.Status {
	case "", view.OrderPlaced, view.OrderWaitlisted, view.OrderPartiallyReserved, view.OrderReserved, view.OrderConfirmed, view.OrderRejected, view.OrderExpired, view.OrderCancelled:
	default:
		return q, problem.New(http.StatusBadRequest, problem.InvalidRequest, "status must be one of an order's")
	}
	q.After, q.Limit, err = r.page()
	return q, err
}

func conferenceSummaries(r request) (any, error) {
	q, err := r.list()
	if err != nil {
		return nil, err
	}
	if q.Organisation, err = r.organisation(); err != nil {
		return nil, err
	}
	return r.store.ConferenceSummaries(r.Request.Context(), r.tenant, q)
}

// ofConference answers from a list of the conference in the path.
func ofConference[T any](list func(r request, conference uuid.UUID, q store.ListQuery) (T, error)) func(request) (any, error) {
	return func(r request) (any, error) {
		q, err := r.list()
		if err != nil {
			return nil, err
		}
		id, err := r.existing()
		if err != nil {
			return nil, err
		}
		found, err := list(r, id, q)
		if errors.Is(err, store.ErrNoCursor) {
			err = problem.New(http.StatusBadRequest, problem.InvalidRequest, "after must be what an answer gave as next")
		}
		return found, err
	}
}

// existing is the id of the conference in the path, if it is of the organisation for
// which is asked.
func (r request) existing() (uuid.UUID, error) {
	whose, err := r.organisation()
	if err != nil {
		return uuid.Nil, err
	}
	found, err := r.conferenceSoon(seenBy{whose: whose, own: true})
	if errors.Is(err, store.ErrNotFound) {
		err = problem.New(http.StatusNotFound, refusal.ConferenceNotFound, "")
	}
	return found.ID, err
}

func orderList(r request, conference uuid.UUID, q store.ListQuery) (view.OrderList, error) {
	return r.store.OrderList(r.Request.Context(), r.tenant, conference, q)
}

func attendeeList(r request, conference uuid.UUID, q store.ListQuery) (view.AttendeeList, error) {
	return r.store.AttendeeList(r.Request.Context(), r.tenant, conference, q)
}

func promoCodes(r request, conference uuid.UUID, q store.ListQuery) (view.PromoCodes, error) {
	return r.store.PromoCodes(r.Request.Context(), r.tenant, conference, q)
}

func waitlist(r request) (any, error) {
	id, err := r.existing()
	if err != nil {
		return nil, err
	}
	return r.store.Waitlist(r.Request.Context(), r.tenant, id)
}

func suggestions(r request, conference uuid.UUID, q store.ListQuery) (view.Suggestions, error) {
	const most = 10
	return r.store.Suggestions(r.Request.Context(), r.tenant, conference, q.Typed, min(q.Limit, most))
}

// rowsAtOnce is how many rows of a file are read at once.
const rowsAtOnce = 500

// file answers with a list as a file for a spreadsheet, page by page as it is
// read. page gives the rows of a page and the cursor of the next.
func file(name string, columns []string, page func(r request, conference uuid.UUID, q store.ListQuery) (rows [][]string, next string, err error)) func(request) error {
	return func(r request) error {
		q, err := r.list()
		if err != nil {
			return err
		}
		id, err := r.existing()
		if err != nil {
			return err
		}
		q.Limit = rowsAtOnce
		rows, next, err := page(r, id, q)
		if err != nil {
			return err
		}
		h := r.Writer.Header()
		h.Set("Content-Type", "text/csv; charset=utf-8")
		h.Set("Content-Disposition", `attachment; filename="`+name+`"`)
		h.Set("Cache-Control", "no-store")
		r.Status(http.StatusOK)
		out := sheet{csv.NewWriter(r.Writer)}
		if _, err := r.Writer.WriteString("\uFEFF"); err != nil { // by which spreadsheets know the encoding
			return nil //nolint:nilerr // the reader is gone
		}
		out.UseCRLF = true
		out.row(columns)
		for {
			for _, row := range rows {
				out.row(row)
			}
			out.Flush()
			if next == "" || out.Error() != nil {
				return nil
			}
			r.Writer.Flush()
			if q.After, err = store.ParseCursor(next); err == nil {
				rows, next, err = page(r, id, q)
			}
			if err != nil {
				panic(http.ErrAbortHandler) // a file that ends here must not look whole
			}
		}
	}
}

// sheet writes rows that a spreadsheet takes for text, whatever is in them.
type sheet struct{ *csv.Writer }

func (s sheet) row(cells []string) {
	safe := make([]string, len(cells))
	for i, cell := range cells {
		if cell != "" && strings.ContainsRune("=+-@\t\r", rune(cell[0])) {
			cell = "'" + cell
		}
		safe[i] = cell
	}
	_ = s.Write(safe) // Error has it
}

var orderColumns = []string{
	"order", "locator", "status", "first name", "last name", "e-mail", "seats", "total", "currency", "placed", "confirmed", "reason", "refund for seats given back",
}

func orderRows(r request, conference uuid.UUID, q store.ListQuery) (rows [][]string, next string, err error) {
	list, err := orderList(r, conference, q)
	for _, o := range list.Orders {
		amount, _, _ := strings.Cut(o.Total.String(), " ")
		refund, _, _ := strings.Cut(o.Refund.String(), " ")
		row := []string{o.ID.String(), o.Locator, string(o.Status), "", "", "", strconv.Itoa(o.Seats), amount, o.Total.Currency, instant(o.PlacedAt), instant(o.ConfirmedAt), o.Reason, refund}
		if p := o.Registrant; p != nil {
			row[3], row[4], row[5] = p.FirstName, p.LastName, p.Email
		}
		rows = append(rows, row)
	}
	return rows, list.Next, err
}

var attendeeColumns = []string{
	"order", "locator", "position", "seat type", "first name", "last name", "e-mail", "attends as", "registrant's e-mail",
}

func attendeeRows(r request, conference uuid.UUID, q store.ListQuery) (rows [][]string, next string, err error) {
	list, err := attendeeList(r, conference, q)
	for _, a := range list.Attendees {
		row := []string{a.OrderID.String(), a.Locator, strconv.Itoa(a.Position + 1), a.SeatName, "", "", "", "", ""}
		if p := a.Attendee; p != nil {
			row[4], row[5], row[6], row[7] = p.FirstName, p.LastName, p.Email, string(p.Type)
		}
		if p := a.Holder; p != nil {
			row[8] = p.Email
		}
		rows = append(rows, row)
	}
	return rows, list.Next, err
}

func instant(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Format(time.RFC3339)
}

// salesSince is how far back a dashboard shows sales by the hour.
const salesSince = 14 * 24 * time.Hour

func (a *API) since(r request) (time.Time, error) {
	text := r.Query("since")
	if text == "" {
		return a.Now().Add(-salesSince).Truncate(time.Hour), nil
	}
	since, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return since, problem.New(http.StatusBadRequest, problem.InvalidRequest, "since must be an RFC 3339 time")
	}
	return since, nil
}

func (a *API) dashboard(r request) (any, error) {
	since, err := a.since(r)
	if err != nil {
		return nil, err
	}
	id, err := r.existing()
	if err != nil {
		return nil, err
	}
	found, err := r.store.Dashboard(r.Request.Context(), r.tenant, id, since)
	return missing(found, err, refusal.ConferenceNotFound)
}

func (a *API) watchDashboard(r request) error {
	since, err := a.since(r)
	if err != nil {
		return err
	}
	id, err := r.existing()
	if err != nil {
		return err
	}
	key := live.DashboardKey(r.tenant, id.String())
	return a.watch(r, a.slow, "dashboard", key, since.Format(time.RFC3339), refusal.ConferenceNotFound, func(ctx context.Context) (live.Update, error) {
		d, err := r.store.Dashboard(ctx, r.tenant, id, since)
		return update(d, err)
	})
}
