package dapr

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"

	"github.com/plenary/plenary/tools/local/components"
	"github.com/plenary/plenary/tools/local/runfile"
	"github.com/plenary/plenary/tools/servers/process"
)

// Ports are those of the control plane.
type Ports struct {
	Placement, PlacementHealth, PlacementMetrics, PlacementRaft int
	Scheduler, SchedulerHealth, SchedulerMetrics                int
	SchedulerStore, SchedulerStorePeer                          int
}

const loopback = "127.0.0.1"

// sharers is how many parts are busy at once, roughly, where all run on one machine.
const sharers = 4

var processors = runtime.NumCPU()

// share is the environment of a part that shares the machine with some twenty others. Go
// would have each use all processors, and wake one after the other to look for work that
// there is not: with a share for each, an order takes a tenth less processor time (two
// processors). GOMAXPROCS in the environment decides otherwise.
func share() []string {
	if os.Getenv("GOMAXPROCS") != "" {
		return nil
	}
	return []string{"GOMAXPROCS=" + strconv.Itoa(max(1, processors/sharers))}
}

// PlacementSpec says how to start the placement service, which knows where
// actors live. Dapr 1.18 reads the address for its health and then listens on all
// interfaces there, as the scheduler does; all that is served is "well" or "not
// well". The tables of actors, which it would serve there too, stay off.
func (b Binaries) PlacementSpec(p Ports, logs string) process.Spec {
	return process.Spec{
		Name: "placement", Path: b.Placement, Log: filepath.Join(logs, "placement.log"), Env: share(),
		Args: []string{
			"--listen-address", loopback, "--port", strconv.Itoa(p.Placement),
			"--healthz-listen-address", loopback, "--healthz-port", strconv.Itoa(p.PlacementHealth), "--metadata-enabled=false",
			"--metrics-listen-address", loopback, "--metrics-port", strconv.Itoa(p.PlacementMetrics),
			"--initial-cluster", fmt.Sprintf("dapr-placement-0=%s:%d", loopback, p.PlacementRaft),
		},
	}
}

// SchedulerSpec says how to start the scheduler, which keeps reminders in dir.
func (b Binaries) SchedulerSpec(p Ports, dir, logs string) process.Spec {
	return process.Spec{
		Name: "scheduler", Path: b.Scheduler, Log: filepath.Join(logs, "scheduler.log"), Env: share(),
		Args: []string{
			"--listen-address", loopback, "--port", strconv.Itoa(p.Scheduler),
			"--healthz-listen-address", loopback, "--healthz-port", strconv.Itoa(p.SchedulerHealth),
			"--metrics-listen-address", loopback, "--metrics-port", strconv.Itoa(p.SchedulerMetrics),
			"--etcd-data-dir", dir, "--etcd-client-listen-address", loopback, "--etcd-client-port", strconv.Itoa(p.SchedulerStore),
			"--etcd-initial-cluster", fmt.Sprintf("dapr-scheduler-server-0=http://%s:%d", loopback, p.SchedulerStorePeer),
		},
	}
}

// SidecarSpec says how to start the sidecar of an app as `dapr run` does: with
// the resources and the configuration of a component set, in dir, to which the
// paths in the resources are relative and in which the set's folders are.
func (b Binaries) SidecarSpec(app runfile.App, set components.Set, p Ports, dir, logs string) process.Spec {
	s := process.Spec{
		Name: app.ID + "-daprd", Path: b.Daprd, Dir: dir, Log: filepath.Join(logs, app.ID+"-daprd.log"),
		Env: slices.Concat(share(), set.SidecarEnv(app.ID), []string{"DAPR_HOST_IP=" + loopback}), // the last one of a name counts
		Args: []string{
			"--app-id", app.ID, "--app-port", strconv.Itoa(app.Port),
			"--dapr-http-port", strconv.Itoa(app.HTTPPort), "--dapr-grpc-port", strconv.Itoa(app.GRPCPort),
			"--dapr-internal-grpc-listen-address", loopback, "--dapr-internal-grpc-port", strconv.Itoa(app.InternalGRPCPort),
			"--metrics-listen-address", loopback, "--metrics-port", strconv.Itoa(app.MetricsPort),
			"--dapr-listen-addresses", loopback, "--max-body-size", set.File.Common.MaxBodySize,
			"--placement-host-address", fmt.Sprintf("%s:%d", loopback, p.Placement),
			"--scheduler-host-address", fmt.Sprintf("%s:%d", loopback, p.Scheduler),
			"--config", filepath.Join(dir, set.Config()),
		},
	}
	for _, path := range set.Resources() {
		s.Args = append(s.Args, "--resources-path", filepath.Join(dir, path))
	}
	return s
}

// AppSpec says how to start an app, of which program is the file, as `dapr run`
// does: it is told where it and its sidecar listen.
func AppSpec(app runfile.App, set components.Set, program, dir, logs string) process.Spec {
	env := append(share(),
		"APP_ID="+app.ID, "APP_PORT="+strconv.Itoa(app.Port),
		"DAPR_HTTP_PORT="+strconv.Itoa(app.HTTPPort), "DAPR_GRPC_PORT="+strconv.Itoa(app.GRPCPort),
	)
	for _, more := range []map[string]string{set.File.Common.Env, app.Env} {
		for _, name := range slices.Sorted(maps.Keys(more)) {
			env = append(env, name+"="+more[name])
		}
	}
	return process.Spec{Name: app.ID, Path: program, Env: env, Dir: dir, Log: filepath.Join(logs, app.ID+".log")}
}

// HealthURL is where a part of the control plane or a sidecar says whether it
// is well.
func HealthURL(port int, path string) string {
	return fmt.Sprintf("http://%s:%d%s", loopback, port, path)
}
