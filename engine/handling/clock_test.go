package handling_test

import (
	"strconv"
	"testing"
	"time"

	"github.com/plenary/plenary/engine/bus"
)

// sentBy is a message that an app sent at a time of its clock.
func sentBy(app string, at time.Time, id string) bus.Delivery {
	d := command(id, open{id, id})
	d.Message.Source, d.Message.Time = app, at
	return d
}

func TestAReplicaWhoseClockIsWrongTakesNoDecision(t *testing.T) {
	const day = 24 * time.Hour
	for name, tc := range map[string]struct {
		apps  []string
		ahead time.Duration // of this replica
		pause time.Duration // before each message
		want  bus.Status
	}{
		"right":                                  {[]string{"web", "process"}, 0, time.Minute, bus.Success},
		"as far off as clocks may be":            {[]string{"web", "process"}, time.Minute, time.Minute, bus.Success},
		"a day ahead":                            {[]string{"web", "process"}, day, time.Minute, bus.Retry},
		"two minutes ahead":                      {[]string{"web", "process"}, 2 * time.Minute, time.Minute, bus.Retry},
		"a day behind":                           {[]string{"web", "process"}, -day, time.Minute, bus.Retry},
		"behind, and messages come all the time": {[]string{"web", "process"}, -day, 0, bus.Retry},
		"ahead of one app alone: that one's is":  {[]string{"web"}, day, time.Minute, bus.Success},
		"behind one app alone":                   {[]string{"web"}, -day, time.Minute, bus.Success},
		"a backlog":                              {[]string{"web", "process"}, day, 0, bus.Success},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			e := w.engine()
			last := bus.Success
			for i := range 10 {
				w.now = w.now.Add(tc.pause)
				for _, app := range tc.apps {
					w.now = w.now.Add(tc.pause)
					last = e.HandleBatch(t.Context(), []bus.Delivery{sentBy(app, w.now.Add(-tc.ahead), app+strconv.Itoa(i))})[0]
				}
			}
			if last != tc.want {
				t.Errorf("answered %v", last)
			}
		})
	}
}

// After an outage what comes first is old; what comes then is not.
func TestWhatWaitedForABrokerIsDecided(t *testing.T) {
	w := newWorld(t)
	e := w.engine()
	sent := w.now
	w.handle(e, sentBy("web", w.now, "before"))
	w.now = w.now.Add(time.Hour)
	for i := range 100 {
		w.handle(e, sentBy("web", sent, "w"+strconv.Itoa(i)), sentBy("process", sent, "p"+strconv.Itoa(i)))
		w.now = w.now.Add(10 * time.Millisecond)
	}
	w.now = w.now.Add(time.Minute)
	w.handle(e, sentBy("web", w.now, "after"), sentBy("process", w.now, "after it"))
}
