// Package gatewaytest helps tests that are made from the API's description, so that a new
// operation is tried without being listed.
package gatewaytest

import (
	"strings"
	"testing"
)

// WithIDs puts ids into the path of an operation, each after the word before it.
func WithIDs(t testing.TB, path string, ids map[string]string) string {
	t.Helper()
	parts := strings.Split(path, "/")
	for i, part := range parts {
		if strings.HasPrefix(part, "{") {
			id, ok := ids[parts[i-1]]
			if !ok {
				t.Fatalf("%s: there is no id for %s", path, part)
			}
			parts[i] = id
		}
	}
	return strings.Join(parts, "/")
}
