package directory

import (
	"context"
	"slices"
	"time"

	"sallyport/internal/core"
	"sallyport/internal/policy"
	"sallyport/internal/store"
)

// What a change does to people, by the word that faces have a sentence for.
const (
	EffectAsked    = "asked"     // must set a second factor up at the next sign-in
	EffectMayWait  = "may_wait"  // are to, and may put it off
	EffectPending  = "pending"   // are asked when they accept their invitation
	EffectEnrolled = "enrolled"  // have a factor already and go on using it
	EffectReleased = "released"  // need none any more; what they have stays
	EffectExempt   = "exempt"    // service accounts and federated people
	EffectRefused  = "refused"   // cannot sign in any more
	EffectAllowed  = "allowed"   // can sign in again
	EffectMoved    = "moved"     // belong to another organisation from then on
	EffectStuck    = "stuck"     // would have no way in of their own
	EffectSessions = "sessions"  // end; these are counted, not their people
	EffectLost     = "lost"      // lose their second factor
	EffectNotAsked = "not_asked" // are offered it, and decide for themselves
	EffectAppsOpen = "apps_open" // used a selected app lately and set a second factor up when they open one
	EffectOutside  = "outside"   // administrators who came last from outside the new networks
)

// firstNames is how many people an effect names.
const firstNames = 5

// Preview is what a change would do, before it is done: settings that differ, and
// how many people meet what, with the first of them by name. A change that was
// done is told in the same words.
type Preview struct {
	Nodes         int                 // that change
	Organisations int                 // whose people meet something else
	Settings      []policy.Difference // of the one organisation that it is about
	Effects       []Effect
}

// Effect is one thing that happens to some people.
type Effect struct {
	What  string
	Count int
	First []Named
	DueAt time.Time // of may_wait: until when, at the latest
}

// Named is a person as previews name them.
type Named struct {
	ID    core.UserID
	Login string
	Name  string
}

// Of is the effect of a word, a zero one when there is none.
func (p Preview) Of(what string) Effect {
	for _, e := range p.Effects {
		if e.What == what {
			return e
		}
	}
	return Effect{What: what}
}

// add counts an effect onto what there is of the same.
func (p *Preview) add(e Effect) {
	if e.Count == 0 {
		return
	}
	for i := range p.Effects {
		have := &p.Effects[i]
		if have.What != e.What {
			continue
		}
		have.Count += e.Count
		for _, n := range e.First {
			if len(have.First) < firstNames {
				have.First = append(have.First, n)
			}
		}
		if e.DueAt.After(have.DueAt) {
			have.DueAt = e.DueAt
		}
		return
	}
	p.Effects = append(p.Effects, e)
}

// join adds what another organisation's people meet.
func (p *Preview) join(o Preview) {
	p.Organisations += o.Organisations
	for _, e := range o.Effects {
		p.add(e)
	}
}

// spare takes one from what is counted, and what is not there any more away.
func (p *Preview) spare(what string) {
	for i := range p.Effects {
		if p.Effects[i].What == what {
			p.Effects[i].Count--
		}
	}
	p.Effects = slices.DeleteFunc(p.Effects, func(e Effect) bool { return e.Count <= 0 })
}

// first names people of some standing.
func first(r store.Reader, standings ...core.Standing) ([]Named, error) {
	people, _, err := r.People(store.PeopleQuery{Page: store.Page{Limit: firstNames}, Standings: standings})
	var out []Named
	for _, p := range people {
		out = append(out, Named{p.User.ID, p.User.Login, p.User.Name})
	}
	return out, err
}

// plain is a person of the organisation who holds no right and is no newcomer.
func plain(validated time.Time) policy.Subject {
	return policy.Subject{Person: policy.Person{Kind: core.Person, State: core.UserActive, HasMail: true, ValidatedAt: validated, RolesKnown: true, Roles: []core.Role{core.RoleUser}}}
}

// effects adds to a preview what people of an organisation meet when one set of
// settings becomes another. It asks the resolver for one person of each sort and
// counts how many there are of it, so that it costs the same for ten people and
// for a hundred thousand. r reads as the organisation.
func (p *Preview) effects(r store.Reader, before, after policy.Effective) error {
	n, err := r.Counts()
	if err != nil {
		return err
	}
	now := r.Now()
	old := policy.EffectOn(plain(time.Time{}), before, after, now)
	open, fresh, newest := n[core.StandingOpen], 0, time.Time{}
	window := after.Settings.NewUserWindow.Days
	asks := old.After == core.MFASetupRequired && (old.Before != core.MFASetupRequired || old.NextAfter != old.NextBefore)
	if asks && window > 0 && open > 0 {
		if fresh, newest, err = r.Newcomers(now.AddDate(0, 0, -window)); err != nil {
			return err
		}
	}
	// Each has days of their own; at the latest it is over for who came last.
	var freshUntil time.Time
	if fresh > 0 {
		freshUntil = newest.AddDate(0, 0, window)
	}
	was, is := demandOf(before), demandOf(after)
	opens, frees := 0, 0 // of those who used a selected app
	if open > 0 && !is.all && (len(was.apps) > 0 || len(is.apps) > 0) {
		if opens, frees, err = was.turns(r, is); err != nil {
			return err
		}
	}
	names, err := first(r, core.StandingOpen)
	if err != nil {
		return err
	}
	touched := true
	switch {
	case asks && old.NextAfter == policy.MaySkip:
		due := old.DueAt
		if freshUntil.After(due) {
			due = freshUntil
		}
		p.add(Effect{What: EffectMayWait, Count: open, First: names, DueAt: due})
	case asks:
		p.add(Effect{What: EffectAsked, Count: open - fresh, First: names})
		p.add(Effect{What: EffectMayWait, Count: fresh, DueAt: freshUntil})
	case old.Before == core.MFASetupRequired && old.After != core.MFASetupRequired:
		p.add(Effect{What: EffectReleased, Count: open - opens, First: names})
		p.add(Effect{What: EffectAppsOpen, Count: opens})
	case after.Settings.On() && !before.Settings.On():
		p.add(Effect{What: EffectNotAsked, Count: open - opens, First: names})
		p.add(Effect{What: EffectAppsOpen, Count: opens})
	case opens > 0 || frees > 0:
		p.add(Effect{What: EffectAppsOpen, Count: opens})
		p.add(Effect{What: EffectReleased, Count: frees})
	default:
		touched = false
	}
	if !touched {
		return nil
	}
	p.Organisations++
	if asks && endsSessions(after) {
		n, err := r.LiveSessions(core.StandingOpen)
		if err != nil {
			return err
		}
		p.add(Effect{What: EffectSessions, Count: n})
	}
	if asks {
		stuck, err := r.WithoutEntry()
		if err != nil {
			return err
		}
		p.add(Effect{What: EffectStuck, Count: stuck})
	}
	for _, s := range []struct {
		what      string
		standings []core.Standing
	}{
		{EffectPending, []core.Standing{core.StandingPending}},
		{EffectEnrolled, []core.Standing{core.StandingEnrolled}},
		{EffectExempt, []core.Standing{core.StandingService, core.StandingFederated}},
	} {
		e := Effect{What: s.what}
		for _, standing := range s.standings {
			e.Count += n[standing]
		}
		if e.Count == 0 {
			continue
		}
		if e.First, err = first(r, s.standings...); err != nil {
			return err
		}
		p.add(e)
	}
	return nil
}

// compare adds what an organisation's people meet when one line becomes another.
func (s *Service) compare(ctx context.Context, p *Preview, before, after []core.Tenant) error {
	was, err := policy.Of(before)
	if err != nil {
		return err
	}
	is, err := policy.Of(after)
	if err != nil {
		return err
	}
	return s.Store.View(ctx, is.Organisation.ID, func(r store.Reader) error { return p.effects(r, was, is) })
}

// Compare is what the people of the organisation at the end of a line meet when
// the line becomes another.
func (s *Service) Compare(ctx context.Context, before, after []core.Tenant) (Preview, error) {
	p := Preview{Nodes: 1}
	was, err := policy.Of(before)
	if err != nil {
		return p, err
	}
	is, err := policy.Of(after)
	if err != nil {
		return p, err
	}
	p.Settings = policy.Differences(was.Settings, is.Settings)
	return p, s.compare(ctx, &p, before, after)
}
