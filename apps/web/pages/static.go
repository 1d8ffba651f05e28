package pages

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strings"

	"github.com/gin-gonic/gin"
)

//go:embed static
var staticFiles embed.FS

// file is a file that pages load, under a name that changes with its content.
type file struct {
	name, contentType string
	body, compressed  []byte
}

var files = func() map[string]file {
	out := map[string]file{}
	entries, err := fs.ReadDir(staticFiles, "static")
	if err != nil {
		panic(err)
	}
	for _, e := range entries {
		body, err := staticFiles.ReadFile("static/" + e.Name())
		if err != nil {
			panic(err)
		}
		sum, ext := sha256.Sum256(body), path.Ext(e.Name())
		out[e.Name()] = file{
			name:        strings.TrimSuffix(e.Name(), ext) + "." + hex.EncodeToString(sum[:6]) + ext,
			contentType: mime.TypeByExtension(ext),
			body:        body, compressed: compress(body),
		}
	}
	return out
}()

// asset is the address of a file in the folder static.
func asset(name string) string {
	f, ok := files[name]
	if !ok {
		panic("pages: there is no file " + name)
	}
	return "/static/" + f.name
}

// serveStatic serves the files. A browser keeps one for good: with another
// content it would have another name.
func serveStatic(routes gin.IRoutes) {
	for _, f := range files {
		routes.GET("/static/"+f.name, func(c *gin.Context) {
			h := c.Writer.Header()
			h.Set("Cache-Control", "public, max-age=31536000, immutable")
			h.Set("Vary", "Accept-Encoding")
			body := f.body
			if strings.Contains(c.GetHeader("Accept-Encoding"), "gzip") {
				h.Set("Content-Encoding", "gzip")
				body = f.compressed
			}
			c.Data(http.StatusOK, f.contentType, body)
		})
	}
}
