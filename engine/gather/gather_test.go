package gather_test

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"testing"

	"github.com/plenary/plenary/engine/gather"
)

func TestWhatComesMeanwhileFormsTheNextBatch(t *testing.T) {
	entered, release := make(chan struct{}), make(chan struct{})
	var sizes []int
	odd := errors.New("odd")
	g := gather.New(4, func(_ context.Context, items []int) []error {
		sizes = append(sizes, len(items))
		if len(sizes) == 1 {
			close(entered)
			<-release
		}
		errs := make([]error, len(items))
		for i, n := range items {
			if n%2 == 1 {
				errs[i] = odd
			}
		}
		return errs
	})
	var wg sync.WaitGroup
	do := func(n int) {
		wg.Go(func() {
			err := g.Do(context.Background(), n)
			if (n%2 == 1) != errors.Is(err, odd) {
				t.Errorf("%d: %v", n, err)
			}
		})
	}
	do(0)
	<-entered
	for n := range 10 {
		do(n)
	}
	for g.Waiting() < 10 {
	}
	close(release)
	wg.Wait()
	total := 0
	for i, n := range sizes {
		if n > 4 || i == 0 && n != 1 {
			t.Fatalf("batches of %v", sizes)
		}
		total += n
	}
	if total != 11 || len(sizes) != 4 {
		t.Fatalf("batches of %v", sizes)
	}
}

func TestCallsBeyondTheBoundAreTurnedAway(t *testing.T) {
	entered, release := make(chan struct{}, 9), make(chan struct{})
	g := gather.New(1, func(_ context.Context, items []int) []error {
		entered <- struct{}{}
		<-release
		return make([]error, len(items))
	}).Bounded(2)
	var wg sync.WaitGroup
	do := func(n int) {
		wg.Go(func() {
			if err := g.Do(context.Background(), n); err != nil {
				t.Errorf("%d: %v", n, err)
			}
		})
	}
	do(0)
	<-entered
	do(1)
	do(2)
	for g.Waiting() < 2 {
		runtime.Gosched()
	}
	if err := g.Do(t.Context(), 3); !errors.Is(err, gather.ErrFull) {
		t.Errorf("one more than may wait: %v", err)
	}
	close(release)
	wg.Wait()
	if err := g.Do(t.Context(), 4); err != nil {
		t.Errorf("when none waits any more: %v", err)
	}
}

func TestACallerThatGoesAwayDoesNotTakeTheBatchAlong(t *testing.T) {
	entered, release := make(chan struct{}), make(chan struct{})
	var once sync.Once
	g := gather.New(10, func(ctx context.Context, items []int) []error {
		once.Do(func() { close(entered); <-release })
		errs := make([]error, len(items))
		for i := range errs {
			errs[i] = ctx.Err()
		}
		return errs
	})
	ctx, cancel := context.WithCancel(context.Background())
	gone := make(chan error)
	go func() { gone <- g.Do(ctx, 1) }()
	<-entered
	cancel()
	if err := <-gone; !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	stays := make(chan error)
	go func() { stays <- g.Do(context.Background(), 2) }()
	close(release)
	if err := <-stays; err != nil {
		t.Fatal(err)
	}
}
