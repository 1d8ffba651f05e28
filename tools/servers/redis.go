package servers

import (
	"context"
	"fmt"
	"strconv"
	"strings"
)

func redis(_ string, o Options) (Server, error) {
	args := []string{
		"--bind", loopback, "--port", strconv.Itoa(o.port()), "--dir", o.Dir,
		// What was acknowledged is on the disk, and nothing is forgotten for want
		// of memory.
		"--appendonly", "yes", "--appendfsync", "always", "--maxmemory-policy", "noeviction",
	}
	if _, password := o.user(); password != "" {
		args = append(args, "--requirepass", password)
	}
	var s Server
	s.Spec.Args = args
	s.Prepare = func(context.Context) error { return makeDir(o.Dir) }
	s.Ready = func(ctx context.Context) error {
		answer, err := greet(ctx, o.address(), "PING\r\n")
		if err == nil && !strings.HasPrefix(answer, "+PONG") && !strings.HasPrefix(answer, "-NOAUTH") {
			err = fmt.Errorf("it answers %q", answer) // it is loading
		}
		return err
	}
	return s, nil
}
