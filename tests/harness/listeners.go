package harness

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/plenary/plenary/tools/servers/process"
)

// Listener is a socket on which a part of the system takes connections or
// datagrams.
type Listener struct {
	Part, Network string
	Address       netip.AddrPort
}

func (l Listener) String() string { return fmt.Sprintf("%s on %s %s", l.Part, l.Network, l.Address) }

// Listeners are the sockets on which the running parts listen, with those of the
// processes that they have started. Linux alone tells them, in /proc.
func (s *System) Listeners(ctx context.Context) (all []Listener, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, name := range s.order {
		p := s.parts[name].running
		if p == nil || p.Exited() != nil {
			continue
		}
		members, err := process.Group(ctx, p.PID())
		if err != nil {
			return nil, err
		}
		for _, m := range members {
			listeners, err := listenersOf(m.PID)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", name, err)
			}
			for _, l := range listeners {
				l.Part = name
				all = append(all, l)
			}
		}
	}
	return all, nil
}

// The states in which a socket waits for others, as /proc says them: TCP's LISTEN;
// of UDP, a socket without a peer.
var waiting = map[string]string{"tcp": "0A", "tcp6": "0A", "udp": "07", "udp6": "07"}

// listenersOf are the sockets on which a process listens.
func listenersOf(pid int) (listeners []Listener, err error) {
	dir := filepath.Join("/proc", strconv.Itoa(pid))
	descriptors, err := os.ReadDir(filepath.Join(dir, "fd"))
	if err != nil {
		return nil, err
	}
	var inodes []string
	for _, d := range descriptors {
		target, err := os.Readlink(filepath.Join(dir, "fd", d.Name()))
		if errors.Is(err, fs.ErrNotExist) {
			continue // it has been closed
		} else if err != nil {
			return nil, err
		}
		if inode, ok := strings.CutPrefix(target, "socket:["); ok {
			inodes = append(inodes, strings.TrimSuffix(inode, "]"))
		}
	}
	for network, state := range waiting {
		table, err := os.ReadFile(filepath.Join(dir, "net", network))
		if errors.Is(err, fs.ErrNotExist) {
			continue // there is no IPv6
		} else if err != nil {
			return nil, err
		}
		for line := range bytes.Lines(table) {
			const local, status, inode = 1, 3, 9
			fields := strings.Fields(string(line))
			if len(fields) <= inode || fields[status] != state || !slices.Contains(inodes, fields[inode]) {
				continue
			}
			address, err := addressOf(fields[local])
			if err != nil {
				return nil, err
			}
			listeners = append(listeners, Listener{Network: network, Address: address})
		}
	}
	return listeners, nil
}

// addressOf reads an address as /proc writes it on machines with the lowest byte
// first: each word of it backwards, then the port, all in hexadecimal digits.
func addressOf(text string) (a netip.AddrPort, err error) {
	host, port, _ := strings.Cut(text, ":")
	b, err := hex.DecodeString(host)
	if err != nil {
		return a, err
	}
	for word := range slices.Chunk(b, 4) {
		slices.Reverse(word)
	}
	ip, ok := netip.AddrFromSlice(b)
	if !ok {
		return a, fmt.Errorf("%q is no address", text)
	}
	n, err := strconv.ParseUint(port, 16, 16)
	return netip.AddrPortFrom(ip.Unmap(), uint16(n)), err
}

// OpenHealth are the ports on which Dapr's control plane says that it is well. It
// listens there on all interfaces, whatever it is told.
func (s *System) OpenHealth() []int {
	return []int{s.control.PlacementHealth, s.control.SchedulerHealth}
}
