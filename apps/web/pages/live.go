package pages

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/gin-contrib/sse"
	"github.com/google/uuid"

	"github.com/plenary/plenary/apps/query/view"
	"github.com/plenary/plenary/apps/web/pages/text"
	"github.com/plenary/plenary/apps/web/problem"
)

// A browser has one stream of events, however many tabs it has: the stream names all
// views that the tabs follow. The streams of all browsers share one read of each view,
// so a thousand people who watch one conference cause one request.

const (
	// maxFollowers bounds the streams of all browsers together, followersEach those
	// of one client, which may be a hall full of people behind one address, and
	// maxSubjects what one stream may follow.
	maxFollowers, followersEach = 4096, 1024
	maxSubjects                 = 16
	// followFor is how long one stream lives: browsers come back by themselves.
	followFor = time.Hour
	// heartbeat is how long a stream may be silent, writeWithin how long a browser
	// may take to receive something.
	heartbeat   = 20 * time.Second
	writeWithin = 10 * time.Second
	// pace is the least time between two changes of one subject in a stream.
	pace = 250 * time.Millisecond
	// again is the pause before a reading that ended is begun again.
	again = time.Second
)

// source is where a subject's events come from.
type source struct {
	kind, path, bearer string
	// texts, if set, makes the parts of the page that change, by their ids; without
	// it the page asks for itself anew.
	texts func(s *Site, l text.Language, data []byte) map[string]string
}

// source finds what a subject stands for, as this visitor may see it.
func (v *Visit) source(subject string) (source, bool) {
	kind, name, _ := strings.Cut(subject, ":")
	switch kind {
	case "conference":
		if slug.MatchString(name) {
			return source{kind: kind, path: "/api/conferences/" + name + "/events", texts: conferenceTexts}, true
		}
	case "line": // of those who wait for its seats: by it they know that they may have moved up
		if slug.MatchString(name) {
			return source{kind: kind, path: "/api/conferences/" + name + "/events", texts: lineTexts}, true
		}
	case "dashboard":
		token, err := v.Cookie(organiser.cookie)
		if err != nil || !slug.MatchString(name) {
			return source{}, false
		}
		if credential, err := v.site.credential(v.Request.Context(), token); err == nil {
			return source{path: "/api/organiser/conferences/" + name + "/dashboard/events", bearer: credential}, true
		}
	case "order": // its secret is a cookie of the order's own address
		if id, err := uuid.Parse(name); err == nil && name == v.Param("id") {
			return source{path: "/api/orders/" + name + "/events", bearer: v.secret(id)}, true
		}
	}
	return source{}, false
}

// conferenceTexts says how many seats there are of each type.
func conferenceTexts(s *Site, l text.Language, data []byte) map[string]string {
	var read view.Conference
	if json.Unmarshal(data, &read) != nil {
		return nil
	}
	c := shown(read)
	out := map[string]string{"offer": c.offer(s.now())}
	for _, t := range c.SeatTypes {
		var part strings.Builder
		if s.render[l]["conference"].ExecuteTemplate(&part, "availability", c.Available(t, s.now())) == nil {
			out[quantityField(t.ID)+"-left"] = part.String()
		}
	}
	return out
}

// lineTexts says how many orders are in line for each seat type.
func lineTexts(_ *Site, _ text.Language, data []byte) map[string]string {
	var read view.Conference
	if json.Unmarshal(data, &read) != nil {
		return nil
	}
	return map[string]string{"line": shown(read).line()}
}

// update is one change of a subject.
type update struct {
	revision int64 // counted here: the ids of events are digests
	data     []byte
	texts    sync.Map // by form
}

// form is that of a subject's texts.
type form struct {
	kind     string
	language text.Language
}

// follow streams the changes of the views that the address names.
func (v *Visit) follow() {
	subjects := v.QueryArray("watch")
	if len(subjects) > maxSubjects {
		subjects = subjects[:maxSubjects]
	}
	leave, ok := v.site.followers.Enter(v.site.orders.Client(v.Request))
	if !ok {
		problem.Write(v.Writer, v.Request, problem.New(problem.Unavailable).With("Retry-After", "5"))
		return
	}
	defer leave()
	ctx, cancel := context.WithTimeout(v.Request.Context(), followFor)
	defer cancel()
	defer context.AfterFunc(v.site.running, cancel)()

	changed := make(chan struct{}, 1)
	type followed struct {
		subject string
		source  source
		viewer  *viewer
		seen    int64
		told    map[string]string
	}
	var all []*followed
	for _, subject := range subjects {
		if from, ok := v.source(subject); ok {
			w := v.site.feeds.look(from, changed)
			defer w.leave()
			all = append(all, &followed{subject: subject, source: from, viewer: w})
		}
	}
	h := v.Writer.Header()
	h.Set("Content-Type", sse.ContentType)
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no")
	v.Status(http.StatusOK)
	conn := http.NewResponseController(v.Writer)
	send := func(write func() error) bool {
		_ = conn.SetWriteDeadline(time.Now().Add(writeWithin)) // a test's recorder has none
		return write() == nil && conn.Flush() == nil
	}
	comment := func() error { _, err := io.WriteString(v.Writer, ": here\n\n"); return err }
	if !send(comment) {
		return
	}
	beat := time.NewTicker(heartbeat)
	defer beat.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-beat.C:
			if !send(comment) {
				return
			}
			continue
		case <-changed:
		}
		for _, f := range all {
			u := f.viewer.latest()
			if u == nil || u.revision <= f.seen {
				continue
			}
			f.seen = u.revision
			event := map[string]any{"subject": f.subject, "revision": u.revision}
			if f.source.texts != nil {
				of := form{f.source.kind, v.Lang}
				made, ok := u.texts.Load(of)
				if !ok {
					made, _ = u.texts.LoadOrStore(of, f.source.texts(v.site, v.Lang, u.data))
				}
				texts := made.(map[string]string)
				if f.told != nil && maps.Equal(texts, f.told) {
					continue // something has changed of which the page says nothing
				}
				f.told, event["texts"] = texts, texts
			}
			data, err := json.Marshal(event)
			if err != nil || !send(func() error { return sse.Encode(v.Writer, sse.Event{Event: "change", Data: string(data)}) }) {
				return
			}
		}
		select { // what comes in the meantime is sent as one
		case <-ctx.Done():
			return
		case <-time.After(pace):
		}
	}
}

// feeds are the readings that streams share.
type feeds struct {
	api     http.Handler
	running context.Context
	mu      sync.Mutex
	open    map[string]*feed // by path and bearer
}

// feed is one reading.
type feed struct {
	cancel  context.CancelFunc
	viewers map[*viewer]struct{}
	last    *update
}

// viewer is one stream's part in a feed.
type viewer struct {
	feeds   *feeds
	key     string
	feed    *feed
	changed chan<- struct{}
}

func (f *feeds) look(from source, changed chan<- struct{}) *viewer {
	key := from.path + " " + from.bearer
	f.mu.Lock()
	defer f.mu.Unlock()
	found, ok := f.open[key]
	if !ok {
		ctx, cancel := context.WithCancel(f.running)
		found = &feed{cancel: cancel, viewers: map[*viewer]struct{}{}}
		f.open[key] = found
		go f.read(ctx, from, found)
	}
	w := &viewer{feeds: f, key: key, feed: found, changed: changed}
	found.viewers[w] = struct{}{}
	if found.last != nil {
		w.wake()
	}
	return w
}

func (w *viewer) wake() {
	select {
	case w.changed <- struct{}{}:
	default:
	}
}

func (w *viewer) latest() *update {
	w.feeds.mu.Lock()
	defer w.feeds.mu.Unlock()
	return w.feed.last
}

func (w *viewer) leave() {
	w.feeds.mu.Lock()
	defer w.feeds.mu.Unlock()
	delete(w.feed.viewers, w)
	if len(w.feed.viewers) == 0 {
		w.feed.cancel()
		if w.feeds.open[w.key] == w.feed {
			delete(w.feeds.open, w.key)
		}
	}
}

// read reads a subject's events from the API as long as anybody follows it, and its
// credential opens it: one that was revoked is not tried again and again.
func (f *feeds) read(ctx context.Context, from source, to *feed) {
	for ctx.Err() == nil && f.readOnce(ctx, from, to) != http.StatusUnauthorized {
		select {
		case <-ctx.Done():
		case <-time.After(again):
		}
	}
}

// readOnce reads until the API ends the stream, and gives the answer's status, 0 if it
// had none yet.
func (f *feeds) readOnce(ctx context.Context, from source, to *feed) (status int) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, from.path, http.NoBody)
	if err != nil {
		return 0
	}
	r.RemoteAddr = "127.0.0.1:0" // ours: it stands for any number of people
	r.Header.Set("Accept", sse.ContentType)
	if from.bearer != "" {
		r.Header.Set("Authorization", "Bearer "+from.bearer)
	}
	out, in := io.Pipe()
	answer := &piped{header: http.Header{}, to: in}
	go func() {
		f.api.ServeHTTP(answer, r)
		_ = in.Close()
	}()
	defer func() { _ = out.Close() }()
	lines := bufio.NewReader(out)
	u := &update{}
	for {
		line, err := lines.ReadString('\n')
		if err != nil {
			return answer.status // the API has answered: it closes the pipe
		}
		field, value, _ := strings.Cut(strings.TrimRight(line, "\r\n"), ":")
		value = strings.TrimPrefix(value, " ")
		switch field {
		case "data":
			u.data = append(u.data, value...)
		case "":
			if len(u.data) > 0 {
				f.publish(to, u)
			}
			u = &update{}
		}
	}
}

func (f *feeds) publish(to *feed, u *update) {
	f.mu.Lock()
	defer f.mu.Unlock()
	u.revision = 1
	if to.last != nil {
		u.revision = to.last.revision + 1
	}
	to.last = u
	for w := range to.viewers {
		w.wake()
	}
}

// piped is the answer of a stream; anything but success is dropped.
type piped struct {
	header http.Header
	to     *io.PipeWriter
	status int
}

func (p *piped) Header() http.Header { return p.header }

func (p *piped) WriteHeader(status int) { p.status = status }

func (p *piped) Write(b []byte) (int, error) {
	if p.status != 0 && p.status != http.StatusOK {
		return len(b), nil
	}
	n, err := p.to.Write(b)
	if err != nil {
		return n, fmt.Errorf("follow: %w", err)
	}
	return n, nil
}

// Flush implements http.Flusher: everything is passed on at once.
func (p *piped) Flush() {}
