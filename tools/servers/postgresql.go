package servers

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

// postgreSQL runs as the current user or, since it refuses root, as its package's user
// postgres. It creates the databases of the connections.
func postgreSQL(program string, o Options) (Server, error) {
	var s Server
	owner, err := notRoot("postgres")
	if err != nil {
		return s, err
	}
	// On PATH there may be a link to it, which the other programs do not lie beside.
	if target, err := filepath.EvalSymlinks(program); err == nil {
		program = target
	}
	p := postgres{bin: filepath.Dir(program), dir: o.Dir, owner: owner}
	s.Spec.Credential = owner
	s.Spec.StopSignal = syscall.SIGINT // does not wait for its clients, as SIGTERM does
	s.Spec.Dir = "/"
	s.Spec.Args = []string{
		"-D", o.Dir, "-p", strconv.Itoa(o.port()),
		"-c", "listen_addresses=" + loopback, "-c", "unix_socket_directories=",
	}
	name, password := o.user()
	s.Prepare = func(ctx context.Context) error {
		if err := p.initialise(ctx, name, password); err != nil {
			return err
		}
		return p.makeDatabases(ctx, o)
	}
	s.Ready = func(ctx context.Context) error {
		return run(exec.CommandContext(ctx, filepath.Join(p.bin, "pg_isready"), "-h", loopback, "-p", strconv.Itoa(o.port())))
	}
	return s, nil
}

// notRoot is the user that a server runs as which refuses to run as root; nil if
// we are not root.
func notRoot(name string) (*syscall.Credential, error) {
	if os.Getuid() != 0 {
		return nil, nil
	}
	u, err := user.Lookup(name)
	if err != nil {
		return nil, err
	}
	uid, err1 := strconv.ParseUint(u.Uid, 10, 32)
	gid, err2 := strconv.ParseUint(u.Gid, 10, 32)
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, errors.Join(err1, err2)
}

type postgres struct {
	bin, dir string
	owner    *syscall.Credential
}

// command is a program of PostgreSQL's that works on the data.
func (p postgres) command(ctx context.Context, program string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, filepath.Join(p.bin, program), args...)
	cmd.Dir = "/" // which its user may look into
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: p.owner}
	return cmd
}

// initialise makes the data folder, unless it is there, with one user, who may
// do everything.
func (p postgres) initialise(ctx context.Context, name, password string) error {
	if _, err := os.Stat(filepath.Join(p.dir, "PG_VERSION")); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := makeDir(p.dir); err != nil {
		return err
	}
	passwordFile := p.dir + ".password"
	defer os.Remove(passwordFile)
	const ownerOnly = 0o600
	if err := os.WriteFile(passwordFile, []byte(password+"\n"), ownerOnly); err != nil {
		return err
	}
	if p.owner != nil {
		for _, path := range []string{p.dir, passwordFile} {
			if err := os.Chown(path, int(p.owner.Uid), int(p.owner.Gid)); err != nil {
				return err
			}
		}
	}
	err := run(p.command(ctx, "initdb", "-D", p.dir, "-U", name, "--pwfile", passwordFile, "-A", "scram-sha-256", "-E", "UTF8", "--locale", "C.UTF-8"))
	if err != nil && p.owner != nil {
		err = fmt.Errorf("%w(PostgreSQL does not run as root; its user postgres must be able to reach %s)", err, p.dir)
	}
	return err
}

// makeDatabases makes what the connections want and is not there: in single-user
// mode, in which one that is there is but a message.
func (p postgres) makeDatabases(ctx context.Context, o Options) error {
	var names []string
	for _, c := range o.Connections {
		if name := strings.TrimPrefix(c.Path, "/"); name != "" && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	var script strings.Builder
	// Into the template of all databases, so that each has it: sidecars that start
	// at once would all make it, and one that finds its type but not yet the table
	// ends (components-contrib 1.18.3, EnsureMetadataTable).
	script.WriteString("CREATE TABLE IF NOT EXISTS public.dapr_metadata (key text NOT NULL PRIMARY KEY, value text NOT NULL)\n")
	for _, name := range names {
		fmt.Fprintf(&script, "CREATE DATABASE \"%s\"\n", name)
	}
	cmd := p.command(ctx, "postgres", "--single", "-D", p.dir, "template1")
	cmd.Stdin = strings.NewReader(script.String())
	return run(cmd)
}
