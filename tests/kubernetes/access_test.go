package kubernetes

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/plenary/plenary/tests/harness"
)

// stranger is a pod with a sidecar that is none of the apps'.
const stranger = `
apiVersion: v1
kind: Pod
metadata:
  name: stranger
  annotations:
    dapr.io/enabled: "true"
    dapr.io/app-id: stranger
    dapr.io/disable-builtin-k8s-secret-store: "true"
spec:
  automountServiceAccountToken: false
  terminationGracePeriodSeconds: 1
  containers:
    - name: stranger
      image: IMAGE
      imagePullPolicy: IfNotPresent
      command: [redis-server]
`

// answer gives the status that a request is answered with, and the body.
func answer(ctx context.Context, method, url string, header map[string]string) (status int, body string, err error) {
	req, err := http.NewRequestWithContext(ctx, method, url, strings.NewReader("{}"))
	if err != nil {
		return 0, "", err
	}
	req.Header.Set("Content-Type", "application/json")
	for name, value := range header {
		req.Header.Set(name, value)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, "", err
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	return res.StatusCode, string(b), err
}

const (
	sidecarPort  = 3500  // its API, on the pod's loopback
	internalPort = 50002 // where sidecars talk to each other
	appPort      = 8080
)

func TestAnAppMayDoOnlyWhatIsItsOwn(t *testing.T) {
	ctx := t.Context()
	tokens := map[string]string{"stranger": ""}
	for _, app := range []string{"web", "registration-process", "seats"} {
		token, err := plenary.secret(ctx, release+"-"+app+"-dapr-token", "token")
		if err != nil {
			t.Fatal(err)
		}
		tokens[app] = token
	}
	image, err := plenary.Kubectl(ctx, "get", "statefulset", release+"-redis", "--output=jsonpath={.spec.template.spec.containers[0].image}")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := plenary.Apply(ctx, strings.ReplaceAll(stranger, "IMAGE", image)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_, err := plenary.Kubectl(context.WithoutCancel(ctx), "delete", "pod", "stranger", "--wait=false")
		if err != nil {
			t.Error(err)
		}
	})
	if _, err := plenary.Kubectl(ctx, "wait", "--for=condition=Ready", "pod/stranger", "--timeout="+rolloutWithin); err != nil {
		t.Fatal(err)
	}

	sidecars := map[string]string{}
	sidecar := func(t *testing.T, app string) string {
		if sidecars[app] == "" {
			pod, err := app, error(nil)
			if app != "stranger" {
				pod, err = plenary.pod(ctx, app)
			}
			if err == nil {
				sidecars[app], err = plenary.Forward(ctx, pod, sidecarPort)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		return "http://" + sidecars[app]
	}
	some := uuid.NewString()
	const allowed, forbidden = false, true
	for _, c := range []struct {
		by, method, path string
		forbidden        bool
	}{
		// Service invocation: what the app needs, and no more.
		{"web", http.MethodGet, "/v1.0/invoke/query/method/orders/" + some, allowed},
		{"web", http.MethodGet, "/v1.0/invoke/payments/method/pay/" + some, allowed},
		{"web", http.MethodPost, "/v1.0/invoke/query/method/bus/events", forbidden},
		{"web", http.MethodPost, "/v1.0/invoke/order/method/bus/commands", forbidden},
		{"web", http.MethodPost, "/v1.0/invoke/payments/method/bus/commands", forbidden},
		{"registration-process", http.MethodGet, "/v1.0/invoke/query/method/orders/overdue", allowed},
		{"registration-process", http.MethodGet, "/v1.0/invoke/query/method/orders/" + some, forbidden},
		{"seats", http.MethodGet, "/v1.0/invoke/query/method/orders/" + some, forbidden},
		{"seats", http.MethodGet, "/v1.0/invoke/payments/method/pay/" + some, forbidden},
		{"stranger", http.MethodGet, "/v1.0/invoke/query/method/orders/" + some, forbidden},
		{"stranger", http.MethodPost, "/v1.0/invoke/order/method/bus/commands", forbidden},
		{"stranger", http.MethodGet, "/v1.0/invoke/web/method/api/orders/" + some, forbidden},
		// Secrets, buses and stores: its own.
		{"web", http.MethodGet, "/v1.0/secrets/secretstore/organiser-token", allowed},
		{"web", http.MethodGet, "/v1.0/secrets/secretstore/operator-token", allowed},
		{"web", http.MethodGet, "/v1.0/secrets/secretstore/demo-provider-key", forbidden},
		{"web", http.MethodGet, "/v1.0/secrets/secretstore/postgresql-connection", forbidden},
		{"seats", http.MethodGet, "/v1.0/secrets/secretstore/organiser-token", forbidden},
		{"query", http.MethodGet, "/v1.0/secrets/secretstore/operator-token", forbidden},
		{"stranger", http.MethodGet, "/v1.0/secrets/secretstore/organiser-token", forbidden},
		{"stranger", http.MethodPost, "/v1.0/publish/commandbus/orders", forbidden},
		{"stranger", http.MethodGet, "/v1.0/state/statestore/anything", forbidden},
	} {
		t.Run(fmt.Sprintf("%s %s %s", c.by, c.method, strings.ReplaceAll(c.path, some, "…")), func(t *testing.T) {
			status, body, err := answer(ctx, c.method, sidecar(t, c.by)+c.path, map[string]string{"dapr-api-token": tokens[c.by]})
			if err != nil {
				t.Fatal(err)
			}
			if c.by == "stranger" && strings.Contains(c.path, "/invoke/") || c.forbidden && strings.Contains(c.path, "/invoke/") {
				if status != http.StatusForbidden {
					t.Errorf("got %d %s, want 403", status, body)
				}
				return
			}
			if refused := status/100 != 2 && status != http.StatusNotFound || strings.Contains(body, "ERR_"); refused != c.forbidden {
				t.Errorf("got %d %s, want it forbidden: %v", status, body, c.forbidden)
			}
		})
	}
	for name, header := range map[string]map[string]string{"without a token": nil, "with another app's": {"dapr-api-token": tokens["seats"]}} {
		t.Run("nobody "+name, func(t *testing.T) {
			status, body, err := answer(ctx, http.MethodGet, sidecar(t, "web")+"/v1.0/invoke/query/method/orders/"+some, header)
			if err != nil || status != http.StatusUnauthorized {
				t.Errorf("got %d %s %v, want 401", status, body, err)
			}
		})
	}
}

// Past the sidecar nothing is to be had: neither from an app, nor from another
// app's sidecar for who is not one.
func TestWhatHasNoSidecarReachesNoInternalRoute(t *testing.T) {
	ctx := t.Context()
	webs, err := plenary.secret(ctx, release+"-web-app-token", "token")
	if err != nil {
		t.Fatal(err)
	}
	for app, route := range map[string]string{
		"order": "POST /bus/commands", "seats": "POST /bus/commands", "conference": "POST /bus/commands", "payments": "POST /bus/commands",
		"registration-process": "GET /dapr/config", "query": "POST /bus/events",
	} {
		t.Run(app, func(t *testing.T) {
			pod, err := plenary.pod(ctx, app)
			if err != nil {
				t.Fatal(err)
			}
			address, err := plenary.Forward(ctx, pod, appPort)
			if err != nil {
				t.Fatal(err)
			}
			method, path, _ := strings.Cut(route, " ")
			for name, header := range map[string]map[string]string{"without a token": nil, "with web's": {"dapr-api-token": webs}} {
				if status, body, err := answer(ctx, method, "http://"+address+path, header); err != nil || status != http.StatusUnauthorized {
					t.Errorf("%s %s: got %d %s %v, want 401", route, name, status, body, err)
				}
			}
			if status, _, err := answer(ctx, http.MethodGet, "http://"+address+"/healthz", nil); err != nil || status/100 != 2 {
				t.Errorf("GET /healthz: got %d %v, want 2xx: was that the app?", status, err)
			}

			if address, err = plenary.Forward(ctx, pod, internalPort); err != nil {
				t.Fatal(err)
			}
			// With TLS 1.3 it is the first read that tells.
			harness.Eventually(t, patience, func(ctx context.Context) error {
				dialer := tls.Dialer{Config: &tls.Config{InsecureSkipVerify: true}} //nolint:gosec // it is we who are not trusted here
				conn, err := dialer.DialContext(ctx, "tcp", address)
				if err == nil {
					defer conn.Close()
					_, err = conn.Read(make([]byte, 1))
				}
				if err == nil || !strings.Contains(err.Error(), "certificate required") {
					return fmt.Errorf("got %v, want a certificate to be asked for", err)
				}
				return nil
			})
		})
	}
}
