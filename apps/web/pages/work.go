package pages

import "github.com/gin-gonic/gin"

// work puts the pages of those who look after Plenary, or want to know how it
// works, on routes.
func (s *Site) work(routes gin.IRoutes) {
	s.page(routes, "/explore", asOrganiser((*Visit).explore))
	s.page(routes, "/explore/compare", asOrganiser((*Visit).compare))
	s.page(routes, "/explore/orders/:id", asOrganiser((*Visit).flow))

	s.page(routes, "/operate", asOrganiser((*Visit).operate))
	s.page(routes, "/operate/letters", asOrganiser((*Visit).letters))
	for _, how := range []string{"retry", "discard"} {
		s.form(routes, "/operate/letters/"+how, asOrganiser(func(v *Visit, credential string) { v.closeLetters(how)(credential) }))
		s.form(routes, "/operate/letter/:id/"+how, asOrganiser(func(v *Visit, credential string) { v.closeLetter(how)(credential) }))
	}
	s.form(routes, "/operate/free", asOrganiser((*Visit).free))
	s.form(routes, "/operate/refunds/:id", asOrganiser((*Visit).refundAgain))
}
