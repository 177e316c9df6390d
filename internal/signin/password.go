package signin

import (
	"context"
	"errors"
	"fmt"
	"time"

	"sallyport/internal/audit"
	"sallyport/internal/core"
	"sallyport/internal/factor/password"
	"sallyport/internal/ident"
	"sallyport/internal/outbox"
	"sallyport/internal/policy"
	"sallyport/internal/secret"
	"sallyport/internal/session"
	"sallyport/internal/store"
)

// Password is the first step: login and password on one page.
func (s *Service) Password(ctx context.Context, login, typed, returnTo string, v Visitor) (Result, error) {
	g, err := s.guess(ctx, policy.Pages, login, typed, v)
	if err != nil {
		return Result{}, err
	}
	if g.refused != "" {
		s.count("signin", "refused", g.refused)
		return Result{}, core.ErrRefused
	}
	if g.eff.Suspended != nil {
		s.release(g.guess)
		return Result{}, core.ErrTenantSuspended.With("by", g.eff.Suspended.Name)
	}
	if err := s.within(ctx, g, v); err != nil {
		return Result{}, err
	}
	return s.welcome(ctx, g, returnTo, v)
}

// welcome goes on after a right password. It stands apart because its room on the
// stack would be held by everybody who waits for a hash in guess.
//
//go:noinline
func (s *Service) welcome(ctx context.Context, g *guessed, returnTo string, v Visitor) (Result, error) {
	var out Result
	doc := core.AttemptDoc{Proofs: []core.Proof{{Kind: core.FactorPassword}}, ReturnTo: returnTo, KnownBrowser: g.login.Browser != "", Browser: g.login.Browser,
		Asleep: asleep(g.login, s.Now()), NewPassword: g.login.Password.MustChange || g.login.Password.Length < MinLength(g.eff)}
	lead := s.Lead(ctx, returnTo)
	doc.App, doc.AppLevel = lead.App.ID, lead.App.RequiredLevel
	if g.login.MetAsleep || s.Now().Sub(g.login.KnownAt) > day {
		doc.Seen = g.login.Browser
	}
	err := s.settled(ctx, g, func(tx store.Tx, honours ...store.Guess) (given bool, err error) {
		var factors []core.Factor
		if g.login.Enrolled {
			// The code step reads them; all that matters here is that there is one.
			factors = []core.Factor{{State: core.FactorConfirmed, Kind: core.FactorTOTP}}
		}
		d := doc
		d.Proofs = []core.Proof{{Kind: core.FactorPassword, At: tx.Now()}}
		if g.login.Enrolled && !g.login.TrustedAt.IsZero() && g.eff.Settings.Challenge == core.ChallengeUntrustedBrowser {
			if factors, err = s.excuse(tx, g.login, &d); err != nil {
				return false, err
			}
		}
		out, err = s.begin(tx, g.login.User, factors, g.eff, d, v, honours...)
		return out.Attempt != "", err
	})
	if err != nil {
		return Result{}, fmt.Errorf("sign in: %w", err)
	}
	return out, nil
}

// excuse adds the proof that this browser is trusted, where it still is in this
// transaction, and reads the factors that the trust leans on.
func (s *Service) excuse(tx store.Tx, l store.Login, d *core.AttemptDoc) ([]core.Factor, error) {
	all, err := tx.Browsers(l.User.ID)
	if err != nil {
		return nil, err
	}
	for _, b := range all {
		if b.ID == l.Browser && b.Trusted(tx.Now()) {
			d.Proofs = append(d.Proofs, core.Proof{Kind: core.FactorTrustedBrowser, ID: core.FactorID(b.ID), At: b.TrustedAt})
		}
	}
	return tx.Factors(l.User.ID)
}

// within refuses who comes from outside the networks of their organisation. It
// says so, because the password was right, and counts no guess.
func (s *Service) within(ctx context.Context, g *guessed, v Visitor) error {
	if g.eff.Settings.LoginNetworks.Allow(v.Address) {
		return nil
	}
	s.release(g.guess)
	s.count("signin", "refused", "outside_networks")
	err := s.Store.Update(ctx, g.login.User.Tenant, func(tx store.Tx) error {
		return tx.Append(audit.Fail(audit.SignInFailed, g.login.User.ID, "outside_networks", v.Client))
	})
	return errors.Join(session.Outside(g.eff, v.Client), err)
}

// begin stores an attempt, or opens the session at once where the password is
// all that is asked for. honours is the reserved guess that a stored attempt gives
// back.
func (s *Service) begin(tx store.Tx, u core.User, factors []core.Factor, eff policy.Effective, doc core.AttemptDoc, v Visitor, honours ...store.Guess) (Result, error) {
	doc.Address, doc.Agent = v.Where(), v.AgentShort()
	a := core.Attempt{ID: core.AttemptID(secret.NewID(core.PrefixAttempt, tx.Now())), Tenant: u.Tenant, User: u.ID, Doc: doc,
		CreatedAt: tx.Now(), ExpiresAt: tx.Now().Add(core.AttemptLife)}
	step, err := firstStep(tx, &a, &u, factors, &eff, v.Address)
	if err != nil {
		return Result{}, err
	}
	if step == StepDone {
		return s.finish(tx, &a, u, factors, eff, finishing{}, v)
	}
	if step == StepPassword { // service accounts, federated people: the resolver refused
		if !eff.Settings.LoginNetworks.Allow(v.Address) {
			return Result{}, session.Outside(eff, v.Client)
		}
		return Result{}, core.ErrRefused
	}
	browser := attemptSecret(u.Tenant)
	a.Browser = secret.TokenHash(browser)
	if err := s.keepBegun(&a, step, browser); err != nil {
		return Result{}, err
	}
	if err := tx.InsertAttempt(a, honours...); err != nil {
		return Result{}, fmt.Errorf("begin attempt: %w", err)
	}
	return Result{Step: step, Attempt: a.ID, Browser: browser}, nil
}

// guessed is a password guess that was evaluated, with what it was about. It goes
// about by its address: it is large, and whoever waits for a hash holds a stack
// with all copies of it.
type guessed struct {
	door    policy.Door
	login   store.Login
	eff     policy.Effective
	guess   store.Guess
	budget  core.Budget
	key     string // the login as it was looked up
	learned bool   // an imported password: this guess told what it is like
	rehash  string // a new hash with today's cost, when the old one's was another
	refused string // the true reason, for the audit log; empty when right
}

// guess evaluates one password guess and settles it when it was wrong. A right
// one is settled by the caller, in the transaction that honours it.
//
// Every way through does the same work: one look-up, one reservation, one hash,
// and for a refusal one transaction with one audit row. An unknown login is
// hashed against a dummy (row A-06, B-25).
func (s *Service) guess(ctx context.Context, door policy.Door, login, typed string, v Visitor) (*guessed, error) {
	g := &guessed{door: door}
	if err := s.Limiter.Check(v.Source(), s.Now()); err != nil {
		s.count("rate_limited", "source", "")
		return g, err
	}
	if len(typed) > password.MaxBytes {
		return g, core.Invalid("password.too_long", "max", password.MaxBytes)
	}
	tenant, err := s.find(ctx, g, login, v)
	if err != nil {
		return g, err
	}
	return s.evaluate(ctx, g, tenant, typed, v)
}

// find looks up whose login it is and what holds there; for nobody's, what holds
// at the root.
func (s *Service) find(ctx context.Context, g *guessed, login string, v Visitor) (core.TenantID, error) {
	key, err := ident.LoginKey(login)
	if err != nil {
		key = "\x00" // no account has this key; the work goes on as for an unknown login
	}
	g.key = key
	err = s.lookUp(ctx, g, v)
	unknown := errors.Is(err, core.ErrNotFound)
	if err != nil && !unknown {
		return "", fmt.Errorf("find login: %w", err)
	}
	tenant := g.login.User.Tenant
	if unknown {
		if tenant, err = s.root(ctx); err != nil {
			return "", err
		}
	}
	return tenant, s.settings(ctx, g, tenant)
}

// lookUp and settings are never inlined: what comes back by value takes room on
// the stack twice, and a crowd at the door looks people up with all of it below
// the database's own frames. With both in find, each stack grew to 32 KiB.
//
//go:noinline
func (s *Service) lookUp(ctx context.Context, g *guessed, v Visitor) (err error) {
	g.login, err = s.Store.FindLogin(ctx, g.key, v.devices())
	return err
}

//go:noinline
func (s *Service) settings(ctx context.Context, g *guessed, tenant core.TenantID) (err error) {
	g.eff, err = s.Tree.Effective(ctx, tenant)
	return err
}

func (s *Service) evaluate(ctx context.Context, g *guessed, tenant core.TenantID, typed string, v Visitor) (*guessed, error) {
	u := &g.login.User
	rule := g.eff.Settings.Lockout.Password
	g.guess = store.Guess{Tenant: tenant, User: u.ID, Name: "password"}
	if g.login.Browser != "" {
		g.guess.Name += "@" + string(g.login.Browser)
	}
	res, err := s.Store.Reserve(ctx, g.guess, rule, s.Now())
	if err != nil {
		return g, fmt.Errorf("reserve a guess: %w", err)
	}
	g.budget = res.Budget
	hash := g.login.Password.Hash
	switch {
	case hash == "":
		hash = s.Decoys.For(g.key)
	case !res.OK:
		hash = s.Decoys.Instead(hash)
	}
	lane := v.lane()
	lane.Known = g.login.Browser != ""
	ok, rehash, err := s.Hasher.Check(ctx, lane, hash, typed)
	if err != nil {
		if res.OK {
			s.release(g.guess)
		}
		var busy secret.ErrBusy
		if errors.As(err, &busy) {
			s.count("rate_limited", "hash_queue", "")
			return g, core.ErrRateLimited.After(busy.RetryAfter)
		}
		return g, fmt.Errorf("check password: %w", err)
	}
	switch {
	case u.ID == "":
		g.refused = "unknown_login"
	case !res.OK && res.Budget.Locked(s.Now()):
		g.refused = "locked"
	case !res.OK:
		g.refused = "busy"
	case !ok:
		g.refused = "wrong_password"
	case u.State != core.UserActive && u.State != core.UserValidated:
		g.refused = "state_" + string(u.State)
	case u.Federated:
		g.refused = "federated"
	case u.Kind != core.Person && g.door == policy.Pages:
		g.refused = "not_a_person"
	case g.eff.Deleted():
		g.refused = "tenant_deleted"
	}
	if g.refused != "" {
		s.Limiter.Fail(v.Source(), s.Now())
		return g, s.settleWrong(ctx, g, res.OK, v)
	}
	if g.login.Password.Length == 0 {
		s.learn(g, typed)
	}
	if rehash {
		if g.rehash, err = s.Hasher.Hash(ctx, lane, typed); err != nil {
			g.rehash = "" // the next sign-in tries again; this one is right all the same
		}
	}
	return g, nil
}

// learn looks at an imported password, which nobody has seen before: how long it
// is, and whether it may stay. One that would be refused if it were chosen now is
// let in, and has to be changed at this sign-in. So nobody is locked out by a
// rule that the other system did not have.
func (s *Service) learn(g *guessed, typed string) {
	p, u := &g.login.Password, &g.login.User
	g.learned, p.Length = true, password.Length(typed)
	_, err := password.Check(typed, password.Context{Login: u.Login, Email: u.Email, TenantNames: []string{g.eff.Name(), g.eff.Organisation.Name}})
	p.MustChange = p.MustChange || err != nil
}

// settleWrong counts a wrong guess. A guess that was not evaluated, because the
// account is locked, is written down and not counted.
func (s *Service) settleWrong(ctx context.Context, g *guessed, counted bool, v Visitor) error {
	u := g.login.User
	return s.Store.Update(ctx, g.guess.Tenant, func(tx store.Tx) error {
		name := audit.SignInFailed
		if err := tx.Append(audit.Fail(name, u.ID, g.refused, v.Client)); err != nil {
			return err
		}
		if u.ID == "" || !counted {
			return nil
		}
		b, err := tx.Budget(u.ID, g.guess.Name)
		if err != nil {
			return err
		}
		b, locked, first := b.Fail(tx.Now(), g.eff.Settings.Lockout.Password)
		if err := tx.SaveBudget(u.ID, g.guess.Name, b); err != nil {
			return err
		}
		if !locked {
			return nil
		}
		return s.tellLock(tx, u, g.eff, lockedPassword, b, first, v.Client)
	})
}

// lockedPassword is what the lock is of that strangers can bring about. All others
// stand behind the right password.
const lockedPassword = "password"

// tellLock writes a lock down and, the first time since a success, mails the
// account's owner.
func (s *Service) tellLock(tx store.Tx, u core.User, eff policy.Effective, what string, b core.Budget, first bool, c core.Client) error {
	e := audit.On(audit.UserLocked, core.ActorSystem, string(u.ID), c)
	e = audit.Note(e, "what", what)
	if err := tx.Append(audit.Note(e, "until", b.LockedUntil.UTC().Format(time.RFC3339))); err != nil {
		return err
	}
	// An account nobody confirmed gets no mail but its invitation.
	if !first || u.State == core.UserInvited || u.Email == "" {
		return nil
	}
	return s.Post.Queue(tx, outbox.Message{Kind: core.MailFirstLock, To: u, Effective: eff, Client: c, Args: map[string]string{"what": what},
		Inside: what != lockedPassword})
}

// settleRight gives the budget back after a right password, in the transaction
// that honours it.
func (s *Service) settleRight(tx store.Tx, g *guessed) error {
	if g.rehash != "" || g.learned {
		p := g.login.Password
		if g.rehash != "" {
			p.Hash = g.rehash
		}
		p.Length = password.Class(p.Length) // an older release kept the count
		// Hashing took its time: a password that was set meanwhile stays.
		if err := tx.Rehash(g.login.User.ID, g.login.Password.Hash, p); err != nil {
			return err
		}
	}
	if g.budget.Clean() {
		return nil // nothing to forget; the reservation is given back after the commit
	}
	return tx.SaveBudget(g.login.User.ID, g.guess.Name, core.Budget{})
}

// settled runs the transaction that honours a right guess, and gives the
// reservation back where neither saving the budget nor fn did. fn is told the
// guess when it may, and says whether it has.
func (s *Service) settled(ctx context.Context, g *guessed, fn func(tx store.Tx, honours ...store.Guess) (given bool, err error)) error {
	given := false
	err := s.Store.Update(ctx, g.login.User.Tenant, func(tx store.Tx) (err error) {
		if err := s.settleRight(tx, g); err != nil {
			return err
		}
		if given = !g.budget.Clean(); given {
			_, err = fn(tx)
			return err
		}
		given, err = fn(tx, g.guess)
		return err
	})
	if err != nil || !given {
		s.release(g.guess)
	}
	return err
}

// release gives back a guess in the background: the caller is on its way out
// and its context may be over.
func (s *Service) release(g store.Guess) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if err := s.Store.Release(ctx, g); err != nil {
		s.Log.Warn("a reserved guess was not given back; it expires by itself", "event", "guess.release_failed", "error", err.Error())
	}
}

// root is the platform's tenant: refusals for unknown logins are written there.
func (s *Service) root(ctx context.Context) (core.TenantID, error) {
	return s.Tree.Root(ctx)
}

// MinLength is the shortest password that an organisation's people may have
// (decision 7.16, row N-15): fewer characters do where everybody shows a second
// factor, and not where only a sign-in that looks suspicious does.
func MinLength(e policy.Effective) int {
	return password.MinLength(e.Settings.Requires(core.RequireOrganization) && e.Settings.Challenge != core.ChallengeRisk)
}

// Own checks the password of somebody who is signed in, with the same budget
// and the same queue as at the door.
func (s *Service) Own(ctx context.Context, u core.User, typed string, v Visitor) error {
	g, err := s.guess(ctx, policy.Pages, u.Login, typed, v)
	if err != nil {
		return err
	}
	if g.refused != "" {
		return core.Invalid("password.wrong_current")
	}
	return s.settled(ctx, g, func(store.Tx, ...store.Guess) (bool, error) { return false, nil })
}
