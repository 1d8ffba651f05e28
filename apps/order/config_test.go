package main

import (
	"testing"
	"time"

	"github.com/plenary/plenary/apps/order/order"
)

func TestTheConfigurationComesFromTheEnvironment(t *testing.T) {
	tests := []struct {
		name string
		env  map[string]string
		want order.Config // zero: refused
	}{
		{"nothing set: the defaults", nil,
			order.Config{Hold: 15 * time.Minute, MaxSeatsPerType: 20, MaxSeats: 100}},
		{"all set", map[string]string{"PLENARY_HOLD": "3s", "PLENARY_MAX_SEATS_PER_TYPE": "5", "PLENARY_MAX_SEATS": "7"},
			order.Config{Hold: 3 * time.Second, MaxSeatsPerType: 5, MaxSeats: 7}},
		{"one set", map[string]string{"PLENARY_HOLD": "1h30m"},
			order.Config{Hold: 90 * time.Minute, MaxSeatsPerType: 20, MaxSeats: 100}},
		{"empty is as good as not set", map[string]string{"PLENARY_HOLD": "", "PLENARY_MAX_SEATS_PER_TYPE": ""},
			order.Config{Hold: 15 * time.Minute, MaxSeatsPerType: 20, MaxSeats: 100}},
		{"a hold without a unit", map[string]string{"PLENARY_HOLD": "15"}, order.Config{}},
		{"a hold of words", map[string]string{"PLENARY_HOLD": "a while"}, order.Config{}},
		{"a hold of nothing", map[string]string{"PLENARY_HOLD": "0s"}, order.Config{}},
		{"a negative hold", map[string]string{"PLENARY_HOLD": "-15m"}, order.Config{}},
		{"half a seat", map[string]string{"PLENARY_MAX_SEATS_PER_TYPE": "1.5"}, order.Config{}},
		{"no seats", map[string]string{"PLENARY_MAX_SEATS_PER_TYPE": "0"}, order.Config{}},
		{"less than no seats in all", map[string]string{"PLENARY_MAX_SEATS": "-1"}, order.Config{}},
		{"seats in all in words", map[string]string{"PLENARY_MAX_SEATS": "many"}, order.Config{}},
		{"less than no seats", map[string]string{"PLENARY_MAX_SEATS_PER_TYPE": "-1"}, order.Config{}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := configFrom(func(name string) string { return test.env[name] })
			if got != test.want {
				t.Errorf("got %+v, %v; want %+v", got, err, test.want)
			}
			if refused := test.want == (order.Config{}); refused != (err != nil) {
				t.Errorf("got error %v", err)
			}
		})
	}
}
