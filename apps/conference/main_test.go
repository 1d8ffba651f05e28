package main

import (
	"crypto/rand"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/plenary/plenary/apps/conference/conference"
	"github.com/plenary/plenary/contracts"
	"github.com/plenary/plenary/contracts/refusal"
	"github.com/plenary/plenary/engine/bus"
	"github.com/plenary/plenary/engine/bus/membus"
	"github.com/plenary/plenary/engine/es"
	"github.com/plenary/plenary/engine/handling"
	"github.com/plenary/plenary/engine/message"
	"github.com/plenary/plenary/engine/state"
)

// app is the conference app over a store and a bus in memory.
type app struct {
	t        *testing.T
	registry *message.Registry
	engine   *handling.Engine
	bus      *membus.Bus
}

func start(t *testing.T) *app {
	a := &app{t: t, registry: contracts.Registry()}
	a.bus = membus.New(a.registry, "conference", time.Now)
	a.engine = handling.New(handling.Options{
		App: "conference", Registry: a.registry, Keys: &state.Memory{}, Publisher: a.bus, Now: time.Now, Random: rand.Reader,
	})
	handling.Aggregate(a.engine, conference.Aggregate())
	return a
}

// send has the app handle a command, delivered twice, and gives what it
// published.
func (a *app) send(command any) (published []any) {
	a.t.Helper()
	out := &bus.Outgoing{Registry: a.registry, Source: "web", Now: time.Now}
	encoded, err := out.Encode(a.t.Context(), message.Message{Meta: message.Meta{ID: uuid.NewString(), Actor: contracts.Actor{Organisation: contracts.MainOrganisation}.String()}, Body: command})
	if err != nil {
		a.t.Fatal(err)
	}
	delivery, err := membus.Decode(a.registry, encoded)
	if err != nil {
		a.t.Fatal(err)
	}
	for range 2 {
		if s := a.engine.HandleBatch(a.t.Context(), []bus.Delivery{delivery}); s[0] != bus.Success {
			a.t.Fatalf("%T: %s", command, s[0])
		}
	}
	for _, e := range a.bus.Take() {
		d, err := membus.Decode(a.registry, e)
		if err != nil {
			a.t.Fatal(err)
		}
		if err := a.registry.Validate(d.Message.Body); err != nil {
			a.t.Error(err)
		}
		published = append(published, d.Message.Body)
	}
	return published
}

func find[T any](published []any) (found []T) {
	for _, p := range published {
		if m, ok := p.(T); ok {
			found = append(found, m)
		}
	}
	return found
}

func create(slug string) contracts.CreateConference {
	starts := time.Now().AddDate(0, 1, 0)
	return contracts.CreateConference{
		ConferenceID: uuid.New(), Slug: slug, Owner: "ada", Currency: "USD",
		Details: contracts.ConferenceDetails{Name: "GopherCon", TimeZone: "Asia/Shanghai", StartsAt: starts, EndsAt: starts.AddDate(0, 0, 3)},
	}
}

func TestASlugBelongsToOneConference(t *testing.T) {
	a := start(t)
	if got := find[contracts.ConferenceCreated](a.send(create("gophercon"))); len(got) != 1 {
		t.Fatalf("the first: %+v", got)
	}
	if got := find[es.CommandRejected](a.send(create("gophercon"))); len(got) != 1 || got[0].Code != refusal.SlugTaken {
		t.Errorf("the second: %+v, want %s", got, refusal.SlugTaken)
	}
}

func TestASlugOfARefusedConferenceStaysFree(t *testing.T) {
	a := start(t)
	refused := create("gophercon")
	refused.Details.EndsAt = refused.Details.StartsAt
	if got := find[es.CommandRejected](a.send(refused)); len(got) != 1 || got[0].Code != refusal.DatesInvalid {
		t.Fatalf("got %+v, want %s", got, refusal.DatesInvalid)
	}
	if got := find[contracts.ConferenceCreated](a.send(create("gophercon"))); len(got) != 1 {
		t.Errorf("got %+v, want it created", got)
	}
}

func TestTheOtherAppsAreToldWithTheConferencesVersion(t *testing.T) {
	a := start(t)
	c := create("gophercon")
	a.send(c)
	seatType := uuid.New()
	add := contracts.AddSeatType{ConferenceID: c.ConferenceID, SeatTypeID: seatType, Name: "General admission", Price: 19900, Quota: 100}
	published := a.send(add)
	if got := find[contracts.SetSeatsQuota](published); len(got) == 0 || got[0].Version != 2 || got[0].Quota != 100 {
		t.Errorf("quota: %+v", got)
	}
	if got := find[contracts.SetCatalogue](published); len(got) == 0 || got[0].Version != 2 || len(got[0].SeatTypes) != 1 {
		t.Errorf("catalogue: %+v", got)
	}
	published = a.send(contracts.PublishConference{ConferenceID: c.ConferenceID})
	if got := find[contracts.SetCatalogue](published); len(got) == 0 || got[0].Version != 3 || !got[0].Published {
		t.Errorf("catalogue: %+v", got)
	}
	if got := find[contracts.SetSeatsQuota](published); len(got) != 0 {
		t.Errorf("no quota changed, and yet %+v", got)
	}
}
