package servers_test

import (
	"context"
	"errors"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/plenary/plenary/engine/leftout"
	"github.com/plenary/plenary/tools/servers"
)

// Each server starts, is killed and starts again on what it left, and stops. One
// that is not installed is skipped; where CI is set, that is a failure.
func TestServersStartAndStopAndStartAgain(t *testing.T) {
	for name, connection := range map[string]string{
		servers.Redis:      "redis://:word@",
		servers.PostgreSQL: "postgres://plenary:word@/plenary",
		servers.RabbitMQ:   "amqp://plenary:word@",
		servers.MariaDB:    "mysql://plenary:word@/plenary",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			// Not t.TempDir, into which the user postgres cannot look.
			dir, err := os.MkdirTemp("", "plenary-server-")
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = os.RemoveAll(dir) })
			if err := os.Chmod(dir, 0o755); err != nil {
				t.Fatal(err)
			}
			u, err := url.Parse(connection)
			if err != nil {
				t.Fatal(err)
			}
			s, err := servers.New(name, servers.Options{
				Ports: freePorts(t, servers.PortsOf(name)), Dir: filepath.Join(dir, "data"), Logs: dir, Connections: []*url.URL{u},
			})
			if errors.Is(err, servers.ErrNotInstalled) {
				leftout.Skip(t, "how "+name+" is started", servers.Install(name))
			}
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute) // on a busy machine
			defer cancel()
			for _, end := range []func(*servers.Run){
				func(r *servers.Run) { r.Kill() },
				func(r *servers.Run) { r.Stop(time.Minute) },
				func(r *servers.Run) { r.Stop(time.Minute) },
			} {
				r, err := s.Start(ctx)
				if err != nil {
					t.Fatal(err)
				}
				end(r)
				if err := s.Ready(ctx); err == nil {
					t.Fatal("it still answers")
				}
			}
		})
	}
}

func TestAServerThatIsNotInstalledIsNamedWithItsPackage(t *testing.T) {
	t.Setenv("PATH", "")
	_, err := servers.New(servers.Redis, servers.Options{Ports: []int{6379}})
	for _, part := range []string{"redis-server", "apt-get install redis-server", "127.0.0.1:6379"} {
		if err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("got %v, want %s named", err, part)
		}
	}
}

func freePorts(t *testing.T, n int) (ports []int) {
	t.Helper()
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		ports = append(ports, l.Addr().(*net.TCPAddr).Port)
	}
	return ports
}
