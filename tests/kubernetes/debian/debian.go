// Package debian makes images of servers from the files that Debian's packages
// have put on this machine: a cluster without a registry can then run them. They
// take the same settings as the official images of the same servers.
package debian

import (
	"archive/tar"
	"bytes"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

// Redis writes an archive with an image of the Redis that is installed.
func Redis(archive, tag string) error {
	r := newRoot()
	r.programs("/usr/bin/redis-server", "/usr/bin/redis-cli", "/bin/sh")
	r.folder("/data", 0o777)
	return r.write(archive, tag, v1.Config{Cmd: []string{"redis-server"}, WorkingDir: "/data", Env: []string{paths}})
}

//go:embed postgres.sh
var entrypoint []byte

// PostgreSQL writes an archive with an image of the newest PostgreSQL that is
// installed.
func PostgreSQL(archive, tag string) error {
	installed, err := filepath.Glob("/usr/lib/postgresql/*")
	if err != nil || len(installed) == 0 {
		return errors.Join(errors.New("PostgreSQL is not installed: apt-get install postgresql"), err)
	}
	home := slices.Max(installed)
	share := "/usr/share/postgresql/" + path.Base(home)
	bin := path.Join(home, "bin")

	r := newRoot()
	r.programs("/bin/sh", bin+"/postgres", bin+"/initdb", bin+"/pg_ctl", bin+"/psql", bin+"/pg_isready", bin+"/pg_dump", bin+"/pg_restore")
	// The others belong to extensions that are not used here.
	r.programs(home+"/lib/plpgsql.so", home+"/lib/dict_snowball.so")
	r.tree(share)
	r.tree("/usr/share/zoneinfo/Etc")
	r.tree("/usr/lib/locale/C.utf8")
	r.file("/usr/local/bin/docker-entrypoint.sh", 0o755, entrypoint)
	r.file("/etc/passwd", 0o644, []byte("root:x:0:0::/:/bin/sh\npostgres:x:999:999::/var/lib/postgresql:/bin/sh\n"))
	r.file("/etc/group", 0o644, []byte("root:x:0:\npostgres:x:999:\n"))
	r.folder("/var/run/postgresql", 0o777)
	r.folder("/var/lib/postgresql/data", 0o777)
	return r.write(archive, tag, v1.Config{
		Entrypoint: []string{"docker-entrypoint.sh"}, Cmd: []string{"postgres"}, User: "999:999",
		Env: []string{paths + ":" + bin, "PGDATA=/var/lib/postgresql/data"},
	})
}

const paths = "PATH=/usr/local/bin:/usr/bin:/bin"

// root is the file system of an image. The first error of building it is kept.
type root struct {
	entries map[string]entry // by name, without the leading slash
	err     error
}

type entry struct {
	mode    int64
	content []byte // nil: a folder
}

func newRoot() *root {
	r := &root{entries: map[string]entry{}}
	r.folder("/tmp", 0o1777)
	return r
}

// folder adds a folder, and those above it.
func (r *root) folder(name string, mode int64) {
	name = strings.Trim(name, "/")
	if above := path.Dir(name); above != "." {
		if _, ok := r.entries[above]; !ok {
			r.folder(above, 0o755)
		}
	}
	r.entries[name] = entry{mode: mode}
}

func (r *root) file(name string, mode int64, content []byte) {
	if _, ok := r.entries[strings.Trim(path.Dir(name), "/")]; !ok {
		r.folder(path.Dir(name), 0o755)
	}
	r.entries[strings.Trim(name, "/")] = entry{mode: mode, content: append([]byte{}, content...)}
}

// copy takes over a file of this machine under its own name, links followed.
func (r *root) copy(name string) {
	info, err := os.Stat(name)
	if err != nil {
		r.err = errors.Join(r.err, err)
		return
	}
	content, err := os.ReadFile(name)
	r.err = errors.Join(r.err, err)
	r.file(name, int64(info.Mode().Perm()), content)
}

// tree takes over all files below a folder.
func (r *root) tree(name string) {
	r.err = errors.Join(r.err, filepath.WalkDir(name, func(p string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			r.copy(p)
		}
		return err
	}))
}

var library = regexp.MustCompile(`/\S+`)

// programs takes over programs, or plug-ins of some, with the libraries that
// they are linked with.
func (r *root) programs(names ...string) {
	for _, name := range names {
		r.copy(name)
		if r.err != nil {
			return
		}
		out, err := exec.Command("ldd", name).Output()
		if err != nil {
			r.err = fmt.Errorf("ldd %s: %w", name, err)
			return
		}
		for _, line := range strings.Split(string(out), "\n") {
			if lib := library.FindString(line); lib != "" {
				r.copy(lib)
			}
		}
	}
}

// write writes the image of one layer, as `docker save` would.
func (r *root) write(archive, tag string, c v1.Config) error {
	if r.err != nil {
		return r.err
	}
	ref, err := name.NewTag(tag)
	if err != nil {
		return err
	}
	layer, err := r.layer()
	if err != nil {
		return err
	}
	image, err := mutate.AppendLayers(empty.Image, layer)
	if err != nil {
		return err
	}
	// The files are this machine's, and so is what they run on.
	file, err := image.ConfigFile()
	if err != nil {
		return err
	}
	file = file.DeepCopy()
	file.OS, file.Architecture, file.Config = "linux", runtime.GOARCH, c
	if image, err = mutate.ConfigFile(image, file); err != nil {
		return err
	}
	return tarball.WriteToFile(archive, ref, image)
}

func (r *root) layer() (v1.Layer, error) {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, name := range slices.Sorted(maps.Keys(r.entries)) {
		e := r.entries[name]
		h := &tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: e.mode, Size: int64(len(e.content))}
		if e.content == nil {
			h.Typeflag, h.Name = tar.TypeDir, name+"/"
		}
		if err := w.WriteHeader(h); err != nil {
			return nil, err
		}
		if _, err := w.Write(e.content); err != nil {
			return nil, err
		}
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(b.Bytes())), nil })
}
