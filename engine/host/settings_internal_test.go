package host

import (
	"fmt"
	"strconv"
	"testing"
)

func TestSettingsChange(t *testing.T) {
	t.Setenv("PLENARY_A", "1")
	t.Setenv("PLENARY_B", "2")
	type pair struct{ a, b int }
	from := func(getenv func(string) string) (p pair, err error) {
		if p.a, err = strconv.Atoi(getenv("PLENARY_A")); err != nil {
			return p, fmt.Errorf("PLENARY_A: %w", err)
		}
		p.b, err = strconv.Atoi(getenv("PLENARY_B"))
		return p, err
	}
	h := &Host{}
	of, err := Configured(h, []string{"PLENARY_A"}, from)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		says, item string
		want       pair
	}{
		{"there is none", ``, pair{1, 2}},
		{"one is there", `{"PLENARY_A": "3"}`, pair{3, 2}},
		{"it is no JSON", `PLENARY_A=4`, pair{3, 2}},
		{"it has a number in place of a text", `{"PLENARY_A": 4}`, pair{3, 2}},
		{"a value is refused", `{"PLENARY_A": "many"}`, pair{3, 2}},
		{"it is mended", `{"PLENARY_A": "4"}`, pair{4, 2}},
		{"one is there that may not change, and another app's", `{"PLENARY_A": "5", "PLENARY_B": "6", "PLENARY_C": "x"}`, pair{5, 2}},
		{"a setting is empty", `{"PLENARY_A": ""}`, pair{1, 2}},
		{"it is deleted", ``, pair{1, 2}},
	} {
		if h.settings.changed(t.Context(), c.item); of() != c.want {
			t.Errorf("%s: got %+v, want %+v", c.says, of(), c.want)
		}
	}
	t.Setenv("PLENARY_B", "none")
	if _, err := Configured(h, nil, from); err == nil {
		t.Error("an environment that cannot be read is no error")
	}
}
