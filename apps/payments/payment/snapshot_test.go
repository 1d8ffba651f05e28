package payment_test

import (
	"testing"

	"github.com/plenary/plenary/apps/payments/payment"
	"github.com/plenary/plenary/engine/es/estest"
)

// What version 1 stored of a payment must stay readable: one whose refund was
// asked for twice and has failed has all that a payment can have.
func TestSnapshotOfVersion1IsRead(t *testing.T) {
	agg := payment.Aggregate("demo")
	state := estest.Fold(agg, initiated, cancelled, completed, refunding, failure, refunding2, failure2)
	estest.Snapshot(t, "testdata/v1/snapshot.json", agg.New, state)
}
