package harness

import (
	"net"
	"net/netip"
	"os"
	"slices"
	"testing"
)

func TestAListenerOnAllInterfacesIsSeen(t *testing.T) {
	NeedsListeners(t)
	for _, c := range []struct{ address, host string }{{"127.0.0.1:0", "127.0.0.1"}, {"0.0.0.0:0", "0.0.0.0"}} {
		l, err := net.Listen("tcp4", c.address)
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		open, err := listenersOf(os.Getpid())
		if err != nil {
			t.Fatal(err)
		}
		want := netip.AddrPortFrom(netip.MustParseAddr(c.host), l.Addr().(*net.TCPAddr).AddrPort().Port())
		if !slices.ContainsFunc(open, func(l Listener) bool { return l.Address == want }) {
			t.Errorf("%s is not among %v", want, open)
		}
	}
	packets, err := net.ListenPacket("udp4", "0.0.0.0:0")
	if err != nil {
		t.Fatal(err)
	}
	defer packets.Close()
	open, err := listenersOf(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	if want := packets.LocalAddr().(*net.UDPAddr).AddrPort(); !slices.ContainsFunc(open, func(l Listener) bool { return l.Address == want }) {
		t.Errorf("%s is not among %v", want, open)
	}
}
