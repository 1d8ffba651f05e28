// Package demo shows newcomers a running Plenary: it creates a conference, drives
// one order to every outcome and prints each order's timeline of commands and
// events. It uses only the HTTP API, and fails if an order does not reach its
// outcome, so it also tests a running system.
//
// Two outcomes need a hold to expire. The first order's deadline shows how long
// that takes; if it is longer than the demo may wait, the demo shows the other
// outcomes, and a later run shows these. No state is kept for that: all names and
// ids of a run derive from the run's own id.
package demo

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/google/uuid"
	"golang.org/x/term"

	"github.com/plenary/plenary/tools/local/api"
)

// Options say what to show, and of which system.
type Options struct {
	// URL is the origin of the API.
	URL string
	// Token is the organiser's credential.
	Token string
	// Wait is how long to wait for holds to expire. Orders that take longer are
	// left waiting.
	Wait time.Duration
	// Resume is the run to continue; the zero value starts a new one.
	Resume uuid.UUID
	Out    io.Writer
	Colour bool
}

const (
	defaultURL  = "http://127.0.0.1:8080"
	defaultWait = time.Minute

	urlVariable   = "PLENARY_URL"
	tokenVariable = "PLENARY_ORGANISER_TOKEN"
)

// Command runs the demo with its arguments and environment. root is the root of the
// repository.
func Command(ctx context.Context, root string, args []string, getenv func(string) string, out *os.File) error {
	o, err := options(root, args, getenv)
	if errors.Is(err, flag.ErrHelp) {
		return nil
	}
	if err != nil {
		return err
	}
	o.Out, o.Colour = out, getenv("NO_COLOR") == "" && getenv("TERM") != "dumb" && term.IsTerminal(int(out.Fd()))
	err = Run(ctx, o)
	if ctx.Err() != nil {
		return errors.New("the demo was interrupted")
	}
	return err
}

func options(root string, args []string, getenv func(string) string) (o Options, err error) {
	flags := flag.NewFlagSet("demo", flag.ContinueOnError)
	flags.StringVar(&o.URL, "url", cmp.Or(getenv(urlVariable), defaultURL), "origin of the API; also "+urlVariable)
	flags.StringVar(&o.Token, "token", getenv(tokenVariable), "the organiser's credential; also "+tokenVariable+
		"; default: the one in the local secrets")
	flags.DurationVar(&o.Wait, "wait", defaultWait, "how long to wait for holds to expire")
	flags.Func("resume", "show the remaining orders of an earlier `run`", func(text string) (err error) {
		o.Resume, err = uuid.Parse(text)
		return err
	})
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	if flags.NArg() > 0 {
		return o, fmt.Errorf("demo: unexpected arguments %q; see demo -h", strings.Join(flags.Args(), " "))
	}
	if o.Wait < 0 {
		return o, fmt.Errorf("demo: -wait must not be negative: %s", o.Wait)
	}
	o.URL = strings.TrimRight(o.URL, "/")
	if o.Token == "" {
		o.Token, err = localToken(root)
	}
	return o, err
}

// localToken is the organiser's credential of the local set. It is the same in
// all sets.
func localToken(root string) (string, error) {
	file := filepath.Join(root, "components", "local", "secrets.json")
	b, err := os.ReadFile(file)
	if err != nil {
		return "", fmt.Errorf("demo: the organiser's credential is needed (-token or %s): %w", tokenVariable, err)
	}
	var secrets struct {
		Token string `json:"organiser-token"`
	}
	if err := json.Unmarshal(b, &secrets); err != nil {
		return "", fmt.Errorf("demo: %s: %w", file, err)
	}
	if secrets.Token == "" {
		return "", fmt.Errorf("demo: %s has no organiser-token", file)
	}
	return secrets.Token, nil
}

// Run shows everything. Its error says which order did not reach its outcome.
func Run(ctx context.Context, o Options) error {
	s := newShow(o)
	if err := s.play(ctx); err != nil {
		return s.explain(err)
	}
	return nil
}

// explain says what to do about the errors that newcomers meet first.
func (s *show) explain(err error) error {
	var refused *net.OpError
	switch {
	case errors.As(err, &refused) && refused.Op == "dial":
		return fmt.Errorf("nothing answers at %s: start Plenary with `make run`, in another terminal, "+
			"or set its address with -url or %s (%w)", s.URL, urlVariable, refused)
	case api.Code(err) == "credential-required":
		return fmt.Errorf("%s has a different organiser's credential: set it with -token or %s", s.URL, tokenVariable)
	case api.Code(err) == "unavailable":
		return fmt.Errorf("Plenary at %s is not ready yet, or a part of it is down; see its logs: %w", s.URL, err)
	}
	return fmt.Errorf("demo: %w", err)
}
