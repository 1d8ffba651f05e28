// Package kafka runs franz-go's kfake inside this process: a stand-in for a
// Kafka broker that speaks its protocol, for trials and tests on one machine.
package kafka

import (
	"fmt"

	"github.com/twmb/franz-go/pkg/kfake"
)

// Options say where the broker listens and keeps its data.
type Options struct {
	Port int // on 127.0.0.1
	Dir  string
	// Partitions of each topic.
	Partitions int
	// Topics that are there from the beginning. Of those that are made when they
	// are first used, kfake writes down only when it is closed that there are any;
	// killed before, it begins them anew.
	Topics []string
}

// Start starts a broker. Close it, so that it writes down all it has.
func Start(o Options) (*kfake.Cluster, error) {
	c, err := kfake.NewCluster(
		kfake.NumBrokers(1), kfake.Ports(o.Port), kfake.DataDir(o.Dir),
		kfake.AllowAutoTopicCreation(), kfake.DefaultNumPartitions(o.Partitions),
		kfake.SeedTopics(0, o.Topics...),
	)
	if err != nil {
		return nil, fmt.Errorf("start kafka: %w", err)
	}
	return c, nil
}
