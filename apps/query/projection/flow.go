package projection

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/plenary/plenary/apps/query/view"
	"github.com/plenary/plenary/contracts"
	"github.com/plenary/plenary/engine/es"
	"github.com/plenary/plenary/engine/message"
)

// Masked stands for what is personal.
const Masked = "•••"

// Mask is the JSON of a message with the values at the paths of its type's
// personal fields masked. What is no JSON is masked as a whole.
func Mask(r *message.Registry, typeName string, data []byte) json.RawMessage {
	t, ok := r.Lookup(typeName)
	var v any
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	if !ok || d.Decode(&v) != nil {
		return json.RawMessage(`"` + Masked + `"`) // an unknown type does not say which fields are personal
	}
	for _, path := range t.Personal {
		maskAt(v, strings.Split(path, "."))
	}
	masked, err := json.Marshal(v)
	if err != nil {
		return json.RawMessage(`"` + Masked + `"`)
	}
	return masked
}

func maskAt(v any, path []string) {
	switch v := v.(type) {
	case []any:
		for _, one := range v {
			maskAt(one, path)
		}
	case map[string]any:
		inner, ok := v[path[0]]
		switch {
		case !ok || inner == nil:
		case len(path) == 1:
			v[path[0]] = Masked
		default:
			maskAt(inner, path[1:])
		}
	}
}

// MaskOrder is an order without what is personal.
func MaskOrder(o view.Order) view.Order {
	person := contracts.Person{FirstName: Masked, LastName: Masked, Email: Masked}
	if o.Locator != "" {
		o.Locator = Masked
	}
	if o.Registrant != nil {
		o.Registrant = &person
	}
	o.Assignments = slices.Clone(o.Assignments)
	for i, a := range o.Assignments {
		if a.Attendee != nil {
			o.Assignments[i].Attendee = &contracts.Attendee{Person: person, Type: a.Attendee.Type}
		}
	}
	return o
}

// Recorded is an event with its JSON.
type Recorded struct {
	message.Message
	Data json.RawMessage
}

// Flow is the causal graph of an order's events.
func Flow(r *message.Registry, order uuid.UUID, events []Recorded) view.Flow {
	f := view.Flow{OrderID: order, Lanes: []string{}, Entries: []view.FlowEntry{}}
	var o view.Order
	messages := make([]message.Message, len(events))
	byID, sentTo := map[string]Recorded{}, map[string]string{}
	for i, e := range events {
		messages[i], byID[e.ID] = e.Message, e
		if e.Cause.ID != "" {
			sentTo[e.Cause.ID] = e.Source // who decided it answered
		}
	}
	slices.SortStableFunc(events, func(a, b Recorded) int { return int(a.StreamVersion) - int(b.StreamVersion) })
	for _, e := range events {
		if e.Stream == "order/"+order.String() {
			Order(&o, e.Message)
		}
	}
	f.ConferenceID, f.Status = o.ConferenceID, o.Status
	times := map[string]view.TimelineEntry{}
	for i, entry := range Timeline(messages) {
		e := view.FlowEntry{TimelineEntry: entry, Number: i + 1, Lane: entry.Source}
		if entry.Kind == view.TimelineCommand {
			e.Lane = sentTo[entry.ID]
		} else {
			recorded := byID[entry.ID]
			e.Payload = Mask(r, recorded.Type, recorded.Data)
			_, e.Refused = recorded.Body.(es.CommandRejected)
		}
		if cause, ok := times[entry.CausedBy]; ok {
			e.Skewed = entry.Time.Before(cause.Time)
		}
		times[entry.ID] = entry
		if !slices.Contains(f.Lanes, e.Lane) {
			f.Lanes = append(f.Lanes, e.Lane)
		}
		f.Entries = append(f.Entries, e)
	}
	return f
}

// Past folds the events of an order's streams and its conference's, which are in
// the order of their streams, into the views of both.
func Past(events []message.Message) (o view.Order, c view.Conference, version uint64) {
	var seating Seating
	var availability Availability
	payments := map[string]*view.Payment{}
	var paid []string
	for _, m := range events {
		switch aggregate, id := Aggregate(m.Stream); aggregate {
		case "order":
			Order(&o, m)
			version = m.StreamVersion
		case "assignments":
			Assignments(&seating, m)
		case "payment":
			if payments[id] == nil {
				payments[id], paid = &view.Payment{}, append(paid, id)
			}
			Payment(payments[id], m)
		case "conference":
			Conference(&c, m)
		case "seats":
			Seats(&availability, m)
		}
	}
	var all []view.Payment
	for _, id := range paid {
		all = append(all, *payments[id])
	}
	return Assemble(o, seating, all), AssembleConference(c, availability), version
}
