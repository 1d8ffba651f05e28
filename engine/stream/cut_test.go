package stream_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/plenary/plenary/engine/state"
	"github.com/plenary/plenary/engine/stream"
)

// appendBytes commits an event with so many bytes of data.
func appendBytes(t *testing.T, s *stream.Store, n int) {
	t.Helper()
	sts, errs, err := s.Load(t.Context(), []stream.Request{{Key: key, Folder: counter{}}})
	if err != nil || errs[0] != nil {
		t.Fatal(err, errs)
	}
	st := sts[0]
	if st.State != int(st.Version()) {
		t.Fatalf("state %v at version %d", st.State, st.Version())
	}
	data := fmt.Sprintf(`{"n":%d,"x":%q}`, st.Version()+1, strings.Repeat("x", n))
	st.Append(stream.Record{Type: "Counted.v1", Data: json.RawMessage(data)}, st.State.(int)+1)
	if err := s.Commit(t.Context(), []*stream.Stream{st})[0]; err != nil {
		t.Fatal(err)
	}
	s.Dispatched(st)
}

// Whatever the events weigh: documents and segments stay small, and nothing of
// the stream is lost or found twice.
func TestEventsAreSealedByTheirWeight(t *testing.T) {
	always := func(n int) func(int) int { return func(int) int { return n } }
	for name, tc := range map[string]struct {
		events int
		weighs func(i int) int
		cuts   bool
	}{
		"light":               {200, always(100), false},
		"heavy":               {50, always(30_000), true},
		"more than a segment": {12, always(200_000), true},
		"a heavy one now and then": {200, func(i int) int {
			if i%40 == 39 {
				return 140_000
			}
			return 100
		}, true},
		"heavy at first": {200, func(i int) int { return max(100, 60_000-5_000*i) }, true},
	} {
		t.Run(name, func(t *testing.T) {
			recorded := &recording{Store: &state.Memory{}, last: map[string][]byte{}}
			warm := stream.NewStore(recorded)
			largest := 0
			for i := range tc.events {
				largest = max(largest, tc.weighs(i))
				s := warm
				if i%3 == 0 { // a replica that has nothing in memory
					s = stream.NewStore(recorded)
				}
				appendBytes(t, s, tc.weighs(i))
				if n := len(recorded.last[key.String()]); n > 400<<10+2*largest {
					t.Fatalf("a document of %d bytes after %d events", n, i+1)
				}
			}
			check := func() {
				history, err := warm.History(t.Context(), key)
				if err != nil || len(history) != tc.events {
					t.Fatalf("%d events, %v", len(history), err)
				}
				for i, r := range history {
					if r.Version != uint64(i+1) || !strings.HasPrefix(string(r.Data), `{"n":`+strconv.Itoa(i+1)+",") {
						t.Fatalf("event %d is %d: %.20s", i+1, r.Version, r.Data)
					}
				}
			}
			check()
			var snapshots []string
			cuts := false
			for k, v := range recorded.last {
				switch {
				case strings.Contains(k, "/snapshot/"):
					snapshots = append(snapshots, k)
				case strings.Contains(k, "/segment/"):
					cuts = cuts || strings.Contains(k, "-")
					if len(v) > 160<<10+largest {
						t.Errorf("%s has %d bytes", k, len(v))
					}
				}
			}
			if cuts != tc.cuts {
				t.Errorf("segments of fewer events: %v, want %v", cuts, tc.cuts)
			}
			if err := recorded.Store.Delete(t.Context(), snapshots); err != nil {
				t.Fatal(err)
			}
			appendBytes(t, stream.NewStore(recorded), 100) // folded from all events
		})
	}
}

func TestADocumentWithCutsIsRead(t *testing.T) {
	record := func(v int) string {
		return fmt.Sprintf(`{"v":%d,"type":"Counted.v1","time":"2026-11-20T12:00:00Z","data":{}}`, v)
	}
	records := func(first, last int) string {
		var out []string
		for v := first; v <= last; v++ {
			out = append(out, record(v))
		}
		return "[" + strings.Join(out, ",") + "]"
	}
	segments := map[string]string{"0": records(1, 64), "65-70": records(65, 70), "71-71": records(71, 71), "72-128": records(72, 128), "2": records(129, 192), "193-200": records(193, 200)}
	document := func(schema int, cuts string) string {
		return fmt.Sprintf(`{"schema":%d,"version":202,"commit":"c","dispatched":202,"sealed":200,"cuts":%s,"tail":%s}`, schema, cuts, records(201, 202))
	}
	for name, tc := range map[string]struct {
		document string
		unread   error
	}{
		"as it is written":              {document(3, "[70,71,200]"), nil},
		"a segment that has no end":     {document(3, "[70,71]"), stream.ErrCorrupt},
		"a segment that is not there":   {document(3, "[71,200]"), stream.ErrCorrupt},
		"without a schema":              {document(0, "[70,71,200]"), stream.ErrCorrupt},
		"a schema that is not yet made": {document(4, "[70,71,200]"), stream.ErrNotYet},
		"a schema of 0.2.0":             {document(2, "[70,71,200]"), stream.ErrTooOld},
		"a schema of 0.1.0":             {document(1, "[70,71,200]"), stream.ErrTooOld},
	} {
		t.Run(name, func(t *testing.T) {
			keys := &state.Memory{}
			writes := []state.Write{{Key: key.String(), Value: []byte(tc.document)}}
			for name, v := range segments {
				writes = append(writes, state.Write{Key: key.String() + "/segment/" + name, Value: []byte(v)})
			}
			if err := errors.Join(keys.Save(t.Context(), writes)...); err != nil {
				t.Fatal(err)
			}
			s := stream.NewStore(keys)
			sts, errs, err := s.Load(t.Context(), []stream.Request{{Key: key, Folder: counter{}}})
			if err != nil || !errors.Is(errs[0], tc.unread) {
				t.Fatalf("%v, %v", err, errs[0])
			}
			if tc.unread != nil {
				return
			}
			if sts[0].State != 202 {
				t.Errorf("state %v", sts[0].State)
			}
			history, err := s.History(t.Context(), key)
			if err != nil || len(history) != 202 || !slices.IsSortedFunc(history, func(a, b stream.Record) int { return int(a.Version) - int(b.Version) }) {
				t.Errorf("%d events, %v", len(history), err)
			}
			for range 100 {
				appendOne(t, stream.NewStore(keys))
			}
			if history, err = s.History(t.Context(), key); err != nil || len(history) != 302 {
				t.Errorf("%d events, %v", len(history), err)
			}
		})
	}
}
