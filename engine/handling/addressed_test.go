package handling_test

import (
	"strings"
	"testing"
	"time"

	"github.com/plenary/plenary/engine/bus"
	"github.com/plenary/plenary/engine/es"
	"github.com/plenary/plenary/engine/handling"
	"github.com/plenary/plenary/engine/message"
)

// What is published goes where its type belongs, and says whose it is: which
// tenant's, of which conversation and key, from whom and since when.
func TestWhatIsPublishedSaysWhereItBelongs(t *testing.T) {
	events := message.Address{Kind: message.Event, Topic: "events"}
	accountsTopic := message.Address{Kind: message.Command, Topic: "accounts"}
	letters := message.Address{Kind: message.DeadLetterKind, Topic: message.TopicDeadLetters}
	of := func(id string, body any) bus.Delivery {
		d := command(id, body)
		d.Message.Tenant = "other"
		return d
	}
	for _, test := range []struct {
		name  string
		batch []bus.Delivery
		to    message.Address
		key   string // of the last message published
	}{
		{"an event", []bus.Delivery{of("", open{"a", "Ann"})}, events, "a"},
		{"an event without a key, with that of its conversation", []bus.Delivery{of("", setLimit{theBank, 1})}, events, "conversation"},
		{"a refusal without a stream", []bus.Delivery{of("", deposit{"nobody", 1})}, events, "conversation"},
		{"a dead letter", []bus.Delivery{of("", open{"a", "Ann"}), of("", deposit{"a", poison})}, letters, "conversation"},
		{"a command of a process", []bus.Delivery{of("", opened{"a", "Ann"})}, accountsTopic, "a"},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t)
			w.setup = append(w.setup, func(e *handling.Engine) { handling.Process(e, saver()) })
			e := w.engine()
			w.handle(e, test.batch[:len(test.batch)-1]...)
			w.bus.Take()
			w.handle(e, test.batch[len(test.batch)-1])
			if test.to == accountsTopic {
				w.now = w.now.Add(time.Hour)
				if err := e.Wake(t.Context(), "other", []string{"a"}); err != nil {
					t.Fatal(err)
				}
			}
			var sent []bus.Encoded
			for _, e := range w.bus.Take() {
				if !strings.Contains(string(e.Event), "Opened.v1") || test.name == "an event" { // else it is published once more
					sent = append(sent, e)
				}
			}
			if len(sent) != 1 {
				t.Fatalf("published %d messages", len(sent))
			}
			m, _, err := message.FromCloudEvent(sent[0].Event)
			if err != nil {
				t.Fatal(err)
			}
			if got := (message.Address{Kind: sent[0].Kind, Topic: sent[0].Topic}); got != test.to {
				t.Errorf("goes to %+v", got)
			}
			if m.PartitionKey != test.key || sent[0].PartitionKey != test.key {
				t.Errorf("has the keys %q and %q", m.PartitionKey, sent[0].PartitionKey)
			}
			if m.Tenant != "other" || m.Source != "bank" || !m.Time.Equal(w.now) || m.TraceParent == "" {
				t.Errorf("says %+v", m)
			}
			if wakeUp := m.Cause.Type == message.TypeWakeUp; !wakeUp && m.TraceParent != test.batch[len(test.batch)-1].Message.TraceParent {
				t.Errorf("is of another trace, %s", m.TraceParent)
			}
		})
	}
}

// What follows from an event is sent in the same commit, says what led to it,
// and has the same id whenever it is sent.
func TestWhatAnAggregateSendsFollowsFromItsEvent(t *testing.T) {
	a := accounts(0)
	a.React = func(s account, e any, out *es.Outbox) {
		if o, ok := e.(opened); ok && s.Opened {
			out.Send(deposit{o.Account, 10})
		}
	}
	w := newWorld(t, func(e *handling.Engine) { handling.Aggregate(e, a) })
	d := command("c-1", open{"a", "Ann"})
	d.Message.Cause.ID = "e-0"
	w.handle(w.engine(), d)
	sent := map[string]message.Message{}
	for _, m := range w.taken() {
		sent[m.Type] = m
	}
	event, follows := sent["Opened.v1"], sent["Deposit.v1"]
	if follows.Body != (deposit{"a", 10}) || follows.CorrelationID != "conversation" || follows.TraceParent != d.Message.TraceParent {
		t.Errorf("sent %+v", follows)
	}
	if c := follows.Cause; c.ID != event.ID || c.Type != "Opened.v1" || c.CauseID != "c-1" || c.Source != "bank" || !c.Time.Equal(event.Time) {
		t.Errorf("because of %+v", c)
	}
	w.handle(w.engine(), d)
	for _, m := range w.taken() {
		if m.Type == "Deposit.v1" && m.ID != follows.ID {
			t.Errorf("sent again as %s, first as %s", m.ID, follows.ID)
		}
	}
}

func TestACommandThatIsNotToBeTakesNoKey(t *testing.T) {
	w := newWorld(t)
	e := w.engine()
	w.handle(e, command("", open{"a", "Ann"}), command("", open{"a", "Zoe"}), command("", open{"b", "Zoe"}))
	w.want(opened{"a", "Ann"}, func(m any) bool { _, ok := m.(es.CommandHadNoEffect); return ok }, opened{"b", "Zoe"})
}
