package core

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/netip"
	"reflect"
	"slices"
	"strings"
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
		return probe, explain(b, err)
	}
	if _, err := dec.Token(); err != io.EOF {
		return probe, Invalid("settings.invalid", "reason", "something stands after the document")
	}
	return probe, nil
}

// explain says which key of a document cannot be read, and what would be. It
// reads the keys one by one, which is only worth it once something is wrong.
func explain(b []byte, why error) error {
	var keys map[string]json.RawMessage
	if json.Unmarshal(b, &keys) != nil {
		return notJSON(why)
	}
	for _, key := range slices.Sorted(maps.Keys(keys)) {
		one, err := json.Marshal(map[string]json.RawMessage{key: keys[key]})
		if err != nil {
			return err
		}
		probe := DefaultSettings()
		err = json.Unmarshal(one, &probe)
		if err == nil {
			continue
		}
		var shape *json.UnmarshalTypeError
		switch {
		case key == "login_networks":
			return bad(key, "%s", noNetwork(keys[key]))
		case errors.As(err, &shape):
			if strings.HasPrefix(shape.Field, key+".") {
				key = shape.Field
			}
			return bad(key, "must be %s", due(shape.Type.Kind()))
		}
		return bad(key, "%s", strings.TrimPrefix(err.Error(), key+": "))
	}
	return notJSON(why)
}

func notJSON(why error) error {
	var syntax *json.SyntaxError
	if errors.As(why, &syntax) {
		return Invalid("settings.invalid", "reason", fmt.Sprintf("the document is not JSON: at byte %d, %s", syntax.Offset, syntax.Error()))
	}
	return Invalid("settings.invalid", "reason", "the document is not JSON: it ends too early")
}

func noNetwork(list json.RawMessage) string {
	var texts []string
	if json.Unmarshal(list, &texts) == nil {
		for _, s := range texts {
			if _, err := netip.ParsePrefix(s); err != nil {
				return fmt.Sprintf("%q is not a network such as 203.0.113.0/24", s)
			}
		}
	}
	return "must be a list of networks such as 203.0.113.0/24"
}

// due names what JSON writes a kind of value as.
func due(k reflect.Kind) string {
	switch k {
	case reflect.Bool:
		return "true or false"
	case reflect.Int, reflect.Int64:
		return "a whole number"
	case reflect.String:
		return "text in quotes"
	case reflect.Slice:
		return "a list in brackets"
	}
	return "an object in braces"
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
			return notJSON(err)
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
			default:
				if near := Nearest(name, slices.Collect(maps.Keys(shape))); near != "" {
					why += "; did you mean " + path + near + "?"
				}
				if path == "enforce_at." {
					why += "; " + enforceAtSays // the key inside looks like a setting of its own, and is a value
				}
			}
			return Invalid("settings.invalid", "key", path+name, "reason", why)
		}
		seen[name] = true
		inner, isObject := known.(map[string]any)
		var raw json.RawMessage
		if err := dec.Decode(&raw); err != nil {
			return notJSON(err)
		}
		if !isObject || len(raw) == 0 || raw[0] != '{' {
			continue // the typed reading looks at it
		}
		in := json.NewDecoder(bytes.NewReader(raw))
		if _, err := in.Token(); err != nil {
			return notJSON(err)
		}
		if err := exactObject(in, inner, path+name+"."); err != nil {
			return err
		}
	}
	return nil
}
