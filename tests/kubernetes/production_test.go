package kubernetes

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/plenary/plenary/tests/harness"
)

// The production profile, with servers and secrets of one's own, by the commands of
// the guides: secrets, install, test, and the drill of a backup, with autoscalers.
func TestProductionFromItsSecretsToARestore(t *testing.T) {
	ctx := t.Context()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	chart := filepath.Join(plenary.Root, "charts", "plenary")
	own, err := prepare(plenary.In("plenary-test-production"), t.TempDir(), filepath.Join(chart, "profiles", "production.yaml"))
	must(err)
	testdata := filepath.Join(plenary.Root, "tests", "kubernetes", "testdata")
	own.given = append(own.given, "--values="+filepath.Join(testdata, "production.yaml"), "--set=image.tag="+firstTag)
	must(own.Clear(ctx))
	t.Cleanup(func() {
		ctx := context.WithoutCancel(ctx)
		if t.Failed() {
			own.Diagnose(ctx)
		}
		if own.Stays() {
			return
		}
		if _, err := own.Run(ctx, nil, "kubectl", "delete", "namespace", own.Namespace, "--wait=false"); err != nil {
			t.Error(err)
		}
	})
	follow := func(guide, part string, env ...string) string {
		t.Helper()
		out, err := own.follow(ctx, guide, part, env...)
		must(err)
		return out
	}

	// The servers are those of the chart, alone and under another name.
	redis, postgresql := rand.Text(), rand.Text()
	database := func(name string) string { // postgresql.yaml: its role has its name, and a password that follows from the superuser's
		return fmt.Sprintf("postgres://%s:%x@servers-postgresql:5432/%[1]s?sslmode=disable", name, sha256.Sum256([]byte(name+" "+postgresql)))
	}
	secrets := map[string]string{
		"organiser-token": rand.Text(), "operator-token": rand.Text(), "demo-provider-key": rand.Text(), "redis-host": "servers-redis:6379", "redis-password": redis,
		"postgresql-connection": database("plenary"), "query-database": database("query"),
	}
	content, err := json.Marshal(secrets)
	must(err)
	must(os.WriteFile(filepath.Join(own.folder, "secrets.json"), content, 0o600))
	follow("production-checklist.md", "create secret")
	for _, secret := range [][]string{
		{"plenary-organiser", "--from-literal=organiser-token=" + secrets["organiser-token"], "--from-literal=operator-token=" + secrets["operator-token"]},
		{"servers-credentials", "--from-literal=redis-password=" + redis, "--from-literal=postgresql-password=" + postgresql},
	} {
		_, err := own.Kubectl(ctx, append([]string{"create", "secret", "generic"}, secret...)...)
		must(err)
	}
	version, err := own.version(ctx)
	must(err)
	servers, err := own.Helm(ctx, append([]string{"template", "servers", chart, "--kube-version=" + version,
		"--values=" + filepath.Join(testdata, "values.yaml"), "--show-only=templates/redis.yaml", "--show-only=templates/postgresql.yaml"}, own.given...)...)
	must(err)
	_, err = own.Apply(ctx, servers)
	must(err)

	_, err = own.Helm(ctx, append([]string{"install", release, chart, "--values=" + filepath.Join(own.folder, "production.yaml"),
		"--wait", "--timeout=" + rolloutWithin}, own.given...)...)
	must(err)
	must(own.find(ctx, "plenary-organiser"))
	order, err := own.order(ctx)
	must(err)
	if out := follow("install-on-kind.md", "helm test"); !strings.Contains(out, "Succeeded") {
		t.Errorf("helm test says\n%s", out)
	}
	harness.Eventually(t, patience, own.twoOfEach)

	// Of another value of a Secret of one's own Helm knows nothing.
	own.operatorToken = rand.Text()
	secrets["operator-token"] = own.operatorToken
	content, err = json.Marshal(secrets)
	must(err)
	patch, err := json.Marshal(map[string]any{"stringData": map[string]string{"secrets.json": string(content)}})
	must(err)
	_, err = own.Kubectl(ctx, "patch", "secret", "plenary-secrets", "--patch="+string(patch))
	must(err)
	follow("upgrade.md", "rollout restart")
	must(own.rolledOut(ctx))
	// The old pods finish what they have, and do not know the new token.
	harness.Eventually(t, patience, func(ctx context.Context) error { _, err := own.operator().DeadLetters(ctx); return err })

	env := []string{"backup=" + t.TempDir(), "databases=plenary query", "superuser=postgres", "postgresql=servers-postgresql-0", "redis=servers-redis-0"}
	drill := func(what string) string {
		t.Helper()
		return follow("backup-and-restore.md", "# "+what+": Kubernetes\n", env...)
	}
	drill("stop web")
	if out := drill("under way"); !strings.Contains(out, `"waitingStreams":`) || strings.Count(out, "lag\n") < 6 {
		t.Errorf("what is under way:\n%s", out)
	}
	drill("stop all")
	drill("backup")
	for _, database := range []string{"plenary", "query"} {
		_, err := own.Kubectl(ctx, "exec", "servers-postgresql-0", "--", "psql", "--username=postgres", "--dbname=postgres", "--command=DROP DATABASE "+database)
		must(err)
	}
	drill("restore")
	drill("start")
	harness.Eventually(t, patience, own.twoOfEach)

	harness.Eventually(t, patience, func(ctx context.Context) error { _, err := own.awaitStatus(ctx, order, "confirmed"); return err })
	_, err = own.order(ctx)
	must(err)

	follow("install-on-kind.md", "helm uninstall")
	left, err := own.Kubectl(ctx, "get", "deployments,secrets", "--selector=app.kubernetes.io/instance="+release, "--output=name")
	if err != nil || left != "" {
		t.Errorf("helm left %s: %v", left, err)
	}
	_, err = own.secret(ctx, "plenary-secrets", "secrets.json")
	must(err)
}

// twoOfEach is nil if each app has two pods or more, all ready, and a disruption
// budget that lets one of them go.
func (i *installation) twoOfEach(ctx context.Context) error {
	out, err := i.Kubectl(ctx, "get", "poddisruptionbudgets",
		`--output=go-template={{range .items}}{{.status.currentHealthy}} of {{.status.expectedPods}} and {{.status.disruptionsAllowed}} of {{.metadata.name}}{{"\n"}}{{end}}`)
	if err != nil {
		return err
	}
	budgets := strings.Split(strings.TrimSpace(out), "\n")
	if len(budgets) != len(i.apps) {
		return fmt.Errorf("%d apps have %d disruption budgets:\n%s", len(i.apps), len(budgets), out)
	}
	for _, budget := range budgets {
		var healthy, expected, mayGo int
		if _, err := fmt.Sscanf(budget, "%d of %d and %d", &healthy, &expected, &mayGo); err != nil {
			return fmt.Errorf("%s: %w", budget, err)
		}
		if expected < 2 || healthy < expected || mayGo < 1 {
			return fmt.Errorf("healthy, expected and dispensable pods: %s", budget)
		}
	}
	return nil
}
