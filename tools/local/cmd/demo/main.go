// Command demo is the demo alone, for a container image. Arguments or the environment
// say which Plenary to use; it waits until the one at PLENARY_URL is ready.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/plenary/plenary/tools/local/demo"
	"github.com/plenary/plenary/tools/servers/ready"
)

// patience is how long a new installation may take to become ready.
const patience = 3 * time.Minute

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	if url := os.Getenv("PLENARY_URL"); url != "" {
		waits, cancel := context.WithTimeoutCause(ctx, patience, errors.New("it is not ready"))
		defer cancel()
		if err := ready.HTTP(waits, url+"/readyz"); err != nil {
			return err
		}
	}
	return demo.Command(ctx, ".", os.Args[1:], os.Getenv, os.Stdout)
}
