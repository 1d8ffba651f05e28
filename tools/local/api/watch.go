package api

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// WatchOrder follows an order by server-sent events until it is as wanted, and
// returns it. If ctx ends first it returns the last view of the order and an error.
func (c *Client) WatchOrder(ctx context.Context, id string, wanted func(Order) bool) (Order, error) {
	return watch(ctx, c, "/api/orders/"+id+"/events", wanted)
}

// WatchConference follows a conference as WatchOrder follows an order.
func (c *Client) WatchConference(ctx context.Context, id string, wanted func(Conference) bool) (Conference, error) {
	return watch(ctx, c, "/api/conferences/"+id+"/events", wanted)
}

// watch reopens the stream when it ends or breaks off, as a browser does.
func watch[T any](ctx context.Context, c *Client, path string, wanted func(T) bool) (last T, err error) {
	var fault error // of the last stream that broke off
	for {
		done := false
		err := c.follow(ctx, path, func(data string) (bool, error) {
			var v T
			if err := json.Unmarshal([]byte(data), &v); err != nil {
				return false, err
			}
			last, done = v, wanted(v)
			return done, nil
		})
		var p *Problem
		if done || errors.As(err, &p) && p.Status < http.StatusInternalServerError {
			return last, err
		}
		if ctx.Err() == nil {
			fault = err
		}
		const pause = 100 * time.Millisecond
		select {
		case <-ctx.Done():
			return last, errors.Join(fmt.Errorf("GET %s: %w", path, context.Cause(ctx)), fault)
		case <-time.After(pause):
		}
	}
}

// maxEvent bounds a line of a stream, in bytes.
const maxEvent = 1 << 20

// follow reads one stream of server-sent events: each gets the data of one, and
// says whether it was the last that it wants.
func (c *Client) follow(ctx context.Context, path string, each func(data string) (done bool, err error)) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.URL+path, nil)
	if err != nil {
		return err
	}
	req.Header.Set("Accept", "text/event-stream")
	c.authorise(req)
	res, err := c.client().Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		body, err := io.ReadAll(res.Body)
		if err != nil {
			return err
		}
		return fmt.Errorf("GET %s: %w", path, problemOf(res, body))
	}
	lines := bufio.NewScanner(res.Body)
	lines.Buffer(nil, maxEvent)
	var data []string
	for lines.Scan() {
		field, value, _ := strings.Cut(lines.Text(), ":")
		switch {
		case field == "data":
			data = append(data, strings.TrimPrefix(value, " "))
		case lines.Text() == "" && data != nil: // an empty line ends an event
			done, err := each(strings.Join(data, "\n"))
			if done || err != nil {
				return err
			}
			data = nil
		}
	}
	return lines.Err()
}
