package store

import (
	"sync"

	"github.com/plenary/plenary/apps/query/live"
	"github.com/plenary/plenary/apps/query/projection"
	"github.com/plenary/plenary/apps/query/view"
	"github.com/plenary/plenary/engine/message"
)

// recent remembers what was last shown of streams, so that what became of a command can
// be told of the events that have just been shown, and need not be read.
type recent struct {
	mu sync.Mutex
	// The older ones are forgotten when there are enough newer ones.
	newer, older map[stream]last
}

// last is the last event that was shown of a stream, and what caused it.
type last struct {
	version uint64
	cause   string
}

// mostRecent is how many streams are remembered at least, once there are so many.
const mostRecent = 10_000

// outcomes are those of commands that the events tell, by the commands' keys. Events of
// one stream stand together, in its order, as Append shows them. Left out is what may
// have begun before these events; a decision that they do not end is unknown.
func (r *recent) outcomes(shown []message.Message) map[string]view.Outcome {
	r.mu.Lock()
	defer r.mu.Unlock()
	told := make(map[string]view.Outcome, len(shown))
	for len(shown) > 0 {
		first, n := shown[0], 1
		at := stream{first.Tenant, first.Stream}
		for n < len(shown) && shown[n].Cause.ID == first.Cause.ID && at == (stream{shown[n].Tenant, shown[n].Stream}) {
			n++
		}
		if first.Cause.ID != "" && r.begins(at, first) {
			told[live.CommandKey(first.Tenant, first.Cause.ID)] = projection.Outcome(first.Cause.ID, shown[:n])
		}
		r.remember(at, last{shown[n-1].StreamVersion, first.Cause.ID})
		shown = shown[n:]
	}
	return told
}

// begins says whether an event is known to be the first of its cause.
func (r *recent) begins(at stream, m message.Message) bool {
	if m.StreamVersion == 1 {
		return true
	}
	before, ok := r.newer[at]
	if !ok {
		before, ok = r.older[at]
	}
	return ok && before.version+1 == m.StreamVersion && before.cause != m.Cause.ID
}

func (r *recent) remember(at stream, l last) {
	if len(r.newer) >= mostRecent {
		r.newer, r.older = nil, r.newer
	}
	if r.newer == nil {
		r.newer = map[stream]last{}
	}
	r.newer[at] = l
}
