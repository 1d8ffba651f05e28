package harness

import (
	"os"
	"runtime"
	"testing"

	"github.com/plenary/plenary/tools/local/api"
	"github.com/plenary/plenary/tools/local/components"
	"github.com/plenary/plenary/tools/local/dapr"
)

// A system that somebody else runs, such as one in a cluster, is named by these:
// its address, and the credentials of organisers and operators.
const (
	urlVariable      = "PLENARY_URL"
	tokenVariable    = "PLENARY_ORGANISER_TOKEN"
	operatorVariable = "PLENARY_OPERATOR_TOKEN"
)

// elsewhere is the system that the environment names. It has an API and no parts.
func elsewhere() *System {
	return &System{
		url: os.Getenv(urlVariable),
		Set: components.Set{Secrets: components.Secrets{"organiser-token": os.Getenv(tokenVariable), "operator-token": os.Getenv(operatorVariable)}},
	}
}

// NeedsParts skips a test that looks behind the API, if the system is one that
// somebody else runs.
func NeedsParts(t *testing.T) {
	t.Helper()
	if os.Getenv(urlVariable) != "" {
		t.Skipf("it looks behind the API, and %s names a system that was started by somebody else", urlVariable)
	}
}

// NeedsTrust skips a test that sends more from one address than a system takes from a
// stranger, or whose requests come from many addresses, or say so. A system that was
// started by somebody else bounds and turns away such a client, or is not reached from the
// addresses of this machine's loopback.
func NeedsTrust(t *testing.T) {
	t.Helper()
	if os.Getenv(urlVariable) != "" {
		t.Skipf("a stranger may not send what it sends, and to the system that %s names it is one", urlVariable)
	}
}

// NeedsListeners skips a test of what a process listens on where the system does not
// tell.
func NeedsListeners(t *testing.T) {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("only Linux tells a process's listeners")
	}
}

// origin is the address of the API.
func (s *System) origin() string {
	if s.url != "" {
		return s.url
	}
	return dapr.HealthURL(s.App("web").Port, "")
}

// API is a client of the system's API, for anybody.
func (s *System) API() *api.Client { return &api.Client{URL: s.origin(), Wait: outcomeWithin} }

// Organiser is a client of the system's API with the organiser's credential.
func (s *System) Organiser() *api.Client {
	return &api.Client{URL: s.origin(), Token: s.Set.Secrets["organiser-token"], Wait: outcomeWithin}
}

// Operator is a client of the system's API with the operator's credential.
func (s *System) Operator() *api.Client {
	return &api.Client{URL: s.origin(), Token: s.Set.Secrets["operator-token"], Wait: outcomeWithin}
}
