// Package tour is what the local trial's tour tells of itself: tools/local makes the
// tour and tells, web shows it.
package tour

// Variable names, to web, the address at which the tour is begun with POST and told
// with GET. tools/local sets it.
const Variable = "PLENARY_TOUR"

// How far a tour is.
const (
	NotBegun = ""
	Running  = "running"
	Waiting  = "waiting" // for holds to lapse; everything else is there
	Done     = "done"
	Failed   = "failed"
)

// Tour is a demo conference with orders of all fates.
type Tour struct {
	State string `json:"state"`
	// Conference and Slug are the conference's; empty until it is on sale.
	Conference string  `json:"conference,omitempty"`
	Slug       string  `json:"slug,omitempty"`
	Orders     []Order `json:"orders"`
}

// Order is one order of the tour, once it is placed.
type Order struct {
	// Fate is what becomes of it, or will once its hold has lapsed.
	Fate string `json:"fate"`
	ID   string `json:"id"`
	// Page is the path of its page, with the secret that opens it.
	Page string `json:"page"`
	// Status is as it was seen last.
	Status string `json:"status"`
}
