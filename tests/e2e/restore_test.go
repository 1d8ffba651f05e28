package e2e

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sync/errgroup"

	"github.com/plenary/plenary/tests/harness"
	"github.com/plenary/plenary/tools/local/api"
	"github.com/plenary/plenary/tools/local/runfile"
	"github.com/plenary/plenary/tools/servers"
)

// The drill of the guide, with the guide's own commands: a backup is made while
// orders are in all states; then everything is lost, the broker and the
// reminders as well, and the backup is restored. What was in it is as it was and
// goes on; what came later never happened.
func TestABackupIsRestored(t *testing.T) {
	// Whoever is paying keeps the seats; who is not loses them soon.
	s := own(t, map[string]string{"PLENARY_HOLD": "45s", "PLENARY_GRACE": "30m", "PLENARY_SWEEP": "2s"})
	d := drill{T: t, System: s, guide: commandsOf(t, "docs/guides/backup-and-restore.md"), backup: filepath.Join(s.Dir, "backup")}
	c := onSale(t, s, quotas{general: 10})

	confirmed := c.buy(seats(c.general, 2))
	c.follow(confirmed.ID, "OrderConfirmed", "SeatAssignmentsCreated")
	c.must(c.anyone.AssignSeat(t.Context(), confirmed.ID, 0, api.Attendee{Person: registrant(), Type: "paid"}))
	paying := c.place(seats(c.general, 1))
	o := c.await(paying, "reserved")
	c.register(paying)
	_, checkout, err := c.anyone.StartPayment(t.Context(), paying, o.Total)
	c.must(err)
	forgotten := c.place(seats(c.general, 3))
	c.await(forgotten, "reserved")
	c.remaining(c.general, 4)

	d.stop(d.apps())
	if d.server() == "files" {
		d.stop(s.Servers)
	}
	d.run("backup")
	if d.server() == "files" {
		d.start(s.Servers)
	}
	d.start(d.apps())

	later := c.place(seats(c.general, 1))
	c.await(later, "reserved")
	d.stop(d.apps())
	d.stop([]string{harness.Placement, harness.Scheduler})
	d.stop(s.Servers)
	c.must(os.RemoveAll(s.Data()))
	c.must(os.MkdirAll(s.Data(), 0o755))
	if d.server() == "files" {
		d.run("restore")
	}
	d.start(s.Servers)
	if d.server() != "files" {
		d.run("restore")
	}
	d.start([]string{harness.Placement, harness.Scheduler})
	d.start(d.apps())

	again := c.await(confirmed.ID, "confirmed")
	if a := again.Assignments; len(a) != 2 || a[0].Attendee == nil {
		t.Errorf("the seats of the confirmed order: %+v", a)
	}
	if _, err := c.anyone.Order(t.Context(), later); api.Code(err) != "order-not-found" {
		t.Errorf("the order of later: %v", err)
	}
	// The provider's page leads through two sidecars that may still be looking for
	// each other; to accept twice is to accept.
	harness.Eventually(t, within, func(ctx context.Context) error { return c.anyone.Decide(ctx, checkout, "accept") })
	c.await(paying, "confirmed")
	c.await(forgotten, "expired")
	c.must(c.anyone.PlaceOrderAs(t.Context(), c.id, later, seats(c.general, 1)))
	c.await(later, "reserved")
	c.remaining(c.general, 10-2-1-1)
}

// drill runs the commands of the guide.
type drill struct {
	*testing.T
	*harness.System
	guide  map[string]string
	backup string
}

// server is whose commands are for this set.
func (d drill) server() string {
	if slices.Contains(d.Servers, servers.PostgreSQL) {
		return "PostgreSQL"
	}
	return "files"
}

// apps are the apps with their sidecars, web first, so that nothing new begins.
func (d drill) apps() (parts []string) {
	for _, app := range d.Apps {
		parts = append(parts, app.ID, harness.Sidecar(app.ID))
	}
	slices.SortStableFunc(parts, func(a, b string) int {
		isWeb := func(part string) int {
			if strings.HasPrefix(part, "web") {
				return -1
			}
			return 0
		}
		return isWeb(a) - isWeb(b)
	})
	return parts
}

func (d drill) stop(parts []string) {
	for _, part := range parts {
		d.Stop(part)
	}
}

func (d drill) start(parts []string) {
	d.Helper()
	g, ctx := errgroup.WithContext(d.Context())
	for _, part := range parts { // an app is ready only when its sidecar is there
		g.Go(func() error { return d.Restart(ctx, part) })
	}
	if err := g.Wait(); err != nil {
		d.Fatal(err)
	}
}

func (d drill) run(what string) {
	d.Helper()
	name := what + ": " + d.server()
	script, ok := d.guide[name]
	if !ok {
		d.Fatalf("the guide has no commands for %s", name)
	}
	if err := os.MkdirAll(d.backup, 0o755); err != nil {
		d.Fatal(err)
	}
	env := append(os.Environ(), "backup="+d.backup, "data="+d.Data())
	connections, err := d.Set.Secrets.Connections()
	if err != nil {
		d.Fatal(err)
	}
	var databases []string
	for _, u := range connections[servers.PostgreSQL] {
		databases = append(databases, strings.TrimPrefix(u.Path, "/"))
		env = append(env, "server="+(&url.URL{Scheme: u.Scheme, User: u.User, Host: u.Host}).String())
	}
	env = append(env, "databases="+strings.Join(databases, " "))
	ctx, cancel := context.WithTimeoutCause(d.Context(), 2*within, fmt.Errorf("%s takes too long", name))
	defer cancel()
	cmd := exec.CommandContext(ctx, "sh", "-e")
	cmd.Stdin, cmd.Env = strings.NewReader(script), env
	if out, err := cmd.CombinedOutput(); err != nil {
		d.Fatalf("%s: %v\n%s", name, err, out)
	}
}

// commandsOf are the blocks of commands of a document, by the comment that they
// begin with.
func commandsOf(t *testing.T, document string) map[string]string {
	t.Helper()
	root, err := runfile.Root()
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(root, document))
	if err != nil {
		t.Fatal(err)
	}
	commands := map[string]string{}
	for _, block := range strings.Split(string(text), "\n```sh\n# ")[1:] {
		block, _, _ = strings.Cut(block, "\n```")
		name, script, _ := strings.Cut(block, "\n")
		commands[name] = script
	}
	return commands
}
