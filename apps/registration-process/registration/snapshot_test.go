package registration_test

import (
	"testing"

	"github.com/google/uuid"

	"github.com/plenary/plenary/apps/registration-process/registration"
	"github.com/plenary/plenary/engine/es"
	"github.com/plenary/plenary/engine/es/estest"
)

// What version 1 stored of the process must stay readable: one with a payment in
// every state, and one that waits for OrderPlaced.
func TestSnapshotOfVersion1IsRead(t *testing.T) {
	p := registration.Process(cfg)
	given := uuid.MustParse("b0000000-0000-4000-8000-000000000003")
	open := uuid.MustParse("b0000000-0000-4000-8000-000000000004")
	asked := uuid.MustParse("b0000000-0000-4000-8000-000000000005")

	version := uint64(0)
	var sent []es.Sent
	step := func(state *registration.Registration, message any) *registration.Registration {
		version++
		out := es.NewOutbox("main/registration/"+order.String(), version)
		state = p.Step(state, es.Input{ID: "message", Now: grace, Message: message}, out)
		sent = append(sent, out.Commands()...)
		return state
	}
	refuse := func(code string) es.CommandRejected {
		return es.CommandRejected{CommandID: sent[len(sent)-1].ID, CommandType: "ConfirmOrder.v1", Code: code}
	}

	state := p.New()
	for _, m := range []any{placed, updated(2, three), reserved(2, two), initiated(given), givenUp(given), initiated(open), completed(p1)} {
		state = step(state, m)
	}
	state = step(state, refuse(paidTooFew))
	state = step(state, completed(p2))
	state = step(state, refuse("order-expired"))
	state = step(state, reserved(3, two))
	state = step(state, completed(asked))
	estest.Snapshot(t, "testdata/v1/snapshot.json", p.New, state)

	state = p.New()
	for _, m := range []any{initiated(p1), completed(p1), updated(2, three)} {
		state = step(state, m)
	}
	estest.Snapshot(t, "testdata/v1/kept.json", p.New, state)
}
