package recovery

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/audit"
	"sallyport/internal/core"
	"sallyport/internal/directory"
	"sallyport/internal/enrol"
	"sallyport/internal/ident"
	"sallyport/internal/outbox"
	"sallyport/internal/policy"
	"sallyport/internal/secret"
	"sallyport/internal/store"
)

const (
	// ResetLife is how long a reset link is good.
	ResetLife = time.Hour
	// AdminLinkLife is how long the operator's link is good (interfaces §2).
	AdminLinkLife = 30 * time.Minute
	// beat is how long every answer to the form takes at least. Finding somebody
	// means writing a link and a mail, finding nobody does not: the half of a
	// millisecond between them would tell who is there (rows A-06, B-25).
	beat = 60 * time.Millisecond
	// accountsOfOneMailbox bounds how many mails one question can cause.
	accountsOfOneMailbox = 10
)

// Service holds what recovery needs.
type Service struct {
	Store store.Store
	Tree  *directory.Tree
	Post  *outbox.Post
	Enrol enrol.Room
	Now   func() time.Time
}

// Dry is the same service for a dry run: every refusal comes as it would, and
// nothing is written.
func (s *Service) Dry() *Service { return s.On(store.Dry(s.Store)) }

// On is the same service on another view of its store.
func (s *Service) On(st store.Store) *Service {
	out := *s
	out.Store = st
	return &out
}

// Ask is the "forgot password or login" form. It never tells what it found; an
// error means that nothing could be looked up or written.
func (s *Service) Ask(ctx context.Context, word string, c core.Client) error {
	answer := time.NewTimer(beat)
	defer answer.Stop()
	err := s.ask(ctx, word, c)
	select {
	case <-answer.C:
	case <-ctx.Done():
	}
	return err
}

func (s *Service) ask(ctx context.Context, word string, c core.Client) error {
	found, err := s.find(ctx, strings.TrimSpace(word))
	if err != nil {
		return fmt.Errorf("ask for a reset: %w", err)
	}
	mailed := false
	for _, u := range found {
		if u.Kind != core.Person || u.Federated || u.State != core.UserActive && u.State != core.UserValidated {
			continue // pending, disabled and deleted accounts get no link
		}
		eff, err := s.Tree.Effective(ctx, u.Tenant)
		if err != nil {
			return err
		}
		if eff.Suspended != nil {
			continue
		}
		if err := s.Store.Update(ctx, u.Tenant, func(tx store.Tx) error { return s.sendReset(tx, u, eff, c) }); err != nil {
			return fmt.Errorf("ask for a reset: %w", err)
		}
		mailed = true
	}
	if mailed {
		return nil
	}
	// The same work for nobody: one transaction with one row of audit.
	root, err := s.Tree.Root(ctx)
	if err != nil {
		return err
	}
	return s.Store.Update(ctx, root, func(tx store.Tx) error {
		return tx.Append(audit.Fail(audit.PasswordResetAsked, "", "nobody", c))
	})
}

// find is everybody whom the word may mean: the account with this login, and the
// accounts whose mail goes to this address. Somebody's login may be the address of
// others too, so neither look-up ends the other; and both are always made, so that
// the first one's answer does not show in the time.
func (s *Service) find(ctx context.Context, word string) (found []core.User, err error) {
	if key, err := ident.LoginKey(word); err == nil {
		switch l, err := s.Store.FindLogin(ctx, key, nil); {
		case err == nil:
			found = append(found, l.User)
		case !errors.Is(err, core.ErrNotFound):
			return nil, err
		}
	}
	addr, err := ident.ParseAddress(word)
	if err != nil {
		return found, nil // no address
	}
	byMail, err := s.Store.FindByEmail(ctx, addr.Key(), accountsOfOneMailbox)
	if err != nil {
		return nil, err
	}
	for _, u := range byMail {
		if !slices.ContainsFunc(found, func(f core.User) bool { return f.ID == u.ID }) {
			found = append(found, u)
		}
	}
	return found, nil
}

// sendReset mails a link. Those before it live on, each for its own hour, and end
// with the first one that sets a password: everybody may ask, so an asking that
// ended a link could keep its owner out (row A-02). There is no link without its mail.
func (s *Service) sendReset(tx store.Tx, u core.User, eff policy.Effective, c core.Client) error {
	token := secret.Token()
	till := tx.Now().Add(ResetLife)
	grants, err := tx.Roles(u.ID)
	if err != nil {
		return err
	}
	m := outbox.Message{Kind: core.MailReset, To: u, Effective: eff, Path: "/reset/" + token, Until: till, Client: c}
	if policy.ResetEffect(policy.PersonOf(u, nil).With(grants), eff) == core.ResetClearsMFA {
		m.Args = map[string]string{"clears": "yes"}
	}
	queued, err := s.Post.Offer(tx, m)
	if err != nil {
		return err
	}
	if queued {
		if err := tx.InsertToken(core.Token{Hash: secret.TokenHash(token), Kind: core.TokenReset, Tenant: u.Tenant, User: u.ID, Email: u.Email,
			CreatedAt: tx.Now(), ExpiresAt: till}); err != nil {
			return err
		}
	}
	return tx.Append(audit.By(audit.PasswordResetAsked, u.ID, c))
}

// AdminLink makes the operator's link for an account, as a local path. It is for
// the local shell only and told to every administrator of the platform.
func (s *Service) AdminLink(ctx context.Context, id core.UserID, by access.Actor, c core.Client) (path string, till time.Time, err error) {
	if !by.IsShell() && !by.IsSystem() {
		return "", till, core.ErrForbidden
	}
	u, err := s.Store.FindUser(ctx, id)
	if err != nil {
		return "", till, err
	}
	if u.State == core.UserDisabled || u.State == core.UserDeleted || u.Kind != core.Person {
		return "", till, core.NewFault(core.KindConflict, "admin_link.not_possible").With("state", string(u.State))
	}
	err = s.Store.Update(ctx, u.Tenant, func(tx store.Tx) error {
		if _, err := tx.SupersedeTokens(id, core.TokenAdminLink); err != nil {
			return err
		}
		token := secret.Token()
		path, till = "/admin-link/"+token, tx.Now().Add(AdminLinkLife)
		if err := tx.InsertToken(core.Token{Hash: secret.TokenHash(token), Kind: core.TokenAdminLink, Tenant: u.Tenant, User: id, Email: u.Email,
			Bound: by.ID(), CreatedAt: tx.Now(), ExpiresAt: till}); err != nil {
			return err
		}
		return tx.Append(audit.On(audit.AdminLinkMade, by.ID(), string(id), c))
	})
	if err != nil {
		return "", till, fmt.Errorf("make admin link: %w", err)
	}
	return path, till, nil
}

// TellOperators mails every administrator of the platform what was done on the
// local shell (decision 7.8).
func (s *Service) TellOperators(ctx context.Context, what string, target string) error {
	grants, err := s.Store.AllRoles(ctx, core.PlatformAdmin)
	if err != nil {
		return err
	}
	for _, g := range grants {
		u, err := s.Store.FindUser(ctx, g.User)
		if err != nil {
			return err
		}
		if u.State != core.UserActive && u.State != core.UserValidated {
			continue
		}
		eff, err := s.Tree.Effective(ctx, u.Tenant)
		if err != nil {
			return err
		}
		err = s.Store.Update(ctx, u.Tenant, func(tx store.Tx) error {
			return s.Post.Queue(tx, outbox.Message{Kind: core.MailLocalShell, To: u, Effective: eff, Args: map[string]string{"what": what, "target": target}})
		})
		if err != nil {
			return err
		}
	}
	return nil
}
