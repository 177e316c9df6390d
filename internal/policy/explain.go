package policy

import (
	"time"

	"sallyport/internal/core"
)

// Explanation is a decision as data: printed by the command line, drawn by the
// console, answered by the API. Names of rules and reasons are stable words that
// the catalogs have sentences for ("policy.rule.…", "policy.why.…").
type Explanation struct {
	Outcome   Outcome           `json:"outcome"`
	Methods   []core.FactorKind `json:"methods"`
	Level     core.Level        `json:"level"`
	Status    core.MFAStatus    `json:"mfa_status"`
	Required  bool              `json:"required"`
	By        *TenantName       `json:"required_by,omitempty"`
	Since     time.Time         `json:"required_since,omitzero"`
	DueAt     time.Time         `json:"due_at,omitzero"`
	SkipsLeft *int              `json:"skips_left,omitempty"`
	MailFirst bool              `json:"mail_first"`
	Exits     []Exit            `json:"exits"`
	Rules     []RuleShown       `json:"rules"`
}

// RuleShown is one line of the trace.
type RuleShown struct {
	Rule    string         `json:"rule"`
	Applied bool           `json:"applied"`
	Why     string         `json:"why"`
	From    *TenantName    `json:"from,omitempty"`
	Params  map[string]any `json:"params,omitempty"`
}

// TenantName is a tenant as a trace names it.
type TenantName struct {
	ID   core.TenantID `json:"id"`
	Name string        `json:"name"`
}

func nameOf(t core.Tenant) *TenantName {
	if t.ID == "" {
		return nil
	}
	return &TenantName{t.ID, t.Name}
}

// Explain says what a sign-in with these facts would meet, and why. Where it would
// come from may be left open: then no network is held against it.
func Explain(f Facts) Explanation {
	f.anywhere = !f.Shown.Address.IsValid()
	d := Resolve(f)
	x := Explanation{Outcome: d.Outcome, Methods: d.Methods, Level: d.Level, Status: Standing(f.Person, f.Effective, f.Now).Status,
		Required: d.Required, By: nameOf(d.By), Since: d.Since, DueAt: d.DueAt, MailFirst: d.MailFirst, Exits: Exits(d, f.Person), Rules: []RuleShown{}}
	if x.Methods == nil {
		x.Methods = []core.FactorKind{}
	}
	if x.Exits == nil {
		x.Exits = []Exit{}
	}
	if d.Outcome == MaySkip && d.SkipsLeft >= 0 {
		x.SkipsLeft = &d.SkipsLeft
	}
	for _, s := range d.Trace {
		r := RuleShown{Rule: s.Rule, Applied: s.Applied, Why: s.Why, Params: s.Params}
		if s.From.ID != "" {
			r.From = &s.From
		}
		x.Rules = append(x.Rules, r)
	}
	return x
}
