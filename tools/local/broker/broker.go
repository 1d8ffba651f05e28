// Package broker runs NATS JetStream inside this process: the broker of a local
// installation, so that nothing has to be installed for it.
//
// The sidecars speak MQTT to it, which JetStream keeps and delivers as it does
// its own messages. Dapr's own JetStream component is not used: with parallel
// delivery, which bulk subscriptions need, it acknowledges a message as soon as
// the sidecar has it, and the message is lost with the sidecar.
package broker

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/plenary/plenary/topology"
)

// Options says where the broker listens and keeps its data.
type Options struct {
	Port int    // for MQTT, on 127.0.0.1
	Dir  string // of the file store; made if need be

	// AckWait is when a message that is not acknowledged is sent again; 0 means
	// 10 s. That long its handling may take, and that long it is late when a
	// sidecar dies. It holds for subscriptions made from then on.
	AckWait time.Duration
}

// Broker is a running broker.
type Broker struct {
	server *server.Server
	port   int
}

const (
	host        = "127.0.0.1"
	readyWithin = 30 * time.Second

	defaultAckWait = 10 * time.Second
	// inFlight messages at most wait in a sidecar; the others stay here.
	inFlight = 500

	maxStore = 16 << 30 // bytes on disk; publishing fails beyond
)

// A Reader is a sidecar's durable subscription to a topic.
type Reader struct{ ClientID, Topic string }

// Readers are the durable subscriptions of components/local: the client's id is
// the component's consumerID, "{appID}-<component>".
var Readers = readers()

func readers() (all []Reader) {
	for _, r := range topology.Plenary().Readers() {
		all = append(all, Reader{r.Consumer(), r.Topic})
	}
	return all
}

// Start starts a broker that keeps messages for all Readers from the beginning,
// whether they have been seen before or not. Stop it with Shutdown.
//
// What was published survives the death of any process. It is not synced to the
// disk message by message, so the last moments before a power cut may be lost.
func Start(ctx context.Context, o Options) (*Broker, error) {
	s, err := server.NewServer(&server.Options{
		ServerName:        "plenary",
		Host:              host,
		DontListen:        true, // for NATS clients outside of this process
		JetStream:         true,
		StoreDir:          o.Dir,
		JetStreamMaxStore: maxStore,
		MQTT:              server.MQTTOpts{Host: host, Port: o.Port, AckWait: cmp.Or(o.AckWait, defaultAckWait), MaxAckPending: inFlight},
		NoSigs:            true, // stopping is up to the caller
	})
	if err != nil {
		return nil, fmt.Errorf("configure broker: %w", err)
	}
	s.ConfigureLogger()
	s.Start()
	b := &Broker{server: s, port: o.Port}
	if !s.ReadyForConnections(readyWithin) {
		b.Shutdown()
		return nil, fmt.Errorf("broker on port %d is not ready after %s", o.Port, readyWithin)
	}
	if err := b.openSessions(ctx); err != nil {
		b.Shutdown()
		return nil, err
	}
	return b, nil
}

// openSessions subscribes for readers that have not been here yet: nothing is
// kept for a session that does not exist.
func (b *Broker) openSessions(ctx context.Context) error {
	open, err := b.subscriptions(ctx)
	if err != nil {
		return err
	}
	wanted := map[string]int{}
	for _, r := range Readers {
		wanted[r.Topic]++
	}
	for _, r := range Readers {
		// A session that is there is left alone: whatever was delivered to us
		// would reach its reader only after AckWait.
		if open[r.Topic] >= wanted[r.Topic] {
			continue
		}
		if err := b.openSession(r); err != nil {
			return fmt.Errorf("open the session of %s: %w", r.ClientID, err)
		}
	}
	return nil
}

// subscriptions counts the durable subscriptions per topic. Those of MQTT are
// consumers of a stream that the server makes for them.
func (b *Broker) subscriptions(ctx context.Context) (map[string]int, error) {
	nc, err := nats.Connect("", nats.InProcessServer(b.server))
	if err != nil {
		return nil, fmt.Errorf("connect to broker: %w", err)
	}
	defer nc.Close()
	js, err := jetstream.New(nc)
	if err != nil {
		return nil, fmt.Errorf("connect to broker: %w", err)
	}
	stream, err := js.Stream(ctx, "$MQTT_msgs")
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("look for sessions: %w", err)
	}
	count := map[string]int{}
	consumers := stream.ListConsumers(ctx)
	for c := range consumers.Info() {
		for _, r := range Readers {
			if c.Config.FilterSubject == "$MQTT.msgs."+r.Topic {
				count[r.Topic]++
				break
			}
		}
	}
	return count, consumers.Err()
}

func (b *Broker) openSession(r Reader) error {
	client := mqtt.NewClient(mqtt.NewClientOptions().
		AddBroker(b.URL()).
		SetClientID(r.ClientID).
		SetCleanSession(false).
		SetConnectTimeout(readyWithin))
	defer client.Disconnect(uint(time.Second.Milliseconds()))
	if err := await(client.Connect()); err != nil {
		return err
	}
	const atLeastOnce = 1
	return await(client.Subscribe(r.Topic, atLeastOnce, func(mqtt.Client, mqtt.Message) {}))
}

func await(t mqtt.Token) error {
	if !t.WaitTimeout(readyWithin) {
		return fmt.Errorf("no answer within %s", readyWithin)
	}
	return t.Error()
}

// URL is the address that MQTT clients connect to.
func (b *Broker) URL() string { return "mqtt://" + net.JoinHostPort(host, strconv.Itoa(b.port)) }

// Shutdown stops the broker and waits until its files are closed.
func (b *Broker) Shutdown() {
	b.server.Shutdown()
	b.server.WaitForShutdown()
}
