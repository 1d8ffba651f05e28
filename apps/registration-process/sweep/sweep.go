// Package sweep finds the orders whose hold is over and whose reminder never
// came: the scheduler may lose what it knows. It also finds the orders that never
// came themselves, though there are payments of them, and those in line for seats that
// became free by the clock alone. It asks the query service, and wakes the process of each; the process decides from its own stream, so a
// list that is out of date does no harm.
package sweep

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/google/uuid"
	"go.opentelemetry.io/otel"

	"github.com/plenary/plenary/engine/every"
	"github.com/plenary/plenary/engine/message"
)

// Waker wakes processes.
type Waker interface {
	Wake(ctx context.Context, tenant string, ids []string) error
}

// Sweep looks for overdue orders, for payments without an order, and for seats to offer.
type Sweep struct {
	// Query is the base address of the query service.
	Query  string
	Client *http.Client
	Waker  Waker
	Every  time.Duration
	Now    func() time.Time
}

// page is how many orders are asked for at once.
const page = 200

// soon is when the first sweep is: holds may have ended while no replica was there, and
// reminders that failed meanwhile come again one by one.
const soon = 2 * time.Second

// Run sweeps until ctx ends. A sweep that fails is logged; the next one looks
// again.
func (s *Sweep) Run(ctx context.Context) error {
	every.Do(ctx, min(soon, s.Every), s.Every, func(ctx context.Context) {
		if n, err := s.Once(ctx); err != nil && ctx.Err() == nil {
			slog.ErrorContext(ctx, "sweep failed", "error", err)
		} else if n > 0 {
			slog.InfoContext(ctx, "sweep woke processes", "orders", n)
		}
	})
	return nil
}

// Once wakes the process of every overdue, missing or waiting order, page by page. One that
// cannot be woken keeps none of the others waiting, nor does a list that cannot be
// read.
func (s *Sweep) Once(ctx context.Context) (woken int, err error) {
	ctx, span := otel.Tracer("github.com/plenary/plenary/apps/registration-process").Start(ctx, "sweep")
	defer span.End()
	before := s.Now().UTC().Format(time.RFC3339Nano)
	overdue, err1 := s.wake(ctx, "/orders/overdue", url.Values{"before": {before}})
	missing, err2 := s.wake(ctx, "/orders/missing", url.Values{})
	waiting, err3 := s.wake(ctx, "/orders/waiting", url.Values{})
	return overdue + missing + waiting, errors.Join(err1, err2, err3)
}

// wake wakes the process of every order of a list.
func (s *Sweep) wake(ctx context.Context, list string, by url.Values) (woken int, err error) {
	by.Set("limit", strconv.Itoa(page))
	var failed []error
	for {
		ids, next, err := s.orders(ctx, list, by)
		if err != nil {
			return woken, errors.Join(append(failed, err)...)
		}
		if len(ids) > 0 {
			if err := s.Waker.Wake(ctx, message.DefaultTenant, ids); err != nil {
				failed = append(failed, err)
			} else {
				woken += len(ids)
			}
		}
		if next == "" {
			return woken, errors.Join(failed...)
		}
		by.Set("after", next)
	}
}

func (s *Sweep) orders(ctx context.Context, list string, by url.Values) (ids []string, next string, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.Query+list+"?"+by.Encode(), nil)
	if err != nil {
		return nil, "", err
	}
	res, err := s.Client.Do(req)
	if err != nil {
		return nil, "", fmt.Errorf("ask for %s: %w", list, err)
	}
	defer func() { _ = res.Body.Close() }()
	if res.StatusCode != http.StatusOK {
		return nil, "", fmt.Errorf("ask for %s: %s", list, res.Status)
	}
	var answer struct {
		Orders []struct {
			OrderID uuid.UUID `json:"orderId"`
		} `json:"orders"`
		Next string `json:"next"`
	}
	if err := json.NewDecoder(res.Body).Decode(&answer); err != nil {
		return nil, "", fmt.Errorf("ask for %s: %w", list, err)
	}
	for _, o := range answer.Orders {
		ids = append(ids, o.OrderID.String())
	}
	return ids, answer.Next, nil
}
