package e2e

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/plenary/plenary/tests/harness"
	"github.com/plenary/plenary/tools/servers"
	"github.com/plenary/plenary/tools/servers/ready"
)

// readers are the apps that an order's messages are delivered to.
var readers = []string{"order", "seats", "registration-process", "payments", "query"}

// A sidecar that cannot deliver repeats, and it may end while it does: then the
// broker must have what it could not deliver. This is where it shows whether a
// component acknowledges what failed.
func TestNothingIsLostWhenSidecarsEndWhileDeliveriesFail(t *testing.T) {
	s := own(t, hurried("40s"))
	ends := map[string]func(sidecar string){"killed": s.Kill, "stopped": s.Stop}
	survive(t, s, func() {
		for _, app := range readers {
			for _, how := range []string{"killed", "stopped"} {
				t.Logf("%s is away, and its sidecar is %s while it tries", app, how)
				from := logSize(t, s, harness.Sidecar(app))
				s.Kill(app)
				harness.Eventually(t, within, func(context.Context) error { return retries(s, harness.Sidecar(app), from) })
				ends[how](harness.Sidecar(app))
				// Each is ready only when the other is there.
				g, ctx := errgroup.WithContext(t.Context())
				g.Go(func() error { return s.Restart(ctx, app) })
				g.Go(func() error { return s.Restart(ctx, harness.Sidecar(app)) })
				if err := g.Wait(); err != nil {
					t.Fatal(err)
				}
			}
		}
	})
}

// An app that answers RETRY since its store fails is another case than one that
// is away: the sidecar has an answer, and repeats what it says.
func TestNothingIsLostWhenSidecarsEndWhileTheStoreFails(t *testing.T) {
	harness.NeedsParts(t)
	redis := slices.Contains(system.Servers, servers.Redis)
	if !redis && !slices.Contains(system.Servers, servers.PostgreSQL) {
		t.Skip("the stores of this set are files, which do not fail")
	}
	s := own(t, hurried("40s"))
	fails := redisRefusesState(s)
	if !redis {
		fails = func(t *testing.T) func() {
			s.Stop(servers.PostgreSQL)
			return func() {
				if err := s.Restart(t.Context(), servers.PostgreSQL); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	// The order app hears of every order first; the others wait for it.
	sidecar := harness.Sidecar("order")
	survive(t, s, func() {
		for how, end := range map[string]func(string){"killed": s.Kill, "stopped": s.Stop} {
			t.Logf("the store fails, and the sidecar of order is %s while it tries", how)
			mended := failsUnderWay(t, s, sidecar, fails)
			end(sidecar)
			mended()
			if err := s.Restart(t.Context(), sidecar); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// failsUnderWay has the store fail while an order is under way, so that the sidecar repeats
// a delivery: on a fast machine nothing may be under way just then.
func failsUnderWay(t *testing.T, s *harness.System, sidecar string, fails func(*testing.T) (mended func())) (mended func()) {
	t.Helper()
	const met, some = 10 * time.Second, 20
	harness.Eventually(t, within, func(ctx context.Context) error {
		before, err := s.Work(ctx)
		if err != nil {
			return err
		}
		if err := ready.Until(ctx, func(ctx context.Context) error {
			now, err := s.Work(ctx)
			if err == nil && now.DeliverCalls < before.DeliverCalls+some {
				err = errors.New("no orders are under way")
			}
			return err
		}); err != nil {
			return err
		}
		from := logSize(t, s, sidecar)
		mended = fails(t)
		ctx, cancel := context.WithTimeout(ctx, met)
		defer cancel()
		if err := ready.Until(ctx, func(context.Context) error { return retries(s, sidecar, from) }); err != nil {
			mended()
			return err
		}
		return nil
	})
	return mended
}

// An app that hangs keeps its connections and answers nothing. It does so for longer
// than any set waits for an answer before it gives the same messages out again, and
// its sidecar must go on with it as if nothing had been.
func TestNothingIsLostWhenAppsHang(t *testing.T) {
	const hang = 18 * time.Second // Redis waits longest: 15 s
	s := own(t, hurried("60s"))
	survive(t, s, func() {
		for _, app := range readers {
			if err := s.Pause(app); err != nil {
				t.Error(err)
			}
		}
		<-time.After(hang) // what happens meanwhile is that nothing does
		for _, app := range readers {
			if err := s.Resume(app); err != nil {
				t.Error(err)
			}
		}
	})
}

// redisRefusesState has Redis refuse scripts, by which Dapr writes state with an
// ETag, and nothing else: the same server is the broker.
func redisRefusesState(s *harness.System) func(t *testing.T) (mended func()) {
	may := func(t *testing.T, rule string) {
		t.Helper()
		conn, err := net.Dial("tcp", s.Set.Secrets["redis-host"])
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if _, err := fmt.Fprintf(conn, "ACL SETUSER default %seval %[1]sevalsha\r\n", rule); err != nil {
			t.Fatal(err)
		}
		if answer, err := bufio.NewReader(conn).ReadString('\n'); err != nil || answer != "+OK\r\n" {
			t.Fatalf("Redis answered %q, %v", answer, err)
		}
	}
	return func(t *testing.T) func() {
		t.Helper()
		may(t, "-")
		return func() { may(t, "+") }
	}
}

// retries gives an error unless a sidecar has repeated a delivery since its log
// was of a size.
func retries(s *harness.System, sidecar string, from int64) error {
	log, err := os.ReadFile(logOf(s, sidecar))
	if err != nil {
		return err
	}
	if !bytes.Contains(log[from:], []byte("Retrying in")) {
		return fmt.Errorf("%s has not repeated a delivery", sidecar)
	}
	return nil
}

func logOf(s *harness.System, part string) string { return filepath.Join(s.Dir, "logs", part+".log") }

func logSize(t *testing.T, s *harness.System, part string) int64 {
	t.Helper()
	info, err := os.Stat(logOf(s, part))
	if errors.Is(err, os.ErrNotExist) {
		return 0
	}
	if err != nil {
		t.Fatal(err)
	}
	return info.Size()
}
