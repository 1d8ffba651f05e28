package harness

import (
	"os"
	"path/filepath"
	"testing"
)

func TestHurriedAlertsAreTheSameButForTheirDurations(t *testing.T) {
	from, to := t.TempDir(), filepath.Join(t.TempDir(), "hurried")
	const rule = "interval: 2m\nexpr: rate(a_5m[5m]) > 600 or b offset 10m > 1.5 # [3d] [30s]\nfor: 1m\n"
	const want = "interval: 4000ms\nexpr: rate(a_5m[10000ms]) > 600 or b offset 20000ms > 1.5 # [8640000ms] [1000ms]\nfor: 2000ms\n"
	if err := os.WriteFile(filepath.Join(from, "some.yaml"), []byte(rule), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := hurry(from, to); err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(filepath.Join(to, "some.yaml")); err != nil || string(got) != want {
		t.Errorf("got %s, %v; want %s", got, err, want)
	}
}
