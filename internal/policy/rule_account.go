package policy

import "sallyport/internal/core"

// A service account belongs to a program; nobody signs in as one on a page, nor
// as any other kind of account that is not a person's.
var ruleServiceAccount = rule{"service_account", func(p Person, _ Effective) verdict {
	if p.Kind == core.Person {
		return verdict{why: "not a service account"}
	}
	return verdict{applied: true, refuse: true, why: "service accounts do not sign in on pages"}
}}

// A federated person proves who they are elsewhere; the local password is
// refused (decision 3).
var ruleFederated = rule{"federated", func(p Person, _ Effective) verdict {
	if !p.Federated {
		return verdict{why: "not federated"}
	}
	return verdict{applied: true, refuse: true, why: "signs in through another provider"}
}}
