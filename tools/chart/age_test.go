package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

func TestServersOfATrialAreNamedByDigest(t *testing.T) {
	values, err := os.ReadFile(filepath.Join(chartDir, "values.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	const servers = 2
	byDigest := regexp.MustCompile(`^docker\.io/library/(redis|postgres):[0-9.]+@sha256:[0-9a-f]{64}$`)
	found := serverImage.FindAllStringSubmatch(string(values), -1)
	if len(found) != servers {
		t.Errorf("%d images are told of, want %d", len(found), servers)
	}
	for _, m := range found {
		if !byDigest.MatchString(m[2]) {
			t.Errorf("%s is not named by its digest", m[2])
		}
	}
}

func TestImagesGrowOld(t *testing.T) {
	dir := t.TempDir()
	values := "redis:\n  # A newer one was looked for on 2026-01-01.\n  image: r\npostgresql:\n  # A newer one was looked for on 2026-03-01.\n  image: p\n"
	if err := os.WriteFile(filepath.Join(dir, "values.yaml"), []byte(values), 0o600); err != nil {
		t.Fatal(err)
	}
	for day, want := range map[string]string{"2026-03-02": "", "2026-04-15": "1 images", "2026-12-01": "2 images"} {
		now, err := time.Parse(time.DateOnly, day)
		if err != nil {
			t.Fatal(err)
		}
		var said strings.Builder
		err = tellAge(dir, now, &said)
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", day, err, want)
		}
		if !strings.Contains(said.String(), "r: a newer one was looked for") || !strings.Contains(said.String(), "p: a newer") {
			t.Errorf("said %q", said.String())
		}
	}
}
