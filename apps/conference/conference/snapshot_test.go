package conference_test

import (
	"testing"

	"github.com/google/uuid"

	"github.com/plenary/plenary/apps/conference/conference"
	"github.com/plenary/plenary/engine/es/estest"
)

// What version 1 stored of a conference must stay readable: one that is
// published, has moved, and has a seat type that changed and one that is gone.
func TestSnapshotOfVersion1IsRead(t *testing.T) {
	agg := conference.Aggregate()
	begun := created()
	begun.OrganisationID = uuid.Nil // nothing was said of organisations then: it is the main one's
	state := estest.Fold(agg,
		begun, added(general, "General admission", 19900, 100), added(workshop, "CQRS Workshop", 50000, 10),
		published, updated(moved), changed(general, "Admission", 24900, 80), removed(workshop),
	)
	estest.Snapshot(t, "testdata/v1/snapshot.json", agg.New, state)
}
