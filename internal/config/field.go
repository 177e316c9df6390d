package config

import (
	"fmt"
	"net/netip"
	"reflect"
	"strconv"
	"strings"
	"time"

	"sallyport/internal/core"
)

const envPrefix = "SALLYPORT_"

// field is a key with its place in the struct.
type field struct {
	Field
	index []int
}

// fields reads the struct's tags.
func fields() []field {
	var out []field
	var walk func(t reflect.Type, at []int)
	walk = func(t reflect.Type, at []int) {
		for i := range t.NumField() {
			f := t.Field(i)
			if !f.IsExported() {
				continue
			}
			index := append(append([]int{}, at...), i)
			key, ok := f.Tag.Lookup("key")
			if !ok {
				walk(f.Type, index)
				continue
			}
			out = append(out, field{
				Field: Field{
					Key: key, Env: envName(key), Default: f.Tag.Get("default"), Doc: f.Tag.Get("doc"),
					Secret: f.Tag.Get("secret") == "true",
				},
				index: index,
			})
		}
	}
	walk(reflect.TypeFor[Config](), nil)
	return out
}

func envName(key string) string {
	return envPrefix + strings.ToUpper(strings.ReplaceAll(key, ".", "_"))
}

// set gives the field a value as it came from a flag, the environment or the
// file. The error says what a right value looks like and does not repeat the
// value when it is a secret.
func (f field) set(c *Config, raw any) error {
	v := reflect.ValueOf(c).Elem().FieldByIndex(f.index)
	bad := func(wanted string) error {
		if f.Secret {
			return fmt.Errorf("the value is not %s", wanted)
		}
		return fmt.Errorf("%q is not %s", fmt.Sprint(raw), wanted)
	}
	switch v.Interface().(type) {
	case []netip.Prefix:
		words, ok := list(raw)
		if !ok {
			return bad("a list of networks such as 10.0.0.0/8")
		}
		var nets []netip.Prefix
		for _, w := range words {
			p, err := network(w)
			if err != nil {
				return fmt.Errorf("%q is not a network such as 10.0.0.0/8 or an address", w)
			}
			nets = append(nets, p)
		}
		v.Set(reflect.ValueOf(nets))
		return nil
	case time.Duration:
		text, ok := scalar(raw)
		var d core.Duration
		if !ok || d.UnmarshalText([]byte(text)) != nil {
			return bad("a duration such as 30s, 15m, 24h or 2d")
		}
		v.SetInt(int64(d))
		return nil
	}
	text, ok := scalar(raw)
	if !ok {
		return bad("a single value")
	}
	switch v.Kind() {
	case reflect.Bool:
		b, err := strconv.ParseBool(text)
		if err != nil {
			return bad("true or false")
		}
		v.SetBool(b)
	case reflect.Int:
		n, err := strconv.Atoi(text)
		if err != nil {
			return bad("a whole number")
		}
		v.SetInt(int64(n))
	default:
		for _, r := range text {
			if r < ' ' || r == 0x7f {
				return fmt.Errorf("the value has a line break or another control character in it")
			}
		}
		v.SetString(text)
	}
	return nil
}

// text writes the field's present value as the file would hold it.
func (f field) text(c Config) string {
	switch v := reflect.ValueOf(c).FieldByIndex(f.index).Interface().(type) {
	case []netip.Prefix:
		words := make([]string, len(v))
		for i, p := range v {
			words[i] = p.String()
		}
		return strings.Join(words, ", ")
	case time.Duration:
		return core.Duration(v).String()
	default:
		return fmt.Sprint(v)
	}
}

func scalar(raw any) (string, bool) {
	switch v := raw.(type) {
	case string:
		return strings.TrimSpace(v), true
	case bool, int, int64, uint64, float64:
		return fmt.Sprint(v), true
	case nil:
		return "", true
	}
	return "", false
}

func list(raw any) ([]string, bool) {
	if many, ok := raw.([]any); ok {
		var out []string
		for _, one := range many {
			text, ok := scalar(one)
			if !ok || text == "" {
				return nil, false
			}
			out = append(out, text)
		}
		return out, true
	}
	text, ok := scalar(raw)
	if !ok {
		return nil, false
	}
	var out []string
	for word := range strings.SplitSeq(text, ",") {
		if word = strings.TrimSpace(word); word != "" {
			out = append(out, word)
		}
	}
	return out, true
}

// network reads a network, or one address as the network of itself. Bits
// beyond the mask are refused: 10.0.0.1/8 may mean either.
func network(word string) (netip.Prefix, error) {
	if a, err := netip.ParseAddr(word); err == nil {
		a = a.Unmap().WithZone("")
		return netip.PrefixFrom(a, a.BitLen()), nil
	}
	p, err := netip.ParsePrefix(word)
	if err != nil {
		return netip.Prefix{}, err
	}
	if p != p.Masked() {
		return netip.Prefix{}, fmt.Errorf("%s has bits beyond its mask", word)
	}
	return p, nil
}
