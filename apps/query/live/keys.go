package live

import (
	"strings"

	"github.com/plenary/plenary/apps/query/projection"
	"github.com/plenary/plenary/engine/message"
)

// The keys of views.

// Everything stands for all keys, in notifications between processes.
const Everything = "everything"

// OrderKey is the key of an order's view.
func OrderKey(tenant, id string) string { return tenant + "/order/" + id }

// ConferenceKey is the key of a conference's view.
func ConferenceKey(tenant, id string) string { return tenant + "/conference/" + id }

// DashboardKey is the key of a conference's dashboard.
func DashboardKey(tenant, id string) string { return tenant + "/dashboard/" + id }

// CommandKey is the key of a command's outcome.
func CommandKey(tenant, id string) string { return tenant + "/command/" + id }

// Keys are the keys of the views that events change, each once.
func Keys(r *message.Registry, events []message.Message) []string {
	keys := make([]string, 0, 2*len(events))
	seen := make(map[string]bool, 2*len(events))
	add := func(key string) {
		if !seen[key] {
			seen[key] = true
			keys = append(keys, key)
		}
	}
	for _, m := range events {
		if m.Cause.ID != "" {
			add(CommandKey(m.Tenant, m.Cause.ID))
		}
		order, conference := projection.Touched(r, m)
		if order != "" {
			add(OrderKey(m.Tenant, order))
		}
		if conference != "" {
			add(ConferenceKey(m.Tenant, conference))
			add(DashboardKey(m.Tenant, conference))
		}
	}
	return keys
}

// Named are the orders, conferences and commands of a tenant among some keys.
func Named(tenant string, keys []string) (orders, conferences, commands []string) {
	for _, key := range keys {
		of, ok := strings.CutPrefix(key, tenant+"/")
		if !ok {
			continue
		}
		switch kind, id, _ := strings.Cut(of, "/"); kind {
		case "order":
			orders = append(orders, id)
		case "conference":
			conferences = append(conferences, id)
		case "command":
			commands = append(commands, id)
		}
	}
	return orders, conferences, commands
}
