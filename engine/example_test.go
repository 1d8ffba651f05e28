package engine_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"time"

	"github.com/plenary/plenary/engine/bus"
	"github.com/plenary/plenary/engine/bus/membus"
	"github.com/plenary/plenary/engine/es"
	"github.com/plenary/plenary/engine/handling"
	"github.com/plenary/plenary/engine/message"
	"github.com/plenary/plenary/engine/state"
	"github.com/plenary/plenary/engine/stream"
)

// A station has lockers. One is rented for an hour and then opens by itself.

type (
	// Rent and End are the commands.
	Rent struct {
		Locker string `json:"locker" validate:"required"`
		Rental string `json:"rental" validate:"required"`
	}
	End struct {
		Locker string `json:"locker" validate:"required"`
		Rental string `json:"rental" validate:"required"`
	}
	// Rented and Ended are the events.
	Rented struct {
		Locker string `json:"locker"`
		Rental string `json:"rental"`
	}
	Ended struct {
		Locker string `json:"locker"`
		Rental string `json:"rental"`
	}
)

// Types gives every message its name on the wire, and says where it travels.
func Types() *message.Registry {
	r := message.NewRegistry()
	message.Register(r, "Rent.v1", message.Command, "lockers", func(c Rent) string { return c.Locker })
	message.Register(r, "End.v1", message.Command, "lockers", func(c End) string { return c.Locker })
	message.Register(r, "Rented.v1", message.Event, "events", func(e Rented) string { return e.Locker })
	message.Register(r, "Ended.v1", message.Event, "events", func(e Ended) string { return e.Locker })
	message.Register[es.CommandRejected](r, "CommandRejected.v1", message.Event, "events", nil)
	return r
}

// Locker is the state of one locker: the rental it is taken by, if any.
type Locker struct {
	Rental string `json:"rental"`
}

// Lockers is an aggregate: it decides, and folds what was decided.
func Lockers() es.Aggregate[Locker] {
	return es.Aggregate[Locker]{
		Name: "locker",
		New:  func() Locker { return Locker{} },
		Commands: []es.Command[Locker]{
			es.On(func(c Rent) string { return c.Locker }, func(_ es.Env, l Locker, c Rent) ([]any, error) {
				switch l.Rental {
				case "":
					return []any{Rented(c)}, nil
				case c.Rental: // it comes again
					return nil, nil
				}
				return nil, es.Refuse("locker-taken", "locker %s is taken", c.Locker)
			}),
			es.On(func(c End) string { return c.Locker }, func(_ es.Env, l Locker, c End) ([]any, error) {
				if l.Rental != c.Rental {
					return nil, nil // it comes late, and must not end somebody else's rental
				}
				return []any{Ended(c)}, nil
			}),
		},
		Evolve: func(l Locker, event any) Locker {
			switch e := event.(type) {
			case Rented:
				l.Rental = e.Rental
			case Ended:
				l.Rental = ""
			}
			return l
		},
	}
}

// Hour is the state of the process of one rental.
type Hour struct {
	Locker string    `json:"locker"`
	Until  time.Time `json:"until"`
}

// Hours is a process: it reads events, keeps the time, and sends commands. It
// holds no rule of its own; whether a rental ends is up to the locker.
func Hours() es.Process[Hour] {
	return es.Process[Hour]{
		Name: "hour",
		New:  func() Hour { return Hour{} },
		Route: func(in es.Input) (id string, ok bool) {
			switch e := in.Message.(type) {
			case Rented:
				return e.Rental, true
			case Ended:
				return e.Rental, true
			}
			return "", false
		},
		Step: func(h Hour, in es.Input, out *es.Outbox) Hour {
			switch m := in.Message.(type) {
			case Rented:
				h.Locker, h.Until = m.Locker, in.Now.Add(time.Hour)
				out.WakeAt(h.Until)
			case Ended:
				h.Locker = ""
				out.CancelWake()
			case es.WakeUp:
				// It may come early, twice or late: the time kept here counts.
				if h.Locker != "" && !in.Now.Before(h.Until) {
					out.Send(End{Locker: h.Locker, Rental: m.ID})
				}
			}
			return h
		},
	}
}

// A whole application in memory. Over Dapr, package host takes the place of the
// store, the bus and the clock; aggregates and processes stay as they are.
func Example() {
	ctx := context.Background()
	now := time.Date(2027, time.March, 1, 12, 0, 0, 0, time.UTC)
	clock := func() time.Time { return now }
	types, keys := Types(), &state.Memory{}
	wire := membus.New(types, "station", clock)
	alarm := &alarm{}

	start := func() *handling.Engine {
		engine := handling.New(handling.Options{
			App: "station", Registry: types, Keys: keys, Publisher: wire, Waker: alarm, Now: clock, Random: rand.Reader,
		})
		handling.Aggregate(engine, Lockers())
		handling.Process(engine, Hours())
		return engine
	}
	engine := start()

	// send publishes a command and delivers all that follows from it.
	send := func(id string, command any) {
		err := wire.Publish(ctx, message.Message{Meta: message.Meta{ID: id}, Body: command})
		if err != nil {
			panic(err)
		}
		deliver(ctx, engine, types, wire)
	}

	send("1", Rent{Locker: "7", Rental: "ann"})
	send("2", Rent{Locker: "7", Rental: "bob"})

	// Nothing is decided again. But an app that has just started does not know
	// whether the last commit was published, so it is, under the ids it had.
	fmt.Println("The app is restarted, and a message comes again:")
	engine = start()
	send("1", Rent{Locker: "7", Rental: "ann"})

	fmt.Println("The hour is over, and Ann's process is woken:")
	now = alarm.at
	if err := engine.Wake(ctx, message.DefaultTenant, []string{"ann"}); err != nil {
		panic(err)
	}
	deliver(ctx, engine, types, wire)

	// Output:
	// Rent.v1
	// Rented.v1 {"locker":"7","rental":"ann"} because of Rent.v1
	// Rent.v1
	// CommandRejected.v1 {"commandId":"2","commandType":"Rent.v1","code":"locker-taken","detail":"locker 7 is taken"} because of Rent.v1
	// The app is restarted, and a message comes again:
	// Rent.v1
	// CommandRejected.v1 {"commandId":"2","commandType":"Rent.v1","code":"locker-taken","detail":"locker 7 is taken"} because of Rent.v1
	// The hour is over, and Ann's process is woken:
	// End.v1 because of WakeUp.v1
	// Ended.v1 {"locker":"7","rental":"ann"} because of End.v1
}

// deliver is the broker: it hands over what was published until nothing more
// follows.
func deliver(ctx context.Context, engine *handling.Engine, types *message.Registry, wire *membus.Bus) {
	for {
		var batch []bus.Delivery
		for _, sent := range wire.Take() {
			d, err := membus.Decode(types, sent)
			if err != nil {
				panic(err)
			}
			batch = append(batch, d)
			fmt.Print(d.Message.Type)
			if sent.Kind == message.Event {
				fmt.Printf(" %s", d.Data)
			}
			if d.Message.Cause.Type != "" {
				fmt.Printf(" because of %s", d.Message.Cause.Type)
			}
			fmt.Println()
		}
		if batch == nil {
			return
		}
		for _, status := range engine.HandleBatch(ctx, batch) {
			if status != bus.Success {
				panic(status) // a broker would deliver it again
			}
		}
	}
}

// alarm stands for Dapr's reminders.
type alarm struct{ at time.Time }

func (a *alarm) Wake(_ context.Context, _ stream.Key, w es.Wake) error {
	if !w.At.IsZero() {
		a.at = w.At
	}
	return nil
}
