package pages

import (
	"strings"

	"github.com/plenary/plenary/apps/web/problem"
	"github.com/plenary/plenary/contracts"
)

// personFields are the fields that say who somebody is, with what was typed.
type personFields struct {
	Open               bool
	First, Last, Email string
	FirstErr, LastErr  string
	EmailErr           string
	FamilyFirst        bool
	// NoAutofill is for people other than the one who types, Prefix for pages with
	// several forms.
	NoAutofill bool
	Prefix     string
	EmailHint  string // a key
}

// Fill is the token by which a browser fills a field in.
func (p personFields) Fill(token string) string {
	if p.NoAutofill {
		return "off"
	}
	return token
}

// person reads the fields.
func (v *Visit) person() (contracts.Person, personFields) {
	p := contracts.Person{
		FirstName: strings.TrimSpace(v.PostForm("first")),
		LastName:  strings.TrimSpace(v.PostForm("last")),
		Email:     strings.TrimSpace(v.PostForm("email")),
	}
	return p, personFields{EmailHint: "person.email.hint", First: p.FirstName, Last: p.LastName, Email: p.Email}
}

// Fail shows a problem on a page: label gives the id of the field on the page, and
// the key of its label, for a field of the API; fields without one are left out.
func (v *Visit) Fail(p *problem.Problem, label func(field string) (id, key string)) *Failure {
	f := &Failure{Title: p.Title, Detail: p.Detail}
	for _, e := range p.Errors {
		if id, key := label(e.Field); id != "" {
			f.Links = append(f.Links, FailureLink{Field: id, Label: v.T(key), Message: e.Message})
		}
	}
	return f
}

// of is the message about a field, if there is one.
func (f *Failure) of(id string) string {
	if f == nil {
		return ""
	}
	for _, l := range f.Links {
		if l.Field == id {
			return l.Message
		}
	}
	return ""
}
