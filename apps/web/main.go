// Command web is the gateway: the one app that the world talks to. Settings, by
// environment beside those of every app: those of limitsFrom; PLENARY_CHALLENGE_URL,
// where the responses to challenges are judged; PLENARY_MAX_LAG, how far the
// handling of commands may lag behind before new orders are turned away,
// PLENARY_GRACE, which orders' pages state and holds count with (the process keeps it), and
// PLENARY_TRUSTED_PROXIES, the networks (comma-separated) of the proxies before
// it whose X-Forwarded-For and traceparent are believed; none by default; and
// PLENARY_TOUR, where the tour of a trial on one machine is made.
package main

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/plenary/plenary/apps/web/gateway"
	"github.com/plenary/plenary/apps/web/idempotency"
	"github.com/plenary/plenary/apps/web/pages"
	"github.com/plenary/plenary/apps/web/throttle"
	"github.com/plenary/plenary/apps/web/upstream"
	"github.com/plenary/plenary/contracts"
	"github.com/plenary/plenary/engine/host"
	"github.com/plenary/plenary/topology"
	"github.com/plenary/plenary/topology/tour"
)

func main() {
	if err := run(); err != nil {
		slog.Error("web app ended", "error", err)
		os.Exit(1)
	}
}

// Names of the secrets that organisers and operators show.
const (
	organiserToken = "organiser-token"
	operatorToken  = "operator-token"
)

func run() error {
	maxLag, err := host.Duration("PLENARY_MAX_LAG", topology.Duration("PLENARY_MAX_LAG"))
	if err != nil {
		return err
	}
	trusted := list(os.Getenv("PLENARY_TRUSTED_PROXIES"))
	fromProxy, err := gateway.FromProxy(trusted)
	if err != nil {
		return fmt.Errorf("PLENARY_TRUSTED_PROXIES: %w", err)
	}
	registry := contracts.Registry()
	me := topology.Of("web")
	app, err := host.New(host.Options{AppID: me.Name, Registry: registry, MayCall: me.MayBeCalled, Senders: topology.Senders{}, Public: me.Public, TrustsTrace: fromProxy, Secrets: me.Secrets, Settings: topology.Settings})
	if err != nil {
		return err
	}
	limits, err := host.Configured(app, me.Changing(), limitsFrom)
	if err != nil {
		return err
	}
	secret := func(name string) func(context.Context) (string, error) {
		return host.Remembered(func(ctx context.Context) (string, error) { return app.Secret(ctx, name) })
	}
	keys := idempotency.Dapr{Client: app.Dapr(), Component: app.StateStore()}
	organiser, operator := secret(organiserToken), secret(operatorToken)
	guide, err := pages.NewGuide(os.Getenv(tour.Variable), cmp.Or(os.Getenv("PLENARY_BIND"), "127.0.0.1"), organiser, operator)
	if err != nil {
		return err
	}
	site := pages.New(pages.Options{API: app.Gin(), Sessions: keys, Grace: func() time.Duration { return limits().Grace }, Guide: guide, Log: slog.Default()})
	web, err := gateway.New(app.Gin(), gateway.Options{
		Contracts:      registry,
		Commands:       gateway.Gathered(app.Publisher()),
		Query:          upstream.New("query", app.InvokeURL("query"), app.InvokeTransport()),
		Payments:       upstream.New("payments", app.InvokeURL("payments"), app.InvokeTransport()),
		Keys:           keys,
		OrganiserToken: organiser,
		OperatorToken:  operator,
		TrustedProxies: trusted,
		MaxLag:         maxLag,
		Limits:         limits,
		Challenge:      challengeAt(os.Getenv("PLENARY_CHALLENGE_URL")),
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

// limitsFrom reads what one address may take. A hold lasts for PLENARY_HOLD, and for
// PLENARY_GRACE more while a payment is open.
func limitsFrom(getenv func(string) string) (l gateway.Limits, err error) {
	for name, into := range map[string]*int{
		"PLENARY_MAX_HOLDS_PER_ADDRESS": &l.HoldsPerAddress, "PLENARY_MAX_HOLDS_PER_EMAIL": &l.HoldsPerEmail,
		"PLENARY_MAX_SEATS_PER_EMAIL":    &l.SeatsPerEmail,
		"PLENARY_MAX_WRITES_PER_ADDRESS": &l.WritesPerAddress, "PLENARY_CHALLENGE_AFTER": &l.ChallengeAfter,
	} {
		if *into, err = strconv.Atoi(cmp.Or(getenv(name), topology.Plenary().Setting(name))); err != nil || *into < 0 {
			return l, fmt.Errorf("%s: not a whole number from 0", name)
		}
	}
	if l.Halls, err = throttle.HallsOf(list(getenv("PLENARY_HALLS"))); err != nil {
		return l, fmt.Errorf("PLENARY_HALLS: %w", err)
	}
	hold, err := host.DurationOf(getenv, "PLENARY_HOLD", topology.Duration("PLENARY_HOLD"))
	if err != nil {
		return l, err
	}
	l.Grace, err = host.DurationOf(getenv, "PLENARY_GRACE", topology.Duration("PLENARY_GRACE"))
	l.Hold = hold + l.Grace
	return l, err
}

// challengeAt is the challenge that is judged at an address; none, if there is none.
func challengeAt(url string) gateway.Challenge {
	if url == "" {
		return nil
	}
	return gateway.Verifier{URL: url, Client: &http.Client{}}
}

// list splits a comma-separated setting.
func list(s string) []string {
	return strings.FieldsFunc(s, func(r rune) bool { return r == ',' || r == ' ' })
}
