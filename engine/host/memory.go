package host

import (
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"runtime/debug"
	"strconv"
	"strings"
)

const (
	// ofContainer is the part of the container's memory that Go may use before it
	// collects garbage without pause: the rest is for what Go does not count.
	ofContainer = 0.9
	// growth is how far Go lets the heap grow between two collections of garbage, in per
	// cent of what is in use. Go's own 100 costs an app of this size a fifth of its
	// processor time under load (docs/guides/sizing.md); the limit bounds it.
	growth = 300
	// forStreams is the part of Go's memory that is for streams kept in memory.
	forStreams = 0.25
)

// limitMemory has Go keep to the memory of its container, unless GOMEMLIMIT says
// how much it may use, and use it, unless GOGC says otherwise. It gives how much streams may take in memory, 0 where there is
// no limit.
func limitMemory(root string) (streams int64) {
	if limit, ok := containerLimit(root); ok && os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(int64(ofContainer * float64(limit)))
	}
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(growth)
	}
	limit := debug.SetMemoryLimit(-1)
	if limit == math.MaxInt64 {
		return 0
	}
	streams = int64(forStreams * float64(limit))
	slog.Info("memory is limited", "bytes", limit, "forStreams", streams)
	return streams
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
