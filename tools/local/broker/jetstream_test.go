package broker_test

import (
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
)

// Why the sidecars speak MQTT: Dapr's JetStream component, where it delivers in
// parallel, hands each message to a goroutine and returns, and the client takes
// that for having handled it. When this test fails the client has changed, and
// the component may be looked at again (docs/adr/0010-local-broker.md).
func TestJetStreamTakesAMessageHandledInTheBackgroundForHandled(t *testing.T) {
	s, err := server.NewServer(&server.Options{DontListen: true, JetStream: true, StoreDir: t.TempDir(), NoSigs: true})
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	defer func() { s.Shutdown(); s.WaitForShutdown() }()
	if !s.ReadyForConnections(within) {
		t.Fatal("the server is not ready")
	}
	const messages = 50
	for _, c := range []struct {
		name         string
		parallel     bool
		acknowledged uint64
	}{{"parallel", true, messages}, {"single", false, 0}} {
		t.Run(c.name, func(t *testing.T) {
			nc, err := nats.Connect("", nats.InProcessServer(s))
			if err != nil {
				t.Fatal(err)
			}
			defer nc.Close()
			js, err := nc.JetStream()
			if err != nil {
				t.Fatal(err)
			}
			if _, err := js.AddStream(&nats.StreamConfig{Name: c.name, Subjects: []string{c.name}}); err != nil {
				t.Fatal(err)
			}
			consumer, err := js.AddConsumer(c.name, &nats.ConsumerConfig{
				Durable: "app", DeliverSubject: nats.NewInbox(), DeliverGroup: "app",
				AckPolicy: nats.AckExplicitPolicy, FilterSubject: c.name,
			})
			if err != nil {
				t.Fatal(err)
			}
			for range messages {
				if _, err := js.Publish(c.name, nil); err != nil {
					t.Fatal(err)
				}
			}

			// The app never answers.
			received, never := make(chan struct{}, messages), make(chan struct{})
			defer close(never)
			handle := func(*nats.Msg) { received <- struct{}{}; <-never }
			callback := handle
			if c.parallel {
				callback = func(m *nats.Msg) { go handle(m) }
			}
			if _, err := js.QueueSubscribe(c.name, "app", callback, nats.Bind(c.name, consumer.Name)); err != nil {
				t.Fatal(err)
			}
			<-received

			for deadline := time.Now().Add(within); ; {
				info, err := js.ConsumerInfo(c.name, "app")
				if err != nil {
					t.Fatal(err)
				}
				if info.AckFloor.Stream == c.acknowledged {
					return
				}
				if time.Now().After(deadline) {
					t.Fatalf("acknowledged: %d of %d, want %d", info.AckFloor.Stream, messages, c.acknowledged)
				}
			}
		})
	}
}
