package catalogue_test

import (
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/plenary/plenary/apps/order/catalogue"
	"github.com/plenary/plenary/contracts"
	"github.com/plenary/plenary/engine/es/estest"
)

var (
	conference = uuid.MustParse("c0000000-0000-4000-8000-000000000001")
	general    = uuid.MustParse("a0000000-0000-4000-8000-000000000001")
	workshop   = uuid.MustParse("a0000000-0000-4000-8000-000000000002")
)

// version is the catalogue as the conference app sent it at one version: the
// price of General admission tells them apart.
func version(n uint64) contracts.SetCatalogue {
	return contracts.SetCatalogue{
		ConferenceID: conference,
		Version:      n,
		Published:    true,
		SeatTypes: []contracts.CatalogueSeatType{
			{ID: general, Name: "General admission", Price: contracts.Money{Amount: int64(100 * n), Currency: "USD"}},
		},
		StartsAt:    estest.Noon.AddDate(0, 1, 0),
		EndsAt:      estest.Noon.AddDate(0, 1, 2),
		RefundUntil: estest.Noon.AddDate(0, 0, 7),
	}
}

func set(n uint64) any { return contracts.CatalogueSet{SetCatalogue: version(n)} }

func TestCatalogue(t *testing.T) {
	unpublished := version(2)
	unpublished.Published = false
	other := version(3)
	other.SeatTypes = nil

	estest.Run(t, catalogue.Aggregate(),
		estest.Scenario{
			Name: "the first catalogue of a conference is taken",
			When: version(1),
			Then: []any{set(1)},
		},
		estest.Scenario{
			Name: "the first to arrive need not be the first that was sent",
			When: version(4),
			Then: []any{set(4)},
		},
		estest.Scenario{
			Name:  "a newer catalogue replaces the older one, also when versions between are missing",
			Given: []any{set(1)},
			When:  version(3),
			Then:  []any{set(3)},
		},
		estest.Scenario{
			Name:  "a conference can be taken off sale",
			Given: []any{set(1)},
			When:  unpublished,
			Then:  []any{contracts.CatalogueSet{SetCatalogue: unpublished}},
		},
		estest.Scenario{
			Name:  "the same catalogue again does nothing",
			Given: []any{version(3)},
			When:  version(3),
		},
		estest.Scenario{
			Name:  "an older catalogue that comes late does nothing",
			Given: []any{version(3)},
			When:  version(2),
		},
		estest.Scenario{
			Name:  "another catalogue under a version already seen does nothing",
			Given: []any{version(3)},
			When:  other,
		},
	)
}

func TestTheCatalogueKnowsWhatIsOnSaleNow(t *testing.T) {
	agg := catalogue.Aggregate()
	state := estest.Fold(agg, set(1), set(2))

	seatType, ok := state.SeatType(general)
	if want := (contracts.Money{Amount: 200, Currency: "USD"}); !ok || seatType.Price != want {
		t.Errorf("General admission: got %v, %v; want it on sale at %v", seatType, ok, want)
	}
	if _, ok := state.SeatType(workshop); ok {
		t.Error("the workshop is on sale, and nobody put it there")
	}
	if !state.Published || !state.RefundUntil.Equal(estest.Noon.Add(7*24*time.Hour)) {
		t.Errorf("got published %v, refunds until %v", state.Published, state.RefundUntil)
	}
}

func TestOnlySetCatalogueIsForTheCatalogue(t *testing.T) {
	agg := catalogue.Aggregate()
	if ref := catalogue.Ref(conference); ref.Aggregate != agg.Name || ref.ID != conference.String() {
		t.Errorf("it is found as %v", ref)
	}
	if agg.Handled <= 0 {
		t.Error("all ids are kept, and no scenario is run with its commands repeated later")
	}
	if id, ok := agg.Route(version(1)); !ok || id != conference.String() {
		t.Errorf("SetCatalogue went to %q, %v", id, ok)
	}
	if id, ok := agg.Route(contracts.RegisterToConference{ConferenceID: conference}); ok {
		t.Errorf("RegisterToConference went to the catalogue %q", id)
	}
}
