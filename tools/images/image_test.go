package main

import (
	"archive/tar"
	"bytes"
	"debug/elf"
	"encoding/json"
	"errors"
	"io"
	"log"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

var now = source{version: "1.2.3", revision: "abc", at: time.Unix(1_700_000_000, 0).UTC()}

// someProgram writes a program with a dependency into a folder of its own.
func someProgram(t *testing.T) program {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "module")
	for file, content := range map[string]string{
		"go.mod":     "module example.org/some\n\ngo 1.26.0\n\nrequire example.org/dep v0.0.0\n\nreplace example.org/dep => ./dep\n",
		"main.go":    "package main\n\nimport \"example.org/dep\"\n\nfunc main() { println(dep.Name) }\n",
		"dep/go.mod": "module example.org/dep\n\ngo 1.26.0\n",
		"dep/dep.go": "package dep\n\nvar Name = \"dep\"\n",
	} {
		path := filepath.Join(dir, file)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(content), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	return program{name: "some", description: "a program", dir: dir, pkg: "."}
}

func buildSome(t *testing.T, arch string) image {
	t.Helper()
	i, err := build(t.Context(), someProgram(t), arch, now)
	if err != nil {
		t.Fatal(err)
	}
	return i
}

func TestTheSameSourceGivesTheSameBytesWhereverItIs(t *testing.T) {
	ref, err := name.NewTag("localhost/plenary/some:1")
	if err != nil {
		t.Fatal(err)
	}
	var archives, boms [2][]byte
	for n := range archives {
		i := buildSome(t, "amd64") // in another folder each time
		var b bytes.Buffer
		if err := tarball.Write(ref, i.Image, &b); err != nil {
			t.Fatal(err)
		}
		archives[n], boms[n] = b.Bytes(), i.bom
	}
	if !bytes.Equal(archives[0], archives[1]) {
		t.Error("the archives differ")
	}
	if !bytes.Equal(boms[0], boms[1]) {
		t.Errorf("the bills of materials differ:\n%s\n%s", boms[0], boms[1])
	}
}

func TestAnImageHasTheProgramAndNothingOfAnySystem(t *testing.T) {
	i := buildSome(t, "arm64")
	files := map[string][]byte{}
	modes := map[string]int64{}
	for r := tar.NewReader(mutate.Extract(i)); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		if files[h.Name], err = io.ReadAll(r); err != nil {
			t.Fatal(err)
		}
		modes[h.Name] = h.Mode
		if h.Uid != 0 || h.ModTime.Unix() != 0 {
			t.Errorf("%s belongs to %d and is of %s", h.Name, h.Uid, h.ModTime)
		}
	}
	var names []string
	for name := range files {
		names = append(names, name)
	}
	slices.Sort(names)
	want := []string{"etc", "etc/group", "etc/passwd", "etc/ssl", "etc/ssl/certs", "etc/ssl/certs/ca-certificates.crt", "some", "tmp"}
	if !slices.Equal(names, want) {
		t.Errorf("there are %q, want %q", names, want)
	}
	if modes["some"] != 0o755 || modes["tmp"] != 0o1777 {
		t.Errorf("modes: %v", modes)
	}
	if n := bytes.Count(files["etc/ssl/certs/ca-certificates.crt"], []byte("BEGIN CERTIFICATE")); n < 100 {
		t.Errorf("%d authorities", n)
	}
	binary, err := elf.NewFile(bytes.NewReader(files["some"]))
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range binary.Progs {
		if p.Type == elf.PT_INTERP {
			t.Error("the program needs a dynamic linker")
		}
	}
	if binary.Machine != elf.EM_AARCH64 {
		t.Errorf("the program is for %s", binary.Machine)
	}

	c, err := i.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	if c.OS != "linux" || c.Architecture != "arm64" || c.Config.User != "65532:65532" || !slices.Equal(c.Config.Entrypoint, []string{"/some"}) {
		t.Errorf("config: %+v", c)
	}
	for label, want := range map[string]string{
		"title": "plenary-some", "version": "1.2.3", "revision": "abc", "created": "2023-11-14T22:13:20Z",
		"source": "https://github.com/plenary/plenary", "description": "a program",
		"licenses": "Apache-2.0",
	} {
		if got := c.Config.Labels["org.opencontainers.image."+label]; got != want {
			t.Errorf("label %s is %q, want %q", label, got, want)
		}
	}
}

func TestABillOfMaterialsListsWhatIsInTheBinary(t *testing.T) {
	var bom struct {
		Format     string `json:"bomFormat"`
		Components []struct{ Name, Version, Purl string }
	}
	if err := json.Unmarshal(buildSome(t, "amd64").bom, &bom); err != nil {
		t.Fatal(err)
	}
	if bom.Format != "CycloneDX" || len(bom.Components) != 2 {
		t.Fatalf("got %+v", bom)
	}
	if std := bom.Components[0]; std.Name != "std" || !strings.HasPrefix(std.Version, "go1.") {
		t.Errorf("got %+v", std)
	}
	if dep := bom.Components[1]; dep.Purl != "pkg:golang/example.org/dep@1.2.3" {
		t.Errorf("got %+v", dep)
	}
}

func TestAPushedNameStandsForAllArchitecturesAndLeadsToTheirBills(t *testing.T) {
	server := httptest.NewServer(registry.New(registry.WithReferrersSupport(true), registry.Logger(log.New(io.Discard, "", 0))))
	defer server.Close()
	ref, err := name.NewTag(strings.TrimPrefix(server.URL, "http://") + "/plenary/some:1.2.3")
	if err != nil {
		t.Fatal(err)
	}
	images := []image{buildSome(t, "amd64"), buildSome(t, "arm64")}
	digest, err := pushAll(t.Context(), ref, images, now)
	if err != nil {
		t.Fatal(err)
	}
	index, err := remote.Index(ref)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := index.Digest(); err != nil || got != digest {
		t.Errorf("the index is %s, said to be %s (%v)", got, digest, err)
	}
	for _, i := range images {
		c, err := i.ConfigFile()
		if err != nil {
			t.Fatal(err)
		}
		got, err := remote.Image(ref, remote.WithPlatform(*c.Platform()))
		if err != nil {
			t.Fatal(err)
		}
		if same(t, got) != same(t, i) {
			t.Errorf("another image comes for %s", c.Platform())
		}
		referrers, err := remote.Referrers(ref.Context().Digest(same(t, i).String()))
		if err != nil {
			t.Fatal(err)
		}
		manifest, err := referrers.IndexManifest()
		if err != nil || len(manifest.Manifests) != 1 {
			t.Fatalf("referrers: %+v (%v)", manifest, err)
		}
		artifact, err := remote.Image(ref.Context().Digest(manifest.Manifests[0].Digest.String()))
		if err != nil {
			t.Fatal(err)
		}
		layers, err := artifact.Layers()
		if err != nil || len(layers) != 1 {
			t.Fatalf("%d layers (%v)", len(layers), err)
		}
		content, err := layers[0].Compressed()
		if err != nil {
			t.Fatal(err)
		}
		if bom, err := io.ReadAll(content); err != nil || !bytes.Equal(bom, i.bom) {
			t.Errorf("the bill of materials is another (%v): %s", err, bom)
		}
	}
}

func same(t *testing.T, i v1.Image) v1.Hash {
	t.Helper()
	d, err := i.Digest()
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// What the images are made for must be there.
func TestEveryProgramIsACommand(t *testing.T) {
	for _, p := range programs {
		main := filepath.Join("..", "..", p.dir, p.pkg, "main.go")
		if _, err := os.Stat(main); err != nil {
			t.Errorf("%s: %v", p.name, err)
		}
	}
}
