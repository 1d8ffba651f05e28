// Package problem is how the query service says no: problem details (RFC 9457)
// with a stable code.
package problem

import (
	"encoding/json"
	"net/http"
)

// ContentType is that of problem details in JSON.
const ContentType = "application/problem+json"

// The codes.
const (
	InvalidRequest     = "invalid-request"
	NotFound           = "not-found"
	OrderNotFound      = "order-not-found"
	ConferenceNotFound = "conference-not-found"
	PaymentNotFound    = "payment-not-found"
	DeadLetterNotFound = "dead-letter-not-found"
	DeadLetterClosed   = "dead-letter-closed"
	NotResendable      = "not-resendable"
	StreamNotParked    = "stream-not-parked"
	RebuildRunning     = "rebuild-running"
	Unavailable        = "unavailable"
)

// Problem is the body of an answer that says no.
type Problem struct {
	Type   string `json:"type"`
	Title  string `json:"title"`
	Status int    `json:"status"`
	Code   string `json:"code"`
	Detail string `json:"detail,omitempty"`
}

// New makes a problem. Its type says nothing that the code does not.
func New(status int, code, detail string) *Problem {
	return &Problem{Type: "about:blank", Title: http.StatusText(status), Status: status, Code: code, Detail: detail}
}

func (p *Problem) Error() string { return p.Code + ": " + p.Detail }

// Write answers with the problem.
func (p *Problem) Write(w http.ResponseWriter) {
	w.Header().Set("Content-Type", ContentType)
	w.WriteHeader(p.Status)
	_ = json.NewEncoder(w).Encode(p) // the caller is gone, or it works
}
