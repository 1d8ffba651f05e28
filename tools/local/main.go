// Command local runs Plenary on one machine, on the real Dapr, with an embedded
// broker. See `make help`.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/plenary/plenary/tools/local/demo"
	"github.com/plenary/plenary/tools/local/runfile"
)

const usage = `usage: local COMMAND

  run        start everything and wait for ctrl-C
  broker     start only the broker, for "dapr run -f ." with an installed Dapr
  kafka      start only the stand-in for Kafka
  dapr       find or build Dapr's programs
  clean-data delete all data, if nothing is running
  demo       drive one order to every outcome on the running system and print the timelines
`

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	if err := command(ctx, os.Args[1:]); err != nil && !errors.Is(err, context.Canceled) {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func command(ctx context.Context, args []string) error {
	root, err := runfile.Root()
	if err != nil {
		return err
	}
	name := ""
	if len(args) > 0 {
		name = args[0]
	}
	switch name {
	case "run":
		return runAll(ctx, root, args[1:], os.Stdout)
	case "broker":
		return runBroker(ctx, args[1:], root)
	case "kafka":
		return runKafka(ctx, args[1:], root)
	case "dapr":
		return findDapr(ctx, root)
	case "clean-data":
		return cleanData(root)
	case "demo":
		return demo.Command(ctx, root, args[1:], os.Getenv, os.Stdout)
	default:
		return errors.New(usage)
	}
}
