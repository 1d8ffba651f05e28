package live

import "github.com/plenary/plenary/apps/query/view"

// maxHeard bounds the changes that a listener has not taken yet.
const maxHeard = 10_000

// Listener hears of every change.
type Listener struct {
	// Heard has something to receive when there is something to take.
	Heard <-chan struct{}

	heard chan struct{}
	hub   *Hub
	keys  []string
	seen  map[string]bool
	all   bool

	outcomes map[string]view.Outcome
}

// Listen begins to listen.
func (h *Hub) Listen() *Listener {
	heard := make(chan struct{}, 1)
	l := &Listener{Heard: heard, heard: heard, hub: h, seen: map[string]bool{}, outcomes: map[string]view.Outcome{}}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.heard[l] = struct{}{}
	return l
}

// Leave ends it.
func (l *Listener) Leave() {
	l.hub.mu.Lock()
	defer l.hub.mu.Unlock()
	delete(l.hub.heard, l)
}

// Heard is what a listener has heard since it last took it.
type Heard struct {
	// Keys of what has changed, each once.
	Keys []string
	// Outcomes of commands among them, as far as they were told.
	Outcomes map[string]view.Outcome
	// All: anything may have changed. The listener was too slow to be told what.
	All bool
}

// Take gives what has changed since it was last called.
func (l *Listener) Take() Heard {
	l.hub.mu.Lock()
	defer l.hub.mu.Unlock()
	h := Heard{Keys: l.keys, Outcomes: l.outcomes, All: l.all}
	l.forget()
	l.all = false
	return h
}

func (l *Listener) forget() {
	l.keys, l.outcomes = nil, map[string]view.Outcome{}
	clear(l.seen)
}

func (l *Listener) hear(keys []string, outcomes map[string]view.Outcome) {
	if l.all {
		keys = nil
	}
	for _, key := range keys {
		if l.seen[key] {
			delete(l.outcomes, key) // there is more to it, which has to be read
			continue
		}
		if len(l.keys) == maxHeard {
			l.hearAll()
			break
		}
		l.seen[key] = true
		l.keys = append(l.keys, key)
		if outcome, told := outcomes[key]; told {
			l.outcomes[key] = outcome
		}
	}
	l.wake()
}

func (l *Listener) hearAll() {
	l.all = true
	l.forget()
	l.wake()
}

func (l *Listener) wake() {
	select {
	case l.heard <- struct{}{}:
	default: // told already
	}
}
