package main

import (
	"net"
	"strings"
	"testing"
)

func TestATakenPortIsNamedWithItsPart(t *testing.T) {
	taken, other := listen(t), listen(t)
	free1 := listen(t)
	_ = free1.Close()

	err := free([]claim{{port(taken), "broker"}, {port(free1), "web"}})
	if err == nil || !strings.Contains(err.Error(), "which the broker needs") || strings.Contains(err.Error(), "web") {
		t.Errorf("got %v, want the broker's port and no other", err)
	}
	if err := free([]claim{{port(free1), "web"}}); err != nil {
		t.Errorf("a free port: %v", err)
	}
	err = free([]claim{{port(taken), "broker"}, {port(other), "web"}})
	if err == nil || !strings.Contains(err.Error(), "already running on this machine") {
		t.Errorf("with every port taken: %v", err)
	}
}

func listen(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

func port(l net.Listener) int { return l.Addr().(*net.TCPAddr).Port }
