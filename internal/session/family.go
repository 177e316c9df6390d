package session

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"sallyport/internal/audit"
	"sallyport/internal/core"
	"sallyport/internal/policy"
	"sallyport/internal/secret"
	"sallyport/internal/store"
)

// CodeLife is how long the code of a new family may be exchanged (row A-21).
const CodeLife = time.Minute

// AskFamily is what the gate needs to know before an app gets tokens of a session.
type AskFamily struct {
	Session   core.Session
	User      core.User
	Factors   []core.Factor // not revoked
	Effective policy.Effective
	App       core.App
	// Level is what the app asks for this time, beyond what it always asks for.
	Level   core.Level
	Offline bool
	// Life is how long what the family begins with may wait to be exchanged; 0 for
	// CodeLife. Via is the way that it comes by, where that is not a code.
	Life   time.Duration
	Via    string
	Doc    core.FamilyDoc
	Client core.Client
}

// AppOf is an app as rules see it, at a level that it asks for this time.
func AppOf(a core.App, level core.Level) policy.App {
	if need := a.Doc.RequiredLevel; !level.AtLeast(need) {
		level = need // an unknown level is above all others: nothing reaches it
	}
	return policy.App{ID: a.ID, RequiredLevel: level}
}

// Decide asks the resolver about a session and an app, for a face that has to choose
// where to send the person. It lets nobody in.
func Decide(r store.Reader, ask AskFamily) (policy.Decision, error) {
	// A setup that was put off to get this session is put off for apps as well, as
	// long as it may wait and unless the app itself asks for it.
	u := ask.User
	if ask.Session.Doc.Skipped && u.Skips > ask.Session.Doc.SkipsBefore {
		u.Skips = ask.Session.Doc.SkipsBefore
	}
	question := Ask{User: u, Factors: ask.Factors, Effective: ask.Effective, Proofs: ask.Session.Doc.Proofs, Client: ask.Client,
		Skip: true, App: AppOf(ask.App, ask.Level)}
	facts, err := question.facts(r, question.Proofs)
	if err != nil {
		return policy.Decision{}, err
	}
	return policy.Resolve(facts), nil
}

// OpenFamily is the gate for apps: it asks the resolver and, only when that says
// allowed, writes a family whose code may be exchanged once (decision 7.1).
func OpenFamily(tx store.Tx, ask AskFamily) (core.Family, error) {
	now := tx.Now()
	if ask.Session.User != ask.User.ID || !ask.Session.Live(now) {
		return core.Family{}, core.ErrNoSession
	}
	if ask.Session.ActingIn != "" {
		return core.Family{}, ErrActing
	}
	if err := mayEnter(Ask{User: ask.User, Effective: ask.Effective}); err != nil {
		return core.Family{}, err
	}
	d, err := Decide(tx, ask)
	if err != nil {
		return core.Family{}, err
	}
	if d.Outcome != policy.Allowed {
		return core.Family{}, refusal(d, Ask{Effective: ask.Effective, Client: ask.Client})
	}
	f := core.Family{
		ID: core.FamilyID(secret.NewID(core.PrefixFamily, now)), Tenant: ask.User.Tenant, User: ask.User.ID, App: ask.App.ID, Session: ask.Session.ID,
		Offline: ask.Offline, Level: d.Level, Doc: ask.Doc, CreatedAt: now, ExpiresAt: now.Add(cmp.Or(ask.Life, CodeLife)),
	}
	if f.Doc.SID = ask.Session.ID; ask.App.Doc.BackchannelURI != "" {
		f.Notify = core.NotifyAtEnd
	}
	f.Doc.Methods, f.Doc.AuthTime = Methods(d.Level, ask.Session.Doc.Proofs), ask.Session.Doc.AuthTime()
	if err := tx.InsertFamily(f); err != nil {
		return core.Family{}, fmt.Errorf("open family: %w", err)
	}
	e := audit.By(audit.AppOpened, ask.User.ID, ask.Client)
	e.Session = ask.Session.ID
	e = audit.Note(audit.Note(e, "app", string(ask.App.ID)), "level", string(d.Level))
	if ask.Via != "" {
		e = audit.Note(e, "via", ask.Via)
	}
	return f, tx.Append(e)
}

// Methods are the words of RFC 8176 for what was proved. They say no more than the
// level does (decision 7.10).
func Methods(level core.Level, proofs []core.Proof) []string {
	out := []string{}
	add := func(words ...string) {
		for _, w := range words {
			if !slices.Contains(out, w) {
				out = append(out, w)
			}
		}
	}
	has := func(kinds ...core.FactorKind) bool {
		return slices.ContainsFunc(proofs, func(p core.Proof) bool { return slices.Contains(kinds, p.Kind) })
	}
	if has(core.FactorPassword) {
		add("pwd")
	}
	switch {
	case level.AtLeast(core.LevelMFA) && has(core.FactorPasskey):
		add("hwk", "mfa")
	case level.AtLeast(core.LevelMFA):
		add("otp", "mfa")
	case level.AtLeast(core.LevelEmail):
		add("mca")
	}
	return out
}

// Present is what must hold each time a family gives tokens, whatever was proved once.
type Present struct {
	User      core.User
	Effective policy.Effective
	// From is where the person's device is, for an app that runs on it; an app's own
	// server says nothing of where its people are.
	From netip.Addr
	// Public: the app runs on the person's device.
	Public bool
	// Refresh is how long refresh tokens live here now, counted from the sign-in; a
	// family that is older gives no more. 0: as long as it was given.
	Refresh time.Duration
	Client  core.Client
}

func (p Present) check() error {
	if err := mayEnter(Ask{User: p.User, Effective: p.Effective}); err != nil {
		return err
	}
	if p.User.Kind != core.Person {
		return core.ErrRefused.With("reason", "kind:"+string(p.User.Kind))
	}
	if p.Public && !p.Effective.Settings.LoginNetworks.Allow(p.From) {
		return Outside(p.Effective, core.Client{Address: p.From})
	}
	return nil
}

// Reused is the answer to a code or refresh token that came before: the family has
// ended, which is to be committed (rows DS-05, DS-18, A-22).
var Reused = core.NewFault(core.KindConflict, "token.reused")

// Exchange honours the code of a family: once, and of two that come with it the
// second ends everything, since one of them stole it. The refusal is the first
// result; it commits.
func Exchange(tx store.Tx, f core.Family, refresh bool, access, refreshLife time.Duration, p Present) (core.Family, *core.Fault, error) {
	if !f.CodeAt.IsZero() {
		return f, Reused, reuse(tx, f, "code", p.Client)
	}
	if !f.Live(tx.Now()) {
		return f, core.ErrRefused.With("reason", "expired"), nil
	}
	if err := p.check(); err != nil {
		return f, nil, err
	}
	f.CodeAt, f.UsedAt = tx.Now(), tx.Now()
	f.ExpiresAt = tx.Now().Add(access)
	if refresh {
		f.Seq = 1
		// Counted from the sign-in and never moved: a refresh is no sign-in.
		f.ExpiresAt = f.CreatedAt.Add(max(refreshLife, access))
	}
	return f, nil, tx.ExchangeCode(f)
}

// Collect is Exchange for a device that was let in a while ago: the resolver is asked
// once more, of what the person showed then and of what is required now. What it does
// not allow any more ends the family.
func Collect(tx store.Tx, f core.Family, ask AskFamily, refresh bool, access, refreshLife time.Duration, p Present) (core.Family, *core.Fault, error) {
	if f.CodeAt.IsZero() && f.Live(tx.Now()) {
		var err error
		if ask.Session, err = tx.Session(f.Session); err != nil {
			return f, nil, err
		}
		d, err := Decide(tx, ask)
		if err != nil {
			return f, nil, err
		}
		if d.Outcome != policy.Allowed {
			return f, core.ErrRefused.With("reason", "policy"), EndFamily(tx, f, WhyNotAllowed, p.Client)
		}
	}
	return Exchange(tx, f, refresh, access, refreshLife, p)
}

// Renew honours the refresh token of a number in the same way. The requirement that
// an organisation switched on meanwhile does not end it (decision 7.4).
func Renew(tx store.Tx, f core.Family, seq int64, p Present) (core.Family, *core.Fault, error) {
	if !f.Live(tx.Now()) || seq < 1 || seq > f.Seq {
		return f, core.ErrRefused.With("reason", "expired"), nil
	}
	if seq < f.Seq {
		return f, Reused, reuse(tx, f, "refresh_token", p.Client)
	}
	if err := p.check(); err != nil {
		return f, nil, err
	}
	if p.Refresh > 0 && !tx.Now().Before(f.CreatedAt.Add(p.Refresh)) {
		return f, core.ErrRefused.With("reason", "expired"), nil // made shorter since
	}
	f.Seq, f.UsedAt = f.Seq+1, tx.Now()
	return f, nil, tx.Refreshed(f.ID, seq)
}

func reuse(tx store.Tx, f core.Family, what string, c core.Client) error {
	if !f.EndedAt.IsZero() {
		return nil
	}
	if err := tx.EndFamily(f.ID, "reused"); err != nil {
		return err
	}
	e := audit.Fail(audit.TokenReused, f.User, what, c)
	e.Session = f.Session
	if err := tx.Append(audit.Note(e, "app", string(f.App))); err != nil {
		return err
	}
	return tx.Changed(core.ChangeUser, string(f.User))
}

// EndFamily ends a family because its app gave the tokens back.
func EndFamily(tx store.Tx, f core.Family, why string, c core.Client) error {
	if err := tx.EndFamily(f.ID, why); err != nil {
		return err
	}
	e := audit.On(audit.TokenRevoked, string(f.App), string(f.User), c)
	e.Session = f.Session
	if err := tx.Append(audit.Note(e, "app", string(f.App))); err != nil {
		return err
	}
	return tx.Changed(core.ChangeUser, string(f.User))
}
