// Package release says which releases of Dapr the engine runs with. It imports
// nothing of Dapr's, so that programs without a sidecar can ask as well.
package release

import (
	"fmt"
	"slices"
	"strings"
)

// patched are the oldest releases that the engine runs with. Before them, within
// their minor version, the access control of service invocation can be bypassed
// (CVE-2026-41491).
var patched = [][3]int{{1, 16, 14}, {1, 17, 5}}

// NewEnough names the releases that the engine runs with, for people.
const NewEnough = "Dapr 1.16.14, 1.17.5, 1.18 or newer"

// Parse reads a release of Dapr, if it is one.
func Parse(text string) (v [3]int, ok bool) {
	n, _ := fmt.Sscanf(strings.TrimPrefix(text, "v"), "%d.%d.%d", &v[0], &v[1], &v[2])
	return v, n == len(v)
}

// IsPatched says whether text is a release that the engine runs with. It is false
// for what is no release.
func IsPatched(text string) bool {
	v, ok := Parse(text)
	return ok && !IsOld(v)
}

// IsOld says whether a release is older than what the engine runs with.
func IsOld(v [3]int) bool {
	for _, p := range patched {
		if v[0] == p[0] && v[1] == p[1] {
			return v[2] < p[2]
		}
	}
	return slices.Compare(v[:], patched[0][:]) < 0
}
