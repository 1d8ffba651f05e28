// Package timeout wakes processes with Dapr actor reminders: one actor per
// process instance, one reminder per actor. The actor holds nothing; the
// process's stream is the truth, and a reminder that comes early, twice or never
// does no harm.
package timeout

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/dapr/go-sdk/client"
	"github.com/gin-gonic/gin"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/plenary/plenary/engine/es"
	"github.com/plenary/plenary/engine/gather"
	"github.com/plenary/plenary/engine/stream"
)

// reminder is the one reminder's name. Dapr allows [a-z0-9-].
const reminder = "timeout"

// Reminders implements handling.Waker over Dapr actor reminders.
type Reminders struct {
	dapr      client.Client
	actorType string
	now       func() time.Time

	// Swept says that a sweep finds what reminders miss. Then nothing waits for a
	// scheduler that is away: a reminder that cannot be set is given up and counted
	// on to be swept, and so is one that an app had not set yet when it ended. Without
	// a sweep it is an error, and the message that asked
	// for it is delivered again until it can be set.
	Swept  bool
	wanted *wanted
	// away is until when, in Unix nanoseconds, the scheduler is not asked again.
	away   atomic.Int64
	failed metric.Int64Counter
}

// NewReminders makes a Waker. actorType is the type under which the app hosts
// its actors.
func NewReminders(dapr client.Client, actorType string, now func() time.Time) *Reminders {
	return &Reminders{dapr: dapr, actorType: actorType, now: now, failed: failures(), wanted: newWanted()}
}

// failures makes the counter of reminders that failed.
func failures() metric.Int64Counter {
	c, err := otel.Meter("github.com/plenary/plenary/engine/timeout").Int64Counter("plenary.reminders.failed",
		metric.WithDescription("Reminders that could not be set or removed, or whose process could not be woken"))
	if err != nil {
		otel.Handle(err)
	}
	return c
}

// what went wrong with a reminder, as the counter's label.
func what(did string) metric.MeasurementOption {
	return metric.WithAttributes(attribute.String("what", did))
}

// awayFor is how long a scheduler that failed is left alone, where a sweep
// covers for it.
const awayFor = 5 * time.Second

// retryEvery is the pause after a reminder whose handler failed; there is no
// limit to how often (Dapr's default gives up after three).
var retryEvery = 2 * time.Second

// courtesy bounds a call that nothing need wait for.
const courtesy = 2 * time.Second

// Wake implements handling.Waker. With a sweep, nothing waits for the scheduler: see
// Run.
func (r *Reminders) Wake(ctx context.Context, key stream.Key, w es.Wake) error {
	if r.Swept && r.wanted.put(key, w, r.now()) {
		return nil
	}
	return r.carryOut(ctx, key, w)
}

// carryOut asks the scheduler.
func (r *Reminders) carryOut(ctx context.Context, key stream.Key, w es.Wake) error {
	if r.now().UnixNano() < r.away.Load() {
		return nil
	}
	removal := w.At.IsZero()
	bounded := ctx
	if r.Swept || removal {
		var cancel context.CancelFunc
		bounded, cancel = context.WithTimeout(ctx, courtesy)
		defer cancel()
	}
	err := r.set(bounded, key.Tenant+"."+key.ID, w)
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return ctx.Err() // which says nothing of the scheduler
	}
	if removal {
		r.failed.Add(ctx, 1, what("removed"))
	} else {
		r.failed.Add(ctx, 1, what("set"))
	}
	if r.Swept {
		slog.WarnContext(ctx, "no reminders for a while; the sweep covers for them", "stream", key.String(), "error", err)
		r.away.Store(r.now().Add(awayFor).UnixNano())
		return nil
	}
	if removal {
		// It will fire and find that it means nothing any more.
		slog.WarnContext(ctx, "reminder could not be removed", "stream", key.String(), "error", err)
		return nil
	}
	return fmt.Errorf("timeout: register: %w", err)
}

func (r *Reminders) set(ctx context.Context, actor string, w es.Wake) error {
	if w.At.IsZero() {
		return r.dapr.UnregisterActorReminder(ctx, &client.UnregisterActorReminderRequest{
			ActorType: r.actorType, ActorID: actor, Name: reminder,
		})
	}
	return r.dapr.RegisterActorReminder(ctx, &client.RegisterActorReminderRequest{
		ActorType: r.actorType, ActorID: actor, Name: reminder,
		DueTime:       max(w.At.Sub(r.now()), 0).String(),
		FailurePolicy: &client.JobFailurePolicyConstant{Interval: &retryEvery},
	})
}

// Sleeper is who is woken.
type Sleeper interface {
	Wake(ctx context.Context, tenant string, ids []string) error
}

// Host mounts the routes that Dapr calls for actors of actorType: its
// configuration, reminders, and deactivation, for which there is nothing to do.
//
// The routes are ours and not go-sdk's, which reports a reminder handler's error
// as success.
func Host(router gin.IRouter, actorType string, sleeper Sleeper) {
	type who struct{ tenant, id string }
	failed := failures()
	// Many holds may lapse in the same second; they are woken in batches.
	wake := gather.New(200, func(ctx context.Context, due []who) []error {
		byTenant := map[string][]string{}
		for _, w := range due {
			byTenant[w.tenant] = append(byTenant[w.tenant], w.id)
		}
		failed := map[string]error{}
		for tenant, ids := range byTenant {
			failed[tenant] = sleeper.Wake(ctx, tenant, ids)
		}
		errs := make([]error, len(due))
		for i, w := range due {
			errs[i] = failed[w.tenant]
		}
		return errs
	})
	router.GET("/dapr/config", func(c *gin.Context) {
		c.JSON(http.StatusOK, gin.H{
			"entities":                []string{actorType},
			"actorIdleTimeout":        "10s", // nothing is kept in the actor
			"drainOngoingCallTimeout": "10s",
			"drainRebalancedActors":   true,
		})
	})
	router.PUT("/actors/:type/:id/method/remind/:name", func(c *gin.Context) {
		tenant, id, ok := strings.Cut(c.Param("id"), ".")
		if !ok || c.Param("type") != actorType || c.Param("name") != reminder {
			// Nothing here asked for it. Failing would have it repeated for ever.
			slog.WarnContext(c, "reminder that nobody here asked for", "type", c.Param("type"), "name", c.Param("name"))
			c.Status(http.StatusOK)
			return
		}
		if err := wake.Do(c.Request.Context(), who{tenant, id}); err != nil {
			failed.Add(c.Request.Context(), 1, what("fired"))
			slog.ErrorContext(c, "reminder failed and will be repeated", "actor", c.Param("id"), "error", err)
			c.Status(http.StatusInternalServerError)
			return
		}
		c.Status(http.StatusOK)
	})
	router.DELETE("/actors/:type/:id", func(c *gin.Context) { c.Status(http.StatusOK) })
}
