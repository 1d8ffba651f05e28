// Command query is the query service: it reads the events of all apps into a
// journal and the views made of it, and answers every question about them. It
// keeps the dead letters as well.
package main

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"os"
	"time"

	"github.com/plenary/plenary/apps/query/api"
	"github.com/plenary/plenary/apps/query/ingest"
	"github.com/plenary/plenary/apps/query/lack"
	"github.com/plenary/plenary/apps/query/live"
	"github.com/plenary/plenary/apps/query/measure"
	"github.com/plenary/plenary/apps/query/store"
	"github.com/plenary/plenary/apps/query/stuck"
	"github.com/plenary/plenary/contracts"
	"github.com/plenary/plenary/engine/host"
	"github.com/plenary/plenary/engine/message"
	"github.com/plenary/plenary/topology"
)

func main() {
	if err := run(); err != nil {
		slog.Error("query app ended", "error", err)
		os.Exit(1)
	}
}

// database is the name of the secret that says where the journal is.
const database = "query-database"

func run() error {
	after, err := stuck.Bound(os.Getenv)
	if err != nil {
		return err
	}
	registry := contracts.Registry()
	me := topology.Of("query")
	app, err := host.New(host.Options{AppID: me.Name, Registry: registry, MayCall: me.MayBeCalled, Senders: topology.Senders{}, KeepsNothing: true, Secrets: me.Secrets})
	if err != nil {
		return err
	}
	late, hub := store.NewLate(), live.NewHub()
	shown, err := measure.Shown()
	if err != nil {
		return err
	}
	if err := measure.Totals(late); err != nil {
		return err
	}
	app.Subscribe("/bus/events", message.Event, ingest.Events{Store: late, Now: time.Now, Shown: shown}, host.KeepUnknown)
	app.Subscribe("/bus/deadletters", message.DeadLetterKind, ingest.DeadLetters{Store: late, Now: time.Now})
	(&api.API{
		Store: late, Hub: hub, Registry: registry, Publisher: app.Publisher(), Now: time.Now,
		StuckAfter: after, Heartbeat: 15 * time.Second, Pace: 100 * time.Millisecond, Appears: 2 * time.Second,
	}).Routes(app.Router)

	seeker := &lack.Seeker{
		Store: late, URL: app.InvokeURL, Client: &http.Client{Transport: app.InvokeTransport(), Timeout: 30 * time.Second},
		Now: time.Now, Every: lack.DefaultEvery,
	}
	app.Go(seeker.Run)
	app.Go((&stuck.Sweep{Store: late, Now: time.Now, After: after}).Run)
	app.ReadyIf(late.Ready)
	app.Go(func(ctx context.Context) error {
		connection, err := app.Secret(ctx, database)
		if err != nil {
			return err
		}
		s, err := store.Open(ctx, connection, registry, hub)
		if err != nil {
			return err
		}
		late.Set(s)
		<-ctx.Done()
		hub.Close() // streams and waits would hold the app up
		return nil
	})
	err = app.Run()
	return errors.Join(err, late.Close())
}
