package demo

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// width of a page, in columns.
const width = 100

// page is the output: plain text, in colour if the terminal supports it.
type page struct {
	out    io.Writer
	colour bool
}

// style is a text's style: a code of ECMA-48's "select graphic rendition".
type style string

const (
	strong   style = "1"
	faint    style = "2"
	denied   style = "31"
	happened style = "32"
	asked    style = "36"
)

func (p page) paint(s style, text string) string {
	if !p.colour || text == "" {
		return text
	}
	return "\x1b[" + string(s) + "m" + text + "\x1b[0m"
}

func (p page) line(format string, args ...any) { fmt.Fprintf(p.out, format+"\n", args...) }

// heading begins a part of the page.
func (p page) heading(format string, args ...any) {
	text := "── " + fmt.Sprintf(format, args...) + " "
	p.line("\n%s\n", p.paint(strong, text+strings.Repeat("─", max(0, width-utf8.RuneCountInString(text)))))
}

// prose breaks a text into lines.
func (p page) prose(format string, args ...any) {
	line := ""
	for word := range strings.FieldsSeq(fmt.Sprintf(format, args...)) {
		if line != "" && utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) > width {
			p.line("%s", line)
			line = ""
		}
		line = strings.TrimLeft(line+" "+word, " ")
	}
	p.line("%s", line)
}

// cut shortens a text to so many columns.
func cut(text string, columns int) string {
	if utf8.RuneCountInString(text) <= columns {
		return text
	}
	return string([]rune(text)[:max(0, columns-1)]) + "…"
}
