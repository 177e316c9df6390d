package directory

import (
	"context"
	"errors"
	"fmt"
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

// EmailChangeLife is how long the link to a new address works.
const EmailChangeLife = 7 * 24 * time.Hour

// Change is a wish to change an account; nil leaves a thing as it is.
type Change struct {
	Name   *string
	Email  *string
	Locale *string
}

// Changed is what became of it.
type Changed struct {
	User core.User
	// Waiting is the new address that waits to be confirmed, and Until for how long.
	Waiting string
	Until   time.Time
	// Invited: the invitation went out anew, to the corrected address.
	Invited bool
}

// CheckChange says what is wrong with a change of an account, and what would come
// of it.
func (s *Service) CheckChange(ctx context.Context, id core.UserID, ch Change, by access.Actor) (Changed, policy.Effective, error) {
	u, eff, err := s.Tree.Person(ctx, by, access.ChangePeople, id)
	if err != nil {
		return Changed{}, eff, err
	}
	out := Changed{User: u}
	if ch.Name != nil {
		if out.User.Name, err = cleanName(*ch.Name); err != nil {
			return out, eff, err
		}
	}
	if ch.Locale != nil {
		out.User.Locale = *ch.Locale
	}
	if ch.Email == nil {
		return out, eff, nil
	}
	addr, err := ident.ParseAddress(*ch.Email)
	if err != nil {
		return out, eff, err
	}
	if addr.String() == u.Email {
		return out, eff, nil
	}
	if eff.Settings.UniqueEmail {
		err := s.Store.View(ctx, u.Tenant, func(r store.Reader) error {
			held, err := r.EmailTaken(eff.Organisation.ID, addr.Key(), u.ID)
			if err == nil && held {
				err = core.NewFault(core.KindConflict, "user.email_taken")
			}
			return err
		})
		if err != nil {
			return out, eff, err
		}
	}
	if u.State == core.UserInvited {
		// Nobody has shown the old mailbox: it was written wrong, and is corrected.
		out.User.Email, out.User.EmailKey, out.Invited = addr.String(), addr.Key(), true
		return out, eff, nil
	}
	out.Waiting, out.Until = addr.String(), s.Now().Add(EmailChangeLife)
	return out, eff, nil
}

// ChangeUser changes an account. A new address is confirmed by a link that goes
// there; the old one is valid until then, and is told (row AIR-14). An open
// invitation goes out anew.
func (s *Service) ChangeUser(ctx context.Context, id core.UserID, ch Change, by access.Actor, c core.Client) (Changed, error) {
	out, eff, err := s.CheckChange(ctx, id, ch, by)
	if err != nil {
		return out, err
	}
	want := out
	err = s.Store.Update(ctx, out.User.Tenant, func(tx store.Tx) error {
		out = want
		u, err := tx.User(id)
		if err != nil {
			return err
		}
		if want.Invited != (u.State == core.UserInvited && want.User.Email != u.Email) {
			return store.ErrConflict // the invitation was accepted in this moment
		}
		fields := ""
		for _, f := range []struct {
			name string
			from *string
			to   string
		}{{"name", &u.Name, want.User.Name}, {"locale", &u.Locale, want.User.Locale}, {"email", &u.Email, want.User.Email}} {
			if *f.from != f.to {
				*f.from = f.to
				fields += " " + f.name
			}
		}
		u.EmailKey = want.User.EmailKey
		if fields != "" {
			u.ChangedAt = tx.Now()
			if err := s.free(tx, u, eff); err != nil {
				return err
			}
			if err := tx.UpdateUser(u); err != nil {
				return err
			}
			u.Version++
			if err := tx.Append(audit.Note(audit.Did(audit.UserChanged, by, string(id), c), "fields", fields[1:])); err != nil {
				return err
			}
			if err := tx.Changed(core.ChangeUser, string(id)); err != nil {
				return err
			}
		}
		out.User = u
		if want.Invited {
			_, err = s.sendInvitation(tx, u, eff, by, c)
			return err
		}
		if want.Waiting == "" {
			return nil
		}
		return s.askEmail(tx, u, eff, want.Waiting, &out.Until, by, c)
	})
	if err != nil {
		return out, fmt.Errorf("change %s: %w", id, err)
	}
	return out, nil
}

// free holds a person's address against others who want it.
func (s *Service) free(tx store.Tx, u core.User, eff policy.Effective) error {
	if !eff.Settings.UniqueEmail {
		return nil
	}
	held, err := tx.EmailTaken(eff.Organisation.ID, u.EmailKey, u.ID)
	if err == nil && held {
		err = core.NewFault(core.KindConflict, "user.email_taken")
	}
	return err
}

func (s *Service) askEmail(tx store.Tx, u core.User, eff policy.Effective, address string, until *time.Time, by access.Actor, c core.Client) error {
	if _, err := tx.SupersedeTokens(u.ID, core.TokenEmailChange); err != nil {
		return err
	}
	token := secret.Token()
	*until = tx.Now().Add(EmailChangeLife)
	if err := tx.InsertToken(core.Token{Hash: secret.TokenHash(token), Kind: core.TokenEmailChange, Tenant: u.Tenant, User: u.ID, Email: address,
		Bound: by.ID(), CreatedAt: tx.Now(), ExpiresAt: *until}); err != nil {
		return err
	}
	if err := s.Post.Queue(tx, outbox.Message{Kind: core.MailEmailConfirm, To: u, Address: address, Effective: eff, Path: "/email/" + token, Until: *until,
		Client: c, Args: map[string]string{"by": by.Name()}}); err != nil {
		return err
	}
	// The new address is not named in what goes to the old one: whoever reads a lost
	// mailbox need not learn the next.
	if err := s.Post.Queue(tx, outbox.Message{Kind: core.MailEmailAsked, To: u, Effective: eff, Client: c, Args: map[string]string{"by": by.Name()}}); err != nil {
		return err
	}
	return tx.Append(audit.Did(audit.EmailChangeAsked, by, string(u.ID), c))
}

// EmailLink is what the page behind the link to a new address shows.
type EmailLink struct {
	Token     core.Token
	User      core.User
	Effective policy.Effective
}

// OpenEmail looks at such a link without spending it.
func (s *Service) OpenEmail(ctx context.Context, token string) (EmailLink, error) {
	k, err := s.Store.FindToken(ctx, secret.TokenHash(token))
	if errors.Is(err, core.ErrNotFound) || err == nil && k.Kind != core.TokenEmailChange {
		return EmailLink{}, core.NewFault(core.KindNotFound, "email_change.unknown")
	}
	if err != nil {
		return EmailLink{}, err
	}
	l := EmailLink{Token: k}
	if l.User, err = s.Store.FindUser(ctx, k.User); err != nil {
		return l, err
	}
	if l.Effective, err = s.Tree.Effective(ctx, l.User.Tenant); err != nil {
		return l, err
	}
	switch state := k.State(s.Now()); {
	case l.User.State == core.UserDisabled || l.User.State == core.UserDeleted || l.Effective.Deleted():
		return l, core.NewFault(core.KindNotFound, "email_change.unknown")
	case l.Effective.Suspended != nil:
		return l, core.ErrTenantSuspended.With("by", l.Effective.Suspended.Name)
	case state != core.TokenGood:
		return l, core.NewFault(core.KindConflict, "email_change."+state)
	}
	return l, nil
}

// ConfirmEmail makes the address that a link went to the account's own. Both
// addresses are told. Links that went to the old one are dead.
func (s *Service) ConfirmEmail(ctx context.Context, token string, c core.Client) (core.User, error) {
	l, err := s.OpenEmail(ctx, token)
	if err != nil {
		return core.User{}, err
	}
	addr, err := ident.ParseAddress(l.Token.Email)
	if err != nil {
		return core.User{}, err
	}
	var out core.User
	err = s.Store.Update(ctx, l.User.Tenant, func(tx store.Tx) error {
		u, err := tx.User(l.User.ID)
		if err != nil {
			return err
		}
		if u.State == core.UserDisabled || u.State == core.UserDeleted {
			return core.NewFault(core.KindNotFound, "email_change.unknown")
		}
		if err := tx.UseToken(l.Token.Hash); err != nil {
			if errors.Is(err, store.ErrConflict) {
				return core.NewFault(core.KindConflict, "email_change.used")
			}
			return err
		}
		old := u.Email
		u.Email, u.EmailKey, u.ChangedAt = addr.String(), addr.Key(), tx.Now()
		if err := s.free(tx, u, l.Effective); err != nil {
			return err
		}
		if err := tx.UpdateUser(u); err != nil {
			return err
		}
		out = u
		for _, to := range []string{old, u.Email} {
			if to == "" {
				continue
			}
			if err := s.Post.Queue(tx, outbox.Message{Kind: core.MailEmailChanged, To: u, Address: to, Effective: l.Effective, Client: c}); err != nil {
				return err
			}
		}
		if err := tx.Append(audit.By(audit.EmailChanged, u.ID, c)); err != nil {
			return err
		}
		return tx.Changed(core.ChangeUser, string(u.ID))
	})
	if err != nil {
		return core.User{}, fmt.Errorf("confirm an address: %w", err)
	}
	return out, nil
}
