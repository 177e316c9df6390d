package signin

import (
	"context"
	"errors"
	"fmt"

	"sallyport/internal/audit"
	"sallyport/internal/core"
	"sallyport/internal/outbox"
	"sallyport/internal/policy"
	"sallyport/internal/secret"
	"sallyport/internal/session"
	"sallyport/internal/store"
)

// Link is what the page behind a single-use link shows before it is spent.
type Link struct {
	Token     core.Token
	User      core.User
	Effective policy.Effective
	Inviter   string
	// ClearsMFA: setting a password with this link ends the person's second factor.
	ClearsMFA bool
	// Page is a word that no other page of this link has. A form that comes twice
	// from one page is a double click.
	Page string
}

// Open looks at a link without spending it: a GET, a mail scanner or a preview
// changes nothing. A link that is not good any more is a fault that says why,
// such as "invitation.expired".
func (s *Service) Open(ctx context.Context, kind core.TokenKind, token string) (Link, error) {
	t, err := s.Store.FindToken(ctx, secret.TokenHash(token))
	if errors.Is(err, core.ErrNotFound) || err == nil && t.Kind != kind {
		// A link of another purpose is as unknown as one that never was (row B-10).
		return Link{}, core.NewFault(core.KindNotFound, string(kind)+".unknown")
	}
	if err != nil {
		return Link{}, fmt.Errorf("open link: %w", err)
	}
	l := Link{Token: t, Page: secret.Token()}
	if l.User, err = s.Store.FindUser(ctx, t.User); err != nil {
		return l, fmt.Errorf("open link: %w", err)
	}
	if l.Effective, err = s.Tree.Effective(ctx, l.User.Tenant); err != nil {
		return l, err
	}
	if t.Kind == core.TokenInvitation && t.Bound != core.ActorShell {
		if by, err := s.Store.FindUser(ctx, core.UserID(t.Bound)); err == nil {
			l.Inviter = by.Name
		}
	}
	if err := s.good(l); err != nil || t.Kind != core.TokenReset {
		return l, err
	}
	grants, err := s.Store.RolesOf(ctx, l.User.ID)
	l.ClearsMFA = err == nil && clears(l.User, l.Effective, grants)
	return l, err
}

// clears reports whether a reset by mail ends this person's second factor: only
// where the organisation says so, and never of who administers the platform or a
// partner (row WBX-11). Roles are always looked at; unknown ones keep it.
func clears(u core.User, eff policy.Effective, grants []core.RoleGrant) bool {
	return policy.ResetEffect(policy.PersonOf(u, nil).With(grants), eff) == core.ResetClearsMFA
}

func (s *Service) good(l Link) error {
	state := l.Token.State(s.Now())
	if state == core.TokenGood && l.Token.Email != l.User.Email {
		state = core.TokenSuperseded // it went to an address that is not theirs any more
	}
	switch {
	case state != core.TokenGood:
		return core.NewFault(core.KindConflict, string(l.Token.Kind)+"."+state).With("days", l.Effective.Settings.InvitationDays)
	case l.User.State == core.UserDisabled || l.User.State == core.UserDeleted || l.Effective.Deleted():
		return core.NewFault(core.KindNotFound, string(l.Token.Kind)+".unknown")
	case l.Effective.Suspended != nil:
		return core.ErrTenantSuspended.With("by", l.Effective.Suspended.Name)
	}
	return nil
}

// Accept spends an invitation: the mailbox is confirmed, the password set, and a
// sign-in begun with both.
func (s *Service) Accept(ctx context.Context, token, typed, page string, v Visitor) (Result, error) {
	return s.spend(ctx, core.TokenInvitation, token, typed, page, v, func(tx store.Tx, l Link, u *core.User) (core.AttemptDoc, error) {
		if u.State != core.UserInvited {
			return core.AttemptDoc{}, core.NewFault(core.KindConflict, "invitation.used")
		}
		u.State, u.ValidatedAt = core.UserValidated, tx.Now()
		// Accepting counts as a sign-in and as the mail proof (setting enrol_proof).
		u.LastSignInAt, u.AwakeAt = tx.Now(), tx.Now()
		return core.AttemptDoc{MailProved: true}, tx.Append(audit.By(audit.UserValidated, u.ID, v.Client))
	})
}

// Reset spends a reset link: a new password is set, all sessions and known
// browsers end, and a sign-in begins that still needs the second factor: a reset
// never passes it by (rows CAL-09, A-07, B-15). Where the organisation wants a reset
// to clear the second factor there is none to ask for then, and the sign-in leads
// into the setup where one is required.
func (s *Service) Reset(ctx context.Context, token, typed, page string, v Visitor) (Result, error) {
	return s.spend(ctx, core.TokenReset, token, typed, page, v, func(tx store.Tx, l Link, u *core.User) (core.AttemptDoc, error) {
		if u.State == core.UserInvited {
			return core.AttemptDoc{}, core.NewFault(core.KindNotFound, "reset.unknown")
		}
		if err := s.clear(tx, *u, l.Effective, v.Client); err != nil {
			return core.AttemptDoc{}, err
		}
		// Following the link showed the mailbox, which is what enrol_proof asks for.
		return core.AttemptDoc{MailProved: true}, tx.Append(audit.By(audit.PasswordReset, u.ID, v.Client))
	})
}

// clear ends a person's second factor with a reset by mail, where that is the
// setting. Trust in browsers ends with the password anyway.
func (s *Service) clear(tx store.Tx, u core.User, eff policy.Effective, c core.Client) error {
	grants, err := tx.Roles(u.ID)
	if err != nil || !clears(u, eff, grants) {
		return err
	}
	factors, err := tx.Factors(u.ID)
	if err != nil {
		return err
	}
	lost, err := s.Enrol.Wipe(tx, factors, "password_reset")
	if err != nil || lost.Apps+lost.Codes == 0 {
		return err
	}
	if err := tx.SaveBudget(u.ID, budgetCodes, core.Budget{}); err != nil {
		return err
	}
	if err := s.Post.Queue(tx, outbox.Message{Kind: core.MailMFACleared, To: u, Effective: eff, Client: c}); err != nil {
		return err
	}
	e := audit.Note(audit.By(audit.MFAReset, u.ID, c), "why", "password_reset")
	return tx.Append(audit.Count(audit.Count(e, "apps", lost.Apps), "codes", lost.Codes))
}

// honour is what spending a link does besides setting the password; it returns
// what the attempt begins with.
type honour func(store.Tx, Link, *core.User) (core.AttemptDoc, error)

// spend is what links that set a password have in common.
func (s *Service) spend(ctx context.Context, kind core.TokenKind, token, typed, page string, v Visitor, fn honour) (Result, error) {
	return s.once(ctx, kind, token, func(l Link) (Result, error) {
		return s.spendOpen(ctx, l, typed, page, v, fn)
	}, func(l Link) (Result, bool, error) {
		return s.spentWith(ctx, l, typed, page, v)
	})
}

// once spends a link. A second request of the click that spent it gets what the
// first one got, from again; everybody else with a used link hears that it is
// used, and nothing of theirs is looked at.
func (s *Service) once(ctx context.Context, kind core.TokenKind, token string, do func(Link) (Result, error), again func(Link) (Result, bool, error)) (Result, error) {
	l, refused := s.Open(ctx, kind, token)
	if refused == nil {
		var res Result
		if res, refused = do(l); refused == nil {
			return res, nil
		}
		if f, ok := core.AsFault(refused); !ok || f.Kind != core.KindConflict {
			return Result{}, refused
		}
	} else if used := l.Token.UsedAt; used.IsZero() || s.Now().Sub(used) >= clickLife {
		return Result{}, refused
	}
	if res, is, err := again(l); err != nil || is {
		return res, err
	}
	return Result{}, refused
}

func (s *Service) spendOpen(ctx context.Context, l Link, typed, page string, v Visitor, fn honour) (Result, error) {
	kind := l.Token.Kind
	made, err := s.MakePassword(ctx, l.User, l.Effective, typed, v)
	if err != nil {
		return Result{}, err
	}
	var out Result
	err = s.Store.Update(ctx, l.User.Tenant, func(tx store.Tx) error {
		if err := s.consume(tx, l); err != nil {
			return err
		}
		u, err := tx.User(l.User.ID)
		if err != nil {
			return err
		}
		if u.Email != l.Token.Email {
			return core.NewFault(core.KindConflict, string(kind)+".superseded")
		}
		doc, err := fn(tx, l, &u)
		if err != nil {
			return err
		}
		u.ChangedAt = tx.Now()
		if err := tx.UpdateUser(u); err != nil {
			return err
		}
		u.Version++
		made.SetAt = tx.Now()
		if err := s.replacePassword(tx, u, l.Effective, made, v, "", ""); err != nil {
			return err
		}
		factors, err := tx.Factors(u.ID)
		if err != nil {
			return err
		}
		doc.Proofs = []core.Proof{{Kind: core.FactorPassword, At: tx.Now(), By: string(kind)}}
		if doc.Click.Mark, err = s.markOf(l, page); err != nil {
			return err
		}
		if out, err = s.begin(tx, u, factors, l.Effective, doc, v); err != nil {
			return err
		}
		began := string(out.Attempt)
		if out.Opened != nil {
			began = string(out.Opened.Session.ID)
		}
		return tx.BindToken(l.Token.Hash, began)
	})
	if err != nil {
		return Result{}, fmt.Errorf("spend link: %w", err)
	}
	return out, nil
}

// consume spends a link for exactly one caller.
func (s *Service) consume(tx store.Tx, l Link) error {
	err := tx.UseToken(l.Token.Hash)
	if errors.Is(err, store.ErrConflict) {
		// Not a conflict that running again could solve: somebody was faster.
		t, err := tx.Token(l.Token.Hash)
		if err != nil {
			return core.NewFault(core.KindNotFound, string(l.Token.Kind)+".unknown")
		}
		state := t.State(tx.Now())
		if state == core.TokenGood {
			return store.ErrConflict
		}
		return core.NewFault(core.KindConflict, string(t.Kind)+"."+state)
	}
	return err
}

// replacePassword writes a password and ends what lived on the old one: known
// browsers always, the person's other links for it, and sessions but the one
// kept (none at a reset).
func (s *Service) replacePassword(tx store.Tx, u core.User, eff policy.Effective, p core.Password, v Visitor, keep core.SessionID, keepAttempt core.AttemptID) error {
	had, err := tx.Password(u.ID)
	if err != nil && !errors.Is(err, core.ErrNotFound) {
		return err
	}
	if err := tx.SetPassword(u.ID, p); err != nil {
		return err
	}
	if _, err := tx.DropBrowsers(u.ID); err != nil {
		return err
	}
	// The password's budgets start anew; the codes' budget is not the password's (N-02).
	if err := tx.SaveBudget(u.ID, "password", core.Budget{}); err != nil {
		return err
	}
	for _, k := range []core.TokenKind{core.TokenReset, core.TokenAdminLink} {
		if _, err := tx.SupersedeTokens(u.ID, k); err != nil {
			return err
		}
	}
	if err := tx.EndAttempts(u.ID, keepAttempt); err != nil {
		return err
	}
	if keep == "" {
		if _, err := session.EndAll(tx, u.ID, session.WhyPassword, audit.By(audit.SessionRevoked, u.ID, v.Client)); err != nil {
			return err
		}
	}
	if had.Hash == "" {
		return nil // the first password is no change to tell about
	}
	if err := s.Post.Queue(tx, outbox.Message{Kind: core.MailPasswordChanged, To: u, Effective: eff, Client: v.Client}); err != nil {
		return err
	}
	return tx.Append(audit.By(audit.PasswordChanged, u.ID, v.Client))
}

// ProveMail spends the link that shows the mailbox before a first factor is
// bound. It does not matter in which browser: the sign-in goes on in the one
// that asked.
func (s *Service) ProveMail(ctx context.Context, token, page string, v Visitor) error {
	_, err := s.once(ctx, core.TokenEnrolProof, token, func(l Link) (Result, error) {
		return Result{}, s.proveMail(ctx, l, page, v)
	}, func(l Link) (Result, bool, error) {
		is, err := s.provedBy(ctx, l, page)
		return Result{}, is, err
	})
	return err
}

func (s *Service) proveMail(ctx context.Context, l Link, page string, v Visitor) error {
	return s.Store.Update(ctx, l.User.Tenant, func(tx store.Tx) error {
		if err := s.consume(tx, l); err != nil {
			return err
		}
		mark, err := s.markOf(l, page)
		if err != nil {
			return err
		}
		if a, err := tx.Attempt(core.AttemptID(l.Token.Bound)); err == nil && a.User == l.User.ID && a.DoneAt.IsZero() {
			a.Doc.MailProved, a.Doc.ProvedBy = true, mark
			if err := tx.UpdateAttempt(a); err != nil {
				return err
			}
		} else if sess, err := tx.Session(core.SessionID(l.Token.Bound)); err == nil && sess.User == l.User.ID && sess.EndedAt.IsZero() {
			sess.Doc.MailProved, sess.Doc.ProvedBy, sess.Doc.Asleep = true, mark, false
			if err := tx.UpdateSession(sess); err != nil {
				return err
			}
			u, err := tx.User(sess.User)
			if err != nil {
				return err
			}
			u.AwakeAt = tx.Now()
			if err := tx.UpdateUser(u); err != nil {
				return err
			}
			if err := tx.Changed(core.ChangeSession, string(sess.ID)); err != nil {
				return err
			}
		} else {
			return core.ErrAttemptExpired
		}
		// The others end with the first that is followed: one of them may belong to
		// somebody else who knows the password.
		if _, err := tx.SupersedeTokens(l.User.ID, core.TokenEnrolProof); err != nil {
			return err
		}
		return tx.Append(audit.By(audit.MailProofGiven, l.User.ID, v.Client))
	})
}

// AdminLink spends an operator's link: it signs nobody in, but begins an attempt
// in which a new password and a new factor must be set; the old factors end when
// the new one is confirmed (decision 7.19). The attempt's cookie is the only way
// on, so a second request of the click gets the same one.
func (s *Service) AdminLink(ctx context.Context, token, page string, v Visitor) (Result, error) {
	return s.once(ctx, core.TokenAdminLink, token, func(l Link) (Result, error) {
		return s.adminLink(ctx, l, page, v)
	}, func(l Link) (Result, bool, error) {
		o, _, is, err := s.spentBy(ctx, l, page)
		return o.result(), is, err
	})
}

func (s *Service) adminLink(ctx context.Context, l Link, page string, v Visitor) (Result, error) {
	var out Result
	err := s.Store.Update(ctx, l.User.Tenant, func(tx store.Tx) error {
		if err := s.consume(tx, l); err != nil {
			return err
		}
		u, err := tx.User(l.User.ID)
		if err != nil {
			return err
		}
		if u.State == core.UserInvited {
			// The operator vouches for the first administrator, whose mailbox no mail may reach yet.
			u.State, u.ValidatedAt, u.ChangedAt = core.UserValidated, tx.Now(), tx.Now()
			if err := tx.UpdateUser(u); err != nil {
				return err
			}
		}
		if err := tx.EndAttempts(u.ID); err != nil {
			return err
		}
		browser := attemptSecret(u.Tenant)
		a := core.Attempt{ID: core.AttemptID(secret.NewID(core.PrefixAttempt, tx.Now())), Tenant: u.Tenant, User: u.ID, Browser: secret.TokenHash(browser),
			Doc:       core.AttemptDoc{Purpose: core.PurposeAdminLink, NewPassword: true, MailProved: true, Address: v.Where(), Agent: v.AgentShort()},
			CreatedAt: tx.Now(), ExpiresAt: tx.Now().Add(core.AttemptLife)}
		if a.Doc.Click.Mark, err = s.markOf(l, page); err != nil {
			return err
		}
		if err := s.keepBegun(&a, StepNewPassword, browser); err != nil {
			return err
		}
		if err := tx.InsertAttempt(a); err != nil {
			return err
		}
		out = Result{Step: StepNewPassword, Attempt: a.ID, Browser: browser}
		if err := tx.BindToken(l.Token.Hash, string(a.ID)); err != nil {
			return err
		}
		if err := s.Post.Queue(tx, outbox.Message{Kind: core.MailAdminLinkUsed, To: u, Effective: l.Effective, Client: v.Client}); err != nil {
			return err
		}
		return tx.Append(audit.By(audit.AdminLinkUsed, u.ID, v.Client))
	})
	if err != nil {
		return Result{}, fmt.Errorf("spend admin link: %w", err)
	}
	return out, nil
}

func busy(err error) error {
	var b secret.ErrBusy
	if errors.As(err, &b) {
		return core.ErrRateLimited.After(b.RetryAfter)
	}
	return err
}
