package host

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"time"

	pb "github.com/dapr/dapr/pkg/proto/runtime/v1"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/plenary/plenary/engine/component"
	"github.com/plenary/plenary/engine/selfcheck"
	"github.com/plenary/plenary/engine/state"
	"github.com/plenary/plenary/engine/state/daprstate"
)

// errRefused means that the app must not run beside this sidecar.
var errRefused = errors.New("refused by the self-check")

// sidecarCheck is what an app asks of its sidecar before it runs, until the sidecar has
// answered.
type sidecarCheck struct {
	*Host
	said   map[string]bool // the findings that have been logged
	secret int             // how often secrets could not be read
}

// awaitSidecar waits until the sidecar's components are there, checks that they
// give what the app needs, and learns which of them is its state store. Its error
// is a refusal to run, or that of ctx.
func (h *Host) awaitSidecar(ctx context.Context) error {
	const pause, patience = 100 * time.Millisecond, 10 * time.Second
	a := sidecarCheck{Host: h, said: map[string]bool{}}
	complain := time.Now().Add(patience)
	for {
		err := a.run(ctx)
		if err == nil || errors.Is(err, errRefused) {
			return err
		}
		if time.Now().After(complain) {
			slog.WarnContext(ctx, "waiting for the sidecar", "error", err)
			complain = time.Now().Add(patience)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pause):
		}
	}
}

// run runs the self-check. An error that is not errRefused means that the
// sidecar, or something behind it, could not be asked yet: the app never goes on
// without an answer.
func (a *sidecarCheck) run(ctx context.Context) error {
	if err := a.outbound(ctx); err != nil {
		return err
	}
	sidecar, err := a.dapr.GrpcClient().GetMetadata(ctx, &pb.GetMetadataRequest{})
	if status.Code(err) == codes.Unauthenticated {
		return a.judge(ctx, selfcheck.APIToken)
	}
	if err != nil {
		return fmt.Errorf("sidecar's metadata: %w", err)
	}
	accept := strings.FieldsFunc(os.Getenv("PLENARY_ACCEPT"), func(r rune) bool { return r == ',' || r == ' ' })
	if err := a.judge(ctx, selfcheck.Check(a.needs, sidecar, accept...)...); err != nil {
		return err
	}
	for _, c := range sidecar.GetRegisteredComponents() {
		a.publisher.Suit(c.GetName(), component.Of(c.GetType()))
	}
	if err := a.calledBack(ctx); err != nil {
		return err
	}
	if err := a.readSecrets(ctx); err != nil {
		return err
	}
	if err := a.readSettings(ctx, sidecar); err != nil {
		return err
	}
	if !a.needs.State {
		return nil
	}
	c := selfcheck.StateStore(sidecar)
	store := daprstate.New(a.dapr, c.GetName(), daprstate.StrategyFor(c.GetType()))
	found, err := selfcheck.Probe(ctx, store, c, "selfcheck/"+rand.Text())
	if err != nil {
		return fmt.Errorf("state store %s: %w", c.GetName(), err)
	}
	if err := a.judge(ctx, found...); err != nil {
		return err
	}
	a.store.set(known{component: c.GetName(), Store: store})
	return nil
}

// judge logs findings, each once, and refuses if one of them does.
func (a *sidecarCheck) judge(ctx context.Context, findings ...selfcheck.Finding) error {
	var refused []string
	for _, f := range findings {
		text, level := f.String(), slog.LevelWarn
		if f.Refused {
			level = slog.LevelError
			refused = append(refused, text)
		}
		if !a.said[text] {
			a.said[text] = true
			slog.Log(ctx, level, "self-check: "+text, "finding", f.Name, "refused", f.Refused)
		}
	}
	if refused != nil {
		return fmt.Errorf("%w: %s", errRefused, strings.Join(refused, ". "))
	}
	return nil
}

// ownRoute answers the app's own call of itself through the sidecar.
const ownRoute = "/selfcheck"

// calledBack has the sidecar call the app, which it may only with the app's
// token.
func (a *sidecarCheck) calledBack(ctx context.Context) error {
	if os.Getenv("APP_API_TOKEN") == "" {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, a.InvokeURL(a.options.AppID)+ownRoute, nil)
	if err != nil {
		return err
	}
	res, err := a.InvokeTransport().RoundTrip(req)
	if err != nil {
		return err
	}
	_ = res.Body.Close()
	if res.StatusCode == http.StatusUnauthorized {
		return a.judge(ctx, selfcheck.AppToken)
	}
	// Any other failure says nothing of the token, and must not be waited out: on
	// Kubernetes an app that is not ready yet has no address, for its own sidecar
	// neither, and it is not ready before this check is done.
	return nil
}

// maxSecretTries is how often secrets are asked for. Secret stores do not say
// whether a secret is missing or they could not look.
const maxSecretTries = 30

// readSecrets looks whether the app's secrets are there.
func (a *sidecarCheck) readSecrets(ctx context.Context) error {
	for _, name := range a.options.Secrets {
		_, err := a.Secret(ctx, name)
		if err == nil {
			continue
		}
		if a.secret++; a.secret < maxSecretTries {
			return err
		}
		return a.judge(ctx, selfcheck.NoSecret(SecretStore, err))
	}
	return nil
}

// known is what is learnt of the app's state store.
type known struct {
	component string
	*daprstate.Store
}

// lateStore is a state store that is learnt of later. Its calls wait for that,
// as long as for the sidecar itself.
type lateStore struct {
	known known
	isSet chan struct{}
}

func newLateStore() *lateStore { return &lateStore{isSet: make(chan struct{})} }

// set may be called once.
func (l *lateStore) set(k known) {
	l.known = k
	close(l.isSet)
}

func (l *lateStore) await(ctx context.Context) (known, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	select {
	case <-l.isSet:
		return l.known, nil
	case <-ctx.Done():
		return known{}, fmt.Errorf("no state store yet: %w", ctx.Err())
	}
}

// Get implements state.Store.
func (l *lateStore) Get(ctx context.Context, keys []string) (map[string]state.Entry, error) {
	k, err := l.await(ctx)
	if err != nil {
		return nil, err
	}
	return k.Get(ctx, keys)
}

// Save implements state.Store.
func (l *lateStore) Save(ctx context.Context, writes []state.Write) []error {
	k, err := l.await(ctx)
	if err != nil {
		errs := make([]error, len(writes))
		for i := range errs {
			errs[i] = err
		}
		return errs
	}
	return k.Save(ctx, writes)
}

// Delete implements state.Store.
func (l *lateStore) Delete(ctx context.Context, keys []string) error {
	k, err := l.await(ctx)
	if err != nil {
		return err
	}
	return k.Delete(ctx, keys)
}
