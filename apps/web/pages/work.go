package pages

import "github.com/gin-gonic/gin"

// work puts the pages of those who look after Plenary, or want to know how it
// works, on routes.
func (s *Site) work(routes gin.IRoutes) {
	s.page(routes, "/explore", asEither((*Visit).explore))
	s.page(routes, "/explore/compare", asEither((*Visit).compare))
	s.page(routes, "/explore/orders/:id", asEither((*Visit).flow))

	s.page(routes, "/operate", asOperator((*Visit).operate))
	s.page(routes, "/operate/letters", asOperator((*Visit).letters))
	for _, how := range []string{"retry", "discard"} {
		s.form(routes, "/operate/letters/"+how, asOperator(func(v *Visit, credential string) { v.closeLetters(how)(credential) }))
		s.form(routes, "/operate/letter/:id/"+how, asOperator(func(v *Visit, credential string) { v.closeLetter(how)(credential) }))
	}
	s.form(routes, "/operate/free", asOperator((*Visit).free))
	s.form(routes, "/operate/refunds/:id", asOperator((*Visit).refundAgain))
	s.page(routes, "/operate/stuck", asOperator((*Visit).stuck))
	for how, done := range map[string]string{"retry": "retried", "release": "released", "refund": "returned", "close": "closed"} {
		s.form(routes, "/operate/stuck/:id/"+how, asOperator(func(v *Visit, credential string) { v.seeTo(how, done)(credential) }))
	}

	s.page(routes, "/operate/organisations", asOperator((*Visit).organisations))
	s.form(routes, "/operate/organisations", asOperator((*Visit).createOrganisation))
	s.page(routes, "/operate/organisations/:id", asOperator((*Visit).members))
	s.form(routes, "/operate/organisations/:id", asOperator((*Visit).changeMembers))
	s.page(routes, "/operate/changes", asOperator((*Visit).audit))

	for _, r := range []role{organiser, operator} {
		s.page(routes, r.root+"/sign-in", signInForm(r))
		s.form(routes, r.root+"/sign-in", signIn(r))
		s.form(routes, r.root+"/sign-out", signOut(r))
	}
}
