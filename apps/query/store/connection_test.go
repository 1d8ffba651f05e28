package store

import (
	"context"
	"strings"
	"testing"

	"github.com/plenary/plenary/apps/query/live"
)

func TestConnectionStringsThatNameNoDatabase(t *testing.T) {
	for _, tc := range []struct{ name, connection, want string }{
		{"nothing", "", "names no file"},
		{"another kind of database", "mysql://user:word@host/db", "no driver for mysql"},
		{"parameters that are none", "file:query.db?%zz", "parameters cannot be read"},
		{"a port that is none", "postgres://user:word@host:x/db", "cannot parse"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := Open(context.Background(), tc.connection, registry, live.NewHub())
			if err == nil || !strings.Contains(err.Error(), tc.want) || strings.Contains(err.Error(), "word") {
				t.Errorf("got %v, want %q and no password", err, tc.want)
			}
		})
	}
}
