package contracts

import (
	"errors"
	"strings"

	"github.com/plenary/plenary/contracts/refusal"
	"github.com/plenary/plenary/contracts/text"
	"github.com/plenary/plenary/engine/es"
	"github.com/plenary/plenary/engine/message"
)

// rules are what stands in the `validate` tags of the messages beside the rules
// that the validator brings along.
func rules(r *message.Registry) {
	r.Rule("name", broken(text.Name))
	r.Rule("namePart", broken(text.NamePart))
	r.Rule("line", broken(func(s string) (string, error) { return text.Line(s, lineGraphemes) }))
	r.Rule("lines", broken(func(s string) (string, error) { return text.Lines(s, linesBytes) }))
	r.Rule("reason", broken(reason))
	r.Rule("email", broken(text.Email))
	message.Together(r, func(p Person) (field, part string) {
		switch {
		case p.FirstName == "" && p.LastName == "":
			return "firstName", "required"
		case strings.TrimSpace(p.FirstName+p.LastName) == "":
			return "firstName", text.Blank
		}
		return "", ""
	})
}

// Bounds of texts that are no names.
const (
	lineGraphemes = 200
	linesBytes    = 40_000 // 10,000 characters, of four bytes at most
)

func broken(kept func(string) (string, error)) func(string) string {
	return func(s string) string {
		_, err := kept(s)
		var b *text.Broken
		if errors.As(err, &b) {
			return b.Rule
		}
		return ""
	}
}

// Kept is the person as it is kept: each name and the e-mail address in the form
// of package text. Its error is a refusal.
func (p Person) Kept() (Person, error) {
	var err error
	if p.FirstName, err = text.NamePart(p.FirstName); err != nil {
		return Person{}, refuseText(refusal.NameInvalid, "the first name", err)
	}
	if p.LastName, err = text.NamePart(p.LastName); err != nil {
		return Person{}, refuseText(refusal.NameInvalid, "the last name", err)
	}
	if p.FirstName+p.LastName == "" {
		return Person{}, es.Refuse(refusal.NameRequired, "a person needs a first or a last name")
	}
	if p.Email, err = text.Email(p.Email); err != nil {
		return Person{}, refuseText(refusal.EmailInvalid, "the e-mail address", err)
	}
	return p, nil
}

// reason is why an operator does something: a line that says something.
func reason(s string) (string, error) {
	s, err := text.Line(s, lineGraphemes)
	if err == nil && s == "" {
		err = &text.Broken{Rule: text.Blank}
	}
	return s, err
}

// KeptReason is a reason as it is kept. Its error is a refusal.
func KeptReason(s string) (string, error) {
	kept, err := reason(s)
	if err != nil {
		return "", refuseText(refusal.ReasonInvalid, "the reason", err)
	}
	return kept, nil
}

// KeptName is the name of what, as it is kept. Its error is a refusal.
func KeptName(what, name string) (string, error) {
	kept, err := text.Name(name)
	var b *text.Broken
	if errors.As(err, &b) && b.Rule == text.Blank {
		return "", es.Refuse(refusal.NameRequired, "%s needs a name", what)
	}
	if err != nil {
		return "", refuseText(refusal.NameInvalid, "the name of "+what, err)
	}
	return kept, nil
}

// KeptLine is a text of one line, as it is kept. Its error is a refusal.
func KeptLine(what, line string) (string, error) {
	kept, err := text.Line(line, lineGraphemes)
	if err != nil {
		return "", refuseText(refusal.TextInvalid, what, err)
	}
	return kept, nil
}

// KeptLines is a text of any number of lines, as it is kept. Its error is a
// refusal.
func KeptLines(what, lines string) (string, error) {
	kept, err := text.Lines(lines, linesBytes)
	if err != nil {
		return "", refuseText(refusal.TextInvalid, what, err)
	}
	return kept, nil
}

// refuseText says which rule a text breaks, without quoting it.
func refuseText(code es.Code, what string, err error) error {
	return es.Refuse(code, "%s %s", what, err)
}
