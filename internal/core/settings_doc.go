package core

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
)

// SettingsDoc is an organisation's own document as it is stored: only the keys
// that somebody set, those of a later release included, and beside them who set
// each and when.
type SettingsDoc json.RawMessage

// Where a stored document keeps who set what, and since when trust in browsers
// counts. None is a setting, and nobody can write them from outside. The second is
// how documents used to say it, of one key.
const (
	stampsKey = "_provenance"
	sinceKey  = "requirement_since"
	trustKey  = "_trust_since"
)

func (d SettingsDoc) MarshalJSON() ([]byte, error) {
	if len(d) == 0 {
		return []byte("{}"), nil
	}
	return d, nil
}

func (d *SettingsDoc) UnmarshalJSON(b []byte) error {
	*d = append((*d)[:0], b...)
	return nil
}

// Over lays the document over base.
func (d SettingsDoc) Over(base Settings) (Settings, error) {
	if len(d) == 0 {
		return base, nil
	}
	base = base.clone()
	if err := json.Unmarshal(d, &base); err != nil {
		return Settings{}, fmt.Errorf("settings document: %w", err)
	}
	return base, nil
}

func (d SettingsDoc) object() (map[string]json.RawMessage, error) {
	m := map[string]json.RawMessage{}
	if len(d) == 0 {
		return m, nil
	}
	if err := json.Unmarshal(d, &m); err != nil {
		return nil, fmt.Errorf("settings document: %w", err)
	}
	if m == nil {
		m = map[string]json.RawMessage{}
	}
	return m, nil
}

// Merge lays change over d and returns the document to store, as RFC 7396 merges
// objects: a value replaces its namesake, an object goes into it, and null takes
// it out, so that the default holds again.
func (d SettingsDoc) Merge(change SettingsDoc) (SettingsDoc, error) {
	own, err := d.object()
	if err != nil {
		return nil, err
	}
	var add map[string]json.RawMessage
	if err := json.Unmarshal(change, &add); err != nil {
		return nil, Invalid("settings.invalid", "reason", err.Error())
	}
	if add == nil {
		return nil, errNoDocument()
	}
	return merge(own, add)
}

func merge(own, add map[string]json.RawMessage) (SettingsDoc, error) {
	if own == nil {
		own = map[string]json.RawMessage{}
	}
	for k, v := range add {
		v = bytes.TrimSpace(v)
		switch {
		case bytes.Equal(v, []byte("null")):
			delete(own, k)
		case len(v) > 0 && v[0] == '{':
			var inner, innerAdd map[string]json.RawMessage
			if err := json.Unmarshal(v, &innerAdd); err != nil {
				return nil, Invalid("settings.invalid", "key", k, "reason", err.Error())
			}
			_ = json.Unmarshal(own[k], &inner) // what is no object is replaced by one
			both, err := merge(inner, innerAdd)
			if err != nil {
				return nil, err
			}
			own[k] = json.RawMessage(both)
		default:
			own[k] = v
		}
	}
	b, err := json.Marshal(own)
	return SettingsDoc(b), err
}

// Without takes keys out of the document, so that their defaults hold again.
func (d SettingsDoc) Without(keys ...string) (SettingsDoc, error) {
	m, err := d.object()
	if err != nil {
		return nil, err
	}
	stamps := d.Stamps()
	for _, k := range keys {
		delete(stamps, k)
		outer, inner, nested := strings.Cut(k, ".")
		if !nested {
			delete(m, k)
			continue
		}
		var part map[string]json.RawMessage
		if json.Unmarshal(m[outer], &part) != nil || part == nil {
			continue
		}
		delete(part, inner)
		if m[outer], err = json.Marshal(part); err != nil {
			return nil, err
		}
		if len(part) == 0 {
			delete(m, outer)
		}
	}
	return stored(m, stamps)
}

// Keys lists the keys that the document sets, in the order of SettingKeys, and
// behind them those that this release does not know.
func (d SettingsDoc) Keys() []string {
	m, err := d.object()
	if err != nil {
		return nil
	}
	var found, more []string
	for k := range m {
		var part map[string]json.RawMessage
		switch {
		case k == stampsKey || k == sinceKey || k == trustKey:
		case k == "lockout" && json.Unmarshal(m[k], &part) == nil:
			for inner := range part {
				found = append(found, k+"."+inner)
			}
		case slices.Contains(SettingKeys, k):
			found = append(found, k)
		default:
			more = append(more, k)
		}
	}
	at := func(k string) int { return slices.Index(SettingKeys, k) }
	slices.SortFunc(found, func(a, b string) int { return at(a) - at(b) })
	slices.Sort(more)
	return append(found, more...)
}

// Value is what the document says of a key, or nil.
func (d SettingsDoc) Value(key string) json.RawMessage {
	m, err := d.object()
	if err != nil {
		return nil
	}
	outer, inner, nested := strings.Cut(key, ".")
	if !nested {
		return m[key]
	}
	var part map[string]json.RawMessage
	if json.Unmarshal(m[outer], &part) != nil {
		return nil
	}
	return part[inner]
}

// Bare is the document as its owner wrote it, for showing: without who set what.
func (d SettingsDoc) Bare() SettingsDoc {
	m, err := d.object()
	if err != nil || m[stampsKey] == nil && m[sinceKey] == nil && m[trustKey] == nil {
		return d
	}
	delete(m, stampsKey)
	delete(m, sinceKey)
	delete(m, trustKey)
	b, err := json.Marshal(m)
	if err != nil {
		return d
	}
	return b
}

// Stamp says since when a key of a document holds, and who set it.
type Stamp struct {
	At time.Time `json:"at"`
	By string    `json:"by,omitempty"` // an actor, as in the audit log
	// From is the tenant that the value came from when that is not the document's
	// own: a template's, or a lock's that was lifted.
	From TenantID `json:"from,omitempty"`
	// Since is, of the requirement, since when a second factor is required of
	// everybody, where that is longer ago than the last change of the key: or
	// writing the key again would give everybody their grace again.
	Since time.Time `json:"since,omitzero"`
}

// Began is since when what a key demands is demanded.
func (s Stamp) Began() time.Time {
	if s.Since.IsZero() {
		return s.At
	}
	return s.Since
}

// Stamps are the document's, by key. Documents of older releases have one of the
// requirement only; a node that still runs such a release writes it beside ours,
// so the later one counts.
func (d SettingsDoc) Stamps() map[string]Stamp {
	var in struct {
		Stamps map[string]Stamp `json:"_provenance"`
		Since  time.Time        `json:"requirement_since"`
	}
	if len(d) > 0 && json.Unmarshal(d, &in) != nil {
		return map[string]Stamp{}
	}
	if in.Stamps == nil {
		in.Stamps = map[string]Stamp{}
	}
	if in.Since.After(in.Stamps["requirement"].At) {
		in.Stamps["requirement"] = Stamp{At: in.Since}
	}
	return in.Stamps
}

// Stamped writes into the document who set these keys. A key that the document
// does not set has no stamp: its default is nobody's doing.
func (d SettingsDoc) Stamped(s Stamp, keys ...string) (SettingsDoc, error) {
	m, err := d.object()
	if err != nil {
		return nil, err
	}
	stamps := d.Stamps()
	s.At = s.At.UTC()
	for _, k := range keys {
		stamps[k] = s
	}
	return stored(m, stamps)
}

// TrustSince is since when trust in browsers counts: what was given before is void.
// It stays in the document whatever becomes of the setting, so that trust that was
// switched off does not come back with the switch.
func (d SettingsDoc) TrustSince() time.Time {
	var in struct {
		Since time.Time `json:"_trust_since"`
	}
	if len(d) == 0 || json.Unmarshal(d, &in) != nil {
		return time.Time{}
	}
	return in.Since
}

// Distrusting writes into the document that trust given until then is void. It never
// goes back to an earlier instant.
func (d SettingsDoc) Distrusting(at time.Time) (SettingsDoc, error) {
	m, err := d.object()
	if err != nil || !at.After(d.TrustSince()) {
		return d, err
	}
	if m[trustKey], err = json.Marshal(at.UTC()); err != nil {
		return nil, err
	}
	b, err := json.Marshal(m)
	return SettingsDoc(b), err
}

// stored puts a document and its stamps together.
func stored(m map[string]json.RawMessage, stamps map[string]Stamp) (SettingsDoc, error) {
	delete(m, stampsKey)
	delete(m, sinceKey)
	bare, err := json.Marshal(m)
	if err != nil {
		return nil, err
	}
	set := SettingsDoc(bare).Keys()
	for k := range stamps {
		if !slices.Contains(set, k) {
			delete(stamps, k)
		}
	}
	if len(stamps) == 0 {
		return bare, nil
	}
	if m[stampsKey], err = json.Marshal(stamps); err != nil {
		return nil, err
	}
	b, err := json.Marshal(m)
	return SettingsDoc(b), err
}

// Spoken is what a stored document says, without who said it.
func (d SettingsDoc) Spoken() (SettingsDoc, error) {
	doc := map[string]any{}
	for _, key := range d.Keys() {
		PutKey(doc, key, json.RawMessage(d.Value(key)))
	}
	b, err := json.Marshal(doc)
	if err != nil {
		return nil, err
	}
	return SettingsDoc("{}").Merge(b)
}

// PutKey writes a value under a key of a document; "lockout.factor" goes into an object.
func PutKey(doc map[string]any, key string, value any) {
	outer, inner, nested := strings.Cut(key, ".")
	if !nested {
		doc[key] = value
		return
	}
	part, _ := doc[outer].(map[string]any)
	if part == nil {
		part = map[string]any{}
	}
	PutKey(part, inner, value)
	doc[outer] = part
}
