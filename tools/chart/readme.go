package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"text/template"

	"go.yaml.in/yaml/v3"
)

// writeReadme makes README.md from README.md.gotmpl, which says {{.Values}} where
// the tables of values belong.
func writeReadme(chart string) error {
	values, err := os.ReadFile(filepath.Join(chart, "values.yaml"))
	if err != nil {
		return err
	}
	tables, err := describe(values)
	if err != nil {
		return fmt.Errorf("values.yaml: %w", err)
	}
	t, err := template.ParseFiles(filepath.Join(chart, "README.md.gotmpl"))
	if err != nil {
		return err
	}
	var b bytes.Buffer
	if err := t.Execute(&b, struct{ Values string }{tables}); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(chart, "README.md"), b.Bytes(), 0o644)
}

// mark begins a comment that describes the value under it. Such a value is one
// row, whatever is in it; the values in any other map have rows of their own.
const mark = "--"

// describe makes a table for each value at the top of values.yaml.
func describe(values []byte) (string, error) {
	var doc yaml.Node
	if err := yaml.Unmarshal(values, &doc); err != nil {
		return "", err
	}
	var b strings.Builder
	top := doc.Content[0].Content
	for i := 0; i < len(top); i += 2 {
		key, value := top[i], top[i+1]
		fmt.Fprintf(&b, "### %s\n\n", key.Value)
		text, marked := comment(key)
		if text != "" && !marked {
			fmt.Fprintf(&b, "%s\n\n", text)
		}
		b.WriteString("| value | default | |\n| --- | --- | --- |\n")
		if err := rows(&b, "", key, value); err != nil {
			return "", err
		}
		b.WriteString("\n")
	}
	return strings.TrimSuffix(b.String(), "\n"), nil
}

// rows writes the rows of a value and of the values in it.
func rows(b *strings.Builder, path string, key, value *yaml.Node) error {
	path = strings.TrimPrefix(path+"."+key.Value, ".")
	text, marked := comment(key)
	if value.Kind == yaml.MappingNode && len(value.Content) > 0 && !marked {
		for i := 0; i < len(value.Content); i += 2 {
			if err := rows(b, path, value.Content[i], value.Content[i+1]); err != nil {
				return err
			}
		}
		return nil
	}
	if !marked {
		text = ""
	}
	var v any
	if err := value.Decode(&v); err != nil {
		return err
	}
	shown, err := json.Marshal(v)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(b, "| `%s` | `%s` | %s |\n", path, shown, strings.ReplaceAll(text, "|", `\|`))
	return err
}

// comment is what stands above a key, on one line, and whether it describes the
// value. Of several paragraphs it is the last.
func comment(key *yaml.Node) (text string, marked bool) {
	paragraphs := strings.Split(key.HeadComment, "\n\n")
	var words []string
	for line := range strings.Lines(paragraphs[len(paragraphs)-1]) {
		words = append(words, strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(line), "#")))
	}
	text = strings.Join(words, " ")
	if rest, ok := strings.CutPrefix(text, mark); ok {
		return strings.TrimSpace(rest), true
	}
	return text, false
}
