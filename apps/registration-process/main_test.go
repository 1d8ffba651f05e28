package main

import (
	"os"
	"testing"
	"time"

	"github.com/plenary/plenary/apps/registration-process/registration"
)

// The clocks of replicas differ, so the process asks to be woken a little after the
// time meant: otherwise many wake-ups would come too early.
func TestTheDefaultTimesHaveALeeway(t *testing.T) {
	for _, name := range []string{"PLENARY_HOLD", "PLENARY_GRACE", "PLENARY_LEEWAY"} {
		t.Setenv(name, "")
	}
	c, err := processConfig(os.Getenv)
	if want := (registration.Config{Hold: 15 * time.Minute, Grace: 5 * time.Minute, Leeway: time.Second}); err != nil || c != want {
		t.Errorf("got %+v, %v, want %+v", c, err, want)
	}
	t.Setenv("PLENARY_GRACE", "7m")
	if c, err := processConfig(os.Getenv); err != nil || c.Grace != 7*time.Minute {
		t.Errorf("got %+v, %v", c, err)
	}
}
