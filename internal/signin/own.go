package signin

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"sallyport/internal/audit"
	"sallyport/internal/core"
	"sallyport/internal/enrol"
	"sallyport/internal/policy"
	"sallyport/internal/secret"
	"sallyport/internal/session"
	"sallyport/internal/store"
)

// What somebody who is signed in does to their own account. Each step reads the
// session again inside its transaction, so that one that was ended meanwhile
// changes nothing.

// Self is a person at their own account.
type Self struct {
	session.Current
	Visitor
}

// own opens the transaction of one such step. A request that came with a token
// which was replaced while it was under way has come too late, as if it had met
// the guard a moment later (row A-13).
func (s *Service) own(ctx context.Context, me Self, fn func(store.Tx, core.Session, core.User, []core.Factor) error) error {
	if me.Session.ActingIn != "" {
		return session.ErrActing
	}
	return s.reread(ctx, me, func(tx store.Tx, sess core.Session, u core.User, factors []core.Factor) error {
		if !me.holds(sess) {
			return core.ErrNoSession
		}
		return fn(tx, sess, u, factors)
	})
}

// holds tells whether the token that this request came with is still the one.
func (me Self) holds(sess core.Session) bool {
	return secret.Equal(sess.TokenHash, me.Session.TokenHash)
}

func (s *Service) reread(ctx context.Context, me Self, fn func(store.Tx, core.Session, core.User, []core.Factor) error) error {
	return s.Store.Update(ctx, me.Session.Tenant, func(tx store.Tx) error {
		sess, err := tx.Session(me.Session.ID)
		if err != nil || !sess.EndedAt.IsZero() || sess.User != me.User.ID {
			return core.ErrNoSession
		}
		u, err := tx.User(me.User.ID)
		if err != nil {
			return err
		}
		factors, err := tx.Factors(u.ID)
		if err != nil {
			return err
		}
		// The three belong together: a step that another request of this session
		// finishes between the reads would show its factor without its proof.
		if again, err := tx.Session(sess.ID); err != nil || again.Version != sess.Version {
			return errors.Join(store.ErrConflict, err)
		}
		return fn(tx, sess, u, factors)
	})
}

// ask is the gate's question for a session that goes on.
func (me Self) ask(u core.User, factors []core.Factor, doc core.SessionDoc, proofs ...core.Proof) session.Ask {
	return session.Ask{User: u, Factors: factors, Effective: me.Effective, Proofs: proofs, Client: me.Client, Doc: doc}
}

// Needs tells what a person must show before changing factors: a fresh proof of
// some kind, the mailbox (mail), or nothing.
func (s *Service) Needs(ctx context.Context, me Self, enrolling bool) (proof core.FactorKind, mail bool, err error) {
	err = s.Store.View(ctx, me.Session.Tenant, func(r store.Reader) error {
		factors, err := r.Factors(me.User.ID)
		if err != nil {
			return err
		}
		proof, mail = s.needs(me, me.Session, me.User, factors, enrolling)
		return nil
	})
	return proof, mail, err
}

func (s *Service) needs(me Self, sess core.Session, u core.User, factors []core.Factor, enrolling bool) (core.FactorKind, bool) {
	proof := session.FreshKind(sess, factors, s.Now())
	who := policy.PersonOf(u, factors)
	if sess.Doc.Asleep {
		who.AwakeAt = time.Time{} // whatever others did since: this session's sign-in did not count
	}
	mail := enrolling && policy.MailFirst(policy.Facts{Now: s.Now(), Person: who, Effective: me.Effective,
		Shown: policy.Shown{KnownBrowser: !sess.Doc.Asleep, MailProved: sess.Doc.MailProved}})
	return proof, mail
}

// StepUp proves again, with a code or, where there is no second factor, with the
// password. The session's token changes; it is empty where the browser has the
// right one already.
func (s *Service) StepUp(ctx context.Context, me Self, code, password string) (session.Opened, bool, error) {
	if err := s.Limiter.Check(me.Source(), s.Now()); err != nil {
		return session.Opened{}, false, err
	}
	press := me.press("step-up", code)
	var out raised
	var need core.FactorKind
	err := s.Store.View(ctx, me.Session.Tenant, func(r store.Reader) error {
		sess, err := r.Session(me.Session.ID)
		if errors.Is(err, core.ErrNotFound) || err == nil && !sess.EndedAt.IsZero() {
			return core.ErrNoSession
		}
		if err != nil {
			return err
		}
		if !me.holds(sess) {
			return s.late(sess, press, r.Now(), &out)
		}
		factors, err := r.Factors(me.User.ID)
		need, _ = s.needs(me, sess, me.User, factors, false)
		return err
	})
	if err != nil || out.Token != "" {
		return out.Opened, out.Reveal, err
	}
	if need == core.FactorPassword {
		if err := s.Own(ctx, me.User, password, me.Visitor); err != nil {
			return session.Opened{}, false, err
		}
	}
	var refused *core.Fault
	proved := ""
	err = s.raising(ctx, me, press, &out, func(tx store.Tx, click clicked, sess core.Session, u core.User, factors []core.Factor) error {
		refused, proved = nil, ""
		proof := core.Proof{Kind: core.FactorPassword, At: tx.Now()}
		doc := sess.Doc
		if again, err := s.repeats(sess, factors, code, tx); err != nil {
			return err
		} else if again {
			out = raised{Opened: session.Opened{Session: sess}, Reveal: len(doc.Reveal) > 0}
			return nil
		}
		if policy.Enrolled(factors) {
			shown, fault, err := s.check(tx, u, factors, me.Effective, code, terms{known: true}, me.Client)
			if err != nil || fault != nil {
				refused = fault
				return err
			}
			if shown.recovered && sess.ActingIn != "" {
				return session.ErrActing // it would show new ones, where nothing of one's own is shown
			}
			proof, factors, proved = shown.proof, shown.factors, shown.counts()
			doc.Recovered = doc.Recovered || shown.recovered
			if len(shown.codes) > 0 {
				if doc, err = s.Enrol.Hide(u, doc, shown.codes, "used", tx.Now()); err != nil {
					return err
				}
				doc.ReturnTo = ""
				out.Reveal = true
			}
		} else if need != core.FactorPassword {
			return core.ErrStepUp // the factors changed under our feet; look again
		}
		var err error
		if out.Opened, err = session.Raise(tx, sess, click.ask(me.ask(u, factors, doc, proof), out)); err != nil {
			return err
		}
		e := audit.By(audit.StepUpSucceeded, u.ID, me.Client)
		e.Session = sess.ID
		return tx.Append(audit.Note(e, "method", string(proof.Kind)))
	})
	if err != nil {
		return session.Opened{}, false, fmt.Errorf("step up: %w", err)
	}
	if refused != nil {
		s.Limiter.Fail(me.Source(), s.Now())
		s.count("second_factor", "refused", refused.Code)
		return session.Opened{}, false, refused
	}
	if proved != "" {
		s.count(proved, "ok", "")
	}
	return out.Opened, out.Reveal, nil
}

// fresh refuses a change of factors without its proof.
func (s *Service) fresh(me Self, sess core.Session, u core.User, factors []core.Factor, enrolling bool) error {
	proof, mail := s.needs(me, sess, u, factors, enrolling)
	switch {
	case proof != "":
		return core.ErrStepUp.With("method", string(proof))
	case mail:
		return core.ErrStepUp.With("method", "mail")
	}
	return nil
}

// BeginTOTP shows the key of a new authenticator app on the security page.
func (s *Service) BeginTOTP(ctx context.Context, me Self) (setup enrol.Setup, replaces bool, err error) {
	err = s.own(ctx, me, func(tx store.Tx, sess core.Session, u core.User, factors []core.Factor) error {
		if err := s.mayEnrol(ctx, me, u, factors); err != nil {
			return err
		}
		if err := s.fresh(me, sess, u, factors, true); err != nil {
			return err
		}
		replaces = policy.Enrolled(factors)
		setup, err = s.Enrol.Begin(tx, u, factors, me.Effective, string(sess.ID), "security-page")
		return err
	})
	return setup, replaces, err
}

func (s *Service) mayEnrol(ctx context.Context, me Self, u core.User, factors []core.Factor) error {
	grants, err := s.Store.RolesOf(ctx, u.ID)
	if err != nil {
		return err
	}
	admin := false
	for _, g := range grants {
		admin = admin || g.Role != core.RoleUser
	}
	p := policy.PersonOf(u, factors).With(grants)
	if !policy.Enrolled(factors) && !policy.MayOptIn(p, me.Effective, admin) {
		return core.ErrPolicyLocked.With("by", me.Effective.Name())
	}
	return nil
}

// ConfirmTOTP takes the first code of the new app. The session rises, and its
// next page shows the recovery code. With endOthers the person's other sessions
// end with it (row A-14): they have shown less than is asked for now.
func (s *Service) ConfirmTOTP(ctx context.Context, me Self, typed string, endOthers bool) (opened session.Opened, replaced bool, err error) {
	if me.Session.ActingIn != "" {
		return session.Opened{}, false, session.ErrActing
	}
	var refused *core.Fault
	var out raised
	var took time.Duration
	err = s.raising(ctx, me, me.press("confirm", typed), &out, func(tx store.Tx, click clicked, sess core.Session, u core.User, factors []core.Factor) error {
		refused = nil
		if err := s.fresh(me, sess, u, factors, true); err != nil {
			return err
		}
		if again, err := s.repeats(sess, factors, typed, tx); err != nil {
			return err
		} else if again {
			out = raised{Opened: session.Opened{Session: sess}}
			return nil
		}
		done, fault, err := s.Enrol.Confirm(tx, u, factors, me.Effective, string(sess.ID), strip(typed), me.Client)
		if err != nil || fault != nil {
			refused = fault
			return err
		}
		doc := sess.Doc
		if len(done.Codes) > 0 {
			if doc, err = s.Enrol.Hide(u, doc, done.Codes, "enrolled", tx.Now()); err != nil {
				return err
			}
			doc.ReturnTo = ""
		}
		if doc.Sheet = sheetOf(done); doc.Sheet != "" {
			doc.SheetUntil, doc.ReturnTo = tx.Now().Add(BetweenLife), ""
		}
		if endOthers {
			if _, err := session.EndAll(tx, u.ID, session.WhyFactor, audit.By(audit.SessionRevoked, u.ID, me.Client), sess.ID); err != nil {
				return err
			}
		}
		out.Replaced, took = done.Replace, done.Took
		out.Opened, err = session.Raise(tx, sess, click.ask(me.ask(u, done.Factors, doc, done.Proof), out))
		return err
	})
	if err == nil && refused != nil {
		s.count("enrolment", "refused", refused.Code)
		err = refused
	}
	if err != nil {
		return session.Opened{}, false, fmt.Errorf("confirm factor: %w", err)
	}
	s.count("enrolment", "ok", "")
	if took > 0 { // else it was the second request of a click
		s.count("enrolment_took", took.String(), "")
	}
	return out.Opened, out.Replaced, nil
}

// Disable switches the person's own two-factor authentication off. Where the
// organisation says confirm_only, nothing more is asked (row CAL-12).
func (s *Service) Disable(ctx context.Context, me Self) error {
	return s.own(ctx, me, func(tx store.Tx, sess core.Session, u core.User, factors []core.Factor) error {
		who, err := session.Who(tx, u, factors, me.Effective)
		if err != nil {
			return err
		}
		how, ok := policy.MayDisable(who, me.Effective)
		// Confirming alone is enough for who has shown the factor. A session from
		// before it came has not, and could undo with a click what its owner has just
		// set up (row B-21).
		if ok && policy.Enrolled(factors) && (how == core.DisableSecondFactor || !sess.Level.AtLeast(core.LevelMFA)) {
			if err := s.fresh(me, sess, u, factors, false); err != nil {
				return err
			}
		}
		if err := s.Enrol.Disable(tx, u, factors, me.Effective, me.Client); err != nil {
			return err
		}
		if len(sess.Doc.Reveal) == 0 {
			return nil
		}
		sess.Doc.Reveal, sess.Doc.RevealWhy, sess.Doc.RevealUntil = nil, "", time.Time{}
		if err := tx.UpdateSession(sess); err != nil {
			return err
		}
		return tx.Changed(core.ChangeSession, string(sess.ID))
	})
}

// RenewCodes makes new recovery codes and shows them on the next page.
func (s *Service) RenewCodes(ctx context.Context, me Self) error {
	return s.own(ctx, me, func(tx store.Tx, sess core.Session, u core.User, factors []core.Factor) error {
		if !policy.Enrolled(factors) {
			return core.NewFault(core.KindConflict, "recovery.not_offered")
		}
		if me.Effective.Disabling() {
			return enrol.ErrDisabling
		}
		if err := s.fresh(me, sess, u, factors, false); err != nil {
			return err
		}
		// N-22: look-up secrets are issued only in a session of their own level.
		if !sess.Level.AtLeast(core.LevelMFA) {
			return core.ErrStepUp.With("method", string(core.FactorTOTP))
		}
		_, codes, err := s.Enrol.Renew(tx, u, factors, me.Effective, true, me.Client)
		if err != nil {
			return err
		}
		if sess.Doc, err = s.Enrol.Hide(u, sess.Doc, codes, "made", tx.Now()); err != nil {
			return err
		}
		sess.Doc.ReturnTo = ""
		if err := tx.UpdateSession(sess); err != nil {
			return err
		}
		return tx.Changed(core.ChangeSession, string(sess.ID))
	})
}

// SavedCodes is the person's word that the codes are saved; from then on they
// are not shown again.
func (s *Service) SavedCodes(ctx context.Context, me Self) (Onward, error) {
	on, _, err := s.answer(ctx, me, BetweenCodes, func(tx store.Tx, doc *core.SessionDoc, u core.User, factors []core.Factor) error {
		doc.Reveal, doc.RevealWhy, doc.RevealUntil = nil, "", time.Time{}
		return s.Enrol.Saved(tx, u, factors, me.Client)
	})
	return on, err
}

// AskOwnMail mails the link that shows the mailbox before a first factor is
// bound on the security page. While one of this session's is good, another goes
// out only when the person presses the button again: looking at a page any number
// of times is no wish for mail.
func (s *Service) AskOwnMail(ctx context.Context, me Self, again bool) error {
	return s.own(ctx, me, func(tx store.Tx, sess core.Session, u core.User, factors []core.Factor) error {
		if _, mail := s.needs(me, sess, u, factors, true); !mail {
			return nil
		}
		if !again {
			out, err := tx.Tokens(u.ID, core.TokenEnrolProof)
			if err != nil || slices.ContainsFunc(out, func(t core.Token) bool {
				return t.Bound == string(sess.ID) && t.Email == u.Email && t.State(tx.Now()) == core.TokenGood
			}) {
				return err
			}
		}
		return s.mailProof(tx, u, me.Effective, string(sess.ID), me.Client)
	})
}

// ChangePassword needs the current one (row A-03) and offers to end the other
// sessions; known browsers are dropped in any case.
func (s *Service) ChangePassword(ctx context.Context, me Self, current, fresh string, endOthers bool) (ended int, err error) {
	if me.Session.ActingIn != "" {
		return 0, session.ErrActing
	}
	if done, err := s.changedJustNow(ctx, me, fresh); err != nil || done {
		return 0, err
	}
	if err := s.Own(ctx, me.User, current, me.Visitor); err != nil {
		if done, _ := s.changedJustNow(ctx, me, fresh); done {
			return 0, nil // meanwhile
		}
		return 0, err
	}
	if current == fresh {
		return 0, core.Invalid("password.same")
	}
	made, err := s.MakePassword(ctx, me.User, me.Effective, fresh, me.Visitor)
	if err != nil {
		return 0, err
	}
	err = s.own(ctx, me, func(tx store.Tx, sess core.Session, u core.User, _ []core.Factor) error {
		made.SetAt = tx.Now()
		if err := s.replacePassword(tx, u, me.Effective, made, me.Visitor, sess.ID, ""); err != nil {
			return err
		}
		if !endOthers {
			return nil
		}
		ended, err = session.EndAll(tx, u.ID, session.WhyPassword, audit.By(audit.SessionRevoked, u.ID, me.Client), sess.ID)
		return err
	})
	return ended, err
}

// changedJustNow: the new password is the one that was set a moment ago, so this
// is the second request of a double click. It is checked as any guess is.
func (s *Service) changedJustNow(ctx context.Context, me Self, fresh string) (bool, error) {
	var p core.Password
	err := s.Store.View(ctx, me.Session.Tenant, func(r store.Reader) (err error) {
		p, err = r.Password(me.User.ID)
		return err
	})
	if err != nil || s.Now().Sub(p.SetAt) > clickLife {
		return false, err
	}
	err = s.Own(ctx, me.User, fresh, me.Visitor)
	if f, ok := core.AsFault(err); ok && f.Kind == core.KindInvalid {
		return false, nil
	}
	return err == nil, err
}

// SetLocale changes the language a person is written to in.
func (s *Service) SetLocale(ctx context.Context, me Self, locale string) error {
	return s.own(ctx, me, func(tx store.Tx, _ core.Session, u core.User, _ []core.Factor) error {
		if u.Locale == locale {
			return nil
		}
		u.Locale, u.ChangedAt = locale, tx.Now()
		if err := tx.UpdateUser(u); err != nil {
			return err
		}
		if err := tx.Append(audit.Note(audit.By(audit.UserProfile, u.ID, me.Client), "field", "locale")); err != nil {
			return err
		}
		return tx.Changed(core.ChangeUser, string(u.ID))
	})
}
