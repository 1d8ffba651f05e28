package throttle_test

import (
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/plenary/plenary/apps/web/throttle"
)

func TestAnAddressOfAHallMayDoMore(t *testing.T) {
	halls, err := throttle.HallsOf([]string{"192.0.2.0/24=10", "192.0.2.7=3", "198.51.100.0/24=1", "2001:db8::/32=5"})
	if err != nil {
		t.Fatal(err)
	}
	for addr, want := range map[string]int{
		"192.0.2.1": 10, "192.0.2.7": 3, "::ffff:192.0.2.1": 10, "192.0.3.1": 1, "198.51.100.1": 1,
		"2001:db8:1:2::3": 5, "2001:db9::1": 1,
	} {
		if got := halls.Times(clientAt(addr)); got != want {
			t.Errorf("%s: %d times as much, want %d", addr, got, want)
		}
	}
	if got := throttle.Halls(nil).Times(throttle.Client(netip.Addr{})); got != 1 {
		t.Errorf("without halls: %d", got)
	}
}

func TestAHallThatCannotBeReadIsRefused(t *testing.T) {
	for _, text := range []string{
		"", "192.0.2.0/24", "192.0.2.0/24=", "192.0.2.0/24=0", "192.0.2.0/24=-1", "192.0.2.0/24=1001", "192.0.2.0/24=many", "192.0.2.0/33=2",
		"hall=2", "192.0.2.0/24=2=3", "2001:db8::1=2", "2001:db8::/65=2",
	} {
		if halls, err := throttle.HallsOf([]string{text}); err == nil {
			t.Errorf("%q is %v", text, halls)
		}
	}
}

// What a client may do can change, and be another for each.
func TestARateMayChange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		burst, every := 2, 10*time.Second
		th := throttle.Changing(func(who string) (int, time.Duration) {
			if who == "hall" {
				return 3 * burst, every / 3
			}
			return burst, every
		}, 100)
		take := func(who string, want int) {
			t.Helper()
			got := 0
			for ok := true; ok; {
				if ok, _ = th.Take(who); ok {
					got++
				}
			}
			if got != want {
				t.Errorf("%s took %d, want %d", who, got, want)
			}
		}
		take("ann", 2)
		take("hall", 6)
		<-time.After(10 * time.Second)
		take("ann", 1)
		take("hall", 3)
		burst, every = 10, 2*time.Second
		<-time.After(10 * time.Second)
		take("ann", 5)
		burst = 1
		<-time.After(time.Hour)
		take("ann", 1)
	})
}
