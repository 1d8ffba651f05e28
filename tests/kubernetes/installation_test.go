// Package kubernetes tests the chart on a real cluster, through the address of
// its service: that it comes up, that the end-to-end stories are told there, and
// that no order is lost while pods are deleted, scaled and upgraded. See the
// README beside it.
package kubernetes

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/plenary/plenary/tests/kubernetes/cluster"
	"github.com/plenary/plenary/tests/kubernetes/debian"
	"github.com/plenary/plenary/tests/rolling/next"
	"github.com/plenary/plenary/tests/rush"
	"github.com/plenary/plenary/tools/local/api"
	"github.com/plenary/plenary/tools/servers/ready"
)

var (
	orders = flag.Int("orders", 200, "how many orders are placed at least while pods are deleted")
	rounds = flag.Int("rounds", 1, "how often each pod is deleted")
	again  = flag.Bool("again", false, "test what an earlier run has left installed, by PLENARY_KEEP")
	pulled = flag.String("repository", "", "where the cluster finds the images, so that none are made: the apps' with the tags first and, of the next version, second")
)

const (
	release = "plenary"
	// The version of the repository, and the one that follows (package next).
	firstTag, secondTag = "first", "second"
	// rolloutWithin is how long pods may take to come up, on a busy machine.
	rolloutWithin = "5m"
	// ours is where images are said to be from that are made here.
	ours = "localhost/plenary"
)

// installation is the chart, installed.
type installation struct {
	*cluster.Cluster
	folder        string   // where the commands of the guides are run
	given         []string // what helm is told beyond what the guides say
	url, token    string
	operatorToken string
	apps          []string // names of the deployments
	servers       []string // names of the stateful sets
}

var plenary *installation

func TestMain(m *testing.M) {
	flag.Parse()
	// Whoever stops the test has what it started taken down.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, m))
}

func run(ctx context.Context, m *testing.M) (code int) {
	c, err := cluster.Open(ctx, cluster.Options{Namespace: "plenary-test", AsItIs: *again, Loads: *pulled == "" && !*again, Out: os.Stdout})
	interrupted := context.AfterFunc(ctx, func() {
		_ = c.Close(context.Background())
		os.Exit(1)
	})
	defer func() {
		interrupted()
		if code != 0 {
			c.Diagnose(ctx)
		}
		if err := c.Step("removed", func() error { return c.Close(ctx) }); err != nil {
			fmt.Println(err)
			code = 1
		}
	}()
	folder, folderErr := os.MkdirTemp("", "plenary")
	defer os.RemoveAll(folder)
	if err = errors.Join(err, folderErr); err == nil {
		plenary, err = install(ctx, c, folder)
	}
	if err != nil {
		fmt.Println(err)
		return 1
	}
	if code := m.Run(); code != 0 || c.Stays() {
		return code
	}
	if err := c.Step("removed, installed again and removed for good", func() error { return plenary.awayAndBack(ctx) }); err != nil {
		fmt.Println(err)
		return 1
	}
	return 0
}

// prepare gives an installation its folder, with the files that the guides speak
// of: the chart, and values under the name production.yaml.
func prepare(c *cluster.Cluster, folder, values string) (*installation, error) {
	i := &installation{Cluster: c, folder: folder, given: []string{"--set=image.repository=" + cmp.Or(*pulled, ours)}}
	if *pulled == "" {
		i.given = append(i.given, "--set=redis.image="+ours+"/redis:debian", "--set=postgresql.image="+ours+"/postgresql:debian")
	}
	return i, errors.Join(
		os.Symlink(filepath.Join(c.Root, "charts"), filepath.Join(folder, "charts")),
		os.Symlink(values, filepath.Join(folder, "production.yaml")),
	)
}

// install makes the images, installs the chart as a newcomer does, and places an
// order.
func install(ctx context.Context, c *cluster.Cluster, folder string) (*installation, error) {
	i, err := prepare(c, folder, filepath.Join(c.Root, "tests", "kubernetes", "testdata", "values.yaml"))
	if err != nil {
		return i, err
	}
	i.given = append(i.given, "--values=production.yaml")
	if *again {
		return i, i.find(ctx, release+"-credentials")
	}
	if *pulled == "" {
		if err := c.Step("images", func() error { return i.images(ctx) }); err != nil {
			return i, err
		}
	}
	began := time.Now()
	if err := c.Step("helm install", func() error { return i.asANewcomer(ctx, "--set=image.tag="+firstTag) }); err != nil {
		return i, err
	}
	if err := c.Step("first order", func() error { _, err := i.order(ctx); return err }); err != nil {
		return i, err
	}
	fmt.Printf("--- from helm install to the first confirmed order: %.0f s\n", time.Since(began).Seconds())
	return i, nil
}

func (i *installation) asANewcomer(ctx context.Context, told ...string) error {
	if _, err := i.follow(ctx, "install-on-kind.md", "helm install", i.tell(told...)); err != nil {
		return err
	}
	return i.find(ctx, release+"-credentials")
}

// awayAndBack removes the release and installs it again, of the same version, over the
// volumes and with the credentials that are left: what was there is there again. Then it
// is removed for good.
func (i *installation) awayAndBack(ctx context.Context) error {
	order, err := i.order(ctx)
	if err != nil {
		return err
	}
	values, err := i.Helm(ctx, "get", "values", release, "--output=yaml")
	if err != nil {
		return err
	}
	const same = "same.yaml"
	if err := os.WriteFile(filepath.Join(i.folder, same), []byte(values), 0o600); err != nil {
		return err
	}
	remove := func() error { _, err := i.follow(ctx, "install-on-kind.md", "helm uninstall"); return err }
	if err := remove(); err != nil {
		return err
	}
	if err := i.asANewcomer(ctx, "--values="+same); err != nil {
		return err
	}
	within, cancel := context.WithTimeoutCause(ctx, patience, fmt.Errorf("not within %s", patience))
	defer cancel()
	if _, err := i.awaitStatus(within, order, "confirmed"); err != nil {
		return fmt.Errorf("after it was installed again: %w", err)
	}
	if err := remove(); err != nil {
		return err
	}
	if _, err := i.follow(ctx, "install-on-kind.md", "delete pvc"); err != nil {
		return err
	}
	left, err := i.Kubectl(ctx, "get", "deployments,statefulsets,serviceaccounts,configmaps,secrets,pvc,networkpolicies,"+
		"components.dapr.io,configurations.dapr.io,subscriptions.dapr.io,resiliencies.dapr.io",
		"--selector=app.kubernetes.io/instance="+release, "--output=name")
	if err == nil && left != "" {
		err = fmt.Errorf("there is left:\n%s", left)
	}
	return err
}

// images builds all images and gives them to the cluster.
func (i *installation) images(ctx context.Context) error {
	dir, err := os.MkdirTemp("", "plenary-images")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	later := filepath.Join(dir, "source")
	if err := next.Write(later); err != nil {
		return err
	}
	archives := filepath.Join(dir, "archives")
	for tag, source := range map[string]string{firstTag: i.Root, secondTag: later} {
		build := exec.CommandContext(ctx, "go", "run", "./tools/images", "-out", filepath.Join(archives, tag), "-repository", ours, "-tag", tag)
		build.Dir = source
		if out, err := build.CombinedOutput(); err != nil {
			return fmt.Errorf("%s: %w\n%s", tag, err, out)
		}
	}
	if err := debian.Redis(filepath.Join(archives, "redis.tar"), ours+"/redis:debian"); err != nil {
		return err
	}
	if err := debian.PostgreSQL(filepath.Join(archives, "postgresql.tar"), ours+"/postgresql:debian"); err != nil {
		return err
	}
	return filepath.WalkDir(archives, func(path string, _ os.DirEntry, err error) error {
		if err == nil && filepath.Ext(path) == ".tar" {
			err = i.Load(ctx, path)
		}
		return err
	})
}

// find finds what was installed: the workloads, the tokens of organiser and operator in a Secret,
// and an address of the service.
func (i *installation) find(ctx context.Context, secret string) (err error) {
	if i.apps, err = i.names(ctx, "deployments"); err != nil {
		return err
	}
	if i.servers, err = i.names(ctx, "statefulsets"); err != nil {
		return err
	}
	if i.token, err = i.secret(ctx, secret, "organiser-token"); err != nil {
		return err
	}
	if i.operatorToken, err = i.secret(ctx, secret, "operator-token"); err != nil {
		return err
	}
	i.url, err = i.address(ctx)
	return err
}

func (i *installation) names(ctx context.Context, kind string) ([]string, error) {
	out, err := i.Kubectl(ctx, "get", kind, "--output=name")
	return strings.Fields(out), err
}

// version is that of the cluster, which helm template cannot know.
func (i *installation) version(ctx context.Context) (string, error) {
	out, err := i.Run(ctx, nil, "kubectl", "version", "--output=json")
	if err != nil {
		return "", err
	}
	var versions struct{ ServerVersion struct{ GitVersion string } }
	err = json.Unmarshal([]byte(out), &versions)
	return versions.ServerVersion.GitVersion, err
}

func (i *installation) secret(ctx context.Context, name, key string) (string, error) {
	out, err := i.Kubectl(ctx, "get", "secret", name, "--output=go-template={{index .data \""+key+"\" | base64decode}}")
	return out, err
}

// address is where the service is reached from here: its own address, where the
// cluster's network leads here, or else a port of a node.
func (i *installation) address(ctx context.Context) (string, error) {
	const outside = "from-outside"
	if _, err := i.Kubectl(ctx, "delete", "service", outside, "--ignore-not-found"); err != nil {
		return "", err
	}
	if _, err := i.Kubectl(ctx, "expose", "service", release+"-web", "--name="+outside, "--type=NodePort", "--target-port=http"); err != nil {
		return "", err
	}
	out, err := i.Kubectl(ctx, "get", "service", outside, "--output=json")
	if err != nil {
		return "", err
	}
	var service struct {
		Spec struct {
			ClusterIP string
			Ports     []struct{ Port, NodePort int }
		}
	}
	if err := json.Unmarshal([]byte(out), &service); err != nil {
		return "", err
	}
	addresses := []string{net.JoinHostPort(service.Spec.ClusterIP, strconv.Itoa(service.Spec.Ports[0].Port))}
	nodes, err := i.Kubectl(ctx, "get", "nodes", "--output=jsonpath={.items[*].status.addresses[*].address}")
	if err != nil {
		return "", err
	}
	for _, node := range strings.Fields(nodes) {
		addresses = append(addresses, net.JoinHostPort(node, strconv.Itoa(service.Spec.Ports[0].NodePort)))
	}
	var found string
	within, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	err = ready.Until(within, func(ctx context.Context) error {
		for _, address := range addresses {
			dialer := net.Dialer{Timeout: time.Second}
			if conn, err := dialer.DialContext(ctx, "tcp", address); err == nil {
				found = "http://" + address
				return conn.Close()
			}
		}
		return fmt.Errorf("the service is reached from here by none of %v", addresses)
	})
	return found, err
}

// patience is how long a request, or a condition, is waited for.
const patience = 2 * time.Minute

func (i *installation) anyone() *api.Client { return &api.Client{URL: i.url, Wait: patience} }

func (i *installation) organiser() *api.Client {
	return &api.Client{URL: i.url, Token: i.token, Wait: patience}
}

func (i *installation) operator() *api.Client {
	return &api.Client{URL: i.url, Token: i.operatorToken, Wait: patience}
}

// order takes an order to being confirmed, and gives its id.
func (i *installation) order(ctx context.Context) (string, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, patience, fmt.Errorf("not within %s", patience))
	defer cancel()
	sale, err := rush.Open(ctx, i.organiser(), i.anyone(), 10, 10)
	if err != nil {
		return "", err
	}
	var order string
	// That the conference is published, order hears a moment later.
	if err := ready.Until(ctx, func(ctx context.Context) (err error) {
		order, err = sale.Anyone.PlaceOrder(ctx, sale.ID, api.Item{SeatType: sale.General, Quantity: 1})
		return err
	}); err != nil {
		return "", err
	}
	reserved, err := i.awaitStatus(ctx, order, "reserved")
	if err != nil {
		return "", err
	}
	if err := sale.Anyone.AssignRegistrant(ctx, order, api.Person{FirstName: "Ada", LastName: "Example", Email: "ada@example.org"}); err != nil {
		return "", err
	}
	_, checkout, err := sale.Anyone.StartPayment(ctx, order, reserved.Total)
	if err != nil {
		return "", err
	}
	// The page leads through two sidecars that may still be looking for each other;
	// to accept twice is to accept.
	if err := ready.Until(ctx, func(ctx context.Context) error { return sale.Anyone.Decide(ctx, checkout, "accept") }); err != nil {
		return "", err
	}
	_, err = i.awaitStatus(ctx, order, "confirmed")
	return order, err
}

func (i *installation) awaitStatus(ctx context.Context, order, status string) (o api.Order, err error) {
	return o, ready.Until(ctx, func(ctx context.Context) error {
		if o, err = i.anyone().Order(ctx, order); err == nil && o.Status != status {
			err = fmt.Errorf("order %s is %s, not %s", order, o.Status, status)
		}
		return err
	})
}

// rolledOut waits until all pods of all workloads are ready.
func (i *installation) rolledOut(ctx context.Context) error {
	for _, workload := range slices.Concat(i.servers, i.apps) {
		if _, err := i.Kubectl(ctx, "rollout", "status", workload, "--timeout="+rolloutWithin); err != nil {
			return err
		}
	}
	return nil
}

// pods are the names of the pods of the workloads that are not about to end.
func (i *installation) pods(ctx context.Context, selector string) ([]string, error) {
	out, err := i.Kubectl(ctx, "get", "pods", "--selector=app.kubernetes.io/instance="+release+selector,
		`--output=go-template={{range .items}}{{if not .metadata.deletionTimestamp}}{{.metadata.name}}{{"\n"}}{{end}}{{end}}`)
	return strings.Fields(out), err
}

// pod is the name of a pod of an app.
func (i *installation) pod(ctx context.Context, app string) (string, error) {
	pods, err := i.pods(ctx, ",app.kubernetes.io/component="+app)
	if err == nil && len(pods) == 0 {
		err = errors.New("there is no pod of " + app)
	}
	if err != nil {
		return "", err
	}
	return pods[0], nil
}
