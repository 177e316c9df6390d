package config

import (
	"fmt"
	"io"
	"strconv"
	"strings"
)

const mask = "********"

// Value is a key with its present value, fit to be shown: a secret is masked.
type Value struct {
	Key   string `json:"key"`
	Value string `json:"value"`
	From  string `json:"from,omitempty"`
}

// Values lists every key with its value, and with where it came from when
// origins are given.
func (c Config) Values(origins []Origin) []Value {
	from := map[string]string{}
	for _, o := range origins {
		from[o.Key] = o.From
	}
	var out []Value
	for _, f := range fields() {
		v := Value{f.Key, f.text(c), from[f.Key]}
		if f.Secret && v.Value != "" {
			v.Value = mask
		}
		out = append(out, v)
	}
	return out
}

// Print writes the configuration as a file that Load would read, secrets
// masked; with origins a comment behind each line says where it came from.
func (c Config) Print(w io.Writer, origins []Origin) error {
	for _, v := range c.Values(origins) {
		line := v.Key + ": " + quote(v.Value)
		if v.From != "" {
			line += "  # " + v.From
		}
		if _, err := fmt.Fprintln(w, line); err != nil {
			return err
		}
	}
	return nil
}

// Template writes a file for an operator to begin with: each key with its
// documentation, set where values has it and else commented out with its
// default. Values of unknown keys are refused.
func Template(w io.Writer, values map[string]string) error {
	all := fields()
	for key := range values {
		if !known(all, key) {
			return fmt.Errorf("there is no key %s%s", key, didYouMean(key, keys(all)))
		}
	}
	var b strings.Builder
	b.WriteString("# Configuration of this Sallyport process. `sallyport config check` reads it, `sallyport config print --origin`\n" +
		"# says what counts. Policy is not here: administrators set it in the product.\n")
	for _, f := range all {
		b.WriteString("\n")
		for _, line := range wrap(f.Doc, 110) {
			b.WriteString("# " + line + "\n")
		}
		if f.Secret {
			b.WriteString("# A secret: better named as a file with " + f.Key + secretSuffix + ", or in the environment as " + f.Env + "_FILE.\n")
		}
		value, ok := values[f.Key]
		if !ok {
			value = f.Default
			b.WriteString("# ")
		}
		b.WriteString(f.Key + ": " + quote(value) + "\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// quote writes a YAML scalar: bare where that can be read in one way only.
func quote(s string) string {
	if s == "" {
		return `""`
	}
	for i, r := range s {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '/', r == '.' && i > 0, r == '_' && i > 0, r == '-' && i > 0:
		case r == ':' && i > 0 && i+1 < len(s) && s[i+1] != ' ':
		default:
			return strconv.Quote(s)
		}
	}
	return s
}

func wrap(text string, width int) []string {
	var lines []string
	line := ""
	for word := range strings.FieldsSeq(text) {
		if line != "" && len(line)+1+len(word) > width {
			lines = append(lines, line)
			line = ""
		}
		if line != "" {
			line += " "
		}
		line += word
	}
	return append(lines, line)
}
