package signin

import (
	"context"
	"errors"
	"fmt"

	"sallyport/internal/audit"
	"sallyport/internal/core"
	"sallyport/internal/outbox"
	"sallyport/internal/policy"
	"sallyport/internal/session"
	"sallyport/internal/store"
)

// What may be done at the prompt for a code besides signing in (row ACR-16), and
// the temporary pass that is typed there.

// mayReset tells whether somebody may end their own second factor at the prompt:
// where a rule makes them set up another at once, or where they may do without.
func (s standing) mayReset() bool {
	who := s.who
	who.Factors = s.factors
	if _, required := policy.Required(who, s.eff); required {
		return true
	}
	_, may := policy.MayDisable(who, s.eff)
	return may
}

// ResetMFA ends the person's second factor at the prompt, with a current code of
// it or a recovery code. The sign-in goes on as policy says of somebody who has
// none: the setup, or straight in.
func (s *Service) ResetMFA(ctx context.Context, id core.AttemptID, typed string, v Visitor) (Result, error) {
	return s.coded(ctx, id, typed, v, false, func(tx store.Tx, st *standing, sh *shown) error {
		if !st.mayReset() {
			return core.ErrPolicyLocked.With("by", st.eff.Name())
		}
		u := st.user
		all, err := tx.Factors(u.ID) // a recovery code that was just used has made another
		if err != nil {
			return err
		}
		lost, err := s.Enrol.Wipe(tx, all, "reset")
		if err != nil {
			return err
		}
		n, err := tx.Untrust(u.ID)
		if err != nil {
			return err
		}
		if err := tx.EndAttempts(u.ID, st.attempt.ID); err != nil {
			return err
		}
		if _, err := session.EndAll(tx, u.ID, session.WhyReset, audit.By(audit.SessionRevoked, u.ID, v.Client)); err != nil {
			return err
		}
		st.factors, sh.codes = nil, nil
		e := audit.Count(audit.By(audit.MFAReset, u.ID, v.Client), "apps", lost.Apps)
		e = audit.Count(audit.Count(e, "codes", lost.Codes), "browsers", n)
		if err := tx.Append(e); err != nil {
			return err
		}
		return s.Post.Queue(tx, outbox.Message{Kind: core.MailMFAResetOwn, To: u, Effective: st.eff, Client: v.Client})
	})
}

// ResetBrowsers takes the trust from all browsers at the prompt, with a current
// code; the code signs in as well.
func (s *Service) ResetBrowsers(ctx context.Context, id core.AttemptID, typed string, v Visitor) (Result, error) {
	return s.coded(ctx, id, typed, v, false, func(tx store.Tx, st *standing, _ *shown) error {
		st.attempt.Doc.NoTrust = true
		if err := tx.EndAttempts(st.user.ID, st.attempt.ID); err != nil {
			return err
		}
		_, err := s.forget(tx, st.user, st.eff, "", v.Client)
		return err
	})
}

// usePass spends the temporary pass that was typed, for exactly one sign-in. It
// proves who sits there as far as an administrator believed them, and lets them
// set a factor up; it is no second factor.
func (s *Service) usePass(tx store.Tx, u core.User, factors []core.Factor, typed string, c core.Client) (shown, bool, error) {
	t, ok, err := s.Enrol.FindPass(tx, u, typed)
	if err != nil || !ok {
		return shown{}, false, err
	}
	if err := tx.UseToken(t.Hash); err != nil {
		if errors.Is(err, store.ErrConflict) {
			return shown{}, false, nil // somebody was faster: it is used
		}
		return shown{}, false, fmt.Errorf("use a temporary pass of %s: %w", u.ID, err)
	}
	proof := core.Proof{Kind: core.FactorTemporaryPass, At: tx.Now(), By: t.Bound}
	if err := tx.Append(audit.Note(audit.By(audit.PassUsed, u.ID, c), "by", t.Bound)); err != nil {
		return shown{}, false, err
	}
	return shown{proof: proof, factors: factors}, true, nil
}

// Pass takes a temporary pass where the mailbox would have to be shown before a
// first factor is set up: whoever cannot reach it is not stuck.
func (s *Service) Pass(ctx context.Context, id core.AttemptID, typed string, v Visitor) (Result, error) {
	if err := s.Limiter.Check(v.Source(), s.Now()); err != nil {
		return Result{}, err
	}
	var out Result
	var refused *core.Fault
	err := s.attempt(ctx, id, v, func(tx store.Tx, st standing) error {
		refused = nil
		if step, _ := next(&st); step != StepConfirmMail {
			out = Result{Step: step, Attempt: id}
			return nil
		}
		sh, fault, err := s.checkSpare(tx, st.user, nil, st.eff, typed, terms{pass: true}, v.Client)
		if err != nil || fault != nil {
			refused = fault
			return err
		}
		st.attempt.Doc.Proofs, st.attempt.Doc.Enrol = append(st.attempt.Doc.Proofs, sh.proof), true
		step, _ := next(&st)
		out = Result{Step: step, Attempt: id}
		return tx.UpdateAttempt(st.attempt)
	})
	if err != nil {
		return Result{}, fmt.Errorf("answer attempt %s with a pass: %w", id, err)
	}
	if refused != nil {
		s.Limiter.Fail(v.Source(), s.Now())
		s.count("second_factor", "refused", refused.Code)
		return Result{}, refused
	}
	return out, nil
}
