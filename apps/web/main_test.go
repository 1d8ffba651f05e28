package main

import (
	"strings"
	"testing"
)

func TestLimitsComeFromTheSettings(t *testing.T) {
	from := func(name, value string) func(string) string {
		return func(asked string) string {
			if asked == name {
				return value
			}
			return ""
		}
	}
	l, err := limitsFrom(from("", ""))
	if err != nil || l.HoldsPerAddress != 500 || l.HoldsPerEmail != 20 || l.WritesPerAddress != 50 || l.SeatsPerEmail != 0 || l.Halls != nil {
		t.Errorf("by default: %+v, %v", l, err)
	}
	if l, err := limitsFrom(from("PLENARY_MAX_SEATS_PER_EMAIL", "4")); err != nil || l.SeatsPerEmail != 4 {
		t.Errorf("%+v, %v", l, err)
	}
	if l, err := limitsFrom(from("PLENARY_HALLS", "192.0.2.0/24=10, 2001:db8::/32=5")); err != nil || len(l.Halls) != 2 {
		t.Errorf("%+v, %v", l, err)
	}
	for name, value := range map[string]string{
		"PLENARY_MAX_SEATS_PER_EMAIL": "-1", "PLENARY_MAX_WRITES_PER_ADDRESS": "many", "PLENARY_HALLS": "192.0.2.0/24", "PLENARY_HOLD": "15", "PLENARY_GRACE": "0s",
	} {
		if l, err := limitsFrom(from(name, value)); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s=%s: %+v, %v", name, value, l, err)
		}
	}
}
