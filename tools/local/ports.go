package main

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/plenary/plenary/tools/local/dapr"
	"github.com/plenary/plenary/tools/local/runfile"
)

// brokerPort is the port in the secrets of components/local.
const brokerPort = 1883

// controlPlane has the ports that dapr.yaml expects placement and scheduler on;
// the others are not used by any other part.
var controlPlane = dapr.Ports{
	Placement: dapr.PlacementPort, PlacementHealth: 9197, PlacementMetrics: 9187, PlacementRaft: 8201,
	Scheduler: dapr.SchedulerPort, SchedulerHealth: 9198, SchedulerMetrics: 9188,
	SchedulerStore: 2479, SchedulerStorePeer: 2480,
}

// claim is a port that a part will listen on.
type claim struct {
	port int
	part string
}

// claims are the ports of everything that will be started.
func claims(b dapr.Binaries, file runfile.File, needed []server) []claim {
	p := controlPlane
	var all []claim
	for _, n := range needed {
		for _, port := range n.ports {
			all = append(all, claim{port, n.name})
		}
	}
	if b.Placement != "" {
		all = append(all, claim{p.Placement, "placement"}, claim{p.PlacementHealth, "placement (health)"},
			claim{p.PlacementMetrics, "placement (metrics)"}, claim{p.PlacementRaft, "placement (raft)"})
	}
	if b.Scheduler != "" {
		all = append(all, claim{p.Scheduler, "scheduler"}, claim{p.SchedulerHealth, "scheduler (health)"},
			claim{p.SchedulerMetrics, "scheduler (metrics)"}, claim{p.SchedulerStore, "scheduler (store)"},
			claim{p.SchedulerStorePeer, "scheduler (store, peers)"})
	}
	for _, app := range file.Apps {
		all = append(all, claim{app.Port, app.ID + " app"}, claim{app.HTTPPort, "sidecar of " + app.ID + " (HTTP)"},
			claim{app.GRPCPort, "sidecar of " + app.ID + " (gRPC)"},
			claim{app.InternalGRPCPort, "sidecar of " + app.ID + " (internal gRPC)"},
			claim{app.MetricsPort, "sidecar of " + app.ID + " (metrics)"})
	}
	slices.SortFunc(all, func(a, b claim) int { return cmp.Compare(a.port, b.port) })
	return all
}

// free returns an error that names the taken ports and the parts that need them.
func free(all []claim) error {
	var taken []claim
	for _, c := range all {
		if !isFree(c.port) {
			taken = append(taken, c)
		}
	}
	if len(taken) == 0 {
		return nil
	}
	if len(taken) == len(all) && len(all) > 1 {
		return errors.New("all its ports are taken: Plenary is already running on this machine")
	}
	var b strings.Builder
	for _, c := range taken {
		fmt.Fprintf(&b, "port %d, which the %s needs, is taken by another program\n", c.port, c.part)
	}
	return errors.New(strings.TrimSpace(b.String()))
}

// isFree says whether a program can listen on a port. If it cannot although nothing
// answers there, an outgoing connection that has just ended had the port; the
// operating system releases it within a minute.
func isFree(port int) bool {
	for end := time.Now().Add(lingers); !canListen(port); time.Sleep(time.Second) {
		c, err := net.Dial("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
		if err == nil {
			_ = c.Close()
		}
		if err == nil || time.Now().After(end) {
			return false
		}
	}
	return true
}

// lingers is a little longer than the system keeps the port of an ended connection.
const lingers = 65 * time.Second

func canListen(port int) bool {
	// A listener on one address does not exclude listeners on all others.
	for _, host := range []string{"127.0.0.1", ""} {
		l, err := net.Listen("tcp", net.JoinHostPort(host, strconv.Itoa(port)))
		if err != nil {
			return false
		}
		_ = l.Close()
	}
	return true
}
