package live

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
}

// Listen begins to listen.
func (h *Hub) Listen() *Listener {
	heard := make(chan struct{}, 1)
	l := &Listener{Heard: heard, heard: heard, hub: h, seen: map[string]bool{}}
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

// Take gives what has changed since it was last called, each key once; all says that
// anything may have: the listener was too slow to be told what.
func (l *Listener) Take() (keys []string, all bool) {
	l.hub.mu.Lock()
	defer l.hub.mu.Unlock()
	keys, all = l.keys, l.all
	l.keys, l.all = nil, false
	clear(l.seen)
	return keys, all
}

func (l *Listener) hear(keys []string) {
	for _, key := range keys {
		if l.all || l.seen[key] {
			continue
		}
		if len(l.keys) == maxHeard {
			l.hearAll()
			return
		}
		l.seen[key] = true
		l.keys = append(l.keys, key)
	}
	l.wake()
}

func (l *Listener) hearAll() {
	l.keys, l.all = nil, true
	clear(l.seen)
	l.wake()
}

func (l *Listener) wake() {
	select {
	case l.heard <- struct{}{}:
	default: // told already
	}
}
