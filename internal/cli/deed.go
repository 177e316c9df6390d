package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"sallyport/internal/app"
	"sallyport/internal/core"
	"sallyport/internal/directory"
	"sallyport/internal/enrol"
	"sallyport/internal/i18n"
	"sallyport/internal/policy"
	"sallyport/internal/recovery"
	"sallyport/internal/rollout"
	"sallyport/internal/support"
)

// named is the flag of writes that take something from many people: what is to be
// typed at the terminal can be given instead.
type named struct {
	Confirm string `help:"The name, as confirmation; else it is asked for." placeholder:"NAME"`
}

// changing goes with every write to its far half.
type changing struct {
	DryRun bool `json:"dry_run,omitempty"`
	// Seen is the version that somebody looked at before they said yes; nil is any.
	Seen    *int64 `json:"seen,omitempty"`
	Confirm string `json:"confirm,omitempty"`
}

// fresh refuses to go on where something is another by now than what was looked at.
func (c changing) fresh(version int64) error {
	if c.Seen != nil && *c.Seen != version {
		return core.NewFault(core.KindStale, "form.stale")
	}
	return nil
}

// typed is what was typed to confirm. A dry run asks nobody, and is refused where
// something else was typed.
func (c changing) typed(name string) string {
	if c.DryRun && c.Confirm == "" {
		return name
	}
	return c.Confirm
}

// confirmed says which name would have confirmed, where another was typed.
func confirmed(err error, name string) error {
	if errors.Is(err, core.ErrConfirmRequired) {
		return core.ErrConfirmRequired.With("field", "confirm").With("name", name)
	}
	return err
}

// changed is what a write answers: what it did or would do.
type changed struct {
	ID     string        `json:"id"`
	Login  string        `json:"login,omitempty"`
	Name   string        `json:"name,omitempty"`
	Tenant core.TenantID `json:"tenant,omitempty"` // of an account
	// Changes are what it does, each as an order: "end 2 sessions".
	Changes []string `json:"changes"`
	// Why says why there is nothing to change, where that is not plain.
	Why      string              `json:"why,omitempty"`
	Settings []policy.Difference `json:"settings,omitempty"`
	Effects  []effect            `json:"effects,omitempty"`
	// Before and After are the bar of the organisation today and then.
	Before *bars `json:"before,omitempty"`
	After  *bars `json:"after,omitempty"`
	// Secret is made by the deed and shown once; Until is how long it, or what it
	// began, is good for.
	Secret string    `json:"secret,omitempty"`
	Until  time.Time `json:"until,omitzero"`
	// Version is of what was looked at; Confirm is what has to be typed.
	Version int64  `json:"version,omitempty"`
	Confirm string `json:"confirm,omitempty"`
	DryRun  bool   `json:"dry_run,omitempty"`
}

// label is what the changed thing is called.
func (c changed) label() string {
	for _, s := range []string{c.Login, c.Name, c.ID} {
		if s != "" {
			return plain(s)
		}
	}
	return ""
}

// because is why there is nothing to change.
func (c changed) because() string {
	if c.Why == "" {
		return ""
	}
	return ": " + c.Why
}

func ofTenant(t core.Tenant, dryRun bool) changed {
	return changed{ID: string(t.ID), Name: t.Name, Changes: []string{}, Version: t.Version, DryRun: dryRun}
}

func ofUser(u core.User, dryRun bool) changed {
	return changed{ID: string(u.ID), Login: u.Login, Tenant: u.Tenant, Changes: []string{}, Version: u.Version, DryRun: dryRun}
}

// effect is one thing that happens to some people, with the first of them.
type effect struct {
	What  string    `json:"what"`
	Count int       `json:"count"`
	First []who     `json:"first,omitempty"`
	DueAt time.Time `json:"due_at,omitzero"`
}

type who struct {
	ID    core.UserID `json:"id"`
	Login string      `json:"login"`
	Name  string      `json:"name"`
}

// count adds an effect that nobody is named in.
func (c *changed) count(what string, n int) {
	if n > 0 {
		c.Effects = append(c.Effects, effect{What: what, Count: n})
	}
}

// take takes over a preview of the directory.
func (c *changed) take(p directory.Preview) {
	for _, e := range p.Effects {
		one := effect{What: e.What, Count: e.Count, DueAt: e.DueAt}
		for _, n := range e.First {
			one.First = append(one.First, who{n.ID, n.Login, n.Name})
		}
		c.Effects = append(c.Effects, one)
	}
	c.Settings = p.Settings
}

// plan writes what would be done, line by line.
func (c changed) plan(w io.Writer, lead string) {
	for _, x := range c.Changes {
		fmt.Fprintf(w, "%s%s\n", lead, plain(x))
	}
	if len(c.Settings) > 0 {
		fmt.Fprintln(w)
		showDifferences(w, c.Settings)
	}
	for _, e := range c.Effects {
		fmt.Fprintf(w, "  %s\n", e.line())
	}
	if c.Before != nil && c.After != nil {
		fmt.Fprintf(w, "  today %s, then %s\n", c.Before, c.After)
	}
}

// told writes what was done for whom, for somebody who was not asked and so has not
// read it yet.
func (c changed) told(w io.Writer) {
	if len(c.Settings) > 0 {
		fmt.Fprintln(w)
		differences(w, "WAS", "IS", c.Settings)
		fmt.Fprintln(w)
	}
	for _, e := range c.Effects {
		fmt.Fprintf(w, "  %s\n", e.line())
	}
	if c.Before != nil && c.After != nil {
		fmt.Fprintf(w, "  before %s, then %s\n", c.Before, c.After)
	}
}

func (e effect) line() string {
	lang := i18n.For(i18n.Default)
	text := fmt.Sprintf("%d %s", e.Count, lang.T("effect."+e.What, map[string]any{"Count": e.Count}))
	if !e.DueAt.IsZero() {
		text += ", until " + when(e.DueAt) + " at the latest"
	}
	if len(e.First) == 0 {
		return text
	}
	var names []string
	for _, n := range e.First {
		names = append(names, plain(n.Login))
	}
	if more := e.Count - len(names); more > 0 {
		names = append(names, fmt.Sprintf("and %d more", more))
	}
	return text + ": " + strings.Join(names, ", ")
}

// write is one run of a verb that changes something.
type write struct {
	verb string
	how  how
	in   func(changing) any
	dry  dry
	sure *sure  // asked about first, nil: not
	name *named // the name has to be typed, nil: not
	// after goes on after the deed, before the result is printed.
	after func(changed) error
	next  func(changed) string // the command that usually follows
}

// do runs a write: first dry, to say what it does and to ask, then for good. Where
// there is nothing to change it says so and is done.
func (s *shell) do(v write) error {
	c := changing{DryRun: true}
	if v.name != nil {
		c.Confirm = v.name.Confirm
	}
	out, err := one[changed](s, v.verb, v.how, v.in(c))
	if err != nil {
		return err
	}
	if v.dry.DryRun {
		return s.result(out, func(w io.Writer) {
			if len(out.Changes) == 0 {
				fmt.Fprintf(w, "nothing would change for %s%s\n", out.label(), out.because())
				return
			}
			out.plan(w, "would ")
		})
	}
	if len(out.Changes) > 0 {
		if c.Confirm, err = s.agree(v, out); err != nil {
			return err
		}
		c.DryRun = false
		if v.asked() {
			seen := out.Version // what was said yes to
			c.Seen = &seen
		}
		if out, err = one[changed](s, v.verb, v.how, v.in(c)); err != nil {
			return err
		}
		if v.after != nil {
			if err := v.after(out); err != nil {
				return err
			}
		}
	}
	out.DryRun = false
	if err := s.result(out, func(w io.Writer) {
		switch {
		case len(out.Changes) == 0:
			fmt.Fprintf(w, "%s: %s\n", out.label(), cmp.Or(out.Why, "nothing to change"))
			return
		case out.Secret != "":
			// Alone on stdout, so that it can go where it belongs.
			fmt.Fprintln(w, out.Secret)
			w = s.Err
		}
		fmt.Fprintf(w, "%s: done (%s)\n", out.label(), plain(strings.Join(out.Changes, ", ")))
		if !v.asked() {
			out.told(w)
		}
	}); err != nil {
		return err
	}
	if v.next != nil {
		s.next("%s", v.next(out))
	}
	return nil
}

// asked reports whether somebody was asked at the terminal.
func (v write) asked() bool {
	return v.sure != nil && !v.sure.Yes || v.name != nil && v.name.Confirm == ""
}

// agree asks before a write, where it is asked about; it returns the name that was
// typed.
func (s *shell) agree(v write, plan changed) (string, error) {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: this will %s.\n", plan.label(), plain(strings.Join(plan.Changes, ", ")))
	more := plan
	more.Changes = nil
	more.plan(&b, "")
	what := strings.TrimRight(b.String(), "\n")
	switch {
	case v.name != nil && v.name.Confirm != "":
		return v.name.Confirm, nil
	case v.name != nil && !s.asks():
		return "", usage("%s\nthis is asked about first; add --confirm with the name, %q", what, plain(plan.Confirm))
	case v.name != nil:
		// Whoever is asked types the name as it is shown; the journey compares it with
		// the one that is kept.
		return plan.Confirm, s.confirm(false, plain(plan.Confirm), "%s", what)
	case v.sure != nil:
		return "", s.confirm(v.sure.Yes, "", "%s", what)
	}
	return "", nil
}

// journeys are those that verbs change things by, as they are or for a dry run.
type journeys struct {
	dir  *directory.Service
	rec  *recovery.Service
	roll *rollout.Service
	supp *support.Service
}

func journeysOf(h *app.House, c changing) journeys {
	j := journeys{h.Directory, h.Recovery, h.Rollout, h.Support}
	if c.DryRun {
		j = journeys{j.dir.Dry(), j.rec.Dry(), j.roll.Dry(), j.supp.Dry()}
	}
	return j
}

// loud mails every administrator of the platform what was done on the local shell.
func loud(ctx context.Context, h *app.House, c changing, verb, whom, id string) error {
	if c.DryRun {
		return nil
	}
	if err := h.Recovery.TellOperators(ctx, "sallyport "+verb+" "+whom, id); err != nil {
		return fmt.Errorf("it is done, but the administrators of the platform could not be told: %w", err)
	}
	return nil
}

// factorsEnd says that somebody's second factors end, where there are any.
func factorsEnd(lost enrol.Lost) string {
	return fmt.Sprintf("end %s and %s", count(lost.Apps, "second factor", "second factors"), count(lost.Codes, "recovery code", "recovery codes"))
}

// privileged are the roles that give somebody a right.
func privileged(roles []core.RoleGrant) []core.RoleGrant {
	return slices.DeleteFunc(slices.Clone(roles), func(g core.RoleGrant) bool { return g.Role == core.RoleUser })
}
