package property

import (
	"encoding/json"
	"io"
	"math/rand/v2"
	"reflect"
	"slices"
	"strconv"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	conferences "github.com/plenary/plenary/apps/conference/conference"
	"github.com/plenary/plenary/apps/conference/promo"
	"github.com/plenary/plenary/apps/order/assignments"
	"github.com/plenary/plenary/apps/order/catalogue"
	"github.com/plenary/plenary/apps/order/order"
	"github.com/plenary/plenary/apps/payments/payment"
	"github.com/plenary/plenary/apps/registration-process/registration"
	"github.com/plenary/plenary/apps/seats/seats"
	"github.com/plenary/plenary/contracts"
	"github.com/plenary/plenary/engine/es"
)

const (
	hold     = 15 * time.Minute
	offerFor = 30 * time.Minute
)

var times = registration.Config{Hold: hold, Grace: 5 * time.Minute, Leeway: time.Second}

// world is Plenary without its machinery: the real aggregates and the real
// process, with a network between them that promises nothing. What is in flight arrives
// in any order, anything that arrived once may arrive again, and in some runs messages
// are lost, for which the engine's own rules say what is sent again and when.
type world struct {
	t      *rapid.T
	now    time.Time
	random io.Reader // for record locators: any will do

	catalogues  *streams[catalogue.State]
	orders      *streams[order.State]
	assignments *streams[assignments.State]
	seats       *streams[*seats.Availability]
	payments    *streams[payment.State]
	promos      *streams[promo.State]
	processes   map[string]*process

	inFlight  []envelope
	slow      []envelope // on a line that stands still
	delivered []envelope
	wakes     map[uuid.UUID]time.Time // what the processes asked for, by order

	losses
	people
	facts
	line
}

// envelope is a message on its way.
type envelope struct {
	id            string
	correlationID string
	body          any
	// cause is the command that an event comes of; repeated is how often the message was
	// sent again.
	cause    string
	repeated int
}

// clock is what the clock of the replica shows that is about to decide: up to
// two seconds off.
func (w *world) clock() time.Time {
	return w.now.Add(time.Duration(w.choose("skew", 9)-4) * time.Second / 2)
}

func newWorld(t *rapid.T) *world {
	w := &world{
		t:           t,
		now:         time.Date(2027, time.March, 1, 12, 0, 0, 0, time.UTC),
		random:      rand.NewChaCha8([32]byte{}),
		catalogues:  newStreams(catalogue.Aggregate(), 1),
		orders:      newStreams(order.Aggregate(order.Config{Hold: hold, MaxSeatsPerType: 20}), 0),
		assignments: newStreams(assignments.Aggregate(), 0),
		seats:       newStreams(seats.Aggregate(seats.Config{Offer: offerFor}), 1),
		payments:    newStreams(payment.Aggregate("demo"), 1),
		promos:      newStreams(promo.Aggregate(), 1),
		processes:   map[string]*process{},
		wakes:       map[uuid.UUID]time.Time{},
		losses:      newLosses(),
		facts:       newFacts(),
		line:        newLine(),
	}
	w.openConference()
	w.lose = pick(w, "lost of a hundred", 0, 1, 5, 20)
	return w
}

// choose gives a number from 0 to n-1. 0 is the plainest choice.
func (w *world) choose(what string, n int) int {
	if n <= 1 {
		return 0
	}
	return upTo(n).Draw(w.t, what)
}

// pick gives one of several values, of which the first is the plainest.
func pick[T any](w *world, what string, values ...T) T {
	return values[w.choose(what, len(values))]
}

// chance is true in percent of all cases, or somewhat less: rapid likes plain
// choices better.
func (w *world) chance(what string, percent int) bool { return w.choose(what, 100) >= 100-percent }

var generators = map[int]*rapid.Generator[int]{}

func upTo(n int) *rapid.Generator[int] {
	if generators[n] == nil {
		generators[n] = rapid.IntRange(0, n-1)
	}
	return generators[n]
}

// send puts a command of somebody outside on its way.
func (w *world) send(correlationID uuid.UUID, command any) {
	w.sent++
	w.post(envelope{id: es.DerivedID("outside", strconv.Itoa(w.sent)), correlationID: correlationID.String(), body: command})
}

// post puts a message on its way. Now and then its line stands still for a while: what
// is on its way otherwise arrives in about the order in which it was sent.
func (w *world) post(m envelope) {
	w.keep(m)
	if w.choose("line", 12) == 5 {
		w.slow = append(w.slow, m)
		return
	}
	w.inFlight = append(w.inFlight, m)
}

// goOn has what stood still go on.
func (w *world) goOn() {
	w.inFlight, w.slow = append(w.inFlight, w.slow...), nil
}

// deliver lets one message arrive, the oldest or any other. It may stay in
// flight, as when its acknowledgement is lost, or be remembered to arrive again
// much later.
func (w *world) deliver(duplicates bool) {
	i := w.choose("deliver", len(w.inFlight))
	m := w.inFlight[i]
	if w.loses(m) {
		w.inFlight = slices.Delete(w.inFlight, i, i+1)
		return
	}
	if !duplicates || !w.chance("deliver again", 15) {
		w.inFlight = slices.Delete(w.inFlight, i, i+1)
		w.delivered = append(w.delivered, m)
	}
	w.arrive(m)
}

// redeliver lets a message arrive again that arrived before, however long ago.
func (w *world) redeliver() {
	if len(w.delivered) > 0 {
		w.arrive(w.delivered[w.choose("redeliver", len(w.delivered))])
	}
}

// arrive hands a message to everybody who reads it.
func (w *world) arrive(m envelope) {
	w.t.Logf("%s: %s %+v", w.now.Format(time.TimeOnly), reflect.TypeOf(m.body).Name(), m.body)
	if e, ok := m.body.(contracts.PaymentRefundRequested); ok {
		w.provider.refund(w, e)
		return
	}
	for _, aggregate := range []receiver{w.orders, w.seats, w.payments, w.assignments, w.catalogues, w.promos} {
		if aggregate.handle(w, m) {
			return
		}
	}
	w.step(m)
}

type receiver interface {
	handle(w *world, m envelope) bool
	knows(w *world, m envelope) (known, isFor bool)
}

// streams are all streams of one aggregate, as the engine keeps them.
type streams[S any] struct {
	agg es.Aggregate[S]
	// remember is how many ids of handled messages a stream keeps, 0 for all.
	// Where the engine keeps the recent ones it is 1 here: then all but the last
	// message can come again as if it were new.
	remember int
	byID     map[string]*stream[S]
}

type stream[S any] struct {
	name    string
	version uint64
	handled []string
	events  []any
	state   S
}

func newStreams[S any](agg es.Aggregate[S], remember int) *streams[S] {
	if (agg.Handled == 0) != (remember == 0) {
		panic(agg.Name + " does not remember what it is thought to")
	}
	return &streams[S]{agg: agg, remember: remember, byID: map[string]*stream[S]{}}
}

// get is the state of a stream that has events.
func (ss *streams[S]) get(id uuid.UUID) (state S, ok bool) {
	if s, ok := ss.byID[id.String()]; ok {
		return s.state, true
	}
	return state, false
}

// actorOf is on whose behalf a command is sent: an organiser's on that of the conference's
// organisation, all others on nobody's.
func actorOf(command any) string {
	switch command.(type) {
	case contracts.CreatePromoCode, contracts.UpdatePromoCode, contracts.RetirePromoCode:
		return contracts.Actor{Organisation: contracts.MainOrganisation}.String()
	}
	return ""
}

// handle decides a command, as the engine does: once per message id that it
// remembers; a refusal is an event like any other.
func (ss *streams[S]) handle(w *world, m envelope) bool {
	id, ok := ss.agg.Route(m.body)
	if !ok {
		return false
	}
	s, exists := ss.byID[id]
	if !exists {
		s = &stream[S]{name: "main/" + ss.agg.Name + "/" + id, state: ss.agg.New()}
	}
	if slices.Contains(s.handled, m.id) {
		return true
	}
	env := es.Env{Now: w.clock(), Random: w.random, MessageID: m.id, Actor: actorOf(m.body), Others: w.others(ss.agg.Reads(s.state, m.body))}
	events, err := ss.agg.Decide(env, s.state, m.body)
	refusal, refused := es.AsRefusal(err)
	if refused {
		w.answered[m.id] = true
	}
	switch {
	case refused && !exists:
		// The answer goes into a stream of its own. Nothing remembers the id, so
		// the command may be decided again once the stream is there.
		w.publish(es.Ref{Aggregate: "refusal", ID: m.id}.String(), 1, m, rejected(m, refusal))
		return true
	case refused:
		w.publish(s.name, s.version+1, m, rejected(m, refusal))
		s.version++ // an event of the stream, which the aggregate does not see
	case err != nil:
		w.t.Fatalf("%T: %v", m.body, err)
	case len(events) == 0 && !exists:
		w.answered[m.id] = true
		return true
	}
	ss.byID[id] = s
	s.handled = append(s.handled, m.id)
	if ss.remember > 0 {
		s.handled = s.handled[max(0, len(s.handled)-ss.remember):]
	}
	ss.commit(w, s, m, events)
	if ss.agg.Conclude != nil {
		ss.commit(w, s, m, ss.agg.Conclude(s.state))
	}
	return true
}

// checkRebuilt: a state is what its events say, and nothing else.
func (ss *streams[S]) checkRebuilt(w *world) {
	for _, s := range ss.byID {
		state := ss.agg.New()
		for _, e := range s.events {
			state = ss.agg.Evolve(state, e)
		}
		if !reflect.DeepEqual(state, s.state) {
			w.t.Fatalf("%s is not what its events say:\n%+v\n%+v", s.name, s.state, state)
		}
	}
}

func (ss *streams[S]) commit(w *world, s *stream[S], cause envelope, events []any) {
	for _, e := range events {
		s.version++
		s.events = append(s.events, e)
		s.state = ss.agg.Evolve(s.state, e)
		w.publish(s.name, s.version, cause, e)
		if ss.agg.React != nil {
			out := es.NewOutbox(s.name, s.version)
			ss.agg.React(s.state, e, out)
			w.dispatch(out, cause.correlationID)
		}
	}
}

func rejected(m envelope, r *es.Refusal) es.CommandRejected {
	typ, ok := registry.TypeOf(m.body)
	if !ok {
		panic("not registered: " + reflect.TypeOf(m.body).Name())
	}
	return es.CommandRejected{CommandID: m.id, CommandType: typ.Name, Code: r.Code, Detail: r.Detail}
}

var registry = contracts.Registry()

func (w *world) others(refs []es.Ref) map[es.Ref]any {
	others := map[es.Ref]any{}
	for _, ref := range refs {
		switch ref.Aggregate {
		case catalogue.Name:
			if s, ok := w.catalogues.get(conference); ok {
				others[ref] = s
			}
		case conferences.Name:
			others[ref] = conferenceOfCodes
		case order.Name:
			if s, ok := w.orders.get(uuid.MustParse(ref.ID)); ok {
				others[ref] = s
			}
		default:
			panic("nobody has read " + ref.Aggregate + " yet")
		}
	}
	return others
}

// publish sends an event to those who read it, and notes what it says.
func (w *world) publish(stream string, version uint64, cause envelope, event any) {
	w.note(event)
	w.noteLine(event)
	m := envelope{id: es.DerivedID(stream, "event/"+strconv.FormatUint(version, 10)), correlationID: cause.correlationID, body: event, cause: cause.id}
	_, read := registrations.Route(es.Input{CorrelationID: m.correlationID, Message: event})
	if _, refund := event.(contracts.PaymentRefundRequested); read || refund {
		w.post(m)
	}
}

func (w *world) dispatch(out *es.Outbox, correlationID string) {
	for _, c := range out.Commands() {
		w.post(envelope{id: c.ID, correlationID: correlationID, body: c.Command})
	}
}

// process is one registration process, as the engine keeps it.
type process struct {
	name    string
	version uint64
	handled map[string]bool
	state   *registration.Registration
}

var registrations = registration.Process(times)

func (w *world) step(m envelope) {
	if w.asked[m.cause] {
		w.keeper.Has("", m.cause) // its answer is here
	}
	in := es.Input{ID: m.id, Now: w.clock(), CorrelationID: m.correlationID, Message: m.body}
	id, ok := registrations.Route(in)
	if !ok {
		w.t.Fatalf("nobody reads %T", m.body)
	}
	p := w.processes[id]
	if p == nil {
		p = &process{name: "main/registration/" + id, handled: map[string]bool{}, state: registrations.New()}
		w.processes[id] = p
	}
	if p.handled[m.id] {
		return
	}
	p.handled[m.id] = true
	p.version++
	out := es.NewOutbox(p.name, p.version)
	p.state = registrations.Step(p.state, in, out)
	for _, c := range out.Commands() {
		w.asked[c.ID] = true
	}
	w.dispatch(out, id)
	w.checkExpiry(in.Now, out)
	if wake := out.Wake(); wake != nil {
		orderID := uuid.MustParse(id)
		delete(w.wakes, orderID)
		if !wake.At.IsZero() {
			w.wakes[orderID] = wake.At
		}
	}
}

// checkKept: what is stored of a process is all of it.
func (p *process) checkKept(w *world) {
	stored, err := json.Marshal(p.state)
	if err != nil {
		w.t.Fatal(err)
	}
	state := registrations.New()
	if err := json.Unmarshal(stored, state); err != nil {
		w.t.Fatal(err)
	}
	if !reflect.DeepEqual(state, p.state) {
		w.t.Fatalf("%s is not what was stored of it:\n%+v\n%+v", p.name, p.state, state)
	}
}

// wake wakes a process, whether or not it asked for it.
func (w *world) wake(orderID uuid.UUID) {
	w.sent++
	id := orderID.String()
	w.arrive(envelope{id: es.DerivedID("wake", strconv.Itoa(w.sent)), correlationID: id, body: es.WakeUp{ID: id}})
}
