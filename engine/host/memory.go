package host

import (
	"context"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"runtime/debug"
	"runtime/metrics"
	"strconv"
	"strings"
	"time"

	"github.com/plenary/plenary/engine/every"
)

const (
	// ofContainer is the part of the container's memory that Go may use before it
	// collects garbage without pause: the rest is for what Go does not count.
	ofContainer = 0.9
	// forStreams is the part of Go's memory that is for streams kept in memory.
	forStreams = 0.25

	// spare is how many bytes the heap may grow between two collections of garbage. Go
	// lets it double, which is a few MB in an app that has just begun, and costs it a fifth
	// of its processor time under load (ADR 53).
	spare = 96 << 20
	// ofLimit is the largest part of Go's memory that spare may be.
	ofLimit = 0.2
	// double is Go's own percentage, below which spare has no say.
	double = 100
	// looked is how often what is in use is looked at: it changes slowly.
	looked = 5 * time.Second
)

// limitMemory has Go keep to the memory of its container, unless GOMEMLIMIT says
// how much it may use. It gives how much streams may take in memory, 0 where there is
// no limit.
func limitMemory(root string) (streams int64) {
	if limit, ok := containerLimit(root); ok && os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(int64(ofContainer * float64(limit)))
	}
	limit := debug.SetMemoryLimit(-1)
	if limit == math.MaxInt64 {
		return 0
	}
	streams = int64(forStreams * float64(limit))
	slog.Info("memory is limited", "bytes", limit, "forStreams", streams)
	return streams
}

// spareMemory has the heap grow by spare bytes before garbage is collected, unless GOGC
// says otherwise, until ctx ends.
func spareMemory(ctx context.Context) {
	if os.Getenv("GOGC") != "" {
		return
	}
	every.Do(ctx, 0, looked, func(context.Context) { debug.SetGCPercent(growth(inUse(), debug.SetMemoryLimit(-1))) })
}

// growth is how much the heap may grow before a collection, in per cent of what is in use.
func growth(inUse, limit int64) int {
	most := min(spare, int64(ofLimit*float64(limit)))
	return int(max(double, double*most/max(inUse, 1)))
}

// inUse is what the last collection left, in bytes.
func inUse() int64 {
	const leastHeap = 4 << 20 // before the first one: Go's own
	live := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(live)
	return max(leastHeap, int64(live[0].Value.Uint64()))
}

// containerLimit is the memory limit of this process's control group, version 2 or 1.
func containerLimit(root string) (bytes int64, ok bool) {
	group := ""
	if own, err := os.ReadFile(filepath.Join(root, "proc/self/cgroup")); err == nil {
		for line := range strings.Lines(string(own)) {
			if path, is2 := strings.CutPrefix(strings.TrimSpace(line), "0::"); is2 {
				group = path
			}
		}
	}
	for _, file := range []string{
		filepath.Join("sys/fs/cgroup", group, "memory.max"),
		"sys/fs/cgroup/memory.max", // where the group's path is the host's
		"sys/fs/cgroup/memory/memory.limit_in_bytes",
	} {
		text, err := os.ReadFile(filepath.Join(root, file))
		if err != nil {
			continue
		}
		// Without a limit version 2 says max, and version 1 a number beyond any memory.
		bytes, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
		return bytes, err == nil && bytes > 0 && bytes < 1<<60
	}
	return 0, false
}
