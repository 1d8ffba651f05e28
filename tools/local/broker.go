package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"

	"github.com/plenary/plenary/tools/local/broker"
	"github.com/plenary/plenary/tools/local/dapr"
)

// runBroker runs the broker until ctx ends. data is where components/local keeps
// its files as well.
func runBroker(ctx context.Context, args []string, data string) error {
	flags := flag.NewFlagSet("broker", flag.ContinueOnError)
	port := flags.Int("port", brokerPort, "port for MQTT, on 127.0.0.1")
	dir := flags.String("dir", filepath.Join(data, "broker"), "folder that holds the messages")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if err := free([]claim{{*port, "broker"}}); err != nil {
		return err
	}
	b, err := broker.Start(ctx, broker.Options{Port: *port, Dir: *dir})
	if err != nil {
		return err
	}
	fmt.Printf("The broker is ready at %s; ctrl-C stops it.\n", b.URL())
	<-ctx.Done()
	b.Shutdown()
	return nil
}

// findDapr says where the parts of Dapr are, after building them if need be.
func findDapr(ctx context.Context, root string) error {
	b, err := dapr.Ensure(ctx, root, os.Stdout)
	if err != nil {
		return err
	}
	fmt.Printf("daprd %s: %s\nCLI: %s\n", b.Version, b.Daprd, b.CLI)
	return nil
}
