package e2e

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/plenary/plenary/tests/harness"
	"github.com/plenary/plenary/tools/local/api"
)

// code makes a promo code.
func (c conference) code(p api.NewPromoCode) string {
	c.Helper()
	c.must(c.organiser.CreatePromoCode(c.Context(), c.id, p))
	return p.Code
}

// apply asks for a promo code and waits for what becomes of it.
func (c conference) apply(order, code string) (api.Order, api.PromoCodeOfOrder) {
	c.Helper()
	c.must(c.anyone.ApplyPromoCode(c.Context(), order, code))
	var o api.Order
	var got api.PromoCodeOfOrder
	harness.Eventually(c.T, within, func(ctx context.Context) (err error) {
		if o, err = c.anyone.Order(ctx, order); err != nil {
			return err
		}
		i := slices.IndexFunc(o.PromoCodes, func(p api.PromoCodeOfOrder) bool { return p.Code == code })
		if i < 0 || o.PromoCodes[i].State == "requested" {
			return fmt.Errorf("order %s has %+v", order, o.PromoCodes)
		}
		got = o.PromoCodes[i]
		return nil
	})
	return o, got
}

// used waits until so much of a promo code is used.
func (c conference) used(code string, want int) {
	c.Helper()
	harness.Eventually(c.T, within, func(ctx context.Context) error {
		all, err := c.organiser.PromoCodes(ctx, c.id)
		if err != nil {
			return err
		}
		for _, p := range all {
			if p.Code == code && p.Used == want {
				return nil
			}
		}
		return fmt.Errorf("promo codes %+v, want %d of %s used", all, want, code)
	})
}

func TestAPromoCodeForOneUseIsUsedOnce(t *testing.T) {
	c := onSale(t, system, quotas{})
	half := c.code(api.NewPromoCode{Code: "HALF-1", Percent: 50, Quota: 1})

	first, second := c.place(seats(c.general, 1)), c.place(seats(c.general, 1))
	c.await(first, "reserved")
	c.await(second, "reserved")
	if o, got := c.apply(first, half); got.State != "applied" || o.Total.Amount != generalPrice/2 {
		t.Errorf("the first is %+v, for %s", got, o.Total)
	}
	if o, got := c.apply(second, half); got.State != "refused" || got.Reason != "promo-code-used-up" || o.Total.Amount != generalPrice {
		t.Errorf("the second is %+v, for %s", got, o.Total)
	}
	c.register(first)
	c.pay(first)
	if o := c.await(first, "confirmed"); o.Total.Amount != generalPrice/2 {
		t.Errorf("it was confirmed for %s", o.Total)
	}
	c.used(half, 1)
	c.follow(first, "ApplyPromoCode", "OrderPromoCodeRequested", "RedeemPromoCode", "PromoCodeRedeemed", "ApplyDiscount", "DiscountApplied")

	// Who gives the order up gives the code back.
	c.must(c.anyone.Cancel(t.Context(), first))
	c.await(first, "cancelled")
	c.used(half, 0)
	if _, got := c.apply(second, half); got.State != "applied" {
		t.Errorf("after it was given back the second is %+v", got)
	}
}

func TestOfTwentyWhoUseACodeForOneAtOnceOneGetsIt(t *testing.T) {
	c := onSale(t, system, quotas{})
	half := c.code(api.NewPromoCode{Code: "HALF-1", Percent: 50, Quota: 1})
	orders := c.placeAtOnce(20, seats(c.general, 1))
	for _, order := range orders {
		c.await(order, "reserved")
	}
	var mu sync.Mutex
	states := map[string]int{}
	var all sync.WaitGroup
	for _, order := range orders {
		all.Go(func() {
			o, got := c.apply(order, "HALF-1")
			want := int64(generalPrice)
			if got.State == "applied" {
				want /= 2
			}
			mu.Lock()
			defer mu.Unlock()
			states[got.State+" "+got.Reason]++
			if o.Total.Amount != want {
				t.Errorf("%+v: the total is %s", got, o.Total)
			}
		})
	}
	all.Wait()
	if states["applied "] != 1 || states["refused promo-code-used-up"] != 19 {
		t.Errorf("got %v, want one winner and nineteen refused", states)
	}
	c.used(half, 1)
}

func TestPromoCodesBySeatsAndOfTheWholePrice(t *testing.T) {
	c := onSale(t, system, quotas{})
	seat := c.code(api.NewPromoCode{Code: "SEAT", Percent: 100, Quota: 1, QuotaUnit: "seats"})
	free := c.code(api.NewPromoCode{Code: "FREE", Percent: 100})

	twenty := c.place(seats(c.general, 20))
	c.await(twenty, "reserved")
	if o, got := c.apply(twenty, seat); got.State != "applied" || o.Total.Amount != 19*generalPrice || o.IsFreeOfCharge {
		t.Errorf("of twenty seats one is to be free: %+v, for %s", got, o.Total)
	}
	c.used(seat, 1)

	// Nothing is to be paid: confirmed without a payment.
	one := c.place(seats(c.general, 1))
	c.await(one, "reserved")
	if o, got := c.apply(one, free); got.State != "applied" || !o.IsFreeOfCharge {
		t.Errorf("it is %+v, for %s", got, o.Total)
	}
	c.register(one)
	c.must(c.anyone.Confirm(t.Context(), one))
	c.await(one, "confirmed")

	// Another price cancels a payment of the one before, and a change asks again.
	c.register(twenty)
	o, err := c.anyone.Order(t.Context(), twenty)
	c.must(err)
	payment, _, err := c.anyone.StartPayment(t.Context(), twenty, o.Total)
	c.must(err)
	c.must(c.anyone.RemovePromoCode(t.Context(), twenty, "seat"))
	c.awaitPayment(twenty, payment, "cancelled")
	c.used(seat, 0)

	_, got := c.apply(twenty, "NOBODY-HAS-IT")
	if got.State != "refused" || got.Reason != "promo-code-unknown" {
		t.Errorf("an unknown code is %+v", got)
	}
	c.must(c.organiser.RetirePromoCode(t.Context(), c.id, free))
	if _, got := c.apply(twenty, free); got.Reason != "promo-code-retired" {
		t.Errorf("a retired code is %+v", got)
	}
}
