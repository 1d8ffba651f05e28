package bus_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/plenary/plenary/engine/bus"
	"github.com/plenary/plenary/engine/message"
)

type ping struct {
	ID    string `json:"id" validate:"required"`
	Count int    `json:"count" validate:"min=0"`
}

type recorder struct {
	batches [][]bus.Delivery
	letters []message.DeadLetter
	status  bus.Status
	of      map[string]bus.Status // those of messages with another one, by id
	broken  error

	keepUnknown bool
	senders     bus.Senders
	believe     func(message.Message) error
}

func (r *recorder) HandleBatch(_ context.Context, batch []bus.Delivery) []bus.Status {
	r.batches = append(r.batches, batch)
	out := bus.All(len(batch), r.status)
	for i, d := range batch {
		if s, ok := r.of[d.Message.ID]; ok {
			out[i] = s
		}
	}
	return out
}

func (r *recorder) Park(_ context.Context, l message.DeadLetter) error {
	r.letters = append(r.letters, l)
	return r.broken
}

func deliver(t *testing.T, r *recorder, kind message.Kind, events ...string) []string {
	t.Helper()
	return deliverOn(t, "pings", r, kind, events...)
}

func deliverOn(t *testing.T, topic string, r *recorder, kind message.Kind, events ...string) []string {
	t.Helper()
	reg := message.NewRegistry()
	message.Register[ping](reg, "Ping.v1", message.Command, "pings", nil)
	e := &bus.Endpoint{KeepUnknown: r.keepUnknown, Registry: reg, Handler: bus.Recover(r), Parker: r, App: "test", Kind: kind, Meter: bus.NewMeter(),
		Senders: r.senders, Believe: r.believe}
	gin.SetMode(gin.TestMode)
	router := gin.New()
	router.POST("/bus", e.Serve)
	type entry struct {
		EntryID string          `json:"entryId"`
		Event   json.RawMessage `json:"event"`
	}
	var entries []entry
	for i, ev := range events {
		entries = append(entries, entry{EntryID: string(rune('a' + i)), Event: json.RawMessage(ev)})
	}
	body, err := json.Marshal(map[string]any{"topic": topic, "entries": entries})
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	router.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/bus", bytes.NewReader(body)))
	var answer struct {
		Statuses []struct{ EntryID, Status string }
	}
	if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil || w.Code != http.StatusOK {
		t.Fatalf("%d %v %s", w.Code, err, w.Body)
	}
	var out []string
	for i, s := range answer.Statuses {
		if s.EntryID != entries[i].EntryID {
			t.Errorf("entry %d answered as %q", i, s.EntryID)
		}
		out = append(out, s.Status)
	}
	return out
}

func now() time.Time { return time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC) }

const good = `{"specversion":"1.0","id":"1","type":"Ping.v1","source":"other","datacontenttype":"application/json","data":{"id":"x","count":1}}`

// named has topics such as "pings of other". The app "other" sends pings; "post" sends
// back those of others.
type named struct{}

func (named) TopicOf(topic, app string) string { return topic + " of " + app }

func (named) OriginOf(name string) (topic, app string) {
	topic, app, _ = strings.Cut(name, " of ")
	return topic, app
}

func (named) MaySend(publisher, source, topic, name string) bool {
	return (publisher == source || publisher == "post") && source == "other" && topic == "pings" && name == "Ping"
}

func TestAMessageIsTakenFromThoseWhoMaySendItOnly(t *testing.T) {
	foreign := strings.Replace(good, `"source":"other"`, `"source":"stranger"`, 1)
	for topic, want := range map[string]struct {
		taken   int
		reasons []string
	}{
		"pings of other":    {1, []string{`Ping to pings, from "stranger" and published by "other"`}},
		"pings of post":     {1, []string{`Ping to pings, from "stranger" and published by "post"`}},
		"pings of stranger": {0, []string{`from "other" and published by "stranger"`, `from "stranger" and published by "stranger"`}},
		"pings":             {0, []string{`from "other" and published by ""`, `from "stranger" and published by ""`}},
		"pongs of other":    {0, []string{"Ping to pongs", "Ping to pongs"}},
	} {
		t.Run(topic, func(t *testing.T) {
			r := &recorder{senders: named{}}
			if got := deliverOn(t, topic, r, message.Command, good, foreign); strings.Join(got, " ") != "SUCCESS SUCCESS" {
				t.Errorf("statuses %v", got)
			}
			taken := 0
			for _, batch := range r.batches {
				taken += len(batch)
				if origin, _ := (named{}).OriginOf(topic); batch[0].Topic != origin {
					t.Errorf("handled as of the topic %q", batch[0].Topic)
				}
			}
			if taken != want.taken || len(r.letters) != len(want.reasons) {
				t.Fatalf("took %d, parked %+v", taken, r.letters)
			}
			for i, reason := range want.reasons {
				if !strings.Contains(r.letters[i].Reason, reason) {
					t.Errorf("parked for %q, want %q", r.letters[i].Reason, reason)
				}
			}
		})
	}
}

func TestWhatIsBelievedOfNoSenderIsParked(t *testing.T) {
	r := &recorder{believe: func(m message.Message) error {
		if m.Body.(ping).Count > 1 {
			return errors.New("more than one")
		}
		return nil
	}}
	unbelievable := strings.Replace(good, `"count":1`, `"count":2`, 1)
	deliver(t, r, message.Command, good, unbelievable)
	if len(r.batches) != 1 || len(r.batches[0]) != 1 || len(r.letters) != 1 || r.letters[0].Reason != "more than one" {
		t.Errorf("handled %v, parked %+v", r.batches, r.letters)
	}
}

// Who gave a message up is proved by the topic of its letter.
func TestADeadLetterIsOfTheAppThatPublishedIt(t *testing.T) {
	letter, err := json.Marshal(message.DeadLetter{MessageID: "1", App: "stranger", Reason: "panic", Message: []byte("{}")})
	if err != nil {
		t.Fatal(err)
	}
	claimed := `{"specversion":"1.0","id":"2","type":"` + message.TypeDeadLetter + `","source":"stranger","datacontenttype":"application/json","data":` + string(letter) + `}`
	r := &recorder{senders: named{}}
	deliverOn(t, "deadletters of other", r, message.DeadLetterKind, claimed, good)
	if len(r.batches) != 1 || len(r.batches[0]) != 2 {
		t.Fatalf("handled %v", r.batches)
	}
	for _, d := range r.batches[0] {
		var data message.DeadLetter
		if err := json.Unmarshal(d.Data, &data); err != nil {
			t.Fatal(err)
		}
		if body, ok := d.Message.Body.(message.DeadLetter); !ok || body.App != "other" || data.App != "other" {
			t.Errorf("a letter of %q, %q", body.App, data.App)
		}
	}
}

func TestAMalformedEntryIsParkedAndTheOthersAreHandled(t *testing.T) {
	for name, bad := range map[string]string{
		"no CloudEvent":      `{"id":"x","count":1}`,
		"no id":              `{"specversion":"1.0","type":"Ping.v1","source":"other","data":{"id":"x"}}`,
		"missing field":      `{"specversion":"1.0","id":"2","type":"Ping.v1","source":"other","data":{"count":1}}`,
		"negative":           `{"specversion":"1.0","id":"2","type":"Ping.v1","source":"other","data":{"id":"x","count":-1}}`,
		"wrong type":         `{"specversion":"1.0","id":"2","type":"Ping.v1","source":"other","data":{"id":"x","count":"many"}}`,
		"data is text":       `{"specversion":"1.0","id":"2","type":"Ping.v1","source":"other","datacontenttype":"text/plain","data":"ping"}`,
		"bad stream version": `{"specversion":"1.0","id":"2","type":"Ping.v1","source":"other","streamversion":-4,"data":{"id":"x"}}`,
	} {
		t.Run(name, func(t *testing.T) {
			r := &recorder{}
			got := deliver(t, r, message.Command, good, bad, good)
			if strings.Join(got, " ") != "SUCCESS SUCCESS SUCCESS" {
				t.Errorf("statuses %v", got)
			}
			if len(r.batches) != 1 || len(r.batches[0]) != 2 {
				t.Errorf("handled %v", r.batches)
			}
			if len(r.letters) != 1 || r.letters[0].Reason == "" || string(r.letters[0].Message) != bad || r.letters[0].Topic != "pings" || r.letters[0].App != "test" {
				t.Errorf("parked %+v", r.letters)
			}
		})
	}
}

// raw is a message as it comes on a subscription with raw payloads.
func raw(m string) string { return `"` + base64.StdEncoding.EncodeToString([]byte(m)) + `"` }

func TestAMessageMayBeABatchOfEvents(t *testing.T) {
	r := &recorder{}
	if got := deliver(t, r, message.Command, raw("["+good+", "+good+"]"), raw(good), "[]", "["+good+"]"); strings.Join(got, " ") != "SUCCESS SUCCESS SUCCESS SUCCESS" {
		t.Errorf("statuses %v", got)
	}
	if len(r.batches) != 1 || len(r.batches[0]) != 4 {
		t.Errorf("handled %v", r.batches)
	}
}

func TestABatchComesAgainIfOneOfItsEventsHasTo(t *testing.T) {
	numbered := func(n string) string { return strings.Replace(good, `"id":"1"`, `"id":"`+n+`"`, 1) }
	r := &recorder{of: map[string]bus.Status{"2": bus.Retry, "4": bus.Drop}}
	got := deliver(t, r, message.Command,
		raw("["+numbered("1")+","+numbered("2")+","+numbered("3")+"]"), raw(numbered("3")), raw("["+numbered("3")+","+numbered("4")+","+numbered("1")+"]"),
		raw("["+numbered("4")+","+numbered("2")+"]"))
	if strings.Join(got, " ") != "RETRY SUCCESS DROP RETRY" {
		t.Errorf("statuses %v", got)
	}
}

func TestAMalformedEventOfABatchIsParkedByItself(t *testing.T) {
	r := &recorder{}
	if got := deliver(t, r, message.Command, raw(`[`+good+`,{"id":"x"},`+good+`]`), raw(`[`+good)); strings.Join(got, " ") != "SUCCESS SUCCESS" {
		t.Errorf("statuses %v", got)
	}
	if len(r.batches) != 1 || len(r.batches[0]) != 2 {
		t.Errorf("handled %v", r.batches)
	}
	if len(r.letters) != 2 || string(r.letters[0].Message) != `{"id":"x"}` || string(r.letters[1].Message) != `[`+good {
		t.Errorf("parked %+v", r.letters)
	}
	r = &recorder{broken: context.DeadlineExceeded}
	if got := deliver(t, r, message.Command, raw(`[`+good+`,{"id":"x"},`+good+`]`)); got[0] != "RETRY" {
		t.Errorf("statuses %v of a batch with an event that could not be parked", got)
	}
}

func TestABatchThatTheSidecarGaveUpIsADeadLetterForEachEvent(t *testing.T) {
	r := &recorder{}
	other := strings.Replace(good, `"id":"1"`, `"id":"2"`, 1)
	deliver(t, r, message.DeadLetterKind, raw("["+good+","+other+"]"))
	if len(r.batches) != 1 || len(r.batches[0]) != 2 {
		t.Fatalf("handled %v", r.batches)
	}
	seen := map[string]bool{}
	for i, want := range []string{good, other} {
		letter := r.batches[0][i].Message.Body.(message.DeadLetter)
		if string(letter.Message) != want || !strings.HasPrefix(letter.Reason, "given up by the sidecar") {
			t.Errorf("letter %+v", letter)
		}
		seen[r.batches[0][i].Message.ID] = true
	}
	if len(seen) != 2 {
		t.Errorf("ids of the letters: %v", seen)
	}
}

// Batches multiply what a delivery holds; a handler is given no more at once than
// before.
func TestADeliveryOfBatchesIsHandledInParts(t *testing.T) {
	r := &recorder{}
	batch := raw("[" + strings.Repeat(good+",", 24) + good + "]")
	for i, status := range deliver(t, r, message.Command, slices.Repeat([]string{batch}, 20)...) {
		if status != "SUCCESS" {
			t.Errorf("message %d: %s", i, status)
		}
	}
	var sizes []int
	for _, b := range r.batches {
		sizes = append(sizes, len(b))
	}
	if !slices.Equal(sizes, []int{200, 200, 100}) {
		t.Errorf("handled %v at once", sizes)
	}
}

func TestAMalformedEntryThatCannotBeParkedIsNotAcknowledged(t *testing.T) {
	r := &recorder{broken: context.DeadlineExceeded}
	if got := deliver(t, r, message.Command, `{"nothing":true}`); got[0] != "RETRY" {
		t.Errorf("statuses %v", got)
	}
}

func TestAnUnknownTypeIsAcknowledgedAndNotHandled(t *testing.T) {
	r := &recorder{}
	const unknown = `{"specversion":"1.0","id":"1","type":"Pong.v9","source":"other","data":{}}`
	got := deliver(t, r, message.Event, unknown)
	if got[0] != "SUCCESS" || len(r.batches) > 0 || len(r.letters) > 0 {
		t.Errorf("statuses %v, handled %v, parked %v", got, r.batches, r.letters)
	}
	// A command has one reader, and this is it.
	got = deliver(t, r, message.Command, unknown)
	if got[0] != "SUCCESS" || len(r.batches) != 1 || r.batches[0][0].Message.Body != nil || len(r.letters) > 0 {
		t.Errorf("statuses %v, handled %v, parked %v", got, r.batches, r.letters)
	}
}

func TestAnUnknownTypeIsHandedToAReaderThatMustNotHaveGaps(t *testing.T) {
	r := &recorder{keepUnknown: true}
	deliver(t, r, message.Event, `{"specversion":"1.0","id":"1","type":"Pong.v9","source":"other","subject":"pong/1","streamversion":3,"data":{"n":1}}`)
	if len(r.batches) != 1 {
		t.Fatal("not handled")
	}
	if d := r.batches[0][0]; d.Message.Body != nil || d.Message.StreamVersion != 3 || string(d.Data) != `{"n":1}` {
		t.Errorf("handled %+v", d)
	}
}

func TestBase64DataIsRead(t *testing.T) {
	r := &recorder{}
	data := base64.StdEncoding.EncodeToString([]byte(`{"id":"x","count":3}`))
	got := deliver(t, r, message.Command, `{"specversion":"1.0","id":"1","type":"Ping.v1","source":"other","datacontenttype":"application/json","data_base64":"`+data+`"}`)
	if got[0] != "SUCCESS" || len(r.batches) != 1 || r.batches[0][0].Message.Body != (ping{"x", 3}) {
		t.Errorf("statuses %v, handled %+v, parked %+v", got, r.batches, r.letters)
	}
}

type panicking struct{}

func (panicking) HandleBatch(context.Context, []bus.Delivery) []bus.Status { panic("boom") }

func TestAPanicIsAnsweredWithRetry(t *testing.T) {
	got := bus.Recover(panicking{}).HandleBatch(context.Background(), make([]bus.Delivery, 2))
	if len(got) != 2 || got[0] != bus.Retry || got[1] != bus.Retry {
		t.Errorf("statuses %v", got)
	}
}

func TestWhateverComesOnTheDeadLettersTopicBecomesADeadLetter(t *testing.T) {
	encoded := func(s string) string { return `"` + base64.StdEncoding.EncodeToString([]byte(s)) + `"` }
	letter, err := (&bus.Outgoing{Registry: message.NewRegistry(), Source: "order", Now: now}).Encode(t.Context(),
		message.Message{Meta: message.Meta{ID: "9"}, Body: message.DeadLetter{MessageID: "bad", Topic: "orders", Reason: "because", App: "order", Message: []byte("x")}})
	if err != nil {
		t.Fatal(err)
	}
	r := &recorder{}
	deliver(t, r, message.DeadLetterKind, encoded(string(letter.Event)), encoded("not even JSON"), encoded(good), good)
	if len(r.letters) > 0 {
		t.Fatalf("parked once more: %+v", r.letters)
	}
	var got []message.DeadLetter
	ids := map[string]bool{}
	for _, d := range r.batches[0] {
		got = append(got, d.Message.Body.(message.DeadLetter))
		ids[d.Message.ID] = true
		var again message.DeadLetter
		if err := json.Unmarshal(d.Data, &again); err != nil || string(again.Message) != string(d.Message.Body.(message.DeadLetter).Message) {
			t.Errorf("data %s", d.Data)
		}
	}
	if len(got) != 4 || got[0].Reason != "because" || string(got[1].Message) != "not even JSON" || got[2].MessageID != "1" || len(ids) != 3 {
		t.Errorf("got %+v", got)
	}
}

// A subscription that is not bulk delivers a message by itself, without entries.
// To take that for an empty batch would be to lose it.
func TestASingleDeliveryIsNotTakenForAnEmptyBatch(t *testing.T) {
	gin.SetMode(gin.TestMode)
	for body, want := range map[string]int{
		`{"id":"1","type":"Ping.v1","data":{"id":"a"}}`: http.StatusInternalServerError,
		`{"topic":"pings","entries":[]}`:                http.StatusOK,
	} {
		router := gin.New()
		router.POST("/bus", (&bus.Endpoint{Registry: message.NewRegistry(), Handler: &recorder{}, Parker: &recorder{}, Meter: bus.NewMeter()}).Serve)
		w := httptest.NewRecorder()
		router.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/bus", strings.NewReader(body)))
		if w.Code != want {
			t.Errorf("%s: answered %d, want %d", body, w.Code, want)
		}
	}
}

// A sidecar that ends hangs up on the app, and may acknowledge what the app has.
func TestABatchIsFinishedWhenNobodyWaitsForItsAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gone, hangUp := context.WithCancel(t.Context())
		began := time.Now()
		var after time.Duration
		reg := message.NewRegistry()
		message.Register[ping](reg, "Ping.v1", message.Command, "pings", nil)
		e := &bus.Endpoint{Registry: reg, App: "test", Kind: message.Command, Meter: bus.NewMeter(), Handler: bus.HandlerFunc(
			func(ctx context.Context, batch []bus.Delivery) []bus.Status {
				hangUp()
				synctest.Wait()
				if ctx.Err() != nil {
					t.Error("it is cut off in the middle")
				}
				<-ctx.Done() // but not for ever
				after = time.Since(began)
				return bus.All(len(batch), bus.Success)
			})}
		gin.SetMode(gin.TestMode)
		router := gin.New()
		router.POST("/bus", e.Serve)
		body := `{"topic":"pings","entries":[{"entryId":"a","event":` + good + `}]}`
		router.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(gone, http.MethodPost, "/bus", strings.NewReader(body)))
		if after != 10*time.Second {
			t.Errorf("it ended after %s", after)
		}
	})
}
