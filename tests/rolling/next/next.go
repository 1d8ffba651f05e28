// Package next is the version of Plenary that follows this one, for the test that rolls
// one over the other: the same source with an event type and a field more.
package next

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/plenary/plenary/contracts"
	"github.com/plenary/plenary/tools/local/runfile"
)

// Version is the one that comes after this one.
var Version = fmt.Sprintf("%d.%d", contracts.ThisVersion.Major, contracts.ThisVersion.Minor+1)

// changes are what the next version changes in the source, by file: OrderPlaced has a
// field more, and every order placed is an event more, which the order app may send.
func changes() map[string][][2]string {
	return map[string][][2]string{
		"contracts/registry.go": {
			{
				fmt.Sprintf("ThisVersion   = es.Version{Major: %d, Minor: %d}", contracts.ThisVersion.Major, contracts.ThisVersion.Minor),
				fmt.Sprintf("ThisVersion   = es.Version{Major: %d, Minor: %d}", contracts.ThisVersion.Major, contracts.ThisVersion.Minor+1),
			},
			{
				"\torders(r)\n",
				"\torders(r)\n\tevent(r, \"OrderGreeted.v1\", func(e OrderGreeted) uuid.UUID { return e.OrderID })\n\tr.Since(\"OrderGreeted.v1\", ThisVersion)\n",
			},
		},
		"contracts/orders.go": {
			{
				"\t\tLocator string `json:\"locator\" validate:\"required\" personal:\"true\"`\n",
				"\t\tLocator string `json:\"locator\" validate:\"required\" personal:\"true\"`\n\t\tGreeting string `json:\"greeting,omitempty\" since:\"" + Version + "\"`\n",
			},
			{
				"// OrderUpdated says what",
				"// OrderGreeted is an event of the next version.\n\tOrderGreeted struct {\n\t\tOrderID uuid.UUID `json:\"orderId\" validate:\"required\"`\n\t\tGreeting string `json:\"greeting\"`\n\t}\n\t// OrderUpdated says what",
			},
		},
		"topology/topology.yaml": {
			{"[CatalogueSet, OrderPlaced,", "[CatalogueSet, OrderPlaced, OrderGreeted,"},
		},
		"apps/order/order/order.go": {
			{
				"\t\t\tWaitsFor:     m.WaitsFor,\n\t\t},\n",
				"\t\t\tWaitsFor:     m.WaitsFor,\n\t\t\tGreeting:     \"hello\",\n\t\t},\n",
			},
			{
				"\treturn events, nil\n}\n\n// change puts",
				"\tif !env.Writes.Before(contracts.ThisVersion) {\n\t\tevents = append(events, contracts.OrderGreeted{OrderID: m.OrderID, Greeting: \"hello\"})\n\t}\n\treturn events, nil\n}\n\n// change puts",
			},
		},
	}
}

// Sources are the files that the next version changes, as it has them, by their paths in
// the repository. It fails when the source is no longer what the changes were made for.
func Sources() (map[string]string, error) {
	root, err := runfile.Root()
	if err != nil {
		return nil, err
	}
	out := map[string]string{}
	for name, replaced := range changes() {
		data, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			return nil, err
		}
		content := string(data)
		for _, r := range replaced {
			if strings.Count(content, r[0]) != 1 {
				return nil, fmt.Errorf("%s has not once what the next version changes:\n%s", name, r[0])
			}
			content = strings.Replace(content, r[0], r[1], 1)
		}
		out[name] = content
	}
	return out, nil
}
