// Command order is the order app: what is on sale, the orders placed for it,
// and who sits on the seats of those that are confirmed. It receives commands
// alone; all it knows of the conferences and the seats is sent to it.
package main

import (
	"fmt"
	"log/slog"
	"os"

	"github.com/plenary/plenary/apps/order/assignments"
	"github.com/plenary/plenary/apps/order/catalogue"
	"github.com/plenary/plenary/apps/order/measure"
	"github.com/plenary/plenary/apps/order/order"
	"github.com/plenary/plenary/contracts"
	"github.com/plenary/plenary/engine/handling"
	"github.com/plenary/plenary/engine/host"
	"github.com/plenary/plenary/engine/message"
	"github.com/plenary/plenary/topology"
)

func main() {
	if err := run(); err != nil {
		slog.Error("order app ended", "error", err)
		os.Exit(1)
	}
}

func run() error {
	registry := contracts.Registry()
	me := topology.Of("order")
	app, err := host.New(host.Options{AppID: me.Name, Registry: registry, MayCall: me.MayBeCalled, Senders: topology.Senders{}, Settings: topology.Settings, Believe: believe})
	if err != nil {
		return err
	}
	config, err := host.Configured(app, me.Changing(), configFrom)
	if err != nil {
		return err
	}
	engine := app.Engine()
	addAggregates(engine, config)
	if err := measure.Orders(engine, registry); err != nil {
		return err
	}
	app.Subscribe("/bus/commands", message.Command, engine)
	return app.Run()
}

// believe refuses what only one of the senders of a type may say: that an order was
// paid, and that its organiser asks.
func believe(m message.Message) error {
	paid := false
	if c, ok := m.Body.(contracts.ConfirmOrder); ok {
		paid = c.PaymentID != nil
	}
	if paid && m.Source != "registration-process" {
		return fmt.Errorf("%q may not say that an order was paid", m.Source)
	}
	return nil
}

func addAggregates(engine *handling.Engine, config func() order.Config) {
	handling.Aggregate(engine, catalogue.Aggregate())
	handling.Aggregate(engine, order.Configured(config))
	handling.Aggregate(engine, assignments.Aggregate())
}
