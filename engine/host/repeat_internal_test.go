package host

import (
	"testing"

	"github.com/plenary/plenary/engine/message"
)

// everybody may send everything, and nobody reads it.
type everybody struct{}

func (everybody) TopicOf(topic, _ string) string              { return topic }
func (everybody) OriginOf(name string) (topic, app string)    { return name, "app" }
func (everybody) MaySend(publisher, source, _, _ string) bool { return publisher == source }
func (everybody) ReadersOf(string) []string                   { return nil }

// An app need not say that what it sends shall arrive; only one that has no state store
// says that it cannot see to that.
func TestWhatAnAppSendsIsSentAgainUnlessItKeepsNothing(t *testing.T) {
	for name, c := range map[string]struct {
		options Options
		again   bool
	}{
		"it sends":                            {Options{Senders: everybody{}}, true},
		"it sends and keeps nothing":          {Options{Senders: everybody{}, KeepsNothing: true}, false},
		"nobody says who sends and who reads": {Options{}, false},
	} {
		t.Run(name, func(t *testing.T) {
			c.options.AppID, c.options.Registry = "app", message.NewRegistry()
			h, err := New(c.options)
			if err != nil {
				t.Fatal(err)
			}
			again := h.Publisher() != any(h.publisher)
			if again != c.again || h.needs.State != c.again {
				t.Errorf("sent again: %t; needs a state store: %t", again, h.needs.State)
			}
		})
	}
}
