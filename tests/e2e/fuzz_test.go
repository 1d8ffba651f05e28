package e2e

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/plenary/plenary/tests/harness"
	"github.com/plenary/plenary/tools/local/api"
)

var (
	fuzzRequests = flag.Int("fuzz-requests", 1000, "how many requests TestNoRequestBreaksTheAPI makes")
	fuzzSeed     = flag.Uint64("fuzz-seed", 1, "of its random numbers")
)

const (
	fuzzClients = 4
	// quickly is how long a request may take on a machine that has nothing else to do,
	// and bounded how long it may take on any. Slower ones than quickly are told of.
	quickly, bounded = 5 * time.Second, 30 * time.Second
)

// Requests of all operations are made from the API's description, right and wrong ones:
// types, bounds, encodings, headers, the ids of others. None is answered with a fault,
// each refusal is a problem, and nothing of it reaches a stream that then stands still.
func TestNoRequestBreaksTheAPI(t *testing.T) {
	harness.NeedsTrust(t)
	system.Watch(t)
	f := newFuzz(t)
	parked, letters := f.parked(), f.letters()
	work := make(chan fuzzed)
	var all sync.WaitGroup
	for range fuzzClients {
		all.Go(func() {
			for r := range work {
				f.do(r)
			}
		})
	}
	source := rand.New(rand.NewPCG(*fuzzSeed, 2)) //nolint:gosec // it is to be repeated
	for range *fuzzRequests {
		work <- f.make(source)
	}
	close(work)
	all.Wait()
	f.report()
	// What was accepted has its outcome: nothing waits behind it.
	c := onSale(t, system, quotas{})
	c.buy(seats(c.general, 1))
	if now := f.parked(); now != parked {
		t.Errorf("messages are parked in %d streams, %d before", now, parked)
	}
	if now := f.letters(); now != letters {
		t.Errorf("there are %d dead letters, %d before", now, letters)
	}
}

// fuzz makes requests from a description of the API.
type fuzz struct {
	t          *testing.T
	root       string // of the API
	schemas    map[string]any
	operations []fuzzOperation
	ids        map[string][]string // that there are, by a word in the path
	secrets    []string
	locators   []string
	token      string
	operator   string
	client     *http.Client

	mu       sync.Mutex
	statuses map[int]int
	reached  map[string]int // operations, by the answers below 400
	slowest  []string
	slow     int
}

type fuzzOperation struct {
	method, path string
	parameters   []fuzzParameter
	body         map[string]any // a schema; nil for none
	isStream     bool
	staff        bool // organisers may call it
}

type fuzzParameter struct {
	name, in string
	required bool
	schema   map[string]any
}

// fuzzed is one request.
type fuzzed struct {
	operation    fuzzOperation
	method       string
	path         string
	header       http.Header
	body         []byte
	mayBeAwaited time.Duration
}

func (r fuzzed) String() string {
	body := string(r.body)
	return fmt.Sprintf("%s %.300s %.300v %.600q", r.method, r.path, r.header, body)
}

func newFuzz(t *testing.T) *fuzz {
	t.Helper()
	f := &fuzz{
		t: t, root: system.API().URL, token: system.Organiser().Token, operator: system.Operator().Token, statuses: map[int]int{}, reached: map[string]int{},
		client: &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }},
	}
	res, err := http.Get(f.root + "/openapi.json")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var described map[string]any
	if err := json.NewDecoder(res.Body).Decode(&described); err != nil {
		t.Fatal(err)
	}
	f.schemas = described["components"].(map[string]any)["schemas"].(map[string]any)
	paths := described["paths"].(map[string]any)
	for _, path := range slices.Sorted(maps.Keys(paths)) {
		item := paths[path].(map[string]any)
		for _, method := range slices.Sorted(maps.Keys(item)) {
			if o, ok := item[method].(map[string]any); ok && o["responses"] != nil {
				f.operations = append(f.operations, operationOf(strings.ToUpper(method), path, o))
			}
		}
	}
	const least = 40
	if len(f.operations) < least {
		t.Fatalf("only %d operations are described", len(f.operations))
	}

	// Ids of what there is, and secrets that open some of it.
	c := onSale(t, system, quotas{general: 500})
	f.ids = map[string][]string{"conferences": {c.id}, "seat-types": {c.general, c.workshop}}
	for range 3 {
		o := c.buy(seats(c.general, 1))
		f.ids["orders"] = append(f.ids["orders"], o.ID)
		f.locators = append(f.locators, o.Locator)
		f.ids["payments"] = append(f.ids["payments"], o.PaymentID)
	}
	for range 3 {
		o := c.place(seats(c.general, 1)) // to be paid
		c.await(o, "reserved")
		c.register(o)
		f.ids["orders"] = append(f.ids["orders"], o)
	}
	for _, order := range f.ids["orders"] {
		f.secrets = append(f.secrets, api.Secret(order))
	}
	return f
}

func operationOf(method, path string, described map[string]any) fuzzOperation {
	o := fuzzOperation{method: method, path: path, staff: isForStaff(described)}
	parameters, _ := described["parameters"].([]any)
	for _, p := range parameters {
		p := p.(map[string]any)
		schema, _ := p["schema"].(map[string]any)
		required, _ := p["required"].(bool)
		o.parameters = append(o.parameters, fuzzParameter{p["name"].(string), p["in"].(string), required, schema})
	}
	if body, ok := described["requestBody"].(map[string]any); ok {
		for _, media := range body["content"].(map[string]any) {
			o.body, _ = media.(map[string]any)["schema"].(map[string]any)
		}
	}
	if right, ok := described["responses"].(map[string]any)["200"].(map[string]any); ok {
		content, _ := right["content"].(map[string]any)
		o.isStream = content["text/event-stream"] != nil
	}
	return o
}

// make makes a request: a right one, or one with something wrong.
func (f *fuzz) make(r *rand.Rand) fuzzed {
	o := f.operations[r.IntN(len(f.operations))]
	made := fuzzed{operation: o, method: o.method, header: http.Header{}}
	// Half of the requests are right, as far as the description says it.
	right := r.IntN(2) == 0
	wrong := func() bool { return !right && r.IntN(4) == 0 }
	path, query := o.path, url.Values{}
	for _, p := range o.parameters {
		if !p.required && r.IntN(3) > 0 {
			continue
		}
		value := f.text(r, p, o.path)
		if wrong() {
			value = pick(r, strange)
		}
		switch p.in {
		case "path":
			path = strings.ReplaceAll(path, "{"+p.name+"}", cmp.Or(url.PathEscape(value), "%20"))
		case "query":
			query.Add(p.name, value)
			if wrong() {
				query.Add(p.name, pick(r, strange))
			}
		case "header":
			f.set(made.header, p.name, value)
		}
	}
	if wrong() {
		query.Set(pick(r, []string{"limit", "after", "before", "tenant", "drafts", "", "a[]", "wait"}), pick(r, strange))
	}
	made.path = path
	if len(query) > 0 {
		made.path += "?" + query.Encode()
	}
	if o.body != nil {
		if right {
			made.body, _ = json.Marshal(f.value(r, o.body, 0))
		} else {
			made.body = f.body(r, o.body)
		}
		made.header.Set("Content-Type", "application/json")
		if wrong() {
			made.header.Set("Content-Type", pick(r, []string{"", "text/plain", "application/xml", "application/json; charset=utf-16", "multipart/form-data", "application/x-www-form-urlencoded", "a/b/c;;"}))
		}
	} else if wrong() {
		made.body = []byte(pick(r, strange))
	}
	switch r.IntN(8) {
	case 0: // nobody
	case 1, 2, 3, 4: // who may do most, or what operators do
		made.header.Set("Authorization", "Bearer "+pick(r, []string{f.token, f.token, f.token, f.operator}))
	case 5, 6:
		made.header.Set("Authorization", "Bearer "+pick(r, f.secrets))
	default:
		f.set(made.header, "Authorization", pick(r, append([]string{"Bearer", "Basic YTpi", "Bearer " + strings.Repeat("x", 9000), "bearer " + f.token}, strange...)))
	}
	if wrong() {
		f.set(made.header, pick(r, []string{
			"Accept", "Accept-Language", "Accept-Encoding", "Content-Encoding", "Cookie", "Idempotency-Key", "If-Match", "If-None-Match", "Last-Event-ID", "Origin",
			"Plenary-Tenant", "Prefer", "Range", "Sec-Fetch-Site", "Traceparent", "X-HTTP-Method-Override", "Dapr-App-Id", "Upgrade",
		}), pick(r, append([]string{"q=0", "*/*;q=0", "text/html", "gzip;q=0", "bytes=0-", "wait=1", "wait=-1", "wait=1e9", "W/\"1\"", "*", "zh-Hant;q=0.1,*;q=0"}, strange...)))
	}
	if wrong() {
		made.method = pick(r, []string{"HEAD", "OPTIONS", "PATCH", "TRACE", "PUT", "POST", "DELETE", "GET", "FOO"})
	}
	// Many clients, or the first wrong credentials would be all that is seen.
	made.header.Set("X-Forwarded-For", fmt.Sprintf("10.%d.%d.%d", r.IntN(256), r.IntN(256), r.IntN(256)))
	made.mayBeAwaited = awaited(made.header.Get("Prefer"), query.Get("wait"))
	return made
}

// set sets a header, unless HTTP does not allow such a value.
func (f *fuzz) set(h http.Header, name, value string) {
	if !strings.ContainsFunc(value, func(c rune) bool { return c < ' ' && c != '\t' || c == 0x7f }) {
		h.Set(name, value)
	}
}

// awaited is how long a request asks to be held.
func awaited(prefer, wait string) time.Duration {
	const most = 30
	longest := 0
	for _, text := range []string{strings.TrimPrefix(prefer, "wait="), wait} {
		if n, err := strconv.Atoi(text); err == nil {
			longest = max(longest, min(n, most))
		}
	}
	return time.Duration(longest) * time.Second
}

func pick[T any](r *rand.Rand, from []T) T { return from[r.IntN(len(from))] }

// strange are texts that some program has stumbled over.
var strange = []string{
	"", " ", "0", "-1", "1.5", "1e400", "NaN", "null", "true", "[]", "{}", "undefined", "9223372036854775807", "9223372036854775808", "-9223372036854775809", "00000000-0000-0000-0000-000000000000",
	"ffffffff-ffff-ffff-ffff-ffffffffffff", "{ffffffff-ffff-4fff-8fff-ffffffffffff}", "urn:uuid:6f2c0d5e-9d1c-4b51-8f3a-0b7a52a4c1de", "6F2C0D5E-9D1C-4B51-8F3A-0B7A52A4C1DE", "6f2c0d5e9d1c4b518f3a0b7a52a4c1de",
	"..", "../../../secrets", "%2e%2e%2f", "%00", "\x00", "a\x00b", "\xff\xfe", "\xed\xa0\x80", "\u202e\u202d", "\ufeff", "é\u0301", "İ", "ß", "𝕏", "👩‍👩‍👧‍👦", "\u2028", "\r\nX-Injected: 1", "' OR 1=1 --", "\"; DROP TABLE orders; --", "<script>alert(1)</script>",
	"${jndi:ldap://127.0.0.1:1/a}", "{{7*7}}", "a/b", "a\\b", "a,b;c", "%", "%zz", "&", "#", "?", "2027-02-30T25:61:61Z", "0000-00-00T00:00:00Z", "9999-12-31T23:59:59.999999999+14:00", "+1e9-01-01T00:00:00Z",
	strings.Repeat("a", 300), strings.Repeat("ä", 5000), strings.Repeat("1", 400), strings.Repeat("%", 1000),
}

// text is a right value of a parameter.
func (f *fuzz) text(r *rand.Rand, p fuzzParameter, path string) string {
	if p.in == "path" {
		for _, part := range slices.Backward(strings.Split(path[:strings.Index(path, "{"+p.name+"}")], "/")) {
			if ids := f.ids[part]; ids != nil && r.IntN(4) > 0 {
				return pick(r, ids)
			}
		}
	}
	switch strings.ToLower(p.name) {
	case "prefer":
		return pick(r, []string{"wait=0", "wait=1", "respond-async, wait=1"})
	case "wait":
		return strconv.Itoa(r.IntN(2))
	case "position":
		return strconv.Itoa(r.IntN(3))
	case "idempotency-key":
		return uuid.NewString()
	}
	value := f.value(r, p.schema, 0)
	if text, ok := value.(string); ok {
		return text
	}
	encoded, _ := json.Marshal(value) // it is made of what JSON has
	return string(encoded)
}

// body is a body: mostly one that the schema describes, with one part of it changed.
func (f *fuzz) body(r *rand.Rand, schema map[string]any) []byte {
	right := f.value(r, schema, 0)
	if r.IntN(2) == 0 {
		right = f.spoiled(r, right)
	}
	encoded, _ := json.Marshal(right)
	switch r.IntN(30) {
	case 0:
		return encoded[:r.IntN(len(encoded)+1)]
	case 1:
		return nil
	case 2:
		return []byte(pick(r, strange))
	case 3:
		return []byte(strings.Repeat("[", 30_000))
	case 4:
		return append([]byte("\xef\xbb\xbf"), encoded...)
	case 5: // UTF-16
		var wide []byte
		for _, b := range encoded {
			wide = append(wide, b, 0)
		}
		return wide
	case 6:
		var packed bytes.Buffer
		w := gzip.NewWriter(&packed)
		_, _ = w.Write(encoded)
		_ = w.Close()
		return packed.Bytes()
	case 7: // twice the same fields
		return []byte(strings.Replace(string(encoded), "{", "{"+strings.Trim(string(encoded), "{}")+",", 1))
	case 8:
		return append(encoded, " {}"...)
	case 9:
		return []byte(`{"a":"` + strings.Repeat("x", 70_000) + `"}`)
	case 10:
		return bytes.ReplaceAll(encoded, []byte(`"`), []byte(`'`))
	case 11:
		return []byte(strings.ReplaceAll(string(encoded), "a", `\ud800`))
	}
	return encoded
}

// spoiled changes one part of a value.
func (f *fuzz) spoiled(r *rand.Rand, value any) any {
	switch v := value.(type) {
	case map[string]any:
		keys := slices.Sorted(maps.Keys(v))
		if len(keys) == 0 || r.IntN(8) == 0 {
			v[pick(r, []string{"extra", "", "__proto__", "id", "tenant", "orderId"})] = pick(r, strange)
			return v
		}
		key := pick(r, keys)
		switch r.IntN(6) {
		case 0:
			delete(v, key)
		case 1:
			v[key] = f.anything(r)
		default:
			v[key] = f.spoiled(r, v[key])
		}
		return v
	case []any:
		switch {
		case len(v) == 0 || r.IntN(4) == 0:
			return slices.Repeat([]any{f.anything(r)}, 1+r.IntN(200))
		case r.IntN(3) == 0:
			return slices.Repeat(v, 1+r.IntN(60))
		}
		v[0] = f.spoiled(r, v[0])
		return v
	}
	return f.anything(r)
}

func (f *fuzz) anything(r *rand.Rand) any {
	switch r.IntN(8) {
	case 0:
		return nil
	case 1:
		return r.IntN(2) == 0
	case 2:
		return pick(r, []any{0, -1, 1.5, 1e18, -1e300, json.Number("9223372036854775808"), json.Number("1e30"), 1 << 53, json.Number("-0.0")})
	case 3:
		return []any{pick(r, strange), nil, 1}
	case 4:
		return map[string]any{pick(r, strange): pick(r, strange)}
	}
	return strings.ToValidUTF8(pick(r, strange), "\uFFFD")
}

// value is a value that a schema describes, at its bounds or somewhere between.
func (f *fuzz) value(r *rand.Rand, schema map[string]any, depth int) any {
	if ref, ok := schema["$ref"].(string); ok {
		return f.value(r, f.schemas[ref[strings.LastIndex(ref, "/")+1:]].(map[string]any), depth)
	}
	if all, ok := schema["enum"].([]any); ok && len(all) > 0 {
		return pick(r, all)
	}
	number := func(name string, otherwise int) int {
		if n, ok := schema[name].(float64); ok {
			return int(n)
		}
		return otherwise
	}
	switch typeOf(schema) {
	case "object":
		made := map[string]any{}
		properties, _ := schema["properties"].(map[string]any)
		required, _ := schema["required"].([]any)
		for _, name := range slices.Sorted(maps.Keys(properties)) {
			if name == "$schema" || depth > 6 || !slices.Contains(required, any(name)) && r.IntN(3) == 0 {
				continue
			}
			if made[name] = f.known(r, name, f.value(r, properties[name].(map[string]any), depth+1)); made[name] == nil {
				delete(made, name)
			}
		}
		return made
	case "array":
		items, _ := schema["items"].(map[string]any)
		made := []any{}
		for range number("minItems", 0) + 1 + r.IntN(2) {
			made = append(made, f.value(r, items, depth+1))
		}
		return made
	case "integer", "number":
		low, high := number("minimum", 0), number("maximum", 1000)
		return pick(r, []int{low, high, low + 1, low + r.IntN(max(high-low, 1))})
	case "boolean":
		return r.IntN(2) == 0
	}
	switch schema["format"] {
	case "uuid":
		return uuid.NewString()
	case "date-time":
		return time.Now().UTC().Truncate(time.Second).Add(time.Duration(5000+r.IntN(5000)) * time.Hour).Format(time.RFC3339)
	}
	if examples, ok := schema["examples"].([]any); ok && len(examples) > 0 && r.IntN(2) == 0 {
		return pick(r, examples)
	}
	least, most := number("minLength", 1), number("maxLength", 40)
	return strings.Repeat("a", pick(r, []int{least, min(most, 5000), min(least+5, most)}))
}

// known puts in what there is, in place of what is made up.
func (f *fuzz) known(r *rand.Rand, property string, made any) any {
	if r.IntN(4) == 0 {
		return made
	}
	switch property {
	case "seatType":
		return pick(r, f.ids["seat-types"])
	case "orderId":
		return pick(r, []string{pick(r, f.ids["orders"]), uuid.NewString(), uuid.NewString()})
	case "secret":
		return pick(r, []string{pick(r, f.secrets), strings.ReplaceAll(uuid.NewString(), "-", "")})
	case "email":
		return pick(r, []string{fmt.Sprintf("p%d@example.org", r.IntN(1000)), registrant().Email})
	case "locator":
		return pick(r, f.locators)
	case "amount":
		if _, whole := made.(int); whole {
			return generalPrice
		}
	case "handler":
		return pick(r, []string{"order", "seats", "registration-process"})
	case "salesFrom", "salesUntil", "refundUntil", "handOverUntil":
		return nil
	case "quantity":
		return 1 + r.IntN(3)
	case "currency":
		return "USD"
	case "timeZone":
		return "Europe/Berlin"
	case "slug":
		return "fuzz-" + uuid.NewString()
	}
	return made
}

func typeOf(schema map[string]any) string {
	switch t := schema["type"].(type) {
	case string:
		return t
	case []any:
		return t[0].(string)
	}
	return ""
}

// streamFor is how long a stream is read.
const streamFor = 200 * time.Millisecond

// do makes a request and judges its answer. What fails because of the request fails
// again; a fault that does not come again is one of a machine that is overloaded, and is
// told of.
func (f *fuzz) do(r fuzzed) {
	const tries = 3
	for try := 1; f.once(r, try == tries); try++ {
		f.t.Logf("a fault, made again: %s", r)
		select {
		case <-f.t.Context().Done():
			return
		case <-time.After(time.Duration(try) * time.Second):
		}
	}
}

// once makes a request once; again is whether it was answered with a fault that is not
// the last one allowed.
func (f *fuzz) once(r fuzzed, last bool) (again bool) {
	ctx, cancel := context.WithTimeout(f.t.Context(), bounded+r.mayBeAwaited)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, r.method, f.root+r.path, bytes.NewReader(r.body))
	if err != nil {
		return false // no client could make it
	}
	req.Header = r.header
	began := time.Now()
	res, err := f.client.Do(req)
	took := time.Since(began) - r.mayBeAwaited
	if err != nil {
		// A server may hang up on a body that it does not read, and the client cannot send
		// what is no HTTP.
		if errors.Is(err, context.DeadlineExceeded) {
			f.t.Errorf("no answer within %s: %s", bounded, r)
		}
		return false
	}
	defer func() { _ = res.Body.Close() }()
	var body []byte
	if r.operation.isStream && res.StatusCode == http.StatusOK {
		time.AfterFunc(streamFor, cancel)
		_, _ = io.Copy(io.Discard, res.Body)
	} else if body, err = io.ReadAll(res.Body); err != nil {
		f.t.Errorf("the answer breaks off (%v): %s", err, r)
		return false
	}
	f.count(r, res.StatusCode, took)
	if res.StatusCode >= http.StatusInternalServerError {
		if last {
			f.t.Errorf("%d %.300s: %s", res.StatusCode, body, r)
		}
		return !last
	}
	if res.StatusCode < http.StatusBadRequest || r.method == http.MethodHead {
		return false
	}
	var p struct {
		Status int
		Code   string
		Title  string
	}
	if kind := res.Header.Get("Content-Type"); !strings.HasPrefix(kind, "application/problem+json") ||
		json.Unmarshal(body, &p) != nil || p.Code == "" || p.Title == "" || p.Status != res.StatusCode {
		f.t.Errorf("%d is no problem but %s %.300s: %s", res.StatusCode, kind, body, r)
	}
	return false
}

func (f *fuzz) count(r fuzzed, status int, took time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.statuses[status]++
	if status < http.StatusBadRequest {
		f.reached[r.operation.method+" "+r.operation.path]++
	}
	if took > quickly {
		f.slow++
		f.slowest = append(f.slowest, fmt.Sprintf("%s: %s", took, r))
	}
}

// report says what was seen. An operation that no request got through to was not tried.
func (f *fuzz) report() {
	f.t.Logf("%d requests of %d operations; answers by status: %v; slower than %s: %d", *fuzzRequests, len(f.operations), f.statuses, quickly, f.slow)
	for _, s := range f.slowest {
		f.t.Log(s)
	}
	var never []string
	for _, o := range f.operations {
		if name := o.method + " " + o.path; f.reached[name] == 0 {
			never = append(never, name)
		}
	}
	f.t.Logf("%d operations were never answered with a success: %s", len(never), strings.Join(never, ", "))
	if *fuzzRequests >= 1000 && len(never) > len(f.operations)/2 {
		f.t.Errorf("more than half of the operations were never answered with a success")
	}
}

// parked is in how many streams messages are parked.
func (f *fuzz) parked() int {
	var all struct{ Streams []any }
	f.asOperator("/api/parked-streams?limit=1000", &all)
	return len(all.Streams)
}

// letters is how many dead letters there are.
func (f *fuzz) letters() int {
	var all struct{ DeadLetters []any }
	f.asOperator("/api/dead-letters?limit=1000", &all)
	return len(all.DeadLetters)
}

func (f *fuzz) asOperator(path string, into any) {
	f.t.Helper()
	status, body := request(f.t, http.MethodGet, f.root+path, "", map[string]string{"Authorization": "Bearer " + f.operator})
	if status != http.StatusOK || json.Unmarshal(body, into) != nil {
		f.t.Fatalf("%s: %d %s", path, status, body)
	}
}
