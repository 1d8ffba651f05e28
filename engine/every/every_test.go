package every_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/plenary/plenary/engine/every"
)

func TestItIsDoneInEachPeriodUntilTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		began := time.Now()
		var at []time.Duration
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			every.Do(ctx, time.Second, time.Minute, func(context.Context) {
				at = append(at, time.Since(began))
				if len(at) == 3 {
					cancel()
				}
			})
		}()
		<-ended
		if len(at) != 3 || at[0] != time.Second || at[1] != at[0]+time.Minute || at[2] != at[1]+time.Minute {
			t.Errorf("done after %v", at)
		}
	})
}
