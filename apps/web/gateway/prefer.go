package gateway

import (
	"strconv"
	"strings"
	"time"
)

// MaxWait is the longest that a request may be held until its outcome is known.
const MaxWait = 30 * time.Second

// waitPreferred reads the preference wait=N of a Prefer header (RFC 7240
// section 4.3): for how long an answer may be held, at most MaxWait. ok is
// false when there is no such preference or it makes no sense; preferences are
// wishes, so that is no error.
func waitPreferred(prefer string) (wait time.Duration, ok bool) {
	for preference := range strings.SplitSeq(prefer, ",") {
		preference, _, _ = strings.Cut(preference, ";") // parameters
		name, value, _ := strings.Cut(preference, "=")
		if !strings.EqualFold(strings.TrimSpace(name), "wait") {
			continue
		}
		seconds, err := strconv.ParseUint(strings.Trim(strings.TrimSpace(value), `"`), 10, 31)
		if err != nil {
			return 0, false
		}
		return min(time.Duration(seconds)*time.Second, MaxWait), true
	}
	return 0, false
}
