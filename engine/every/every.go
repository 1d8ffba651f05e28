// Package every does something again and again.
package every

import (
	"context"
	"time"
)

// Do does something at first after a while, and then each time the period has passed,
// until ctx ends. What takes longer than the period is not done twice at once.
func Do(ctx context.Context, first, period time.Duration, do func(context.Context)) {
	next := time.NewTimer(first)
	defer next.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-next.C:
			next.Reset(period)
			do(ctx)
		}
	}
}
