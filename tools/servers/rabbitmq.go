package servers

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
)

// rabbitMQ runs as the current user with its own Erlang port mapper, so that it neither
// needs the system's nor leaves one behind. Its second port is the mapper's, its third
// the node's.
func rabbitMQ(program string, o Options) (Server, error) {
	var s Server
	mapper, err := exec.LookPath("epmd")
	if err != nil {
		return s, fmt.Errorf("rabbitmq needs epmd, which is part of Erlang: %w", err)
	}
	user, password := o.user()
	in := func(name string) string { return filepath.Join(o.Dir, name) }
	mapperPort, nodePort := strconv.Itoa(o.Ports[1]), strconv.Itoa(o.Ports[2])
	// The shell becomes the server, whose child the mapper then is.
	s.Spec.Path = "sh"
	s.Spec.Args = []string{"-c", `"$1" -address 127.0.0.1 -port "$2" & exec "$3" -noinput`, "sh", mapper, mapperPort, program}
	s.Spec.Env = []string{
		"HOME=" + o.Dir, // for the Erlang cookie
		"ERL_EPMD_PORT=" + mapperPort,
		"ERL_CRASH_DUMP_BYTES=0",
		"RABBITMQ_NODENAME=plenary-" + strconv.Itoa(o.port()) + "@localhost",
		"RABBITMQ_NODE_IP_ADDRESS=" + loopback,
		"RABBITMQ_NODE_PORT=" + strconv.Itoa(o.port()),
		"RABBITMQ_DIST_PORT=" + nodePort,
		"RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS=-kernel inet_dist_use_interface {127,0,0,1}",
		"RABBITMQ_ALLOW_INPUT=1", // it is the process itself, not a child of its script
		"RABBITMQ_MNESIA_BASE=" + in("mnesia"),
		"RABBITMQ_LOG_BASE=" + in("log"),
		"RABBITMQ_LOGS=-",
		"RABBITMQ_PID_FILE=" + in("pid"),
		"RABBITMQ_CONFIG_FILE=" + in("rabbitmq.conf"),
		// There are none of these: those of the system are not for us.
		"RABBITMQ_CONF_ENV_FILE=" + in("rabbitmq-env.conf"),
		"RABBITMQ_ADVANCED_CONFIG_FILE=" + in("advanced.config"),
		"RABBITMQ_ENABLED_PLUGINS_FILE=" + in("enabled_plugins"),
	}
	s.Prepare = func(context.Context) error {
		if err := makeDir(o.Dir); err != nil {
			return err
		}
		definitions, err := withUser(o.Definitions, user, password)
		if err != nil {
			return err
		}
		const ownerOnly = 0o600
		return errors.Join(
			os.WriteFile(in("rabbitmq.conf"), []byte("log.console.level = warning\nload_definitions = "+in("definitions.json")+"\n"), ownerOnly),
			os.WriteFile(in("definitions.json"), definitions, ownerOnly),
		)
	}
	s.Ready = func(ctx context.Context) error {
		answer, err := greet(ctx, o.address(), "AMQP\x00\x00\x09\x01")
		if err == nil && !strings.HasPrefix(answer, "\x01") { // a method frame: connection.start
			err = fmt.Errorf("it answers %q", answer)
		}
		return err
	}
	return s, nil
}

// withUser adds to definitions a user who may do everything.
func withUser(file, name, password string) ([]byte, error) {
	const host = "/"
	definitions := map[string]any{"vhosts": []any{map[string]any{"name": host}}}
	b, err := os.ReadFile(file)
	if err == nil {
		err = json.Unmarshal(b, &definitions)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("definitions %s: %w", file, err)
	}
	definitions["users"] = []any{map[string]any{"name": name, "password": password, "tags": "administrator"}}
	definitions["permissions"] = []any{map[string]any{"user": name, "vhost": host, "configure": ".*", "write": ".*", "read": ".*"}}
	return json.Marshal(definitions)
}
