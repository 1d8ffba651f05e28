package browser_test

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

var gallery = flag.String("gallery", "", "folder that pictures of every page are written to, to be looked at; -gallery-of LANGUAGE,THEME,WIDTH")
var galleryOf = flag.String("gallery-of", "en,light,390", "language, theme and width of the gallery")

// Every page as it looks, for those who change the look.
func TestGallery(t *testing.T) {
	if *gallery == "" {
		t.Skip("only -gallery asks for pictures of every page")
	}
	b := newBrowser(t)
	b.signIn()
	for _, of := range strings.Split(*galleryOf, " ") {
		how := strings.Split(of, ",")
		b.prefer(how[0], how[1])
		width := map[string]int64{"320": 320, "390": 390, "1280": 1280}[how[2]]
		b.size(width, 844)
		for name, path := range everyPage() {
			b.visit(path)
			picture, err := chromedp.Run(b.ctx, chromedp.FullScreenshot(100))
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(*gallery, name+"-"+strings.ReplaceAll(of, ",", "-")+".png"), picture, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
}
