package policy

import (
	"bytes"
	"encoding/json"
	"slices"
	"time"

	"sallyport/internal/core"
)

// Change lays a change over the document of the organisation at the end of a
// line, and returns the line as it would be then. It is refused where a value is
// unknown, a lock forbids it, nobody could enrol any more, or the requirement
// would be emptied: that is what the MFA switch is for. Every key that is changed
// gets the stamp.
func Change(line []core.Tenant, change core.SettingsDoc, stamp core.Stamp) ([]core.Tenant, error) {
	return changed(line, change, stamp, false)
}

// SetRequirement is the MFA switch's way to change the requirement: the one that
// may empty it, where no lock holds it. Who empties it sets Tenant.MFAState as
// well where people have factors.
func SetRequirement(line []core.Tenant, r []core.Requirement, stamp core.Stamp) ([]core.Tenant, error) {
	if r == nil {
		r = []core.Requirement{}
	}
	doc, err := json.Marshal(map[string]any{"requirement": r})
	if err != nil {
		return nil, err
	}
	return changed(line, doc, stamp, true)
}

func changed(line []core.Tenant, change core.SettingsDoc, stamp core.Stamp, bySwitch bool) ([]core.Tenant, error) {
	org, err := last(line)
	if err != nil {
		return nil, err
	}
	if err := readable(change); err != nil {
		return nil, err
	}
	before, err := org.Settings.Over(core.DefaultSettings())
	if err != nil {
		return nil, err
	}
	had := org.Settings.Keys()
	if org.Settings, err = org.Settings.Merge(change); err != nil {
		return nil, err
	}
	after, err := org.Settings.Over(core.DefaultSettings())
	if err != nil {
		return nil, core.Invalid("settings.invalid", "reason", err.Error())
	}
	if err := after.Check(); err != nil {
		return nil, err
	}
	locks, err := floors(line)
	if err != nil {
		return nil, err
	}
	// A key that says again what it said keeps its stamp; one that says the default
	// for the first time has an author now.
	names := differing(&before, &after)
	for _, k := range org.Settings.Keys() {
		if !slices.Contains(had, k) && !slices.Contains(names, k) {
			names = append(names, k)
		}
	}
	if err := refused(after, locks, names); err != nil {
		return nil, err
	}
	if before.On() && !after.On() && !bySwitch {
		return nil, core.ErrUseMFASwitch
	}
	if before.Requires(core.RequireOrganization) && after.Requires(core.RequireOrganization) {
		stamp = goesOn(stamp, line[len(line)-1].Settings.Stamps(), org.CreatedAt)
	}
	if org.Settings, err = stamped(org.Settings, stamp, names); err != nil {
		return nil, err
	}
	if org.Settings, err = distrust(org.Settings, before, after, stamp); err != nil {
		return nil, err
	}
	out := append(slices.Clone(line[:len(line)-1]), org)
	return out, CheckLine(out)
}

// ChangeLocks lays a change over the locks that the last tenant of a line holds
// over those below it. A lock must not be under a lock from further up. What it
// does to an organisation below is CheckLine's question, for each of them.
func ChangeLocks(line []core.Tenant, change core.SettingsDoc, stamp core.Stamp) ([]core.Tenant, error) {
	holder, err := last(line)
	if err != nil {
		return nil, err
	}
	if !provides(holder.Kind) {
		return nil, core.Invalid("policy.no_locks_here", "kind", string(holder.Kind))
	}
	if holder.Locks, err = rewritten(holder.Locks, change, holder.CreatedAt, stamp, ParseLocks); err != nil {
		return nil, err
	}
	mine, err := floorOf(holder)
	if err != nil {
		return nil, err
	}
	was, err := line[len(line)-1].Locks.Over(Loosest())
	if err != nil {
		return nil, err
	}
	if holder.Locks, err = distrust(holder.Locks, was, mine.values, stamp); err != nil {
		return nil, err
	}
	above, err := floors(line)
	if err != nil {
		return nil, err
	}
	above = slices.DeleteFunc(above, func(l floor) bool { return l.shipped })
	if err := refused(mine.values, above, mine.keys); err != nil {
		return nil, err
	}
	return append(slices.Clone(line[:len(line)-1]), holder), nil
}

// ChangeTemplate lays a change over what new customers of the last tenant of a
// line begin with. It is refused as it would be at such a customer.
func ChangeTemplate(line []core.Tenant, change core.SettingsDoc, stamp core.Stamp) ([]core.Tenant, error) {
	holder, err := last(line)
	if err != nil {
		return nil, err
	}
	if !provides(holder.Kind) {
		return nil, core.Invalid("policy.no_template_here", "kind", string(holder.Kind))
	}
	if holder.Template, err = rewritten(holder.Template, change, holder.CreatedAt, stamp, core.ParseSettings); err != nil {
		return nil, err
	}
	out := append(slices.Clone(line[:len(line)-1]), holder)
	_, err = Begin(out, core.Customer, nil, stamp)
	return out, err
}

// rewritten merges a change into a document and reads the result as from outside.
func rewritten(doc, change core.SettingsDoc, born time.Time, stamp core.Stamp, parse func([]byte) (core.SettingsDoc, error)) (core.SettingsDoc, error) {
	if err := readable(change); err != nil {
		return nil, err
	}
	merged, err := doc.Merge(change)
	if err != nil {
		return nil, err
	}
	// What a later release wrote stays, and is not ours to judge.
	known, err := merged.Bare().Without(core.LaterKeys...)
	if err != nil {
		return nil, err
	}
	if _, err := parse(known); err != nil {
		return nil, err
	}
	var names []string
	for _, k := range merged.Keys() {
		if !bytes.Equal(doc.Value(k), merged.Value(k)) {
			names = append(names, k)
		}
	}
	was, err := doc.Over(core.DefaultSettings())
	if err != nil {
		return nil, err
	}
	if is, err := merged.Over(core.DefaultSettings()); err == nil && was.Requires(core.RequireOrganization) && is.Requires(core.RequireOrganization) {
		stamp = goesOn(stamp, doc.Stamps(), born)
	}
	return stamped(merged, stamp, names)
}

// goesOn keeps since when it is required of everybody where that does not change.
func goesOn(stamp core.Stamp, had map[string]core.Stamp, born time.Time) core.Stamp {
	stamp.Since = born
	if s, ok := had["requirement"]; ok {
		stamp.Since = s.Began()
	}
	return stamp
}

// distrust makes void what trust in browsers was given until now, where a change
// switches it off or on: off and on again is no way to bring it back.
func distrust(d core.SettingsDoc, before, after core.Settings, stamp core.Stamp) (core.SettingsDoc, error) {
	if (trustDays(before.TrustedBrowser) == 0) == (trustDays(after.TrustedBrowser) == 0) {
		return d, nil
	}
	return d.Distrusting(stamp.At)
}

// Distrust is the document of the organisation at the end of a line that begins to
// let people trust browsers because the line became another, as by a move: trust from
// before it was off is void. false when nothing is to be written.
func Distrust(before, after []core.Tenant, at time.Time) (core.SettingsDoc, bool, error) {
	was, err := Of(before)
	if err != nil {
		return nil, false, err
	}
	is, err := Of(after)
	if err != nil {
		return nil, false, err
	}
	if trustDays(was.Settings.TrustedBrowser) > 0 || trustDays(is.Settings.TrustedBrowser) == 0 {
		at = was.TrustSince // what was void on the old way stays so on the new one
	}
	if !at.After(is.TrustSince) {
		return nil, false, nil
	}
	doc, err := is.Organisation.Settings.Distrusting(at)
	return doc, err == nil, err
}

// stamped puts the stamp on keys; since when is a matter of the requirement alone.
func stamped(d core.SettingsDoc, stamp core.Stamp, names []string) (core.SettingsDoc, error) {
	if slices.Contains(names, "requirement") {
		var err error
		if d, err = d.Stamped(stamp, "requirement"); err != nil {
			return nil, err
		}
		names = slices.DeleteFunc(slices.Clone(names), func(k string) bool { return k == "requirement" })
	}
	stamp.Since = time.Time{}
	return d.Stamped(stamp, names...)
}

// Begin is the document that a new organisation of a kind begins with under the
// last tenant of a line: for a customer the template of the nearest tenant above
// that has one, then what was said of it in particular (own, as from outside; may
// be empty). It is refused where it goes under a lock or nobody could enrol.
func Begin(above []core.Tenant, kind core.TenantKind, own core.SettingsDoc, stamp core.Stamp) (core.SettingsDoc, error) {
	doc := core.SettingsDoc("{}")
	if kind == core.Customer {
		for i := len(above) - 1; i >= 0; i-- {
			if len(above[i].Template.Keys()) == 0 {
				continue
			}
			copied := stamp
			copied.From = above[i].ID
			bare := above[i].Template.Bare()
			var err error
			if doc, err = bare.Stamped(copied, bare.Keys()...); err != nil {
				return nil, err
			}
			break
		}
	}
	if len(own) > 0 {
		if err := readable(own); err != nil {
			return nil, err
		}
		merged, err := doc.Merge(own)
		if err != nil {
			return nil, err
		}
		if doc, err = merged.Stamped(stamp, own.Keys()...); err != nil {
			return nil, err
		}
	}
	values, err := doc.Over(core.DefaultSettings())
	if err != nil {
		return nil, core.Invalid("settings.invalid", "reason", err.Error())
	}
	if err := values.Check(); err != nil {
		return nil, err
	}
	org := core.Tenant{Kind: kind, State: core.TenantActive, Settings: doc, CreatedAt: stamp.At}
	line := append(slices.Clone(above), org)
	locks, err := floors(line)
	if err != nil {
		return nil, err
	}
	if err := refused(values, locks, doc.Keys()); err != nil {
		return nil, err
	}
	return doc, CheckLine(line)
}

// CheckLine refuses what would leave somebody in the organisation at the end of a
// line without a way in, its own document and the locks above it together: no
// factor that this program can set up, or no network to come from. Whoever writes
// a lock, or moves a branch, asks it of every organisation below.
func CheckLine(line []core.Tenant) error {
	e, err := Of(line)
	if err != nil {
		return err
	}
	if nowhere(e.Settings.LoginNetworks) {
		return core.Invalid("policy.nobody_could_sign_in", "key", "login_networks")
	}
	return e.Settings.CouldEnrol()
}

// last is the organisation at the end of a line, which alone has documents.
func last(line []core.Tenant) (core.Tenant, error) {
	if len(line) == 0 || !line[len(line)-1].Kind.IsOrganisation() {
		return core.Tenant{}, core.Invalid("tenant.settings_inherited")
	}
	return line[len(line)-1], nil
}

// readable refuses a change whose values are unknown, each by itself. Null takes a
// key out and says nothing that could be wrong.
func readable(change core.SettingsDoc) error {
	if err := core.CheckKeys(change); err != nil {
		return err
	}
	said, err := core.SettingsDoc("{}").Merge(change)
	if err != nil {
		return err
	}
	_, err = core.ParseOver(said, core.DefaultSettings())
	return err
}

// differing are the keys whose values are not the same.
func differing(a, b *core.Settings) []string {
	var out []string
	for _, k := range keys {
		if k.compare(a, b) != Same {
			out = append(out, k.name)
		}
	}
	return out
}
