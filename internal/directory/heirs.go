package directory

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/audit"
	"sallyport/internal/core"
	"sallyport/internal/outbox"
	"sallyport/internal/session"
	"sallyport/internal/store"
)

// A service account is replaced by an API client in three steps: the client is made
// and both work; nobody uses the account any more, and its owner is told; a while
// later it is stopped. A use in between begins the wait anew.

// How long an account must rest before it is stopped, where nobody says otherwise, at
// least and at most.
const (
	HeirQuiet      = 30 * 24 * time.Hour
	HeirQuietLeast = 2 * 24 * time.Hour
	HeirQuietMost  = 365 * 24 * time.Hour
)

// heirNotice is how long before that the owner is told at least.
func heirNotice(quiet time.Duration) time.Duration { return min(7*24*time.Hour, quiet/2) }

// RetiresAt is when an account that an API client replaces is stopped, if nobody uses
// it until then; zero when it is not going to be.
func RetiresAt(s core.Service) time.Time {
	if s.Heir == "" || s.Quiet <= 0 {
		return time.Time{}
	}
	rested := s.RestedSince()
	at := rested.Add(s.Quiet)
	if told := s.WarnedAt.Add(heirNotice(s.Quiet)); s.WarnedAt.After(rested) && told.After(at) {
		return told
	}
	return at
}

// ReplaceService makes an API client that takes a service account's place. Where no
// scopes are given it may what the account may, as far as the actor may it, too.
func (s *Service) ReplaceService(ctx context.Context, id core.UserID, w ClientWish, quiet time.Duration, by access.Actor, c core.Client) (a core.App, secretText string, err error) {
	if quiet == 0 {
		quiet = HeirQuiet
	}
	if quiet < HeirQuietLeast || quiet > HeirQuietMost {
		return a, "", core.Invalid("service.quiet", "least", int(HeirQuietLeast/(24*time.Hour)), "most", int(HeirQuietMost/(24*time.Hour)))
	}
	u, _, err := s.Tree.Person(ctx, by, access.Convert, id)
	if err != nil {
		return a, "", err
	}
	if u.Kind != core.ServiceAccount {
		return a, "", core.NewFault(core.KindConflict, "service.not_one")
	}
	var had core.Service
	err = s.Store.View(ctx, u.Tenant, func(r store.Reader) (err error) { had, err = r.Service(id); return err })
	if err != nil && !errors.Is(err, core.ErrNotFound) {
		return a, "", err
	}
	if w.Name == "" {
		w.Name = u.Name
	}
	if len(w.Networks) == 0 {
		w.Networks = had.Networks
	}
	if by.IsShell() && w.Owner == "" {
		w.Owner = had.Owner
	}
	if len(w.Scopes) == 0 {
		if w, err = s.inherited(ctx, u, w, by); err != nil {
			return a, "", err
		}
	}
	run, err := s.newClient(ctx, u.Tenant, w, by, c)
	if err != nil {
		return a, "", err
	}
	err = s.Store.Update(ctx, u.Tenant, func(tx store.Tx) error {
		now, err := tx.User(id)
		if err != nil {
			return err
		}
		if now.Kind != core.ServiceAccount {
			return core.NewFault(core.KindConflict, "service.not_one")
		}
		facts, err := tx.Service(id)
		if err != nil {
			return err
		}
		if facts.Heir != "" && facts.Quiet > 0 {
			return core.NewFault(core.KindConflict, "service.replaced")
		}
		if a, secretText, err = run(tx); err != nil {
			return err
		}
		facts.Heir, facts.HeirAt, facts.Quiet, facts.WarnedAt = a.ID, tx.Now(), quiet, time.Time{}
		if err := tx.SaveService(facts); err != nil {
			return err
		}
		e := audit.Note(audit.Did(audit.ServiceReplaced, by, string(id), c), "heir", string(a.ID))
		if err := tx.Append(audit.Note(e, "quiet", quiet.String())); err != nil {
			return err
		}
		return tx.Changed(core.ChangeUser, string(id))
	})
	if err != nil {
		return core.App{}, "", fmt.Errorf("replace service account %s: %w", id, err)
	}
	return a, secretText, nil
}

// inherited are the rights of an account that an API client can have, and that whoever
// lends them has.
func (s *Service) inherited(ctx context.Context, u core.User, w ClientWish, by access.Actor) (ClientWish, error) {
	at, err := s.Tree.Place(ctx, u.Tenant)
	if err != nil {
		return w, err
	}
	_, lender, err := s.clientOwner(ctx, at, w.Owner, by)
	if err != nil {
		return w, err
	}
	grants, err := s.Tree.Grants(ctx, u.ID)
	if err != nil {
		return w, err
	}
	account := access.Actor{User: u, Grants: grants}
	for _, p := range access.Lendable {
		if account.Can(p, at) && lender.Can(p, at) {
			w.Scopes = append(w.Scopes, string(p))
			w.Write = w.Write || !slices.Contains(access.Reading, p)
		}
	}
	return w, nil
}

// KeepService takes it back that a service account is going to be stopped. The API
// client stays.
func (s *Service) KeepService(ctx context.Context, id core.UserID, by access.Actor, c core.Client) error {
	u, eff, err := s.Tree.Person(ctx, by, access.Convert, id)
	if err != nil {
		return err
	}
	if err := s.Prove(ctx, by, eff); err != nil {
		return err
	}
	return s.Store.Update(ctx, u.Tenant, func(tx store.Tx) error {
		facts, err := tx.Service(id)
		if err != nil && !errors.Is(err, core.ErrNotFound) {
			return err
		}
		if facts.Heir == "" {
			return core.NewFault(core.KindConflict, "service.not_replaced")
		}
		facts.Heir, facts.HeirAt, facts.Quiet, facts.WarnedAt = "", time.Time{}, 0, time.Time{}
		if err := tx.SaveService(facts); err != nil {
			return err
		}
		if err := tx.Append(audit.Note(audit.Did(audit.UserChanged, by, string(id), c), "fields", "heir")); err != nil {
			return err
		}
		return tx.Changed(core.ChangeUser, string(id))
	})
}

// RetireDue tells the owners of service accounts that rest that these are going to be
// stopped, and stops those whose owners were told long enough ago. Each step is one
// transaction that looks again, so a run that is killed leaves nothing half and is
// made up for by the next.
func (s *Service) RetireDue(ctx context.Context, renew func(context.Context) error) (warned, retired int, err error) {
	for after := core.UserID(""); ; {
		list, err := s.Store.Replaced(ctx, after, 200)
		if err != nil || len(list) == 0 {
			return warned, retired, err
		}
		for _, r := range list {
			after = r.Service.User
			if !dueToWarn(r.Service, s.Now()) && !dueToRetire(r.Service, s.Now()) {
				continue
			}
			if err := renew(ctx); err != nil {
				return warned, retired, err
			}
			told, stopped, err := s.retire(ctx, r)
			if err != nil {
				return warned, retired, fmt.Errorf("retire service account %s: %w", after, err)
			}
			warned, retired = warned+told, retired+stopped
		}
	}
}

func dueToWarn(s core.Service, now time.Time) bool {
	rested := s.RestedSince()
	return s.Quiet > 0 && !s.WarnedAt.After(rested) && !now.Before(rested.Add(s.Quiet-heirNotice(s.Quiet)))
}

func dueToRetire(s core.Service, now time.Time) bool {
	return s.Quiet > 0 && s.WarnedAt.After(s.RestedSince()) && !now.Before(RetiresAt(s))
}

func (s *Service) retire(ctx context.Context, r store.Replaced) (warned, retired int, err error) {
	var owner core.User
	eff, err := s.Tree.Effective(ctx, r.Tenant)
	if err == nil {
		owner, err = s.Store.FindUser(ctx, r.Service.Owner)
	}
	if err != nil && !errors.Is(err, core.ErrNotFound) {
		return 0, 0, err
	}
	err = s.Store.Update(ctx, r.Tenant, func(tx store.Tx) error {
		warned, retired = 0, 0
		id := r.Service.User
		u, err := tx.User(id)
		if err != nil {
			return err
		}
		facts, err := tx.Service(id)
		if err != nil {
			return err
		}
		if u.Kind != core.ServiceAccount || !canSignIn(u) {
			return nil // somebody stopped it by hand
		}
		switch {
		case dueToRetire(facts, tx.Now()):
			retired = 1
			return s.stopRetired(tx, u, facts)
		case dueToWarn(facts, tx.Now()):
			warned = 1
		default:
			return nil
		}
		facts.WarnedAt = tx.Now()
		if err := tx.SaveService(facts); err != nil {
			return err
		}
		at := RetiresAt(facts)
		if canSignIn(owner) && owner.Email != "" {
			m := outbox.Message{Kind: core.MailServiceRetiring, To: owner, Effective: eff, Until: at, Args: map[string]string{"whom": u.Login}}
			if err := s.Post.Queue(tx, m); err != nil {
				return err
			}
		}
		e := audit.Did(audit.ServiceWarned, access.System(), string(id), core.Client{})
		return tx.Append(audit.Note(e, "until", at.UTC().Format(time.RFC3339)))
	})
	return warned, retired, err
}

// stopRetired disables the account. That it had an heir stays known; whoever lets it go
// on by hand has it stopped no second time.
func (s *Service) stopRetired(tx store.Tx, u core.User, facts core.Service) error {
	if err := keepsOne(tx, u); err != nil {
		return err
	}
	u.Before, u.State, u.ChangedAt = u.State, core.UserDisabled, tx.Now()
	if err := tx.UpdateUser(u); err != nil {
		return err
	}
	facts.Quiet = 0
	if err := tx.SaveService(facts); err != nil {
		return err
	}
	by := access.System()
	e := audit.Note(audit.Did(audit.ServiceRetired, by, string(u.ID), core.Client{}), "heir", string(facts.Heir))
	if err := tx.Append(e); err != nil {
		return err
	}
	_, err := stop(tx, u.ID, session.WhyDisabled, by, core.Client{})
	return err
}
