package repeat

import (
	"strconv"
	"testing"
)

func TestIDsAddedLastAreRemembered(t *testing.T) {
	const most, added = 100, 1050
	s := newIDs(most)
	for i := range added {
		s.Add(strconv.Itoa(i))
	}
	for i := range added {
		id := strconv.Itoa(i)
		if has := s.Has(id); !has && i >= added-most || has && i < added-2*most {
			t.Errorf("%d of %d: remembered is %v", i, added, has)
		}
	}
	if s.Has("never added") {
		t.Error("an id that was never added is remembered")
	}
	if n := len(s.newer) + len(s.older); n > 2*most {
		t.Errorf("%d are kept", n)
	}
}
