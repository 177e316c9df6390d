// Package desk answers the console's questions with the journeys. It asks one or
// several of them, puts their answers into the words of a page, and decides nothing:
// who may do what is theirs to say.
package desk

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/console"
	"sallyport/internal/core"
	"sallyport/internal/directory"
	"sallyport/internal/recovery"
	"sallyport/internal/rollout"
	"sallyport/internal/secret"
	"sallyport/internal/store"
	"sallyport/internal/support"
)

// Desk holds the journeys.
type Desk struct {
	Store     store.Store
	Directory *directory.Service
	Recovery  *recovery.Service
	Hasher    *secret.Hasher
	Rollout   *rollout.Service
	Support   *support.Service
	Now       func() time.Time
	// Issuer is the public address, as apps are told it.
	Issuer string
	// Device names a browser in words, from what it says of itself.
	Device func(agent string) string
}

// Place finds a tenant that the caller may see; without an id the highest one that
// they have rights on, or the one that they act in.
func (d *Desk) Place(ctx context.Context, by console.Caller, id core.TenantID) (console.Place, error) {
	if id == "" {
		if id = by.Actor.Top(); id == "" {
			return console.Place{}, core.ErrForbidden
		}
	}
	at, err := d.Directory.Tree.Place(ctx, id)
	if err != nil {
		return console.Place{}, plainly(err)
	}
	if !sees(by.Actor, at) {
		return console.Place{}, core.ErrNotFound
	}
	var line []core.Tenant
	if err := d.Store.View(ctx, id, func(r store.Reader) (err error) { line, err = r.Line(); return err }); err != nil {
		return console.Place{}, plainly(err)
	}
	eff, err := d.Directory.Tree.Effective(ctx, id)
	if err != nil {
		return console.Place{}, err
	}
	p := console.Place{Tenant: line[len(line)-1], Organisation: eff.Organisation, Name: eff.Name(), Zone: eff.Zone()}
	for i, t := range line {
		// Places of the line are cut from the same line, so that they agree.
		if i == len(line)-1 || by.Actor.Can(access.ViewTenants, access.PlaceOf(line[:i+1])) {
			p.Line = append(p.Line, t)
		}
	}
	for _, right := range access.Permissions {
		if by.Actor.Can(right, at) {
			p.Rights = append(p.Rights, right)
		}
	}
	p.Above = !p.May(access.ViewPeople) && at.Path != "" && crosses(by.Actor, at)
	p.MayMake = by.Actor.MayMakeUnder(at)
	if p.Above && by.Actor.Acting == nil {
		if own := at.Organisation(); by.Actor.MayActIn(own) {
			p.ActIn = own.Tenant
		} else if closed := by.Actor.ClosedOn(own); closed != "" {
			if p.ClosedBy, err = d.tenantName(ctx, closed); err != nil {
				return p, err
			}
		}
	}
	p.MayAct = p.Own() && p.May(access.ActAs) && by.Actor.Acting == nil && !by.Actor.AtHome(at) && by.Actor.MayActIn(at)
	return p, nil
}

// sees reports whether somebody may know that a place is there: to look at it, or
// to help its people.
func sees(a access.Actor, at access.Place) bool {
	return a.Can(access.ViewTenants, at) || a.Can(access.ViewPeople, at)
}

// crosses reports whether the actor's rights at a place come from an organisation
// further up.
func crosses(a access.Actor, at access.Place) bool {
	own, ok := at.Own()
	if !ok {
		return false
	}
	if a.Acting != nil {
		home, _ := a.Acting.At.Own()
		return home.Path != own.Path
	}
	return !slices.ContainsFunc(a.Grants, func(g access.Grant) bool {
		home, ok := g.At.Own()
		return ok && home.Path == own.Path
	})
}

// fresh refuses a deed about something that is another by now than what was looked
// at.
func fresh(is, seen int64) error {
	if seen != console.AnyVersion && is != seen {
		return core.NewFault(core.KindStale, "form.stale")
	}
	return nil
}

func counts(p directory.Progress) console.Counts {
	return console.Counts{Enabled: p.Enabled, SetupRequired: p.SetupRequired, Pending: p.Pending, Off: p.Disabled, Service: p.Service, Federated: p.NotApplicable, Inactive: p.Inactive}
}

// effect puts a preview of the directory into the words of a page.
func effect(p directory.Preview) console.Effect {
	var e console.Effect
	for _, x := range p.Effects {
		l := console.EffectLine{What: x.What, Count: x.Count, Due: x.DueAt}
		for _, n := range x.First {
			l.First = append(l.First, console.Who{ID: n.ID, Name: n.Name, Login: n.Login})
		}
		e.Lines = append(e.Lines, l)
	}
	return e
}

func line(e *console.Effect, what string, n int) {
	if n > 0 {
		e.Lines = append(e.Lines, console.EffectLine{What: what, Count: n})
	}
}

func plainly(err error) error {
	if errors.Is(err, core.ErrNotFound) {
		return core.ErrNotFound
	}
	return err
}

// named is the name of an account as the caller may know it: somebody whom they may
// not see is known by the organisation that they come from and no more.
type named struct {
	who  console.Who
	from string // their tenant
}

// nameOf looks up who did something or whom it was done to. Ids that nobody has any
// more stay ids.
func (d *Desk) nameOf(ctx context.Context, id string) (named, error) {
	u, err := d.Store.FindUser(ctx, core.UserID(id))
	if errors.Is(err, core.ErrNotFound) {
		return named{}, nil
	}
	if err != nil {
		return named{}, fmt.Errorf("name of %s: %w", id, err)
	}
	n := named{who: console.Who{ID: u.ID, Name: u.Name, Login: u.Login}}
	if u.State == core.UserDeleted {
		n.who.Name, n.who.Login = "", ""
		return n, nil
	}
	n.from, err = d.tenantName(ctx, u.Tenant)
	return n, err
}

func (d *Desk) tenantName(ctx context.Context, id core.TenantID) (name string, err error) {
	err = d.Store.View(ctx, id, func(r store.Reader) error {
		t, err := r.Tenant()
		name = t.Name
		return err
	})
	if errors.Is(err, core.ErrNotFound) {
		return "", nil
	}
	return name, err
}
