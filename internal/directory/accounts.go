package directory

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/audit"
	"sallyport/internal/core"
	"sallyport/internal/outbox"
	"sallyport/internal/policy"
	"sallyport/internal/session"
	"sallyport/internal/store"
)

// ServiceFacts are what somebody says of a service account.
type ServiceFacts struct {
	Owner     core.UserID // who answers for it; the actor when empty
	Reason    string
	ExpiresAt time.Time // zero: none
	Networks  []string  // addresses or CIDR; none: from anywhere
}

// ServiceFrom is what is kept of a service account at a place, from what somebody says
// of it, or what is wrong with that.
func (s *Service) ServiceFrom(ctx context.Context, f ServiceFacts, by access.Actor, at access.Place) (core.Service, error) {
	return s.clean(ctx, f, by, at)
}

// clean checks the facts and fills in what is missing.
func (s *Service) clean(ctx context.Context, f ServiceFacts, by access.Actor, at access.Place) (core.Service, error) {
	out := core.Service{Owner: f.Owner, ExpiresAt: f.ExpiresAt}
	reason := strings.Join(strings.Fields(f.Reason), " ")
	if n := len([]rune(reason)); n < 1 || n > 200 {
		return out, core.Invalid("service.reason_required")
	}
	out.Reason = reason
	if out.Owner == "" {
		out.Owner = by.User.ID
	}
	if out.Owner == "" {
		return out, core.Invalid("service.owner_required")
	}
	owner, err := s.Store.FindUser(ctx, out.Owner)
	if errors.Is(err, core.ErrNotFound) || err == nil && (owner.Kind != core.Person || !canSignIn(owner)) {
		return out, core.Invalid("service.owner_unknown")
	}
	if err != nil {
		return out, err
	}
	if owner.ID != by.User.ID {
		home, err := s.Tree.Place(ctx, owner.Tenant)
		if err != nil {
			return out, err
		}
		if !by.Can(access.ViewPeople, home) {
			return out, core.Invalid("service.owner_unknown")
		}
	}
	if !f.ExpiresAt.IsZero() && !f.ExpiresAt.After(s.Now()) {
		return out, core.Invalid("service.expired")
	}
	out.Networks, err = ParseNetworks(f.Networks)
	return out, err
}

// anybody reports whether somebody in the organisation of a tenant has a second
// factor: then whoever administers it shows one too (decision 7.8).
func (s *Service) anybody(ctx context.Context, eff policy.Effective) (yes bool, err error) {
	err = s.Store.View(ctx, eff.Organisation.ID, func(r store.Reader) error {
		n, err := r.Counts()
		yes = n[core.StandingEnrolled] > 0
		return err
	})
	return yes, err
}

// Prove asks the actor for the fresh proof that a deed in an organisation needs.
func (s *Service) Prove(ctx context.Context, by access.Actor, eff policy.Effective) error {
	yes, err := s.anybody(ctx, eff)
	if err != nil {
		return err
	}
	return by.Prove(s.Now(), yes)
}

// CheckMark says whether somebody may be made a service account, and with what.
func (s *Service) CheckMark(ctx context.Context, id core.UserID, f ServiceFacts, by access.Actor) (core.User, core.Service, error) {
	u, eff, err := s.Tree.Person(ctx, by, access.Convert, id)
	if err != nil {
		return u, core.Service{}, err
	}
	at, err := s.Tree.Place(ctx, u.Tenant)
	if err != nil {
		return u, core.Service{}, err
	}
	switch {
	case u.Kind != core.Person:
		return u, core.Service{}, core.NewFault(core.KindConflict, "service.already")
	case string(id) == by.ID():
		return u, core.Service{}, core.NewFault(core.KindConflict, "user.yourself")
	case u.State == core.UserInvited:
		return u, core.Service{}, core.NewFault(core.KindConflict, "service.pending")
	case !policy.MayHoldServiceAccounts(eff, at.Kind):
		return u, core.Service{}, core.NewFault(core.KindForbidden, "service.not_here")
	}
	out, err := s.clean(ctx, f, by, at)
	return u, out, err
}

// MarkService makes an account one for a program: it is asked for no second factor
// and never signs in to pages. It is for integrations that cannot do better, so it
// says who answers for it, why, and until when (rows ACR-19, ACR-21).
func (s *Service) MarkService(ctx context.Context, id core.UserID, f ServiceFacts, by access.Actor, c core.Client) (core.User, error) {
	u, facts, err := s.CheckMark(ctx, id, f, by)
	if err != nil {
		return u, err
	}
	eff, err := s.Tree.Effective(ctx, u.Tenant)
	if err != nil {
		return u, err
	}
	if err := s.Prove(ctx, by, eff); err != nil {
		return u, err
	}
	err = s.Store.Update(ctx, u.Tenant, func(tx store.Tx) error {
		if u, err = tx.User(id); err != nil {
			return err
		}
		if u.Kind != core.Person {
			return core.NewFault(core.KindConflict, "service.already")
		}
		if err := keepsOne(tx, u); err != nil {
			return err
		}
		u.Kind, u.ChangedAt = core.ServiceAccount, tx.Now()
		if err := tx.UpdateUser(u); err != nil {
			return err
		}
		u.Version++
		facts.User, facts.CreatedAt = id, tx.Now()
		if err := tx.SaveService(facts); err != nil {
			return err
		}
		if _, err := tx.DropBrowsers(id); err != nil {
			return err
		}
		if err := s.Post.Queue(tx, outbox.Message{Kind: core.MailConverted, To: u, Effective: eff, Client: c, Args: map[string]string{"by": by.Name(), "kind": string(u.Kind)}}); err != nil {
			return err
		}
		if err := tx.Append(audit.Note(audit.Did(audit.UserConverted, by, string(id), c), "kind", string(u.Kind))); err != nil {
			return err
		}
		_, err = stop(tx, id, session.WhyConverted, by, c)
		return err
	})
	if err != nil {
		return u, fmt.Errorf("mark %s as a service account: %w", id, err)
	}
	return u, nil
}

// MarkRegular makes a service account a person's again. A factor that was kept is
// asked for; where there is none and one is required, the next sign-in asks to set
// it up (row ACR-20).
func (s *Service) MarkRegular(ctx context.Context, id core.UserID, by access.Actor, c core.Client) (core.User, error) {
	u, eff, err := s.Tree.Person(ctx, by, access.Convert, id)
	if err != nil {
		return u, err
	}
	if u.Kind != core.ServiceAccount {
		return u, core.NewFault(core.KindConflict, "service.not_one")
	}
	if err := s.Prove(ctx, by, eff); err != nil {
		return u, err
	}
	err = s.Store.Update(ctx, u.Tenant, func(tx store.Tx) error {
		if u, err = tx.User(id); err != nil {
			return err
		}
		if u.Kind != core.ServiceAccount {
			return core.NewFault(core.KindConflict, "service.not_one")
		}
		u.Kind, u.ChangedAt = core.Person, tx.Now()
		if err := tx.UpdateUser(u); err != nil {
			return err
		}
		u.Version++
		if err := dropService(tx, id); err != nil {
			return err
		}
		if err := s.Post.Queue(tx, outbox.Message{Kind: core.MailConverted, To: u, Effective: eff, Client: c, Args: map[string]string{"by": by.Name(), "kind": string(u.Kind)}}); err != nil {
			return err
		}
		if err := tx.Append(audit.Note(audit.Did(audit.UserConverted, by, string(id), c), "kind", string(u.Kind))); err != nil {
			return err
		}
		return tx.Changed(core.ChangeUser, string(id))
	})
	if err != nil {
		return u, fmt.Errorf("mark %s as a person: %w", id, err)
	}
	return u, nil
}

func dropService(tx store.Tx, id core.UserID) error {
	if err := tx.DropService(id); err != nil && !errors.Is(err, core.ErrNotFound) {
		return err
	}
	return nil
}

// ChangeService writes new facts of a service account.
func (s *Service) ChangeService(ctx context.Context, id core.UserID, f ServiceFacts, by access.Actor, c core.Client) (core.Service, error) {
	u, eff, err := s.Tree.Person(ctx, by, access.Convert, id)
	if err != nil {
		return core.Service{}, err
	}
	if u.Kind != core.ServiceAccount {
		return core.Service{}, core.NewFault(core.KindConflict, "service.not_one")
	}
	at, err := s.Tree.Place(ctx, u.Tenant)
	if err != nil {
		return core.Service{}, err
	}
	facts, err := s.clean(ctx, f, by, at)
	if err != nil {
		return facts, err
	}
	if err := s.Prove(ctx, by, eff); err != nil {
		return facts, err
	}
	err = s.Store.Update(ctx, u.Tenant, func(tx store.Tx) error {
		had, err := tx.Service(id)
		if err != nil && !errors.Is(err, core.ErrNotFound) {
			return err
		}
		said := facts
		facts = had
		facts.Owner, facts.Reason, facts.Networks, facts.ExpiresAt = said.Owner, said.Reason, said.Networks, said.ExpiresAt
		facts.User = id
		if facts.CreatedAt.IsZero() {
			facts.CreatedAt = tx.Now()
		}
		if err := tx.SaveService(facts); err != nil {
			return err
		}
		if err := tx.Append(audit.Note(audit.Did(audit.UserChanged, by, string(id), c), "fields", "service")); err != nil {
			return err
		}
		return tx.Changed(core.ChangeUser, string(id))
	})
	return facts, err
}

// CheckService says what is wrong with a wish for a new service account.
func (s *Service) CheckService(ctx context.Context, n NewUser, f ServiceFacts, by access.Actor) (core.User, core.Service, policy.Effective, error) {
	at, err := s.Tree.Place(ctx, n.Tenant)
	if err == nil {
		err = See(by, access.Convert, access.ViewTenants, at)
	}
	if err != nil {
		return core.User{}, core.Service{}, policy.Effective{}, plainly(err)
	}
	for _, r := range n.Roles {
		if err := s.mayGive(ctx, by, r, at); err != nil {
			return core.User{}, core.Service{}, policy.Effective{}, err
		}
	}
	u, eff, err := s.checkAccount(ctx, n, n.Email != "")
	if err != nil {
		return u, core.Service{}, eff, err
	}
	if !policy.MayHoldServiceAccounts(eff, at.Kind) {
		return u, core.Service{}, eff, core.NewFault(core.KindForbidden, "service.not_here")
	}
	u.Kind, u.State, u.ValidatedAt = core.ServiceAccount, core.UserValidated, s.Now()
	facts, err := s.clean(ctx, f, by, at)
	return u, facts, eff, err
}

// CreateService makes a service account with its password, from what CheckService
// said.
func (s *Service) CreateService(ctx context.Context, u core.User, facts core.Service, eff policy.Effective, roles []core.Role, p core.Password, by access.Actor, c core.Client) (core.User, error) {
	if err := s.Prove(ctx, by, eff); err != nil {
		return u, err
	}
	err := s.Store.Update(ctx, u.Tenant, func(tx store.Tx) error {
		if err := s.insert(tx, u, eff, roles, "password", by, c); err != nil {
			return err
		}
		p.SetAt = tx.Now()
		if err := tx.SetPassword(u.ID, p); err != nil {
			return err
		}
		facts.User, facts.CreatedAt = u.ID, tx.Now()
		if err := tx.SaveService(facts); err != nil {
			return err
		}
		return tx.Append(audit.Note(audit.Did(audit.UserConverted, by, string(u.ID), c), "kind", string(u.Kind)))
	})
	if err != nil {
		return u, fmt.Errorf("create service account: %w", taken(err))
	}
	return u, nil
}

// ServiceOf is a service account with its facts. Lists have them as people of the
// standing "service".
func (s *Service) ServiceOf(ctx context.Context, id core.UserID, by access.Actor) (core.User, core.Service, error) {
	u, _, err := s.Tree.Person(ctx, by, access.ViewPeople, id)
	if err != nil {
		return u, core.Service{}, err
	}
	var out core.Service
	err = s.Store.View(ctx, u.Tenant, func(r store.Reader) error { out, err = r.Service(id); return err })
	return u, out, plainly(err)
}
