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
	"io/fs"
	"maps"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"
	"github.com/nats-io/nats-server/v2/server"

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

	anyPort = server.RANDOM_PORT
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
	if err := openSessions(ctx, o); err != nil {
		return nil, err
	}
	return serve(o)
}

// serve takes clients on the port of the options; with anyPort, on a free one.
func serve(o Options) (*Broker, error) {
	options := &server.Options{
		ServerName:        "plenary",
		Host:              host,
		DontListen:        true, // for NATS clients outside of this process
		JetStream:         true,
		StoreDir:          o.Dir,
		JetStreamMaxStore: maxStore,
		MQTT:              server.MQTTOpts{Host: host, Port: o.Port, AckWait: cmp.Or(o.AckWait, defaultAckWait), MaxAckPending: inFlight},
		NoSigs:            true, // stopping is up to the caller
	}
	s, err := server.NewServer(options)
	if err != nil {
		return nil, fmt.Errorf("configure broker: %w", err)
	}
	s.ConfigureLogger()
	s.Start()
	b := &Broker{server: s}
	if !s.ReadyForConnections(readyWithin) {
		b.Shutdown()
		return nil, fmt.Errorf("broker on port %d is not ready after %s", o.Port, readyWithin)
	}
	b.port = options.MQTT.Port // the server writes down which one it took
	return b, nil
}

// openSessions subscribes for readers that have no session yet: the server keeps nothing
// for a session that does not exist. It uses a port that no sidecar knows. On the real port
// a sidecar could connect meanwhile, and the server keeps one of two clients with one id.
func openSessions(ctx context.Context, o Options) error {
	file := filepath.Join(o.Dir, "sessions")
	open, err := os.ReadFile(file)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("look for sessions: %w", err)
	}
	known := strings.Split(string(open), "\n")
	var all []string
	missing := map[string][]string{} // topics by client id
	for _, r := range Readers {
		line := r.ClientID + " " + r.Topic
		all = append(all, line)
		if !slices.Contains(known, line) {
			missing[r.ClientID] = append(missing[r.ClientID], r.Topic)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	o.Port = anyPort
	b, err := serve(o)
	if err != nil {
		return err
	}
	defer b.Shutdown()
	for _, client := range slices.Sorted(maps.Keys(missing)) {
		if err := b.openSession(ctx, client, missing[client]); err != nil {
			return fmt.Errorf("open the session of %s: %w", client, err)
		}
	}
	return os.WriteFile(file, []byte(strings.Join(all, "\n")), 0o600)
}

// openSession subscribes as a client, on one connection: the server may still hold one
// that has just ended, and refuse another with the same id. If a session is there already,
// since a broker was killed before it had written that down, what waits for the reader is
// delivered here; it is not acknowledged, and comes to the reader after AckWait.
func (b *Broker) openSession(ctx context.Context, clientID string, topics []string) error {
	client := mqtt.NewClient(mqtt.NewClientOptions().
		AddBroker(b.URL()).
		SetClientID(clientID).
		SetCleanSession(false).
		SetAutoAckDisabled(true))
	defer client.Disconnect(uint(time.Second.Milliseconds()))
	if err := await(ctx, client.Connect()); err != nil {
		return err
	}
	const atLeastOnce = 1
	for _, topic := range topics {
		if err := await(ctx, client.Subscribe(topic, atLeastOnce, func(mqtt.Client, mqtt.Message) {})); err != nil {
			return fmt.Errorf("topic %s: %w", topic, err)
		}
	}
	return nil
}

func await(ctx context.Context, t mqtt.Token) error {
	select {
	case <-t.Done():
		return t.Error()
	case <-time.After(readyWithin):
		return fmt.Errorf("no answer within %s", readyWithin)
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// URL is the address that MQTT clients connect to.
func (b *Broker) URL() string { return "mqtt://" + net.JoinHostPort(host, strconv.Itoa(b.port)) }

// Shutdown stops the broker and waits until its files are closed.
func (b *Broker) Shutdown() {
	b.server.Shutdown()
	b.server.WaitForShutdown()
}
