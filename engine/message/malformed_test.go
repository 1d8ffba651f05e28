package message_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/plenary/plenary/engine/message"
)

type visit struct {
	Email string    `json:"email" personal:"true"`
	Seat  uuid.UUID `json:"seat"`
	At    time.Time `json:"at"`
	Count int       `json:"count"`
}

// The reason why a message was given up is logged and shown. It says what is
// wrong, and nothing of what somebody wrote.
func TestWhatIsSaidOfAMalformedMessageHasNothingOfIt(t *testing.T) {
	r := message.NewRegistry()
	message.Register[visit](r, "Visit.v1", message.Command, "visits", nil)
	const head = `{"specversion":"1.0","type":"Visit.v1","source":"s",`
	for name, test := range map[string]struct{ raw, says string }{
		"not JSON":                {`ada@example.com`, "JSON"},
		"JSON that breaks off":    {head + `"id":"1","data":{"email":"ada@example.com"`, "JSON"},
		"no CloudEvent":           {`{"email":"ada@example.com"}`, "CloudEvent"},
		"an id that is a number":  {head + `"id":5,"data":{"email":"ada@example.com"}}`, "CloudEvent"},
		"no id":                   {head + `"data":{"email":"ada@example.com"}}`, "id"},
		"a time that is none":     {head + `"id":"1","time":"ada@example.com","data":{}}`, "CloudEvent"},
		"an extension of objects": {head + `"id":"1","visitor":{"email":"ada@example.com"},"data":{}}`, "CloudEvent"},
		"a source that is no URI": {`{"specversion":"1.0","type":"Visit.v1","id":"1","source":"http://ada@example.com:x","data":{}}`, "CloudEvent"},
		"data that is text":       {head + `"id":"1","datacontenttype":"text/plain","data":"ada@example.com"}`, "JSON"},
		"a field that is no time": {head + `"id":"1","data":{"at":"ada@example.com"}}`, "time"},
		"a field that is no UUID": {head + `"id":"1","data":{"seat":"ada@example.com"}}`, "UUID"},
		"a field of another type": {head + `"id":"1","data":{"count":"ada@example.com"}}`, "count"},
	} {
		t.Run(name, func(t *testing.T) {
			meta, data, err := message.FromCloudEvent([]byte(test.raw))
			if err == nil {
				_, err = r.Decode(meta, data)
			}
			var inv *message.Invalid
			if !errors.As(err, &inv) {
				t.Fatalf("error %v", err)
			}
			if strings.Contains(err.Error(), "ada") || !strings.Contains(err.Error(), test.says) {
				t.Errorf("says %q, which should speak of %s alone", err, test.says)
			}
		})
	}
}

// A tenant is in the keys of streams, between slashes.
func TestATenantHasAStrictForm(t *testing.T) {
	for tenant, want := range map[string]bool{
		"main": true, "acme-2": true, "7": true, strings.Repeat("a", 63): true,
		"a/b": false, "Main": false, "-a": false, "a-": false, "a b": false, "a\n": false, "ä": false, "..": false, strings.Repeat("a", 64): false,
	} {
		raw, err := json.Marshal(map[string]any{"specversion": "1.0", "id": "1", "source": "s", "type": "T.v1", "tenant": tenant, "data": map[string]any{}})
		if err != nil {
			t.Fatal(err)
		}
		_, _, err = message.FromCloudEvent(raw)
		if got := err == nil; got != want || message.IsTenant(tenant) != want {
			t.Errorf("%q: %v", tenant, err)
		}
	}
}
