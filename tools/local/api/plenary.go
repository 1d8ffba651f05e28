package api

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/bojanz/currency"
)

// Money is an amount in minor units of a currency.
type Money struct {
	Amount   int64  `json:"amount"`
	Currency string `json:"currency"`
}

// String writes the amount with the decimals that ISO 4217 gives its currency.
func (m Money) String() string {
	amount, err := currency.NewAmountFromInt64(m.Amount, m.Currency)
	if err != nil {
		return fmt.Sprintf("%d minor units of %q", m.Amount, m.Currency)
	}
	return amount.String()
}

// NewConference has the details of a new conference.
type NewConference struct {
	Slug        string    `json:"slug"`
	Owner       string    `json:"owner"`
	Name        string    `json:"name"`
	Description string    `json:"description"`
	Location    string    `json:"location"`
	Currency    string    `json:"currency"`
	TimeZone    string    `json:"timeZone"`
	StartsAt    time.Time `json:"startsAt"`
	EndsAt      time.Time `json:"endsAt"`
	RefundUntil time.Time `json:"refundUntil,omitzero"`
}

// NewSeatType has the details of a new seat type. The price is in minor units of the
// conference's currency.
type NewSeatType struct {
	Name        string `json:"name"`
	Description string `json:"description,omitempty"`
	Price       int64  `json:"price"`
	Quota       int    `json:"quota"`
	// When it is sold; zero times set no bound.
	SalesFrom  time.Time `json:"salesFrom,omitzero"`
	SalesUntil time.Time `json:"salesUntil,omitzero"`
}

// Conference is the public view of a conference.
type Conference struct {
	ID        string     `json:"id"`
	Name      string     `json:"name"`
	Published bool       `json:"published"`
	SeatTypes []SeatType `json:"seatTypes"`
}

// SeatType is a seat type with the number of seats left.
type SeatType struct {
	ID          string `json:"id"`
	Name        string `json:"name"`
	Description string `json:"description"`
	Price       Money  `json:"price"`
	Quota       int    `json:"quota"`
	Remaining   int    `json:"remaining"`
	// From when on it is sold; the zero time sets no bound.
	SalesFrom time.Time `json:"salesFrom"`
}

// Item is a number of seats of one type.
type Item struct {
	SeatType string `json:"seatType"`
	Quantity int    `json:"quantity"`
}

// Person is a registrant.
type Person struct {
	FirstName string `json:"firstName"`
	LastName  string `json:"lastName"`
	Email     string `json:"email"`
}

// Attendee is a person to whom a seat is assigned.
type Attendee struct {
	Person
	Type string `json:"type"`
}

// Order is the registrant's view of an order.
type Order struct {
	ID             string             `json:"id"`
	ConferenceID   string             `json:"conferenceId"`
	Status         string             `json:"status"`
	Version        int                `json:"version"`
	Reason         string             `json:"reason"`
	Lines          []Line             `json:"lines"`
	Total          Money              `json:"total"`
	IsFreeOfCharge bool               `json:"isFreeOfCharge"`
	Deadline       time.Time          `json:"deadline"`
	Locator        string             `json:"locator"`
	Registrant     *Person            `json:"registrant"`
	PaymentID      string             `json:"paymentId"`
	Positions      []Position         `json:"positions"`
	GivenBack      []GivenBack        `json:"givenBack"`
	Assignments    []Assignment       `json:"assignments"`
	Payments       []Payment          `json:"payments"`
	PromoCodes     []PromoCodeOfOrder `json:"promoCodes"`
	Waitlist       *Place             `json:"waitlist"`
	Offered        bool               `json:"offered"`
	RestID         string             `json:"restId"`
	WaitsFor       string             `json:"waitsFor"`
	PlacedAt       time.Time          `json:"placedAt"`
	UpdatedAt      time.Time          `json:"updatedAt"`
}

// FoundOrder is an order that was found again, with a key that gives access to it.
type FoundOrder struct {
	Order
	Secret  string `json:"secret"`
	PageURL string `json:"pageUrl"`
}

// Line is one line of an order.
type Line struct {
	SeatType  string `json:"seatType"`
	Name      string `json:"name"`
	Requested int    `json:"requested"`
	Granted   int    `json:"granted"`
	State     string `json:"state"`
	Total     Money  `json:"total"`
}

// Granted is the number of seats of a type that the order holds.
func (o Order) Granted(seatType string) int {
	for _, l := range o.Lines {
		if l.SeatType == seatType {
			return l.Granted
		}
	}
	return 0
}

// Place is an order's place in line.
type Place struct {
	Positions []struct {
		SeatType string `json:"seatType"`
		Position int    `json:"position"`
	} `json:"positions"`
}

// PromoCodeOfOrder is a promo code that was asked for.
type PromoCodeOfOrder struct {
	Code   string `json:"code"`
	State  string `json:"state"` // requested, applied or refused
	Reason string `json:"reason"`
}

// NewPromoCode is what an organiser says about a promo code.
type NewPromoCode struct {
	Code      string   `json:"code"`
	Percent   int      `json:"percent,omitempty"`
	Amount    int64    `json:"amount,omitempty"`
	Scope     []string `json:"scope,omitempty"`
	Quota     int      `json:"quota,omitempty"`
	QuotaUnit string   `json:"quotaUnit,omitempty"`
	Exclusive bool     `json:"exclusive,omitempty"`
}

// PromoCode is a promo code with its use.
type PromoCode struct {
	Code    string `json:"code"`
	Quota   int    `json:"quota"`
	Used    int    `json:"used"`
	Retired bool   `json:"retired"`
}

// Assignment is a seat of a confirmed order.
type Assignment struct {
	Position int       `json:"position"`
	SeatType string    `json:"seatType"`
	Attendee *Attendee `json:"attendee"`
}

// Position is a seat with which an order was confirmed, at what it was confirmed.
type Position struct {
	Position  int    `json:"position"`
	SeatType  string `json:"seatType"`
	Price     Money  `json:"price"`
	GivenBack bool   `json:"givenBack"`
}

// GivenBack is some seats that were given back.
type GivenBack struct {
	Number    int   `json:"number"`
	Positions []int `json:"positions"`
	Refund    Money `json:"refund"`
}

// Payment is a payment of an order.
type Payment struct {
	ID      string   `json:"id"`
	Amount  Money    `json:"amount"`
	Status  string   `json:"status"`
	Refunds []Refund `json:"refunds"`
}

// Refund is a refund of a payment, or of a part of it.
type Refund struct {
	ID     int    `json:"id"`
	Amount Money  `json:"amount"`
	Status string `json:"status"`
}

// FailedRefund is a refund that needs an operator.
type FailedRefund struct {
	PaymentID string `json:"paymentId"`
	RefundID  int    `json:"refundId"`
	Amount    Money  `json:"amount"`
	Attempts  int    `json:"attempts"`
}

// Dashboard has the money of a conference, in minor units.
type Dashboard struct {
	Gross     int64 `json:"gross"`
	Refunded  int64 `json:"refunded"`
	Refunding int64 `json:"refunding"`
	Net       int64 `json:"net"`
}

// TimelineEntry is a command or event of an order.
type TimelineEntry struct {
	Kind     string    `json:"kind"` // command or event
	ID       string    `json:"id"`
	Type     string    `json:"type"`
	Time     time.Time `json:"time"`
	Source   string    `json:"source"`
	Stream   string    `json:"stream"`
	Version  uint64    `json:"version"`
	CausedBy string    `json:"causedBy"`
	Detail   string    `json:"detail"`
}

// DeadLetter is a message whose handling was given up. In a list it has no content.
type DeadLetter struct {
	ID        string          `json:"id"`
	Status    string          `json:"status"`
	Topic     string          `json:"topic"`
	Reason    string          `json:"reason"`
	Handler   string          `json:"handler"`
	MessageID string          `json:"messageId"`
	Message   json.RawMessage `json:"message"`
	Raw       []byte          `json:"raw"` // where it is not JSON
}

// CreateConference returns the id of the new conference.
func (c *Client) CreateConference(ctx context.Context, n NewConference) (string, error) {
	r, err := c.write(ctx, http.MethodPost, "/api/conferences", n)
	return r.ID, err
}

// ConferenceDetails reads what an organiser says of a conference, as it is written
// in the answer: the fields that UpdateConference takes.
func (c *Client) ConferenceDetails(ctx context.Context, id string) (map[string]any, error) {
	var whole map[string]any
	err := c.call(ctx, http.MethodGet, "/api/conferences/"+id, nil, &whole)
	details := map[string]any{}
	for _, field := range []string{
		"name", "description", "location", "timeZone", "startsAt", "endsAt", "salesFrom", "salesUntil", "refundUntil", "handOverUntil",
	} {
		if value, said := whole[field]; said {
			details[field] = value
		}
	}
	return details, err
}

// UpdateConference replaces what is said of a conference.
func (c *Client) UpdateConference(ctx context.Context, id string, details map[string]any) error {
	_, err := c.write(ctx, http.MethodPut, "/api/conferences/"+id, details)
	return err
}

// RenameConference gives a draft another slug.
func (c *Client) RenameConference(ctx context.Context, id, slug string) error {
	_, err := c.write(ctx, http.MethodPut, "/api/conferences/"+id+"/slug", map[string]string{"slug": slug})
	return err
}

// DeleteConference deletes a draft.
func (c *Client) DeleteConference(ctx context.Context, id string) error {
	_, err := c.write(ctx, http.MethodDelete, "/api/conferences/"+id, nil)
	return err
}

// DuplicateConference copies a conference under another slug, and gives the copy's id.
func (c *Client) DuplicateConference(ctx context.Context, id, slug string) (string, error) {
	r, err := c.write(ctx, http.MethodPost, "/api/conferences/"+id+"/duplicate", map[string]string{"slug": slug})
	return r.ID, err
}

// AddSeatType returns the id of the new seat type.
func (c *Client) AddSeatType(ctx context.Context, conference string, n NewSeatType) (string, error) {
	r, err := c.write(ctx, http.MethodPost, "/api/conferences/"+conference+"/seat-types", n)
	return r.ID, err
}

// UpdateSeatType replaces a seat type's details.
func (c *Client) UpdateSeatType(ctx context.Context, conference, seatType string, n NewSeatType) error {
	_, err := c.write(ctx, http.MethodPut, "/api/conferences/"+conference+"/seat-types/"+seatType, n)
	return err
}

// CreatePromoCode makes a promo code.
func (c *Client) CreatePromoCode(ctx context.Context, conference string, n NewPromoCode) error {
	_, err := c.write(ctx, http.MethodPost, "/api/conferences/"+conference+"/promo-codes", n)
	return err
}

// RetirePromoCode has a promo code taken no more.
func (c *Client) RetirePromoCode(ctx context.Context, conference, code string) error {
	_, err := c.write(ctx, http.MethodDelete, "/api/conferences/"+conference+"/promo-codes/"+code, nil)
	return err
}

// PromoCodes are a conference's promo codes.
func (c *Client) PromoCodes(ctx context.Context, conference string) ([]PromoCode, error) {
	var out struct{ PromoCodes []PromoCode }
	err := c.call(ctx, http.MethodGet, "/api/organiser/conferences/"+conference+"/promo-codes", nil, &out)
	return out.PromoCodes, err
}

// ApplyPromoCode asks for a promo code's discount.
func (c *Client) ApplyPromoCode(ctx context.Context, order, code string) error {
	_, err := c.write(ctx, http.MethodPost, "/api/orders/"+order+"/promo-codes", map[string]string{"code": code})
	return err
}

// RemovePromoCode does without it.
func (c *Client) RemovePromoCode(ctx context.Context, order, code string) error {
	_, err := c.write(ctx, http.MethodDelete, "/api/orders/"+order+"/promo-codes/"+code, nil)
	return err
}

// Publish publishes a conference.
func (c *Client) Publish(ctx context.Context, conference string) error {
	_, err := c.write(ctx, http.MethodPost, "/api/conferences/"+conference+"/publish", nil)
	return err
}

// Unpublish stops new orders for a conference.
func (c *Client) Unpublish(ctx context.Context, conference string) error {
	_, err := c.write(ctx, http.MethodPost, "/api/conferences/"+conference+"/unpublish", nil)
	return err
}

// Conference reads a conference with its availability.
func (c *Client) Conference(ctx context.Context, id string) (out Conference, err error) {
	return out, c.call(ctx, http.MethodGet, "/api/conferences/"+id, nil, &out)
}

// PlaceOrder returns the id of the new order.
func (c *Client) PlaceOrder(ctx context.Context, conference string, items ...Item) (string, error) {
	r, err := c.write(ctx, http.MethodPost, "/api/conferences/"+conference+"/orders", map[string]any{"items": list(items)})
	if err != nil {
		return r.ID, err
	}
	return r.ID, opened(r)
}

// WaitForSeats places an order that waits in line if it gets no seats.
func (c *Client) WaitForSeats(ctx context.Context, conference string, allOrNothing bool, items ...Item) (string, error) {
	r, err := c.write(ctx, http.MethodPost, "/api/conferences/"+conference+"/orders",
		map[string]any{"items": list(items), "waitlist": true, "allOrNothing": allOrNothing})
	if err != nil {
		return r.ID, err
	}
	return r.ID, opened(r)
}

// LeaveWaitlist gives up an order that is in line.
func (c *Client) LeaveWaitlist(ctx context.Context, order string) error {
	_, err := c.write(ctx, http.MethodDelete, "/api/orders/"+order+"/waitlist", nil)
	return err
}

// Waitlist are the orders in line for a conference's seats, in their order.
func (c *Client) Waitlist(ctx context.Context, conference string) (orders []string, err error) {
	var out struct {
		Waiting []struct {
			OrderID string `json:"orderId"`
		}
	}
	err = c.call(ctx, http.MethodGet, "/api/organiser/conferences/"+conference+"/waitlist", nil, &out)
	for _, w := range out.Waiting {
		orders = append(orders, w.OrderID)
	}
	return orders, err
}

// ChangeWaitlist closes, reopens or moves the line of a seat type: do says which.
func (c *Client) ChangeWaitlist(ctx context.Context, conference, seatType, do, to string) error {
	var body any
	if to != "" {
		body = map[string]string{"to": to}
	}
	_, err := c.write(ctx, http.MethodPost, "/api/conferences/"+conference+"/seat-types/"+seatType+"/waitlist/"+do, body)
	return err
}

// PlaceOrderAs places an order with an id from Open or OpenNamed. Placing it again
// does not create another order.
func (c *Client) PlaceOrderAs(ctx context.Context, conference, id string, items ...Item) error {
	return c.placeAs(ctx, conference, id, map[string]any{"items": list(items)})
}

// WaitForSeatsAs is PlaceOrderAs for an order that waits in line if it gets no seats.
func (c *Client) WaitForSeatsAs(ctx context.Context, conference, id string, items ...Item) error {
	return c.placeAs(ctx, conference, id, map[string]any{"items": list(items), "waitlist": true})
}

func (c *Client) placeAs(ctx context.Context, conference, id string, order map[string]any) error {
	order["secret"] = Secret(id)
	r, err := c.write(ctx, http.MethodPost, "/api/conferences/"+conference+"/orders", order)
	if err != nil {
		return err
	}
	if r.ID != id {
		return fmt.Errorf("the order is %s, and its secret was to make it %s", r.ID, id)
	}
	return opened(r)
}

// opened keeps the secret of an order that was placed.
func opened(r Receipt) error {
	if id := Open(r.Secret); id != r.ID {
		return fmt.Errorf("the secret of order %s opens %s", r.ID, id)
	}
	return nil
}

// ChangeItems replaces an order's items.
func (c *Client) ChangeItems(ctx context.Context, order string, items ...Item) error {
	_, err := c.write(ctx, http.MethodPut, "/api/orders/"+order+"/items", map[string]any{"items": list(items)})
	return err
}

func list(items []Item) []Item { return append([]Item{}, items...) } // never null

// AssignRegistrant sets the registrant.
func (c *Client) AssignRegistrant(ctx context.Context, order string, p Person) error {
	_, err := c.write(ctx, http.MethodPut, "/api/orders/"+order+"/registrant", p)
	return err
}

// StartPayment opens a payment. It returns its id and the payer's next page.
func (c *Client) StartPayment(ctx context.Context, order string, amount Money) (id, checkoutURL string, err error) {
	r, err := c.write(ctx, http.MethodPost, "/api/orders/"+order+"/payments", map[string]any{"amount": amount})
	return r.ID, r.CheckoutURL, err
}

// StartPaymentAs opens a payment with an id that the caller has chosen: made again, the
// request opens no other.
func (c *Client) StartPaymentAs(ctx context.Context, order, id string, amount Money) (checkoutURL string, err error) {
	r, err := c.write(ctx, http.MethodPost, "/api/orders/"+order+"/payments", map[string]any{"paymentId": id, "amount": amount})
	return r.CheckoutURL, err
}

// Confirm confirms a free order.
func (c *Client) Confirm(ctx context.Context, order string) error {
	_, err := c.write(ctx, http.MethodPost, "/api/orders/"+order+"/confirm", nil)
	return err
}

// Cancel cancels an order.
func (c *Client) Cancel(ctx context.Context, order string) error {
	_, err := c.write(ctx, http.MethodPost, "/api/orders/"+order+"/cancel", nil)
	return err
}

// CancelSeats gives the seats at some positions of a confirmed order back.
func (c *Client) CancelSeats(ctx context.Context, order string, positions ...int) error {
	_, err := c.write(ctx, http.MethodPost, "/api/orders/"+order+"/seats/cancel", map[string]any{"positions": positions})
	return err
}

// FailedRefunds reads the first page of the refunds that need an operator.
func (c *Client) FailedRefunds(ctx context.Context) ([]FailedRefund, error) {
	var out struct {
		Refunds []FailedRefund `json:"refunds"`
	}
	err := c.call(ctx, http.MethodGet, "/api/failed-refunds?limit=1000", nil, &out)
	return out.Refunds, err
}

// RetryRefund asks for a refund that failed once more.
func (c *Client) RetryRefund(ctx context.Context, failed FailedRefund) error {
	_, err := c.write(ctx, http.MethodPost, "/api/payments/"+failed.PaymentID+"/refund", map[string]any{"refundId": failed.RefundID, "attempt": failed.Attempts + 1})
	return err
}

// Dashboard reads how a conference sells.
func (c *Client) Dashboard(ctx context.Context, conference string) (out Dashboard, err error) {
	return out, c.call(ctx, http.MethodGet, "/api/organiser/conferences/"+conference+"/dashboard", nil, &out)
}

// AssignSeat assigns a seat of a confirmed order.
func (c *Client) AssignSeat(ctx context.Context, order string, position int, a Attendee) error {
	_, err := c.write(ctx, http.MethodPut, fmt.Sprintf("/api/orders/%s/seats/%d", order, position), a)
	return err
}

// UnassignSeat unassigns a seat.
func (c *Client) UnassignSeat(ctx context.Context, order string, position int) error {
	_, err := c.write(ctx, http.MethodDelete, fmt.Sprintf("/api/orders/%s/seats/%d", order, position), nil)
	return err
}

// Order reads an order.
func (c *Client) Order(ctx context.Context, id string) (out Order, err error) {
	return out, c.call(ctx, http.MethodGet, "/api/orders/"+id, nil, &out)
}

// FindOrder finds an order by e-mail and record locator.
func (c *Client) FindOrder(ctx context.Context, email, locator string) (out FoundOrder, err error) {
	return out, c.call(ctx, http.MethodPost, "/api/orders/find", map[string]string{"email": email, "locator": locator}, &out)
}

// OrderBy reads an order with a secret, or with the key from FindOrder.
func (c *Client) OrderBy(ctx context.Context, id, secret string) (out Order, err error) {
	by := *c
	by.Token = secret
	return out, by.call(ctx, http.MethodGet, "/api/orders/"+id, nil, &out)
}

// Timeline reads every command and event of an order.
func (c *Client) Timeline(ctx context.Context, order string) (entries []TimelineEntry, err error) {
	for after := ""; ; {
		var page struct {
			Entries []TimelineEntry
			Next    string
		}
		if err := c.call(ctx, http.MethodGet, "/api/orders/"+order+"/timeline?limit=1000"+after, nil, &page); err != nil {
			return nil, err
		}
		if entries = append(entries, page.Entries...); page.Next == "" {
			return entries, nil
		}
		after = "&after=" + url.QueryEscape(page.Next)
	}
}

// DeadLetters lists the dead letters, newest first.
func (c *Client) DeadLetters(ctx context.Context) ([]DeadLetter, error) {
	var out struct{ DeadLetters []DeadLetter }
	err := c.call(ctx, http.MethodGet, "/api/dead-letters", nil, &out)
	return out.DeadLetters, err
}

// DeadLetter reads one dead letter, with its content.
func (c *Client) DeadLetter(ctx context.Context, id string) (out DeadLetter, err error) {
	return out, c.call(ctx, http.MethodGet, "/api/dead-letters/"+id, nil, &out)
}

// RetryDeadLetter sends a dead letter back.
func (c *Client) RetryDeadLetter(ctx context.Context, id string) error {
	return c.call(ctx, http.MethodPost, "/api/dead-letters/"+id+"/retry", nil, nil)
}
