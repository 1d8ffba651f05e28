package problem

import (
	"fmt"
	"strings"

	"golang.org/x/text/language"

	"github.com/plenary/plenary/contracts/locale"
	"github.com/plenary/plenary/contracts/text"
)

// The rules that a field may violate, by JSON Schema keyword or by the name of a
// rule for texts. %s is the keyword's value.
var (
	rulesInEnglish = map[string]string{
		"required":             "is required",
		"additionalProperties": "is not a known field",
		"type":                 "must be of type %s",
		"format":               "must have the format %s",
		"pattern":              "must match the pattern %s",
		"enum":                 "must be one of %s",
		"minimum":              "must be at least %s",
		"maximum":              "must be at most %s",
		"minLength":            "must have at least %s characters",
		"maxLength":            "must have at most %s characters",
		"minItems":             "must have at least %s entries",
		"maxItems":             "must have at most %s entries",
		"uniqueItems":          "must not have duplicate entries",
		text.Blank:             "must not be blank",
		text.Invisible:         "must have at least one visible character",
		text.ControlCharacter:  "must not contain control characters",
		text.LineBreak:         "must be one line",
		text.BidiOverride:      "must not contain characters that override the text's direction",
		text.UTF8:              "must be UTF-8",
		text.MaxGraphemes:      "must have at most %s characters",
		text.MaxBytes:          "must take at most %s bytes",
	}
	rulesInChinese = map[string]string{
		"required":             "必填",
		"additionalProperties": "未知字段",
		"type":                 "类型必须为 %s",
		"format":               "格式必须为 %s",
		"pattern":              "必须匹配模式 %s",
		"enum":                 "必须是以下之一：%s",
		"minimum":              "不得小于 %s",
		"maximum":              "不得大于 %s",
		"minLength":            "不得少于 %s 个字符",
		"maxLength":            "不得多于 %s 个字符",
		"minItems":             "不得少于 %s 项",
		"maxItems":             "不得多于 %s 项",
		"uniqueItems":          "不得有重复项",
		text.Blank:             "不得为空白",
		text.Invisible:         "须含有可见字符",
		text.ControlCharacter:  "不得含有控制字符",
		text.LineBreak:         "不得换行",
		text.BidiOverride:      "不得含有改变周围文字方向的字符",
		text.UTF8:              "必须为 UTF-8",
		text.MaxGraphemes:      "不得多于 %s 个字符",
		text.MaxBytes:          "不得超过 %s 字节",
	}
)

func ruleText(rule string, lang language.Tag) string {
	texts, other := rulesInEnglish, "is not valid"
	if lang == locale.SimplifiedChinese {
		texts, other = rulesInChinese, "无效"
	}
	keyword, value, _ := strings.Cut(rule, "=")
	text, ok := texts[keyword]
	if !ok {
		return other
	}
	if strings.Contains(text, "%s") {
		return fmt.Sprintf(text, value)
	}
	return text
}
