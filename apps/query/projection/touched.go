package projection

import (
	"github.com/plenary/plenary/engine/message"
)

// About is the order or conference that an event is about: what its type says
// or, of a refusal, the conversation it belongs to.
func About(r *message.Registry, m message.Message) string {
	if t, ok := r.TypeOf(m.Body); ok {
		if key := t.Key(m.Body); key != "" {
			return key
		}
	}
	return m.CorrelationID
}

// Touched says whose view an event changes, an order's or a conference's, if
// any.
func Touched(r *message.Registry, m message.Message) (order, conference string) {
	aggregate, id := Aggregate(m.Stream)
	switch aggregate {
	case "order", "assignments":
		return id, ""
	case "payment":
		return About(r, m), ""
	case "conference", "seats":
		return "", id
	}
	return "", ""
}
