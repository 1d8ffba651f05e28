package bustest

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/plenary/plenary/engine/bus"
)

func (s *suite) early(t *testing.T) {
	const n = 20
	run, r := newRun(), s.Commands[3]
	in := s.open(run, r, nil)
	s.publish(t, messages(run, r, 0, n))
	s.replica(t, r, Options{})
	eventually(t, func() error { return in.complete(n) })
}

func (s *suite) delivered(t *testing.T) {
	const n = 500
	run := newRun()
	var all []*inbox
	for _, r := range s.Events {
		s.reader(t, r)
		all = append(all, s.open(run, r, nil))
	}
	s.publish(t, messages(run, s.Events[0], 0, n))
	for _, in := range all {
		eventually(t, func() error { return in.complete(n) })
	}
}

// Every third message fails twice; the others must not suffer.
func (s *suite) again(t *testing.T) {
	const n, failures = 90, 2
	run, r := newRun(), s.Commands[0]
	s.reader(t, r)
	in := s.open(run, r, retryIf(func(in *inbox, n int) bool { return n%3 == 0 && in.times(n) <= failures }))
	s.publish(t, messages(run, r, 0, n))
	eventually(t, func() error {
		for i := range n {
			want := 1
			if i%3 == 0 {
				want += failures
			}
			if got := in.times(i); got < want {
				return fmt.Errorf("message %d came %d times, not %d", i, got, want)
			}
		}
		return nil
	})
}

func (s *suite) sameID(t *testing.T) {
	run, r := newRun(), s.Commands[0]
	s.reader(t, r)
	in := s.open(run, r, retryIf(func(in *inbox, n int) bool { return in.times(n) < 3 }))
	s.publish(t, messages(run, r, 0, 1))
	eventually(t, func() error {
		if in.times(0) < 3 {
			return errors.New("it has not come again")
		}
		return nil
	})
	first := in.all()[0]
	for _, d := range in.all() {
		if d.id != id(run, 0) || d.data != first.data {
			t.Errorf("came as %s %s, was published as %s and came first as %s", d.id, d.data, id(run, 0), first.data)
		}
	}
}

func (s *suite) large(t *testing.T) {
	run, r := newRun(), s.Commands[0]
	s.reader(t, r)
	in := s.open(run, r, nil)
	m := messages(run, r, 0, 1)
	padding := strings.Repeat("0123456789", 90_000)
	m[0].Body = numbered{Run: run, Padding: padding}
	s.publish(t, m)
	eventually(t, func() error { return in.complete(1) })
	if got := in.all()[0].Padding; got != padding {
		t.Errorf("%d of %d bytes came", len(got), len(padding))
	}
}

// While the first batch is not answered, the others wait for it.
func (s *suite) batches(t *testing.T) {
	const n, want = 2000, 20
	run, r := newRun(), s.Commands[0]
	s.reader(t, r)
	published, release := newGate(t)
	in := s.open(run, r, always(bus.Success, published))
	s.publish(t, messages(run, r, 0, n))
	release()
	eventually(t, func() error { return in.complete(n) })
	sizes := in.batches()
	average := n / len(sizes)
	t.Attr("figure", fmt.Sprintf("%d on average, %d at most", average, slices.Max(sizes)))
	if average < want {
		t.Errorf("%d messages on average: %v", average, sizes)
	}
}

// maxBatch is what the subscriptions say.
const maxBatch = 200

// One app does not answer while another one, which reads the same topic,
// receives everything: by then the first could have been flooded as well.
func (s *suite) inFlight(t *testing.T) {
	const n = 2000
	run := newRun()
	for _, r := range s.Events {
		s.reader(t, r)
	}
	gate, release := newGate(t)
	slow := s.open(run, s.Events[0], always(bus.Success, gate))
	quick := s.open(run, s.Events[1], nil)
	s.publish(t, messages(run, s.Events[0], 0, n))
	eventually(t, func() error { return quick.complete(n) })
	if got := len(slow.all()); got > maxBatch {
		t.Errorf("%d messages were given to an app that had answered none", got)
	}
	release()
	eventually(t, func() error { return slow.complete(n) })
	for _, in := range []*inbox{slow, quick} {
		if most := in.concurrent(); most > 1 {
			t.Errorf("%d batches were under way at once", most)
		}
		if largest := slices.Max(in.batches()); largest > maxBatch {
			t.Errorf("a batch of %d", largest)
		}
	}
}

// What is seen once is no promise, so this never fails.
func (s *suite) order(t *testing.T) {
	const n = 500
	r := s.Commands[0]
	s.reader(t, r)
	seen := func(publish func(run string)) string {
		run := newRun()
		in := s.open(run, r, nil)
		publish(run)
		eventually(t, func() error { return in.complete(n) })
		all, late, lateInKey := in.all(), 0, 0
		newest, newestOf := -1, map[int]int{}
		for _, d := range all {
			if d.N < newest {
				late++
			}
			newest = max(newest, d.N)
			if d.N < newestOf[d.N%keys] {
				lateInKey++
			}
			newestOf[d.N%keys] = max(newestOf[d.N%keys], d.N)
		}
		switch {
		case late == 0:
			return "kept"
		case lateInKey == 0:
			return "kept within a key"
		default:
			return "not kept"
		}
	}
	single := seen(func(run string) {
		for i := range n {
			s.publish(t, messages(run, r, i, i+1))
		}
	})
	bulk := seen(func(run string) { s.publish(t, messages(run, r, 0, n)) })
	t.Attr("figure", fmt.Sprintf("one by one: %s; in bulk: %s", single, bulk))
}

// Publishers as many as there are apps that mostly publish; messages of the size
// that most have here.
func (s *suite) throughput(t *testing.T) {
	const n, publishers, atOnce = 3000, 4, 50
	run, r := newRun(), s.Commands[0]
	s.reader(t, r)
	in := s.open(run, r, nil)
	msgs := messages(run, r, 0, n)
	for i := range msgs {
		msgs[i].Body = numbered{Run: run, N: i, Padding: strings.Repeat("x", 300)}
	}
	began := time.Now()
	s.publishSideBySide(t, msgs, publishers, atOnce)
	eventually(t, func() error { return in.complete(n) })
	t.Attr("rate", fmt.Sprintf("%.0f messages/s", n/time.Since(began).Seconds()))
}

// A share of less than a fifth for one of two would be none worth having. What is
// under way while the shares are dealt anew may come to both, but not most of all.
func (s *suite) replicas(t *testing.T) {
	const n, atOnce = 1000, 20
	run, r := newRun(), s.Commands[0]
	s.reader(t, r)
	s.replica(t, r, Options{Second: true})
	// Until both have had something, in a run of its own.
	dealt := s.open(run, r, nil)
	published := 0
	eventually(t, func() error {
		s.publish(t, messages(run, r, published, published+atOnce))
		published += atOnce
		if shares := shareOf(dealt.all()); shares[0] == 0 || shares[1] == 0 {
			return fmt.Errorf("the replicas have had %v", shares)
		}
		return nil
	})
	run = newRun()
	in := s.open(run, r, nil)
	for from := 0; from < n; from += atOnce {
		s.publish(t, messages(run, r, from, from+atOnce))
		// Else one takes all of them while the machine lets the other wait.
		eventually(t, func() error { return in.complete(from + atOnce) })
	}
	shares := shareOf(in.all())
	t.Attr("figure", fmt.Sprintf("%d %% of them", 100*min(shares[0], shares[1])/(shares[0]+shares[1])))
	if min(shares[0], shares[1]) < n/5 || shares[0]+shares[1] > n+n/2 {
		t.Errorf("of %d messages the replicas were given %v", n, shares)
	}
}

func shareOf(all []delivery) (shares [2]int) {
	for _, d := range all {
		shares[d.replica]++
	}
	return shares
}

func (s *suite) givenUp(t *testing.T) {
	const n, repeats = 3, 2
	run, r := newRun(), s.Commands[3]
	s.reader(t, s.DeadLetters)
	letters := s.open(run, s.DeadLetters, nil)
	in := s.open(run, r, retryIf(func(_ *inbox, i int) bool { return i < n }))
	s.replica(t, r, Options{Repeats: repeats})
	s.publish(t, messages(run, r, 0, n)) // by themselves: they may be one message
	s.publish(t, messages(run, r, n, 2*n))
	eventually(t, func() error { return letters.complete(n) })
	eventually(t, func() error { return in.complete(2 * n) })
	for i := range n {
		if got := in.times(i); got <= repeats {
			t.Errorf("message %d was given up after %d deliveries, not %d", i, got, 1+repeats)
		}
		if got := letters.times(n + i); got > 0 {
			t.Errorf("message %d was handled and is a dead letter", n+i)
		}
	}
}

func (s *suite) away(t *testing.T, r Reader) {
	const n = 100
	run := newRun()
	in := s.open(run, r, nil)
	sidecar := s.reader(t, r)
	sidecar.Stop()
	s.publish(t, messages(run, r, 0, n))
	s.start(t, sidecar)
	eventually(t, func() error { return in.complete(n) })
}

func (s *suite) held(t *testing.T, r Reader) {
	const n = 300
	run := newRun()
	sidecar := s.reader(t, r)
	gate, release := newGate(t) // opened when nobody hears the answer any more
	in := s.open(run, r, always(bus.Retry, gate))
	s.publish(t, messages(run, r, 0, n))
	eventually(t, func() error {
		if len(in.all()) == 0 {
			return errors.New("nothing has come")
		}
		return nil
	})
	sidecar.Kill()
	release()
	in = s.open(run, r, nil)
	s.start(t, sidecar)
	eventually(t, func() error { return in.complete(n) })
}

func (s *suite) retrying(t *testing.T, r Reader) { s.repeating(t, r, Part.Kill) }

func (s *suite) stopped(t *testing.T, r Reader) { s.repeating(t, r, Part.Stop) }

// Half of the messages are handled at once, the other half fails until after the
// sidecar has ended; that half must come again.
func (s *suite) repeating(t *testing.T, r Reader, end func(Part)) {
	const n = 300
	failing := func(i int) bool { return i%2 == 1 }
	run := newRun()
	sidecar := s.reader(t, r)
	in := s.open(run, r, retryIf(func(_ *inbox, i int) bool { return failing(i) }))
	s.publish(t, messages(run, r, 0, n))
	eventually(t, func() error {
		for i := range n {
			if in.times(i) > 2 {
				return nil
			}
		}
		return errors.New("nothing is repeated")
	})
	end(sidecar)
	in = s.open(run, r, nil)
	s.start(t, sidecar)
	eventually(t, func() error { return in.completeIf(n, failing) })
}

// The broker goes while messages are published and read, and comes back.
func (s *suite) broken(t *testing.T, end func()) {
	const n, publishers, atOnce = 4000, 4, 10
	run, r := newRun(), s.Commands[0]
	s.reader(t, r)
	in := s.open(run, r, nil)
	var all sync.WaitGroup
	all.Go(func() { s.publishSideBySide(t, messages(run, r, 0, n), publishers, atOnce) })
	eventually(t, func() error {
		if len(in.all()) < n/10 {
			return errors.New("too little has come")
		}
		return nil
	})
	end()
	s.start(t, s.Broker)
	all.Wait()
	// The subscriptions of Dapr's RabbitMQ component disturb each other while they come
	// back, some of them for minutes where the machine is busy: the set's page says how.
	const comesBack = 5 * time.Minute
	eventuallyWithin(t, comesBack, func() error { return in.complete(n) })
}
