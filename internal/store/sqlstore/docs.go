package sqlstore

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
)

// unknown are the fields of a document that this program has no name for. A
// newer one wrote them; they go back into the row as they came (row Q-06).
type unknown map[string]json.RawMessage

// decode reads a document and sets aside what it does not know.
func decode[T any](doc string) (v T, rest unknown, err error) {
	if doc == "" {
		return v, nil, nil
	}
	strict := json.NewDecoder(strings.NewReader(doc))
	strict.DisallowUnknownFields()
	if strict.Decode(&v) == nil && !strict.More() {
		return v, nil, nil
	}
	var again T
	if err := json.Unmarshal([]byte(doc), &again); err != nil {
		return v, nil, fmt.Errorf("stored document: %w", err)
	}
	if err := json.Unmarshal([]byte(doc), &rest); err != nil {
		return v, nil, fmt.Errorf("stored document: %w", err)
	}
	for f := range reflect.TypeFor[T]().Fields() {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		delete(rest, name)
	}
	return again, rest, nil
}

// encode writes a document with what a newer program had in it.
func encode[T any](v T, rest unknown) (string, error) {
	b, err := json.Marshal(v)
	if err != nil || len(rest) == 0 {
		return string(b), err
	}
	all := unknown{}
	if err := json.Unmarshal(b, &all); err != nil {
		return "", err
	}
	for name, raw := range rest {
		if _, ours := all[name]; !ours {
			all[name] = raw
		}
	}
	b, err = json.Marshal(all)
	return string(b), err
}
