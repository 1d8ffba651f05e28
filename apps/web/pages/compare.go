package pages

import (
	"net/http"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/plenary/plenary/apps/query/view"
	"github.com/plenary/plenary/apps/web/problem"
	"github.com/plenary/plenary/contracts/refusal"
)

type comparePage struct {
	Shell
	Left, Right view.Flow
	Rows        []comparedRow
	// Same counts the rows that both orders have.
	Same int
}

// comparedRow is what happened to both orders, or to one of them.
type comparedRow struct {
	Left, Right *comparedEntry
	// Parts says that the orders went the same way until here.
	Parts bool
}

// Both says that the same happened to both orders.
func (r comparedRow) Both() bool { return r.Left != nil && r.Right != nil }

type comparedEntry struct {
	flowEntry
	// Order is the order that it belongs to, After how long after its beginning.
	Order uuid.UUID
	After time.Duration
}

// compare shows how two orders went, side by side.
func (v *Visit) compare(credential string) {
	data := &comparePage{}
	var sides [2][]comparedEntry
	for i, name := range []string{"a", "b"} {
		id, err := uuid.Parse(v.Query(name))
		if err != nil {
			v.refuse(problem.New(refusal.OrderNotFound))
			return
		}
		flow := []*view.Flow{&data.Left, &data.Right}[i]
		if !v.read(credential, "/api/explorer/orders/"+id.String()+"/flow", flow) {
			return
		}
		for _, e := range flow.Entries {
			sides[i] = append(sides[i], comparedEntry{
				flowEntry: flowEntry{FlowEntry: e, Name: shortType(e.Type), At: e.Lane}, Order: id, After: e.Time.Sub(flow.Entries[0].Time),
			})
		}
	}
	data.Rows = beside(sides[0], sides[1])
	for _, r := range data.Rows {
		if r.Both() {
			data.Same++
		}
	}
	data.Style, data.Private = workStyle, true
	v.Render("compare", http.StatusOK, data)
}

// beside puts what is the same in both in one row, as much as there is (the longest
// common subsequence), and the rest into rows of its own.
func beside(a, b []comparedEntry) (rows []comparedRow) {
	same := func(i, j int) bool { return a[i].Name == b[j].Name && a[i].Refused == b[j].Refused }
	longest := make([][]int, len(a)+1)
	for i := range longest {
		longest[i] = make([]int, len(b)+1)
	}
	for i := range slices.Backward(a) {
		for j := range slices.Backward(b) {
			longest[i][j] = max(longest[i+1][j], longest[i][j+1])
			if same(i, j) {
				longest[i][j] = longest[i+1][j+1] + 1
			}
		}
	}
	i, j, parted := 0, 0, false
	add := func(r comparedRow) {
		if !r.Both() && !parted {
			r.Parts, parted = true, true
		}
		rows = append(rows, r)
	}
	for i < len(a) || j < len(b) {
		switch {
		case i < len(a) && j < len(b) && same(i, j):
			add(comparedRow{Left: &a[i], Right: &b[j]})
			i++
			j++
		case j == len(b) || i < len(a) && longest[i+1][j] >= longest[i][j+1]:
			add(comparedRow{Left: &a[i]})
			i++
		default:
			add(comparedRow{Right: &b[j]})
			j++
		}
	}
	return rows
}
