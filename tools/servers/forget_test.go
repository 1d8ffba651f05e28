package servers_test

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/plenary/plenary/engine/leftout"
	"github.com/plenary/plenary/tools/servers"
	"github.com/plenary/plenary/topology"
)

// cli calls a Redis as its operator does.
type cli struct {
	t    *testing.T
	port int
}

func (c cli) do(args ...string) string {
	c.t.Helper()
	command := exec.CommandContext(c.t.Context(), "redis-cli", append([]string{"-p", strconv.Itoa(c.port)}, args...)...)
	command.Env = append(os.Environ(), "REDISCLI_AUTH=word")
	out, err := command.CombinedOutput()
	if err != nil || strings.HasPrefix(string(out), "ERR") {
		c.t.Fatalf("%v: %v: %s", args, err, out)
	}
	return strings.TrimSpace(string(out))
}

// forget runs the script, and gives how many messages it forgot.
func (c cli) forget() string {
	c.t.Helper()
	script, err := os.ReadFile("../../components/redis/forget.lua")
	if err != nil {
		c.t.Fatal(err)
	}
	return c.do("EVAL", string(script), "0")
}

// newRedis starts a Redis for a test.
func newRedis(t *testing.T) cli {
	t.Helper()
	u, err := url.Parse("redis://:word@")
	if err != nil {
		t.Fatal(err)
	}
	dir, ports := t.TempDir(), freePorts(t, servers.PortsOf(servers.Redis))
	s, err := servers.New(servers.Redis, servers.Options{Ports: ports, Dir: filepath.Join(dir, "data"), Logs: dir, Connections: []*url.URL{u}})
	if errors.Is(err, servers.ErrNotInstalled) {
		leftout.Skip(t, "what Redis forgets", servers.Install(servers.Redis))
	}
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	run, err := s.Start(ctx)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(run.Kill)
	return cli{t, ports[0]}
}

// The readers are those of topology.yaml, of every set.
func TestRedisForgetsWhatAllReadersHaveAcknowledged(t *testing.T) {
	redis := newRedis(t)
	if got := redis.forget(); got != "0" {
		t.Errorf("of nothing, %s messages are forgotten", got)
	}

	const n = 20
	id := func(i int) string { return fmt.Sprintf("1-%d", i) }
	left := func(topic, want string) {
		t.Helper()
		if got := redis.do("XLEN", topic); got != want {
			t.Errorf("%s holds %s messages, want %s", topic, got, want)
		}
	}
	readers := map[string][]string{}
	for _, r := range topology.Plenary().Readers() {
		readers[r.Topic] = append(readers[r.Topic], r.Consumer())
	}
	for topic, groups := range readers {
		for i := 1; i <= n; i++ {
			redis.do("XADD", topic, id(i), "data", "message")
		}
		for _, group := range groups {
			redis.forget()
			left(topic, strconv.Itoa(n)) // it has not come yet
			redis.do("XGROUP", "CREATE", topic, group, "0")
			redis.forget()
			left(topic, strconv.Itoa(n)) // it has read nothing
			redis.do("XREADGROUP", "GROUP", group, group, "COUNT", strconv.Itoa(n), "STREAMS", topic, ">")
			redis.forget()
			left(topic, strconv.Itoa(n)) // it has acknowledged nothing
		}
		for i, group := range groups { // all but the tenth, and the first group the tenth too
			for m := 1; m <= n; m++ {
				if m != n/2 || i == 0 {
					redis.do("XACK", topic, group, id(m))
				}
			}
		}
		if len(groups) == 1 {
			redis.do("XADD", topic, id(n+1), "data", "message") // and one that it has not read
		}
		redis.forget()
	}
	for topic, groups := range readers {
		if len(groups) == 1 {
			left(topic, "2") // the last that was read, and the one after it
			continue
		}
		left(topic, strconv.Itoa(n/2+1))
		redis.do("XACK", topic, groups[len(groups)-1], id(n/2))
		if got := redis.forget(); got != strconv.Itoa(n/2) {
			t.Errorf("%s of %s are forgotten", got, topic)
		}
		left(topic, "1")
	}
}

// A Redis that is full refuses messages, and so does not look which are too old.
func TestARedisThatIsFullForgetsAllTheSame(t *testing.T) {
	redis := newRedis(t)
	redis.do("XGROUP", "CREATE", "orders-from-web", "order-commandbus", "0", "MKSTREAM")
	message := strings.Repeat("x", 100_000)
	for range 30 {
		redis.do("XADD", "orders-from-web", "*", "data", message)
	}
	redis.do("XREADGROUP", "GROUP", "order-commandbus", "order", "NOACK", "STREAMS", "orders-from-web", ">")
	redis.do("CONFIG", "SET", "maxmemory", "2mb")
	if got := redis.do("XADD", "orders-from-web", "*", "data", message); !strings.HasPrefix(got, "OOM") {
		t.Fatalf("it is not full: %s", got)
	}
	if got := redis.forget(); got != "29" {
		t.Errorf("got %s", got)
	}
	if got := redis.do("XADD", "orders-from-web", "*", "data", message); !strings.Contains(got, "-") || strings.HasPrefix(got, "OOM") {
		t.Errorf("got %s", got)
	}
}
