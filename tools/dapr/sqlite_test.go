package dapr

import (
	"context"
	"database/sql"
	"math/rand/v2"
	"path/filepath"
	"sync"
	"testing"
	"time"

	_ "modernc.org/sqlite"
)

// Sidecars find each other, and the local set keeps its state, in SQLite. Requests that
// their caller gives up must leave no lock behind: the version of the driver that Dapr
// 1.18 names drops the rows of such a request without closing them, and no sidecar can
// renew its registration from then on.
func TestALookUpThatIsGivenUpKeepsNoLock(t *testing.T) {
	file := "file:" + filepath.Join(t.TempDir(), "sidecars.db") + "?_pragma=busy_timeout(2000)&_pragma=journal_mode(DELETE)"
	readers, err := sql.Open("sqlite", file)
	if err != nil {
		t.Fatal(err)
	}
	defer readers.Close()
	if _, err := readers.Exec("CREATE TABLE hosts (id TEXT PRIMARY KEY, address TEXT, last_update INTEGER); INSERT INTO hosts VALUES ('order', '127.0.0.1:50002', 0)"); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 4000 {
				ctx, cancel := context.WithTimeout(t.Context(), time.Duration(rand.IntN(300))*time.Microsecond)
				var address string
				_ = readers.QueryRowContext(ctx, "SELECT address FROM hosts WHERE id = ?", "order").Scan(&address)
				cancel()
			}
		})
	}
	wg.Wait()
	writer, err := sql.Open("sqlite", file)
	if err != nil {
		t.Fatal(err)
	}
	defer writer.Close()
	if _, err := writer.Exec("UPDATE hosts SET last_update = 1"); err != nil {
		t.Fatal(err)
	}
}
