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

// documentSchema is the version of the document's own layout. Those of 0.1.0 and
// 0.2.0 had 1 and 2.
const documentSchema = 3

// document is the one key that a commit writes. See docs/adr for its shape.
type document struct {
	Schema  int    `json:"schema"`
	Version uint64 `json:"version"` // of the last event
	// Writes is the version of the program in whose forms it was written, the latest
	// of all that wrote it.
	Writes es.Version `json:"writes,omitzero"`
	// Commit is unique to the save that wrote this document; a writer who is not
	// told whether its save happened finds out by looking for it.
	Commit string `json:"commit"`
	// Dispatched is the version up to which the writer knew all effects to be
	// carried out. What lies above may have been too.
	Dispatched uint64 `json:"dispatched,omitempty"`
	// Above are the spans above it of which that was known, too.
	Above spans `json:"above,omitempty"`
	// Sealed events, 1..Sealed, have moved from the tail into segments.
	Sealed uint64 `json:"sealed,omitempty"`
	// Cuts are the last versions of segments that ended, by their weight, before
	// segmentSize events were full.
	Cuts     []uint64  `json:"cuts,omitempty"`
	Snapshot *snapshot `json:"snapshot,omitempty"`
	// Handled has the id of each message handled, oldest first.
	Handled digests `json:"handled,omitempty"`
	// Outgoing are messages to be published that are no events of this stream:
	// refusals of commands that came before the stream's first event, and dead
	// letters. They are dropped once they are known to be published.
	Outgoing []Outgoing `json:"outgoing,omitempty"`
	// Parked are the ids of messages that wait in the dead letters for an
	// operator; Held are the messages that came behind them.
	Parked []string `json:"parked,omitempty"`
	Held   []Held   `json:"held,omitempty"`
	// State is the state of a process, as its last step left it.
	State json.RawMessage `json:"state,omitempty"`
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

// Record is one entry of a stream: an event of an aggregate, or a note that a
// process handled a message; with what has to be done because of it.
type Record struct {
	Version uint64 `json:"v"`
	// ID is the id of the handled message, for a process. An event's id is derived
	// from stream and version and not stored.
	ID            string        `json:"id,omitempty"`
	Type          string        `json:"type"`
	Time          time.Time     `json:"time"`
	CorrelationID string        `json:"corr,omitempty"`
	PartitionKey  string        `json:"key,omitempty"` // where it is not the correlation id
	TraceParent   string        `json:"trace,omitempty"`
	Cause         message.Cause `json:"cause,omitzero"`
	// Data is the event. A process does not keep the messages that it handled: what
	// it made of them is in its state.
	Data json.RawMessage `json:"data,omitempty"`
	// Sent names the commands that a process sent.
	Sent []Sent `json:"sent,omitempty"`

	// DecisionEnd is the version of the last event of the same decision, 0 for that
	// event itself.
	DecisionEnd uint64 `json:"end,omitempty"`

	// Commands and Wake are dropped once they are known to be carried out.
	Commands []Outgoing `json:"cmds,omitempty"`
	Wake     *es.Wake   `json:"wake,omitempty"`
}

// Sent names a command that was sent.
type Sent struct {
	ID   string `json:"id"`
	Type string `json:"type"`
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

// digest stands for an id in document.Handled: 96 bits, so that two of a million ids meet
// with a chance of one in 10^16.
type digest [12]byte

func digestOf(id string) digest {
	sum := sha256.Sum256([]byte(id))
	return digest(sum[:len(digest{})])
}

// digests are some, one after the other. Stored, they are a string in which each has 16
// characters.
type digests []byte

const digestSize = len(digest{})

// MarshalText implements encoding.TextMarshaler.
func (d digests) MarshalText() ([]byte, error) {
	return base64.RawURLEncoding.AppendEncode(nil, d), nil
}

// UnmarshalText implements encoding.TextUnmarshaler.
func (d *digests) UnmarshalText(text []byte) (err error) {
	*d, err = base64.RawURLEncoding.AppendDecode(nil, text)
	return err
}

func decodeDocument(data []byte) (*document, error) {
	var d document
	if err := json.Unmarshal(data, &d); err != nil {
		return nil, fmt.Errorf("%w: %v", ErrCorrupt, err)
	}
	switch {
	case d.Schema > 0 && d.Schema < documentSchema:
		return nil, ErrTooOld
	case d.Schema > documentSchema:
		return nil, fmt.Errorf("%w: its document has schema %d, and this program reads %d", ErrNotYet, d.Schema, documentSchema)
	case d.Schema != documentSchema:
		return nil, fmt.Errorf("%w: a document without a schema", ErrCorrupt)
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
		d.Cuts = append(d.Cuts, d.Sealed)
	}
	return state.Write{Key: segmentKey(k, first, d.Sealed), Value: data, Always: true}, nil
}

// segments are the keys of all segments, the oldest first.
func (d *document) segments(k Key) []string {
	return d.segmentsWith(k, func(uint64, uint64) bool { return true })
}

// segmentsWith are the keys of those segments that are wanted by their first and last
// version, the oldest first.
func (d *document) segmentsWith(k Key, wanted func(first, last uint64) bool) (keys []string) {
	cuts := d.Cuts
	for done := uint64(0); done < d.Sealed; {
		first := done + 1
		done += segmentSize - done%segmentSize
		if len(cuts) > 0 && cuts[0] < done {
			done, cuts = cuts[0], cuts[1:]
		}
		if wanted(first, done) {
			keys = append(keys, segmentKey(k, first, done))
		}
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

// What a stream's error has in its chain when its stored content cannot be read, or
// never be written.
var (
	// ErrCorrupt: no version can. Repeating does not help.
	ErrCorrupt = errors.New("stream: stored content cannot be read")
	// ErrNotYet: a newer version of this program wrote it, and can.
	ErrNotYet = errors.New("stream: stored content is of a newer version of this program")
	// ErrTooLarge: a commit would make the document larger than maxDocument. Repeating
	// does not help.
	ErrTooLarge = errors.New("stream: the document would be larger than a store may take")
	// ErrTooOld: a version before 0.3.0 wrote it. It is left as it is.
	ErrTooOld = errors.New("the state store holds data of Plenary 0.1.0 or 0.2.0, which this version does not read and has not touched: " +
		"give it a store without data, or run the version that wrote them")
)
