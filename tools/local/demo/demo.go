// Package demo shows a running Plenary to somebody new to it: it opens a
// conference, takes one order to each fate that an order can have, and tells
// each as a timeline of commands and events. It is a client of the HTTP API
// and of nothing else, and its error says when a fate did not come about, so it
// tests a running system as well.
//
// Two fates need a hold to lapse. How long that takes is told by the deadline
// of the first order; when it is longer than the demo is to wait, the other
// fates are shown, and a later run takes these up again. Nothing is kept for
// that: all names and ids of a run derive from the run's own.
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

// Options say what to show, and where.
type Options struct {
	// URL is the origin of the API.
	URL string
	// Token is the organiser's credential.
	Token string
	// Wait is how long to wait for holds to lapse. Orders that take longer are
	// left waiting.
	Wait time.Duration
	// Resume is the run to take up again; the zero value is a new one.
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

// Command runs the demo as its arguments and the environment say. root is the
// root of the repository.
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
		"; otherwise the one of the local secrets")
	flags.DurationVar(&o.Wait, "wait", defaultWait, "how long to wait for holds to lapse")
	flags.Func("resume", "show the rest of a `run` whose orders had to wait", func(text string) (err error) {
		o.Resume, err = uuid.Parse(text)
		return err
	})
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	if flags.NArg() > 0 {
		return o, fmt.Errorf("demo: what is %q? See demo -h", strings.Join(flags.Args(), " "))
	}
	if o.Wait < 0 {
		return o, fmt.Errorf("demo: -wait %s is less than nothing", o.Wait)
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

// Run shows everything. Its error says what did not go as it should.
func Run(ctx context.Context, o Options) error {
	s := newShow(o)
	if err := s.play(ctx); err != nil {
		return s.explain(err)
	}
	return nil
}

// explain says what can be done about errors that a newcomer meets first.
func (s *show) explain(err error) error {
	var refused *net.OpError
	switch {
	case errors.As(err, &refused) && refused.Op == "dial":
		return fmt.Errorf("nothing answers at %s: start Plenary with `make run`, in another terminal, "+
			"or say with -url or %s where it is (%w)", s.URL, urlVariable, refused)
	case api.Code(err) == "credential-required":
		return fmt.Errorf("%s has another organiser's credential: say with -token or %s which", s.URL, tokenVariable)
	case api.Code(err) == "unavailable":
		return fmt.Errorf("Plenary at %s does not answer yet, or a part of it is down; see its logs: %w", s.URL, err)
	}
	return fmt.Errorf("demo: %w", err)
}
