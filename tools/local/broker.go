package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"

	"github.com/plenary/plenary/tools/local/broker"
	"github.com/plenary/plenary/tools/local/dapr"
	"github.com/plenary/plenary/tools/local/kafka"
)

// runBroker runs the broker until ctx ends.
func runBroker(ctx context.Context, args []string, root string) error {
	flags := flag.NewFlagSet("broker", flag.ContinueOnError)
	port := flags.Int("port", brokerPort, "port for MQTT, on 127.0.0.1")
	dir := flags.String("dir", filepath.Join(root, ".data", "local", "broker"), "folder for the messages")
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

// runKafka runs the stand-in for Kafka until ctx ends.
func runKafka(ctx context.Context, args []string, root string) error {
	flags := flag.NewFlagSet("kafka", flag.ContinueOnError)
	port := flags.Int("port", kafkaPort, "port, on 127.0.0.1")
	dir := flags.String("dir", filepath.Join(root, ".data", "kafka-postgres", "kafka"), "folder for the messages")
	partitions := flags.Int("partitions", kafkaPartitions, "partitions of each topic")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if err := free([]claim{{*port, "broker"}}); err != nil {
		return err
	}
	var topics []string
	for _, r := range broker.Readers {
		topics = append(topics, r.Topic)
	}
	c, err := kafka.Start(kafka.Options{Port: *port, Dir: *dir, Partitions: *partitions, Topics: topics})
	if err != nil {
		return err
	}
	fmt.Printf("The stand-in for Kafka is ready at %s; ctrl-C stops it.\n", c.Address())
	<-ctx.Done()
	c.Close()
	return nil
}

// Defaults of the stand-in for Kafka: the port is the one in
// components/kafka-postgres.
const (
	kafkaPort       = 19092
	kafkaPartitions = 4
)

// findDapr prints where Dapr is, after building it if necessary.
func findDapr(ctx context.Context, root string) error {
	b, err := dapr.Ensure(ctx, root, os.Stdout)
	if err != nil {
		return err
	}
	fmt.Printf("daprd %s: %s\n", b.Version, b.Daprd)
	return nil
}
