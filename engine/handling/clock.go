package handling

import (
	"sync"
	"time"

	"github.com/plenary/plenary/engine/bus"
	"github.com/plenary/plenary/engine/es"
)

// clock compares this replica's clock with those of the apps whose messages come,
// by the time that stands in a message and the time at which it comes.
//
// A message from the future says that one of the two clocks is wrong. One that is old
// says nothing: it may have waited. But one that comes after a pause, in which there was
// nothing to wait behind, and then another that is old by the same time, did not wait.
// With two other apps of the same opinion it is the clock here that is wrong.
type clock struct {
	mu    sync.Mutex
	apps  map[string]*opinion // by source
	quiet time.Time           // since when nothing is being handled
	seen  map[string]bool     // ids of the messages that came last: one that comes again is old
	order []string
}

// opinion is how far the clock here is ahead of an app's, as its messages say.
type opinion struct {
	ahead time.Duration // by more than es.Skew, either way; 0 if it is not
	// maybe is what one message that came after a pause said, and when; another has to
	// say the same.
	maybe time.Duration
	since time.Time
}

const (
	// pauseBefore is the time without messages after which one that comes did not wait
	// behind others.
	pauseBefore = time.Second
	// apart is the time between two such messages.
	apart = 10 * time.Second
	// remembered is how many messages are known again.
	remembered = 4096
)

// observe takes note of a batch that came at now, and says by how much the clock here
// is ahead of those of two other apps, or behind if it is negative; 0 if it is not, or
// if that is not known.
func (c *clock) observe(app string, batch []bus.Delivery, now time.Time) time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.apps == nil {
		c.apps, c.seen = map[string]*opinion{}, map[string]bool{}
	}
	// A clock that was set anew has another opinion of itself.
	if step := now.Round(0).Sub(c.quiet.Round(0)) - now.Sub(c.quiet); step.Abs() > es.Skew/2 {
		clear(c.apps)
	}
	rested := !c.quiet.IsZero() && now.Sub(c.quiet) >= pauseBefore
	for _, d := range batch {
		m := d.Message
		if m.Source == app || m.Source == "" || m.Time.IsZero() || m.OriginalID != "" || m.Repeated > 0 || isWakeUp(m) || c.knows(m.ID) {
			continue
		}
		o := c.apps[m.Source]
		if o == nil {
			o = &opinion{}
			c.apps[m.Source] = o
		}
		o.hear(now.Sub(m.Time), rested, now)
	}
	var wrong []time.Duration
	for _, o := range c.apps {
		if o.ahead == 0 {
			continue
		}
		for _, other := range wrong {
			if (o.ahead - other).Abs() <= es.Skew {
				return o.ahead
			}
		}
		wrong = append(wrong, o.ahead)
	}
	return 0
}

func (o *opinion) hear(old time.Duration, rested bool, now time.Time) {
	switch {
	case old < -es.Skew:
		o.ahead = old
	case old <= es.Skew:
		*o = opinion{}
	case !rested:
	case o.maybe == 0 || (o.maybe-old).Abs() > es.Skew:
		o.maybe, o.since = old, now
	case now.Sub(o.since) >= apart:
		o.ahead = old
	}
}

// knows says whether a message came before, and remembers it.
func (c *clock) knows(id string) bool {
	if c.seen[id] {
		return true
	}
	c.seen[id] = true
	if c.order = append(c.order, id); len(c.order) > remembered {
		delete(c.seen, c.order[0])
		c.order = c.order[1:]
	}
	return false
}

// handled says that a batch is done.
func (c *clock) handled(now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.quiet = now
}
