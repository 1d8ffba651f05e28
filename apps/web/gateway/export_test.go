package gateway

// Reading is the number of orders that wait to be read with the next question.
func (g *Gateway) Reading() int { return g.reading.Waiting() }
