package demo

import (
	"bytes"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
)

func TestOptions(t *testing.T) {
	run := uuid.MustParse("6efa17ec-debb-4e7c-919d-95adbe8862c1")
	for name, test := range map[string]struct {
		args   []string
		env    map[string]string
		secret string // content of the file
		want   Options
		fails  string // part of the error
	}{
		"defaults": {
			want: Options{URL: "http://127.0.0.1:8080", Token: "local", Wait: time.Minute},
		},
		"environment": {
			env:  map[string]string{"PLENARY_URL": "https://tickets.example.org/", "PLENARY_ORGANISER_TOKEN": "theirs"},
			want: Options{URL: "https://tickets.example.org", Token: "theirs", Wait: time.Minute},
		},
		"arguments": {
			args: []string{"-url", "http://localhost:1", "-token", "mine", "-wait", "25m", "-resume", run.String()},
			env:  map[string]string{"PLENARY_URL": "http://localhost:2", "PLENARY_ORGANISER_TOKEN": "theirs"},
			want: Options{URL: "http://localhost:1", Token: "mine", Wait: 25 * time.Minute, Resume: run},
		},
		"no secrets needed when told":  {secret: "missing", args: []string{"-token", "mine"}, want: Options{URL: defaultURL, Token: "mine", Wait: time.Minute}},
		"no secrets":                   {secret: "missing", fails: "-token or PLENARY_ORGANISER_TOKEN"},
		"secrets without a credential": {secret: `{"other": "x"}`, fails: "has no organiser-token"},
		"secrets that are not JSON":    {secret: `organiser-token: x`, fails: "secrets.json"},
		"words":                        {args: []string{"quickly"}, fails: `"quickly"`},
		"negative wait":                {args: []string{"-wait", "-1s"}, fails: "-wait"},
		"wait that is no time":         {args: []string{"-wait", "long"}, fails: "-wait"},
		"run that is none":             {args: []string{"-resume", "yesterday"}, fails: "-resume"},
		"unknown flag":                 {args: []string{"-fast"}, fails: "-fast"},
	} {
		t.Run(name, func(t *testing.T) {
			root := t.TempDir()
			if test.secret == "" {
				test.secret = `{"organiser-token": "local"}`
			}
			if test.secret != "missing" {
				write(t, filepath.Join(root, "components", "local", "secrets.json"), test.secret)
			}
			got, err := options(root, test.args, func(name string) string { return test.env[name] })
			if test.fails != "" {
				if err == nil || !strings.Contains(err.Error(), test.fails) {
					t.Errorf("got %v, want an error that names %s", err, test.fails)
				}
				return
			}
			if err != nil || got != test.want {
				t.Errorf("got %+v (%v), want %+v", got, err, test.want)
			}
		})
	}
}

func write(t *testing.T, file, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestWhatCannotBeShownIsExplained(t *testing.T) {
	const nowhere = "http://127.0.0.1:1"
	for name, test := range map[string]struct {
		url   string
		run   uuid.UUID
		wants string
	}{
		"nothing runs":         {url: nowhere, wants: "start Plenary with `make run`"},
		"another credential":   {url: problem(t, http.StatusUnauthorized, "credential-required"), wants: "-token or PLENARY_ORGANISER_TOKEN"},
		"a part of it is down": {url: problem(t, http.StatusServiceUnavailable, "unavailable"), wants: "is not ready yet"},
		"another system's run": {url: problem(t, http.StatusNotFound, "conference-not-found"), run: uuid.New(), wants: "has no run"},
		"anything else":        {url: problem(t, http.StatusInternalServerError, "internal-error"), wants: "internal-error"},
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			err := Run(t.Context(), Options{URL: test.url, Token: "x", Resume: test.run, Out: &out})
			if err == nil || !strings.Contains(err.Error(), test.wants) || !strings.Contains(err.Error(), test.url) && name != "anything else" {
				t.Errorf("got %v, want an error that says: %s", err, test.wants)
			}
			if out.Len() > 0 {
				t.Errorf("printed %q", out.String())
			}
		})
	}
}
