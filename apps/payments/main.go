// Command payments is the payments app: the payments of orders, the provider
// that takes the money, and that provider's page and webhook.
package main

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"slices"
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

// providerSetting names the payment provider.
const providerSetting = "PLENARY_PAYMENTS"

func run() error {
	registry := contracts.Registry()
	me := topology.Of("payments")
	withDemo, err := demoIsOn(os.Getenv(providerSetting))
	if err != nil {
		return err
	}
	secrets := me.Secrets
	if !withDemo {
		secrets = slices.DeleteFunc(slices.Clone(secrets), func(s string) bool { return s == providerKey })
	}
	app, err := host.New(host.Options{AppID: me.Name, Registry: registry, MayCall: me.MayBeCalled, Senders: topology.Senders{}, Secrets: secrets})
	if err != nil {
		return err
	}
	var payer *demo.Provider
	if withDemo {
		slog.Warn("the demo provider is on: payers accept their own payments, and no money moves")
		payer = demoProvider(app)
	}
	wire(app.Engine(), app.Router, app.Publisher(), payer)
	if err := measure.Payments(app.Engine(), registry); err != nil {
		return err
	}
	app.Subscribe("/bus/commands", message.Command, app.Engine())
	return app.Run()
}

// demoIsOn says whether the setting names the demo provider. There is no other,
// and a name that is not known must not be taken for "none".
func demoIsOn(setting string) (bool, error) {
	switch setting {
	case "":
		return false, nil
	case demo.Name:
		return true, nil
	}
	return false, fmt.Errorf("%s: there is no payment provider %q", providerSetting, setting)
}

func demoProvider(app *host.Host) *demo.Provider {
	return demo.New(demo.Options{
		Store:   app.Keys(),
		Key:     host.Remembered(func(ctx context.Context) (string, error) { return app.Secret(ctx, providerKey) }),
		Webhook: app.InvokeURL("payments") + "/webhooks/" + demo.Name,
		Client:  &http.Client{Timeout: 5 * time.Second, Transport: app.InvokeTransport()},
	})
}

// appears is how long a payer waits at most for a payment to be opened at its
// provider.
const appears = 5 * time.Second

// wire puts the aggregate, what happens at the provider, and the provider's
// pages together. Without a provider nothing of one is served, new payments are
// refused, and those that a provider took before wait for an operator.
func wire(engine *handling.Engine, routes gin.IRoutes, commands bus.Publisher, demo *demo.Provider) {
	name, providers := "", map[string]provider.Provider{}
	if demo != nil {
		name = demo.Name()
		providers[name] = demo
	}
	handling.Aggregate(engine, payment.Aggregate(name))
	effects.Effects{Providers: providers, Commands: commands, Waits: effects.DefaultWaits}.Register(engine)
	if demo == nil {
		return
	}
	endpoint.Checkout(routes, demo, appears)
	endpoint.Webhook(routes, demo, commands)
	demo.Pages(routes)
}
