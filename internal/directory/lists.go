package directory

import (
	"context"
	"errors"
	"slices"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/core"
	"sallyport/internal/policy"
	"sallyport/internal/store"
)

// FilterInactive is the filter of disabled accounts; the others are the words of
// core.MFAStatus.
const FilterInactive core.MFAStatus = "inactive"

// Progress is how many people of a node stand where, by the words that the table
// has: its filters and the bar read this and nothing else.
type Progress struct {
	Enabled       int
	SetupRequired int
	Pending       int
	Disabled      int // need no second factor and have none
	Service       int
	NotApplicable int // federated
	Inactive      int // disabled accounts of any kind
}

// Of is the number of a filter.
func (p Progress) Of(status core.MFAStatus) int {
	switch status {
	case core.MFAEnabled:
		return p.Enabled
	case core.MFASetupRequired:
		return p.SetupRequired
	case core.MFAPendingValidation:
		return p.Pending
	case core.MFADisabled:
		return p.Disabled
	case core.MFAServiceAccount:
		return p.Service
	case core.MFANotApplicable:
		return p.NotApplicable
	case FilterInactive:
		return p.Inactive
	}
	return 0
}

// Asked is the bar's denominator: who has a second factor, and who is to set one up
// (decision 4). Disabled accounts, service accounts and federated people are not in
// it.
func (p Progress) Asked() int { return p.Enabled + p.SetupRequired + p.Pending }

// plus adds the people of another organisation.
func (p Progress) plus(o Progress) Progress {
	return Progress{p.Enabled + o.Enabled, p.SetupRequired + o.SetupRequired, p.Pending + o.Pending, p.Disabled + o.Disabled,
		p.Service + o.Service, p.NotApplicable + o.NotApplicable, p.Inactive + o.Inactive}
}

// demand is of whom an organisation requires a second factor: of everybody, or of
// those who hold certain roles.
type demand struct {
	all   bool
	roles []core.Role
}

func demandOf(e policy.Effective) demand {
	asked := func(roles ...core.Role) bool {
		_, required := policy.Required(policy.Person{Kind: core.Person, State: core.UserActive, RolesKnown: true, Roles: roles}, e)
		return required
	}
	d := demand{all: asked(core.RoleUser)}
	if d.all {
		return d
	}
	for _, r := range core.Roles {
		if r != core.RoleUser && asked(core.RoleUser, r) {
			d.roles = append(d.roles, r)
		}
	}
	return d
}

// mostByRole bounds how many people a demand by role is counted of: they hold
// rights, so they are few.
const mostByRole = 10_000

// progress puts counts into words. byRole are those of whom a role demands it.
func (d demand) progress(n store.Counts, byRole int) Progress {
	p := Progress{Enabled: n[core.StandingEnrolled], Pending: n[core.StandingPending], Service: n[core.StandingService],
		NotApplicable: n[core.StandingFederated], Inactive: n[core.StandingInactive]}
	if d.all {
		p.SetupRequired = n[core.StandingOpen]
		return p
	}
	p.SetupRequired = byRole
	p.Disabled = n[core.StandingOpen] - byRole
	return p
}

// progress reads it at a node.
func progress(r store.Reader, e policy.Effective) (Progress, error) {
	n, err := r.Counts()
	if err != nil {
		return Progress{}, err
	}
	d := demandOf(e)
	byRole := 0
	if len(d.roles) > 0 && n[core.StandingOpen] > 0 {
		holders, err := r.OpenHolders(d.roles, mostByRole)
		if err != nil {
			return Progress{}, err
		}
		byRole = len(holders)
	}
	return d.progress(n, byRole), nil
}

// Progress is how far the people of a node, and of those below it within its
// organisation, have come. Whoever may see the node may see it.
func (s *Service) Progress(ctx context.Context, id core.TenantID, by access.Actor) (p Progress, err error) {
	_, eff, err := s.Tree.On(ctx, by, access.ViewTenants, id)
	if err != nil {
		return p, err
	}
	err = s.Store.View(ctx, id, func(r store.Reader) error { p, err = progress(r, eff); return err })
	return p, err
}

// Branch is how far everybody of a branch has come, all its organisations together,
// each by what holds there. It costs by the number of organisations, not of people.
func (s *Service) Branch(ctx context.Context, id core.TenantID, by access.Actor) (p Progress, organisations int, err error) {
	if _, _, err := s.Tree.On(ctx, by, access.ViewTenants, id); err != nil {
		return p, 0, err
	}
	if err := s.Tree.Fill(ctx, id); err != nil {
		return p, 0, err
	}
	var all map[core.TenantID]store.Counts
	err = s.Store.View(ctx, id, func(r store.Reader) error { all, err = r.CountsBelow(); return err })
	if err != nil {
		return p, 0, err
	}
	for org, n := range all {
		e, err := s.Tree.Effective(ctx, org)
		if err != nil {
			return p, 0, err
		}
		d := demandOf(e)
		byRole := 0
		if len(d.roles) > 0 && n[core.StandingOpen] > 0 {
			err := s.Store.View(ctx, org, func(r store.Reader) error {
				holders, err := r.OpenHolders(d.roles, mostByRole)
				byRole = len(holders)
				return err
			})
			if err != nil {
				return p, 0, err
			}
		}
		p = p.plus(d.progress(n, byRole))
	}
	return p, len(all), nil
}

// PeopleQuery asks for a part of a list of people.
type PeopleQuery struct {
	Status core.MFAStatus // or FilterInactive; empty: all
	Prefix string         // of login, name, family name or address
	After  string
	Limit  int
}

// Person is a line of a list of people.
type Person struct {
	User   core.User
	Status core.MFAStatus
	DueAt  time.Time // until when a setup may be put off
	// Inactive: the account is disabled; its status is what it would be.
	Inactive bool
	Roles    []core.RoleGrant // other than user
}

// People is a page of a list, with the counts of the same moment: the bar and the
// table below it never differ.
type People struct {
	People   []Person
	Next     string
	Progress Progress
}

// MostPeople is how many people one page has at most.
const MostPeople = 200

// People lists people of a node and of those below it within its organisation, by
// login, or by what they were searched for.
func (s *Service) People(ctx context.Context, id core.TenantID, q PeopleQuery, by access.Actor) (People, error) {
	_, eff, err := s.Tree.On(ctx, by, access.ViewPeople, id)
	if err != nil {
		return People{}, err
	}
	if q.Limit < 1 || q.Limit > MostPeople {
		q.Limit = 50
	}
	var out People
	err = s.Store.View(ctx, id, func(r store.Reader) error {
		if out.Progress, err = progress(r, eff); err != nil {
			return err
		}
		listed, next, err := list(r, q, demandOf(eff))
		if err != nil {
			return err
		}
		out.Next = next
		for _, l := range listed {
			p, err := lineOf(r, l, eff)
			if err != nil {
				return err
			}
			out.People = append(out.People, p)
		}
		return nil
	})
	return out, err
}

// list reads a page of the people that a filter names.
func list(r store.Reader, q PeopleQuery, d demand) ([]store.Listed, string, error) {
	ask := store.PeopleQuery{Page: store.Page{After: q.After, Limit: q.Limit}, Prefix: q.Prefix}
	switch q.Status {
	case "":
	case core.MFAEnabled:
		ask.Standings = []core.Standing{core.StandingEnrolled}
	case core.MFAPendingValidation:
		ask.Standings = []core.Standing{core.StandingPending}
	case core.MFAServiceAccount:
		ask.Standings = []core.Standing{core.StandingService}
	case core.MFANotApplicable:
		ask.Standings = []core.Standing{core.StandingFederated}
	case FilterInactive:
		ask.Standings = []core.Standing{core.StandingInactive}
	case core.MFASetupRequired, core.MFADisabled:
		if d.all != (q.Status == core.MFASetupRequired) && len(d.roles) == 0 {
			return nil, "", nil // nobody stands there
		}
		ask.Standings = []core.Standing{core.StandingOpen}
		if len(d.roles) > 0 {
			return listByRole(r, q, ask, d)
		}
	default:
		return nil, "", core.Invalid("form.invalid", "field", "status")
	}
	return r.People(ask)
}

// listByRole tells those of whom a role demands a second factor from the rest.
func listByRole(r store.Reader, q PeopleQuery, ask store.PeopleQuery, d demand) ([]store.Listed, string, error) {
	holders, err := r.OpenHolders(d.roles, mostByRole)
	if err != nil {
		return nil, "", err
	}
	asked := map[core.UserID]bool{}
	for _, u := range holders {
		asked[u.ID] = true
	}
	if q.Status == core.MFASetupRequired && len(holders) == 0 {
		return nil, "", nil
	}
	var out []store.Listed
	for {
		page, next, err := r.People(ask)
		if err != nil {
			return nil, "", err
		}
		for _, l := range page {
			if asked[l.User.ID] == (q.Status == core.MFASetupRequired) {
				out = append(out, l)
			}
		}
		// Pages are whole ones of the list below, so a place is never in between.
		if next == "" || len(out) >= q.Limit {
			return out, next, nil
		}
		ask.After = next
	}
}

func lineOf(r store.Reader, l store.Listed, eff policy.Effective) (Person, error) {
	p := Person{User: l.User, Inactive: l.Standing == core.StandingInactive}
	who := policy.PersonOf(l.User, nil)
	who.Skips, who.RolesKnown, who.Roles = l.User.SkipsOf(eff.Since), true, []core.Role{core.RoleUser}
	if l.Privileged {
		roles, err := r.RolesHeldBy(l.User.ID)
		if err != nil {
			return p, err
		}
		who = who.With(roles)
		p.Roles = slices.DeleteFunc(roles, func(g core.RoleGrant) bool { return g.Role == core.RoleUser })
	}
	if l.Enrolled {
		// That there is one is known; what it is matters to nobody here.
		who.Factors = []core.Factor{{Kind: core.FactorTOTP, State: core.FactorConfirmed}}
	}
	stand := policy.Standing(who, eff, r.Now())
	p.Status, p.DueAt = stand.Status, stand.DueAt
	return p, nil
}

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
	err = s.Store.View(ctx, u.Tenant, func(r store.Reader) error { return d.read(r, id) })
	return d, plainly(err)
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
	who := policy.PersonOf(d.User, d.Factors).With(roles)
	who.Skips = d.User.SkipsOf(d.Effective.Since)
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

// Events is the log of a node and of those below it within its organisation.
func (s *Service) Events(ctx context.Context, id core.TenantID, q store.EventsQuery, by access.Actor) (events []core.Event, next string, err error) {
	if _, _, err := s.Tree.On(ctx, by, access.ViewAudit, id); err != nil {
		return nil, "", err
	}
	if q.Limit < 1 || q.Limit > 1000 {
		q.Limit = 100
	}
	err = s.Store.View(ctx, id, func(r store.Reader) error { events, next, err = r.Events(q); return err })
	return events, next, err
}

// Holders lists who holds a role on a node or below it within its organisation,
// and the roles that the organisation made itself.
func (s *Service) Holders(ctx context.Context, id core.TenantID, by access.Actor) (held []store.Holder, custom []core.CustomRole, err error) {
	_, eff, err := s.Tree.On(ctx, by, access.ViewPeople, id)
	if err != nil {
		return nil, nil, err
	}
	err = s.Store.View(ctx, id, func(r store.Reader) error { held, err = r.RolesHeld(); return err })
	if err != nil {
		return nil, nil, err
	}
	err = s.Store.View(ctx, eff.Organisation.ID, func(r store.Reader) error { custom, err = r.CustomRoles(); return err })
	return held, custom, err
}

// Row is a line of the tenants' tree: the node, how MFA stands there, and how far
// its whole branch has come.
type Row struct {
	Tenant    core.Tenant
	Effective policy.Effective
	Progress  Progress
	Below     int // organisations with people in the branch
}

// Rows are the nodes right under one, a page a call.
func (s *Service) Rows(ctx context.Context, id core.TenantID, p store.Page, deletedToo bool, by access.Actor) (rows []Row, next string, err error) {
	nodes, next, err := s.Children(ctx, id, p, deletedToo, by)
	if err != nil {
		return nil, "", err
	}
	for _, n := range nodes {
		r := Row{Tenant: n}
		if r.Effective, err = s.Tree.Effective(ctx, n.ID); err != nil {
			return nil, "", err
		}
		if n.State != core.TenantDeleted {
			if r.Progress, r.Below, err = s.Branch(ctx, n.ID, by); err != nil {
				return nil, "", err
			}
		}
		rows = append(rows, r)
	}
	return rows, next, nil
}
