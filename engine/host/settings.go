package host

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	pb "github.com/dapr/dapr/pkg/proto/runtime/v1"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// Configuration is the name of the Dapr configuration store, if there is one.
const Configuration = "configuration"

// The configuration store is asked so often whether settings have changed, and less often
// while it has none: some components log that. They could tell of changes by themselves,
// but Redis' only where the server has been told to announce them.
const (
	lookEvery      = 10 * time.Second
	lookWhileEmpty = time.Minute
)

// settings are what the app goes by that may change while it runs.
type settings struct {
	// item is the item of the configuration store with the settings: a JSON object of
	// texts by the names of environment variables. One item, so that settings that
	// belong together change together.
	item string
	all  []setting
	last string // the item that was read last

	stored bool // there is a configuration store
}

// setting is a value that is made of settings.
type setting struct {
	names []string
	// apply makes the value anew and keeps it; it keeps the one before on an error.
	apply func(getenv func(string) string) error
}

// Configured gives what from makes of settings: of the environment first and, where
// there is a Dapr configuration store, of the settings in its item, which go before the
// environment. Only those of names may stand there. A change is seen within seconds, and
// the first within a minute, without a restart; one that from refuses is logged, and what
// was before goes on. The error is that of the environment.
func Configured[T any](h *Host, names []string, from func(getenv func(string) string) (T, error)) (func() T, error) {
	first, err := from(os.Getenv)
	if err != nil {
		return nil, err
	}
	var current atomic.Pointer[T]
	current.Store(&first)
	if h.settings.all == nil {
		h.Go(h.followSettings)
	}
	h.settings.all = append(h.settings.all, setting{names: names, apply: func(getenv func(string) string) error {
		value, err := from(getenv)
		if err == nil {
			current.Store(&value)
		}
		return err
	}})
	return func() T { return *current.Load() }, nil
}

// changed takes in the item of the configuration store; empty for none. An item that
// is not what it should be changes nothing.
func (s *settings) changed(ctx context.Context, item string) {
	if item == s.last {
		return
	}
	s.last = item
	stored := map[string]string{}
	if item != "" {
		if err := json.Unmarshal([]byte(item), &stored); err != nil {
			slog.ErrorContext(ctx, "settings are refused, and those before go on: "+
				`the item is not a JSON object of texts, like {"PLENARY_HOLD": "20m"}`, "item", s.item, "error", err)
			return
		}
	}
	for _, of := range s.all {
		here := map[string]string{}
		for _, name := range of.names {
			if v, ok := stored[name]; ok {
				here[name] = v
			}
		}
		if err := of.apply(func(name string) string { return cmp.Or(here[name], os.Getenv(name)) }); err != nil {
			slog.ErrorContext(ctx, "settings are refused, and those before go on", "item", s.item, "error", err)
			continue
		}
		slog.InfoContext(ctx, "settings", "item", s.item, "stored", strings.Join(slices.Sorted(maps.Keys(here)), " "))
	}
}

// readSettings reads the configuration store, if the sidecar has one and the app has
// use for it, before the app handles its first message. It may be called again.
func (h *Host) readSettings(ctx context.Context, sidecar *pb.GetMetadataResponse) error {
	h.settings.stored = len(h.settings.all) > 0 && slices.ContainsFunc(sidecar.GetRegisteredComponents(), func(c *pb.RegisteredComponents) bool {
		return c.GetName() == Configuration && strings.HasPrefix(c.GetType(), "configuration.")
	})
	if !h.settings.stored {
		return nil
	}
	return h.lookAtSettings(ctx)
}

// followSettings reads the configuration store again and again.
func (h *Host) followSettings(ctx context.Context) error {
	for h.settings.stored {
		pause := lookEvery
		if h.settings.last == "" {
			pause = lookWhileEmpty
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(pause):
			if err := h.lookAtSettings(ctx); err != nil && ctx.Err() == nil {
				slog.WarnContext(ctx, "settings could not be read, and those before go on", "error", err)
			}
		}
	}
	return nil
}

func (h *Host) lookAtSettings(ctx context.Context) error {
	found, err := h.dapr.GetConfigurationItem(ctx, Configuration, h.settings.item)
	if status.Code(err) == codes.Unimplemented {
		return fmt.Errorf("configuration store %s: the sidecar's Configuration has to name configuration in spec.api.allowed: %w", Configuration, err)
	}
	if err != nil {
		return fmt.Errorf("configuration store %s: %w", Configuration, err)
	}
	item := ""
	if found != nil {
		item = found.Value
	}
	h.settings.changed(ctx, item)
	return nil
}
