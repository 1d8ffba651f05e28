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
	offer, err := host.Duration("PLENARY_OFFER", topology.Duration("PLENARY_OFFER"))
	if err != nil {
		return err
	}
	me := topology.Of("seats")
	app, err := host.New(host.Options{AppID: me.Name, Registry: contracts.Registry(), MayCall: me.MayBeCalled, Senders: topology.Senders{}})
	if err != nil {
		return err
	}
	engine := app.Engine()
	handling.Aggregate(engine, seats.Aggregate(seats.Config{Offer: offer}))
	app.Subscribe("/bus/commands", message.Command, engine)
	return app.Run()
}
