// Command payments is the payments app: the payments of orders, the provider
// that takes the money, and that provider's page and webhook.
package main

import (
	"context"
	"log/slog"
	"net/http"
	"os"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/plenary/plenary/apps/payments/effects"
	"github.com/plenary/plenary/apps/payments/endpoint"
	"github.com/plenary/plenary/apps/payments/measure"
	"github.com/plenary/plenary/apps/payments/payment"
	"github.com/plenary/plenary/apps/payments/provider"
	"github.com/plenary/plenary/apps/payments/provider/demo"
	"github.com/plenary/plenary/contracts"
	"github.com/plenary/plenary/engine/bus"
	"github.com/plenary/plenary/engine/handling"
	"github.com/plenary/plenary/engine/host"
	"github.com/plenary/plenary/engine/message"
	"github.com/plenary/plenary/topology"
)

func main() {
	if err := run(); err != nil {
		slog.Error("payments app ended", "error", err)
		os.Exit(1)
	}
}

// providerKey is the name of the secret that the demo provider signs with.
const providerKey = "demo-provider-key"

func run() error {
	registry := contracts.Registry()
	me := topology.Of("payments")
	app, err := host.New(host.Options{AppID: me.Name, Registry: registry, MayCall: me.MayBeCalled, MaySend: topology.MaySend, Secrets: me.Secrets})
	if err != nil {
		return err
	}
	demo := demo.New(demo.Options{
		Store:   app.Keys(),
		Key:     host.Remembered(func(ctx context.Context) (string, error) { return app.Secret(ctx, providerKey) }),
		Webhook: app.InvokeURL("payments") + "/webhooks/" + demo.Name,
		Client:  &http.Client{Timeout: 5 * time.Second, Transport: app.InvokeTransport()},
	})
	wire(app.Engine(), app.Router, app.Publisher(), demo)
	if err := measure.Payments(app.Engine(), registry); err != nil {
		return err
	}
	app.Subscribe("/bus/commands", message.Command, app.Engine())
	return app.Run()
}

// appears is how long a payer waits at most for a payment to be opened at its
// provider.
const appears = 5 * time.Second

// wire puts the aggregate, what happens at the provider, and the provider's
// pages together.
func wire(engine *handling.Engine, routes gin.IRoutes, commands bus.Publisher, demo *demo.Provider) {
	handling.Aggregate(engine, payment.Aggregate(demo.Name()))
	effects.Effects{
		Providers: map[string]provider.Provider{demo.Name(): demo}, Commands: commands, Waits: effects.DefaultWaits,
	}.Register(engine)
	endpoint.Checkout(routes, demo, appears)
	endpoint.Webhook(routes, demo, commands)
	demo.Pages(routes)
}
