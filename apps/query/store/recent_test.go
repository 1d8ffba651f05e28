package store

import (
	"context"
	"reflect"
	"testing"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"github.com/plenary/plenary/apps/query/live"
	"github.com/plenary/plenary/apps/query/store/databases"
	"github.com/plenary/plenary/apps/query/view"
	"github.com/plenary/plenary/contracts"
	"github.com/plenary/plenary/contracts/refusal"
	"github.com/plenary/plenary/engine/es"
	"github.com/plenary/plenary/engine/message"
)

// However decisions are delivered, also to several processes, what is told of their
// outcomes is what can be read.
func TestOutcomesThatAreToldAreThoseThatAreRead(t *testing.T) {
	databases.Each(t, func(t *testing.T, fresh func() string) {
		where := fresh()
		s, ctx := open(t, where), context.Background()
		var other *Store // a second replica
		if _, ok := s.dialect.(*postgres); ok {
			other = open(t, where)
		}
		told := 0
		rapid.Check(t, func(r *rapid.T) {
			empty(t, s)
			order := uuid.New()
			var events []Event
			for _, name := range []string{"order/" + order.String(), "refusal/" + uuid.NewString()} {
				for version := 1; version < 6; {
					command := commandOf(name, version)
					end := version + rapid.IntRange(0, 3).Draw(r, "more events")
					for ; version <= end; version++ {
						ends := uint64(end)
						if version == end {
							ends = 0
						}
						var body any = contracts.OrderExpired{OrderID: order}
						if rapid.Bool().Draw(r, "refused") {
							body = es.CommandRejected{CommandID: command, CommandType: "x", Code: refusal.NotReserved}
						}
						events = append(events, event(name, version, body, func(m *message.Meta) { m.Cause.ID, m.DecisionEnd = command, ends }))
					}
				}
			}
			if rapid.Bool().Draw(r, "in any order") {
				events = rapid.Permutation(events).Draw(r, "order")
			}
			listener := s.hub.Listen()
			defer func() { listener.Leave() }()
			for len(events) > 0 {
				if rapid.IntRange(0, 9).Draw(r, "restart") == 0 {
					_ = s.Close()
					listener.Leave()
					s = open(t, where)
					listener = s.hub.Listen()
				}
				n := rapid.IntRange(1, len(events)).Draw(r, "batch")
				takes := s
				if other != nil && rapid.Bool().Draw(r, "the other takes it") {
					takes = other
				}
				if _, err := takes.Append(ctx, events[:n]); err != nil {
					r.Fatal(err)
				}
				events = events[n:]
				for key, got := range listener.Take().Outcomes {
					want, err := s.Outcome(ctx, message.DefaultTenant, got.CommandID)
					if got.Status == view.OutcomeUnknown && want.Status == view.OutcomeUnknown {
						continue
					}
					if err != nil || !reflect.DeepEqual(got, want) || key != live.CommandKey(message.DefaultTenant, got.CommandID) {
						r.Fatalf("told %+v, read %+v (%v)", got, want, err)
					}
					told++
				}
			}
		})
		if told == 0 {
			t.Error("no outcome was ever told")
		}
	})
}

// Who sends one command after another need not wait for what query reads.
func TestOutcomesOfSuccessiveBatchesAreTold(t *testing.T) {
	databases.Each(t, func(t *testing.T, fresh func() string) {
		s := open(t, fresh())
		listener := s.hub.Listen()
		defer listener.Leave()
		name := "order/" + uuid.NewString()
		all := 0
		for version := 1; version <= 4; version++ {
			mustAppend(t, s, event(name, version, contracts.OrderExpired{}))
			heard := listener.Take()
			if heard.All {
				all++ // it has begun to listen to others
			} else if len(heard.Outcomes) != 1 {
				t.Errorf("version %d: %d outcomes are told", version, len(heard.Outcomes))
			}
		}
		if all > 1 {
			t.Errorf("that all has changed was told %d times", all)
		}
	})
}
