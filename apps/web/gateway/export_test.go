package gateway

import "github.com/plenary/plenary/apps/web/throttle"

// Reading is the number of orders that wait to be read with the next question.
func (g *Gateway) Reading() int { return g.reading.Waiting() }

// BoundWaiting has only so many requests wait, in all and of each address.
func (g *Gateway) BoundWaiting(all, each int) { g.waiting = throttle.NewPlaces(all, each) }
