package policy

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"sallyport/internal/core"
)

// floor is one lock on the line: what a tenant above holds, or what ships.
type floor struct {
	by      core.Tenant
	values  core.Settings // over Loosest: what it does not say tightens nothing
	keys    []string
	stamps  map[string]core.Stamp
	shipped bool
}

func (l *floor) holds(key string) bool { return slices.Contains(l.keys, key) }

func (l *floor) since(key string) time.Time {
	if s, ok := l.stamps[key]; ok {
		return s.Began()
	}
	return l.by.CreatedAt
}

// floors are the locks that hold for the last organisation of a line, from the
// root down. Its own are not among them: they are for those below.
func floors(line []core.Tenant) ([]floor, error) {
	org := line[len(line)-1]
	out := shipped(line[0], org)
	for _, t := range line[:len(line)-1] {
		if len(t.Locks) == 0 || !provides(t.Kind) {
			continue
		}
		l, err := floorOf(t)
		if err != nil {
			return nil, err
		}
		if len(l.keys) > 0 {
			out = append(out, l)
		}
	}
	return out, nil
}

func floorOf(t core.Tenant) (floor, error) {
	values, err := t.Locks.Over(Loosest())
	if err != nil {
		return floor{}, fmt.Errorf("locks of %s: %w", t.ID, err)
	}
	l := floor{values: sound(values), stamps: t.Locks.Stamps()}
	for _, k := range t.Locks.Keys() {
		if Lockable(k) {
			l.keys = append(l.keys, k)
		}
	}
	t.Settings, t.Locks, t.Template = nil, nil, nil // who it is, and no more
	l.by = t
	return l, nil
}

// shipped are the locks that nobody wrote and nobody lifts: the platform and
// partners in production require a second factor of everybody (row ACR-02), and
// whoever serves others gives no new person time and clears nothing with a mail.
func shipped(root, org core.Tenant) []floor {
	if !provides(org.Kind) {
		return nil
	}
	root.Settings, root.Locks, root.Template = nil, nil, nil
	l := floor{by: root, values: Loosest(), keys: []string{"new_user_window", "password_reset_effect"}, shipped: true}
	l.values.NewUserWindow.Days, l.values.PasswordResetEffect = 0, core.ResetKeepsMFA
	// It holds since there is such a partner, or since the conversion wrote it down.
	l.stamps = map[string]core.Stamp{}
	for _, k := range l.keys {
		l.stamps[k] = core.Stamp{At: org.CreatedAt}
	}
	if locksItself(org) {
		l.keys = append(l.keys, "requirement")
		l.values.Requirement = []core.Requirement{core.RequireOrganization}
		since, ok := org.Settings.Stamps()["requirement"]
		if !ok {
			since = core.Stamp{At: org.CreatedAt}
		}
		l.stamps["requirement"] = since
	}
	return []floor{l}
}

// ParseLocks reads a document of locks from outside: the floors of a tenant over
// those below it. Only keys that have a stricter and a looser may stand in it.
func ParseLocks(b []byte) (core.SettingsDoc, error) {
	values, err := core.ParseOver(b, Loosest())
	if err != nil {
		return nil, err
	}
	if err := sound(values).Check(); err != nil {
		return nil, err
	}
	doc := core.SettingsDoc(b)
	for _, k := range doc.Keys() {
		if !Lockable(k) {
			return nil, core.Invalid("settings.invalid", "key", k, "reason", "cannot be locked: none of its values is stricter than another")
		}
	}
	return doc, nil
}

// refused says whether values that an organisation wants for some keys go under
// a lock on its line.
func refused(want core.Settings, locks []floor, names []string) error {
	for _, k := range keys {
		if !k.lockable() || !slices.Contains(names, k.name) {
			continue
		}
		for i := range locks {
			l := &locks[i]
			if !l.holds(k.name) {
				continue
			}
			strict := want
			k.tighten(&strict, &l.values)
			if k.compare(&want, &strict) != Same {
				return core.ErrPolicyLocked.With("by", l.by.Name).With("key", k.name)
			}
		}
	}
	return nil
}

// Inherit keeps what a lock demanded once the lock is gone: after it was lifted,
// or its organisation moved away from under it, the demand becomes the
// organisation's own value with the lock's provenance, for only the MFA switch
// ever empties what holds (decision 5). before and after are the lines to the
// organisation; it returns the document to write, and false when nothing is lost.
func Inherit(before, after []core.Tenant) (core.SettingsDoc, bool, error) {
	was, err := Of(before)
	if err != nil {
		return nil, false, err
	}
	is, err := Of(after)
	if err != nil {
		return nil, false, err
	}
	if was.Organisation.ID != is.Organisation.ID {
		return nil, false, fmt.Errorf("inherit: %s and %s are two organisations", was.Organisation.ID, is.Organisation.ID)
	}
	lost := false
	for _, r := range was.Settings.Requirement {
		lost = lost || !is.Settings.Requires(r)
	}
	if !lost {
		return nil, false, nil
	}
	own, err := is.Organisation.Settings.Over(core.DefaultSettings())
	if err != nil {
		return nil, false, err
	}
	kept := own
	superset("", func(s *core.Settings) *[]core.Requirement { return &s.Requirement }).tighten(&kept, &was.Settings)
	stamp := core.Stamp{At: was.Since}
	l, ok := was.lockOnAll()
	if !ok {
		l, ok = was.heldBy("requirement")
	}
	if ok {
		stamp = core.Stamp{At: l.since("requirement"), From: l.by.ID, By: l.stamps["requirement"].By}
	}
	if own.Requires(core.RequireOrganization) {
		stamp.Since = is.ownSince("requirement")
	}
	doc, err := withRequirement(is.Organisation.Settings, kept.Requirement, stamp)
	return doc, err == nil, err
}

// Convert is the document of a partner that goes from trial to production: the
// lock that comes with it is written down, so that it is known since when
// (row ACR-03).
func Convert(t core.Tenant, stamp core.Stamp) (core.SettingsDoc, error) {
	own, err := t.Settings.Over(core.DefaultSettings())
	if err != nil {
		return nil, err
	}
	if own.Requires(core.RequireOrganization) {
		return t.Settings, nil
	}
	return withRequirement(t.Settings, append(slices.Clone(own.Requirement), core.RequireOrganization), stamp)
}

func withRequirement(d core.SettingsDoc, r []core.Requirement, stamp core.Stamp) (core.SettingsDoc, error) {
	change, err := json.Marshal(map[string]any{"requirement": r})
	if err != nil {
		return nil, err
	}
	if d, err = d.Merge(change); err != nil {
		return nil, err
	}
	return d.Stamped(stamp, "requirement")
}
