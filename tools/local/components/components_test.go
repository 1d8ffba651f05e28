package components_test

import (
	"maps"
	"testing"

	"github.com/plenary/plenary/tools/local/components"
	"github.com/plenary/plenary/tools/servers"
)

func TestAddressesAreFoundAndMoved(t *testing.T) {
	secrets := components.Secrets{
		"organiser-token":       "a://token",
		"query-database":        "postgres://plenary:word@db:5432/query?sslmode=disable",
		"postgresql-connection": "postgres://plenary:word@db:5432/plenary?sslmode=disable",
		"redis-host":            "cache:6379",
		"redis-password":        "pass",
		"mqtt-url":              "mqtt://broker:1883",
	}
	connections, err := secrets.Connections()
	if err != nil {
		t.Fatal(err)
	}
	found := map[string][]string{}
	for server, urls := range connections {
		for _, u := range urls {
			found[server] = append(found[server], u.String())
		}
	}
	for server, want := range map[string][]string{
		servers.PostgreSQL: {secrets["postgresql-connection"], secrets["query-database"]},
		servers.Redis:      {"redis://:pass@cache:6379"},
		servers.Broker:     {"mqtt://broker:1883"},
	} {
		if got := found[server]; len(got) != len(want) || got[0] != want[0] || got[len(got)-1] != want[len(want)-1] {
			t.Errorf("%s: got %v, want %v", server, got, want)
		}
	}
	if len(found) != 3 {
		t.Errorf("servers: %v", found)
	}

	moved, err := secrets.At(map[string]int{servers.PostgreSQL: 1, servers.Redis: 2})
	if err != nil {
		t.Fatal(err)
	}
	want := maps.Clone(secrets)
	want["query-database"] = "postgres://plenary:word@127.0.0.1:1/query?sslmode=disable"
	want["postgresql-connection"] = "postgres://plenary:word@127.0.0.1:1/plenary?sslmode=disable"
	want["redis-host"] = "127.0.0.1:2"
	if !maps.Equal(moved, want) {
		t.Errorf("got %v, want %v", moved, want)
	}
}
