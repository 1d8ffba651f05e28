package main

import (
	"fmt"
	"strconv"
	"time"

	"github.com/plenary/plenary/apps/order/order"
)

// The environment variables of this app, with their defaults.
const (
	holdVariable            = "PLENARY_HOLD"               // a Go duration
	maxSeatsPerTypeVariable = "PLENARY_MAX_SEATS_PER_TYPE" // a whole number

	defaultHold            = 15 * time.Minute
	defaultMaxSeatsPerType = 20
)

// configFrom reads the configuration from environment variables; one that is
// absent or empty has its default.
func configFrom(getenv func(string) string) (order.Config, error) {
	config := order.Config{Hold: defaultHold, MaxSeatsPerType: defaultMaxSeatsPerType}
	var err error
	if value := getenv(holdVariable); value != "" {
		if config.Hold, err = time.ParseDuration(value); err != nil {
			return order.Config{}, fmt.Errorf("%s=%q is not a duration like 15m", holdVariable, value)
		}
	}
	if value := getenv(maxSeatsPerTypeVariable); value != "" {
		if config.MaxSeatsPerType, err = strconv.Atoi(value); err != nil {
			return order.Config{}, fmt.Errorf("%s=%q is not a whole number", maxSeatsPerTypeVariable, value)
		}
	}
	if err := config.Validate(); err != nil {
		return order.Config{}, fmt.Errorf("%s=%q, %s=%q: %w", holdVariable, getenv(holdVariable),
			maxSeatsPerTypeVariable, getenv(maxSeatsPerTypeVariable), err)
	}
	return config, nil
}
