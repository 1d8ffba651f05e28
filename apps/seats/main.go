// Command seats is the seats app: how many seats of each type a conference has,
// and which orders hold them. It receives commands alone.
package main

import (
	"log/slog"
	"os"

	"github.com/plenary/plenary/apps/seats/seats"
	"github.com/plenary/plenary/contracts"
	"github.com/plenary/plenary/engine/handling"
	"github.com/plenary/plenary/engine/host"
	"github.com/plenary/plenary/engine/message"
	"github.com/plenary/plenary/topology"
)

func main() {
	if err := run(); err != nil {
		slog.Error("seats app ended", "error", err)
		os.Exit(1)
	}
}

func run() error {
	me := topology.Of("seats")
	app, err := host.New(host.Options{AppID: me.Name, Registry: contracts.Registry(), MayCall: me.MayBeCalled, Senders: topology.Senders{}, Settings: topology.Settings})
	if err != nil {
		return err
	}
	config, err := host.Configured(app, me.Changing(), func(getenv func(string) string) (c seats.Config, err error) {
		c.Offer, err = host.DurationOf(getenv, "PLENARY_OFFER", topology.Duration("PLENARY_OFFER"))
		return c, err
	})
	if err != nil {
		return err
	}
	engine := app.Engine()
	handling.Aggregate(engine, seats.Configured(config))
	app.Subscribe("/bus/commands", message.Command, engine)
	return app.Run()
}
