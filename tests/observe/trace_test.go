package observe

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"go.opentelemetry.io/otel"

	"github.com/plenary/plenary/engine/telemetry"
	"github.com/plenary/plenary/engine/tracing"
	"github.com/plenary/plenary/tests/harness"
)

// span is a span as Jaeger's API gives it. Its parent is the reference CHILD_OF,
// all others are links.
type span struct {
	TraceID    string `json:"traceID"`
	SpanID     string `json:"spanID"`
	Name       string `json:"operationName"`
	ProcessID  string `json:"processID"`
	References []struct {
		Type    string `json:"refType"`
		TraceID string `json:"traceID"`
		SpanID  string `json:"spanID"`
	} `json:"references"`
	Tags []struct {
		Key   string `json:"key"`
		Value any    `json:"value"`
	} `json:"tags"`
}

func (s span) tag(key string) string {
	for _, t := range s.Tags {
		if t.Key == key {
			return fmt.Sprint(t.Value)
		}
	}
	return ""
}

type trace struct {
	Spans     []span `json:"spans"`
	Processes map[string]struct {
		Service string `json:"serviceName"`
	} `json:"processes"`
}

func (t trace) has(spanID string) bool {
	return slices.ContainsFunc(t.Spans, func(s span) bool { return s.SpanID == spanID })
}

func readTrace(ctx context.Context, id string) (trace, error) {
	var found []trace
	if err := ask(ctx, system.Observed.TracesURL()+"/api/traces/"+id, nil, &found); err != nil {
		return trace{}, err
	}
	if len(found) != 1 {
		return trace{}, fmt.Errorf("%d traces %s", len(found), id)
	}
	return found[0], nil
}

// traced is a transport that has all requests belong to one span: its
// traceparent.
type traced string

func (parent traced) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("traceparent", string(parent))
	return http.DefaultTransport.RoundTrip(r)
}

// A client that stays with one trace gets its whole order in it: what each app
// did, what caused what, and where to look for the batches that it was part of.
func TestOneOrderIsOneTrace(t *testing.T) {
	system.Watch(t)
	for _, variable := range system.Observed.Env() {
		name, value, _ := strings.Cut(variable, "=")
		t.Setenv(name, value)
	}
	t.Setenv("OTEL_METRICS_EXPORTER", "none")
	own, err := telemetry.Start(t.Context(), "registrant")
	must(t, err)
	ctx, root := otel.Tracer("tests/observe").Start(t.Context(), "buy a seat")
	id := root.SpanContext().TraceID().String()

	organiser, anyone := system.Organiser(), system.API()
	requests := &http.Client{Transport: traced(tracing.Parent(ctx))}
	organiser.HTTP, anyone.HTTP = requests, requests
	order := open(t, organiser, 10).buy(t, anyone, "give-refunds")
	root.End()
	must(t, own.Stop(t.Context()))

	var whole trace
	harness.Eventually(t, within, func(ctx context.Context) (err error) {
		if whole, err = readTrace(ctx, id); err != nil {
			return err
		}
		return errors.Join(allApps(whole), noOrphans(whole), complete(whole, order))
	})
	links := 0
	traces := map[string]trace{id: whole}
	for _, s := range whole.Spans {
		for _, r := range s.References {
			if r.Type == "CHILD_OF" && r.TraceID == id {
				continue
			}
			links++
			harness.Eventually(t, within, func(ctx context.Context) (err error) {
				if _, ok := traces[r.TraceID]; !ok {
					if traces[r.TraceID], err = readTrace(ctx, r.TraceID); err != nil {
						delete(traces, r.TraceID)
						return err
					}
				}
				if !traces[r.TraceID].has(r.SpanID) {
					delete(traces, r.TraceID) // more of it may come
					return fmt.Errorf("%s links to span %s of trace %s, which is not there", s.Name, r.SpanID, r.TraceID)
				}
				return nil
			})
		}
	}
	if links == 0 {
		t.Error("no span has a link to its batch")
	}
	t.Logf("trace %s: %d spans, %d links", id, len(whole.Spans), links)
}

// allApps gives an error unless every app has a span of its own in a trace, not
// only its sidecar.
func allApps(t trace) error {
	missing := map[string]bool{"registrant": true}
	for _, app := range system.Apps {
		missing[app.ID] = true
	}
	for _, s := range t.Spans {
		if s.tag("otel.scope.name") != "dapr-diagnostics" {
			delete(missing, t.Processes[s.ProcessID].Service)
		}
	}
	if len(missing) > 0 {
		return fmt.Errorf("not in the trace: %v", slices.Sorted(maps.Keys(missing)))
	}
	return nil
}

func noOrphans(t trace) (err error) {
	roots := 0
	for _, s := range t.Spans {
		parents := 0
		for _, r := range s.References {
			if r.Type == "CHILD_OF" && r.TraceID == s.TraceID {
				parents++
				if !t.has(r.SpanID) {
					err = errors.Join(err, fmt.Errorf("%s (%s): its parent %s is not there", s.Name, t.Processes[s.ProcessID].Service, r.SpanID))
				}
			}
		}
		if parents == 0 {
			roots++
		}
	}
	if roots != 1 {
		err = errors.Join(err, fmt.Errorf("%d spans have no parent", roots))
	}
	return err
}

// complete gives an error unless the steps of the order are there, and the last.
func complete(t trace, order string) (err error) {
	for _, name := range []string{
		"decide RegisterToConference", "step OrderPlaced", "decide MakeSeatReservation", "decide MarkSeatsAsReserved",
		"decide InitiatePayment", "decide CompletePayment", "decide ConfirmOrder", "decide CommitSeatReservation", "show OrderConfirmed",
	} {
		if !slices.ContainsFunc(t.Spans, func(s span) bool { return strings.HasPrefix(s.Name, name) }) {
			err = errors.Join(err, errors.New("no span "+name))
		}
	}
	if !slices.ContainsFunc(t.Spans, func(s span) bool { return s.tag("plenary.correlation_id") == order }) {
		err = errors.Join(err, errors.New("no span says which order it was"))
	}
	return err
}
