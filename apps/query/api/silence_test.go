package api_test

import (
	"context"
	"net"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/plenary/plenary/apps/query/store/databases"
	"github.com/plenary/plenary/apps/query/view"
	"github.com/plenary/plenary/contracts"
	"github.com/plenary/plenary/tools/servers/ready"
)

// network passes on what goes to a server and comes from it, until it falls
// silent: then the connections that there are stay open, and nothing comes
// through them any more, as when the server's machine has died. New ones work.
type network struct {
	net.Listener
	to string

	mu    sync.Mutex
	lines []*atomic.Bool // each: whether it is silent
}

func newNetwork(t *testing.T, to string) *network {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	n := &network{Listener: l, to: to}
	t.Cleanup(func() { _ = l.Close() })
	go n.serve()
	return n
}

func (n *network) serve() {
	for {
		client, err := n.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial("tcp", n.to)
		if err != nil {
			_ = client.Close()
			continue
		}
		silent := &atomic.Bool{}
		n.mu.Lock()
		n.lines = append(n.lines, silent)
		n.mu.Unlock()
		go pass(client, server, silent)
		go pass(server, client, silent)
	}
}

func pass(from, to net.Conn, silent *atomic.Bool) {
	defer func() { _ = to.Close() }()
	part := make([]byte, 64<<10)
	for {
		n, err := from.Read(part)
		if err != nil {
			return
		}
		if !silent.Load() {
			_, _ = to.Write(part[:n])
		}
	}
}

// fallSilent silences the connections that there are, and says how many.
func (n *network) fallSilent() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, silent := range n.lines {
		silent.Store(true)
	}
	return len(n.lines)
}

// More streams than connections are open when all connections go silent. Their
// readings end, and with new connections all goes on, theirs too.
func TestStreamsLetGoOfSilentConnections(t *testing.T) {
	databases.NeedPostgreSQL(t)
	const streams, within = 20, time.Minute
	direct := databases.PostgreSQL(t)
	where, err := url.Parse(direct)
	if err != nil {
		t.Fatal(err)
	}
	n := newNetwork(t, where.Host)
	where.Host = n.Addr().String()
	s, other := startOn(t, where.String(), patience), startOn(t, direct, patience)
	ctx, cancel := context.WithTimeout(context.Background(), within)
	defer cancel()

	var urls []string
	var viewers []viewer
	order := uuid.New()
	for range streams {
		order = uuid.New()
		s.place(order)
		path := "/orders/" + order.String()
		urls, viewers = append(urls, s.url+path), append(viewers, s.lookFor(within, path+"/events", ""))
	}
	for _, v := range viewers {
		v.order(view.OrderPlaced)
	}
	var load sync.WaitGroup // opens all connections of the pool
	for range streams {
		load.Go(func() {
			for _, url := range urls {
				_ = ready.Ask(ctx, url)
			}
		})
	}
	load.Wait()
	t.Logf("%d connections fall silent", n.fallSilent())
	s.hub.ChangedAll() // each stream reads, and none is answered
	if err := ready.HTTP(ctx, urls[0]); err != nil {
		t.Fatal(err)
	}
	other.happen("order/"+order.String(), 3, contracts.OrderReservationCompleted{OrderID: order, Version: 1})
	viewers[streams-1].order(view.OrderReserved)
}
