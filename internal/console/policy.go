package console

import (
	"context"
	"time"

	"sallyport/internal/policy"
	"sallyport/internal/web"
)

// ExplainQuery are the facts of a sign-in to be explained.
type ExplainQuery struct {
	User    string // an id or a login
	App     string // empty: one's own account
	Address string
	Browser string // one of Browsers
	At      time.Time
}

// Browsers are the kinds of browser that somebody may come with.
var Browsers = []string{"new", "known", "trusted"}

// Explanation is what the resolver answers, for people to read.
type Explanation = policy.Explanation

// said puts the outcome into a sentence.
func said(ctx context.Context, x Explanation) string {
	return web.Lang(ctx).Outcome(string(x.Outcome), string(x.Level), words(x.Methods))
}

func words[T ~string](list []T) []string {
	out := make([]string, len(list))
	for i, w := range list {
		out[i] = string(w)
	}
	return out
}

// result tells how a rule took part: it decided, applied, did not apply, or was not
// asked because another had decided.
func result(x Explanation, r policy.RuleShown) string {
	switch {
	case r.Why == policy.WhySettled:
		return "unasked"
	case !r.Applied:
		return "no"
	case r.Rule == decided(x):
		return "decided"
	}
	return "applied"
}

// decided is the rule that the outcome is owed to: the first that applied, or what
// excused from it or put it off.
func decided(x Explanation) string {
	first := ""
	for _, r := range x.Rules {
		if !r.Applied {
			continue
		}
		if first == "" {
			first = r.Rule
		}
		excuses := r.Rule == "trusted_browser" && x.Outcome == policy.Allowed
		delays := (r.Rule == "new_user_window" || r.Rule == "grace") && x.Outcome == policy.MaySkip
		if excuses || delays {
			return r.Rule
		}
	}
	return first
}

// Explainer is what the page of explanations needs.
type Explainer interface {
	Explain(ctx context.Context, by Caller, q ExplainQuery) (Who, Explanation, error)
	// Apps are those that may be named, with their names.
	Apps(ctx context.Context, by Caller) ([]Option, error)
}

// PolicyPage explains a decision.
type PolicyPage struct {
	Page
	Typed ExplainTyped
	Apps  []Option
	Who   *Who // nil: nothing was asked yet
	Found Explanation
}

// ExplainTyped is what stands in the form.
type ExplainTyped struct{ User, App, Address, Browser, At string }
