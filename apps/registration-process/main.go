// Command registration-process is the process that takes each order from being
// placed to its end: it reads the events of all apps and decides which command
// goes out next. A Dapr actor reminder wakes it when an order's hold is over,
// and a sweep does when no reminder came.
package main

import (
	"errors"
	"log/slog"
	"net/http"
	"os"
	"time"

	"github.com/plenary/plenary/apps/registration-process/measure"
	"github.com/plenary/plenary/apps/registration-process/registration"
	"github.com/plenary/plenary/apps/registration-process/sweep"
	"github.com/plenary/plenary/contracts"
	"github.com/plenary/plenary/engine/handling"
	"github.com/plenary/plenary/engine/host"
	"github.com/plenary/plenary/engine/message"
	"github.com/plenary/plenary/topology"
)

func main() {
	if err := run(); err != nil {
		slog.Error("registration-process app ended", "error", err)
		os.Exit(1)
	}
}

func run() error {
	every, err := host.Duration("PLENARY_SWEEP", topology.Duration("PLENARY_SWEEP"))
	if err != nil {
		return err
	}
	registry := contracts.Registry()
	me := topology.Of("registration-process")
	app, err := host.New(host.Options{AppID: me.Name, Registry: registry, MayCall: me.MayBeCalled, Senders: topology.Senders{}, ActorType: me.Actors, Swept: true, Settings: topology.Settings})
	if err != nil {
		return err
	}
	config, err := host.Configured(app, me.Changing(), processConfig)
	if err != nil {
		return err
	}
	engine := app.Engine()
	handling.Process(engine, registration.Configured(config))
	if err := measure.Lapses(engine, registry, func() time.Duration { return config().Grace }); err != nil {
		return err
	}
	app.Subscribe("/bus/events", message.Event, engine)
	s := &sweep.Sweep{
		Query: app.InvokeURL("query"), Client: &http.Client{Transport: app.InvokeTransport(), Timeout: 30 * time.Second},
		Waker: engine, Every: every, Now: time.Now,
	}
	app.Go(s.Run)
	return app.Run()
}

func processConfig(getenv func(string) string) (registration.Config, error) {
	var c registration.Config
	var errs [3]error
	for i, setting := range []struct {
		name string
		into *time.Duration
	}{{"PLENARY_HOLD", &c.Hold}, {"PLENARY_GRACE", &c.Grace}, {"PLENARY_LEEWAY", &c.Leeway}} {
		*setting.into, errs[i] = host.DurationOf(getenv, setting.name, topology.Duration(setting.name))
	}
	return c, errors.Join(errs[:]...)
}
