package throttle

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// Halls are networks from whose addresses many people come, such as a hall's: one client
// there may do so many times as much as others.
type Halls []hall

type hall struct {
	network netip.Prefix
	times   int
}

// mostTimes is how many times as much may be allowed: with that no limit is met.
const mostTimes = 1000

// HallsOf reads halls, each as 192.0.2.0/24=10 or 192.0.2.1=10.
func HallsOf(texts []string) (all Halls, err error) {
	for _, text := range texts {
		address, number, _ := strings.Cut(text, "=")
		times, err := strconv.Atoi(number)
		if err != nil || times < 1 || times > mostTimes {
			return nil, fmt.Errorf("%q does not end with = and a whole number from 1 to %d", text, mostTimes)
		}
		network, err := Network(address)
		if err != nil {
			return nil, err
		}
		if one := Client(network.Addr()); network.Bits() > one.Bits() {
			return nil, fmt.Errorf("%q is a part of %s, which counts as one client", text, one)
		}
		all = append(all, hall{network, times})
	}
	return all, nil
}

// Network reads a network, or an address as one.
func Network(text string) (netip.Prefix, error) {
	if network, err := netip.ParsePrefix(text); err == nil {
		return network.Masked(), nil
	}
	addr, err := netip.ParseAddr(text)
	if err != nil {
		return netip.Prefix{}, fmt.Errorf("%q is no address or network", text)
	}
	return netip.PrefixFrom(addr, addr.BitLen()), nil
}

// Times is how many times as much as others a client may do. The smallest network that it
// is in counts.
func (h Halls) Times(client netip.Prefix) int {
	in := hall{times: 1}
	for _, one := range h {
		if one.network.Contains(client.Addr()) && (!in.network.IsValid() || one.network.Bits() > in.network.Bits()) {
			in = one
		}
	}
	return in.times
}
