package message

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"time"

	"github.com/cloudevents/sdk-go/v2/event"
	"github.com/cloudevents/sdk-go/v2/types"
)

// ContentType is that of a CloudEvent in the JSON format.
const ContentType = event.ApplicationCloudEventsJSON

// BatchContentType is that of several CloudEvents in the JSON batch format.
const BatchContentType = event.ApplicationCloudEventsBatchJSON

// PackCloudEvents puts CloudEvents of the JSON format into one of the JSON batch
// format.
func PackCloudEvents(events [][]byte) []byte {
	size := len("[]")
	for _, e := range events {
		size += len(e) + len(",")
	}
	batch := append(make([]byte, 0, size), '[')
	for i, e := range events {
		if i > 0 {
			batch = append(batch, ',')
		}
		batch = append(batch, e...)
	}
	return append(batch, ']')
}

// UnpackCloudEvents gives the CloudEvents of a batch as they were put there, and whether
// they are JSON. What is no batch is one by itself, whether it can be read or not.
func UnpackCloudEvents(raw []byte) (events [][]byte, areJSON bool) {
	areJSON = json.Valid(raw)
	if text := bytes.TrimSpace(raw); areJSON && text[0] == '[' {
		return elements(text), true
	}
	return [][]byte{raw}, areJSON
}

// elements are those of a JSON array, which is valid. A decoder would read all of it twice
// more.
func elements(array []byte) (out [][]byte) {
	depth, from, inString := 0, 1, false
	end := func(at int) {
		if element := bytes.TrimSpace(array[from:at]); len(element) > 0 {
			out = append(out, element)
		}
		from = at + 1
	}
	for i := 0; i < len(array); i++ {
		switch c := array[i]; {
		case inString && c == '\\':
			i++
		case c == '"':
			inString = !inString
		case inString:
		case c == '[' || c == '{':
			depth++
		case c == ']' || c == '}':
			if depth--; depth == 0 {
				end(i)
			}
		case c == ',' && depth == 1:
			end(i)
		}
	}
	return out
}

// mostExtensions is room for all of them.
const mostExtensions = 16

// The extension attributes, beside CloudEvents' own.
const (
	extTenant          = "tenant"
	extCorrelationID   = "correlationid"
	extPartitionKey    = "partitionkey"
	extOriginalID      = "originalid"
	extStreamVersion   = "streamversion"
	extDecisionEnd     = "decisionend"
	extRepeated        = "repeated"
	extCausationID     = "causationid"
	extCausationType   = "causationtype"
	extCausationTime   = "causationtime"
	extCausationCause  = "causationcause"
	extCausationSource = "causationsource"
	extActor           = "actor"
	extCausationActor  = "causationactor"
	extTraceParent     = "traceparent"
	extTraceID         = "traceid"
)

// tenant is the form of a tenant: it is in the keys of streams, between slashes, and in
// labels of metrics.
var tenant = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)

// IsTenant says whether a text has the form of a tenant.
func IsTenant(text string) bool { return tenant.MatchString(text) }

// ToCloudEvent encodes a message whose body is already JSON.
func ToCloudEvent(m Meta, data []byte) ([]byte, error) {
	// The names and the types are right, so the setters' checks are left out.
	ext := make(map[string]any, mostExtensions)
	for _, a := range [...]struct{ name, value string }{
		{extTenant, m.Tenant},
		{extCorrelationID, m.CorrelationID},
		{extPartitionKey, m.PartitionKey},
		{extOriginalID, m.OriginalID},
		{extCausationID, m.Cause.ID},
		{extCausationType, m.Cause.Type},
		{extCausationCause, m.Cause.CauseID},
		{extCausationSource, m.Cause.Source},
		{extActor, m.Actor},
		{extCausationActor, m.Cause.Actor},
		{extTraceParent, m.TraceParent},
		{extTraceID, m.TraceParent}, // Dapr overwrites traceparent where traceid is absent
	} {
		if a.value != "" {
			ext[a.name] = a.value
		}
	}
	if !m.Cause.Time.IsZero() {
		ext[extCausationTime] = types.Timestamp{Time: m.Cause.Time}
	}
	if m.StreamVersion > 0 {
		ext[extStreamVersion] = int32(m.StreamVersion) //nolint:gosec // CloudEvents integers have 32 bits; no stream comes near
	}
	if m.DecisionEnd > 0 {
		ext[extDecisionEnd] = int32(m.DecisionEnd) //nolint:gosec // as above
	}
	if m.Repeated > 0 {
		ext[extRepeated] = int32(m.Repeated) //nolint:gosec // a few times
	}
	e := event.Event{Context: &event.EventContextV1{Extensions: ext}}
	e.SetID(m.ID)
	e.SetType(m.Type)
	e.SetSource(m.Source)
	e.SetTime(m.Time)
	if m.Stream != "" {
		e.SetSubject(m.Stream)
	}
	if err := e.SetData(event.ApplicationJSON, json.RawMessage(data)); err != nil {
		return nil, fmt.Errorf("cloud event %s: %w", m.Type, err)
	}
	if err := e.Validate(); err != nil {
		return nil, fmt.Errorf("cloud event %s: %w", m.Type, err)
	}
	return e.MarshalJSON()
}

// FromCloudEvent decodes the envelope. The error is *Invalid: the bytes are no
// valid CloudEvent, or lack an attribute that every message here has. It quotes
// nothing of the message, which may be personal, as the errors of a library do.
func FromCloudEvent(raw []byte) (Meta, json.RawMessage, error) {
	if !json.Valid(raw) {
		return Meta{}, nil, &Invalid{Type: "CloudEvent", Reason: "is not JSON"}
	}
	return FromJSON(raw)
}

// extensions are those of an event, which are not to be changed.
func extensions(e event.Event) map[string]any {
	if v1, ok := e.Context.(*event.EventContextV1); ok {
		return v1.Extensions // Extensions would copy them
	}
	return e.Extensions()
}

// FromJSON is FromCloudEvent for what is known to be JSON.
func FromJSON(raw []byte) (Meta, json.RawMessage, error) {
	var e event.Event
	if e.UnmarshalJSON(bytes.TrimSpace(raw)) != nil { // json.Unmarshal would read it twice before
		return Meta{}, nil, &Invalid{Type: "CloudEvent", Reason: "an attribute is missing or cannot be read"}
	}
	if err := e.Validate(); err != nil {
		return Meta{}, nil, invalidAttributes(err)
	}
	ext := extensions(e)
	text := func(name string) string {
		s, err := types.ToString(ext[name])
		if err != nil {
			return ""
		}
		return s
	}
	m := Meta{
		ID: e.ID(), Type: e.Type(), Source: e.Source(), Stream: e.Subject(), Time: e.Time(),
		Tenant:        text(extTenant),
		CorrelationID: text(extCorrelationID),
		PartitionKey:  text(extPartitionKey),
		OriginalID:    text(extOriginalID),
		TraceParent:   text(extTraceParent),
		Actor:         text(extActor),
		Cause: Cause{
			ID: text(extCausationID), Type: text(extCausationType),
			CauseID: text(extCausationCause), Source: text(extCausationSource), Actor: text(extCausationActor),
		},
	}
	if v, ok := ext[extStreamVersion]; ok {
		n, err := types.ToInteger(v)
		if err != nil || n < 1 {
			return m, nil, &Invalid{Type: m.Type, Fields: []FieldError{{Field: extStreamVersion, Rule: "must be a positive integer"}}}
		}
		m.StreamVersion = uint64(n)
	}
	if v, ok := ext[extDecisionEnd]; ok {
		n, err := types.ToInteger(v)
		if err != nil || n < 1 {
			return m, nil, &Invalid{Type: m.Type, Fields: []FieldError{{Field: extDecisionEnd, Rule: "must be a positive integer"}}}
		}
		m.DecisionEnd = uint64(n)
	}
	if v, ok := ext[extRepeated]; ok {
		n, err := types.ToInteger(v)
		if err != nil || n < 1 {
			return m, nil, &Invalid{Type: m.Type, Fields: []FieldError{{Field: extRepeated, Rule: "must be a positive integer"}}}
		}
		m.Repeated = int(n)
	}
	if v, ok := ext[extCausationTime]; ok {
		t, err := types.ToTime(v)
		if err != nil {
			return m, nil, &Invalid{Type: m.Type, Fields: []FieldError{{Field: extCausationTime, Rule: "must be an RFC 3339 time"}}}
		}
		m.Cause.Time = t
	}
	if m.Tenant == "" {
		m.Tenant = DefaultTenant
	}
	if !IsTenant(m.Tenant) {
		return m, nil, &Invalid{Type: m.Type, Fields: []FieldError{{Field: extTenant, Rule: "must be lower-case letters, digits and hyphens, 63 at most"}}}
	}
	if m.Time.IsZero() {
		m.Time = time.Now().UTC()
	}
	data := e.Data()
	// In an envelope that is JSON, data that stands there as JSON is.
	inEnvelope := len(data) > 0 && !e.DataBase64 && e.DataMediaType() == event.ApplicationJSON
	if !inEnvelope && !json.Valid(data) {
		return m, nil, &Invalid{Type: m.Type, Reason: "data is not JSON"}
	}
	return m, data, nil
}

// invalidAttributes names the attributes that are missing or malformed.
func invalidAttributes(err error) *Invalid {
	inv := &Invalid{Type: "CloudEvent", Reason: "an attribute is missing or malformed"}
	var of event.ValidationError
	if errors.As(err, &of) {
		for _, name := range slices.Sorted(maps.Keys(of)) {
			inv.Fields = append(inv.Fields, FieldError{Field: name, Rule: "required, in the form that CloudEvents says"})
		}
	}
	return inv
}
