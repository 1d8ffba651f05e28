package gateway

import (
	"net/http"
	"net/netip"
	"slices"
	"strings"

	"github.com/plenary/plenary/apps/web/throttle"
)

// proxies are the networks whose word on a client's address is taken.
type proxies []netip.Prefix

// proxiesOf reads addresses and networks.
func proxiesOf(texts []string) (all proxies, err error) {
	for _, text := range texts {
		network, err := throttle.Network(text)
		if err != nil {
			return nil, err //nolint:wrapcheck // it says all
		}
		all = append(all, network)
	}
	return all, nil
}

// FromProxy says of a request whether one of our own proxies makes it. It fails when a
// proxy is no address or network.
func FromProxy(trusted []string) (func(*http.Request) bool, error) {
	all, err := proxiesOf(trusted)
	return func(r *http.Request) bool {
		addr, ok := addressOf(r.RemoteAddr)
		return ok && all.trust(addr)
	}, err
}

func (p proxies) trust(addr netip.Addr) bool {
	return slices.ContainsFunc(p, func(network netip.Prefix) bool { return network.Contains(addr) })
}

// client is the address of the client that a request comes from: the last one that
// no proxy of ours has. Each proxy adds to X-Forwarded-For whom it was asked by, so
// what the client wrote there itself stands before that, and is not looked at.
func (p proxies) client(r *http.Request) netip.Addr {
	addr, ok := addressOf(r.RemoteAddr)
	if !ok || !p.trust(addr) {
		return addr
	}
	forwarded := r.Header.Values("X-Forwarded-For")
	if len(forwarded) == 0 {
		// A proxy that does not write X-Forwarded-For may write this. One that does
		// passes on whatever the client wrote here.
		if real, ok := addressOf(r.Header.Get("X-Real-IP")); ok {
			return real
		}
		return addr
	}
	hops := strings.Split(strings.Join(forwarded, ","), ",")
	for _, hop := range slices.Backward(hops) {
		before, ok := addressOf(hop)
		if !ok {
			return addr // a proxy of ours does not know whom it was asked by
		}
		if addr = before; !p.trust(addr) {
			return addr
		}
	}
	return addr
}

// addressOf reads an address as proxies write it: alone, with a port, in brackets or
// with both.
func addressOf(text string) (netip.Addr, bool) {
	text = strings.Trim(strings.TrimSpace(text), `"`)
	if at, err := netip.ParseAddrPort(text); err == nil {
		return at.Addr().Unmap(), true
	}
	if inner, ok := strings.CutPrefix(text, "["); ok {
		text = strings.TrimSuffix(inner, "]")
	}
	addr, err := netip.ParseAddr(text)
	return addr.Unmap(), err == nil
}
