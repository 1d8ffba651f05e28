// Package cluster gives a test a Kubernetes cluster with Dapr in it: the one
// that KUBECONFIG names, or one that scripts bring up and take down. What it
// does there it does with kubectl and helm, so that a person can do the same.
package cluster

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/plenary/plenary/tools/local/dapr"
	"github.com/plenary/plenary/tools/local/runfile"
)

// These variables of the environment say which cluster to take.
const (
	// kubeconfig names a cluster that is there.
	kubeconfig = "KUBECONFIG"
	// imageLoad is the command that gives it an image from an archive, whose name
	// takes the place of {}.
	imageLoad = "PLENARY_IMAGE_LOAD"
	// scripts is a folder with 00-build-all.sh, 80-up.sh, 71-dapr-install.sh,
	// 99-down.sh, ns.sh (a command inside the node) and env.sh (PATH, PKI, …).
	scripts = "PLENARY_CLUSTER"
	// keep leaves everything as it is at the end.
	keep = "PLENARY_KEEP"
)

const none = `there is no cluster to test on. Give one of these:
  KUBECONFIG=…       a cluster, with REPOSITORY, where it finds the images, or with
                     PLENARY_IMAGE_LOAD, the command by which it gets one:
                     PLENARY_IMAGE_LOAD='kind load image-archive {}'
  PLENARY_CLUSTER=…  a folder with scripts that build a cluster, bring it up and take it down`

// Cluster is a cluster that is up.
type Cluster struct {
	// Namespace of all that the test makes.
	Namespace string
	// Root of the repository.
	Root string

	out    io.Writer
	env    []string                    // of all commands
	load   []string                    // see imageLoad
	down   func(context.Context) error // takes down what Open brought up, if it did
	opened bool
}

// Options say what a test does with the cluster.
type Options struct {
	// Namespace is for the test alone. It is not there at first, unless AsItIs.
	Namespace string
	// AsItIs has the namespace left as it is.
	AsItIs bool
	// Loads: the test gives the cluster images.
	Loads bool
	// Out is told what is done.
	Out io.Writer
}

// Open finds a cluster or brings one up, and installs Dapr if it is not there. The
// caller closes it, also after an error.
func Open(ctx context.Context, o Options) (*Cluster, error) {
	c := &Cluster{Namespace: o.Namespace, out: o.Out, env: os.Environ(), load: strings.Fields(os.Getenv(imageLoad))}
	var err error
	if c.Root, err = runfile.Root(); err != nil {
		return c, err
	}
	switch {
	case os.Getenv(kubeconfig) != "":
		if o.Loads && len(c.load) == 0 {
			return c, fmt.Errorf("%s is not set. %s", imageLoad, none)
		}
	case os.Getenv(scripts) != "":
		if err := c.Step("cluster", func() error { return c.bringUp(ctx, os.Getenv(scripts)) }); err != nil {
			return c, err
		}
	default:
		return c, errors.New(none)
	}
	if err := c.Step("Dapr", func() error { return c.ensureDapr(ctx) }); err != nil {
		return c, err
	}
	c.opened = true
	if o.AsItIs {
		return c, nil
	}
	return c, c.Clear(ctx)
}

// In is the same cluster with another namespace.
func (c *Cluster) In(namespace string) *Cluster {
	other := *c
	other.Namespace = namespace
	return &other
}

// Clear deletes the namespace with all that is in it.
func (c *Cluster) Clear(ctx context.Context) error {
	_, err := c.Run(ctx, nil, "kubectl", "delete", "namespace", c.Namespace, "--ignore-not-found", "--timeout=3m")
	return err
}

// Stays says whether everything shall be left as it is at the end.
func (c *Cluster) Stays() bool { return os.Getenv(keep) != "" }

// bringUp builds what the scripts need and brings their cluster up, unless it
// is up already; then it is also left up.
func (c *Cluster) bringUp(ctx context.Context, folder string) error {
	folder, err := filepath.Abs(folder)
	if err != nil {
		return err
	}
	settings, err := c.Run(ctx, nil, "bash", "-c", `. "$0/env.sh" && echo "$PKI" && echo "$PATH" && echo "$KUBECACHEDIR" && echo "$HELM_CACHE_HOME"`, folder)
	if err != nil {
		return err
	}
	s := strings.Split(settings, "\n")
	if len(s) < 4 {
		return fmt.Errorf("%s/env.sh has no PKI, PATH, KUBECACHEDIR or HELM_CACHE_HOME", folder)
	}
	named := append(slices.Clone(c.env), kubeconfig+"="+filepath.Join(s[0], "admin.kubeconfig"), "PATH="+s[1], "KUBECACHEDIR="+s[2], "HELM_CACHE_HOME="+s[3])
	if len(c.load) == 0 {
		c.load = []string{filepath.Join(folder, "ns.sh"), "ctr", "-n", "k8s.io", "images", "import", "{}"}
	}
	up := &Cluster{env: named}
	if _, err := up.Run(ctx, nil, "kubectl", "get", "--raw=/readyz", "--request-timeout=5s"); err == nil {
		fmt.Fprintln(c.out, "the cluster is up already, and stays up")
		c.env = named
		return nil
	}
	binaries, err := dapr.Ensure(ctx, c.Root, c.out)
	if err != nil {
		return err
	}
	c.env = append(c.env, "DAPRD_BIN="+binaries.Daprd) // need not be built once more
	script := func(name string) func() error {
		return func() error {
			_, err := c.Run(ctx, nil, "bash", filepath.Join(folder, name))
			return err
		}
	}
	fmt.Fprintln(c.out, "the cluster is built, which takes about a quarter of an hour the first time, and less than a minute later")
	if err := c.Step("cluster: build", script("00-build-all.sh")); err != nil {
		return err
	}
	c.down = func(ctx context.Context) error {
		_, err := c.Run(ctx, nil, "bash", filepath.Join(folder, "99-down.sh"))
		return err
	}
	if err := c.Step("cluster: up", script("80-up.sh")); err != nil {
		return err
	}
	c.env = named
	return c.Step("cluster: Dapr", script("71-dapr-install.sh"))
}

// ensureDapr installs Dapr by its own chart, of the version that runs locally,
// if it is not there.
func (c *Cluster) ensureDapr(ctx context.Context) error {
	if _, err := c.Run(ctx, nil, "kubectl", "get", "crd", "components.dapr.io"); err != nil {
		tools := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Dir}}", "github.com/dapr/dapr")
		tools.Dir, tools.Env = filepath.Join(c.Root, "tools", "dapr"), append(os.Environ(), "GOWORK=off")
		module, err := tools.Output()
		if err != nil {
			return fmt.Errorf("go list github.com/dapr/dapr: %w", err)
		}
		version := strings.TrimSpace(string(module))
		version = version[strings.LastIndex(version, "@v")+len("@v"):]
		_, err = c.Run(ctx, nil, "helm", "install", "dapr", filepath.Join(strings.TrimSpace(string(module)), "charts", "dapr"),
			"--namespace=dapr-system", "--create-namespace", "--set=global.tag="+version, "--wait", "--timeout=10m")
		if err != nil {
			return err
		}
	}
	_, err := c.Run(ctx, nil, "kubectl", "--namespace=dapr-system", "wait", "--for=condition=Available", "deployment", "--all", "--timeout=5m")
	return err
}

// Step does something and says how long it took.
func (c *Cluster) Step(name string, do func() error) error {
	began := time.Now()
	err := do()
	said := "done"
	if err != nil {
		said = "FAILED"
	}
	fmt.Fprintf(c.out, "--- %s: %s after %.0f s\n", name, said, time.Since(began).Seconds())
	return err
}

// Run runs a program with the cluster in its environment, and gives what it
// wrote. What it wrote to standard error is in the error, if there is one.
func (c *Cluster) Run(ctx context.Context, stdin io.Reader, program string, args ...string) (string, error) {
	cmd, err := c.command(ctx, program, args...)
	if err != nil {
		return "", err
	}
	var out, problems bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = stdin, &out, &problems
	if err := cmd.Run(); err != nil {
		return out.String(), fmt.Errorf("%s %s: %w\n%s", program, strings.Join(args, " "), err, end(problems.String()+out.String()))
	}
	return out.String(), nil
}

// Script runs commands as a person types them in a folder, up to the first that
// fails, and gives what they wrote. What they leave running in the background is
// ended.
func (c *Cluster) Script(ctx context.Context, folder, commands string, env ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "/bin/sh", "-e", "-c", commands)
	cmd.Dir, cmd.Env = folder, append(slices.Clone(c.env), env...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	end := func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.Cancel = end
	cmd.WaitDelay = time.Second // for what the background may still write
	out, err := cmd.CombinedOutput()
	if cmd.Process != nil {
		_ = end()
	}
	if err != nil && !errors.Is(err, exec.ErrWaitDelay) {
		return string(out), fmt.Errorf("%w\n%s\n%s", err, commands, out)
	}
	return string(out), nil
}

// command finds the program in the PATH that the cluster has.
func (c *Cluster) command(ctx context.Context, program string, args ...string) (*exec.Cmd, error) {
	path := ""
	for _, v := range c.env {
		if list, ok := strings.CutPrefix(v, "PATH="); ok {
			path = list
		}
	}
	for _, folder := range append(filepath.SplitList(path), "") {
		file := filepath.Join(folder, program)
		if info, err := os.Stat(file); err == nil && !info.IsDir() && info.Mode()&0o111 != 0 {
			cmd := exec.CommandContext(ctx, file, args...)
			cmd.Env = c.env
			return cmd, nil
		}
	}
	return nil, fmt.Errorf("%s is not installed", program)
}

func end(text string) string {
	const lines = 30
	all := strings.Split(strings.TrimSpace(text), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}

// Kubectl runs kubectl in the test's namespace.
func (c *Cluster) Kubectl(ctx context.Context, args ...string) (string, error) {
	return c.Run(ctx, nil, "kubectl", append([]string{"--namespace=" + c.Namespace}, args...)...)
}

// Apply applies a manifest in the test's namespace.
func (c *Cluster) Apply(ctx context.Context, manifest string, args ...string) (string, error) {
	return c.Run(ctx, strings.NewReader(manifest), "kubectl", append([]string{"--namespace=" + c.Namespace, "apply", "--filename=-"}, args...)...)
}

// Helm runs helm in the test's namespace.
func (c *Cluster) Helm(ctx context.Context, args ...string) (string, error) {
	return c.Run(ctx, nil, "helm", append([]string{"--namespace=" + c.Namespace}, args...)...)
}

// Load gives the cluster the image that is in an archive.
func (c *Cluster) Load(ctx context.Context, archive string) error {
	args := slices.Clone(c.load)
	for i := range args {
		args[i] = strings.ReplaceAll(args[i], "{}", archive)
	}
	_, err := c.Run(ctx, nil, args[0], args[1:]...)
	return err
}

// Forward gives an address of this machine that leads to a port of a pod, also
// to one that listens on its loopback only, until ctx ends.
func (c *Cluster) Forward(ctx context.Context, pod string, port int) (address string, err error) {
	cmd, err := c.command(ctx, "kubectl", "--namespace="+c.Namespace, "port-forward", "pod/"+pod, fmt.Sprintf(":%d", port))
	if err != nil {
		return "", err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return "", err
	}
	if err := cmd.Start(); err != nil {
		return "", err
	}
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if _, rest, ok := strings.Cut(lines.Text(), "Forwarding from 127.0.0.1:"); ok {
			local, _, _ := strings.Cut(rest, " ")
			go func() {
				_, _ = io.Copy(io.Discard, out)
				_ = cmd.Wait()
			}()
			return "127.0.0.1:" + local, nil
		}
	}
	return "", errors.Join(fmt.Errorf("kubectl port-forward pod/%s %d gave no address", pod, port), cmd.Wait())
}

// Diagnose writes what a person needs to see who is in trouble.
func (c *Cluster) Diagnose(ctx context.Context) {
	if !c.opened {
		return
	}
	for _, args := range [][]string{
		{"get", "pods", "--output=wide"},
		{"get", "events", "--sort-by=.lastTimestamp"},
	} {
		out, err := c.Kubectl(ctx, args...)
		fmt.Fprintf(c.out, "\n=== kubectl %s\n%s\n", strings.Join(args, " "), end(out))
		if err != nil {
			fmt.Fprintln(c.out, err)
		}
	}
	pods, _ := c.Kubectl(ctx, "get", "pods", "--output=name")
	for _, pod := range strings.Fields(pods) {
		for _, which := range []string{"--previous=false", "--previous"} {
			out, err := c.Kubectl(ctx, "logs", pod, "--all-containers", "--prefix", "--tail=60", which)
			if out = worthReading(out); err == nil && out != "" {
				fmt.Fprintf(c.out, "\n=== kubectl logs %s %s\n%s\n", pod, which, out)
			}
		}
	}
}

// worthReading is the end of a log without what sidecars say when all is well.
func worthReading(log string) string {
	lines := strings.Split(strings.TrimSpace(log), "\n")
	lines = slices.DeleteFunc(lines, func(line string) bool { return strings.Contains(line, `"level":"info"`) })
	const last = 12
	return strings.Join(lines[max(0, len(lines)-last):], "\n")
}

// Close removes what the test made, and takes the cluster down if Open brought
// it up.
func (c *Cluster) Close(ctx context.Context) error {
	switch {
	case c.Stays():
		return nil
	case c.down != nil:
		return c.down(ctx)
	case c.opened:
		return c.Clear(ctx)
	}
	return nil
}
