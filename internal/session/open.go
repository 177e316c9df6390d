package session

import (
	"fmt"
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
	Client    core.Client
	Doc       core.SessionDoc // what the journey wants the session to remember
	Click     Click
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

// facts are what the resolver is asked about. Skips and apps are not looked at
// here, and count as what gives least.
func (a Ask) facts(r store.Reader, proofs []core.Proof) (policy.Facts, error) {
	who, err := Who(r, a.User, a.Factors, a.Effective)
	return policy.Facts{Now: r.Now(), Person: who, Effective: a.Effective, Shown: policy.Shown{Proofs: proofs, Anew: a.Anew, Address: a.Client.Address}}, err
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

// Opened is a new session and the token for its cookie.
type Opened struct {
	Session core.Session
	Token   string
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
		return Opened{}, refusal(d)
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
	s.Doc.Address, s.Doc.Agent = ask.Client.Where(), ask.Client.AgentShort()
	if s.Doc.Click, err = ask.Click.keep(Opened{s, token}); err != nil {
		return Opened{}, fmt.Errorf("open session: %w", err)
	}
	if err := tx.InsertSession(s); err != nil {
		return Opened{}, fmt.Errorf("open session: %w", err)
	}
	e := audit.By(audit.SignInSucceeded, ask.User.ID, ask.Client)
	e.Session = s.ID
	e = audit.Note(e, "level", string(d.Level))
	e = audit.Note(e, "methods", methods(ask.Proofs))
	if err := tx.Append(e); err != nil {
		return Opened{}, err
	}
	return Opened{s, token}, nil
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
		return Opened{}, refusal(d)
	}
	token := secret.Token()
	s.TokenHash, s.Level, s.RotatedAt, s.LastSeenAt = secret.TokenHash(token), d.Level, now, now
	s.IdleUntil = now.Add(time.Duration(ask.Effective.Settings.Session.Idle))
	doc := ask.Doc
	doc.Proofs, doc.Idle = newest(proofs), s.Doc.Idle
	doc.Address, doc.Agent = s.Doc.Address, s.Doc.Agent
	// What an earlier click left is of a token that dies here.
	if doc.Click, err = ask.Click.keep(Opened{s, token}); err != nil {
		return Opened{}, fmt.Errorf("raise session %s: %w", s.ID, err)
	}
	s.Doc = doc
	if err := tx.UpdateSession(s); err != nil {
		return Opened{}, fmt.Errorf("raise session %s: %w", s.ID, err)
	}
	s.Version++
	return Opened{s, token}, tx.Changed(core.ChangeSession, string(s.ID))
}

// mayEnter holds for every way in, whatever was proved.
func mayEnter(ask Ask) error {
	if ask.User.State != core.UserActive && ask.User.State != core.UserValidated {
		return core.ErrRefused.With("reason", "state:"+string(ask.User.State))
	}
	if ask.Effective.Suspended != nil {
		return core.ErrTenantSuspended.With("by", ask.Effective.Suspended.Name)
	}
	return nil
}

func refusal(d policy.Decision) error {
	switch d.Outcome {
	case policy.Prove:
		return core.ErrMFARequired
	case policy.Enrol, policy.MaySkip:
		return core.ErrSetupRequired
	}
	return core.ErrRefused
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
