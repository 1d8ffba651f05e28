package kubernetes

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// follow runs a block of commands of a guide, found by a part of it, as who reads
// the guide does: in a folder with the files that it speaks of. Only the namespace
// is the test's, the local port one that is free, and helm is told more.
func (i *installation) follow(ctx context.Context, guide, part string, env ...string) (string, error) {
	commands, err := block(filepath.Join(i.Root, "docs", "guides", guide), part)
	if err != nil {
		return "", err
	}
	commands = namespaced.ReplaceAllString(commands, "namespace "+i.Namespace)
	if m := forwarded.FindStringSubmatch(commands); m != nil {
		port, err := freePort()
		if err != nil {
			return "", err
		}
		commands = strings.NewReplacer(" "+m[1]+":", " "+port+":", "127.0.0.1:"+m[1], "127.0.0.1:"+port).Replace(commands)
	}
	return i.Script(ctx, i.folder, toldMore+commands, append([]string{i.tell()}, env...)...)
}

const toldMore = `helm() {
	case "$1" in
	install | upgrade) command helm "$@" $told ;;
	*) command helm "$@" ;;
	esac
}
`

// tell is the variable with what helm is told beyond what the guides say.
func (i *installation) tell(more ...string) string {
	return "told=" + strings.Join(append(i.given[:len(i.given):len(i.given)], more...), " ")
}

var (
	namespaced = regexp.MustCompile(`\bnamespace plenary\b`)
	forwarded  = regexp.MustCompile(`port-forward \S+ (\d+):\d+`)
	fenced     = regexp.MustCompile("(?ms)^ *```sh\n(.*?)^ *```$")
)

// block is the one block of commands of a document that has a part.
func block(document, part string) (string, error) {
	text, err := os.ReadFile(document)
	if err != nil {
		return "", err
	}
	var found []string
	for _, m := range fenced.FindAllStringSubmatch(string(text), -1) {
		if strings.Contains(m[1], part) {
			found = append(found, m[1])
		}
	}
	if len(found) != 1 {
		return "", fmt.Errorf("%s has %d blocks of commands with %q, want one", document, len(found), part)
	}
	return found[0], nil
}

func freePort() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	_, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		return "", err
	}
	return port, l.Close()
}
