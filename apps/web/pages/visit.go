package pages

import (
	"net/http"
	"strings"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/google/uuid"

	"github.com/plenary/plenary/apps/web/pages/text"
	"github.com/plenary/plenary/contracts/locale"
)

// Visit is one request of one person.
type Visit struct {
	*gin.Context
	site *Site
	Lang text.Language
	// Now is the server's time.
	Now time.Time
	// role is what the visitor is signed in as, on pages that ask for it.
	role role
}

// Names of cookies.
const (
	languageCookie = "language"
	themeCookie    = "theme"
)

// preferenceFor is how long a choice of language or theme is kept, in seconds.
const preferenceFor = 365 * 24 * 60 * 60

func (s *Site) visit(c *gin.Context) *Visit {
	return &Visit{Context: c, site: s, Now: s.now(), Lang: languageOf(c)}
}

// Language is the language in which pages answer a request.
func (s *Site) Language(c *gin.Context) string { return string(languageOf(c)) }

// languageOf is the language that the visitor chose on a page, and else the one that
// the browser prefers.
func languageOf(c *gin.Context) text.Language {
	if chosen, err := c.Cookie(languageCookie); err == nil {
		if l, ok := text.Parse(chosen); ok {
			return l
		}
	}
	l, _ := text.Parse(locale.Accepted(c.GetHeader("Accept-Language")).String())
	return l
}

// T is a text in the visitor's language, without markup.
func (v *Visit) T(key string, namesAndValues ...any) string {
	return text.Plain(v.Lang, key, namesAndValues...)
}

// theme is the theme that the visitor chose; empty is that of the system.
func (v *Visit) theme() string {
	switch chosen, _ := v.Cookie(themeCookie); chosen {
	case "light", "dark":
		return chosen
	}
	return ""
}

// secure says whether the visitor came over HTTPS.
func (v *Visit) secure() bool {
	return v.Request.TLS != nil || strings.EqualFold(v.GetHeader("X-Forwarded-Proto"), "https")
}

// setCookie sets a cookie that no script and no other site sees. One with maxAge
// 0 ends with the browser, one below 0 at once.
func (v *Visit) setCookie(name, value, path string, maxAge int) {
	http.SetCookie(v.Writer, &http.Cookie{
		Name: name, Value: value, Path: path, MaxAge: maxAge,
		HttpOnly: true, Secure: v.secure(), SameSite: http.SameSiteLaxMode,
	})
}

// See sends the visitor on to a path of ours.
func (v *Visit) See(path string) {
	v.Header("Cache-Control", "no-store")
	v.Redirect(http.StatusSeeOther, path)
}

// preferences keeps a choice of language or theme, and leads back.
func (v *Visit) preferences() {
	if l, ok := text.Parse(v.PostForm("language")); ok {
		v.setCookie(languageCookie, string(l), "/", preferenceFor)
	}
	switch theme := v.PostForm("theme"); theme {
	case "light", "dark":
		v.setCookie(themeCookie, theme, "/", preferenceFor)
	case "system":
		v.setCookie(themeCookie, "", "/", -1)
	}
	v.See(local(v.PostForm("back")))
}

// local is a path if it is one of ours, and else the first page's.
func local(path string) string {
	if !strings.HasPrefix(path, "/") || strings.HasPrefix(path, "//") || strings.ContainsAny(path, "\\\r\n\t") {
		return "/"
	}
	return path
}

// switched says that the form was sent by a button of the language switch, which
// takes what was typed along: the page is to be shown again in that language,
// and nothing else to be done.
func (v *Visit) switched() bool {
	l, ok := text.Parse(v.PostForm("language"))
	if !ok {
		return false
	}
	v.setCookie(languageCookie, string(l), "/", preferenceFor)
	v.Lang = l
	return true
}

// formID is the id of the form that was sent, which stands for what it asks for:
// sent twice, it is asked for once.
func (v *Visit) formID() uuid.UUID {
	id, err := uuid.Parse(v.PostForm("form"))
	if err != nil {
		return uuid.New()
	}
	return id
}
