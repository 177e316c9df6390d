package session

import (
	"errors"
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

// Ask is what the gate needs to know before it opens.
type Ask struct {
	User      core.User
	Factors   []core.Factor // not revoked, as they stand after this step
	Effective policy.Effective
	Proofs    []core.Proof
	Anew      bool // the attempt must end with a newly enrolled factor
	Skip      bool // the person asks to put off setting up a factor
	Door      policy.Door
	Client    core.Client
	Doc       core.SessionDoc // what the journey wants the session to remember
	Click     Click
	Acting    *Acting // the session acts in another organisation
	// App is the app that the sign-in leads to, as rules see it; none for one's own
	// account.
	App policy.App
}

// Click is the press of a button that makes the token, where a second request of
// it may be under way already (see core.Click). The zero value keeps nothing.
type Click struct {
	Mark []byte
	// Seal makes what the second one gets; it must be bound to the session.
	Seal func(Opened) ([]byte, error)
}

func (c Click) keep(o Opened) (core.Click, error) {
	if len(c.Mark) == 0 {
		return core.Click{}, nil
	}
	sealed, err := c.Seal(o)
	return core.Click{Mark: c.Mark, Outcome: sealed}, err
}

// facts are what the resolver is asked about.
func (a Ask) facts(r store.Reader, proofs []core.Proof) (policy.Facts, error) {
	who, err := Who(r, a.User, a.Factors, a.Effective)
	if err == nil && a.User.Kind == core.ServiceAccount {
		err = whence(r, &who, a.User.ID)
	}
	return policy.Facts{Now: r.Now(), Person: who, Effective: a.Effective, App: a.App, Shown: policy.Shown{Door: a.Door, Proofs: proofs, Anew: a.Anew, Skip: a.Skip, Address: a.Client.Address}}, err
}

// Who is an account as rules see it. Its roles are read where they matter.
func Who(r store.Reader, u core.User, factors []core.Factor, e policy.Effective) (policy.Person, error) {
	p := policy.PersonOf(u, factors)
	if !policy.NeedsRoles(e) {
		return p, nil
	}
	grants, err := r.Roles(u.ID)
	if err != nil {
		return p, fmt.Errorf("roles of %s: %w", u.ID, err)
	}
	return p.With(grants), nil
}

// Lately is an account as tables and its own pages see it: with the apps that it used
// lately, where a second factor is asked for in some.
func Lately(r store.Reader, p policy.Person, id core.UserID, e policy.Effective) (policy.Person, error) {
	if len(policy.NeedsApps(e)) == 0 {
		return p, nil
	}
	used, err := r.AppsUsedBy(id, r.Now().Add(-policy.AppRecently))
	if err != nil {
		return p, fmt.Errorf("apps of %s: %w", id, err)
	}
	p.AppsUsed = used
	return p, nil
}

// whence adds from where a service account may come and until when. What cannot be
// read as a network allows nobody, nor does an account of which none of this is known.
func whence(r store.Reader, who *policy.Person, id core.UserID) error {
	kept, err := r.Service(id)
	switch {
	case errors.Is(err, core.ErrNotFound):
		who.Networks = core.Nowhere
		return nil
	case err != nil:
		return fmt.Errorf("service account %s: %w", id, err)
	}
	who.ExpiresAt = kept.ExpiresAt
	for _, n := range kept.Networks {
		p, err := netip.ParsePrefix(n)
		if err != nil {
			who.Networks = core.Nowhere
			return nil
		}
		who.Networks = append(who.Networks, p)
	}
	return nil
}

// Admit is the gate for who comes with login and password in each request and gets
// no session: it asks the resolver the same question at the same place, so that no
// door has an opinion of its own (decision 7.1).
func Admit(r store.Reader, ask Ask) error {
	if err := mayEnter(ask); err != nil {
		return err
	}
	facts, err := ask.facts(r, ask.Proofs)
	if err != nil {
		return err
	}
	d := policy.Resolve(facts)
	if d.Outcome != policy.Allowed {
		return refusal(d, ask)
	}
	return nil
}

// Opened is a new session and the token for its cookie.
type Opened struct {
	Session core.Session
	Token   string
	// User is the account as the gate left it: a skip may have been counted.
	User core.User
}

// Open is the gate: it asks the resolver and, only when that says allowed,
// writes a session in the caller's transaction. Anything else is an error that
// names what is missing.
func Open(tx store.Tx, ask Ask) (Opened, error) {
	now := tx.Now()
	if err := mayEnter(ask); err != nil {
		return Opened{}, err
	}
	facts, err := ask.facts(tx, ask.Proofs)
	if err != nil {
		return Opened{}, err
	}
	d := policy.Resolve(facts)
	if d.Outcome != policy.Allowed {
		return Opened{}, refusal(d, ask)
	}
	user, err := putOff(tx, d, ask)
	if err != nil {
		return Opened{}, err
	}
	token := secret.Token()
	set := ask.Effective.Settings.Session
	s := core.Session{
		ID: core.SessionID(secret.NewID(core.PrefixSession, now)), Tenant: tx.TenantID(), User: ask.User.ID,
		TokenHash: secret.TokenHash(token), Level: d.Level, Doc: ask.Doc,
		CreatedAt: now, RotatedAt: now, LastSeenAt: now,
		ExpiresAt: now.Add(time.Duration(set.Max)), IdleUntil: now.Add(time.Duration(set.Idle)),
	}
	s.Doc.Proofs, s.Doc.Idle = ask.Proofs, set.Idle
	s.Doc.Skipped, s.Doc.SkipsBefore = d.Skipped, ask.User.Skips
	s.Doc.Address, s.Doc.Agent = ask.Client.Where(), ask.Client.AgentShort()
	ask.Acting.mark(&s)
	if s.Doc.Click, err = ask.Click.keep(Opened{Session: s, Token: token}); err != nil {
		return Opened{}, fmt.Errorf("open session: %w", err)
	}
	if err := tx.InsertSession(s); err != nil {
		return Opened{}, fmt.Errorf("open session: %w", err)
	}
	if ask.Acting != nil {
		return Opened{s, token, user}, ask.Acting.tell(tx, s, ask.Client)
	}
	e := audit.By(audit.SignInSucceeded, ask.User.ID, ask.Client)
	e.Session = s.ID
	e = audit.Note(e, "level", string(d.Level))
	e = audit.Note(e, "methods", methods(ask.Proofs))
	if err := tx.Append(e); err != nil {
		return Opened{}, err
	}
	return Opened{s, token, user}, nil
}

// putOff counts a skip that the gate lets pass, in its transaction: of two that
// come at once the account's version lets one through (decision 7.5).
func putOff(tx store.Tx, d policy.Decision, ask Ask) (core.User, error) {
	u := ask.User
	if !d.Skipped {
		return u, nil
	}
	e := audit.By(audit.MFASkipped, u.ID, ask.Client)
	if d.Counted {
		if !u.SkipsSince.Equal(d.CountedSince) {
			u.Skips, u.SkipsSince = 0, d.CountedSince
		}
		u.Skips++
		u.ChangedAt = tx.Now()
		if err := tx.UpdateUser(u); err != nil {
			return u, fmt.Errorf("count a skip of %s: %w", u.ID, err)
		}
		u.Version++
		e = audit.Count(e, "left", d.SkipsLeft-1)
	}
	return u, tx.Append(e)
}

// Raise puts further proofs on a session that exists, again through the
// resolver, and gives it a new token; the old one is dead.
func Raise(tx store.Tx, s core.Session, ask Ask) (Opened, error) {
	now := tx.Now()
	if err := mayEnter(ask); err != nil {
		return Opened{}, err
	}
	proofs := append(slices.Clone(s.Doc.Proofs), ask.Proofs...)
	facts, err := ask.facts(tx, proofs)
	if err != nil {
		return Opened{}, err
	}
	d := policy.Resolve(facts)
	// Showing again what the session stands on raises nothing, so nothing is
	// asked: it must stay possible where a requirement was switched on meanwhile,
	// or the person could not reach the page where they enrol.
	if d.Level != s.Level && d.Outcome != policy.Allowed {
		return Opened{}, refusal(d, ask)
	}
	token := secret.Token()
	s.TokenHash, s.Level, s.RotatedAt, s.LastSeenAt = secret.TokenHash(token), d.Level, now, now
	s.IdleUntil = now.Add(time.Duration(ask.Effective.Settings.Session.Idle))
	doc := ask.Doc
	doc.Proofs, doc.Idle = newest(proofs), s.Doc.Idle
	doc.Address, doc.Agent = s.Doc.Address, s.Doc.Agent
	// What an earlier click left is of a token that dies here.
	if doc.Click, err = ask.Click.keep(Opened{Session: s, Token: token}); err != nil {
		return Opened{}, fmt.Errorf("raise session %s: %w", s.ID, err)
	}
	s.Doc = doc
	if err := tx.UpdateSession(s); err != nil {
		return Opened{}, fmt.Errorf("raise session %s: %w", s.ID, err)
	}
	s.Version++
	return Opened{s, token, ask.User}, tx.Changed(core.ChangeSession, string(s.ID))
}

// mayEnter holds for every way in, whatever was proved.
func mayEnter(ask Ask) error {
	if ask.User.State != core.UserActive && ask.User.State != core.UserValidated {
		return core.ErrRefused.With("reason", "state:"+string(ask.User.State))
	}
	if ask.Effective.Deleted() {
		return core.ErrRefused.With("reason", "tenant_deleted")
	}
	if ask.Effective.Suspended != nil {
		return core.ErrTenantSuspended.With("by", ask.Effective.Suspended.Name)
	}
	return nil
}

func refusal(d policy.Decision, ask Ask) error {
	switch d.Outcome {
	case policy.Prove:
		return core.ErrMFARequired
	case policy.Enrol, policy.MaySkip:
		return core.ErrSetupRequired
	}
	if !ask.Effective.Settings.LoginNetworks.Allow(ask.Client.Address) {
		return Outside(ask.Effective, ask.Client)
	}
	return core.ErrRefused
}

// Outside is the refusal of somebody who comes from outside the networks of their
// organisation. It is told only to who has shown the password (row ACR-30).
func Outside(e policy.Effective, c core.Client) error {
	return core.ErrOutsideNetwork.With("by", e.Name()).With("address", c.Where())
}

// newest keeps the latest proof of each kind and factor, so that a session that
// proves itself often does not grow.
func newest(proofs []core.Proof) []core.Proof {
	var out []core.Proof
	for i, p := range proofs {
		later := slices.ContainsFunc(proofs[i+1:], func(q core.Proof) bool { return q.Kind == p.Kind && q.ID == p.ID })
		if !later {
			out = append(out, p)
		}
	}
	return out
}

func methods(proofs []core.Proof) string {
	out := ""
	for _, p := range proofs {
		if out != "" {
			out += " "
		}
		out += string(p.Kind)
	}
	return out
}
