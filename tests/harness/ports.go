package harness

import (
	"errors"
	"math/rand/v2"
	"net"
	"strconv"
)

// ports hands out free ports, each once, from below those that the system gives
// to outgoing connections.
type ports struct {
	given map[int]bool
	err   error
}

func newPorts() *ports { return &ports{given: map[int]bool{}} }

func (p *ports) port() int {
	const low, high, tries = 11000, 31000, 1000
	for range tries {
		n := low + rand.IntN(high-low)
		if p.given[n] {
			continue
		}
		l, err := net.Listen("tcp", ":"+strconv.Itoa(n))
		if err != nil {
			continue
		}
		_ = l.Close()
		p.given[n] = true
		return n
	}
	p.err = errors.New("no free ports")
	return 0
}
