package contracts_test

import (
	"os"
	"strings"
	"testing"

	"github.com/plenary/plenary/contracts"
	"github.com/plenary/plenary/engine/es"
)

// What is released says of itself which version's forms it reads and writes.
func TestTheContractsAreNotOfAnOlderVersionThanTheRelease(t *testing.T) {
	text, err := os.ReadFile("../VERSION")
	if err != nil {
		t.Fatal(err)
	}
	release, err := es.ParseVersion(strings.TrimSpace(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	if contracts.ThisVersion.Before(release) || contracts.ThisVersion.Before(contracts.OldestVersion) {
		t.Errorf("the contracts are of %s, the release is %s", contracts.ThisVersion, release)
	}
}
