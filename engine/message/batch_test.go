package message_test

import (
	"encoding/json"
	"math/rand/v2"
	"testing"

	"github.com/plenary/plenary/engine/message"
)

// The events of a batch are those that a decoder finds.
func TestABatchIsTakenApartAsADecoderDoes(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1)) //nolint:gosec // a test's choices
	texts := []string{`"`, `\`, `\"`, `[`, `]`, `{,}`, `",`, "", "ä\n\u0000", `a`}
	var value func(depth int) any
	value = func(depth int) any {
		switch n := r.IntN(6); {
		case n < 2 && depth > 0:
			all := make([]any, r.IntN(4))
			for i := range all {
				all[i] = value(depth - 1)
			}
			return all
		case n < 4 && depth > 0:
			all := map[string]any{}
			for range r.IntN(4) {
				all[texts[r.IntN(len(texts))]] = value(depth - 1)
			}
			return all
		case n == 4:
			return r.IntN(100)
		}
		return texts[r.IntN(len(texts))] + texts[r.IntN(len(texts))]
	}
	for i := range 3000 {
		all := make([]any, r.IntN(5))
		for i := range all {
			all[i] = value(3)
		}
		raw, err := json.Marshal(all)
		if err == nil && i%3 == 0 {
			raw, err = json.MarshalIndent(all, " ", "\t")
			raw = append([]byte("\n "), append(raw, ' ')...)
		}
		var want []json.RawMessage
		if err != nil || json.Unmarshal(raw, &want) != nil {
			t.Fatal(err)
		}
		got, areJSON := message.UnpackCloudEvents(raw)
		if !areJSON || len(got) != len(want) {
			t.Fatalf("%d events of %d, of %s", len(got), len(want), raw)
		}
		for i := range want {
			if string(got[i]) != string(want[i]) {
				t.Fatalf("%s, want %s", got[i], want[i])
			}
		}
	}
	for raw, want := range map[string]bool{`{"id":"1"}`: true, `[1,2`: false, `[1 2]`: false, ``: false, ` `: false, `"[1,2]"`: true} {
		if got, areJSON := message.UnpackCloudEvents([]byte(raw)); len(got) != 1 || string(got[0]) != raw || areJSON != want {
			t.Errorf("%q: %q, %v", raw, got, areJSON)
		}
	}
}
