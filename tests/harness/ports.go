package harness

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
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

func dial(ctx context.Context, address string) error {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", address)
	if err != nil {
		return err
	}
	return conn.Close()
}

func secret(file, name string) (string, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return "", err
	}
	var secrets map[string]string
	if err := json.Unmarshal(b, &secrets); err != nil {
		return "", fmt.Errorf("%s: %w", file, err)
	}
	return secrets[name], nil
}
