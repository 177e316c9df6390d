package directory

import (
	"context"
	"net/netip"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/core"
	"sallyport/internal/policy"
	"sallyport/internal/store"
)

// ExplainQuery is a sign-in that is asked about.
type ExplainQuery struct {
	App            core.AppID
	Address        netip.Addr // no network is held against it where it is none
	KnownBrowser   bool
	TrustedBrowser bool
	At             time.Time // zero: now
}

// Explain asks the resolver what a sign-in of somebody would meet after the password,
// and why: every rule, applied or not.
func (s *Service) Explain(ctx context.Context, id core.UserID, q ExplainQuery, by access.Actor) (x policy.Explanation, err error) {
	u, err := s.Store.FindUser(ctx, id)
	if err == nil && u.State == core.UserDeleted {
		err = core.ErrNotFound
	}
	if err != nil {
		return x, plainly(err)
	}
	_, eff, err := s.Tree.On(ctx, by, access.ViewPeople, u.Tenant)
	if err != nil {
		return x, err
	}
	roles, err := s.Store.RolesOf(ctx, id)
	if err != nil {
		return x, err
	}
	if q.At.IsZero() {
		q.At = s.Now()
	}
	f := policy.Facts{Now: q.At, Effective: eff, App: policy.App{ID: q.App},
		Shown: policy.Shown{Door: policy.Pages, Proofs: []core.Proof{{Kind: core.FactorPassword, At: q.At}}, Address: q.Address, KnownBrowser: q.KnownBrowser}}
	if u.Kind == core.ServiceAccount {
		f.Shown.Door = policy.Basic
	}
	if q.TrustedBrowser {
		f.Shown.Proofs = append(f.Shown.Proofs, core.Proof{Kind: core.FactorTrustedBrowser, At: q.At})
	}
	err = s.Store.View(ctx, u.Tenant, func(r store.Reader) error {
		factors, err := r.Factors(id)
		f.Person = policy.PersonOf(u, factors).With(roles)
		return err
	})
	return policy.Explain(f), err
}
