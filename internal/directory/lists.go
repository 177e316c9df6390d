package directory

import (
	"context"
	"slices"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/core"
	"sallyport/internal/policy"
	"sallyport/internal/session"
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
// those who hold certain roles and those who used one of some apps lately.
type demand struct {
	all   bool
	roles []core.Role
	apps  []core.AppID
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
	d.apps = slices.Clone(policy.NeedsApps(e))
	return d
}

// same: nobody's sign-in is asked for more or less at the door. Apps ask at theirs.
func (d demand) same(o demand) bool { return d.all == o.all && slices.Equal(d.roles, o.roles) }

// some: it asks this of some people and not of others.
func (d demand) some() bool { return len(d.roles) > 0 || len(d.apps) > 0 }

// mostByRole bounds how many people a demand by role is counted of: they hold
// rights, so they are few.
const mostByRole = 10_000

// asked counts of how many who have no second factor it demands one, where it does
// not of everybody. It costs by who holds a right and by who used the apps lately.
func (d demand) asked(r store.Reader) (int, error) {
	since := r.Now().Add(-policy.AppRecently)
	n := 0
	if len(d.apps) > 0 {
		var err error
		if n, err = r.CountOpenUsing(d.apps, since); err != nil {
			return 0, err
		}
	}
	if len(d.roles) == 0 {
		return n, nil
	}
	holders, err := r.OpenHolders(d.roles, mostByRole)
	if err != nil || len(d.apps) == 0 {
		return n + len(holders), err
	}
	for _, u := range holders {
		used, err := r.AppsUsedBy(u.ID, since)
		if err != nil {
			return 0, err
		}
		if !slices.ContainsFunc(used, func(a core.AppID) bool { return slices.Contains(d.apps, a) }) {
			n++
		}
	}
	return n, nil
}

// turns counts who is asked for a second factor in some app once this demand is
// another, and who is not any more.
func (d demand) turns(r store.Reader, is demand) (opens, frees int, err error) {
	before, after := 0, 0
	if !d.all {
		if before, err = d.asked(r); err != nil {
			return 0, 0, err
		}
	}
	if after, err = is.asked(r); err != nil {
		return 0, 0, err
	}
	return max(0, after-before), max(0, before-after), nil
}

// progress puts counts into words. r reads at the node that they are of.
func (d demand) progress(r store.Reader, n store.Counts) (Progress, error) {
	p := Progress{Enabled: n[core.StandingEnrolled], Pending: n[core.StandingPending], Service: n[core.StandingService],
		NotApplicable: n[core.StandingFederated], Inactive: n[core.StandingInactive]}
	switch {
	case d.all:
		p.SetupRequired = n[core.StandingOpen]
	case d.some() && n[core.StandingOpen] > 0:
		asked, err := d.asked(r)
		if err != nil {
			return Progress{}, err
		}
		p.SetupRequired, p.Disabled = asked, n[core.StandingOpen]-asked
	default:
		p.Disabled = n[core.StandingOpen]
	}
	return p, nil
}

// progress reads it at a node.
func progress(r store.Reader, e policy.Effective) (Progress, error) {
	n, err := r.Counts()
	if err != nil {
		return Progress{}, err
	}
	return demandOf(e).progress(r, n)
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
		one, err := s.progressOf(ctx, org, e, n)
		if err != nil {
			return p, 0, err
		}
		p = p.plus(one)
	}
	return p, len(all), nil
}

// progressOf puts the counts of an organisation into words. Where it asks some people
// and not others, its people are looked at, and counted in that same snapshot.
func (s *Service) progressOf(ctx context.Context, org core.TenantID, e policy.Effective, n store.Counts) (p Progress, err error) {
	d := demandOf(e)
	if !d.some() || n[core.StandingOpen] == 0 {
		return d.progress(nil, n)
	}
	err = s.Store.View(ctx, org, func(r store.Reader) error { p, err = progress(r, e); return err })
	return p, err
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
		listed, next, err := list(r, q, eff)
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
func list(r store.Reader, q PeopleQuery, eff policy.Effective) ([]store.Listed, string, error) {
	d := demandOf(eff)
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
		if d.all != (q.Status == core.MFASetupRequired) && !d.some() {
			return nil, "", nil // nobody stands there
		}
		ask.Standings = []core.Standing{core.StandingOpen}
		switch {
		case !d.some():
		case q.Status == core.MFASetupRequired && q.Prefix == "" && len(d.roles) == 0:
			return r.OpenUsing(d.apps, r.Now().Add(-policy.AppRecently), ask.Page)
		default:
			return sift(r, q, ask, eff)
		}
	default:
		return nil, "", core.Invalid("form.invalid", "field", "status")
	}
	return r.People(ask)
}

// sift tells those of whom a role or an app demands a second factor from the rest: it
// reads on until it has a page.
func sift(r store.Reader, q PeopleQuery, ask store.PeopleQuery, eff policy.Effective) ([]store.Listed, string, error) {
	if q.Status == core.MFASetupRequired {
		if n, err := demandOf(eff).asked(r); err != nil || n == 0 {
			return nil, "", err
		}
	}
	var out []store.Listed
	for {
		page, next, err := r.People(ask)
		if err != nil {
			return nil, "", err
		}
		for _, l := range page {
			p, err := lineOf(r, l, eff)
			if err != nil {
				return nil, "", err
			}
			if p.Status == q.Status {
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
	who.RolesKnown, who.Roles = true, []core.Role{core.RoleUser}
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
	if !l.Enrolled {
		var err error
		if who, err = session.Lately(r, who, l.User.ID, eff); err != nil {
			return p, err
		}
	}
	stand := policy.Standing(who, eff, r.Now())
	p.Status, p.DueAt = stand.Status, stand.DueAt
	return p, nil
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
