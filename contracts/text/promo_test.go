package text_test

import (
	"testing"

	"github.com/plenary/plenary/contracts/text"
)

func TestPromoCodesAreComparedWithoutCaseAndBlanks(t *testing.T) {
	for typed, want := range map[string]string{
		"EARLY-20": "EARLY-20", " early-20 ": "EARLY-20", "ea rly\t-20": "EARLY-20", "ｅａｒｌｙ－２０": "EARLY-20", "e_1": "E_1",
		"": "", "ab": "", "-ab": "", "früh": "", "a/b/c": "", "A234567890123456789012345678901234": "",
	} {
		code, ok := text.PromoCode(typed)
		if ok != (want != "") || ok && code != want {
			t.Errorf("%q is %q, %t; want %q", typed, code, ok, want)
		}
	}
}
