// Package next is the version of Plenary that follows this one, for the test that rolls
// one over the other: the same source with an event type and a field more.
package next

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/plenary/plenary/contracts"
	"github.com/plenary/plenary/tools/local/runfile"
)

// Version is the one that comes after this one.
var Version = fmt.Sprintf("%d.%d", contracts.ThisVersion.Major, contracts.ThisVersion.Minor+1)

// Event is its new type of event: every order placed has one, as soon as it is written.
const Event = "OrderGreeted.v1"

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
				"\torders(r)\n\tevent(r, \"" + Event + "\", func(e OrderGreeted) uuid.UUID { return e.OrderID })\n\tr.Since(\"" + Event + "\", ThisVersion)\n",
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

// Write writes the source of the next version into a folder, as a checkout of it would
// have it, without history and without what is made of it.
func Write(dir string) error {
	root, err := runfile.Root()
	if err != nil {
		return err
	}
	changed, err := Sources()
	if err != nil {
		return err
	}
	return filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		to := filepath.Join(dir, name)
		switch {
		case entry.IsDir() && name != "." && strings.HasPrefix(entry.Name(), "."):
			return fs.SkipDir
		case entry.IsDir():
			return os.MkdirAll(to, 0o750)
		case !entry.Type().IsRegular():
			return nil
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if other, ok := changed[filepath.ToSlash(name)]; ok {
			content = []byte(other)
		}
		return os.WriteFile(to, content, 0o600)
	})
}
