// Package conference is the Conference aggregate: what an
// organiser says about a conference, whether it is published, and its seat
// types with their prices and quotas.
//
// It decides nothing about seats that are held: that is the seats app's. What
// it owes others it tells them by commands, absolute and with its own version,
// so that one that comes late or twice does nothing: SetCatalogue to the order
// app whenever what is on sale changed, SetSeatsQuota to the seats app for each
// seat type whose quota changed, and SetSeatsSale whenever it changed when seats are
// sold, or whose line is closed or moved.
package conference

import (
	"regexp"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/plenary/plenary/contracts"
	"github.com/plenary/plenary/contracts/refusal"
	"github.com/plenary/plenary/engine/es"
)

// Name is the aggregate's name; its streams are "conference/<conference id>".
const Name = "conference"

// Bounds of what an organiser may say. With them no order's total can overflow,
// and an order, which may name 50 seat types, can name all that are on sale.
const (
	MaxSeatTypes = 50
	MaxPrice     = 1_000_000_000_000 // minor units
	MaxQuota     = 1_000_000
)

// State is a conference.
type State struct {
	ID uuid.UUID `json:"id"`
	// Organisation is whose conference it is, for ever, as ConferenceCreated says it: see
	// BelongsTo.
	Organisation uuid.UUID                   `json:"organisation,omitzero"`
	Slug         string                      `json:"slug"`
	Owner        string                      `json:"owner"`
	Currency     string                      `json:"currency"`
	Details      contracts.ConferenceDetails `json:"details"`
	Published    bool                        `json:"published"`
	// Public says that it was ever published, and Deleted that it was given up before.
	Public    bool       `json:"public"`
	Deleted   bool       `json:"deleted"`
	SeatTypes []SeatType `json:"seatTypes"` // in the order of their adding, removed ones too

	// Version is the number of events folded, and CatalogueVersion that of the
	// last one that changed what is on sale.
	Version          uint64 `json:"version"`
	CatalogueVersion uint64 `json:"catalogueVersion"`
	// Moves are those of the lines, in their order, and SaleVersion the version of the
	// last event that changed when seats are sold, or closed, reopened or moved a line.
	Moves       []contracts.WaitlistMove `json:"moves,omitempty"`
	SaleVersion uint64                   `json:"saleVersion,omitempty"`
}

// SeatType is a kind of seat. One that was removed stays known: its id stands
// in orders, and is not used again.
type SeatType struct {
	ID          uuid.UUID       `json:"id"`
	Name        string          `json:"name"`
	Description string          `json:"description"`
	Price       contracts.Money `json:"price"`
	Quota       int             `json:"quota"`
	contracts.SalesWindow
	Removed bool `json:"removed"`

	// QuotaVersion is the version of the last event that changed the quota.
	QuotaVersion uint64 `json:"quotaVersion"`
	// WaitlistClosed: nobody may wait in line for its seats.
	WaitlistClosed bool `json:"waitlistClosed,omitempty"`
}

func (s State) exists() bool { return s.ID != uuid.Nil && !s.Deleted }

// BelongsTo says whether somebody acts for the conference's organisation.
func (s State) BelongsTo(actor contracts.Actor) bool {
	if s.Organisation == uuid.Nil {
		return actor.ActsFor(contracts.MainOrganisation)
	}
	return actor.ActsFor(s.Organisation)
}

func (s State) onSale() (n int) {
	for _, t := range s.SeatTypes {
		if !t.Removed {
			n++
		}
	}
	return n
}

func (s State) find(id uuid.UUID) (index int, known bool) {
	index = slices.IndexFunc(s.SeatTypes, func(t SeatType) bool { return t.ID == id })
	return index, index >= 0
}

// Aggregate is the Conference aggregate. It keeps the id of every command it
// handled: an organiser's changes are few, and an old one that came again would
// undo a newer.
func Aggregate() es.Aggregate[State] {
	return es.Aggregate[State]{
		Name: Name,
		New:  func() State { return State{} },
		Commands: []es.Command[State]{
			es.On(func(c contracts.CreateConference) uuid.UUID { return c.ConferenceID }, create,
				es.Claims(func(c contracts.CreateConference) []string { return []string{slugClaim(c.Slug)} })),
			es.On(func(c contracts.RenameConference) uuid.UUID { return c.ConferenceID }, rename,
				es.Claims(func(c contracts.RenameConference) []string { return []string{slugClaim(c.Slug)} })),
			es.On(func(c contracts.DeleteConference) uuid.UUID { return c.ConferenceID }, remove),
			es.On(func(c contracts.UpdateConference) uuid.UUID { return c.ConferenceID }, update),
			es.On(func(c contracts.PublishConference) uuid.UUID { return c.ConferenceID }, publish),
			es.On(func(c contracts.UnpublishConference) uuid.UUID { return c.ConferenceID }, unpublish),
			es.On(func(c contracts.AddSeatType) uuid.UUID { return c.ConferenceID }, addSeatType),
			es.On(func(c contracts.UpdateSeatType) uuid.UUID { return c.ConferenceID }, updateSeatType),
			es.On(func(c contracts.RemoveSeatType) uuid.UUID { return c.ConferenceID }, removeSeatType),
			es.On(func(c contracts.CloseWaitlist) uuid.UUID { return c.ConferenceID }, closeWaitlist),
			es.On(func(c contracts.ReopenWaitlist) uuid.UUID { return c.ConferenceID }, reopenWaitlist),
			es.On(func(c contracts.MoveWaitlist) uuid.UUID { return c.ConferenceID }, moveWaitlist),
		},
		Guard:           guard,
		Owns:            owns,
		Evolve:          evolve,
		React:           react,
		AnswersNoEffect: true,
	}
}

// owns says that a conference has its slug from when it was created, until it is
// renamed or deleted.
func owns(s State) []string {
	if !s.exists() {
		return nil
	}
	return []string{slugClaim(s.Slug)}
}

func slugClaim(slug string) string { return "slug/" + slug }

// guard refuses commands for a conference that does not exist, and changes that were made
// from an older version of it. To another organisation's member a conference is as if it
// did not exist, and its stream records nothing of that one's commands.
func guard(env es.Env, s State, command any) error {
	actor := contracts.ActorOf(env.Actor)
	if _, ok := command.(contracts.CreateConference); ok {
		if !actor.ActsFor(actor.Organisation) {
			return es.RefuseUnrecorded(refusal.OrganisationNotFound, "a conference belongs to an organisation")
		}
		return nil
	}
	if s.ID != uuid.Nil && !s.BelongsTo(actor) {
		return es.RefuseUnrecorded(refusal.ConferenceNotFound, "there is no such conference (yet)")
	}
	switch command.(type) {
	case contracts.DeleteConference:
		if s.Deleted {
			return nil // again
		}
	}
	if !s.exists() {
		return es.Refuse(refusal.ConferenceNotFound, "there is no such conference (yet)")
	}
	return s.refuseIfChanged(command)
}

// refuseIfChanged refuses a change that is meant for another version, even if it
// would change nothing: its sender has not seen what is there.
func (s State) refuseIfChanged(command any) error {
	c, ok := command.(interface{ Expected() uint64 })
	if !ok || c.Expected() == 0 || c.Expected() == s.Version {
		return nil
	}
	return es.Refuse(refusal.ConferenceChanged, "the conference is at version %d by now, the change is meant for version %d", s.Version, c.Expected())
}

func create(env es.Env, s State, c contracts.CreateConference) ([]any, error) {
	if err := checkCreate(c); err != nil {
		return nil, err
	}
	owner, err := contracts.KeptName("an organisation", c.Owner)
	if err != nil {
		return nil, err
	}
	details, err := kept(c.Details)
	if err != nil {
		return nil, err
	}
	fresh := contracts.ConferenceCreated{
		ConferenceID: c.ConferenceID, OrganisationID: contracts.ActorOf(env.Actor).Organisation, Slug: c.Slug, Owner: owner, Currency: c.Currency, Details: details,
	}
	added, err := evolve(State{}, fresh).begin(c.SeatTypes)
	if err != nil {
		return nil, err
	}
	if s.ID != uuid.Nil {
		if !s.BelongsTo(contracts.ActorOf(env.Actor)) { // this records nothing in a stream of others
			return nil, es.RefuseUnrecorded(refusal.ConferenceExists, "there is a conference with this id already, or was")
		}
		if s.exists() && len(added) == 0 && c.Slug == s.Slug && owner == s.Owner && c.Currency == s.Currency && details == inUTC(s.Details) {
			return nil, nil
		}
		return nil, es.Refuse(refusal.ConferenceExists, "there is a conference with this id already, or was")
	}
	if err := refuseIfTaken(env, c.ConferenceID, c.Slug); err != nil {
		return nil, err
	}
	return append([]any{fresh}, added...), nil
}

// begin adds the seat types that a conference begins with.
func (s State) begin(types []contracts.NewSeatType) (events []any, err error) {
	for _, t := range types {
		added, err := addSeatType(es.Env{}, s, contracts.AddSeatType{
			ConferenceID: s.ID, SeatTypeID: t.SeatTypeID, Name: t.Name, Description: t.Description, Price: t.Price, Quota: t.Quota, SalesWindow: t.SalesWindow,
		})
		if err != nil {
			return nil, err
		}
		for _, e := range added {
			s, events = evolve(s, e), append(events, e)
		}
	}
	return events, nil
}

func refuseIfTaken(env es.Env, id uuid.UUID, slug string) error {
	self := es.Ref{Aggregate: Name, ID: id.String()}
	if env.Claims[slugClaim(slug)] != self.String() {
		return es.Refuse(refusal.SlugTaken, "another conference has the address %q", slug)
	}
	return nil
}

// rename gives a draft another slug. Once a conference was published, its slug stands
// in links.
func rename(env es.Env, s State, c contracts.RenameConference) ([]any, error) {
	if err := checkSlug(c.Slug); err != nil {
		return nil, err
	}
	if c.Slug == s.Slug {
		return nil, nil
	}
	if err := s.refuseIfPublic(); err != nil {
		return nil, err
	}
	if err := refuseIfTaken(env, s.ID, c.Slug); err != nil {
		return nil, err
	}
	return []any{contracts.ConferenceRenamed{ConferenceID: s.ID, Slug: c.Slug}}, nil
}

// remove deletes a draft. A draft has no orders.
func remove(_ es.Env, s State, _ contracts.DeleteConference) ([]any, error) {
	if s.Deleted {
		return nil, nil
	}
	if err := s.refuseIfPublic(); err != nil {
		return nil, err
	}
	return []any{contracts.ConferenceDeleted{ConferenceID: s.ID}}, nil
}

func (s State) refuseIfPublic() error {
	if s.Public {
		return es.Refuse(refusal.ConferenceWasPublished, "a conference that was published keeps its address for ever, and is not deleted")
	}
	return nil
}

func update(_ es.Env, s State, c contracts.UpdateConference) ([]any, error) {
	details, err := kept(c.Details)
	if err != nil {
		return nil, err
	}
	if details == inUTC(s.Details) {
		return nil, nil
	}
	return []any{contracts.ConferenceUpdated{ConferenceID: s.ID, Details: details}}, nil
}

// publish opens the sale. A conference that sells nothing, or that is over, has
// no sale to open.
func publish(env es.Env, s State, _ contracts.PublishConference) ([]any, error) {
	switch {
	case s.Published:
		return nil, nil
	case s.onSale() == 0:
		return nil, es.Refuse(refusal.SeatTypeRequired, "a conference needs a seat type before it can be published")
	case !env.Now.Before(s.Details.EndsAt):
		return nil, es.Refuse(refusal.ConferenceEnded, "the conference is over")
	}
	return []any{contracts.ConferencePublished{ConferenceID: s.ID}}, nil
}

func unpublish(_ es.Env, s State, _ contracts.UnpublishConference) ([]any, error) {
	if !s.Published {
		return nil, nil
	}
	return []any{contracts.ConferenceUnpublished{ConferenceID: s.ID}}, nil
}

func addSeatType(_ es.Env, s State, c contracts.AddSeatType) ([]any, error) {
	added, err := s.described(c.SeatTypeID, c.Name, c.Description, c.Price, c.Quota, c.SalesWindow)
	if err != nil {
		return nil, err
	}
	if i, known := s.find(c.SeatTypeID); known {
		switch there := s.SeatTypes[i]; {
		case there.Removed:
			return nil, es.Refuse(refusal.SeatTypeRemoved, "the seat type was removed; a new one needs an id of its own")
		case there.says(added):
			return nil, nil
		}
		return nil, es.Refuse(refusal.SeatTypeExists, "there is a seat type with this id already")
	}
	if s.onSale() >= MaxSeatTypes {
		return nil, es.Refuse(refusal.TooManySeatTypes, "a conference can have %d seat types", MaxSeatTypes)
	}
	return []any{contracts.SeatTypeAdded{
		ConferenceID: s.ID, SeatTypeID: added.ID, Name: added.Name, Description: added.Description,
		Price: added.Price, Quota: added.Quota, SalesWindow: added.SalesWindow,
	}}, nil
}

// updateSeatType lets price and quota go up and down. Orders placed keep their
// price, and seats held are honoured, so neither needs to be asked.
func updateSeatType(_ es.Env, s State, c contracts.UpdateSeatType) ([]any, error) {
	updated, err := s.described(c.SeatTypeID, c.Name, c.Description, c.Price, c.Quota, c.SalesWindow)
	if err != nil {
		return nil, err
	}
	i, known := s.find(c.SeatTypeID)
	if !known {
		return nil, es.Refuse(refusal.UnknownSeatType, "the conference has no such seat type")
	}
	there := s.SeatTypes[i]
	if there.Removed {
		return nil, es.Refuse(refusal.SeatTypeRemoved, "the seat type was removed")
	}
	if there.says(updated) {
		return nil, nil
	}
	return []any{contracts.SeatTypeUpdated{
		ConferenceID: s.ID, SeatTypeID: updated.ID, Name: updated.Name, Description: updated.Description,
		Price: updated.Price, Quota: updated.Quota, SalesWindow: updated.SalesWindow,
	}}, nil
}

// removeSeatType refuses the last one of a published conference, for the same
// reason as publish.
func removeSeatType(_ es.Env, s State, c contracts.RemoveSeatType) ([]any, error) {
	i, known := s.find(c.SeatTypeID)
	switch {
	case !known:
		return nil, es.Refuse(refusal.UnknownSeatType, "the conference has no such seat type")
	case s.SeatTypes[i].Removed:
		return nil, nil
	case s.Published && s.onSale() == 1:
		return nil, es.Refuse(refusal.LastSeatType, "a published conference keeps a seat type; unpublish it first, or set the quota to 0")
	}
	return []any{contracts.SeatTypeRemoved{ConferenceID: s.ID, SeatTypeID: c.SeatTypeID}}, nil
}

// says compares what an organiser says of a seat type.
func (t SeatType) says(o SeatType) bool {
	return t.Name == o.Name && t.Description == o.Description && t.Price == o.Price && t.Quota == o.Quota &&
		windowInUTC(t.SalesWindow) == windowInUTC(o.SalesWindow)
}

func evolve(s State, event any) State {
	s.Version++
	switch e := event.(type) {
	case contracts.ConferenceCreated:
		s.ID, s.Slug, s.Owner, s.Currency, s.Details = e.ConferenceID, e.Slug, e.Owner, e.Currency, e.Details
		s.Organisation = e.OrganisationID
		s.CatalogueVersion, s.SaleVersion = s.Version, s.Version
	case contracts.ConferenceRenamed:
		s.Slug = e.Slug
	case contracts.ConferenceDeleted:
		s.Deleted = true
	case contracts.ConferenceUpdated:
		if timesOf(e.Details) != timesOf(s.Details) {
			s.CatalogueVersion, s.SaleVersion = s.Version, s.Version
		}
		s.Details = e.Details
	case contracts.ConferencePublished:
		s.Published, s.Public, s.CatalogueVersion, s.SaleVersion = true, true, s.Version, s.Version
	case contracts.ConferenceUnpublished:
		s.Published, s.CatalogueVersion, s.SaleVersion = false, s.Version, s.Version
	case contracts.SeatTypeAdded:
		s.SeatTypes = append(s.SeatTypes, SeatType{
			ID: e.SeatTypeID, Name: e.Name, Description: e.Description, Price: e.Price, Quota: e.Quota,
			SalesWindow: e.SalesWindow, QuotaVersion: s.Version,
		})
		s.CatalogueVersion, s.SaleVersion = s.Version, s.Version
	case contracts.SeatTypeUpdated:
		if i, known := s.find(e.SeatTypeID); known {
			t := &s.SeatTypes[i]
			if t.Name != e.Name || t.Price != e.Price || windowInUTC(t.SalesWindow) != windowInUTC(e.SalesWindow) {
				s.CatalogueVersion = s.Version
			}
			if windowInUTC(t.SalesWindow) != windowInUTC(e.SalesWindow) {
				s.SaleVersion = s.Version
			}
			if t.Quota != e.Quota {
				t.QuotaVersion = s.Version
			}
			t.Name, t.Description, t.Price, t.Quota, t.SalesWindow = e.Name, e.Description, e.Price, e.Quota, e.SalesWindow
		}
	case contracts.SeatTypeRemoved:
		if i, known := s.find(e.SeatTypeID); known {
			s.SeatTypes[i].Removed, s.SeatTypes[i].Quota, s.SeatTypes[i].QuotaVersion = true, 0, s.Version
			s.CatalogueVersion, s.SaleVersion = s.Version, s.Version
		}
	case contracts.WaitlistClosed:
		s = s.closed(e.SeatTypeID, true)
	case contracts.WaitlistReopened:
		s = s.closed(e.SeatTypeID, false)
	case contracts.WaitlistMoved:
		s.SaleVersion = s.Version
		s.Moves = append(s.Moves, contracts.WaitlistMove{Version: s.Version, From: e.SeatTypeID, To: e.To})
	}
	return s
}

// react tells the seats app first: a seat type that can be ordered had better be
// known where its seats are.
func react(s State, _ any, out *es.Outbox) {
	for _, t := range s.SeatTypes {
		if t.QuotaVersion == s.Version {
			out.Send(contracts.SetSeatsQuota{ConferenceID: s.ID, SeatType: t.ID, Quota: t.Quota, Version: s.Version})
		}
	}
	if s.SaleVersion == s.Version {
		out.Send(s.sale())
	}
	if s.CatalogueVersion == s.Version {
		out.Send(s.catalogue())
	}
}

func (s State) catalogue() contracts.SetCatalogue {
	c := contracts.SetCatalogue{
		ConferenceID: s.ID, Version: s.Version, Published: s.Published, SeatTypes: []contracts.CatalogueSeatType{},
		StartsAt: s.Details.StartsAt, EndsAt: s.Details.EndsAt, SalesWindow: s.Details.SalesWindow,
		RefundUntil: s.Details.RefundUntil, HandOverUntil: s.Details.HandOverUntil,
	}
	for _, t := range s.SeatTypes {
		if !t.Removed {
			c.SeatTypes = append(c.SeatTypes, contracts.CatalogueSeatType{ID: t.ID, Name: t.Name, Price: t.Price, SalesWindow: t.SalesWindow})
		}
	}
	return c
}

// What a command says by itself, whatever the conference is like.

var slugFormat = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)

func checkSlug(slug string) error {
	if len(slug) > 64 || !slugFormat.MatchString(slug) {
		return es.Refuse(refusal.SlugInvalid, "an address is up to 64 lower-case letters, digits and single hyphens between them")
	}
	if uuid.Validate(slug) == nil {
		// Where a conference is named by slug or id, this would name two.
		return es.Refuse(refusal.SlugInvalid, "an address must not look like an id")
	}
	return nil
}

func checkCreate(c contracts.CreateConference) error {
	if err := checkSlug(c.Slug); err != nil {
		return err
	}
	if !currencies[c.Currency] {
		return es.Refuse(refusal.CurrencyUnknown, "%q is not the code of a currency in use (ISO 4217)", c.Currency)
	}
	return nil
}

// Dates that a person can mean. Beyond them a date is a slip, and some databases
// and clocks cannot hold it.
const (
	firstYear = 1970
	lastYear  = 2200
)

// kept is what an organiser says of a conference as it is kept: texts in the form
// of package text, times in UTC.
func kept(d contracts.ConferenceDetails) (contracts.ConferenceDetails, error) {
	var err error
	if d.Name, err = contracts.KeptName("a conference", d.Name); err != nil {
		return d, err
	}
	if d.Description, err = contracts.KeptLines("the description", d.Description); err != nil {
		return d, err
	}
	if d.Location, err = contracts.KeptLine("the location", d.Location); err != nil {
		return d, err
	}
	return inUTC(d), checkTimes(d)
}

func checkTimes(d contracts.ConferenceDetails) error {
	if _, err := contracts.TimeZone(d.TimeZone); err != nil {
		return es.Refuse(refusal.TimeZoneUnknown, "%q is not the name of a time zone (IANA), like Europe/Berlin", d.TimeZone)
	}
	if err := checkDate("startsAt", d.StartsAt); err != nil {
		return err
	}
	if err := checkDate("endsAt", d.EndsAt); err != nil {
		return err
	}
	if err := checkWindow(d.SalesWindow); err != nil {
		return err
	}
	if err := checkOptionalDate("refundUntil", d.RefundUntil); err != nil {
		return err
	}
	if err := checkOptionalDate("handOverUntil", d.HandOverUntil); err != nil {
		return err
	}
	switch {
	case !d.EndsAt.After(d.StartsAt):
		return es.Refuse(refusal.DatesInvalid, "a conference ends after it starts")
	case d.SalesUntil.After(d.EndsAt) || !d.SalesFrom.Before(d.EndsAt):
		return es.Refuse(refusal.SalesWindowInvalid, "sales open before the conference ends, and close with its end at the latest")
	case d.RefundUntil.After(d.EndsAt):
		return es.Refuse(refusal.RefundWindowInvalid, "refunds end with the conference at the latest")
	case d.HandOverUntil.After(d.EndsAt):
		return es.Refuse(refusal.HandOverInvalid, "seats are handed on until the end of the conference at the latest")
	}
	return nil
}

// described is a seat type as an organiser describes it, in the form in which it
// is kept. Its sales window is not held against the conference's: what counts is
// what both have in common, and either may change.
func (s State) described(id uuid.UUID, name, description string, price int64, quota int, window contracts.SalesWindow) (SeatType, error) {
	name, err := contracts.KeptName("a seat type", name)
	if err != nil {
		return SeatType{}, err
	}
	if description, err = contracts.KeptLines("the description", description); err != nil {
		return SeatType{}, err
	}
	switch {
	case price < 0 || price > MaxPrice:
		return SeatType{}, es.Refuse(refusal.PriceInvalid, "a price is 0 (free of charge) to %d, in minor units", int64(MaxPrice))
	case quota < 0 || quota > MaxQuota:
		return SeatType{}, es.Refuse(refusal.QuotaInvalid, "a quota is 0 to %d seats", MaxQuota)
	}
	return SeatType{
		ID: id, Name: name, Description: description,
		Price: contracts.Money{Amount: price, Currency: s.Currency}, Quota: quota, SalesWindow: windowInUTC(window),
	}, checkWindow(window)
}

func checkWindow(w contracts.SalesWindow) error {
	if err := checkOptionalDate("salesFrom", w.SalesFrom); err != nil {
		return err
	}
	if err := checkOptionalDate("salesUntil", w.SalesUntil); err != nil {
		return err
	}
	if !w.SalesUntil.IsZero() && !w.SalesFrom.Before(w.SalesUntil) {
		return es.Refuse(refusal.SalesWindowInvalid, "sales close after they open")
	}
	return nil
}

func checkOptionalDate(name string, at time.Time) error {
	if at.IsZero() {
		return nil
	}
	return checkDate(name, at)
}

func checkDate(name string, at time.Time) error {
	if year := at.UTC().Year(); year < firstYear || year > lastYear {
		return es.Refuse(refusal.DateOutOfRange, "%s is in the year %d; dates are from %d to %d", name, year, firstYear, lastYear)
	}
	return nil
}

// inUTC has all times in UTC, however they were written, so that == compares
// moments (Round takes off the reading of a monotonic clock).
func inUTC(d contracts.ConferenceDetails) contracts.ConferenceDetails {
	for _, t := range []*time.Time{&d.StartsAt, &d.EndsAt, &d.RefundUntil, &d.HandOverUntil} {
		*t = t.UTC().Round(0)
	}
	d.SalesWindow = windowInUTC(d.SalesWindow)
	return d
}

func windowInUTC(w contracts.SalesWindow) contracts.SalesWindow {
	w.SalesFrom, w.SalesUntil = w.SalesFrom.UTC().Round(0), w.SalesUntil.UTC().Round(0)
	return w
}

// times are what the order app is told of a conference's details.
type times struct {
	starts, ends, refunds, handOver time.Time
	contracts.SalesWindow
}

func timesOf(d contracts.ConferenceDetails) times {
	d = inUTC(d)
	return times{d.StartsAt, d.EndsAt, d.RefundUntil, d.HandOverUntil, d.SalesWindow}
}
