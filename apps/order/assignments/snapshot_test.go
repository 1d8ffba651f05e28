package assignments_test

import (
	"testing"

	"github.com/plenary/plenary/apps/order/assignments"
	"github.com/plenary/plenary/contracts"
	"github.com/plenary/plenary/engine/es/estest"
)

// What version 1 stored of an order's seats must stay readable: one with an
// attendee whose details were corrected, one that was given up, one never
// assigned.
func TestSnapshotOfVersion1IsRead(t *testing.T) {
	adaSpeaks := ada
	adaSpeaks.Type = contracts.Speaker
	agg := assignments.Aggregate()
	state := estest.Fold(agg, created,
		assigned(0, general, ada), contracts.SeatAssignmentUpdated{OrderID: orderID, Position: 0, Attendee: adaSpeaks},
		assigned(1, general, grace), unassigned(1),
	)
	estest.Snapshot(t, "testdata/v1/snapshot.json", agg.New, state)
}
