package app

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"sallyport/internal/access"
	"sallyport/internal/core"
	"sallyport/internal/policy"
	"sallyport/internal/session"
	"sallyport/internal/store"
)

// stuck looks for people who must sign in and have no exit (decision 7.6): no
// factor that works, no recovery code, nobody who may reset or invite them. The
// operator's admin link is the last exit of an administrator, and counted.
func (x examination) stuck(ctx context.Context, d *Diagnosis) error {
	s, err := newStuckSearch(ctx, x.h.Store)
	if err != nil {
		return err
	}
	for _, t := range s.tenants {
		if err := s.tenant(ctx, t, x.progress); err != nil {
			return err
		}
	}
	d.Detail = fmt.Sprintf("%d people looked at", s.seen)
	for _, f := range s.found {
		d.find("%s", f)
	}
	if s.more > 0 {
		d.find("and %d more", s.more)
	}
	return nil
}

type stuckSearch struct {
	store    store.Store
	tenants  []core.Tenant
	settings map[core.TenantID]policy.Effective
	places   map[core.TenantID]access.Place
	helpers  []access.Actor // administrators and helpdesk who can sign in
	grants   map[core.UserID][]access.Grant
	admin    map[core.UserID]bool
	seen     int64
	found    []string
	more     int
}

const mostStuck = 20

func newStuckSearch(ctx context.Context, st store.Store) (*stuckSearch, error) {
	all, err := st.AllTenants(ctx)
	if err != nil {
		return nil, err
	}
	s := &stuckSearch{store: st, settings: map[core.TenantID]policy.Effective{}, places: map[core.TenantID]access.Place{}, admin: map[core.UserID]bool{}}
	byID := map[core.TenantID]core.Tenant{}
	for _, t := range all { // parents come before children
		byID[t.ID] = t
		if t.State == core.TenantDeleted {
			continue
		}
		line := []core.Tenant{t}
		for p := t.Parent; p != ""; p = byID[p].Parent {
			line = append([]core.Tenant{byID[p]}, line...)
		}
		if s.settings[t.ID], err = policy.Of(line); err != nil {
			return nil, err
		}
		s.places[t.ID] = access.PlaceOf(line)
		s.tenants = append(s.tenants, t)
	}
	grants := map[core.UserID][]access.Grant{}
	s.grants = grants
	custom, err := s.customRoles(ctx)
	if err != nil {
		return nil, err
	}
	for _, role := range slices.Concat(core.Roles, slices.Sorted(maps.Keys(custom))) {
		if role == core.RoleUser {
			continue
		}
		held, err := st.AllRoles(ctx, role)
		if err != nil {
			return nil, err
		}
		for _, g := range held {
			if _, there := s.places[g.Tenant]; !there {
				continue // on a node that was deleted
			}
			g.Base, g.Rights = custom[role].Base, custom[role].Rights
			grants[g.User] = append(grants[g.User], access.GrantOf(g, s.places[g.Tenant]))
			if role == core.PlatformAdmin || role == core.PartnerAdmin || role == core.CustomerAdmin {
				s.admin[g.User] = true
			}
		}
	}
	for id, g := range grants {
		u, err := st.FindUser(ctx, id)
		if err != nil {
			return nil, err
		}
		err = st.View(ctx, u.Tenant, func(r store.Reader) error {
			able, err := s.able(r, u)
			if err == nil && able {
				s.helpers = append(s.helpers, access.Actor{User: u, Grants: g})
			}
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return s, nil
}

// customRoles are those of every organisation: who holds one may be the help that
// somebody has.
func (s *stuckSearch) customRoles(ctx context.Context) (map[core.Role]core.CustomRole, error) {
	out := map[core.Role]core.CustomRole{}
	for _, t := range s.tenants {
		if !t.Kind.IsOrganisation() {
			continue
		}
		err := s.store.View(ctx, t.ID, func(r store.Reader) error {
			all, err := r.CustomRoles()
			for _, c := range all {
				out[c.ID] = c
			}
			return err
		})
		if err != nil {
			return nil, fmt.Errorf("custom roles of %s: %w", t.ID, err)
		}
	}
	return out, nil
}

// able reports whether somebody can sign in without anybody's help.
func (s *stuckSearch) able(r store.Reader, u core.User) (bool, error) {
	if u.State != core.UserActive && u.State != core.UserValidated || s.settings[u.Tenant].Suspended != nil {
		return false, nil
	}
	factors, err := r.Factors(u.ID)
	if err != nil {
		return false, err
	}
	return !policy.Lost(factors), nil
}

// tenant looks at the people of one tenant, a page a snapshot.
func (s *stuckSearch) tenant(ctx context.Context, t core.Tenant, progress func(string, int64, int64)) error {
	const page = 200
	after, n := core.UserID(""), page
	for n == page {
		err := s.store.View(ctx, t.ID, func(r store.Reader) error {
			users, err := r.Users(after, page)
			if err != nil {
				return err
			}
			n = len(users)
			for _, u := range users {
				after = u.ID
				if err := s.person(r, u); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
		if progress != nil {
			progress("people", s.seen, 0)
		}
	}
	return nil
}

func (s *stuckSearch) person(r store.Reader, u core.User) error {
	if u.Kind != core.Person || u.Federated || u.State == core.UserDisabled || u.State == core.UserDeleted {
		return nil
	}
	s.seen++
	eff := s.settings[u.Tenant]
	if eff.Suspended != nil || s.admin[u.ID] {
		return nil // refused on purpose; or the admin link is the exit
	}
	if u.State == core.UserInvited {
		open, err := openInvitation(r, u)
		if err == nil && !open && !s.helped(u, access.Reinvite) {
			s.find("%s (%s): the invitation is over, and nobody can send another", u)
		}
		return err
	}
	factors, err := r.Factors(u.ID)
	if err != nil {
		return err
	}
	who, err := session.Who(r, u, factors, eff)
	if err != nil {
		return err
	}
	d := policy.Ahead(who, eff, r.Now())
	exits := policy.Exits(d, who)
	switch {
	case len(exits) == 0 && slices.ContainsFunc(d.Reasons(), func(x policy.Step) bool { return x.Why == policy.WhyNowhere }):
		s.find("%s (%s): a lock and the organisation's own list leave no network to sign in from", u)
	case len(exits) == 0:
		s.find("%s (%s): a second factor is required, and none can be set up here", u)
	case len(exits) == 1 && exits[0] == policy.ExitAdministrator && !s.helped(u, access.ResetMFA):
		s.find("%s (%s): the second factor is dead, there is no recovery code, and nobody can reset it; run: sallyport user reset-mfa", u)
	}
	if u.Email != "" {
		return nil
	}
	p, err := r.Password(u.ID)
	if err != nil && !errors.Is(err, core.ErrNotFound) {
		return err
	}
	if p.Hash == "" {
		s.find("%s (%s): there is no password, and no address to send a link to", u)
	}
	return nil
}

func openInvitation(r store.Reader, u core.User) (bool, error) {
	tokens, err := r.Tokens(u.ID, core.TokenInvitation)
	for _, t := range tokens {
		if t.State(r.Now()) == core.TokenGood {
			return true, nil
		}
	}
	return false, err
}

// helped reports whether somebody else who can sign in may do p for u, there or by
// acting there: who holds rights is helped only by who has them all.
func (s *stuckSearch) helped(u core.User, p access.Permission) bool {
	for _, a := range s.helpers {
		if a.User.ID != u.ID && a.Holds(p, s.places[u.Tenant]) && a.MayActOn(s.grants[u.ID]) {
			return true
		}
	}
	return false
}

func (s *stuckSearch) find(format string, u core.User) {
	if len(s.found) == mostStuck {
		s.more++
		return
	}
	s.found = append(s.found, fmt.Sprintf(format, u.Login, u.ID))
}
