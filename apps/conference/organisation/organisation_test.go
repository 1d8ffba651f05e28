package organisation_test

import (
	"cmp"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/plenary/plenary/apps/conference/organisation"
	"github.com/plenary/plenary/contracts"
	"github.com/plenary/plenary/contracts/refusal"
	"github.com/plenary/plenary/engine/es"
	"github.com/plenary/plenary/engine/es/estest"
)

var (
	gophers = uuid.MustParse("0c000000-0000-4000-8000-000000000001")
	others  = uuid.MustParse("0c000000-0000-4000-8000-000000000002")
	ada     = uuid.MustParse("0c000000-0000-4000-8000-00000000000a")
	bob     = uuid.MustParse("0c000000-0000-4000-8000-00000000000b")
	eve     = uuid.MustParse("0c000000-0000-4000-8000-00000000000e")
	key     = uuid.MustParse("0c000000-0000-4000-8000-0000000000c1")
	second  = uuid.MustParse("0c000000-0000-4000-8000-0000000000c2")

	hash = strings.Repeat("0f", 32)

	byOperator = contracts.Actor{Operator: true}.String()
	byToken    = contracts.Actor{Organisation: contracts.MainOrganisation}.String()
)

func by(member uuid.UUID) string {
	return contracts.Actor{Organisation: gophers, Member: member}.String()
}

// The commands, and the events that follow from them.

func create(name string) contracts.CreateOrganisation {
	return contracts.CreateOrganisation{OrganisationID: gophers, Name: name}
}

func created() contracts.OrganisationCreated {
	return contracts.OrganisationCreated{OrganisationID: gophers, Name: "Gophers"}
}

func add(member uuid.UUID, name string, owner bool) contracts.AddMember {
	return contracts.AddMember{OrganisationID: gophers, MemberID: member, Name: name, Owner: owner}
}

func added(member uuid.UUID, name string, owner bool) contracts.MemberAdded {
	return contracts.MemberAdded{OrganisationID: gophers, MemberID: member, Name: name, Owner: owner}
}

func remove(member uuid.UUID) contracts.RemoveMember {
	return contracts.RemoveMember{OrganisationID: gophers, MemberID: member}
}

func removed(member uuid.UUID) contracts.MemberRemoved {
	return contracts.MemberRemoved{OrganisationID: gophers, MemberID: member}
}

func issue(credential, member uuid.UUID) contracts.IssueCredential {
	return contracts.IssueCredential{OrganisationID: gophers, MemberID: member, CredentialID: credential, Hash: hash}
}

func issued(credential, member uuid.UUID) contracts.CredentialIssued {
	return contracts.CredentialIssued{OrganisationID: gophers, MemberID: member, CredentialID: credential, Hash: hash}
}

func revoke(credential uuid.UUID) contracts.RevokeCredential {
	return contracts.RevokeCredential{OrganisationID: gophers, CredentialID: credential}
}

func revoked(credential, member uuid.UUID) contracts.CredentialRevoked {
	return contracts.CredentialRevoked{OrganisationID: gophers, MemberID: member, CredentialID: credential}
}

// run runs scenarios in which an operator sends the commands, unless they say who.
func run(t *testing.T, scenarios ...estest.Scenario) {
	t.Helper()
	for i := range scenarios {
		scenarios[i].Actor = cmp.Or(scenarios[i].Actor, byOperator)
	}
	estest.Run(t, organisation.Aggregate(), scenarios...)
}

func TestOperatorsMakeOrganisations(t *testing.T) {
	run(t,
		estest.Scenario{Name: "made", When: create(" Gophers "), Then: []any{created()}},
		estest.Scenario{Name: "made again", Given: []any{created()}, When: create("Gophers")},
		estest.Scenario{Name: "made again as another", Given: []any{created()}, When: create("Crabs"), Refused: refusal.OrganisationExists},
		estest.Scenario{Name: "without a name", When: create(" "), Refused: refusal.NameRequired},
		estest.Scenario{Name: "with a name that cannot be seen", When: create("\u200b"), Refused: refusal.NameInvalid},
		estest.Scenario{Name: "the main one, which is there", When: contracts.CreateOrganisation{OrganisationID: contracts.MainOrganisation, Name: "Mine"}, Refused: refusal.OrganisationExists},
		estest.Scenario{Name: "by an owner", Actor: by(ada), Given: []any{created(), added(ada, "Ada", true)}, When: create("Gophers"), Refused: refusal.OwnerRequired},
		estest.Scenario{Name: "by the holder of organiser-token", Actor: byToken, When: create("Gophers"), Refused: refusal.OwnerRequired},
	)
}

func TestMembersAreAddedAndRemoved(t *testing.T) {
	with := []any{created(), added(ada, "Ada", true), added(bob, "Bob", false)}
	run(t,
		estest.Scenario{Name: "added", Given: []any{created()}, When: add(ada, " Ada ", true), Then: []any{added(ada, "Ada", true)}},
		estest.Scenario{Name: "added again", Given: with, When: add(ada, "Ada", true)},
		estest.Scenario{Name: "added again as another", Given: with, When: add(ada, "Ada", false), Refused: refusal.MemberExists},
		estest.Scenario{Name: "added after having been removed", Given: append(with, removed(bob)), When: add(bob, "Bob", false), Refused: refusal.MemberExists},
		estest.Scenario{Name: "with nobody's id", Given: with, When: add(uuid.Nil, "Eve", true), Refused: refusal.MemberExists},
		estest.Scenario{Name: "without a name", Given: with, When: add(uuid.New(), "", false), Refused: refusal.NameRequired},
		estest.Scenario{Name: "to an organisation that is not there", When: add(ada, "Ada", true), Refused: refusal.OrganisationNotFound},
		estest.Scenario{Name: "removed", Given: with, When: remove(bob), Then: []any{removed(bob)}},
		estest.Scenario{Name: "removed again", Given: append(with, removed(bob)), When: remove(bob)},
		estest.Scenario{Name: "removed, and never there", Given: with, When: remove(uuid.New()), Refused: refusal.MemberNotFound},
	)
}

func TestCredentialsAreIssuedAndRevoked(t *testing.T) {
	with := []any{created(), added(ada, "Ada", true), added(bob, "Bob", false)}
	otherHash := issue(key, bob)
	otherHash.Hash = strings.Repeat("f0", 32)
	run(t,
		estest.Scenario{Name: "issued", Given: with, When: issue(key, bob), Then: []any{issued(key, bob)}},
		estest.Scenario{Name: "issued again", Given: append(with, issued(key, bob)), When: issue(key, bob)},
		estest.Scenario{Name: "the same id with another hash", Given: append(with, issued(key, bob)), When: otherHash, Refused: refusal.CredentialExists},
		estest.Scenario{Name: "the same id for another member", Given: append(with, issued(key, bob)), When: issue(key, ada), Refused: refusal.CredentialExists},
		estest.Scenario{Name: "again after it was revoked", Given: append(with, issued(key, bob), revoked(key, bob)), When: issue(key, bob), Refused: refusal.CredentialExists},
		estest.Scenario{Name: "to nobody", Given: with, When: issue(key, uuid.New()), Refused: refusal.MemberNotFound},
		estest.Scenario{Name: "to a member who was removed", Given: append(with, removed(bob)), When: issue(key, bob), Refused: refusal.MemberNotFound},
		estest.Scenario{Name: "revoked", Given: append(with, issued(key, bob)), When: revoke(key), Then: []any{revoked(key, bob)}},
		estest.Scenario{Name: "revoked again", Given: append(with, issued(key, bob), revoked(key, bob)), When: revoke(key)},
		estest.Scenario{Name: "revoked with its member", Given: append(with, issued(key, bob), removed(bob)), When: revoke(key)},
		estest.Scenario{Name: "never issued", Given: with, When: revoke(second), Refused: refusal.CredentialNotFound},
	)
}

func TestOwnersLookAfterTheirOwnOrganisation(t *testing.T) {
	with := []any{created(), added(ada, "Ada", true), added(bob, "Bob", false), issued(key, bob), added(eve, "Eve", false), issued(second, eve)}
	for name, c := range map[string]struct {
		when, then any
	}{
		"add":    {add(uuid.Max, "Eve", true), added(uuid.Max, "Eve", true)},
		"remove": {remove(bob), removed(bob)},
		"issue":  {issue(uuid.Max, bob), issued(uuid.Max, bob)},
		"revoke": {revoke(second), revoked(second, eve)},
	} {
		t.Run(name, func(t *testing.T) {
			run(t,
				estest.Scenario{Name: "an owner", Actor: by(ada), Given: with, When: c.when, Then: []any{c.then}},
				estest.Scenario{Name: "a member", Actor: by(bob), Given: with, When: c.when, Refused: refusal.OwnerRequired},
				estest.Scenario{Name: "an owner who was removed", Actor: by(ada), Given: append(with, removed(ada)), When: c.when, Refused: refusal.OwnerRequired},
				estest.Scenario{Name: "nobody who is known", Actor: by(uuid.New()), Given: with, When: c.when, Refused: refusal.OwnerRequired},
				estest.Scenario{Name: "without a member", Actor: by(uuid.Nil), Given: with, When: c.when, Refused: refusal.OwnerRequired},
				estest.Scenario{Name: "another organisation", Actor: contracts.Actor{Organisation: others, Member: ada}.String(), Given: with, When: c.when, Refused: refusal.OrganisationNotFound},
				estest.Scenario{Name: "organiser-token, which is the main organisation's", Actor: byToken, Given: with, When: c.when, Refused: refusal.OrganisationNotFound},
				estest.Scenario{Name: "nobody", Actor: "-", Given: with, When: c.when, Refused: refusal.OrganisationNotFound},
			)
		})
	}
	run(t, estest.Scenario{Name: "a member gives up a credential of their own", Actor: by(bob), Given: with, When: revoke(key), Then: []any{revoked(key, bob)}})
}

// What strangers are refused leaves nothing in the organisation's stream.
func TestWhatStrangersAreRefusedIsNotRecorded(t *testing.T) {
	agg := organisation.Aggregate()
	state := estest.Fold(agg, created(), added(ada, "Ada", true))
	for _, actor := range []string{"", byToken, contracts.Actor{Organisation: others, Member: ada}.String(), by(bob)} {
		_, err := agg.Decide(es.Env{Actor: actor}, state, remove(ada))
		if r, ok := es.AsRefusal(err); !ok || !r.Unrecorded {
			t.Errorf("%q: %v", actor, err)
		}
	}
}

// The main organisation is there before anything is said of it, and organiser-token is
// its owner's.
func TestTheMainOrganisationIsThereFromTheBeginning(t *testing.T) {
	main := contracts.MainOrganisation
	first := contracts.AddMember{OrganisationID: main, MemberID: ada, Name: "Ada"}
	begins := []any{contracts.OrganisationCreated{OrganisationID: main, Name: "main"}, contracts.MemberAdded{OrganisationID: main, MemberID: ada, Name: "Ada"}}
	run(t,
		estest.Scenario{Name: "its first member", Actor: byToken, When: first, Then: begins},
		estest.Scenario{Name: "its first member, by an operator", When: first, Then: begins},
		estest.Scenario{Name: "its second", Actor: byToken, Given: begins, When: contracts.AddMember{OrganisationID: main, MemberID: bob, Name: "Bob"},
			Then: []any{contracts.MemberAdded{OrganisationID: main, MemberID: bob, Name: "Bob"}}},
		estest.Scenario{Name: "nobody is a member yet", Actor: byToken, When: contracts.RemoveMember{OrganisationID: main, MemberID: ada}, Refused: refusal.MemberNotFound},
		estest.Scenario{Name: "to others it is not there", Actor: by(ada), When: first, Refused: refusal.OrganisationNotFound},
	)
}

func TestAnOrganisationIsBounded(t *testing.T) {
	full, long := []any{created()}, []any{created()}
	for range organisation.MaxMembers {
		full = append(full, added(uuid.New(), "Ada", false))
	}
	for range organisation.MaxMembersEver {
		member := uuid.New()
		long = append(long, added(member, "Ada", false), removed(member))
	}
	keys := []any{created(), added(ada, "Ada", true)}
	for range organisation.MaxCredentials {
		keys = append(keys, issued(uuid.New(), ada))
	}
	many := []any{created(), added(ada, "Ada", true)}
	for range organisation.MaxCredentialsEver {
		credential := uuid.New()
		many = append(many, issued(credential, ada), revoked(credential, ada))
	}
	agg := organisation.Aggregate()
	for name, c := range map[string]struct {
		given   []any
		when    any
		refused es.Code
	}{
		"members":                {full, add(ada, "Ada", false), refusal.TooManyMembers},
		"members over time":      {long, add(ada, "Ada", false), refusal.TooManyMembers},
		"a member's credentials": {keys, issue(key, ada), refusal.TooManyCredentials},
		"credentials over time":  {many, issue(key, ada), refusal.TooManyCredentials},
	} {
		for _, left := range []int{0, 1} { // at the bound, and one event or pair before it
			until := len(c.given) - 2*left
			_, err := agg.Decide(es.Env{Actor: byOperator}, estest.Fold(agg, c.given[:until]...), c.when)
			r, refused := es.AsRefusal(err)
			if refused != (left == 0) || refused && r.Code != c.refused {
				t.Errorf("%s, %d left: %v", name, left, err)
			}
		}
	}
}
