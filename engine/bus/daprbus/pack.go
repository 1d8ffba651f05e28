package daprbus

import (
	"hash/fnv"
	"iter"
	"slices"
	"strconv"

	"github.com/dapr/go-sdk/client"

	"github.com/plenary/plenary/engine/bus"
	"github.com/plenary/plenary/engine/component"
	"github.com/plenary/plenary/engine/message"
)

// Suit has what goes through a component published as its type needs it. Without
// it, each event is a message, and the component is believed.
func (p *Publisher) Suit(name string, of component.Type) {
	p.packed.Store(name, of.Packing)
	if of.Unsure {
		p.Doubt(name)
	}
}

func (p *Publisher) packing(name string) component.Packing {
	how, _ := p.packed.Load(name)
	packing, _ := how.(component.Packing)
	return packing
}

// Bounds of a message. A reader's sidecar counts messages, so the events bound what
// one delivery of 200 gives an app to do; the bytes keep a message far below what
// every broker takes. One event alone may be larger.
const (
	maxEvents       = 25
	maxMessageBytes = 128 << 10
)

// buckets is how many keys messages have where they are packed by key. More would
// leave fewer events for a message, fewer would leave replicas without any.
const buckets = 64

func bucket(key string) string {
	h := fnv.New32a()
	_, _ = h.Write([]byte(key))
	return strconv.FormatUint(uint64(h.Sum32()%buckets), 10)
}

// pack is the events of one message.
type pack struct {
	key    string
	events [][]byte
	bytes  int
}

// packs are messages by where they go, in the order in which they were begun.
type packs map[target][]*pack

// add adds an event to the last message of its target and key, or to a new one.
func (ps packs) add(t target, how component.Packing, e bus.Encoded) {
	key := e.PartitionKey
	switch how {
	case component.ByKey:
		key = bucket(key)
	case component.Together:
		key = ""
	}
	if how != component.Singly {
		for _, last := range slices.Backward(ps[t]) {
			if last.key != key {
				continue
			}
			if len(last.events) < maxEvents && last.bytes+len(e.Event) <= maxMessageBytes {
				last.events, last.bytes = append(last.events, e.Event), last.bytes+len(e.Event)
				return
			}
			break
		}
	}
	ps[t] = append(ps[t], &pack{key: key, events: [][]byte{e.Event}, bytes: len(e.Event)})
}

// calls are the bulk calls that publish all messages.
func (ps packs) calls() iter.Seq2[target, []any] {
	return func(yield func(target, []any) bool) {
		for t, all := range ps {
			var entries []any
			size := 0
			for _, m := range all {
				if len(entries) > 0 && (len(entries) >= maxEntries || size+m.bytes > maxBytes) {
					if !yield(t, entries) {
						return
					}
					entries, size = nil, 0
				}
				entries = append(entries, m.entry(len(entries)))
				size += m.bytes
			}
			if len(entries) > 0 && !yield(t, entries) {
				return
			}
		}
	}
}

// entry is the message: a CloudEvent, or several as a batch.
func (m *pack) entry(n int) client.PublishEventsEvent {
	entry := client.PublishEventsEvent{EntryID: strconv.Itoa(n), Data: m.events[0], ContentType: message.ContentType}
	if len(m.events) > 1 {
		entry.Data, entry.ContentType = message.PackCloudEvents(m.events), message.BatchContentType
	}
	if m.key != "" {
		entry.Metadata = map[string]string{"partitionKey": m.key}
	}
	return entry
}
