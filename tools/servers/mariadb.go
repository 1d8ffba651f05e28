package servers

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
)

// mariaDB runs as the current user. It creates the users and databases of the
// connections.
func mariaDB(_ string, o Options) (Server, error) {
	var s Server
	user := "mysql"
	if os.Getuid() == 0 {
		user = "root"
	}
	s.Spec.Args = []string{
		"--no-defaults", "--user=" + user, "--datadir=" + o.Dir, "--bind-address=" + loopback, "--port=" + strconv.Itoa(o.port()),
		"--socket=" + filepath.Join(o.Dir, "socket"), "--pid-file=" + filepath.Join(o.Dir, "pid"),
		"--init-file=" + filepath.Join(o.Dir, "init.sql"), "--skip-name-resolve",
		// As MySQL has it: writers of Dapr's component lock each other out otherwise.
		"--innodb-autoinc-lock-mode=2",
	}
	s.Prepare = func(ctx context.Context) error {
		if _, err := os.Stat(filepath.Join(o.Dir, "mysql")); errors.Is(err, fs.ErrNotExist) {
			if err := makeDir(o.Dir); err != nil {
				return err
			}
			if err := run(exec.CommandContext(ctx, "mariadb-install-db", "--no-defaults", "--user="+user, "--datadir="+o.Dir, "--skip-test-db")); err != nil {
				return err
			}
		}
		// It runs this at every start.
		var script strings.Builder
		for _, c := range o.Connections {
			name, database := c.User.Username(), strings.TrimPrefix(c.Path, "/")
			password, _ := c.User.Password()
			fmt.Fprintf(&script, "CREATE DATABASE IF NOT EXISTS `%s`;\nCREATE USER IF NOT EXISTS '%s'@'%%' IDENTIFIED BY '%s';\nGRANT ALL ON *.* TO '%s'@'%%';\n",
				database, name, password, name)
		}
		const ownerOnly = 0o600
		return os.WriteFile(filepath.Join(o.Dir, "init.sql"), []byte(script.String()), ownerOnly)
	}
	s.Ready = func(ctx context.Context) error {
		_, err := greet(ctx, o.address(), "") // it speaks first
		return err
	}
	return s, nil
}
