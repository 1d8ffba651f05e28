package stream

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/plenary/plenary/engine/es"
	"github.com/plenary/plenary/engine/message"
	"github.com/plenary/plenary/engine/state"
)

// Versions of the document's own layout. A document without cuts is one that the
// first program could read, and stays so.
const (
	documentSchema = 1
	cutSchema      = 2
)

// document is the one key that a commit writes. See docs/adr for its shape.
type document struct {
	Schema  int    `json:"schema"`
	Version uint64 `json:"version"` // of the last event
	// Commit is unique to the save that wrote this document; a writer who is not
	// told whether its save happened finds out by looking for it.
	Commit string `json:"commit"`
	// Dispatched is the version up to which the writer knew all effects to be
	// carried out. What lies above may have been too.
	Dispatched uint64 `json:"dispatched,omitempty"`
	// Sealed events, 1..Sealed, have moved from the tail into segments.
	Sealed uint64 `json:"sealed,omitempty"`
	// Cuts are the last versions of segments that ended, by their weight, before
	// segmentSize events were full.
	Cuts     []uint64  `json:"cuts,omitempty"`
	Snapshot *snapshot `json:"snapshot,omitempty"`
	// Handled has a fixed-size digest of the id of each message handled, oldest
	// first, in one string.
	Handled string `json:"handled,omitempty"`
	// Outgoing are messages to be published that are no events of this stream:
	// refusals of commands that came before the stream's first event, and dead
	// letters. They are dropped once they are known to be published.
	Outgoing []Outgoing `json:"outgoing,omitempty"`
	// Parked are the ids of messages that wait in the dead letters for an
	// operator; Held are the messages that came behind them.
	Parked []string `json:"parked,omitempty"`
	Held   []Held   `json:"held,omitempty"`
	// Tail are the events after Sealed.
	Tail []Record `json:"tail"`
}

type snapshot struct {
	Version uint64 `json:"version"` // of the last event in it
	Schema  int    `json:"schema"`
	Key     string `json:"key"`   // suffix of its keys
	Parts   int    `json:"parts"` // how many keys it takes
	Bytes   int    `json:"bytes"`
}

// Record is one entry of a stream: an event of an aggregate, or a message that
// a process handled; with what has to be done because of it.
type Record struct {
	Version uint64 `json:"v"`
	// ID is the id of the handled message, for a process. An event's id is derived
	// from stream and version and not stored.
	ID            string          `json:"id,omitempty"`
	Type          string          `json:"type"`
	Time          time.Time       `json:"time"`
	CorrelationID string          `json:"corr,omitempty"`
	PartitionKey  string          `json:"key,omitempty"` // where it is not the correlation id
	TraceParent   string          `json:"trace,omitempty"`
	Cause         message.Cause   `json:"cause,omitzero"`
	Data          json.RawMessage `json:"data"`

	// DecisionEnd is the version of the last event of the same decision, 0 for that
	// event itself.
	DecisionEnd uint64 `json:"end,omitempty"`

	// Commands and Wake are dropped once they are known to be carried out.
	Commands []Outgoing `json:"cmds,omitempty"`
	Wake     *es.Wake   `json:"wake,omitempty"`
}

// Outgoing is a message to be published beside the stream's own events.
type Outgoing struct {
	ID   string `json:"id"`
	Type string `json:"type"`
	// Kind and Topic are where it went when it was committed, for a version that
	// does not know its type. The first documents do not have them.
	Kind          message.Kind    `json:"kind,omitempty"`
	Topic         string          `json:"topic,omitempty"`
	Stream        string          `json:"stream,omitempty"`
	StreamVersion uint64          `json:"sv,omitempty"`
	Time          time.Time       `json:"time"`
	CorrelationID string          `json:"corr,omitempty"`
	PartitionKey  string          `json:"key,omitempty"` // where it is not the correlation id
	TraceParent   string          `json:"trace,omitempty"`
	Cause         message.Cause   `json:"cause,omitzero"`
	Data          json.RawMessage `json:"data"`
}

// Held is a message kept back behind a parked one.
type Held struct {
	Meta message.Meta    `json:"meta"`
	Data json.RawMessage `json:"data"`
}

// digestSize is the length of one id in document.Handled: 96 bits, so that two
// of a million ids meet with a chance of one in 10^16.
const digestSize = 16

func digest(id string) string {
	sum := sha256.Sum256([]byte(id))
	return base64.RawURLEncoding.EncodeToString(sum[:12])
}

func decodeDocument(data []byte) (*document, error) {
	var d document
	if err := json.Unmarshal(data, &d); err != nil {
		return nil, fmt.Errorf("%w: %v", ErrCorrupt, err)
	}
	if d.Schema != documentSchema && d.Schema != cutSchema {
		return nil, fmt.Errorf("%w: document schema %d, this program reads %d and %d", ErrCorrupt, d.Schema, documentSchema, cutSchema)
	}
	if len(d.Handled)%digestSize != 0 || d.Sealed+uint64(len(d.Tail)) != d.Version {
		return nil, fmt.Errorf("%w: version %d with %d sealed and %d in the tail", ErrCorrupt, d.Version, d.Sealed, len(d.Tail))
	}
	if d.Sealed%segmentSize != 0 && (len(d.Cuts) == 0 || d.Cuts[len(d.Cuts)-1] != d.Sealed) {
		return nil, fmt.Errorf("%w: no segment ends with version %d", ErrCorrupt, d.Sealed)
	}
	return &d, nil
}

// nextSegment is how many events of the tail the next segment takes: all up to
// the next multiple of segmentSize, or fewer if they weigh enough. It is 0 if
// there are not so many yet.
func (d *document) nextSegment() int {
	most := segmentSize - int(d.Sealed%segmentSize)
	bytes := 0
	for i := range min(most, len(d.Tail)) {
		if bytes += weight(d.Tail[i].Data); bytes >= segmentBytes || i+1 == most {
			return i + 1
		}
	}
	return 0
}

// seal takes the first n events out of the tail and returns the segment that has
// them.
func (d *document) seal(k Key, n int) (state.Write, error) {
	data, err := json.Marshal(d.Tail[:n])
	if err != nil {
		return state.Write{}, fmt.Errorf("stream %s: encode segment: %w", k, err)
	}
	first := d.Sealed + 1
	d.Tail = slices.Clone(d.Tail[n:])
	if d.Sealed += uint64(n); d.Sealed%segmentSize != 0 {
		d.Cuts, d.Schema = append(d.Cuts, d.Sealed), cutSchema
	}
	return state.Write{Key: segmentKey(k, first, d.Sealed), Value: data, Always: true}, nil
}

// segments are the keys of all segments, the oldest first.
func (d *document) segments(k Key) (keys []string) {
	cuts := d.Cuts
	for done := uint64(0); done < d.Sealed; {
		first := done + 1
		done += segmentSize - done%segmentSize
		if len(cuts) > 0 && cuts[0] < done {
			done, cuts = cuts[0], cuts[1:]
		}
		keys = append(keys, segmentKey(k, first, done))
	}
	return keys
}

// segmentKey is the key of the segment with these events. It says which they
// are: whoever writes it writes the same, wherever others would have cut.
func segmentKey(k Key, first, last uint64) string {
	if (first-1)%segmentSize == 0 && last == first-1+segmentSize {
		return fmt.Sprintf("%s/segment/%d", k, first/segmentSize)
	}
	return fmt.Sprintf("%s/segment/%d-%d", k, first, last)
}

// weight is what a stored message takes, with its metadata, roughly.
func weight(data json.RawMessage) int { return len(data) + 400 }

// ErrCorrupt is in the chain of an error about stored content that cannot be
// read. Repeating does not help.
var ErrCorrupt = errors.New("stream: stored content cannot be read")
