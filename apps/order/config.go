package main

import (
	"cmp"
	"fmt"
	"strconv"
	"time"

	"github.com/plenary/plenary/apps/order/order"
	"github.com/plenary/plenary/topology"
)

// The environment variables of this app; topology.yaml has their defaults.
const (
	holdVariable            = "PLENARY_HOLD"               // a Go duration
	maxSeatsPerTypeVariable = "PLENARY_MAX_SEATS_PER_TYPE" // a whole number
	maxSeatsVariable        = "PLENARY_MAX_SEATS"          // a whole number
)

// configFrom reads the configuration from environment variables; one that is
// absent or empty has its default.
func configFrom(getenv func(string) string) (order.Config, error) {
	hold := cmp.Or(getenv(holdVariable), topology.Plenary().Setting(holdVariable))
	seats := cmp.Or(getenv(maxSeatsPerTypeVariable), topology.Plenary().Setting(maxSeatsPerTypeVariable))
	var config order.Config
	var err error
	if config.Hold, err = time.ParseDuration(hold); err != nil {
		return order.Config{}, fmt.Errorf("%s=%q is not a duration like 15m", holdVariable, hold)
	}
	if config.MaxSeatsPerType, err = strconv.Atoi(seats); err != nil {
		return order.Config{}, fmt.Errorf("%s=%q is not a whole number", maxSeatsPerTypeVariable, seats)
	}
	inAll := cmp.Or(getenv(maxSeatsVariable), topology.Plenary().Setting(maxSeatsVariable))
	if config.MaxSeats, err = strconv.Atoi(inAll); err != nil {
		return order.Config{}, fmt.Errorf("%s=%q is not a whole number", maxSeatsVariable, inAll)
	}
	if err := config.Validate(); err != nil {
		return order.Config{}, fmt.Errorf("%s=%q, %s=%q, %s=%q: %w", holdVariable, hold, maxSeatsPerTypeVariable, seats, maxSeatsVariable, inAll, err)
	}
	return config, nil
}
