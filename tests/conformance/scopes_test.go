package conformance

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"testing"
	"time"

	"github.com/dapr/go-sdk/client"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/plenary/plenary/engine/component"
	"github.com/plenary/plenary/tests/harness"
	"github.com/plenary/plenary/topology"
)

// event is one of the suite's messages, for none of its runs: those who read it later
// pass over it.
var event = []byte(`{"specversion":"1.0","id":"scopes","type":"Numbered.v1","source":"scopes","tenant":"main",
	"time":"2026-01-01T00:00:00Z","datacontenttype":"application/json","data":{"run":"scopes","n":0}}`)

// What an app may not publish its sidecar refuses, whatever the app asks of it.
func TestAnAppPublishesItsOwnTopicsAndNoOthers(t *testing.T) {
	system.Watch(t)
	here := newApps()
	there := topology.Plenary()
	for _, app := range []string{"web", "seats", "payments"} {
		t.Run(app, func(t *testing.T) {
			dapr := here.beside(t, app)
			for _, b := range there.Buses {
				may := there.Publishes(app, b.Name)
				if component.Of(system.Set.Buses[0]).Alone { // the sidecar publishes what it gives up where it reads
					may = there.PublishesItself(app, b.Name)
				}
				for _, topic := range append(topics(there), "payments", "another") {
					err := dapr.PublishEvent(t.Context(), b.Name, topic, event, client.PublishEventWithRawPayload())
					bulk := dapr.PublishEvents(t.Context(), b.Name, topic, []any{event}, client.PublishEventsWithRawPayload()).Error
					if slices.Contains(may, topic) {
						if err != nil || bulk != nil {
							t.Errorf("%s/%s: %v, %v", b.Name, topic, err, bulk)
						}
					} else if !refused(err) || bulk == nil {
						t.Errorf("%s/%s is not refused: %v, %v", b.Name, topic, err, bulk)
					}
				}
			}
		})
	}
}

func refused(err error) bool { return status.Code(err) == codes.PermissionDenied }

func topics(t *topology.Topology) (names []string) {
	for _, b := range t.Buses {
		names = append(names, t.OnBus(b.Name)...)
	}
	return names
}

// A subscription to the topic of another app, which somebody added, delivers nothing.
func TestAnAppReadsItsOwnTopicsAndNoOthers(t *testing.T) {
	system.Watch(t)
	here := newApps()
	file := filepath.Join(system.Dir, system.Set.Folder(), "resources", "foreign.yaml")
	foreign, err := os.ReadFile("testdata/foreign.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, foreign, 0o644); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.Remove(file); err != nil {
			t.Error(err)
		}
	})
	here.beside(t, "conference")
	harness.Eventually(t, time.Minute, func(context.Context) error {
		log, err := os.ReadFile(filepath.Join(system.Dir, "logs", harness.Sidecar("conference")+".log"))
		if err == nil && !regexp.MustCompile(`(?i)topic '?payments-from-web'?.*not allowed`).Match(log) {
			err = errors.New("the sidecar of conference may read the topic payments-from-web")
		}
		return err
	})
}
