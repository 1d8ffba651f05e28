package main

import (
	"context"
	"fmt"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/plenary/plenary/tools/servers"
	"github.com/plenary/plenary/tools/servers/process"
)

// server is a server that the set needs.
type server struct {
	name    string
	address string
	ports   []int // that it will have; none if it is already running
	servers.Server
}

func (n server) String() string {
	if n.ports == nil {
		return n.address + ", already running"
	}
	return n.address + ", started for this run"
}

// servers finds the servers that the set needs. Those that do not answer at the
// address in the set's secrets have to be started.
func (s *system) servers(ctx context.Context) (needed []server, err error) {
	connections, err := s.set.Secrets.Connections()
	if err != nil {
		return nil, err
	}
	for _, name := range slices.Sorted(maps.Keys(connections)) {
		n := server{name: name, address: connections[name][0].Host}
		// The embedded broker must not be shared, so it is always started.
		if name == servers.Broker || servers.Answers(ctx, n.address) != nil {
			if err := s.describe(&n, connections[name]); err != nil {
				return nil, err
			}
		}
		needed = append(needed, n)
	}
	return needed, nil
}

// describe sets how a server is started.
func (s *system) describe(n *server, connections []*url.URL) error {
	here := connections[0]
	port, err := strconv.Atoi(here.Port())
	if err != nil || here.Hostname() != "127.0.0.1" && here.Hostname() != "localhost" {
		return fmt.Errorf("%s does not answer at %s", n.name, n.address)
	}
	for i := range servers.PortsOf(n.name) {
		n.ports = append(n.ports, port+i)
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	n.Server, err = servers.New(n.name, servers.Options{
		Ports: n.ports, Dir: s.data(n.name), Logs: s.logs(), Local: self, Connections: connections,
		Definitions: filepath.Join(s.root, s.set.Definitions()),
	})
	if err != nil {
		return fmt.Errorf("%w. See %s/README.md", err, s.set.Folder())
	}
	return nil
}

// startServers starts the servers that are not running already.
func (s *system) startServers(ctx context.Context) error {
	for _, n := range s.needed {
		if n.ports == nil {
			continue
		}
		fmt.Fprintf(s.out, "Starting %s.\n", n.name)
		if err := n.Prepare(ctx); err != nil {
			return fmt.Errorf("%s: %w", n.name, err)
		}
		p, err := process.Start(n.Spec)
		if err != nil {
			return err
		}
		s.started = append(s.started, p)
		if err := s.awaitReady(ctx, p, n.Ready); err != nil {
			return err
		}
	}
	return nil
}
