package order

import (
	"errors"
	"time"
)

// Config is what an installation decides about orders.
type Config struct {
	// Hold is how long an order may take from being placed to being confirmed.
	Hold time.Duration
	// MaxSeatsPerType is the largest quantity of one seat type in an order.
	MaxSeatsPerType int
	// MaxSeats is the largest number of seats of all types in an order; 0: there is
	// no such bound.
	MaxSeats int
}

// Validate says what is wrong with a configuration.
func (c Config) Validate() error {
	var problems []error
	if c.Hold <= 0 {
		problems = append(problems, errors.New("the hold must be longer than nothing"))
	}
	if c.MaxSeatsPerType < 1 {
		problems = append(problems, errors.New("an order must be allowed at least one seat per type"))
	}
	if c.MaxSeats < 0 {
		problems = append(problems, errors.New("an order cannot be allowed less than no seats"))
	}
	return errors.Join(problems...)
}
