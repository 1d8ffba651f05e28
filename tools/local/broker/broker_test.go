package broker_test

import (
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"

	"github.com/plenary/plenary/tools/local/broker"
)

const within = 20 * time.Second

func TestMessagesWaitForReadersThatNeverCame(t *testing.T) {
	o := broker.Options{Port: freePort(t), Dir: t.TempDir()}
	b := start(t, o)
	publish(t, b, "orders-from-web", "placed before the order app was first started")
	b.Shutdown()

	b = start(t, o) // and the broker has been restarted
	defer b.Shutdown()
	if got, want := receive(t, b), "placed before the order app was first started"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestAMessageThatIsNotAcknowledgedComesAgain(t *testing.T) {
	b := start(t, broker.Options{Port: freePort(t), Dir: t.TempDir(), AckWait: time.Second})
	defer b.Shutdown()

	received := make(chan mqtt.Message, 10)
	handler := func(_ mqtt.Client, m mqtt.Message) { received <- m }
	client := connect(t, b, "query-eventbus", handler)
	await(t, client.Subscribe("events", 1, nil))
	publish(t, b, "events", "OrderPlaced")
	<-received // and the sidecar dies
	client.Disconnect(0)

	client = connect(t, b, "query-eventbus", handler)
	defer client.Disconnect(0)
	await(t, client.Subscribe("events", 1, nil))
	select {
	case <-received:
	case <-time.After(within):
		t.Fatal("the message did not come again")
	}
}

// A broker that was killed before it wrote down which sessions it has opened, and data of
// a version that did not.
func TestASessionThatIsOpenedTwiceKeepsItsMessages(t *testing.T) {
	o := broker.Options{Port: freePort(t), Dir: t.TempDir(), AckWait: time.Second}
	b := start(t, o)
	publish(t, b, "orders-from-web", "waits")
	b.Shutdown()
	if err := os.Remove(filepath.Join(o.Dir, "sessions")); err != nil {
		t.Fatal(err)
	}

	b = start(t, o)
	defer b.Shutdown()
	receive(t, b)
}

// What waits for the port only, as servers.Answers does, must find a broker that has all
// sessions: a sidecar that came while the broker opens them would take its own over, and
// the broker would end.
func TestASidecarMayComeAsSoonAsThePortIsOpen(t *testing.T) {
	o := broker.Options{Port: freePort(t), Dir: t.TempDir()}
	seen := map[string]bool{}
	for _, r := range broker.Readers {
		if seen[r.ClientID] {
			continue
		}
		seen[r.ClientID] = true
		client := mqtt.NewClient(mqtt.NewClientOptions().
			AddBroker("mqtt://" + net.JoinHostPort("127.0.0.1", strconv.Itoa(o.Port))).
			SetClientID(r.ClientID).
			SetCleanSession(false).
			SetConnectRetry(true).
			SetConnectRetryInterval(time.Millisecond))
		client.Connect()
		defer client.Disconnect(0)
	}
	b, err := broker.Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Shutdown()
}

func start(t *testing.T, o broker.Options) *broker.Broker {
	t.Helper()
	b, err := broker.Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func connect(t *testing.T, b *broker.Broker, clientID string, handler mqtt.MessageHandler) mqtt.Client {
	t.Helper()
	client := mqtt.NewClient(mqtt.NewClientOptions().
		AddBroker(b.URL()).
		SetClientID(clientID).
		SetCleanSession(false).
		SetAutoAckDisabled(true).
		SetDefaultPublishHandler(handler))
	await(t, client.Connect())
	return client
}

func publish(t *testing.T, b *broker.Broker, topic, payload string) {
	t.Helper()
	client := connect(t, b, "publisher", nil)
	defer client.Disconnect(0)
	await(t, client.Publish(topic, 1, false, payload))
}

// receive gives a message that waits for the order app.
func receive(t *testing.T, b *broker.Broker) (payload string) {
	t.Helper()
	received := make(chan string, 1)
	client := connect(t, b, "order-commandbus", func(_ mqtt.Client, m mqtt.Message) { received <- string(m.Payload()) })
	defer client.Disconnect(0)
	await(t, client.Subscribe("orders-from-web", 1, nil))
	select {
	case payload = <-received:
	case <-time.After(within):
		t.Fatal("the message did not arrive")
	}
	return payload
}

func await(t *testing.T, token mqtt.Token) {
	t.Helper()
	if !token.WaitTimeout(within) {
		t.Fatal("no answer from the broker")
	}
	if err := token.Error(); err != nil {
		t.Fatal(err)
	}
}

// freePort is below those of outgoing connections, and above those of package harness: a
// client that tries a port again and again would else, now and then, connect to itself.
func freePort(t *testing.T) int {
	t.Helper()
	const lowest, ports = 31000, 1700
	for _, n := range rand.Perm(ports) {
		l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(lowest+n)))
		if err == nil {
			_ = l.Close()
			return lowest + n
		}
	}
	t.Fatal("no free port")
	return 0
}
