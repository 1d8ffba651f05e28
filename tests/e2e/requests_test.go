package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/plenary/plenary/tests/harness"
	"github.com/plenary/plenary/tools/local/api"
)

// send makes a write that waits for its outcome, and reads what it answers. One about
// an order that this process knows of is sent as its holder.
func (c conference) send(method, path, body string, headers ...string) (status int, receipt api.Receipt, problem api.Problem) {
	c.Helper()
	all := map[string]string{"Content-Type": "application/json", "Prefer": "wait=30"}
	if order, ok := strings.CutPrefix(path, "/api/orders/"); ok {
		order, _, _ = strings.Cut(order, "/")
		all["Authorization"] = "Bearer " + api.Secret(order)
	}
	for i := 0; i < len(headers); i += 2 {
		all[headers[i]] = headers[i+1]
	}
	status, answer := requestBy(c.client, c.T, method, c.anyone.URL+path, body, all)
	var into any = &receipt
	if status >= http.StatusBadRequest {
		into = &problem
	}
	if err := json.Unmarshal(answer, into); err != nil {
		c.Fatalf("%s %s: %d %s", method, path, status, answer)
	}
	return status, receipt, problem
}

// from is a client with an address of its own.
func from(address string) *http.Client {
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(address)}}
	return &http.Client{Transport: &http.Transport{DialContext: dialer.DialContext}}
}

func (c conference) asksFor(quantity int) string {
	return fmt.Sprintf(`{"items":[{"seatType":%q,"quantity":%d}]}`, c.general, quantity)
}

func TestARequestThatComesAgainIsOneOrder(t *testing.T) {
	harness.NeedsTrust(t)
	c := onSale(t, system, quotas{})
	orders, key := "/api/conferences/"+c.id+"/orders", uuid.NewString()

	status, first, _ := c.send(http.MethodPost, orders, c.asksFor(1), "Idempotency-Key", key)
	if status != http.StatusCreated {
		t.Fatalf("the order was answered with %d", status)
	}
	api.Open(first.Secret)

	// The same key as another client library writes it.
	if _, again, _ := c.send(http.MethodPost, orders, c.asksFor(1), "Idempotency-Key", `"`+strings.ToUpper(key)+`"`); again.ID != first.ID {
		t.Errorf("the request that came again made order %s beside %s", again.ID, first.ID)
	}
	// The same over another network, as a phone's that went out of the house.
	c.client = from("127.0.0.2")
	if _, again, _ := c.send(http.MethodPost, orders, c.asksFor(1), "Idempotency-Key", key); again.ID != first.ID {
		t.Errorf("the request that came again from another address made order %s beside %s", again.ID, first.ID)
	}
	status, _, problem := c.send(http.MethodPost, orders, c.asksFor(2), "Idempotency-Key", key)
	if status != http.StatusUnprocessableEntity || problem.Code != "idempotency-key-reused" {
		t.Errorf("another body under the key was answered with %d %s", status, problem.Code)
	}
	for _, weak := range []string{"1", "my-order", uuid.Nil.String()} {
		status, _, problem := c.send(http.MethodPost, orders, c.asksFor(1), "Idempotency-Key", weak)
		if status != http.StatusUnprocessableEntity || problem.Code != "idempotency-key-weak" {
			t.Errorf("the key %q was answered with %d %s", weak, status, problem.Code)
		}
	}
	c.await(first.ID, "reserved")
	c.remaining(c.general, 99)
}

func TestReadersOfTraditionalChineseGetSimplifiedOnlyIfTheyAcceptIt(t *testing.T) {
	missing := system.API().URL + "/api/conferences/" + uuid.NewString()
	for accept, title := range map[string]string{
		"zh-TW":              "There is no such conference",
		"zh-HK,en;q=0.5":     "There is no such conference",
		"zh-CN":              "会议不存在",
		"zh-TW,zh;q=0.9":     "会议不存在",
		"zh-HK,zh-Hans;q=.5": "会议不存在",
	} {
		_, answer := request(t, http.MethodGet, missing, "", map[string]string{"Accept-Language": accept})
		var problem api.Problem
		if err := json.Unmarshal(answer, &problem); err != nil || problem.Title != title {
			t.Errorf("%s is answered %s", accept, answer)
		}
	}
}

// All who look are behind one address.
func TestOnlyFailuresToFindAnOrderUseUpTheAllowance(t *testing.T) {
	harness.NeedsTrust(t)
	c := onSale(t, system, quotas{})
	o := c.buy(seats(c.general, 1))
	hall := *c.anyone
	hall.HTTP = from("127.0.0.4") // the allowance of other tests is left alone
	for i := range 30 {
		if found, err := hall.FindOrder(t.Context(), registrant().Email, o.Locator); err != nil || found.ID != o.ID {
			t.Fatalf("after %d others, an order is not found: %v", i, err)
		}
	}
	var err error
	for range 20 {
		if _, err = hall.FindOrder(t.Context(), uuid.NewString()+"@example.org", o.Locator); api.Code(err) != "order-not-found" {
			break
		}
	}
	c.refused(err, "too-many-requests")
	elsewhere := *c.anyone
	elsewhere.HTTP = from("127.0.0.3")
	if _, err := elsewhere.FindOrder(t.Context(), registrant().Email, o.Locator); err != nil {
		t.Errorf("the failures of one address keep another from its order: %v", err)
	}
	harness.Eventually(t, within, func(ctx context.Context) error { // the allowance grows again
		_, err := hall.FindOrder(ctx, registrant().Email, o.Locator)
		return err
	})
}
