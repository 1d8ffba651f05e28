// Command conference is the conference app: who organises conferences, what they say
// about them, and their promo codes. It tells the order app and the seats app what
// follows for them.
package main

import (
	"log/slog"
	"os"

	"github.com/plenary/plenary/apps/conference/conference"
	"github.com/plenary/plenary/apps/conference/organisation"
	"github.com/plenary/plenary/apps/conference/promo"
	"github.com/plenary/plenary/contracts"
	"github.com/plenary/plenary/engine/handling"
	"github.com/plenary/plenary/engine/host"
	"github.com/plenary/plenary/engine/message"
	"github.com/plenary/plenary/topology"
)

func main() {
	if err := run(); err != nil {
		slog.Error("conference app ended", "error", err)
		os.Exit(1)
	}
}

func run() error {
	me := topology.Of("conference")
	app, err := host.New(host.Options{AppID: me.Name, Registry: contracts.Registry(), MayCall: me.MayBeCalled, Senders: topology.Senders{}})
	if err != nil {
		return err
	}
	engine := app.Engine()
	handling.Aggregate(engine, conference.Aggregate())
	handling.Aggregate(engine, promo.Aggregate())
	handling.Aggregate(engine, organisation.Aggregate())
	app.Subscribe("/bus/commands", message.Command, engine)
	return app.Run()
}
