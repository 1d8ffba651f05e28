package debian_test

import (
	"archive/tar"
	"errors"
	"io"
	"path"
	"path/filepath"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"

	"github.com/plenary/plenary/tests/kubernetes/debian"
)

// That the servers run in them is seen in the cluster.
func TestAnImageHasAServerWithItsLibraries(t *testing.T) {
	for server, write := range map[string]func(archive, tag string) error{"redis-server": debian.Redis, "postgres": debian.PostgreSQL} {
		t.Run(server, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "image.tar")
			ref := "registry.local/" + server + ":1"
			if err := write(file, ref); err != nil {
				t.Fatal(err)
			}
			tag, err := name.NewTag(ref)
			if err != nil {
				t.Fatal(err)
			}
			image, err := tarball.ImageFromPath(file, &tag)
			if err != nil {
				t.Fatal(err)
			}
			files := mutate.Extract(image)
			defer files.Close()
			missing := map[string]bool{server: true, "libc.so.6": true, "sh": true}
			for r := tar.NewReader(files); ; {
				h, err := r.Next()
				if errors.Is(err, io.EOF) {
					break
				}
				if err != nil {
					t.Fatal(err)
				}
				delete(missing, path.Base(h.Name))
			}
			if len(missing) > 0 {
				t.Errorf("the image has no %v", missing)
			}
		})
	}
}
