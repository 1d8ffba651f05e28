package problem

import (
	"fmt"
	"strings"

	"golang.org/x/text/language"

	"github.com/plenary/plenary/contracts/locale"
)

// The rules that a field may break, by JSON Schema keyword, in words. %s is the
// keyword's value.
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
		"uniqueItems":          "must not have the same entry twice",
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
