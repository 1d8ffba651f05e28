package e2e

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"testing"
)

// The apps lose one in a hundred of the messages that they are given, commands and
// events, those that were sent again included. Every order ends right all the same,
// within three minutes after the last was placed, and the journal has every event.
func TestALostMessageDelaysAndDoesNoMore(t *testing.T) {
	env := hurried("40s")
	env["PLENARY_LOSE"] = "100"
	s := own(t, env)
	survive(t, s, func() {})
	lost, repeated := map[string]int{}, 0
	for _, app := range s.Apps {
		log, err := os.ReadFile(filepath.Join(s.Dir, "logs", app.ID+".log"))
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range lostMessage.FindAllSubmatch(log, -1) {
			lost[string(m[1])]++
		}
		repeated += bytes.Count(log, []byte(`"message sent again,`))
	}
	t.Logf("sent again: %d; lost: %v", repeated, lost)
	n := 0
	for _, of := range lost {
		n += of
	}
	if n < 20 || repeated < n/3 {
		t.Errorf("%d messages were lost and %d sent again: this shows too little", n, repeated)
	}
}

// lostMessage is a line of the log with the type of a message that was lost.
var lostMessage = regexp.MustCompile(`"a test: message lost","app":"[a-z-]+","type":"([A-Za-z]+)`)
