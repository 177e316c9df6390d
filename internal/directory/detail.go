package directory

import (
	"context"
	"errors"
	"strings"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/core"
	"sallyport/internal/policy"
	"sallyport/internal/session"
	"sallyport/internal/store"
)

// Detail is one account with all that an administrator needs of it, and nothing
// secret: no hash, no key, no token, no code (rows B-44, DS-15).
type Detail struct {
	User      core.User
	Tenant    core.Tenant
	Effective policy.Effective
	Stand     policy.Stand
	Explained policy.Explanation // why they are asked, or not
	Roles     []RoleOn
	Factors   []core.Factor // those not revoked, without their secrets
	History   []core.Factor // those revoked, newest first
	Browsers  []core.Browser
	Sessions  []core.Session // that live
	SignIns   []core.Event   // newest first
	Service   *core.Service

	HasPassword    bool
	PasswordSetAt  time.Time
	PasswordLocked time.Time // until when; zero when it is not
	CodesLocked    time.Time
	// Invited is the newest invitation while the account is pending; its state says
	// whether it still works.
	Invited *core.Token
	// Waiting is a new address that waits for its confirmation.
	Waiting string
	// PassUntil is until when a temporary pass that was not used works.
	PassUntil time.Time
}

// RoleOn is a role with the name of the node that it holds on.
type RoleOn struct {
	Grant core.RoleGrant
	On    core.Tenant
	Name  string // of a custom role
}

// signInsShown is how many recent sign-ins a detail has.
const signInsShown = 20

// Detail is one account as its administrators see it.
func (s *Service) Detail(ctx context.Context, id core.UserID, by access.Actor) (Detail, error) {
	var d Detail
	u, err := s.Store.FindUser(ctx, id)
	if err != nil {
		return d, plainly(err)
	}
	at, err := s.Tree.Place(ctx, u.Tenant)
	if err == nil {
		err = See(by, access.ViewPeople, access.ViewPeople, at)
	}
	if err != nil {
		return d, plainly(err)
	}
	if d.Effective, err = s.Tree.Effective(ctx, u.Tenant); err != nil {
		return d, err
	}
	if err := s.Store.View(ctx, u.Tenant, func(r store.Reader) error { return d.read(r, id) }); err != nil {
		return d, plainly(err)
	}
	return d, s.nameRoles(ctx, d.Roles)
}

// nameRoles puts names to custom roles, which the organisation that made one knows.
func (s *Service) nameRoles(ctx context.Context, roles []RoleOn) error {
	for i := range roles {
		g := roles[i].Grant
		if !strings.HasPrefix(string(g.Role), core.PrefixRole+"_") {
			continue
		}
		at, err := s.Tree.Place(ctx, g.Tenant)
		if err != nil {
			return err
		}
		custom, err := s.customRole(ctx, g.Role, at)
		if _, unknown := core.AsFault(err); err != nil && !unknown {
			return err
		}
		roles[i].Name = custom.Name
	}
	return nil
}

func (d *Detail) read(r store.Reader, id core.UserID) error {
	var err error
	if d.User, err = r.User(id); err != nil {
		return err
	}
	if d.Tenant, err = r.Tenant(); err != nil {
		return err
	}
	roles, err := r.RolesHeldBy(id)
	if err != nil {
		return err
	}
	for _, g := range roles {
		line, err := r.LineOf(g.Tenant)
		if err != nil {
			return err
		}
		d.Roles = append(d.Roles, RoleOn{Grant: g, On: line[len(line)-1]})
	}
	history, err := r.FactorHistory(id)
	if err != nil {
		return err
	}
	for _, f := range history {
		f.Secret, f.Handle = nil, ""
		if f.State == core.FactorRevoked {
			d.History = append([]core.Factor{f}, d.History...)
			continue
		}
		d.Factors = append(d.Factors, f)
	}
	who, err := session.Lately(r, policy.PersonOf(d.User, d.Factors).With(roles), id, d.Effective)
	if err != nil {
		return err
	}
	d.Stand = policy.Standing(who, d.Effective, r.Now())
	d.Explained = policy.Explain(policy.Facts{Now: r.Now(), Person: who, Effective: d.Effective, Shown: policy.Shown{Proofs: []core.Proof{{Kind: core.FactorPassword, At: r.Now()}}}})
	if d.Browsers, err = r.Browsers(id); err != nil {
		return err
	}
	for i := range d.Browsers {
		d.Browsers[i].Hash = nil
	}
	sessions, err := r.Sessions(id)
	if err != nil {
		return err
	}
	for _, se := range sessions {
		if se.Live(r.Now()) {
			se.TokenHash, se.Doc.Reveal = nil, nil
			d.Sessions = append(d.Sessions, se)
		}
	}
	return d.more(r, id)
}

func (d *Detail) more(r store.Reader, id core.UserID) error {
	events, err := r.EventsOf(id, 0, 10*signInsShown)
	if err != nil {
		return err
	}
	for _, e := range events {
		if len(d.SignIns) < signInsShown && (e.Name == "signin.succeeded" || e.Name == "signin.failed" || e.Name == "signin.factor_failed") {
			d.SignIns = append(d.SignIns, e)
		}
	}
	p, err := r.Password(id)
	if err != nil && !errors.Is(err, core.ErrNotFound) {
		return err
	}
	d.HasPassword, d.PasswordSetAt = p.Hash != "", p.SetAt
	for name, until := range map[string]*time.Time{"password": &d.PasswordLocked, "codes": &d.CodesLocked} {
		b, err := r.Budget(id, name)
		if err != nil {
			return err
		}
		if b.Locked(r.Now()) {
			*until = b.LockedUntil
		}
	}
	if d.User.Kind == core.ServiceAccount {
		facts, err := r.Service(id)
		if err == nil {
			d.Service = &facts
		} else if !errors.Is(err, core.ErrNotFound) {
			return err
		}
	}
	for kind, use := range map[core.TokenKind]func(core.Token){
		core.TokenInvitation: func(k core.Token) {
			if d.Invited == nil && d.User.State == core.UserInvited {
				k.Hash = nil
				d.Invited = &k
			}
		},
		core.TokenEmailChange: func(k core.Token) {
			if k.State(r.Now()) == core.TokenGood {
				d.Waiting = k.Email
			}
		},
		core.TokenPass: func(k core.Token) {
			if k.State(r.Now()) == core.TokenGood {
				d.PassUntil = k.ExpiresAt
			}
		},
	} {
		all, err := r.Tokens(id, kind)
		if err != nil {
			return err
		}
		for _, k := range all { // newest first
			use(k)
		}
	}
	return nil
}
