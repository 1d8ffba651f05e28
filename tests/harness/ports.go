package harness

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
)

// ports hands out free ports, each once, from below those that the system gives
// to outgoing connections. It takes them from blocks that it has for itself until
// it is closed or the process ends: a part that is away for a while finds its
// port free when it is back, whatever other tests run on this machine.
type ports struct {
	blocks []*os.File // locked
	next   int
	until  int
	err    error
}

const (
	lowestPort   = 11000
	blocksOfPort = 200
	portsOfBlock = 100
)

// port gives 0 when there is none; err says why.
func (p *ports) port() int {
	for p.err == nil {
		if p.next == p.until {
			p.err = p.take()
			continue
		}
		n := p.next
		p.next++
		l, err := net.Listen("tcp", ":"+strconv.Itoa(n))
		if err != nil { // it is somebody else's who takes no blocks
			continue
		}
		_ = l.Close()
		return n
	}
	return 0
}

// take takes a free block.
func (p *ports) take() error {
	dir := filepath.Join(os.TempDir(), fmt.Sprintf("plenary-ports-%d", os.Getuid()))
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	for _, block := range rand.Perm(blocksOfPort) {
		file, err := lock(filepath.Join(dir, strconv.Itoa(block)), syscall.LOCK_EX|syscall.LOCK_NB)
		if errors.Is(err, syscall.EWOULDBLOCK) {
			continue
		}
		if err != nil {
			return err
		}
		p.blocks = append(p.blocks, file)
		p.next = lowestPort + block*portsOfBlock
		p.until = p.next + portsOfBlock
		return nil
	}
	return errors.New("no free ports")
}

// close gives the ports back.
func (p *ports) close() {
	for _, block := range p.blocks {
		_ = block.Close()
	}
	p.blocks = nil
}

// lock opens a file and locks it, until it is closed or the process ends.
func lock(path string, how int) (*os.File, error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o666)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(file.Fd()), how); err != nil {
		_ = file.Close()
		return nil, fmt.Errorf("lock %s: %w", path, err)
	}
	return file, nil
}
