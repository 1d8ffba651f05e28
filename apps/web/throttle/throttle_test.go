package throttle_test

import (
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/plenary/plenary/apps/web/throttle"
)

func clientAt(addr string) netip.Prefix { return throttle.Client(netip.MustParseAddr(addr)) }

// allowed says whether the client at addr may try; if so, it tries and fails.
func allowed(t *throttle.Throttle[netip.Prefix], addr string) bool {
	ok, _ := t.Allow(clientAt(addr))
	if ok {
		t.Failed(clientAt(addr))
	}
	return ok
}

func TestWhatSucceedsCostsNothing(t *testing.T) {
	th := throttle.New[netip.Prefix](1, time.Hour, 100)
	for range 100 {
		if ok, _ := th.Allow(clientAt("192.0.2.1")); !ok {
			t.Fatal("turned away after successes only")
		}
	}
}

func TestFailuresAtTheSameTimeAreOwed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		th, addr := throttle.New[netip.Prefix](2, time.Second, 100), clientAt("192.0.2.1")
		retryAfter := func() time.Duration {
			_, after := th.Allow(addr)
			return after
		}
		for range 5 { // all of them were allowed before the first had failed
			th.Failed(addr)
		}
		if got := retryAfter(); got != 4*time.Second {
			t.Errorf("after five failures, two of them free, the next try is in %v", got)
		}
		for range 1000 {
			th.Failed(addr)
		}
		if got := retryAfter(); got != 21*time.Second {
			t.Errorf("after very many failures the next try is in %v", got)
		}
	})
}

func TestABurstAndThenOneAfterAnother(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		th := throttle.New[netip.Prefix](3, 10*time.Second, 100)
		for i := range 3 {
			if !allowed(th, "192.0.2.1") {
				t.Fatalf("request %d of the burst was turned away", i+1)
			}
		}
		ok, retryAfter := th.Allow(clientAt("192.0.2.1"))
		if ok || retryAfter != 10*time.Second {
			t.Fatalf("allowed %v, retry after %v", ok, retryAfter)
		}
		<-time.After(retryAfter)
		if !allowed(th, "192.0.2.1") || allowed(th, "192.0.2.1") {
			t.Fatal("after the wait exactly one more is allowed")
		}
		<-time.After(time.Hour)
		for i := range 4 {
			if got, want := allowed(th, "192.0.2.1"), i < 3; got != want {
				t.Fatalf("after an idle hour, request %d: allowed %v", i+1, got)
			}
		}
	})
}

func TestWhoCountsAsOneClient(t *testing.T) {
	for _, c := range []struct {
		name, first, second string
		same                bool
	}{
		{"the same IPv4 address", "192.0.2.1", "192.0.2.1", true},
		{"neighbours in IPv4", "192.0.2.1", "192.0.2.2", false},
		{"IPv4 written as IPv6", "192.0.2.1", "::ffff:192.0.2.1", true},
		{"one household in IPv6", "2001:db8::1", "2001:db8::ffff:1", true},
		{"two households in IPv6", "2001:db8::1", "2001:db8:0:1::1", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			th := throttle.New[netip.Prefix](1, time.Hour, 100)
			allowed(th, c.first)
			if got := !allowed(th, c.second); got != c.same {
				t.Fatalf("counts as the same: %v, want %v", got, c.same)
			}
		})
	}
}

func TestNoAddressIsAClientToo(t *testing.T) {
	th := throttle.New[netip.Prefix](1, time.Hour, 100)
	th.Failed(throttle.Client(netip.Addr{}))
	if ok, _ := th.Allow(throttle.Client(netip.Addr{})); ok {
		t.Fatal("requests without an address are not limited")
	}
}

func TestTheIdlestClientIsForgottenFirst(t *testing.T) {
	th := throttle.New[netip.Prefix](1, time.Hour, 2)
	allowed(th, "192.0.2.1")
	allowed(th, "192.0.2.2")
	allowed(th, "192.0.2.1") // turned away, and yet seen
	allowed(th, "192.0.2.3") // one too many
	if allowed(th, "192.0.2.1") {
		t.Fatal("the busy client was forgotten")
	}
	if !allowed(th, "192.0.2.2") {
		t.Fatal("the idle client was kept")
	}
}

func TestWhatIsTakenCountsWhateverComesOfIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		th := throttle.New[string](2, 10*time.Second, 100)
		for i := range 2 {
			if ok, _ := th.Take("order"); !ok {
				t.Fatalf("try %d of the burst was turned away", i+1)
			}
		}
		if ok, after := th.Take("order"); ok || after != 10*time.Second {
			t.Errorf("a third try: %v, next in %v", ok, after)
		}
		if ok, _ := th.Take("another"); !ok {
			t.Error("another order is turned away as well")
		}
		<-time.After(10 * time.Second)
		if ok, _ := th.Take("order"); !ok {
			t.Error("turned away after its time")
		}
	})
}
