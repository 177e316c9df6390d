package core

import (
	"bytes"
	"encoding/json"
	"io"
	"slices"
)

func errNoDocument() error {
	return Invalid("settings.invalid", "reason", "a settings document is an object")
}

// ParseSettings reads a document from outside: an unknown key or a value out of
// its range is refused by name.
func ParseSettings(b []byte) (SettingsDoc, error) {
	probe, err := parse(b, DefaultSettings())
	if err != nil {
		return nil, err
	}
	if err := probe.Check(); err != nil {
		return nil, err
	}
	return SettingsDoc(b), nil
}

// ParseOver reads a document from outside over other values than the defaults,
// and leaves to the caller what values are good.
func ParseOver(b []byte, base Settings) (Settings, error) { return parse(b, base.clone()) }

func parse(b []byte, probe Settings) (Settings, error) {
	if err := CheckKeys(b); err != nil {
		return probe, err
	}
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&probe); err != nil {
		return probe, Invalid("settings.invalid", "reason", err.Error())
	}
	if _, err := dec.Token(); err != io.EOF {
		return probe, Invalid("settings.invalid", "reason", "something stands after the document")
	}
	return probe, nil
}

// CheckKeys refuses what the JSON decoder forgives: a key in other letters, and
// one that comes twice. Of two spellings only one would be read, and it is not
// said which.
func CheckKeys(b []byte) error {
	all, err := json.Marshal(DefaultSettings())
	if err != nil {
		return err
	}
	var shape map[string]any
	if err := json.Unmarshal(all, &shape); err != nil {
		return err
	}
	// The values that are a word or an object.
	shape["trusted_browser"] = map[string]any{"days": nil}
	shape["enforce_at"] = map[string]any{"grace": map[string]any{"days": nil, "skips": nil}}
	levels := map[string]any{"all": nil}
	for _, r := range Roles {
		levels[string(r)] = nil
	}
	shape["required_level"] = levels
	dec := json.NewDecoder(bytes.NewReader(b))
	if t, err := dec.Token(); err != nil || t != json.Delim('{') {
		return errNoDocument()
	}
	return exactObject(dec, shape, "")
}

// exactObject reads an object whose opening brace is read.
func exactObject(dec *json.Decoder, shape map[string]any, path string) error {
	seen := map[string]bool{}
	for dec.More() {
		t, err := dec.Token()
		if err != nil {
			return Invalid("settings.invalid", "reason", err.Error())
		}
		name, _ := t.(string)
		known, ok := shape[name]
		if !ok || seen[name] {
			why := "is not known"
			switch {
			case ok:
				why = "stands there twice"
			case path == "" && slices.Contains(LaterKeys, name):
				why = "comes with a later release"
			}
			return Invalid("settings.invalid", "key", path+name, "reason", why)
		}
		seen[name] = true
		inner, isObject := known.(map[string]any)
		var raw json.RawMessage
		if err := dec.Decode(&raw); err != nil {
			return Invalid("settings.invalid", "reason", err.Error())
		}
		if !isObject || len(raw) == 0 || raw[0] != '{' {
			continue // the typed reading looks at it
		}
		in := json.NewDecoder(bytes.NewReader(raw))
		if _, err := in.Token(); err != nil {
			return Invalid("settings.invalid", "reason", err.Error())
		}
		if err := exactObject(in, inner, path+name+"."); err != nil {
			return err
		}
	}
	return nil
}
