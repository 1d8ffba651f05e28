// Package search turns names, addresses and codes, and the text of a search, into
// terms, so that any database finds them with an ordinary index.
//
// A word matches by its beginning. Text in Han, Kana or Hangul has no spaces
// between its words: it is cut into all pairs of neighbouring characters, and
// each character alone, and matches by all pairs of the search text.
package search

import (
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/runes"
	"golang.org/x/text/transform"
	"golang.org/x/text/unicode/norm"

	written "github.com/plenary/plenary/contracts/text" // a text here is one to be found
)

// mostBytes bounds a term: what is longer is cut.
const mostBytes = 64

// mostTerms bounds the terms of one thing, and the words of one question.
const (
	mostTerms = 64
	mostWords = 8
)

// Name gives the terms of a person's name, which is written in either order.
func Name(first, last string) []string {
	terms := append(Text(first), Text(last)...)
	if cjk(first) || cjk(last) {
		terms = append(terms, Text(last+first)...)
	}
	return distinct(terms)
}

// Address gives the term that an e-mail address has in every way of writing it. Long ones
// may have the same.
func Address(address string) string { return cut(fold(written.EmailKey(address))) }

// Email gives the terms of an e-mail address: all of it, and its words.
func Email(address string) []string {
	whole := fold(address)
	terms := []string{cut(whole), Address(address)}
	local, domain, ok := strings.Cut(whole, "@")
	terms = append(terms, Text(local)...)
	if ok {
		terms = append(terms, Text(domain)...)
	}
	return distinct(terms)
}

// Code gives the term of a code, such as a record locator.
func Code(code string) []string {
	if code = fold(strings.Map(func(r rune) rune {
		if r == '-' || unicode.IsSpace(r) {
			return -1
		}
		return r
	}, code)); code == "" {
		return nil
	}
	return []string{cut(code)}
}

// Text gives the terms of a text's words.
func Text(text string) []string {
	var terms []string
	for _, word := range strings.FieldsFunc(fold(text), notWord) {
		for _, part := range parts(word) {
			if !cjk(part) {
				terms = append(terms, cut(part))
				if plain := withoutMarks(part); plain != part {
					terms = append(terms, cut(plain))
				}
				continue
			}
			all := []rune(part)
			for i := range all {
				terms = append(terms, string(all[i]))
				if i > 0 {
					terms = append(terms, string(all[i-1:i+1]))
				}
			}
		}
	}
	return distinct(terms)
}

// Match is one condition of a question: a term from From up to, but not
// including, To. All conditions have to hold.
type Match struct{ From, To string }

// Holds says whether one of the terms meets the condition.
func (m Match) Holds(terms []string) bool {
	return slices.ContainsFunc(terms, func(t string) bool { return t >= m.From && t < m.To })
}

// Question gives the conditions of a typed text; none, if it has no words.
func Question(typed string) (all []Match) {
	for _, word := range strings.Fields(fold(typed)) {
		word = strings.Trim(word, ",;\"'()<>")
		for _, part := range parts(word) {
			if len(all) == mostWords {
				return all
			}
			if !cjk(part) {
				words := strings.FieldsFunc(part, notWord)
				if strings.Index(part, "@") > 0 { // the beginning of an address
					words = []string{part}
				}
				for _, w := range words[:min(len(words), mostWords-len(all))] {
					all = append(all, Match{cut(w), cut(w) + "\U0010FFFF"})
				}
				continue
			}
			if one := []rune(part); len(one) == 1 {
				all = append(all, exactly(part))
			} else {
				for i := 1; i < len(one) && len(all) < mostWords; i++ {
					all = append(all, exactly(string(one[i-1:i+1])))
				}
			}
		}
	}
	return all
}

func exactly(term string) Match { return Match{term, term + "\x01"} }

// fold makes texts alike that differ in case or width.
func fold(text string) string {
	return strings.ToLower(norm.NFKC.String(strings.ToValidUTF8(text, "")))
}

func withoutMarks(text string) string {
	if !strings.ContainsFunc(text, func(r rune) bool { return r > unicode.MaxASCII }) {
		return text // most are, and the transformation takes its time
	}
	plain, _, err := transform.String(transform.Chain(norm.NFD, runes.Remove(runes.In(unicode.Mn)), norm.NFC), text)
	if err != nil {
		return text
	}
	return plain
}

func notWord(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsNumber(r) && !unicode.IsMark(r) }

func isCJK(r rune) bool {
	return unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul)
}

func cjk(text string) bool { return strings.ContainsFunc(text, isCJK) }

// parts cuts a word where its script begins or ends to be one without blanks.
func parts(word string) (out []string) {
	begin, was := 0, false
	for i, r := range word {
		if is := isCJK(r); i == 0 {
			was = is
		} else if is != was {
			out, begin, was = append(out, word[begin:i]), i, is
		}
	}
	if word != "" {
		out = append(out, word[begin:])
	}
	return out
}

func cut(term string) string {
	if len(term) <= mostBytes {
		return term
	}
	return strings.ToValidUTF8(term[:mostBytes], "")
}

func distinct(terms []string) []string {
	slices.Sort(terms)
	terms = slices.Compact(terms)
	return terms[:min(len(terms), mostTerms)]
}
