package gateway_test

import (
	"net/http"
	"testing"

	"github.com/plenary/plenary/apps/web/gateway"
	"github.com/plenary/plenary/apps/web/problem"
	"github.com/plenary/plenary/contracts/refusal"
)

func TestGuessingPromoCodesIsLimitedByAddress(t *testing.T) {
	f := limited(t, gateway.Limits{}, nil)
	ask := func(headers ...header) response {
		return f.do("POST", orderPath("/promo-codes"), `{"code":"guessed"}`, append(headers, from("192.0.2.1"))...)
	}
	for range 30 {
		ask().is(http.StatusAccepted)
	}
	r := ask()
	r.problem(http.StatusTooManyRequests, problem.TooManyRequests)
	if r.header.Get("Retry-After") != "6" {
		t.Errorf("Retry-After %q", r.header.Get("Retry-After"))
	}
	ask(asOrganiser).is(http.StatusAccepted)
}

func TestWhatCanBeNoPromoCodeIsUnknown(t *testing.T) {
	f := newFixture(t)
	f.do("DELETE", "/api/conferences/"+conferenceID.String()+"/promo-codes/a", "", asOrganiser).problem(http.StatusNotFound, refusal.PromoCodeUnknown)
}
