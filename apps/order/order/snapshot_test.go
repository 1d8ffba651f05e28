package order_test

import (
	"testing"

	"github.com/plenary/plenary/contracts"
	"github.com/plenary/plenary/engine/es/estest"
)

// What version 1 stored of an order must stay readable: one that was changed,
// partly reserved, and confirmed with a payment has all that an order can have.
func TestSnapshotOfVersion1IsRead(t *testing.T) {
	state := estest.Fold(orders, after(
		placed(of(general, 2), of(keynote, 1)), totals(1, 398_00, requestedLine(general, 2), requestedLine(keynote, 1)),
		registrant(ada),
		updated(2, of(general, 3), of(cocktail, 1)), totals(2, 647_00, requestedLine(general, 3), requestedLine(cocktail, 1)),
		partially(2, of(general, 2)), totals(2, 398_00,
			grantedLine(general, 3, 2, contracts.LinePartial), grantedLine(cocktail, 1, 0, contracts.LineSoldOut)),
		confirmedBy(payment, 398_00, of(general, 2)),
	)...)
	estest.Snapshot(t, "testdata/v1/snapshot.json", orders.New, state)
}
