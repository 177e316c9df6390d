package policy

import "sallyport/internal/core"

// A service account belongs to a program: nobody signs in as one on a page, nor
// as any other kind of account that is not a person's. At the door for programs
// it is let in by its password, untouched by what is required of people (row
// ACR-21), from its own networks and until it expires. A person is not let in
// there: the password alone would pass a second factor by.
var ruleServiceAccount = rule{"service_account", func(f *Facts, s *sofar) verdict {
	p, org := &f.Person, &f.Effective.Organisation
	refuse := func(why string) verdict {
		s.refused = true
		return yes(why, org)
	}
	switch {
	case p.Kind == core.Person && f.Shown.Door == Pages:
		return no(WhyIsPerson)
	case p.Kind == core.Person:
		return refuse(WhyPersonAtBasic)
	case p.Kind != core.ServiceAccount || f.Shown.Door != Basic:
		return refuse(WhyNotOnPages)
	case !p.ExpiresAt.IsZero() && !f.before(p.ExpiresAt):
		return refuse(WhyExpired).with("expired_at", p.ExpiresAt)
	case !f.anywhere && !p.Networks.Allow(f.Shown.Address):
		return refuse(WhyOutsideNetworks)
	}
	s.exempt = true
	return yes(WhyServiceAccount, org)
}}

// A federated person proves who they are elsewhere; the local password is
// refused (decision 3).
var ruleFederated = rule{"federated", func(f *Facts, s *sofar) verdict {
	if !f.Person.Federated {
		return no(WhyNotFederated)
	}
	s.refused, s.exempt = true, false
	return yes(WhyFederated, &f.Effective.Organisation)
}}

// The organisation may say from which networks its people sign in, and its
// programs (row ACR-30).
var ruleLoginNetworks = rule{"login_networks", func(f *Facts, s *sofar) verdict {
	nets := f.Effective.Settings.LoginNetworks
	by, _ := f.Effective.from("login_networks")
	switch {
	case len(nets) == 0:
		return no(WhyEveryNetwork)
	case nowhere(nets):
		s.refused, s.exempt = true, false
		return yes(WhyNowhere, by)
	case f.standing || f.anywhere && !f.Shown.Address.IsValid():
		return no(WhyAddressUnknown)
	case nets.Allow(f.Shown.Address):
		return no(WhyInsideNetworks)
	}
	s.refused, s.exempt = true, false
	return yes(WhyOutsideNetworks, by)
}}

// While an organisation's factors are being taken away the password is enough,
// and nobody can set one up (decision 7.7).
var ruleDisabling = rule{"disabling", func(f *Facts, s *sofar) verdict {
	if !f.Effective.Disabling() {
		return no(WhyNotDisabling)
	}
	s.disables, s.enrolled = true, false
	return yes(WhyDisabling, &f.Effective.Organisation)
}}
