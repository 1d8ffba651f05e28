// Package contracts is the language that Plenary's apps speak: every command
// and event, with the values they are made of. It holds no behaviour beyond
// what a value needs to be a value. There is one file per app that is told and says
// something: commands, events, and their names on the wire.
//
// A struct here is a published contract. A field may be added; one that is
// removed, renamed or given another meaning needs a new major version in the
// type's name and an upcaster. Fields with personal data are tagged
// `personal:"true"`.
//
// testdata holds a message of every type as it was once written, which must stay
// readable. schemas and asyncapi.yaml say the same in the words of JSON Schema
// and AsyncAPI; tools/schemas writes them from the types here, and refuses when
// what was published would not hold any more.
package contracts
