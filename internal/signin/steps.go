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
	"sallyport/internal/factor/password"
	"sallyport/internal/outbox"
	"sallyport/internal/policy"
	"sallyport/internal/secret"
	"sallyport/internal/store"
)

// Page is what the page of an attempt's step shows.
type Page struct {
	Step      Step
	Attempt   core.Attempt
	User      core.User
	Factors   []core.Factor
	Effective policy.Effective
	Decision  policy.Decision
	Setup     enrol.Setup // at StepEnrolTOTP
	Contact   core.User   // at StepSetupRequired: whom to ask, if anybody
	// At StepCode: whether the person may end their second factor here, how many
	// browsers they trust, and until when what is no code of the app is not looked at.
	MayReset    bool
	Trusted     int
	SpareLocked time.Time
}

// Look tells where an attempt stands, for the page that a browser asks for. At
// the enrolment step it makes the secret that the page shows.
func (s *Service) Look(ctx context.Context, id core.AttemptID, v Visitor) (Page, error) {
	var p Page
	err := s.attempt(ctx, id, v, func(tx store.Tx, st standing) error {
		if !st.attempt.DoneAt.IsZero() {
			p = Page{Step: StepDone, Attempt: st.attempt}
			return nil
		}
		step, d := next(&st)
		p = Page{Step: step, Attempt: st.attempt, User: st.user, Factors: st.factors, Effective: st.eff, Decision: d}
		if step == StepCode {
			return s.lookPrompt(tx, st, &p)
		}
		if step != StepEnrolTOTP {
			return nil
		}
		setup, err := s.Enrol.Begin(tx, st.user, st.factors, st.eff, string(id), "sign-in")
		p.Setup = setup
		return err
	})
	if err == nil && p.Step == StepSetupRequired {
		p.Contact, err = s.contact(ctx, p.Effective, p.User.ID)
	}
	if err != nil {
		return Page{}, fmt.Errorf("look at attempt %s: %w", id, err)
	}
	return p, nil
}

func (s *Service) lookPrompt(tx store.Tx, st standing, p *Page) error {
	p.MayReset = st.mayReset()
	b, err := tx.Budget(st.user.ID, budgetCodes)
	if err != nil {
		return err
	}
	if b.Locked(tx.Now()) {
		p.SpareLocked = b.LockedUntil
	}
	if st.eff.Settings.Challenge != core.ChallengeUntrustedBrowser {
		return nil
	}
	all, err := tx.Browsers(st.user.ID)
	for _, b := range all {
		if _, ok := policy.TrustEnds(b, st.eff, tx.Now()); ok {
			p.Trusted++
		}
	}
	return err
}

// contact is somebody to ask about what the organisation requires: an
// administrator of its own with a mailbox, other than the person who asks.
func (s *Service) contact(ctx context.Context, eff policy.Effective, except core.UserID) (who core.User, err error) {
	org := eff.Organisation.ID
	err = s.Store.View(ctx, org, func(r store.Reader) error {
		who = core.User{}
		all, err := r.Administrators(org)
		for _, u := range all {
			if u.ID != except && u.Email != "" && u.Tenant == org {
				who = u
				break
			}
		}
		return err
	})
	return who, err
}

// Answers of the page that says a second factor is due, or offers one.
const (
	GoEnrol = "enrol"
	GoSkip  = "skip"
)

// Go answers the page that says a second factor is due: set it up now, or skip
// where that is allowed, also on a later page of the setup.
func (s *Service) Go(ctx context.Context, id core.AttemptID, choice string, v Visitor) (Result, error) {
	var out Result
	var refused *core.Fault
	err := s.attempt(ctx, id, v, func(tx store.Tx, st standing) error {
		refused = nil
		a := st.attempt
		if !a.DoneAt.IsZero() {
			out = Result{Step: StepDone, Attempt: id}
			if again, ok := s.sameAnswer(a, pressedSkip); ok && choice == GoSkip {
				out = again // the second request of one click: the skip counts once
			}
			return nil
		}
		step, d := next(&st)
		switch {
		case choice == GoSkip && d.Outcome == policy.MaySkip:
			var err error
			out, err = s.skip(tx, st, v)
			return err
		case step != StepSetupRequired:
			out = Result{Step: step, Attempt: id}
			return nil
		case choice != GoEnrol && d.Outcome == policy.MaySkip:
			refused = core.Invalid("form.invalid", "field", "go")
			return nil
		case choice != GoEnrol:
			// What is due cannot be skipped (decision 7.5).
			refused = core.ErrSetupRequired
			return nil
		}
		a.Doc.Enrol = true
		if err := tx.UpdateAttempt(a); err != nil {
			return err
		}
		st.attempt = a
		step, _ = next(&st)
		out = Result{Step: step, Attempt: id}
		return tx.Append(audit.By(audit.MFAEnrolStarted, st.user.ID, v.Client))
	})
	if err == nil && refused != nil {
		return Result{}, refused
	}
	return out, err
}

// pressedSkip stands where a code would, in what a repeated answer is recognised
// by. Nobody types it: it is longer than any code.
const pressedSkip = "the button that puts the setup off, pressed"

// skip goes through the gate without a factor, where the resolver lets that wait.
func (s *Service) skip(tx store.Tx, st standing, v Visitor) (out Result, err error) {
	a := st.attempt
	a.Doc.Skip = true
	if a.Doc.Answer, err = s.Ring.KeyedHash(purposeAnswer, answered(a, pressedSkip)); err != nil {
		return Result{}, err
	}
	return s.finish(tx, &a, st.user, st.factors, st.eff, finishing{stored: true}, v)
}

// Confirm is the first code of a factor that is being set up; a right one
// switches two-factor authentication on and signs in.
func (s *Service) Confirm(ctx context.Context, id core.AttemptID, typed string, v Visitor) (Result, error) {
	var out Result
	var took time.Duration
	var refused *core.Fault
	err := s.attempt(ctx, id, v, func(tx store.Tx, st standing) error {
		refused = nil
		a := st.attempt
		if !a.DoneAt.IsZero() {
			again, ok := s.sameAnswer(a, typed)
			if !ok {
				return core.ErrAttemptExpired
			}
			out = again
			return nil
		}
		if step, _ := next(&st); step != StepEnrolTOTP {
			out = Result{Step: step, Attempt: id}
			return nil
		}
		done, fault, err := s.Enrol.Confirm(tx, st.user, st.factors, st.eff, string(id), strip(typed), v.Client)
		if err != nil || fault != nil {
			refused = fault
			return err
		}
		a.Doc.Proofs = append(a.Doc.Proofs, done.Proof)
		if a.Doc.Answer, err = s.Ring.KeyedHash(purposeAnswer, answered(a, typed)); err != nil {
			return err
		}
		took = done.Took
		out, err = s.finish(tx, &a, st.user, done.Factors, st.eff, finishing{codes: done.Codes, why: "enrolled", sheet: sheetOf(done), stored: true}, v)
		return err
	})
	if err != nil {
		return Result{}, fmt.Errorf("confirm factor in attempt %s: %w", id, err)
	}
	if refused != nil {
		s.count("enrolment", "refused", refused.Code)
		return Result{}, refused
	}
	s.count("enrolment", "ok", "")
	if took > 0 { // else it was the second request of a click
		s.count("enrolment_took", took.String(), "")
	}
	return out, nil
}

// ErrMailLater says that no further link is mailed for now: too many went to the
// mailbox. Those that did still work.
var ErrMailLater = core.NewFault(core.KindLimited, "enrol_proof.later").After(time.Hour)

// AskMail mails the link that proves the mailbox before a first factor is bound.
// It may be asked again.
func (s *Service) AskMail(ctx context.Context, id core.AttemptID, v Visitor) error {
	return s.attempt(ctx, id, v, func(tx store.Tx, st standing) error {
		if step, _ := next(&st); step != StepConfirmMail {
			return nil
		}
		a := st.attempt
		a.Doc.MailAsked = true
		if err := tx.UpdateAttempt(a); err != nil {
			return err
		}
		return s.mailProof(tx, st.user, st.eff, string(id), v.Client)
	})
}

// mailProof makes a link and mails it, or neither. Those before it live on for their
// quarter of an hour: whoever knows the password may ask, so an asking that ended
// a link could keep its owner from ever following one (row A-02).
func (s *Service) mailProof(tx store.Tx, u core.User, eff policy.Effective, bound string, c core.Client) error {
	token := secret.Token()
	till := tx.Now().Add(core.AttemptLife)
	queued, err := s.Post.Offer(tx, outbox.Message{Kind: core.MailEnrolProof, To: u, Effective: eff, Path: "/confirm/" + token, Until: till, Client: c})
	if err != nil {
		return err
	}
	if !queued {
		return ErrMailLater
	}
	if err := tx.InsertToken(core.Token{Hash: secret.TokenHash(token), Kind: core.TokenEnrolProof, Tenant: u.Tenant, User: u.ID, Email: u.Email,
		Bound: bound, CreatedAt: tx.Now(), ExpiresAt: till}); err != nil {
		return err
	}
	return tx.Append(audit.By(audit.MailProofAsked, u.ID, c))
}

// SetNewPassword is the step at which a password must be replaced.
func (s *Service) SetNewPassword(ctx context.Context, id core.AttemptID, typed string, v Visitor) (Result, error) {
	p, err := s.Look(ctx, id, v)
	if err != nil {
		return Result{}, err
	}
	if p.Step != StepNewPassword {
		return Result{Step: p.Step, Attempt: id}, nil
	}
	made, err := s.MakePassword(ctx, p.User, p.Effective, typed, v)
	if err != nil {
		return Result{}, err
	}
	if err := s.isNew(ctx, p.User, typed, v); err != nil {
		return Result{}, err
	}
	var out Result
	err = s.attempt(ctx, id, v, func(tx store.Tx, st standing) error {
		if step, _ := next(&st); step != StepNewPassword {
			out = Result{Step: step, Attempt: id}
			return nil
		}
		made.SetAt = tx.Now()
		if err := s.replacePassword(tx, st.user, st.eff, made, v, "", id); err != nil {
			return err
		}
		a := st.attempt
		a.Doc.NewPassword = false
		a.Doc.Proofs = append(a.Doc.Proofs, core.Proof{Kind: core.FactorPassword, At: tx.Now(), By: a.Doc.Purpose})
		// All known browsers were dropped with the old password, and what was trusted.
		a.Doc.KnownBrowser, a.Doc.Browser, a.Doc.Seen = false, "", ""
		a.Doc.Proofs = slices.DeleteFunc(a.Doc.Proofs, func(p core.Proof) bool { return p.Kind == core.FactorTrustedBrowser })
		st.attempt = a
		step, _ := next(&st)
		if step == StepDone {
			out, err = s.finish(tx, &a, st.user, st.factors, st.eff, finishing{stored: true}, v)
			return err
		}
		out = Result{Step: step, Attempt: id}
		return tx.UpdateAttempt(a)
	})
	return out, err
}

// isNew refuses the password that is to be replaced: one that somebody else chose
// must not become the person's own by being typed again (row A-08).
func (s *Service) isNew(ctx context.Context, u core.User, typed string, v Visitor) error {
	var had core.Password
	err := s.Store.View(ctx, u.Tenant, func(r store.Reader) (err error) {
		had, err = r.Password(u.ID)
		return err
	})
	if errors.Is(err, core.ErrNotFound) || err == nil && had.Hash == "" {
		return nil
	}
	if err != nil {
		return err
	}
	same, _, err := s.Hasher.Check(ctx, v.lane(), had.Hash, typed)
	if err != nil {
		return busy(err)
	}
	if same {
		return core.Invalid("password.same")
	}
	return nil
}

// CheckPassword is nil when a text may become the password of an account; else the
// fault that says why not.
func CheckPassword(u core.User, eff policy.Effective, typed string) error {
	_, err := password.Check(typed, password.Context{MinLength: MinLength(eff), Login: u.Login, Email: u.Email,
		TenantNames: []string{eff.Name(), eff.Organisation.Name}})
	return err
}

// MakePassword checks a new password against the rules and hashes it.
func (s *Service) MakePassword(ctx context.Context, u core.User, eff policy.Effective, typed string, v Visitor) (core.Password, error) {
	if err := s.Limiter.Check(v.Source(), s.Now()); err != nil {
		return core.Password{}, err
	}
	n, err := password.Check(typed, password.Context{MinLength: MinLength(eff), Login: u.Login, Email: u.Email,
		TenantNames: []string{eff.Name(), eff.Organisation.Name}})
	if err != nil {
		return core.Password{}, err
	}
	hash, err := s.Hasher.Hash(ctx, v.lane(), typed)
	if err != nil {
		return core.Password{}, busy(err)
	}
	return core.Password{Hash: hash, Length: password.Class(n)}, nil
}
