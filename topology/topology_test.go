package topology

import (
	"fmt"
	"strings"
	"testing"
)

func TestPlenaryIsDescribed(t *testing.T) {
	p, err := Parse(plenary)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range p.Topics {
		if len(p.TopicsOf(r.Bus)) == 0 {
			t.Errorf("%s has no topic", r.Bus)
		}
	}
	if got := Duration("PLENARY_HOLD").String(); got != "15m0s" {
		t.Errorf("the hold is %s", got)
	}
}

func TestMistakesAreFound(t *testing.T) {
	const head = "ports: {}\nbuses: [{name: b}, {name: c}]\ntopics: [{name: one, bus: b}, {name: two, bus: b}]\nsettings: [{name: S}]\napps:\n"
	for text, want := range map[string]string{
		head + "- {name: a}\n- {name: a}":                                        "is there twice",
		head + "- {name: a, reads: [three]}":                                     "reads three, which is no topic",
		head + "- {name: a-from-z}":                                              "cannot be told from the name of a topic",
		"buses: [{name: b}]\ntopics: [{name: x-from-a, bus: b}]\napps: []":       "cannot be told from that of an app's own topic",
		head + "- {name: a, sends: {three: [M]}}":                                "sends to three",
		head + "- {name: a, asks: {z: [GET /]}}":                                 "asks z",
		head + "- {name: a, public: true}\n- {name: d, asks: {a: [GET /]}}":      "asks a, which is no app that can be asked",
		head + "- {name: a, settings: [T]}":                                      "which is no setting",
		head + "- {name: a, asks: {a: [/orders]}}":                               "is no route",
		head + "- {name: a, asks: {a: [\"GET /*/x\"]}}":                          "is no route",
		head + "- {name: a, read: [one]}":                                        "field read not found",
		"ports: {}\nbuses: [{name: b}]\ntopics: [{name: one, bus: z}]\napps: []": "there is no bus z",
	} {
		if _, err := Parse([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", text, err, want)
		}
	}
}

func TestWhoMayMakeWhichRequest(t *testing.T) {
	for _, c := range []struct {
		caller, callee, verb, path string
		want                       bool
	}{
		{"web", "query", "GET", "/orders/1", true},
		{"web", "query", "GET", "/orders/1/events", true},
		{"web", "query", "GET", "/orders/", false},
		{"web", "query", "GET", "/orders", false},
		{"web", "query", "POST", "/orders/find", true},
		{"web", "query", "POST", "/orders/1", false},
		{"web", "query", "DELETE", "/dead-letters/1", false},
		{"registration-process", "query", "GET", "/orders/overdue", true},
		{"registration-process", "query", "GET", "/orders/1", false},
		{"seats", "query", "GET", "/orders/1", false},
		{"web", "order", "POST", "/bus/commands", false},
		{"", "query", "GET", "/orders/1", false},
	} {
		if got := Of(c.callee).MayBeCalled(c.caller, c.verb, c.path); got != c.want {
			t.Errorf("%+v: %v", c, got)
		}
	}
}

func TestWhoMayPublishWhat(t *testing.T) {
	p, err := Parse([]byte(`
buses: [{name: commandbus}, {name: eventbus}, {name: deadletters}]
topics: [{name: orders, bus: commandbus}, {name: seats, bus: commandbus}, {name: events, bus: eventbus}, {name: deadletters, bus: deadletters}]
apps:
  - {name: web, sends: {orders: [PlaceOrder]}}
  - {name: order, reads: [orders], sends: {orders: [CreateSeats], events: [OrderPlaced]}}
  - {name: process, reads: [events], sends: {seats: [ReserveSeats]}}
  - {name: query, reads: [events, deadletters], resends: true}
`))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ app, bus, want string }{
		{"web", "commandbus", "[orders-from-web]"},
		{"web", "eventbus", "[]"},
		{"web", "deadletters", "[]"}, // it reads nothing
		{"order", "commandbus", "[orders-from-order deadletters-from-order]"},
		{"order", "eventbus", "[events-from-order]"},
		{"order", "deadletters", "[deadletters-from-order]"},
		{"process", "commandbus", "[seats-from-process]"},
		{"process", "eventbus", "[deadletters-from-process]"},
		{"query", "commandbus", "[orders-from-query seats-from-query]"}, // an operator sends dead letters back
		{"query", "eventbus", "[events-from-query deadletters-from-query]"},
	} {
		if got := fmt.Sprint(p.Publishes(c.app, c.bus)); got != c.want {
			t.Errorf("%s on %s: %s, want %s", c.app, c.bus, got, c.want)
		}
	}
}

func TestOnlySendersMaySend(t *testing.T) {
	for _, c := range []struct {
		publisher, source, topic, message string
		may                               bool
	}{
		{"web", "web", "payments", "InitiatePayment", true},
		{"web", "web", "payments", "CompletePayment", false},
		{"conference", "conference", "payments", "CompletePayment", false},
		{"payments", "payments", "payments", "CompletePayment", true},
		{"web", "payments", "payments", "CompletePayment", false}, // in the name of another
		{"order", "payments", "events", "PaymentCompleted", false},
		{"web", "registration-process", "orders", "ConfirmOrder", false},
		{"web", "web", "orders", "MarkSeatsAsReserved", false},
		{"web", "web", "events", "PaymentCompleted", false},
		{"order", "order", "events", "PaymentCompleted", false},
		{"payments", "payments", "events", "PaymentCompleted", true},
		{"order", "order", "seats", "OrderPlaced", false},
		{"query", "payments", "events", "PaymentCompleted", true}, // it was sent back
		{"query", "web", "payments", "CompletePayment", false},
		{"query", "query", "orders", "MessageDiscarded", true},
		{"query", "web", "orders", "MessageDiscarded", false},
		{"web", "web", "orders", "MessageDiscarded", false},
		{"", "payments", "payments", "CompletePayment", false},
		{"elsewhere", "elsewhere", "orders", "CancelOrder", false},
	} {
		if got := (Senders{}).MaySend(c.publisher, c.source, c.topic, c.message); got != c.may {
			t.Errorf("%s may send %s from %s to %s: %v, want %v", c.publisher, c.message, c.source, c.topic, got, c.may)
		}
	}
}

func TestATopicOfTheBusBelongsToOnePublisher(t *testing.T) {
	for name, want := range map[string][2]string{
		"payments-from-web":                {"payments", "web"},
		"seats-from-registration-process":  {"seats", "registration-process"},
		"events-from-query":                {"events", "query"},
		"deadletters-from-order":           {"deadletters", "order"},
		"events-from-web":                  {"events-from-web", ""}, // which sends no events
		"deadletters-from-web":             {"deadletters-from-web", ""},
		"payments":                         {"payments", ""},
		"payments-from-elsewhere":          {"payments-from-elsewhere", ""},
		"payments-from-web-from-elsewhere": {"payments-from-web-from-elsewhere", ""},
	} {
		if topic, app := (Senders{}).OriginOf(name); [2]string{topic, app} != want {
			t.Errorf("%s: %s of %s, want %v", name, topic, app, want)
		}
	}
	seen := map[string]string{}
	for _, a := range Plenary().Apps {
		for _, b := range Plenary().Buses {
			for _, topic := range Plenary().Publishes(a.Name, b.Name) {
				if other := seen[topic]; other != "" && other != a.Name {
					t.Errorf("%s and %s may both publish to %s", a.Name, other, topic)
				}
				seen[topic] = a.Name
			}
		}
	}
}

// Who sends messages asks those who read them whether they have them; and query asks those
// who send events for what it lacks.
func TestSendersMayAskTheirReaders(t *testing.T) {
	all := Plenary()
	for _, a := range all.Apps {
		for topic := range a.Sends {
			for _, reader := range all.ReadersOf(topic) {
				if topic == "events" && !a.MayBeCalled("query", "POST", "/again") {
					t.Errorf("query may not ask %s for events that it lacks", a.Name)
				}
				if reader != a.Name && !all.App(reader).MayBeCalled(a.Name, "POST", "/known") {
					t.Errorf("%s sends to %s and may not ask %s, which reads it, what it knows", a.Name, topic, reader)
				}
			}
		}
	}
}
