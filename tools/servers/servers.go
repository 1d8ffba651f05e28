// Package servers starts the servers of component sets from what is installed on
// this machine, each in a folder and on ports of its own.
package servers

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"github.com/plenary/plenary/engine/component"
	"github.com/plenary/plenary/tools/servers/process"
	"github.com/plenary/plenary/tools/servers/ready"
)

// Server is a server that can be started.
type Server struct {
	Spec process.Spec
	// Prepare makes its folder ready. It comes before every start.
	Prepare func(ctx context.Context) error
	// Ready is an error as long as the server takes no clients.
	Ready func(ctx context.Context) error
}

// Options say where a server runs, and for whom.
type Options struct {
	// Ports on 127.0.0.1, as many as PortsOf says. The first is for clients.
	Ports []int
	// Dir holds its data. It is made if need be.
	Dir string
	// Logs is the folder for its log.
	Logs string
	// Local is the program of tools/local, which has the broker and Kafka in it.
	Local string
	// Connections are what clients will use: users, passwords and databases are
	// taken from them.
	Connections []*url.URL
	// Definitions is the file with the exchanges and queues that RabbitMQ has from
	// the beginning, if there is one.
	Definitions string
}

func (o Options) port() int { return o.Ports[0] }

func (o Options) address() string { return address(o.port()) }

func address(port int) string { return net.JoinHostPort(loopback, strconv.Itoa(port)) }

// user is that of the first connection.
func (o Options) user() (name, password string) {
	if len(o.Connections) > 0 && o.Connections[0].User != nil {
		name = o.Connections[0].User.Username()
		password, _ = o.Connections[0].User.Password()
	}
	return name, password
}

const loopback = "127.0.0.1"

// kind is a kind of server.
type kind struct {
	program string   // empty for what tools/local has in itself
	folders []string // where the program may be beside PATH
	debian  string   // the package that has it
	ports   int
	server  func(program string, o Options) (Server, error)
}

// Names of the servers.
const (
	Broker     = component.LocalBroker // our own, in tools/local/broker
	Kafka      = component.Kafka       // or what speaks like it, in tools/local/kafka
	Redis      = component.Redis
	PostgreSQL = component.PostgreSQL
	RabbitMQ   = component.RabbitMQ
	MariaDB    = component.MariaDB
)

var kinds = map[string]kind{
	Broker:     {ports: 1, server: own("broker")},
	Kafka:      {ports: 1, server: own("kafka")},
	Redis:      {"redis-server", nil, "redis-server", 1, redis},
	PostgreSQL: {"postgres", []string{"/usr/lib/postgresql/*/bin"}, "postgresql", 1, postgreSQL},
	RabbitMQ:   {"rabbitmq-server", []string{"/usr/lib/rabbitmq/bin"}, "rabbitmq-server", 3, rabbitMQ},
	MariaDB:    {"mariadbd", []string{"/usr/sbin"}, "mariadb-server", 1, mariaDB},
}

// PortsOf is how many ports a server needs.
func PortsOf(name string) int { return kinds[name].ports }

// ErrNotInstalled means that a server's program is not on this machine.
var ErrNotInstalled = errors.New("it is not installed")

// Install says how to install a server on Debian.
func Install(name string) string { return "apt-get install " + kinds[name].debian }

// New describes a server that is installed. One that is not is ErrNotInstalled,
// with how to install it.
func New(name string, o Options) (Server, error) {
	k, ok := kinds[name]
	if !ok {
		return Server{}, fmt.Errorf("there is no server %q", name)
	}
	program, err := k.find(o)
	if err != nil {
		return Server{}, fmt.Errorf("%s is needed, and does not run at %s: %w (no %s): %s",
			name, o.address(), ErrNotInstalled, k.program, Install(name))
	}
	s, err := k.server(program, o)
	s.Spec.Name, s.Spec.Log = name, filepath.Join(o.Logs, name+".log")
	if s.Spec.Path == "" {
		s.Spec.Path = program
	}
	return s, err
}

// own is a command of tools/local.
func own(command string) func(string, Options) (Server, error) {
	return func(_ string, o Options) (Server, error) {
		var s Server
		s.Spec.Args = []string{command, "-port", strconv.Itoa(o.port()), "-dir", o.Dir}
		s.Prepare = func(context.Context) error { return makeDir(o.Dir) }
		s.Ready = func(ctx context.Context) error { return Answers(ctx, o.address()) }
		return s, nil
	}
}

// OnlyPath names the environment variable that keeps the search for servers to PATH,
// so that a test can have a machine without any.
const OnlyPath = "PLENARY_ONLY_PATH"

// find prefers the folders: what is on PATH may be a wrapper for the one server
// of the system.
func (k kind) find(o Options) (string, error) {
	if k.program == "" {
		return o.Local, nil
	}
	folders := k.folders
	if os.Getenv(OnlyPath) != "" {
		folders = nil
	}
	for _, folder := range folders {
		found, _ := filepath.Glob(filepath.Join(folder, k.program))
		if len(found) > 0 {
			return slices.Max(found), nil // the newest version
		}
	}
	return exec.LookPath(k.program)
}

// Run is a server that was started.
type Run struct {
	Server
	*process.Process
}

// Start starts a server and waits until it takes clients.
func (s Server) Start(ctx context.Context) (*Run, error) {
	if err := s.Prepare(ctx); err != nil {
		return nil, fmt.Errorf("%s: %w", s.Spec.Name, err)
	}
	p, err := process.Start(s.Spec)
	if err != nil {
		return nil, err
	}
	r := &Run{s, p}
	var exited error
	err = ready.Until(ctx, func(ctx context.Context) error {
		if exited = p.Exited(); exited != nil {
			return nil
		}
		return s.Ready(ctx)
	})
	if err = errors.Join(exited, err); err != nil {
		p.Kill()
		return nil, fmt.Errorf("%s: %w\n%s", s.Spec.Name, err, p.Tail(20))
	}
	return r, nil
}

// makeDir makes a folder that only its owner can look into, in one that others
// can pass.
func makeDir(dir string) error {
	const ownerOnly, everybodyPasses = 0o700, 0o755
	if err := os.MkdirAll(filepath.Dir(dir), everybodyPasses); err != nil {
		return err
	}
	if err := os.Mkdir(dir, ownerOnly); !errors.Is(err, fs.ErrExist) {
		return err
	}
	return nil
}

// run runs a program to its end. Its error has what the program said.
func run(cmd *exec.Cmd) error {
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", filepath.Base(cmd.Path), err, out)
	}
	return nil
}

// patience is how long a server may take to answer a greeting.
const patience = 2 * time.Second

// greet sends something to a server and gives the beginning of the answer.
func greet(ctx context.Context, address, hello string) (string, error) {
	d := net.Dialer{Timeout: patience}
	conn, err := d.DialContext(ctx, "tcp", address)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		return "", err
	}
	if _, err := conn.Write([]byte(hello)); err != nil {
		return "", err
	}
	const enough = 16
	answer := make([]byte, enough)
	n, err := conn.Read(answer)
	return string(answer[:n]), err
}

// Answers says whether a program listens at an address.
func Answers(ctx context.Context, address string) error {
	d := net.Dialer{Timeout: patience}
	conn, err := d.DialContext(ctx, "tcp", address)
	if err != nil {
		return err
	}
	return conn.Close()
}
