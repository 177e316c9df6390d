package i18n

import (
	"strconv"
	"strings"
	"time"
)

// Said is a refusal in words.
type Said struct {
	Title  string // what happened, as a heading
	Text   string // the sentence: what happened and what to do
	Detail string // a second, smaller line, or empty
}

// Fault puts a refusal into words. A message may come in variants that say more
// when more is known; they are named "fault.<code>:<param>". The params that
// texts know:
//
//	until          time.Time  when it can be tried again
//	minutes        int        how long to wait
//	now            time.Time  the time here, to compare a phone's clock with
//	drift_minutes  int        how far the phone's clock is off, ahead when positive
//	min, max       int        bounds of a length
//	field          string     the input that was wrong
//	by             string     who decided
//	address        string     where the request came from
//	days           int        how long a link lasts
//	key            string     the setting that was wrong
//	program        bool       a program asked, which nobody stands at
//
// A code that no catalog has is put into general words.
func (l Lang) Fault(code string, params map[string]any, loc *time.Location) Said {
	if !l.Has("fault." + code) {
		code = "other"
	}
	args := l.faultArgs(params, loc)
	return Said{
		Title:  l.T("fault_title."+code, args),
		Text:   l.variant("fault."+code, params, args),
		Detail: l.variant("fault_detail."+code, params, args),
	}
}

// Next says the ways out of a refusal that took the whole page.
func (l Lang) Next(code string) []string {
	var out []string
	for i := 1; l.Has("fault_next." + code + "." + strconv.Itoa(i)); i++ {
		out = append(out, l.T("fault_next."+code+"."+strconv.Itoa(i), nil))
	}
	return out
}

// variant says the fullest form of a message that the params can fill.
func (l Lang) variant(id string, params, args map[string]any) string {
	for _, p := range []string{"drift_minutes", "spare", "until", "minutes", "now", "min", "max", "field", "by", "address", "days", "key", "program"} {
		v, ok := params[p]
		if !ok {
			continue
		}
		name := id + ":" + p
		if p == "drift_minutes" {
			n := number(v)
			switch {
			case n > 0:
				name = id + ":fast"
			case n < 0:
				name = id + ":slow"
			default:
				continue
			}
		}
		if l.Has(name) {
			return l.T(name, args)
		}
	}
	if text, ok := l.find(id, args); ok {
		return text
	}
	return ""
}

func (l Lang) faultArgs(params map[string]any, loc *time.Location) map[string]any {
	args := map[string]any{}
	for name, v := range params {
		switch name {
		case "until":
			if t, ok := v.(time.Time); ok {
				args["Time"] = l.Time(t, loc)
			}
		case "now":
			if t, ok := v.(time.Time); ok {
				args["Clock"] = l.Clock(t, loc)
			}
		case "drift_minutes":
			args["Count"] = max(number(v), -number(v))
		case "minutes", "min", "max", "days":
			args["Count"] = number(v)
		case "by":
			args["By"] = v
		case "key":
			key, _ := v.(string)
			args["Key"] = l.settingName(key)
		case "address":
			args["Address"] = v
		case "field":
			field, _ := v.(string)
			args["Field"] = l.T("field.other", nil)
			if l.Has("field." + field) {
				args["Field"] = l.T("field."+field, nil)
			}
		}
	}
	return args
}

// settingName is how people call a setting; of a part of one the whole is named.
func (l Lang) settingName(key string) string {
	for part := key; part != ""; {
		if l.Has("setting." + part) {
			return l.T("setting."+part, nil)
		}
		i := strings.LastIndex(part, ".")
		if i < 0 {
			break
		}
		part = part[:i]
	}
	return key
}

func number(v any) int {
	switch n := v.(type) {
	case int:
		return n
	case int64:
		return int(n)
	case float64:
		return int(n)
	case time.Duration:
		return int(n.Minutes())
	}
	return 0
}
