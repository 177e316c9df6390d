package i18n

import (
	"strings"
	"time"
)

// Reason is one line of a decision's trace in words: why a rule applied, or the
// first of its conditions that failed. from is the tenant whose word it is. The
// params that texts know:
//
//	since, until, trusted_at, expired_at  time.Time or RFC 3339  a day
//	left, days                            int                    how many
//	app, level, rule                      string                 which
func (l Lang) Reason(why, from string, params map[string]any, loc *time.Location) string {
	args := map[string]any{"From": from}
	for name, v := range params {
		switch name {
		case "since", "until", "trusted_at", "expired_at":
			if t, ok := instant(v); ok && (args["Date"] == nil || name == "since" || name == "trusted_at") {
				args["Date"] = l.Date(t, loc)
			}
		case "left", "days":
			args["Count"] = number(v)
		case "app":
			args["App"] = v
		case "level":
			level, _ := v.(string)
			args["Level"] = l.Level(level)
		case "rule":
			rule, _ := v.(string)
			args["Rule"] = l.T("policy.rule."+rule, nil)
		}
	}
	return l.T("policy.why."+why, args)
}

// Level is the name of a rung.
func (l Lang) Level(level string) string {
	if level == "" {
		level = "none"
	}
	if name := "policy.level." + level; l.Has(name) {
		return l.T(name, nil)
	}
	return level
}

// Outcome says what a sign-in may or must do now.
func (l Lang) Outcome(outcome, level string, methods []string) string {
	var named []string
	for _, m := range methods {
		if id := "policy.method." + m; l.Has(id) {
			m = l.T(id, nil)
		}
		named = append(named, m)
	}
	return l.T("policy.outcome."+outcome, map[string]any{"Level": l.Level(level), "Methods": strings.Join(named, ", ")})
}

// instant reads a moment as it is, or as it came through JSON.
func instant(v any) (time.Time, bool) {
	switch t := v.(type) {
	case time.Time:
		return t, !t.IsZero()
	case string:
		at, err := time.Parse(time.RFC3339, t)
		return at, err == nil
	}
	return time.Time{}, false
}
