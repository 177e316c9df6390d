package signin

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"

	"sallyport/internal/audit"
	"sallyport/internal/core"
	"sallyport/internal/enrol"
	"sallyport/internal/factor/totp"
	"sallyport/internal/outbox"
	"sallyport/internal/policy"
	"sallyport/internal/secret"
	"sallyport/internal/session"
	"sallyport/internal/store"
)

// budgetCodes is the one budget of everything in the code field that is not a
// code of the factor asked for; it exists even when the person has neither
// recovery code nor temporary pass (decision 7.3).
const budgetCodes = "codes"

// purposeAnswer keys the hash by which a repeated answer is recognised.
const purposeAnswer = "attempt_answer"

// Code is the second step: a code of the factor that the page asks for, a recovery
// code, or a temporary pass, in the same field.
func (s *Service) Code(ctx context.Context, id core.AttemptID, typed string, v Visitor) (Result, error) {
	return s.coded(ctx, id, typed, v, true, nil)
}

// deed is what a right code is shown for besides the sign-in. It may change what
// the sign-in goes on with.
type deed func(tx store.Tx, st *standing, sh *shown) error

// coded honours a right code, with a deed or none. pass says whether a temporary
// pass is taken in its place.
func (s *Service) coded(ctx context.Context, id core.AttemptID, typed string, v Visitor, pass bool, do deed) (Result, error) {
	if err := s.Limiter.Check(v.Source(), s.Now()); err != nil {
		return Result{}, err
	}
	var out Result
	var refused *core.Fault
	proved := ""
	err := s.attempt(ctx, id, v, func(tx store.Tx, st standing) error {
		refused, proved = nil, ""
		a := st.attempt
		if !a.DoneAt.IsZero() {
			again, ok := s.sameAnswer(a, typed)
			if !ok {
				return core.ErrAttemptExpired
			}
			out = again
			return nil
		}
		if step, _ := next(&st); step != StepCode {
			out = Result{Step: step, Attempt: id} // another tab was faster
			return nil
		}
		shown, fault, err := s.check(tx, st.user, st.factors, st.eff, typed, terms{pass: pass, known: a.Doc.KnownBrowser}, v.Client)
		if err != nil || fault != nil {
			refused = fault
			return err
		}
		proved = shown.counts()
		st.attempt.Doc.Proofs = append(st.attempt.Doc.Proofs, shown.proof)
		st.factors = shown.factors
		if shown.proof.Kind == core.FactorTemporaryPass {
			st.attempt.Doc.Enrol = true // it is good for nothing else
		}
		if do != nil {
			if err := do(tx, &st, &shown); err != nil {
				return err
			}
		}
		a = st.attempt
		step, _ := next(&st)
		if step != StepDone {
			if err := tx.UpdateAttempt(a); err != nil {
				return err
			}
			out = Result{Step: step, Attempt: id}
			return nil
		}
		if a.Doc.Answer, err = s.Ring.KeyedHash(purposeAnswer, answered(a, typed)); err != nil {
			return err
		}
		out, err = s.finish(tx, &a, st.user, st.factors, st.eff, finishing{codes: shown.codes, why: "used", stored: true}, v)
		return err
	})
	if err != nil {
		return Result{}, fmt.Errorf("answer attempt %s: %w", id, err)
	}
	if refused != nil {
		s.Limiter.Fail(v.Source(), s.Now())
		s.count("second_factor", "refused", refused.Code)
		return Result{}, refused
	}
	if proved != "" {
		s.count(proved, "ok", "")
	}
	return out, nil
}

// shown is what a right code proves and leaves.
type shown struct {
	proof     core.Proof
	factors   []core.Factor
	codes     []string
	recovered bool
}

// counts is what a right code is counted as.
func (s shown) counts() string {
	switch {
	case s.recovered:
		return "recovery"
	case s.proof.Kind == core.FactorTemporaryPass:
		return "temporary_pass"
	}
	return "second_factor"
}

// terms are what a typed code is taken on.
type terms struct {
	// pass: a temporary pass is taken in its place. Where it is not, it is as wrong
	// as anything else, and not used up.
	pass bool
	// known: the browser is one of theirs.
	known bool
}

// check tries one typed code of a person, in the caller's transaction. A fault
// is a result that commits with its count; an error rolls back.
func (s *Service) check(tx store.Tx, u core.User, factors []core.Factor, eff policy.Effective, typed string, on terms, c core.Client) (shown, *core.Fault, error) {
	code := strip(typed)
	if code == "" {
		return shown{}, core.ErrCodeRequired, nil
	}
	if f, ok := shownBy(factors, code); ok {
		return s.checkTOTP(tx, u, factors, f, eff, code, on.known, c)
	}
	return s.checkSpare(tx, u, factors, eff, typed, on, c)
}

// shownBy is the authenticator app that a code has the shape of.
func shownBy(factors []core.Factor, code string) (core.Factor, bool) {
	for _, f := range factors {
		if f.Kind == core.FactorTOTP && f.State == core.FactorConfirmed && isDigits(code) && len(code) == enrol.ParamsOf(f.Doc).Digits {
			return f, true
		}
	}
	return core.Factor{}, false
}

func (s *Service) checkTOTP(tx store.Tx, u core.User, factors []core.Factor, f core.Factor, eff policy.Effective, code string, known bool, c core.Client) (shown, *core.Fault, error) {
	now := tx.Now()
	switch {
	case f.Budget.Dead():
		return shown{}, core.ErrFactorDead, tx.Append(audit.Fail(audit.SecondFactorFailed, u.ID, core.ErrFactorDead.Code, c))
	case f.Budget.Locked(now):
		// Neither evaluated nor counted; how long it lasts may be said here.
		return shown{}, locked(f.Budget, tx), tx.Append(audit.Fail(audit.SecondFactorFailed, u.ID, core.ErrFactorLocked.Code, c))
	}
	plain, err := s.Enrol.Open(f)
	if err != nil {
		return shown{}, nil, err
	}
	res := totp.Match(plain, code, now, f.LastStep, enrol.ParamsOf(f.Doc))
	burned := false
	for _, step := range f.Doc.Burned {
		burned = burned || res.Accepted() && step == res.Step
	}
	if res.Accepted() && !burned {
		f.LastStep, f.LastUsedAt, f.Budget = res.Step, now, core.Budget{}
		// Steps that were given away and are still to come stay spent, or whoever
		// typed ahead would only wait for the owner to sign in.
		f.Doc.Burned = slices.DeleteFunc(f.Doc.Burned, func(step int64) bool { return step <= res.Step })
		if err := tx.UpdateFactor(f); err != nil {
			return shown{}, nil, err
		}
		s.count("totp_offset", fmt.Sprint(res.Offset), "")
		return shown{proof: core.Proof{Kind: core.FactorTOTP, ID: f.ID, At: now}, factors: factors}, nil, nil
	}
	fault := enrol.Mismatch(res, now)
	switch {
	case res.Replayed() || burned:
		fault = core.ErrCodeUsed
	case res.Drifted() && res.Offset > 0:
		// The phone is ahead: this very code will be right in a moment. It was told
		// as right-but-early, so it is spent, or the hint would help guessing.
		f.Doc.Burned = burn(f.Doc.Burned, res.Step, totp.StepAt(now, f.Doc.Period))
	}
	var began, first bool
	f.Budget, began, first = f.Budget.Fail(now, eff.Settings.Lockout.Factor)
	if err := tx.UpdateFactor(f); err != nil {
		return shown{}, nil, err
	}
	if err := tx.Append(audit.Fail(audit.SecondFactorFailed, u.ID, fault.Code, c)); err != nil {
		return shown{}, nil, err
	}
	if f.Budget.Dead() {
		if err := tx.Append(audit.On(audit.MFADead, core.ActorSystem, string(u.ID), c)); err != nil {
			return shown{}, nil, err
		}
		return shown{}, core.ErrFactorDead, s.tell(tx, core.MailFactorDead, u, eff, c)
	}
	if began {
		fault = locked(f.Budget, tx)
		if err := s.tellLock(tx, u, eff, "second_factor", f.Budget, first, c); err != nil || first {
			return shown{}, fault, err
		}
	}
	return shown{}, fault, s.tellWrong(tx, u, eff, f.Budget, known, c)
}

// checkSpare tries what is no code of the app: a recovery code, then a temporary
// pass, on one budget (decision 7.3).
func (s *Service) checkSpare(tx store.Tx, u core.User, factors []core.Factor, eff policy.Effective, typed string, on terms, c core.Client) (shown, *core.Fault, error) {
	b, err := tx.Budget(u.ID, budgetCodes)
	if err != nil {
		return shown{}, nil, err
	}
	if b.Locked(tx.Now()) {
		// Codes of the app have a count of their own; the words must not deny them.
		return shown{}, locked(b, tx).With("spare", true), tx.Append(audit.Fail(audit.SecondFactorFailed, u.ID, core.ErrFactorLocked.Code, c))
	}
	f, ok := s.Enrol.FindCode(factors, typed)
	if !ok && on.pass {
		sh, used, err := s.usePass(tx, u, factors, typed, c)
		if err != nil {
			return shown{}, nil, err
		}
		if used {
			if !b.Clean() {
				err = tx.SaveBudget(u.ID, budgetCodes, core.Budget{})
			}
			return sh, nil, err
		}
	}
	if !ok {
		b, began, first := b.Fail(tx.Now(), eff.Settings.Lockout.Factor)
		if err := tx.SaveBudget(u.ID, budgetCodes, b); err != nil {
			return shown{}, nil, err
		}
		e := audit.Note(audit.Fail(audit.SecondFactorFailed, u.ID, core.ErrCodeMismatch.Code, c), "what", "recovery_code")
		if err := tx.Append(e); err != nil {
			return shown{}, nil, err
		}
		if began {
			if err := s.tellLock(tx, u, eff, "recovery_code", b, first, c); err != nil || first {
				return shown{}, locked(b, tx).With("spare", true), err
			}
			return shown{}, locked(b, tx).With("spare", true), s.tellWrong(tx, u, eff, b, on.known, c)
		}
		return shown{}, core.ErrCodeMismatch.With("now", tx.Now()), s.tellWrong(tx, u, eff, b, on.known, c)
	}
	if !b.Clean() {
		if err := tx.SaveBudget(u.ID, budgetCodes, core.Budget{}); err != nil {
			return shown{}, nil, err
		}
	}
	rest, codes, err := s.Enrol.UseCode(tx, u, factors, f, eff, c)
	if err != nil {
		return shown{}, nil, err
	}
	return shown{proof: core.Proof{Kind: core.FactorRecoveryCode, ID: f.ID, At: tx.Now()}, factors: rest, codes: codes, recovered: true}, nil, nil
}

// warned are the numbers of failures in a row at which the owner hears of them:
// somebody else who tries now and then, too slowly for a lock, must not go
// unnoticed (rows A-05, W-03, B-01).
var warned = []int{3, 10, 25, 50, 75}

// tellWrong mails the owner about a wrong second factor: the first one from a
// browser that is not theirs, because there the password was known, and from
// their own when it goes on.
func (s *Service) tellWrong(tx store.Tx, u core.User, eff policy.Effective, b core.Budget, known bool, c core.Client) error {
	if b.Consecutive == 1 && !known || slices.Contains(warned, b.Consecutive) {
		return s.tell(tx, core.MailWrongCode, u, eff, c)
	}
	return nil
}

func (s *Service) tell(tx store.Tx, kind core.MailKind, u core.User, eff policy.Effective, c core.Client) error {
	if u.Email == "" {
		return nil
	}
	return s.Post.Queue(tx, outbox.Message{Kind: kind, To: u, Effective: eff, Client: c})
}

// locked says until when, to the minute that is over: whoever comes back at the
// time that was said must not be early.
func locked(b core.Budget, tx store.Tx) *core.Fault {
	return core.ErrFactorLocked.With("until", b.LockedUntil.Add(time.Minute-1).Truncate(time.Minute)).After(b.Wait(tx.Now()))
}

// burn keeps a step that was given away, and drops those that time has passed.
func burn(list []int64, step, current int64) []int64 {
	out := []int64{step}
	for _, s := range list {
		if s >= current-4 && s != step {
			out = append(out, s)
		}
	}
	return out
}

// strip takes out what people type between digits: spaces and dashes of all
// kinds. What remains is compared as it is; digits are ASCII only.
func strip(typed string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) || unicode.Is(unicode.Pd, r) || r == '\u200b' || r == '\u2212' {
			return -1
		}
		return r
	}, typed)
}

func isDigits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}

// attempt opens the transaction of one step: it finds the attempt, checks that
// this browser began it and that it still lives.
func (s *Service) attempt(ctx context.Context, id core.AttemptID, v Visitor, fn func(store.Tx, standing) error) error {
	tenant, ok := attemptTenant(v.Browser)
	if !ok {
		return core.ErrAttemptUnknown
	}
	eff, err := s.Tree.Effective(ctx, tenant)
	if err != nil {
		if errors.Is(err, core.ErrNotFound) {
			return core.ErrAttemptUnknown
		}
		return err
	}
	return s.Store.Update(ctx, tenant, func(tx store.Tx) error {
		facts, err := tx.AttemptFacts(id)
		if err != nil {
			if errors.Is(err, core.ErrNotFound) {
				return core.ErrAttemptUnknown
			}
			return err
		}
		if !secret.Equal(facts.Attempt.Browser, secret.TokenHash(v.Browser)) {
			return core.ErrAttemptUnknown // its id alone opens nothing (decision 7.20)
		}
		if eff.Deleted() {
			return core.ErrAttemptExpired
		}
		if eff.Suspended != nil {
			return core.ErrTenantSuspended.With("by", eff.Suspended.Name)
		}
		if !eff.Settings.LoginNetworks.Allow(v.Address) {
			return session.Outside(eff, v.Client)
		}
		if !tx.Now().Before(facts.Attempt.ExpiresAt) {
			return core.ErrAttemptExpired
		}
		if state := facts.User.State; state != core.UserActive && state != core.UserValidated {
			return core.ErrAttemptExpired // disabled meanwhile; begin again and hear the one answer
		}
		st, err := stand(tx, facts.Attempt, facts.User, facts.Factors, eff, v.Address)
		if err != nil {
			return err
		}
		return fn(tx, st)
	})
}

// attemptSecret is the value of an attempt's cookie. It begins with the tenant,
// so that a step finds its rows without asking in which tenant they are. A cookie
// with another tenant in it finds nothing there.
func attemptSecret(t core.TenantID) string { return string(t) + "." + secret.Token() }

func attemptTenant(cookie string) (core.TenantID, bool) {
	tenant, token, ok := strings.Cut(cookie, ".")
	return core.TenantID(tenant), ok && tenant != "" && token != ""
}

// answered is what a repeated answer is recognised by.
func answered(a core.Attempt, typed string) []byte {
	return []byte(string(a.ID) + "\x00" + strings.ToUpper(strip(typed)))
}

func (s *Service) sameAnswer(a core.Attempt, typed string) (Result, bool) {
	if len(a.Doc.Answer) == 0 || len(a.Doc.Outcome) == 0 || !s.Ring.CheckKeyedHash(purposeAnswer, answered(a, typed), a.Doc.Answer) {
		return Result{}, false
	}
	o, ok := s.openOutcome(a.Doc.Outcome, a.Tenant, string(a.ID))
	return o.result(), ok
}
