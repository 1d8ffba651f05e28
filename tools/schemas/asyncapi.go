package main

import (
	"bytes"
	"fmt"
	"path"

	"github.com/invopop/jsonschema"
	"go.yaml.in/yaml/v3"

	"github.com/plenary/plenary/engine/message"
	"github.com/plenary/plenary/topology"
)

// What of AsyncAPI 3.0 is used here, in the order in which it is written.
type (
	document struct {
		AsyncAPI    string               `yaml:"asyncapi"`
		Info        info                 `yaml:"info"`
		ContentType string               `yaml:"defaultContentType"`
		Channels    map[string]channel   `yaml:"channels"`
		Operations  map[string]operation `yaml:"operations"`
		Components  components           `yaml:"components"`
	}
	info struct {
		Title       string `yaml:"title"`
		Version     string `yaml:"version"`
		Description string `yaml:"description"`
	}
	channel struct {
		Address     string               `yaml:"address"`
		Description string               `yaml:"description"`
		Parameters  map[string]parameter `yaml:"parameters"`
		Messages    map[string]ref       `yaml:"messages"`
	}
	parameter struct {
		Description string   `yaml:"description"`
		Enum        []string `yaml:"enum,flow"`
	}
	operation struct {
		Action  string `yaml:"action"`
		Channel ref    `yaml:"channel"`
		Summary string `yaml:"summary"`
	}
	components struct {
		Messages map[string]messageOf `yaml:"messages"`
		Schemas  map[string]any       `yaml:"schemas"`
	}
	messageOf struct {
		Name        string  `yaml:"name"`
		Title       string  `yaml:"title"`
		Description string  `yaml:"description,omitempty"`
		ContentType string  `yaml:"contentType"`
		Payload     payload `yaml:"payload"`
	}
	payload struct {
		AllOf []any `yaml:"allOf"`
	}
	ref struct {
		Ref string `yaml:"$ref"`
	}
)

const description = `The messages of Plenary: commands, which have one receiver each and may be refused, and events, which are facts.

Every message is a CloudEvent in the JSON format (structured mode). Its type is the message's name and major version; data is the message itself. A refused command is answered by the event CommandRejected.

What is sent together may travel together, as a CloudEvents batch (application/cloudevents-batch+json): a JSON array of CloudEvents. Readers take both forms from everybody. A batch is published raw (Dapr's metadata rawPayload), since a sidecar would wrap it. It is delivered again as a whole when one of its events could not be handled; the others have the same ids as before.

Delivery is at least once and in no order. Of the events of one stream (the CloudEvent's subject) streamversion gives the order; a message's id stays the same when it is sent again.

Fields marked x-personal are personal data.`

// asyncAPI is the AsyncAPI document of the message types.
func asyncAPI(types []message.Type, schemas map[string]*jsonschema.Schema) ([]byte, error) {
	d := document{
		AsyncAPI:    "3.0.0",
		Info:        info{Title: "Plenary", Version: "1", Description: description},
		ContentType: message.ContentType,
		Channels:    map[string]channel{},
		Operations:  map[string]operation{},
		Components: components{
			Messages: map[string]messageOf{},
			Schemas:  map[string]any{"CloudEvent": cloudEvent},
		},
	}
	for _, topic := range topology.Plenary().Topics {
		d.Channels[topic.Name] = channel{
			Address:     topology.From(topic.Name, "{app}"),
			Description: fmt.Sprintf("%s On the Dapr component %s.", topic.About, topic.Bus),
			Parameters: map[string]parameter{"app": {
				Description: "The app that publishes. No other one can publish there.", Enum: topology.Plenary().Publishers(topic.Name),
			}},
			Messages: map[string]ref{},
		}
		action := "send"
		if topic.Bus == "commandbus" {
			action = "receive"
		}
		d.Operations[action+"-"+topic.Name] = operation{Action: action, Channel: ref{"#/channels/" + topic.Name}, Summary: topic.About}
	}
	for _, t := range types {
		if t.Topic == "" {
			continue // it does not travel by itself
		}
		ch, ok := d.Channels[t.Topic]
		if !ok {
			return nil, fmt.Errorf("%s: the topic %q is not described", t.Name, t.Topic)
		}
		ch.Messages[t.Name] = ref{"#/components/messages/" + t.Name}
		d.Components.Messages[t.Name] = messageOf{
			Name: t.Name, Title: t.GoType().Name(), Description: schemas[t.Name].Description, ContentType: message.ContentType,
			Payload: payload{AllOf: []any{
				ref{"#/components/schemas/CloudEvent"},
				object{"properties": object{
					"type": object{"const": t.Name},
					"data": ref{"./" + path.Join("schemas", t.Name+".json")},
				}},
			}},
		}
	}
	var out bytes.Buffer
	out.WriteString("# Written by tools/schemas from the Go types of the contracts.\n")
	e := yaml.NewEncoder(&out)
	e.SetIndent(2)
	if err := e.Encode(d); err != nil {
		return nil, err
	}
	return out.Bytes(), e.Close()
}

type object map[string]any

// cloudEvent is the envelope: CloudEvents 1.0 with the extensions that every
// message carries.
var cloudEvent = object{
	"type":     "object",
	"required": []string{"specversion", "id", "type", "source", "time", "tenant", "data"},
	"properties": object{
		"specversion":     object{"const": "1.0"},
		"id":              text("Stays the same when the message is sent again."),
		"type":            text("Name and major version of the message."),
		"source":          text("The app that sent it."),
		"subject":         text("The stream: of an event its own, of a command the one it is for if the sender knows."),
		"time":            object{"type": "string", "format": "date-time"},
		"datacontenttype": object{"const": "application/json"},
		"tenant":          text("Whose data this is; main in an installation of one."),
		"correlationid":   text("The id of the order or conference that the conversation is about."),
		"causationid":     text("The id of the message that led to this one."),
		"causationtype":   text("Its type."),
		"causationtime":   object{"type": "string", "format": "date-time", "description": "Its time."},
		"causationsource": text("Its source."),
		"causationcause":  text("The id of what led to the cause."),
		"streamversion":   object{"type": "integer", "minimum": 1, "description": "Of an event: its place in its stream."},
		"repeated":        object{"type": "integer", "minimum": 1, "description": "Of a message sent again under the same id, since its sender had no sign that it arrived: how often so far."},
		"decisionend":     object{"type": "integer", "minimum": 1, "description": "Of an event that is not the last of its decision: the streamversion of that one."},
		"partitionkey":    text("Messages of one key stay together where the broker can."),
		"traceparent":     text("W3C trace context."),
		"traceid":         text("The same again, for Dapr."),
		"originalid":      text("Of a dead letter that was sent back: the id it had at first."),
		"data":            object{"type": "object"},
	},
}

func text(description string) object { return object{"type": "string", "description": description} }
