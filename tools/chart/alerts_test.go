package main

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"
)

// Two installations in one Prometheus do not hide each other: rules ask for, and
// record, what one namespace has.
func TestAlertsAreOfTheirNamespace(t *testing.T) {
	rules := of(render(t, values(t, `{telemetry: {metrics: {enabled: true, alerts: {enabled: true}}}}`)), "PrometheusRule")[release]
	var spec struct {
		Groups []struct {
			Rules []struct {
				Alert, Record, Expr string
				Labels              map[string]string
			}
		}
	}
	b, err := yaml.Marshal(rules["spec"])
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(b, &spec); err != nil {
		t.Fatal(err)
	}
	ours := regexp.MustCompile(`\{namespace="` + namespace + `",[^}]*\}`)
	noMetric := regexp.MustCompile(`\b(by|on|group_left) \([^)]*\)|\[[^\]]*\]`)
	word := regexp.MustCompile(`\b([a-z][a-z0-9_:]*)\s*([@({]?)`)
	keywords := []string{"and", "or", "unless", "offset"}
	asked := 0
	for _, group := range spec.Groups {
		for _, r := range group.Rules {
			if r.Labels["namespace"] != namespace {
				t.Errorf("%s%s has the labels %v", r.Alert, r.Record, r.Labels)
			}
			if r.Alert == "ControlPlaneDown" || r.Alert == "DaprCertificateEnds" {
				continue // Dapr has a namespace of its own
			}
			for _, m := range word.FindAllStringSubmatch(noMetric.ReplaceAllString(ours.ReplaceAllString(r.Expr, "@"), ""), -1) {
				switch {
				case m[2] == "@":
					asked++
				case m[2] != "(" && !slices.Contains(keywords, m[1]):
					t.Errorf("%s%s asks for %s of all namespaces:\n%s", r.Alert, r.Record, m[1], strings.TrimSpace(r.Expr))
				}
			}
		}
	}
	const least = 50
	if asked < least {
		t.Errorf("only %d metrics are found", asked)
	}
}
