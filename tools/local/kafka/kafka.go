// Package kafka runs franz-go's kfake inside this process: a stand-in for a
// Kafka broker that speaks its protocol, for trials and tests on one machine.
package kafka

import (
	"context"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// patience is how long a rebalancing group waits for members that have not rejoined.
// In kfake each join restarts the wait, so it must be shorter than the time after which
// a client gives up and joins again (30 s in Dapr's component): otherwise a group would
// wait for a dead member for ever. It is also shorter than a session (10 s), since
// kfake ends the session of a waiting member and then never answers it.
const patience = 5 * time.Second

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

// Broker is one that runs.
type Broker struct {
	cluster *kfake.Cluster
	stop    context.CancelFunc
}

// Start starts a broker. Close it, so that it writes down all it has.
func Start(o Options) (*Broker, error) {
	cluster, err := kfake.NewCluster(
		kfake.NumBrokers(1), kfake.Ports(o.Port), kfake.DataDir(o.Dir),
		kfake.AllowAutoTopicCreation(), kfake.DefaultNumPartitions(o.Partitions),
		kfake.SeedTopics(0, o.Topics...),
	)
	if err != nil {
		return nil, fmt.Errorf("start kafka: %w", err)
	}
	cluster.ControlKey(int16(kmsg.JoinGroup), func(r kmsg.Request) (kmsg.Response, error, bool) {
		join := r.(*kmsg.JoinGroupRequest)
		join.RebalanceTimeoutMillis = min(join.RebalanceTimeoutMillis, int32(patience.Milliseconds()))
		return nil, nil, false // kfake answers
	})
	ctx, stop := context.WithCancel(context.Background())
	if err := watch(ctx, cluster); err != nil {
		stop()
		cluster.Close()
		return nil, fmt.Errorf("start kafka: %w", err)
	}
	return &Broker{cluster: cluster, stop: stop}, nil
}

// Address is where the broker listens.
func (b *Broker) Address() string { return b.cluster.ListenAddrs()[0] }

// Close stops the broker.
func (b *Broker) Close() {
	b.stop()
	b.cluster.Close()
}
