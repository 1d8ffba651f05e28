package e2e

import (
	"fmt"
	"testing"

	"github.com/plenary/plenary/tests/harness"
	"github.com/plenary/plenary/tests/load/pace"
)

// How fast is not asked here: the rate is for comparing component sets.
func TestAConferenceIsSoldOutByManyAtOnce(t *testing.T) {
	harness.NeedsTrust(t)
	system.Watch(t)
	r, err := pace.Measure(t.Context(), system.Organiser(), system.API(), pace.Options{Orders: 600, Clients: 100})
	if err != nil {
		t.Fatal(err)
	}
	t.Attr("rate", fmt.Sprintf("%.0f orders/s", r.Rate()))
}
