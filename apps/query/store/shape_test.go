package store

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/plenary/plenary/engine/message"
)

// shape is what testdata/shape.json has: which number was given to which shape.
type shape struct {
	Shape       int    `json:"shape"`
	Fingerprint string `json:"fingerprint"`
}

// A database keeps views of another shape until they are built anew, which only
// another number has done. So the number is raised whenever the tables, a view or
// a fold is another one: then the test fails, and writes the new fingerprint when
// it is run with -write.
func TestShapeHasANumberOfItsOwn(t *testing.T) {
	const file = "testdata/shape.json"
	var known shape
	data, err := os.ReadFile(file)
	if err == nil {
		err = json.Unmarshal(data, &known)
	}
	if err != nil {
		t.Fatal(err)
	}
	now := shape{Shape: viewShape, Fingerprint: fingerprint(t)}
	switch {
	case now == known:
	case now.Fingerprint != known.Fingerprint && now.Shape <= known.Shape:
		t.Fatalf("the views have another shape than that of number %d: raise viewShape, and run this test with -write", known.Shape)
	case !*write:
		t.Fatal("run this test with -write")
	default:
		data, err := json.MarshalIndent(now, "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, append(data, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// fingerprint is a digest of the tables, and of what the folds make of every type
// of event.
func fingerprint(t *testing.T) string {
	t.Helper()
	digest := sha256.New()
	for _, statement := range definitions("", "", "") {
		_, _ = fmt.Fprintln(digest, statement)
	}
	order, payment := uuid.MustParse("0bde0000-0000-4000-8000-000000000001"), uuid.MustParse("9a700000-0000-4000-8000-000000000001")
	docs := map[*table][]byte{}
	show := func(of *table, m message.Message) {
		f, err := of.fold(docs[of], []message.Message{m})
		if err == nil && string(f.doc) == string(docs[of]) {
			return // no event of that view
		}
		if err == nil {
			docs[of] = f.doc
		}
		_, _ = fmt.Fprintf(digest, "%s %s %s %v %v %v\n", of.name, m.Type, f.doc, f.columns, f.rows, err)
	}
	for _, e := range append(conference(), confirmedOrder(order, payment)...) {
		of, _ := tableOfStream(stream{message.DefaultTenant, e.Stream})
		show(of, e.Message)
	}
	for i := range tables {
		for _, typ := range registry.Types() { // sorted
			if typ.Kind == message.Event && !strings.HasPrefix(typ.Name, "Command") {
				show(&tables[i], message.Message{Meta: message.Meta{Type: typ.Name, Time: noon}, Body: typ.Zero()})
			}
		}
	}
	return hex.EncodeToString(digest.Sum(nil))
}
