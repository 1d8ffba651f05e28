// Package engine is the root of a small engine for event-sourced aggregates
// and processes on any state store and message broker that Dapr offers. It has
// no code of its own; the example beside it is a whole application in memory.
//
// The packages, from the inside out:
//
//   - es: what an aggregate and a process are, as plain functions. A domain
//     package imports this one and nothing else of the engine.
//   - es/estest: given/when/then scenarios for both.
//   - message: metadata, the registry of message types, the codec, CloudEvents.
//   - state: the port to a key-value store with compare-and-swap; state/statetest
//     is what it promises, as tests; state/daprstate is it over Dapr.
//   - stream: event streams over that port, one write per commit.
//   - bus: the port to a broker, and the endpoint that Dapr delivers batches to;
//     bus/daprbus is it over Dapr, bus/membus in memory.
//   - handling: batches of messages decided against streams. What it promises is
//     said there.
//   - timeout: wakes processes with Dapr's actor reminders.
//   - gather: turns concurrent single calls into batches.
//   - host: an app beside its Dapr sidecar, with all of this wired.
//
// README.md says how to use it in an app of one's own, and what an error means.
package engine
