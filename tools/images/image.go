package main

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/pem"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"golang.org/x/crypto/x509roots/fallback/bundle"
)

// user is the user of the programs, without a name.
const user = "65532:65532"

const home = "https://github.com/plenary/plenary"

type image struct {
	v1.Image
	bom []byte // CycloneDX
}

// build compiles a program and makes an image of it. The same source gives the
// same bytes, wherever and whenever it is built.
func build(ctx context.Context, p program, arch string, s source) (image, error) {
	dir, err := os.MkdirTemp("", "plenary-image")
	if err != nil {
		return image{}, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	binary := filepath.Join(dir, p.name)
	// By itself, without the workspace: then the module's own go.mod says what is
	// in the image. The compiler's notes on the state of git are left out, since
	// with them every commit would change every image.
	flags := "-ldflags=-s -w -buildid= -X github.com/plenary/plenary/engine/telemetry.Version=" + s.version
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-buildvcs=false", flags, "-o", binary, p.pkg)
	cmd.Dir = p.dir
	cmd.Env = append(os.Environ(), "GOWORK=off", "GOFLAGS=-mod=readonly", "CGO_ENABLED=0", "GOOS=linux", "GOARCH="+arch)
	if said, err := cmd.CombinedOutput(); err != nil {
		return image{}, fmt.Errorf("%w\n%s", err, said)
	}
	bom, err := billOfMaterials(binary, p, s)
	if err != nil {
		return image{}, err
	}
	code, err := os.ReadFile(binary)
	if err != nil {
		return image{}, err
	}
	base, err := layer(base)
	if err != nil {
		return image{}, err
	}
	program, err := layer([]file{{name: p.name, mode: 0o755, content: code}})
	if err != nil {
		return image{}, err
	}
	i, err := assemble(p, arch, s, base, program)
	return image{i, bom}, err
}

// assemble combines layers and their metadata.
func assemble(p program, arch string, s source, layers ...v1.Layer) (v1.Image, error) {
	i := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	for _, l := range layers {
		var err error
		if i, err = mutate.Append(i, mutate.Addendum{Layer: l, History: v1.History{
			Created: v1.Time{Time: s.at}, CreatedBy: "make images",
		}}); err != nil {
			return nil, err
		}
	}
	c, err := i.ConfigFile()
	if err != nil {
		return nil, err
	}
	c = c.DeepCopy()
	c.OS, c.Architecture, c.Created = "linux", arch, v1.Time{Time: s.at}
	labels := annotations(s)
	maps.Copy(labels, map[string]string{
		"org.opencontainers.image.title":       "plenary-" + p.name,
		"org.opencontainers.image.description": p.description,
	})
	c.Config = v1.Config{User: user, Entrypoint: []string{"/" + p.name}, WorkingDir: "/", Labels: labels}
	return mutate.ConfigFile(i, c)
}

// annotations are what is true of all images that are made of s.
func annotations(s source) map[string]string {
	a := map[string]string{
		"org.opencontainers.image.source":   home,
		"org.opencontainers.image.version":  s.version,
		"org.opencontainers.image.created":  s.at.Format(time.RFC3339),
		"org.opencontainers.image.licenses": "Apache-2.0", // of LICENSE
	}
	if s.revision != "" {
		a["org.opencontainers.image.revision"] = s.revision
	}
	return a
}

type file struct {
	name    string // with a slash at its end it is a folder
	mode    int64
	content []byte
}

// base is what a static program expects of a system: somebody to run as, a
// place for temporary files, and whom to trust.
var base = []file{
	{name: "etc/", mode: 0o755},
	{name: "etc/group", mode: 0o644, content: []byte("root:x:0:\nnonroot:x:65532:\n")},
	{name: "etc/passwd", mode: 0o644, content: []byte("root:x:0:0:root:/:/sbin/nologin\nnonroot:x:65532:65532:nonroot:/:/sbin/nologin\n")},
	{name: "etc/ssl/", mode: 0o755},
	{name: "etc/ssl/certs/", mode: 0o755},
	{name: "etc/ssl/certs/ca-certificates.crt", mode: 0o644, content: authorities()},
	{name: "tmp/", mode: 0o1777},
}

// authorities are the certificate authorities that Mozilla trusts without
// restriction; where only older certificates of one are trusted is more than a
// file of certificates can say.
func authorities() []byte {
	var b bytes.Buffer
	for root := range bundle.Roots() {
		if root.Constraint == nil {
			_ = pem.Encode(&b, &pem.Block{Type: "CERTIFICATE", Bytes: root.Certificate}) // a buffer takes all
		}
	}
	return b.Bytes()
}

// layer is a layer of files that belong to root and have no age.
func layer(files []file) (v1.Layer, error) {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, f := range files {
		h := &tar.Header{Name: f.name, Mode: f.mode, Size: int64(len(f.content)), ModTime: time.Unix(0, 0), Format: tar.FormatPAX}
		if err := w.WriteHeader(h); err != nil {
			return nil, err
		}
		if _, err := w.Write(f.content); err != nil {
			return nil, err
		}
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(b.Bytes())), nil },
		tarball.WithMediaType(types.OCILayer))
}
