package directory

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"

	"sallyport/internal/access"
	"sallyport/internal/audit"
	"sallyport/internal/core"
	"sallyport/internal/enrol"
	"sallyport/internal/policy"
	"sallyport/internal/store"
)

// Values lists what holds of each setting of an organisation, and where it came
// from.
func (s *Service) Values(ctx context.Context, id core.TenantID, by access.Actor) ([]policy.Value, policy.Effective, error) {
	_, eff, err := s.Tree.On(ctx, by, access.ViewPeople, id)
	if err != nil {
		return nil, eff, err
	}
	line, err := s.line(ctx, eff.Organisation.ID)
	if err != nil {
		return nil, eff, err
	}
	values, err := s.ValuesOf(ctx, line)
	return values, eff, err
}

// ValuesOf lists what holds at the end of a line. Whose word a value is may be of
// one that stands above no more, after a move: it is named all the same.
func (s *Service) ValuesOf(ctx context.Context, line []core.Tenant) ([]policy.Value, error) {
	values, err := policy.Values(line)
	if err != nil {
		return nil, err
	}
	for _, v := range values {
		if v.From == nil || v.From.Name != "" {
			continue
		}
		t, err := s.tenant(ctx, v.From.ID)
		if err != nil {
			return nil, fmt.Errorf("whose word %s is: %w", v.Key, err)
		}
		v.From.Name = t.Name
	}
	return values, nil
}

// lay puts a change over the document at the end of a line.
type lay func(line []core.Tenant, stamp core.Stamp) ([]core.Tenant, error)

func changeOf(change core.SettingsDoc) lay {
	return func(line []core.Tenant, stamp core.Stamp) ([]core.Tenant, error) {
		return policy.Change(line, change, stamp)
	}
}

// requires is the switch's way to a requirement that is not empty: emptying it is
// more than a change of a document.
func requires(r []core.Requirement) lay {
	return func(line []core.Tenant, stamp core.Stamp) ([]core.Tenant, error) {
		if len(r) == 0 {
			return nil, core.Invalid("mfa.empty")
		}
		return policy.SetRequirement(line, r, stamp)
	}
}

// laid is a line as it would be after a change. While factors are being taken away
// nobody can ask for new ones: whatever touches the requirement waits for the end.
func laid(line []core.Tenant, fn lay, stamp core.Stamp) (after []core.Tenant, eff policy.Effective, err error) {
	if after, err = fn(line, stamp); err != nil {
		return nil, eff, err
	}
	own, had := after[len(after)-1], line[len(line)-1]
	if own.MFAState == core.MFADisabling && !bytes.Equal(own.Settings.Value("requirement"), had.Settings.Value("requirement")) {
		return nil, eff, enrol.ErrDisabling
	}
	eff, err = policy.Of(after)
	return after, eff, err
}

// inside is where somebody comes from who changes the organisation that they belong
// to: they may not shut themselves out, and with them perhaps everybody who could
// take it back.
type inside struct {
	home bool
	from core.Client
}

// staysInside asks whether the actor belongs to an organisation. Whoever does not is
// not held by its networks, nor is the shell, which comes from no address.
func (s *Service) staysInside(ctx context.Context, id core.TenantID, by access.Actor, c core.Client) (inside, error) {
	if by.User.ID == "" {
		return inside{}, nil
	}
	home, err := s.Tree.Effective(ctx, by.User.Tenant)
	if err != nil {
		return inside{}, plainly(err)
	}
	return inside{home.Organisation.ID == id, c}, nil
}

// over refuses what a change makes of the networks where the actor's own address
// would be outside.
func (i inside) over(fn lay) lay {
	return func(line []core.Tenant, stamp core.Stamp) ([]core.Tenant, error) {
		after, err := fn(line, stamp)
		if err != nil || !i.home {
			return after, err
		}
		was, err := policy.Of(line)
		if err != nil {
			return nil, err
		}
		is, err := policy.Of(after)
		if err != nil {
			return nil, err
		}
		if newNetworks(was, is) && !is.Settings.LoginNetworks.Allow(i.from.Address) {
			return nil, core.Invalid("policy.you_are_outside", "key", "login_networks", "address", i.from.Where())
		}
		return after, nil
	}
}

// newNetworks reports whether people may come from other networks than before.
func newNetworks(was, is policy.Effective) bool {
	return slices.ContainsFunc(policy.Differences(was.Settings, is.Settings), func(d policy.Difference) bool { return d.Key == "login_networks" })
}

// PlanSettings says what a change of an organisation's settings would do, refusals
// and all.
func (s *Service) PlanSettings(ctx context.Context, id core.TenantID, change core.SettingsDoc, by access.Actor, c core.Client) (Preview, error) {
	stays, err := s.staysInside(ctx, id, by, c)
	if err != nil {
		return Preview{}, err
	}
	return s.planLay(ctx, id, access.ManageSettings, stays.over(changeOf(change)), by)
}

// PlanRequirement says what asking for a second factor in these ways would do, for
// the MFA switch.
func (s *Service) PlanRequirement(ctx context.Context, id core.TenantID, r []core.Requirement, by access.Actor) (Preview, error) {
	return s.planLay(ctx, id, access.SwitchMFA, requires(r), by)
}

func (s *Service) planLay(ctx context.Context, id core.TenantID, right access.Permission, fn lay, by access.Actor) (Preview, error) {
	if _, _, err := s.Tree.On(ctx, by, right, id); err != nil {
		return Preview{}, err
	}
	before, err := s.line(ctx, id)
	if err != nil {
		return Preview{}, err
	}
	after, _, err := laid(before, fn, core.Stamp{At: s.Now(), By: by.ID()})
	if err != nil {
		return Preview{}, err
	}
	p, err := s.Compare(ctx, before, after)
	if err != nil {
		return p, err
	}
	if err := s.spareOwn(ctx, &p, id, by); err != nil {
		return p, err
	}
	return p, s.keptOut(ctx, &p, before, after, by)
}

// spareOwn leaves out of what an organisation meets the session of the actor who
// belongs to it: the one that does it is kept. Whoever has a factor was not counted.
func (s *Service) spareOwn(ctx context.Context, p *Preview, org core.TenantID, by access.Actor) error {
	if by.Session == "" || by.Enrolled {
		return nil
	}
	home, err := s.Tree.Effective(ctx, by.User.Tenant)
	if err == nil && home.Organisation.ID == org {
		p.spare(EffectSessions)
	}
	return err
}

// ChangeSettings lays a change over an organisation's document.
func (s *Service) ChangeSettings(ctx context.Context, id core.TenantID, change core.SettingsDoc, by access.Actor, c core.Client) (policy.Effective, error) {
	stays, err := s.staysInside(ctx, id, by, c)
	if err != nil {
		return policy.Effective{}, err
	}
	return s.layOver(ctx, id, access.ManageSettings, stays.over(changeOf(change)), change.Keys(), by, c)
}

// SetRequirement asks for a second factor in these ways, for the MFA switch: those
// above may turn it where they manage the organisation (decision 2).
func (s *Service) SetRequirement(ctx context.Context, id core.TenantID, r []core.Requirement, by access.Actor, c core.Client) (policy.Effective, error) {
	return s.layOver(ctx, id, access.SwitchMFA, requires(r), nil, by, c)
}

func (s *Service) layOver(ctx context.Context, id core.TenantID, right access.Permission, fn lay, keys []string, by access.Actor, c core.Client) (policy.Effective, error) {
	if _, _, err := s.Tree.On(ctx, by, right, id); err != nil {
		return policy.Effective{}, err
	}
	var out policy.Effective
	err := s.Store.Update(ctx, id, func(tx store.Tx) error {
		before, err := tx.Line()
		if err != nil {
			return err
		}
		var after []core.Tenant
		if after, out, err = laid(before, fn, core.Stamp{At: tx.Now(), By: by.ID()}); err != nil {
			return err
		}
		t := after[len(after)-1]
		t.ChangedAt = tx.Now()
		if err := tx.UpdateTenant(t); err != nil {
			return err
		}
		if len(keys) > 0 {
			if err := tx.Append(audit.Note(audit.Did(audit.SettingsChanged, by, string(id), c), "keys", strings.Join(keys, " "))); err != nil {
				return err
			}
		}
		if err := tellRequirement(tx, before[len(before)-1], t, by, c); err != nil {
			return err
		}
		if err := enforce(tx, before, after, by, c); err != nil {
			return err
		}
		return tx.Changed(core.ChangeTenant, string(id))
	})
	if err != nil {
		return policy.Effective{}, fmt.Errorf("change settings of %s: %w", id, err)
	}
	return out, nil
}

// tellRequirement writes down that MFA was switched on, or is asked for in another
// way, by whatever means that came about.
func tellRequirement(tx store.Tx, before, after core.Tenant, by access.Actor, c core.Client) error {
	was, err := before.Settings.Over(core.DefaultSettings())
	if err != nil {
		return err
	}
	is, err := after.Settings.Over(core.DefaultSettings())
	if err != nil || slices.Equal(was.Requirement, is.Requirement) || !is.On() {
		return err
	}
	name := audit.TenantMFAMode
	if !was.On() {
		name = audit.TenantMFAEnabled
	}
	words := make([]string, 0, len(is.Requirement))
	for _, r := range is.Requirement {
		words = append(words, string(r))
	}
	return tx.Append(audit.Note(audit.Did(name, by, string(after.ID), c), "requirement", strings.Join(words, " ")))
}

// ComparePreset says what a preset would change in an organisation's own document,
// also one that cannot be applied yet.
func (s *Service) ComparePreset(ctx context.Context, id core.TenantID, preset string, by access.Actor) ([]policy.Difference, error) {
	if _, _, err := s.Tree.On(ctx, by, access.ManageSettings, id); err != nil {
		return nil, err
	}
	t, err := s.tenant(ctx, id)
	if err != nil {
		return nil, err
	}
	return policy.ComparePreset(preset, t.Settings)
}

// PresetChange is the change that makes an organisation's document say what a
// preset says, for PlanSettings and ChangeSettings. The requirement is left to the
// MFA switch where that is off and stays off.
func (s *Service) PresetChange(ctx context.Context, id core.TenantID, preset string, by access.Actor) (core.SettingsDoc, []policy.Difference, error) {
	if _, _, err := s.Tree.On(ctx, by, access.ManageSettings, id); err != nil {
		return nil, nil, err
	}
	t, err := s.tenant(ctx, id)
	if err != nil {
		return nil, nil, err
	}
	return policy.ApplyPreset(preset, t.Settings)
}

// LockPlan is what a change of locks does to the organisations below.
type LockPlan struct {
	Preview
	// Raised are organisations that are held to more than they said themselves, Kept
	// those that keep as their own what a lock demanded that goes.
	Raised, Kept int
}

// eachBelow calls fn with the lines of every organisation strictly below a node, as
// they were and as they are when the node is another: deleted ones too, while they
// may come back.
func eachBelow(line, below []core.Tenant, after core.Tenant, fn func(before, after []core.Tenant) error) error {
	own := line[len(line)-1]
	lines := map[core.TenantID][]core.Tenant{own.ID: line}
	for _, t := range below {
		if t.ID == own.ID {
			continue
		}
		before := append(slices.Clone(lines[t.Parent]), t)
		lines[t.ID] = before
		if !t.Kind.IsOrganisation() || !t.ErasedAt.IsZero() {
			continue
		}
		then := slices.Clone(before)
		then[len(line)-1] = after
		if err := fn(before, then); err != nil {
			return named(err, t)
		}
	}
	return nil
}

// PlanLocks says what a change of the locks that a partner or the platform holds
// would do below, refusals and all.
func (s *Service) PlanLocks(ctx context.Context, id core.TenantID, change core.SettingsDoc, by access.Actor) (LockPlan, error) {
	var p LockPlan
	if _, _, err := s.Tree.On(ctx, by, access.ManageSettings, id); err != nil {
		return p, err
	}
	var line, below []core.Tenant
	err := s.Store.View(ctx, id, func(r store.Reader) (err error) {
		if line, err = r.Line(); err == nil {
			below, err = r.Below()
		}
		return err
	})
	if err != nil {
		return p, err
	}
	changed, err := policy.ChangeLocks(line, change, core.Stamp{At: s.Now(), By: by.ID()})
	if err != nil {
		return p, err
	}
	err = eachBelow(line, below, changed[len(changed)-1], func(before, after []core.Tenant) error {
		if before[len(before)-1].State == core.TenantDeleted {
			return nil // nobody is there to meet it
		}
		doc, kept, err := policy.Inherit(before, after)
		if err != nil {
			return err
		}
		if kept {
			p.Kept++
			after[len(after)-1].Settings = doc
		}
		if err := policy.CheckLine(after); err != nil {
			return err
		}
		was, err := policy.Of(before)
		if err != nil {
			return err
		}
		is, err := policy.Of(after)
		if err != nil {
			return err
		}
		if len(policy.Differences(was.Settings, is.Settings)) == 0 {
			return nil
		}
		p.Raised++
		p.Nodes++
		var one Preview
		if err := s.compare(ctx, &one, before, after); err != nil {
			return err
		}
		if err := s.spareOwn(ctx, &one, is.Organisation.ID, by); err != nil {
			return err
		}
		if err := s.keptOut(ctx, &one, before, after, by); err != nil {
			return err
		}
		p.join(one)
		return nil
	})
	return p, err
}

// SetLocks lays a change over the locks that a partner or the platform holds over
// those below. Locks reach closed organisations too. What a lock demanded that goes
// stays each organisation's own value.
func (s *Service) SetLocks(ctx context.Context, id core.TenantID, change core.SettingsDoc, by access.Actor, c core.Client) (core.Tenant, error) {
	if _, _, err := s.Tree.On(ctx, by, access.ManageSettings, id); err != nil {
		return core.Tenant{}, err
	}
	return s.change(ctx, id, change, by, audit.LocksChanged, c, policy.ChangeLocks, func(tx store.Tx, line []core.Tenant, after core.Tenant) error {
		below, err := tx.Below()
		if err != nil {
			return err
		}
		return eachBelow(line, below, after, func(before, after []core.Tenant) error { return keepDemand(tx, before, after, by, c) })
	})
}

// SetTemplate lays a change over what new customers of a partner or of the platform
// begin with. Those that exist stay as they are.
func (s *Service) SetTemplate(ctx context.Context, id core.TenantID, change core.SettingsDoc, by access.Actor, c core.Client) (core.Tenant, error) {
	if _, _, err := s.Tree.On(ctx, by, access.ManageSettings, id); err != nil {
		return core.Tenant{}, err
	}
	return s.change(ctx, id, change, by, audit.TemplateChanged, c, policy.ChangeTemplate, nil)
}

// PlanTemplate says how a template would read after a change, refusals and all.
func (s *Service) PlanTemplate(ctx context.Context, id core.TenantID, change core.SettingsDoc, by access.Actor) ([]policy.Difference, error) {
	if _, _, err := s.Tree.On(ctx, by, access.ManageSettings, id); err != nil {
		return nil, err
	}
	line, err := s.line(ctx, id)
	if err != nil {
		return nil, err
	}
	after, err := policy.ChangeTemplate(line, change, core.Stamp{At: s.Now(), By: by.ID()})
	if err != nil {
		return nil, err
	}
	return policy.DocDifferences(line[len(line)-1].Template, after[len(after)-1].Template)
}

// change rewrites a document of a node that is not its settings.
func (s *Service) change(ctx context.Context, id core.TenantID, change core.SettingsDoc, by access.Actor, event string, c core.Client,
	lay func([]core.Tenant, core.SettingsDoc, core.Stamp) ([]core.Tenant, error), more func(store.Tx, []core.Tenant, core.Tenant) error) (core.Tenant, error) {
	var out core.Tenant
	err := s.Store.Update(ctx, id, func(tx store.Tx) error {
		line, err := tx.Line()
		if err != nil {
			return err
		}
		after, err := lay(line, change, core.Stamp{At: tx.Now(), By: by.ID()})
		if err != nil {
			return err
		}
		out = after[len(after)-1]
		out.ChangedAt = tx.Now()
		if more != nil {
			if err := more(tx, line, out); err != nil {
				return err
			}
		}
		if err := tx.UpdateTenant(out); err != nil {
			return err
		}
		e := audit.Note(audit.Did(event, by, string(id), c), "keys", strings.Join(change.Keys(), " "))
		if err := tx.Append(e); err != nil {
			return err
		}
		return tx.Changed(core.ChangeTenant, string(id))
	})
	if err != nil {
		return out, fmt.Errorf("%s of %s: %w", event, id, err)
	}
	return out, nil
}
