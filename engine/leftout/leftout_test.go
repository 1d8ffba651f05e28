package leftout_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/plenary/plenary/engine/leftout"
)

func TestWhatIsLeftOutIsSkippedAndNoted(t *testing.T) {
	file := filepath.Join(t.TempDir(), "left-out")
	t.Setenv("CI", "")
	t.Setenv(leftout.File, file)
	for range 2 {
		skipped := false
		t.Run("one that needs a server", func(t *testing.T) {
			t.Cleanup(func() { skipped = t.Skipped() })
			leftout.Skip(t, "a part", "apt-get install something")
		})
		if !skipped {
			t.Error("the test was not skipped")
		}
	}
	got, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	const line = "a part: apt-get install something\n"
	if string(got) != line+line {
		t.Errorf("noted: %q", got)
	}
}
