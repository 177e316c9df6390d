package policy

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"sallyport/internal/core"
)

// Difference is one key whose value is another in two settings.
type Difference struct {
	Key  string          `json:"key"`
	From json.RawMessage `json:"from"`
	To   json.RawMessage `json:"to"`
	Way  Direction       `json:"way"` // tighter, looser or neither
}

// Differences lists the keys that differ, in the order in which they are shown.
func Differences(a, b core.Settings) []Difference {
	out := []Difference{}
	from, to := valuesOf(a), valuesOf(b)
	for _, k := range keys {
		if way := k.compare(&a, &b); way != Same {
			out = append(out, Difference{k.name, from[k.name], to[k.name], way})
		}
	}
	return out
}

// DocDifferences compares two documents over the defaults: what applying a preset
// or a template would change. Keys of a later release are compared as they stand.
func DocDifferences(a, b core.SettingsDoc) ([]Difference, error) {
	from, err := a.Over(core.DefaultSettings())
	if err != nil {
		return nil, err
	}
	to, err := b.Over(core.DefaultSettings())
	if err != nil {
		return nil, err
	}
	out := Differences(from, to)
	for _, k := range core.LaterKeys {
		if x, y := a.Value(k), b.Value(k); !bytes.Equal(x, y) {
			out = append(out, Difference{k, orNull(x), orNull(y), Neither})
		}
	}
	return out, nil
}

func orNull(b json.RawMessage) json.RawMessage {
	if b == nil {
		return json.RawMessage("null")
	}
	return b
}

// valuesOf are the values of settings as they stand in a document, by key.
func valuesOf(s core.Settings) map[string]json.RawMessage {
	b, err := json.Marshal(s)
	if err != nil {
		return nil // settings always can be written
	}
	doc, out := core.SettingsDoc(b), map[string]json.RawMessage{}
	for _, k := range core.SettingKeys {
		out[k] = doc.Value(k)
	}
	return out
}

// Value is what holds of one key and where it came from: the settings page and
// "?effective=true" show it.
type Value struct {
	Key   string          `json:"key"`
	Value json.RawMessage `json:"value"`
	// From is the tenant whose value it is; nil where it is the default.
	From *TenantName `json:"from"`
	// Locked: a lock holds the key, so it may be tightened only; LockedBy says whose.
	Locked   bool        `json:"locked"`
	LockedBy *TenantName `json:"locked_by,omitempty"`
	// By is the actor who set it, as in the audit log, and Since when.
	By    string    `json:"by,omitempty"`
	Since time.Time `json:"since,omitzero"`
	// Lockable: some value of the key is stricter than another.
	Lockable bool `json:"lockable"`
}

// Values lists every key with what holds at the end of a line.
func Values(line []core.Tenant) ([]Value, error) {
	e, err := Of(line)
	if err != nil {
		return nil, err
	}
	names := map[core.TenantID]core.Tenant{}
	for _, t := range line {
		names[t.ID] = t
	}
	values, set := valuesOf(e.Settings), e.Organisation.Settings.Keys()
	var out []Value
	for _, k := range keys {
		v := Value{Key: k.name, Value: values[k.name], Lockable: k.lockable()}
		if l, ok := e.heldBy(k.name); ok {
			v.Locked, v.LockedBy = true, nameOf(l.by)
		}
		stamp, mine := e.own[k.name]
		switch i, ok := e.raised[k.name]; {
		case ok:
			l := e.locks[i]
			v.From, v.By, v.Since = nameOf(l.by), l.stamps[k.name].By, l.stamps[k.name].At
		case slices.Contains(set, k.name):
			v.From = nameOf(e.Organisation)
			if mine {
				v.By, v.Since = stamp.By, stamp.At
			}
			if stamp.From != "" {
				v.From = &TenantName{ID: stamp.From, Name: names[stamp.From].Name}
			}
		}
		out = append(out, v)
	}
	return out, nil
}

// Plainly is a value on one line, as people compare values: text without quotes,
// lists with commas.
func Plainly(v json.RawMessage) string {
	var text string
	if json.Unmarshal(v, &text) == nil && text != "" {
		return text
	}
	var list []string
	if json.Unmarshal(v, &list) == nil && len(list) > 0 {
		return strings.Join(list, ", ")
	}
	var small bytes.Buffer
	if json.Compact(&small, v) == nil {
		return small.String()
	}
	return string(v)
}

// LockDifferences lists what a change of a document of locks would hold otherwise:
// what such a document does not say holds nothing.
func LockDifferences(locks, change core.SettingsDoc) ([]Difference, error) {
	after, err := locks.Merge(change)
	if err != nil {
		return nil, err
	}
	from, err := locks.Over(Loosest())
	if err != nil {
		return nil, err
	}
	to, err := after.Over(Loosest())
	if err != nil {
		return nil, err
	}
	return Differences(from, to), nil
}
