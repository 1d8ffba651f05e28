package demo

import (
	"crypto/sha256"
	"encoding/base64"
	"reflect"
)

// Sign is sign, for tests.
var Sign = sign

// Hash is that of a style in a content security policy.
func Hash(style string) string {
	sum := sha256.Sum256([]byte(style))
	return base64.StdEncoding.EncodeToString(sum[:])
}

// EveryText visits every text of the page in every language.
func EveryText(visit func(language, name, text string)) {
	for i, language := range languages {
		all := reflect.ValueOf(inLanguage[i])
		for j := range all.NumField() {
			visit(language.String(), all.Type().Field(j).Name, all.Field(j).String())
		}
	}
}
