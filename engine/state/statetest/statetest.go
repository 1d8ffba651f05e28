// Package statetest is the conformance suite of the state port: what the
// engine needs of a store, as tests. Every implementation runs it.
package statetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/plenary/plenary/engine/state"
)

// Run tests the store that open gives. open may give the same store each time:
// every test uses keys of its own.
func Run(t *testing.T, open func(t *testing.T) state.Store) {
	ctx := context.Background()
	key := func(name string) string { return "main/conformance/" + name + "-" + uuid.NewString() }
	get := func(t *testing.T, s state.Store, k string) (state.Entry, bool) {
		t.Helper()
		got, err := s.Get(ctx, []string{k})
		if err != nil {
			t.Fatalf("get: %v", err)
		}
		e, ok := got[k]
		return e, ok
	}
	must := func(t *testing.T, errs []error) {
		t.Helper()
		for i, err := range errs {
			if err != nil {
				t.Fatalf("write %d: %v", i, err)
			}
		}
	}

	t.Run("a key that was never written is absent", func(t *testing.T) {
		if _, ok := get(t, open(t), key("absent")); ok {
			t.Fatal("found")
		}
	})

	t.Run("what was written is read", func(t *testing.T) {
		s, k := open(t), key("read")
		must(t, s.Save(ctx, []state.Write{{Key: k, Value: []byte(`{"a":"ü <&> 日本"}`)}}))
		e, ok := get(t, s, k)
		if !ok || string(e.Value) != `{"a":"ü <&> 日本"}` || e.ETag == "" {
			t.Fatalf("got %q, etag %q, found %v", e.Value, e.ETag, ok)
		}
	})

	t.Run("many keys are read at once, those that exist", func(t *testing.T) {
		s := open(t)
		var writes []state.Write
		var keys []string
		for i := range 120 {
			k := key("many")
			keys = append(keys, k)
			if i%3 != 0 {
				writes = append(writes, state.Write{Key: k, Value: []byte(strconv.Itoa(i))})
			}
		}
		must(t, s.Save(ctx, writes))
		got, err := s.Get(ctx, keys)
		if err != nil || len(got) != len(writes) {
			t.Fatalf("%d of %d, %v", len(got), len(writes), err)
		}
		for i, k := range keys {
			if e, ok := got[k]; ok != (i%3 != 0) || ok && string(e.Value) != strconv.Itoa(i) {
				t.Fatalf("key %d: %q, %v", i, e.Value, ok)
			}
		}
	})

	t.Run("a second creator loses", func(t *testing.T) {
		s, k := open(t), key("create")
		must(t, s.Save(ctx, []state.Write{{Key: k, Value: []byte("1")}}))
		if err := s.Save(ctx, []state.Write{{Key: k, Value: []byte("2")}})[0]; err == nil {
			t.Fatal("created twice")
		}
		if e, _ := get(t, s, k); string(e.Value) != "1" {
			t.Fatalf("now %q", e.Value)
		}
	})

	t.Run("a stale etag loses, a fresh one wins", func(t *testing.T) {
		s, k := open(t), key("cas")
		must(t, s.Save(ctx, []state.Write{{Key: k, Value: []byte("1")}}))
		first, _ := get(t, s, k)
		must(t, s.Save(ctx, []state.Write{{Key: k, Value: []byte("2"), ETag: first.ETag}}))
		if err := s.Save(ctx, []state.Write{{Key: k, Value: []byte("3"), ETag: first.ETag}})[0]; err == nil {
			t.Fatal("stale etag accepted")
		}
		if e, _ := get(t, s, k); string(e.Value) != "2" {
			t.Fatalf("now %q", e.Value)
		}
	})

	// Nothing is ever deleted that is written with its etag, so this need not hold.
	t.Run("an etag for a key that is gone, as it was seen", func(t *testing.T) {
		s, k := open(t), key("gone")
		must(t, s.Save(ctx, []state.Write{{Key: k, Value: []byte("1")}}))
		e, _ := get(t, s, k)
		if err := s.Delete(ctx, []string{k}); err != nil {
			t.Fatal(err)
		}
		seen := "loses"
		if s.Save(ctx, []state.Write{{Key: k, Value: []byte("2"), ETag: e.ETag}})[0] == nil {
			seen = "wins"
		}
		t.Attr("figure", seen)
	})

	t.Run("in one call, writes that lose leave the others alone", func(t *testing.T) {
		s := open(t)
		taken, stale := key("taken"), key("stale")
		must(t, s.Save(ctx, []state.Write{{Key: taken, Value: []byte("old")}, {Key: stale, Value: []byte("old")}}))
		old, _ := get(t, s, stale)
		must(t, s.Save(ctx, []state.Write{{Key: stale, Value: []byte("newer"), ETag: old.ETag}}))
		var writes []state.Write
		for range 20 {
			writes = append(writes, state.Write{Key: key("fine"), Value: []byte(uuid.NewString()), Unique: true})
		}
		writes = append(writes,
			state.Write{Key: taken, Value: []byte("new")},
			state.Write{Key: stale, Value: []byte("new"), ETag: old.ETag})
		errs := s.Save(ctx, writes)
		// A store that keeps values in a form of its own may report as lost what it wrote
		// itself, when it wrote in two attempts: callers look.
		reported := 0
		for i, w := range writes {
			e, _ := get(t, s, w.Key)
			switch {
			case i < 20 && string(e.Value) != string(w.Value):
				t.Fatalf("write %d: %v, now %q", i, errs[i], e.Value)
			case i < 20 && errs[i] != nil:
				reported++
			case i == 20 && (errs[i] == nil || string(e.Value) != "old"):
				t.Fatalf("taken: %v, now %q", errs[i], e.Value)
			case i == 21 && (errs[i] == nil || string(e.Value) != "newer"):
				t.Fatalf("stale: %v, now %q", errs[i], e.Value)
			}
		}
		t.Attr("figure", fmt.Sprintf("%d of 20 written and reported as lost", reported))
	})

	t.Run("of twenty racing creators exactly one wins", func(t *testing.T) {
		s, k := open(t), key("race")
		won := make([]bool, 20)
		var wg sync.WaitGroup
		start := make(chan struct{})
		for i := range won {
			wg.Go(func() {
				<-start
				won[i] = s.Save(ctx, []state.Write{{Key: k, Value: fmt.Append(nil, i)}})[0] == nil
			})
		}
		close(start)
		wg.Wait()
		var winners []int
		for i, w := range won {
			if w {
				winners = append(winners, i)
			}
		}
		e, ok := get(t, s, k)
		if len(winners) != 1 || !ok || string(e.Value) != strconv.Itoa(winners[0]) {
			t.Fatalf("winners %v, value %q", winners, e.Value)
		}
	})

	t.Run("no increment of eight writers is lost", func(t *testing.T) {
		s, k := open(t), key("count")
		must(t, s.Save(ctx, []state.Write{{Key: k, Value: []byte("0")}}))
		var wg sync.WaitGroup
		failed := make(chan error, 8)
		for range 8 {
			wg.Go(func() {
				for done := 0; done < 50; {
					got, err := s.Get(ctx, []string{k})
					if err != nil {
						failed <- err
						return
					}
					n, _ := strconv.Atoi(string(got[k].Value))
					if s.Save(ctx, []state.Write{{Key: k, Value: []byte(strconv.Itoa(n + 1)), ETag: got[k].ETag}})[0] == nil {
						done++
					}
				}
			})
		}
		wg.Wait()
		select {
		case err := <-failed:
			t.Fatal(err)
		default:
		}
		if e, _ := get(t, s, k); string(e.Value) != "400" {
			t.Fatalf("ended at %s", e.Value)
		}
	})

	t.Run("a value of 1 MB comes back whole", func(t *testing.T) {
		s, k := open(t), key("large")
		v := bytes.Repeat([]byte("0123456789"), 100_000)
		must(t, s.Save(ctx, []state.Write{{Key: k, Value: v}}))
		if e, _ := get(t, s, k); !bytes.Equal(e.Value, v) {
			t.Fatalf("%d bytes", len(e.Value))
		}
	})

	t.Run("values of 3 MB together come back in one call", func(t *testing.T) {
		s := open(t)
		var writes []state.Write
		var keys []string
		for range 10 {
			writes = append(writes, state.Write{Key: key("heavy"), Value: bytes.Repeat([]byte("0123456789"), 30_000)})
			keys = append(keys, writes[len(writes)-1].Key)
		}
		must(t, s.Save(ctx, writes))
		got, err := s.Get(ctx, keys)
		if err != nil {
			t.Fatal(err)
		}
		for i, w := range writes {
			if !bytes.Equal(got[w.Key].Value, w.Value) {
				t.Errorf("value %d: %d bytes", i, len(got[w.Key].Value))
			}
		}
	})

	t.Run("an unconditional write needs no etag", func(t *testing.T) {
		s, k := open(t), key("always")
		for range 2 {
			must(t, s.Save(ctx, []state.Write{{Key: k, Value: []byte("same"), Always: true}}))
		}
		if e, _ := get(t, s, k); string(e.Value) != "same" {
			t.Fatalf("now %q", e.Value)
		}
	})

	t.Run("deleting is final, and twice is no error", func(t *testing.T) {
		s, k := open(t), key("delete")
		must(t, s.Save(ctx, []state.Write{{Key: k, Value: []byte("1")}}))
		for range 2 {
			if err := s.Delete(ctx, []string{k}); err != nil {
				t.Fatal(err)
			}
		}
		if _, ok := get(t, s, k); ok {
			t.Fatal("still there")
		}
		must(t, s.Save(ctx, []state.Write{{Key: k, Value: []byte("again")}}))
	})

	// As the engine writes: a batch of streams read, changed and written together,
	// a few batches at once.
	t.Run("streams read and written", func(t *testing.T) {
		const writers, batches, streams = 4, 8, 50
		s := open(t)
		value := bytes.Repeat([]byte("x"), 1500)
		began := time.Now()
		failed := make(chan error, writers)
		var wg sync.WaitGroup
		for range writers {
			wg.Go(func() { failed <- rewrite(ctx, s, key("rate"), batches, streams, value) })
		}
		wg.Wait()
		for range writers {
			if err := <-failed; err != nil {
				t.Fatal(err)
			}
		}
		t.Attr("rate", fmt.Sprintf("%.0f streams/s", writers*batches*streams/time.Since(began).Seconds()))
	})
}

// rewrite creates keys, and then reads and writes them all, again and again.
func rewrite(ctx context.Context, s state.Store, name string, times, n int, value []byte) error {
	keys := make([]string, n)
	for i := range keys {
		keys[i] = name + "-" + strconv.Itoa(i)
	}
	for range times {
		got, err := s.Get(ctx, keys)
		if err != nil {
			return err
		}
		writes := make([]state.Write, n)
		for i, k := range keys {
			writes[i] = state.Write{Key: k, Value: value, ETag: got[k].ETag}
		}
		if err := errors.Join(s.Save(ctx, writes)...); err != nil {
			return err
		}
	}
	return nil
}
