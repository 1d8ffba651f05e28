package message_test

import (
	"encoding/json"
	"errors"
	"testing"

	"github.com/plenary/plenary/engine/es"
	"github.com/plenary/plenary/engine/message"
)

type line struct {
	Seat string `json:"seat"`
	Row  string `json:"row,omitempty" since:"0.4"`
}

type ticket struct {
	Holder *struct {
		Name  string `json:"name"`
		Title string `json:"title" since:"0.5"`
	} `json:"holder"`
	Lines []line `json:"lines"`
	Gate  string `json:"gate" since:"0.4"`
}

type stamped struct {
	By string `json:"by"`
}

func tickets(t *testing.T, writes string) *message.Registry {
	t.Helper()
	r := message.NewRegistry()
	r.Versions(es.Version{Minor: 3}, es.Version{Minor: 5})
	message.Register[ticket](r, "Ticket.v1", message.Event, "events", nil)
	message.Register[stamped](r, "Stamped.v1", message.Event, "events", nil)
	r.Since("Stamped.v1", es.Version{Minor: 4})
	if err := r.Write(writes); err != nil {
		t.Fatal(err)
	}
	return r
}

func TestWhatCameLaterIsNotWrittenBeforeItIsTime(t *testing.T) {
	var body ticket
	if err := json.Unmarshal([]byte(`{"holder":{"name":"Ann","title":"Dr"},"lines":[{"seat":"1","row":"A"},{"seat":"2"}],"gate":"C"}`), &body); err != nil {
		t.Fatal(err)
	}
	for writes, want := range map[string]struct {
		data  string
		types bool
	}{
		"":      {`{"holder":{"name":"Ann"},"lines":[{"seat":"1"},{"seat":"2"}]}`, false},
		"0.3":   {`{"holder":{"name":"Ann"},"lines":[{"seat":"1"},{"seat":"2"}]}`, false},
		"0.4":   {`{"gate":"C","holder":{"name":"Ann"},"lines":[{"seat":"1","row":"A"},{"seat":"2"}]}`, true},
		"0.5.2": {`{"holder":{"name":"Ann","title":"Dr"},"lines":[{"seat":"1","row":"A"},{"seat":"2"}],"gate":"C"}`, true},
	} {
		t.Run(writes, func(t *testing.T) {
			r := tickets(t, writes)
			_, data, err := r.Encode(message.Meta{}, body)
			if err != nil || string(data) != want.data {
				t.Errorf("%s, %v", data, err)
			}
			if got, err := r.Decode(message.Meta{Type: "Ticket.v1"}, []byte(`{"gate":"C"}`)); err != nil || got.(ticket).Gate != "C" {
				t.Errorf("%+v, %v: it reads more than it writes", got, err)
			}
			_, _, err = r.Encode(message.Meta{}, stamped{"x"})
			if errors.Is(err, message.ErrNotWritten) == want.types {
				t.Errorf("a type of 0.4: %v", err)
			}
		})
	}
	r := tickets(t, "")
	for _, wrong := range []string{"0.2", "0.6", "1", "next"} {
		if err := r.Write(wrong); err == nil {
			t.Errorf("%s can be written", wrong)
		}
	}
}
