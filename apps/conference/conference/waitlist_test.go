package conference_test

import (
	"testing"

	"github.com/google/uuid"

	"github.com/plenary/plenary/apps/conference/conference"
	"github.com/plenary/plenary/contracts"
	"github.com/plenary/plenary/contracts/refusal"
	"github.com/plenary/plenary/engine/es/estest"
)

// Each tells the seats app all that it has to know of the lines.
func TestOrganisersCloseReopenAndMoveLines(t *testing.T) {
	var (
		given   = []any{create(), add(general, "General admission", 19900, 100), add(workshop, "CQRS Workshop", 50000, 10)}
		shut    = contracts.CloseWaitlist{ConferenceID: id, SeatTypeID: workshop}
		reopen  = contracts.ReopenWaitlist{ConferenceID: id, SeatTypeID: workshop}
		move    = contracts.MoveWaitlist{ConferenceID: id, SeatTypeID: workshop, To: general}
		closed  = contracts.WaitlistClosed{ConferenceID: id, SeatTypeID: workshop}
		moved   = contracts.WaitlistMoved{ConferenceID: id, SeatTypeID: workshop, To: general}
		unknown = uuid.New()
		then    = func(more ...any) []any { return append(append([]any{}, given...), more...) }
		tells   = func(version uint64, change ...func(*contracts.SetSeatsSale)) []any {
			s := saleAs(catalogue(version, false, details, sells(general, "", 0), sells(workshop, "", 0)))
			for _, f := range change {
				f(&s)
			}
			return []any{s}
		}
		isClosed = func(s *contracts.SetSeatsSale) { s.SeatTypes[1].WaitlistClosed = true }
		isMoved  = func(version uint64) func(*contracts.SetSeatsSale) {
			return func(s *contracts.SetSeatsSale) {
				s.Moves = append(s.Moves, contracts.WaitlistMove{Version: version, From: workshop, To: general})
			}
		}
	)
	full := then()
	for range conference.MaxMoves {
		full = append(full, moved)
	}
	run(t,
		estest.Scenario{Name: "a line is closed", Given: given, When: shut, Then: []any{closed}, Sends: tells(4, isClosed)},
		estest.Scenario{Name: "a closed one is not closed again", Given: then(shut), When: shut, Sends: none},
		estest.Scenario{Name: "it is reopened", Given: then(shut), When: reopen, Then: []any{contracts.WaitlistReopened{ConferenceID: id, SeatTypeID: workshop}}, Sends: tells(5)},
		estest.Scenario{Name: "an open one is not reopened", Given: given, When: reopen, Sends: none},
		estest.Scenario{Name: "a line is moved to another type", Given: given, When: move, Then: []any{moved}, Sends: tells(4, isMoved(4))},
		estest.Scenario{Name: "the seats app is told of all moves", Given: then(move), When: move, Then: []any{moved}, Sends: tells(5, isMoved(4), isMoved(5))},
		estest.Scenario{Name: "to itself nothing moves", Given: given, When: contracts.MoveWaitlist{ConferenceID: id, SeatTypeID: general, To: general}, Sends: none},
		estest.Scenario{Name: "not to a line that is closed", Given: then(contracts.CloseWaitlist{ConferenceID: id, SeatTypeID: general}), When: move, Refused: refusal.WaitlistClosed},
		estest.Scenario{Name: "not to a type that is not there", Given: given, When: contracts.MoveWaitlist{ConferenceID: id, SeatTypeID: general, To: unknown}, Refused: refusal.UnknownSeatType},
		estest.Scenario{Name: "not of a type that was removed", Given: then(remove(workshop)), When: move, Refused: refusal.SeatTypeRemoved},
		estest.Scenario{Name: "not more often than the seats app can be told", Given: full, When: move, Refused: refusal.TooManyMoves},
	)
}
