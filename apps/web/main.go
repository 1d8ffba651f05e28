// Command web is the gateway: the one app that the world talks to. Settings, by
// environment beside those of every app: PLENARY_MAX_LAG, how far the
// handling of commands may lag behind before new orders are turned away, and
// PLENARY_TRUSTED_PROXIES, the networks (comma-separated) of the proxies before
// it whose X-Forwarded-For is believed; none by default.
package main

import (
	"context"
	"log/slog"
	"os"
	"strings"

	"github.com/plenary/plenary/apps/web/gateway"
	"github.com/plenary/plenary/apps/web/idempotency"
	"github.com/plenary/plenary/apps/web/pages"
	"github.com/plenary/plenary/apps/web/upstream"
	"github.com/plenary/plenary/contracts"
	"github.com/plenary/plenary/engine/host"
	"github.com/plenary/plenary/topology"
)

func main() {
	if err := run(); err != nil {
		slog.Error("web app ended", "error", err)
		os.Exit(1)
	}
}

// organiserToken is the name of the secret that organisers show.
const organiserToken = "organiser-token"

func run() error {
	maxLag, err := host.Duration("PLENARY_MAX_LAG", topology.Duration("PLENARY_MAX_LAG"))
	if err != nil {
		return err
	}
	registry := contracts.Registry()
	me := topology.Of("web")
	app, err := host.New(host.Options{AppID: me.Name, Registry: registry, MayCall: me.MayBeCalled, Senders: topology.Senders{}, Public: me.Public, Secrets: me.Secrets})
	if err != nil {
		return err
	}
	token := host.Remembered(func(ctx context.Context) (string, error) { return app.Secret(ctx, organiserToken) })
	keys := idempotency.Dapr{Client: app.Dapr(), Component: app.StateStore()}
	site := pages.New(pages.Options{API: app.Gin(), Sessions: keys, Log: slog.Default()})
	web, err := gateway.New(app.Gin(), gateway.Options{
		Contracts:      registry,
		Commands:       gateway.Gathered(app.Publisher()),
		Query:          upstream.New("query", app.InvokeURL("query"), app.InvokeTransport()),
		Payments:       upstream.New("payments", app.InvokeURL("payments"), app.InvokeTransport()),
		Keys:           keys,
		OrganiserToken: token,
		TrustedProxies: list(os.Getenv("PLENARY_TRUSTED_PROXIES")),
		MaxLag:         maxLag,
		Pages:          site,
		Log:            slog.Default(),
	})
	if err != nil {
		return err
	}
	app.ReadyIf(web.Ready)
	app.Go(web.Run)
	app.Go(site.Run)
	return app.Run()
}

// list splits a comma-separated setting.
func list(s string) []string {
	return strings.FieldsFunc(s, func(r rune) bool { return r == ',' || r == ' ' })
}
