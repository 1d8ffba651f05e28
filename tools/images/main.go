// Command images builds a container image of each app, from nothing but what
// the Go compiler makes of this repository: no base image, no container engine,
// no registry. Run it in the root of the repository; see `make images`.
//
// Below -out it writes, for each architecture, ARCH/NAME.tar, which docker load,
// ctr images import and kind load image-archive take, and ARCH/NAME.cdx.json, the
// image's bill of materials. With -push, images of all architectures under one
// name go to a registry as well, each with its bill of materials as a referrer.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/tarball"

	"github.com/plenary/plenary/topology"
)

// program is what an image is made for.
type program struct {
	name, description string
	// dir is the folder of its module, pkg its package there.
	dir, pkg string
}

var programs = append(apps(), program{"demo", "Takes an order to each fate, and fails if one does not come about", "tools/local", "./cmd/demo"})

func apps() (all []program) {
	for _, a := range topology.Plenary().Apps {
		all = append(all, program{a.Name, a.About, "apps/" + a.Name, "."})
	}
	return all
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "images:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("images", flag.ContinueOnError)
	out := flags.String("out", ".bin/images", "`folder` for the archives")
	arch := flags.String("arch", runtime.GOARCH, "architectures, separated by spaces or commas")
	repository := flags.String("repository", "localhost/plenary", "the images' `name` before the app's")
	tag := flags.String("tag", "", "the images' tag; the version, if empty")
	push := flags.Bool("push", false, "push to the registry that -repository names")
	if err := flags.Parse(args); err != nil {
		return err
	}
	source, err := sourceOf(ctx, ".")
	if err != nil {
		return err
	}
	if *tag == "" {
		*tag = source.version
	}
	arches := strings.FieldsFunc(*arch, func(r rune) bool { return r == ',' || r == ' ' })
	if len(arches) == 0 {
		return errors.New("no architecture is named")
	}
	for _, p := range programs {
		ref, err := name.NewTag(path.Join(*repository, p.name)+":"+*tag, name.StrictValidation)
		if err != nil {
			return err
		}
		var built []image
		for _, a := range arches {
			began := time.Now()
			i, err := build(ctx, p, a, source)
			if err != nil {
				return fmt.Errorf("%s for %s: %w", p.name, a, err)
			}
			if err := write(filepath.Join(*out, a, p.name), ref, i); err != nil {
				return err
			}
			built = append(built, i)
			size, err := compressed(i.Image)
			if err != nil {
				return err
			}
			fmt.Printf("%-45s %-6s %5.1f MB  %4.1f s\n", ref, a, float64(size)/1e6, time.Since(began).Seconds())
		}
		if *push {
			digest, err := pushAll(ctx, ref, built, source)
			if err != nil {
				return fmt.Errorf("push %s: %w", ref, err)
			}
			fmt.Printf("pushed %s@%s\n", ref, digest)
		}
	}
	return nil
}

// write writes an image's archive and bill of materials.
func write(file string, ref name.Tag, i image) error {
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(file+".cdx.json", i.bom, 0o644); err != nil {
		return err
	}
	return tarball.WriteToFile(file+".tar", ref, i.Image)
}

// compressed is an image's size in bytes as it is stored and sent.
func compressed(i v1.Image) (size int64, err error) {
	m, err := i.Manifest()
	if err != nil {
		return 0, err
	}
	for _, l := range m.Layers {
		size += l.Size
	}
	return size, nil
}

// source is what the images are made of.
type source struct {
	version  string
	revision string // of git, with "-modified" if files differ from it; empty without git
	at       time.Time
}

// sourceOf reads what root is a copy of.
func sourceOf(ctx context.Context, root string) (source, error) {
	version, err := os.ReadFile(filepath.Join(root, "VERSION"))
	if err != nil {
		return source{}, fmt.Errorf("run this in the root of the repository: %w", err)
	}
	s := source{version: strings.TrimSpace(string(version)), at: time.Unix(0, 0).UTC()}
	git := func(args ...string) (string, error) {
		cmd := exec.CommandContext(ctx, "git", args...)
		cmd.Dir = root
		out, err := cmd.Output()
		return strings.TrimSpace(string(out)), err
	}
	commit, err := git("show", "--no-patch", "--format=%H %ct", "HEAD")
	if err != nil {
		return s, nil //nolint:nilerr // a copy without its history can be built as well
	}
	revision, seconds, _ := strings.Cut(commit, " ")
	at, err := strconv.ParseInt(seconds, 10, 64)
	if err != nil {
		return source{}, fmt.Errorf("git says %q: %w", commit, err)
	}
	s.revision, s.at = revision, time.Unix(at, 0).UTC()
	changes, err := git("status", "--porcelain")
	if err != nil {
		return source{}, fmt.Errorf("git status: %w", err)
	}
	if changes != "" {
		s.revision += "-modified"
	}
	return s, nil
}
