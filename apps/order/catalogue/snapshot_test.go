package catalogue_test

import (
	"testing"

	"github.com/plenary/plenary/apps/order/catalogue"
	"github.com/plenary/plenary/engine/es/estest"
)

// What version 1 stored of a catalogue must stay readable.
func TestSnapshotOfVersion1IsRead(t *testing.T) {
	agg := catalogue.Aggregate()
	estest.Snapshot(t, "testdata/v1/snapshot.json", agg.New, estest.Fold(agg, set(1), set(2)))
}
