package e2e

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/google/uuid"

	"github.com/plenary/plenary/tests/harness"
)

// What topology.yaml does not allow one app to ask of another is refused by the app
// that is asked, on every component set.
func TestAForbiddenCallIsRefused(t *testing.T) {
	harness.NeedsParts(t)
	system.Watch(t)
	some := uuid.NewString()
	const allowed, forbidden = false, true
	for _, c := range []struct {
		by, verb, path string
		claims         string // whom the caller says it is
		forbidden      bool
	}{
		{"web", http.MethodGet, "query/method/orders/" + some, "", allowed},
		{"registration-process", http.MethodGet, "query/method/orders/overdue", "", allowed},
		{"payments", http.MethodGet, "payments/method/pay/" + some, "", allowed}, // itself
		{"web", http.MethodPost, "query/method/bus/events", "", forbidden},
		{"web", http.MethodPost, "order/method/bus/commands", "", forbidden},
		{"web", http.MethodPost, "payments/method/bus/commands", "", forbidden},
		{"web", http.MethodPut, "query/method/orders/" + some, "", forbidden},
		{"registration-process", http.MethodGet, "query/method/orders/" + some, "", forbidden},
		{"seats", http.MethodGet, "query/method/orders/" + some, "", forbidden},
		{"seats", http.MethodGet, "query/method/orders/" + some, "web", forbidden},
		{"seats", http.MethodGet, "payments/method/pay/" + some, "", forbidden},
		{"seats", http.MethodPut, "registration-process/method/actors/RegistrationProcess/1/method/remind/x", "", forbidden},
		{"seats", http.MethodGet, "web/method/docs", "", forbidden},
	} {
		t.Run(fmt.Sprintf("%s %s %s as %q", c.by, c.verb, c.path, c.claims), func(t *testing.T) {
			url := fmt.Sprintf("http://127.0.0.1:%d/v1.0/invoke/%s", system.App(c.by).HTTPPort, c.path)
			r, err := http.NewRequestWithContext(t.Context(), c.verb, url, nil)
			if err != nil {
				t.Fatal(err)
			}
			if c.claims != "" {
				r.Header.Set("dapr-caller-app-id", c.claims)
			}
			res, err := http.DefaultClient.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			_ = res.Body.Close()
			if refused := res.StatusCode == http.StatusForbidden; refused != c.forbidden {
				t.Errorf("got %s, want it forbidden: %v", res.Status, c.forbidden)
			}
		})
	}
}

// What no app uses of the sidecars' API is as if it were not there.
func TestASidecarDoesOnlyWhatAppsNeed(t *testing.T) {
	harness.NeedsParts(t)
	system.Watch(t)
	for _, path := range []string{
		"/v1.0/shutdown", "/v1.0/bindings/any", "/v1.0/workflows/dapr/any/start", "/v1.0-alpha1/jobs/any", "/v1.0-alpha1/lock/statestore",
		"/v1.0/actors/RegistrationProcess/main.1/method/remind/timeout", "/v1.0/state/statestore",
	} {
		url := fmt.Sprintf("http://127.0.0.1:%d%s", system.App("web").HTTPPort, path)
		if status, body := request(t, http.MethodPost, url, "{}", nil); status != http.StatusNotFound {
			t.Errorf("%s: %d %.200s", path, status, body)
		}
	}
}
