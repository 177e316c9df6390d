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
	"sallyport/internal/ident"
	"sallyport/internal/outbox"
	"sallyport/internal/policy"
	"sallyport/internal/secret"
	"sallyport/internal/store"
)

// NewUser is what somebody asks for when creating or inviting an account.
type NewUser struct {
	Tenant core.TenantID
	Login  string // empty: the address
	Email  string
	Name   string
	Locale string
	Roles  []core.Role // on that tenant, shipped or custom
}

// CheckUser says what is wrong with a wish for an account, before anything is
// written.
func (s *Service) CheckUser(ctx context.Context, n NewUser, by access.Actor) (core.User, policy.Effective, error) {
	at, err := s.Tree.Place(ctx, n.Tenant)
	if err != nil {
		return core.User{}, policy.Effective{}, plainly(err)
	}
	if err := See(by, access.Invite, access.ViewTenants, at); err != nil {
		return core.User{}, policy.Effective{}, err
	}
	for _, r := range n.Roles {
		if err := s.mayGive(ctx, by, r, at); err != nil {
			return core.User{}, policy.Effective{}, err
		}
	}
	return s.check(ctx, n)
}

// mayGive says whether the actor may give a role on a place, and whether it fits
// there.
func (s *Service) mayGive(ctx context.Context, by access.Actor, r core.Role, at access.Place) error {
	g, err := s.roleAt(ctx, r, at)
	if err != nil {
		return err
	}
	if !by.MayGrant(g) {
		return core.ErrForbidden
	}
	return nil
}

// check is CheckUser without the question who may.
func (s *Service) check(ctx context.Context, n NewUser) (core.User, policy.Effective, error) {
	return s.checkAccount(ctx, n, true)
}

// checkAccount does without an address where none is needed.
func (s *Service) checkAccount(ctx context.Context, n NewUser, mailed bool) (core.User, policy.Effective, error) {
	eff, err := s.Tree.Effective(ctx, n.Tenant)
	if err != nil {
		return core.User{}, eff, plainly(err)
	}
	if eff.Deleted() {
		return core.User{}, eff, core.ErrNotFound
	}
	address, addressKey := "", ""
	if mailed {
		addr, err := ident.ParseAddress(n.Email)
		if err != nil {
			return core.User{}, eff, err
		}
		address, addressKey = addr.String(), addr.Key()
	}
	login := strings.TrimSpace(n.Login)
	if login == "" {
		login = address
	}
	key, err := ident.NewLoginKey(login)
	if err != nil {
		return core.User{}, eff, err
	}
	name, err := cleanName(n.Name)
	if err != nil {
		return core.User{}, eff, err
	}
	now := s.Now()
	u := core.User{ID: core.UserID(secret.NewID(core.PrefixUser, now)), Tenant: n.Tenant, Kind: core.Person, State: core.UserInvited,
		Login: login, LoginKey: key, Name: name, Email: address, EmailKey: addressKey, Locale: n.Locale, CreatedAt: now, ChangedAt: now, PlacedAt: now}
	if _, err := s.Store.FindLogin(ctx, key, nil); err == nil {
		return u, eff, core.NewFault(core.KindConflict, "user.login_taken")
	} else if !errors.Is(err, core.ErrNotFound) {
		return u, eff, err
	}
	if eff.Settings.UniqueEmail && u.EmailKey != "" {
		err = s.Store.View(ctx, n.Tenant, func(r store.Reader) error {
			taken, err := r.EmailTaken(eff.Organisation.ID, u.EmailKey, "")
			if err == nil && taken {
				err = core.NewFault(core.KindConflict, "user.email_taken")
			}
			return err
		})
	}
	return u, eff, err
}

// Invited is a new account and its link, as a local path.
type Invited struct {
	User core.User
	Path string
	Till time.Time
}

// Invite creates an account that is pending validation and mails its link.
func (s *Service) Invite(ctx context.Context, n NewUser, by access.Actor, c core.Client) (Invited, error) {
	u, eff, err := s.CheckUser(ctx, n, by)
	if err != nil {
		return Invited{}, fmt.Errorf("invite: %w", err)
	}
	var out Invited
	err = s.Store.Update(ctx, u.Tenant, func(tx store.Tx) error {
		if err := s.insert(tx, u, eff, n.Roles, "", by, c); err != nil {
			return err
		}
		out, err = s.sendInvitation(tx, u, eff, by, c)
		return err
	})
	if err != nil {
		return Invited{}, fmt.Errorf("invite: %w", taken(err))
	}
	return out, nil
}

// Create makes an account that has a password already, from what CheckUser
// said. Whoever makes it vouches for its mailbox: it is validated at once, and
// for as long as an accepted invitation would, that stands in for the mail proof.
func (s *Service) Create(ctx context.Context, u core.User, eff policy.Effective, roles []core.Role, p core.Password, by access.Actor, c core.Client) (core.User, error) {
	err := s.Store.Update(ctx, u.Tenant, func(tx store.Tx) error {
		u.State, u.ValidatedAt, u.AwakeAt = core.UserValidated, tx.Now(), tx.Now()
		if err := s.insert(tx, u, eff, roles, "password", by, c); err != nil {
			return err
		}
		p.SetAt = tx.Now()
		if err := tx.SetPassword(u.ID, p); err != nil {
			return err
		}
		return tx.Append(audit.Did(audit.UserValidated, by, string(u.ID), c))
	})
	if err != nil {
		return core.User{}, fmt.Errorf("create account: %w", taken(err))
	}
	return u, nil
}

// insert writes an account with its roles. What was free when it was checked
// may be taken now: two at once.
func (s *Service) insert(tx store.Tx, u core.User, eff policy.Effective, roles []core.Role, with string, by access.Actor, c core.Client) error {
	if eff.Settings.UniqueEmail && u.EmailKey != "" {
		held, err := tx.EmailTaken(eff.Organisation.ID, u.EmailKey, "")
		if err != nil {
			return err
		}
		if held {
			return core.NewFault(core.KindConflict, "user.email_taken")
		}
	}
	if err := tx.InsertUser(u); err != nil {
		return err
	}
	e := audit.Did(audit.UserCreated, by, string(u.ID), c)
	if with != "" {
		e = audit.Note(e, "with", with)
	}
	if err := tx.Append(e); err != nil {
		return err
	}
	if len(roles) == 0 {
		roles = []core.Role{core.RoleUser}
	}
	for _, r := range roles {
		if err := tx.Grant(core.RoleGrant{User: u.ID, Tenant: u.Tenant, Role: r, At: tx.Now()}); err != nil {
			return err
		}
		if r == core.RoleUser {
			continue
		}
		if err := tx.Append(roleEvent(audit.RoleGranted, by, u.ID, r, u.Tenant, c)); err != nil {
			return err
		}
	}
	return nil
}

// taken says in a person's words what the store found to exist already.
func taken(err error) error {
	var dup store.ErrDuplicate
	if errors.As(err, &dup) && dup.What == "login" {
		return core.NewFault(core.KindConflict, "user.login_taken")
	}
	return err
}

// Reinvite sends a fresh link; the old one is dead.
func (s *Service) Reinvite(ctx context.Context, id core.UserID, by access.Actor, c core.Client) (Invited, error) {
	u, eff, err := s.Tree.Person(ctx, by, access.Reinvite, id)
	if err != nil {
		return Invited{}, err
	}
	var out Invited
	err = s.Store.Update(ctx, u.Tenant, func(tx store.Tx) error {
		if u, err = tx.User(id); err != nil {
			return err
		}
		if u.State != core.UserInvited {
			// Whoever confirmed the mailbox needs a password reset, not an invitation (row AIR-12).
			return core.NewFault(core.KindConflict, "invitation.not_pending")
		}
		out, err = s.sendInvitation(tx, u, eff, by, c)
		return err
	})
	if err != nil {
		return Invited{}, fmt.Errorf("invite again: %w", err)
	}
	return out, nil
}

func (s *Service) sendInvitation(tx store.Tx, u core.User, eff policy.Effective, by access.Actor, c core.Client) (Invited, error) {
	if _, err := tx.SupersedeTokens(u.ID, core.TokenInvitation); err != nil {
		return Invited{}, err
	}
	token := secret.Token()
	till := tx.Now().AddDate(0, 0, eff.Settings.InvitationDays)
	if err := tx.InsertToken(core.Token{Hash: secret.TokenHash(token), Kind: core.TokenInvitation, Tenant: u.Tenant, User: u.ID, Email: u.Email,
		Bound: by.ID(), CreatedAt: tx.Now(), ExpiresAt: till}); err != nil {
		return Invited{}, err
	}
	path := "/invitation/" + token
	if err := s.Post.Queue(tx, outbox.Message{Kind: core.MailInvitation, To: u, Effective: eff, Path: path, Until: till, Args: map[string]string{"by": by.Name()}}); err != nil {
		return Invited{}, err
	}
	return Invited{u, path, till}, tx.Append(audit.Did(audit.UserInvited, by, string(u.ID), c))
}

// Unlock ends every timed lock of an account: password and factors. A dead
// factor stays dead; only a reset helps there (N-01).
func (s *Service) Unlock(ctx context.Context, id core.UserID, by access.Actor, c core.Client) error {
	u, _, err := s.Tree.Person(ctx, by, access.Unlock, id)
	if err != nil {
		return err
	}
	err = s.Store.Update(ctx, u.Tenant, func(tx store.Tx) error {
		if err := tx.DropBudgets(id); err != nil {
			return err
		}
		factors, err := tx.Factors(id)
		if err != nil {
			return err
		}
		for _, f := range factors {
			if f.Budget.Clean() || f.Budget.Dead() {
				continue
			}
			f.Budget = core.Budget{Consecutive: f.Budget.Consecutive}
			if err := tx.UpdateFactor(f); err != nil {
				return err
			}
		}
		return tx.Append(audit.Did(audit.UserUnlocked, by, string(id), c))
	})
	if err != nil {
		return fmt.Errorf("unlock %s: %w", id, err)
	}
	return nil
}

func (s *Service) tenant(ctx context.Context, id core.TenantID) (t core.Tenant, err error) {
	err = s.Store.View(ctx, id, func(r store.Reader) error { t, err = r.Tenant(); return err })
	return t, err
}

// FindUser finds an account by id or login.
func (s *Service) FindUser(ctx context.Context, word string) (core.User, error) {
	if strings.HasPrefix(word, core.PrefixUser+"_") {
		if u, err := s.Store.FindUser(ctx, core.UserID(word)); !errors.Is(err, core.ErrNotFound) {
			return u, err
		}
	}
	key, err := ident.LoginKey(word)
	if err == nil {
		var l store.Login
		if l, err = s.Store.FindLogin(ctx, key, nil); err == nil {
			return l.User, nil
		}
	}
	if errors.Is(err, core.ErrNotFound) {
		return core.User{}, core.NewFault(core.KindNotFound, "user.unknown").With("user", word)
	}
	return core.User{}, err
}
