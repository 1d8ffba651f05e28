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

// lookEvery is how often the configuration store is asked whether settings have
// changed. Its component could tell of changes by itself, but on Redis only where the
// server has been told to announce them.
const lookEvery = 10 * time.Second

// settings are what the app goes by that may change while it runs.
type settings struct {
	// item is the item of the configuration store with the settings: a JSON object of
	// texts by the names of environment variables. One item, so that settings that
	// belong together change together.
	item string
	all  []setting
	last string // the item that was read last
}

// setting is a value that is made of settings.
type setting struct {
	names []string
	// apply makes the value anew and keeps it; it keeps the one before on an error.
	apply func(getenv func(string) string) error
}

// Configured gives what from makes of settings: of the environment first and, where
// there is a Dapr configuration store, of the settings in its item, which go before the
// environment. Only those of names may stand there. A change is seen within seconds,
// without a restart; one that from refuses is logged, and what was before goes on. The
// error is that of the environment.
func Configured[T any](h *Host, names []string, from func(getenv func(string) string) (T, error)) (func() T, error) {
	first, err := from(os.Getenv)
	if err != nil {
		return nil, err
	}
	var current atomic.Pointer[T]
	current.Store(&first)
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
// use for it, before the app handles its first message.
func (h *Host) readSettings(ctx context.Context, sidecar *pb.GetMetadataResponse) error {
	there := slices.ContainsFunc(sidecar.GetRegisteredComponents(), func(c *pb.RegisteredComponents) bool {
		return c.GetName() == Configuration && strings.HasPrefix(c.GetType(), "configuration.")
	})
	if !there || len(h.settings.all) == 0 {
		return nil
	}
	if err := h.lookAtSettings(ctx); err != nil {
		return err
	}
	h.Go(func(ctx context.Context) error {
		tick := time.NewTicker(lookEvery)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return nil
			case <-tick.C:
				if err := h.lookAtSettings(ctx); err != nil && ctx.Err() == nil {
					slog.WarnContext(ctx, "settings could not be read, and those before go on", "error", err)
				}
			}
		}
	})
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
