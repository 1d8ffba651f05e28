package gateway

import (
	"testing"
	"time"
)

func TestThePreferenceToWait(t *testing.T) {
	for _, c := range []struct {
		prefer string
		wait   time.Duration
		ok     bool
	}{
		{"wait=10", 10 * time.Second, true},
		{"Wait = 10", 10 * time.Second, true},
		{`wait="10"`, 10 * time.Second, true},
		{"respond-async, wait=10; x=y", 10 * time.Second, true},
		{"wait=30", MaxWait, true},
		{"wait=31", MaxWait, true},
		{"wait=2000000000", MaxWait, true},
		{"wait=0", 0, true},
		{"wait=10, wait=20", 10 * time.Second, true}, // the first counts, RFC 7240 section 2
		{"", 0, false},
		{"wait", 0, false},
		{"wait=", 0, false},
		{"wait=-1", 0, false},
		{"wait=1.5", 0, false},
		{"wait=99999999999999999999", 0, false},
		{"return=minimal", 0, false},
		{"await=10", 0, false},
	} {
		t.Run(c.prefer, func(t *testing.T) {
			if wait, ok := waitPreferred(c.prefer); wait != c.wait || ok != c.ok {
				t.Fatalf("%v, %v; want %v, %v", wait, ok, c.wait, c.ok)
			}
		})
	}
}
