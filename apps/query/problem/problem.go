// Package problem is how the query service says no: problem details (RFC 9457)
// with a stable code.
package problem

import (
	"encoding/json"
	"net/http"

	"github.com/plenary/plenary/engine/es"
)

// ContentType is that of problem details in JSON.
const ContentType = "application/problem+json"

// The codes of this service alone. Those that others decide by are in
// contracts/refusal.
const (
	InvalidRequest es.Code = "invalid-request"
	NotFound       es.Code = "not-found"
	RebuildRunning es.Code = "rebuild-running"
	Unavailable    es.Code = "unavailable"
)

// Problem is the body of an answer that says no.
type Problem struct {
	Type   string  `json:"type"`
	Title  string  `json:"title"`
	Status int     `json:"status"`
	Code   es.Code `json:"code"`
	Detail string  `json:"detail,omitempty"`
}

// New makes a problem. Its type says nothing that the code does not.
func New(status int, code es.Code, detail string) *Problem {
	return &Problem{Type: "about:blank", Title: http.StatusText(status), Status: status, Code: code, Detail: detail}
}

func (p *Problem) Error() string { return string(p.Code) + ": " + p.Detail }

// Write answers with the problem.
func (p *Problem) Write(w http.ResponseWriter) {
	w.Header().Set("Content-Type", ContentType)
	w.WriteHeader(p.Status)
	_ = json.NewEncoder(w).Encode(p) // the caller is gone, or it works
}
