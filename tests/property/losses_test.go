package property

import (
	"slices"
	"time"

	"github.com/plenary/plenary/contracts"
	"github.com/plenary/plenary/engine/es"
	"github.com/plenary/plenary/engine/message"
	"github.com/plenary/plenary/engine/repeat"
)

// after is how long a message may be under way before its reader is asked for it.
const after = 10 * time.Second

// losses are what a broker loses, and what senders do about it: the engine's keeper says
// what is asked for and when, and the aggregates what need not be sent again.
type losses struct {
	lose   int // of a hundred messages
	keeper *repeat.Keeper
	kept   map[string]envelope
	asked  map[string]bool // commands of the processes, by id
	// answered are commands that were refused, or came to nothing where there is no stream.
	// Their ids are not forgotten as soon as those are by which repeats are known.
	answered map[string]bool
}

func newLosses() losses {
	return losses{keeper: repeat.NewKeeper(after), kept: map[string]envelope{}, asked: map[string]bool{}, answered: map[string]bool{}}
}

// isEffect says whether a message does not travel on the bus: what payments does after
// the event is part of handling its command.
func isEffect(m envelope) bool {
	_, ok := m.body.(contracts.PaymentRefundRequested)
	return ok
}

// keep has the sender of a message keep it.
func (w *world) keep(m envelope) {
	if isEffect(m) || w.keeper.Len() > 10_000 {
		return
	}
	w.kept[m.id] = m
	if !w.keeper.Keep(w.now, message.Message{Meta: message.Meta{ID: m.id}}, []string{"reader"}) {
		w.t.Fatalf("there is no room for %T", m.body)
	}
}

// loses says whether the broker loses a message that is about to arrive.
func (w *world) loses(m envelope) bool {
	if w.lose == 0 || isEffect(m) || !w.chance("lost", w.lose) {
		return false
	}
	w.t.Logf("%s: lost: %T %+v", w.now.Format(time.TimeOnly), m.body, m.body)
	w.happened["a message lost"] = true
	if m.repeated > 0 {
		w.happened["a message lost twice"] = true
	}
	return true
}

// sendAgain is what senders do now and then: they ask for what has been under way for
// long, and send it again if it is not known.
func (w *world) sendAgain() {
	for _, due := range w.keeper.Kept(w.keeper.Due(w.now, 10_000)) {
		m := w.kept[due.Message.ID]
		if w.knows(m) {
			w.keeper.Has("reader", m.id)
			continue
		}
		if !w.keeper.Again(w.now, m.id) {
			w.t.Fatalf("%T was sent again for the last time: %+v", m.body, m.body)
		}
		w.happened["a message lost and sent again"] = true
		m.repeated = due.Message.Repeated + 1
		w.inFlight = append(w.inFlight, m)
	}
}

// knows asks the reader of a message.
func (w *world) knows(m envelope) bool {
	for _, aggregate := range []receiver{w.orders, w.seats, w.payments, w.assignments, w.catalogues, w.promos} {
		if known, isFor := aggregate.knows(w, m); isFor {
			return known
		}
	}
	id, ok := registrations.Route(es.Input{ID: m.id, CorrelationID: m.correlationID, Message: m.body})
	if !ok {
		w.t.Fatalf("nobody reads %T", m.body)
	}
	p := w.processes[id]
	return p != nil && p.handled[m.id]
}

// knows says of a command whether it was handled, or need not be, as the engine does.
func (ss *streams[S]) knows(w *world, m envelope) (known, isFor bool) {
	id, ok := ss.agg.Route(m.body)
	if !ok {
		return false, false
	}
	handled, state := w.answered[m.id], ss.agg.New()
	if s, exists := ss.byID[id]; exists {
		handled, state = handled || slices.Contains(s.handled, m.id), s.state
	}
	env := es.Env{Now: w.clock(), Random: w.random, MessageID: m.id, Actor: actorOf(m.body), Others: w.others(ss.agg.Reads(state, m.body))}
	return ss.agg.Known(env, state, m.body, handled), true
}
