package stream_test

import (
	"context"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/plenary/plenary/engine/es"
	"github.com/plenary/plenary/engine/message"
	"github.com/plenary/plenary/engine/state"
	"github.com/plenary/plenary/engine/stream"
)

var write = flag.Bool("write", false, "write the fixtures of stored documents anew; only before their version is released")

const fixtures = "testdata/v1"

// What version 1 stored must stay readable: a document with all that one can
// hold, a segment and a snapshot.
func TestStoredDocumentsOfVersion1AreRead(t *testing.T) {
	if *write {
		writeFixtures(t)
	}
	asStored := strings.NewReplacer()
	// A later version may add fields, anywhere but in what an app put there.
	withMore := strings.NewReplacer(`{"schema"`, `{"x":[{}],"schema"`, `{"version"`, `{"x":1,"version"`, `{"v"`, `{"x":"y","v"`,
		`{"id"`, `{"x":true,"id"`, `{"meta"`, `{"x":{},"meta"`, `{"at"`, `{"x":null,"at"`)
	t.Run("as they are", func(t *testing.T) { readFixtures(t, asStored) })
	t.Run("with fields that are not known", func(t *testing.T) { readFixtures(t, withMore) })
}

func readFixtures(t *testing.T, change *strings.Replacer) {
	ctx := context.Background()
	keys := &state.Memory{}
	files, err := filepath.Glob(filepath.Join(fixtures, "*.json"))
	if err != nil || len(files) < 3 {
		t.Fatal(files, err)
	}
	for _, f := range files {
		data, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		k := strings.ReplaceAll(strings.TrimSuffix(filepath.Base(f), ".json"), "+", "/")
		keys.Save(ctx, []state.Write{{Key: k, Value: []byte(change.Replace(string(data)))}})
	}
	s := stream.NewStore(keys)
	sts, errs, err := s.Load(ctx, []stream.Request{{Key: key, Folder: counter{}}})
	if err != nil || errs[0] != nil {
		t.Fatal(err, errs)
	}
	st := sts[0]
	if st.Version() != 70 || st.State != 70 {
		t.Errorf("version %d, state %v", st.Version(), st.State)
	}
	if !st.HasHandled("message 69") || st.HasHandled("another") {
		t.Error("the ids of handled messages are not read")
	}
	if !st.HasParked("bad") || len(st.Held()) != 1 {
		t.Error("what is parked and held is not read")
	}
	if h, ok := st.TakeHeld(); !ok || h.Meta.ID != "held" || h.Meta.Cause.Type != "Cause.v1" || string(h.Data) != `{"n":1}` {
		t.Errorf("held %+v", h)
	}
	records, outgoing := st.Pending()
	if len(outgoing) != 1 || outgoing[0].ID != "letter" || len(records) == 0 {
		t.Fatalf("pending %v, %v", records, outgoing)
	}
	r := records[len(records)-1]
	if r.Type != "Counted.v1" || !r.Time.Equal(time.Unix(1, 5).UTC()) || r.CorrelationID != "corr" || r.PartitionKey != "part" ||
		r.TraceParent != "trace" || r.Cause.ID != "cause" || r.Cause.Source != "app" || string(r.Data) != `{"n":2}` ||
		len(r.Commands) != 1 || r.Commands[0].ID != "cmd" || r.Wake == nil || !r.Wake.At.Equal(time.Unix(9, 0)) {
		t.Errorf("record %+v", r)
	}
	all, err := s.History(ctx, key)
	if err != nil || len(all) != 70 {
		t.Errorf("%d records, %v", len(all), err)
	}
	appendOne(t, s)
}

func writeFixtures(t *testing.T) {
	ctx := context.Background()
	keys := &recording{Store: &state.Memory{}, last: map[string][]byte{}}
	s := stream.NewStore(keys)
	for range 69 {
		appendOne(t, s)
	}
	sts, errs, err := s.Load(ctx, []stream.Request{{Key: key, Folder: counter{}}})
	if err != nil || errs[0] != nil {
		t.Fatal(err, errs)
	}
	st := sts[0]
	st.MarkHandled("message 69")
	st.Append(stream.Record{
		ID: "input", Type: "Counted.v1", Time: time.Unix(1, 5).UTC(), CorrelationID: "corr", PartitionKey: "part", TraceParent: "trace",
		Cause: message.Cause{ID: "cause", Type: "Cause.v1", Time: time.Unix(1, 1).UTC(), CauseID: "its cause", Source: "app"},
		Data:  json.RawMessage(`{"n":2}`),
		Commands: []stream.Outgoing{{ID: "cmd", Type: "Count.v1", Stream: "s", StreamVersion: 1, Time: time.Unix(2, 0).UTC(),
			CorrelationID: "corr", PartitionKey: "part", TraceParent: "trace", Cause: message.Cause{ID: "c"}, Data: json.RawMessage(`{}`)}},
		Wake: &es.Wake{At: time.Unix(9, 0).UTC()},
	}, st.State.(int)+1)
	st.Enqueue(stream.Outgoing{ID: "letter", Type: "DeadLetter.v1", Time: time.Unix(2, 0).UTC(), Data: json.RawMessage(`{}`)})
	st.Park("bad")
	st.Hold(stream.Held{Meta: message.Meta{ID: "held", Type: "Count.v1", Tenant: "main", Cause: message.Cause{Type: "Cause.v1"}}, Data: json.RawMessage(`{"n":1}`)})
	if err := s.Commit(ctx, []*stream.Stream{st})[0]; err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(fixtures, 0o755); err != nil {
		t.Fatal(err)
	}
	for k, v := range keys.last {
		if err := os.WriteFile(filepath.Join(fixtures, strings.ReplaceAll(k, "/", "+")+".json"), v, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// recording keeps what stands in a store, by key.
type recording struct {
	state.Store
	last map[string][]byte
}

func (r *recording) Save(ctx context.Context, writes []state.Write) []error {
	for _, w := range writes {
		r.last[w.Key] = w.Value
	}
	return r.Store.Save(ctx, writes)
}

func (r *recording) Delete(ctx context.Context, keys []string) error {
	for _, k := range keys {
		delete(r.last, k)
	}
	return r.Store.Delete(ctx, keys)
}
