// Package ready waits for parts to come up.
package ready

import (
	"context"
	"fmt"
	"net/http"
	"time"
)

// look is how often a condition is looked at.
const look = 50 * time.Millisecond

var client = http.Client{Timeout: 5 * time.Second}

// HTTP waits until url answers with a 2xx status. Its error says what it
// answered last.
func HTTP(ctx context.Context, url string) error {
	return Until(ctx, func(ctx context.Context) error { return Ask(ctx, url) })
}

// Ask asks url once whether it is well.
func Ask(ctx context.Context, url string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	res, err := client.Do(req)
	if err != nil {
		return err
	}
	_ = res.Body.Close()
	if res.StatusCode/100 != 2 {
		return fmt.Errorf("%s answered %s", url, res.Status)
	}
	return nil
}

// Until waits until the condition gives no error. When ctx ends first, it gives
// the condition's last error.
func Until(ctx context.Context, condition func(context.Context) error) error {
	tick := time.NewTicker(look)
	defer tick.Stop()
	var last error
	for {
		err := condition(ctx)
		if err == nil {
			return nil
		}
		// What came of the end of ctx says nothing.
		if ctx.Err() == nil || last == nil {
			last = err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%w: %w", context.Cause(ctx), last)
		case <-tick.C:
		}
	}
}
