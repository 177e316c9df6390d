package cli

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/app"
	"sallyport/internal/core"
	"sallyport/internal/directory"
	"sallyport/internal/policy"
	"sallyport/internal/rollout"
	"sallyport/pkg/sallyport"
)

type mfaCmd struct {
	Status  mfaStatusCmd  `cmd:"" help:"Show where the switch stands and how many people have set up."`
	List    mfaListCmd    `cmd:"" help:"Show how far every organisation is, the longest way first."`
	WhatIf  mfaWhatIfCmd  `cmd:"" name:"what-if" help:"Say who would be asked, and when, if the switch were moved. Changes nothing."`
	Enable  mfaEnableCmd  `cmd:"" help:"Ask an organisation's people for a second factor."`
	Apps    mfaAppsCmd    `cmd:"" help:"Which apps ask for a second factor."`
	Disable mfaDisableCmd `cmd:"" help:"Switch MFA off: what people have set up is deleted."`
}

// bars is how many people stand where, as the bar and the API count them.
type bars sallyport.Counts

func barsOf(p directory.Progress) bars {
	return bars{Users: p.Asked(), Enabled: p.Enabled, Setup: p.SetupRequired, Pending: p.Pending, Services: p.Service}
}

func (b bars) String() string {
	text := fmt.Sprintf("%d of %d", b.Enabled, b.Users)
	if b.Users > 0 {
		text += fmt.Sprintf(" (%d %%)", core.Percent(b.Enabled, b.Users))
	}
	return text
}

// mfaOut is the switch of an organisation, with the counts of the node that was asked
// about.
type mfaOut struct {
	ID          core.TenantID      `json:"id"`
	Name        string             `json:"name"`
	Status      rollout.State      `json:"status"`
	Requirement []core.Requirement `json:"requirement"`
	bars
	// Off are people who need none and have none, Inactive accounts that are disabled.
	Off       int                `json:"users_disabled_count"`
	Inactive  int                `json:"users_inactive_count"`
	Allowed   bool               `json:"update_allowed"`
	LockedBy  *policy.TenantName `json:"locked_by"`
	Inherited *policy.TenantName `json:"inherited_from"`
	Since     time.Time          `json:"required_since,omitzero"`
	// Began is when switching off began, while it is under way.
	Began time.Time `json:"disabling_since,omitzero"`
}

func mfaOf(ctx context.Context, h *app.House, t core.Tenant) (mfaOut, error) {
	s, err := h.Rollout.Status(ctx, t.ID, access.Shell())
	if err != nil {
		return mfaOut{}, err
	}
	o := mfaOut{ID: t.ID, Name: t.Name, Status: s.State, Requirement: append([]core.Requirement{}, s.Requirement...), bars: barsOf(s.Progress),
		Off: s.Progress.Disabled, Inactive: s.Progress.Inactive, Allowed: s.UpdateAllowed, Began: s.Began}
	if s.State == rollout.Enabled {
		o.Since = s.Since
	}
	if s.Locked {
		o.LockedBy = nameOfTenant(s.LockedBy)
	}
	if s.Inherited {
		o.Inherited = nameOfTenant(s.Organisation)
	}
	return o, nil
}

func (o mfaOut) rows(row func(name, format string, args ...any)) {
	state := string(o.Status)
	if len(o.Requirement) > 0 {
		state += ", asked of: " + requirementWords(o.Requirement)
	}
	if !o.Since.IsZero() {
		state += ", since " + when(o.Since)
	}
	if !o.Began.IsZero() {
		state += ", since " + when(o.Began)
	}
	row("mfa", "%s", state)
	if o.LockedBy != nil {
		row("  locked by", "%s (%s)", plain(o.LockedBy.Name), o.LockedBy.ID)
	}
	if o.Inherited != nil {
		row("  decided by", "%s (%s)", plain(o.Inherited.Name), o.Inherited.ID)
	}
	row("  have it", "%s", o.bars)
	row("  must set up", "%d", o.Setup)
	row("  not here yet", "%d", o.Pending)
	row("  need none", "%d", o.Off)
	row("  service accounts", "%d", o.Services)
	row("  inactive", "%d", o.Inactive)
}

type mfaStatusCmd struct {
	Tenant string `arg:"" name:"tenant" help:"Id or name of a node: its people and those below it within its organisation."`
}

func (v *mfaStatusCmd) Run(s *shell) error {
	o, err := one[mfaOut](s, "mfa.status", how{}, tenantIn{v.Tenant})
	if err != nil {
		return err
	}
	err = s.result(o, func(w io.Writer) {
		t := table(w)
		row := func(name, format string, args ...any) {
			fmt.Fprintf(t, "%s\t"+format+"\n", append([]any{name}, args...)...)
		}
		row("name", "%s (%s)", plain(o.Name), o.ID)
		o.rows(row)
		t.Flush()
	})
	switch {
	case err != nil:
	case o.Status == rollout.Disabled && o.Allowed:
		s.next("sallyport mfa what-if %s", o.ID)
	case o.Status == rollout.Disabling:
		s.next("sallyport mfa disable %s", o.ID)
	default:
		s.next("sallyport user list --tenant %s --status setup_required", o.ID)
	}
	return err
}

func farMFAStatus(ctx context.Context, h *app.House, in tenantIn, out *answers) error {
	t, err := h.Directory.FindTenant(ctx, in.Tenant)
	if err != nil {
		return err
	}
	o, err := mfaOf(ctx, h, t)
	if err != nil {
		return err
	}
	return out.Result(o)
}

type mfaListCmd struct {
	Under string `help:"Id or name of a node: only its branch." placeholder:"NAME"`
}

func (v *mfaListCmd) Run(s *shell) error {
	list := items[mfaOut]{Items: []mfaOut{}}
	if err := each(s, "mfa.list", how{}, tenantIn{v.Under}, func(o mfaOut) error { list.Items = append(list.Items, o); return nil }); err != nil {
		return err
	}
	err := s.result(list, func(w io.Writer) {
		t := table(w)
		fmt.Fprintln(t, "NAME\tMFA\tASKED OF\tHAVE IT\tMUST SET UP\tNOT HERE YET\tID")
		for _, o := range list.Items {
			fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%d\t%d\t%s\n", plain(o.Name), o.Status, requirementWords(o.Requirement), o.bars, o.Setup, o.Pending, o.ID)
		}
		t.Flush()
	})
	if err == nil && len(list.Items) > 0 {
		s.next("sallyport mfa status %s", list.Items[0].ID)
	}
	return err
}

func farMFAList(ctx context.Context, h *app.House, in tenantIn, out *answers) error {
	top, err := nodeOr(ctx, h, in.Tenant)
	if err != nil {
		return err
	}
	rows, err := h.Directory.Organisations(ctx, top.ID, access.Shell())
	if err != nil {
		return err
	}
	slices.SortFunc(rows, func(a, b directory.Row) int {
		if n := b.Progress.SetupRequired - a.Progress.SetupRequired; n != 0 {
			return n
		}
		return strings.Compare(a.Tenant.Path, b.Tenant.Path)
	})
	for _, r := range rows {
		if r.Tenant.State == core.TenantDeleted {
			continue
		}
		o, err := mfaOf(ctx, h, r.Tenant)
		if err != nil {
			return err
		}
		if err := out.Result(o); err != nil {
			return err
		}
	}
	return nil
}

// asking is the flag that says of whom MFA is asked.
type asking struct {
	Requirement []string `help:"Of whom, several with commas: organization (everybody), selected_apps (who opens one), per_user (who chooses it). Everybody, beside what is asked already, when not given." placeholder:"WORD" sep:","`
}

func (v asking) words() ([]core.Requirement, error) {
	known := []core.Requirement{core.RequireOrganization, core.RequireSelectedApps, core.RequirePerUser}
	var out []core.Requirement
	for _, w := range v.Requirement {
		r := core.Requirement(strings.TrimSpace(w))
		if !slices.Contains(known, r) {
			return nil, usage("--requirement: there is no %q; there are organization, selected_apps, per_user", w)
		}
		if !slices.Contains(out, r) {
			out = append(out, r)
		}
	}
	return out, nil
}

type mfaEnableCmd struct {
	oneTenant
	asking
	sure
}

func (*mfaEnableCmd) Help() string {
	return "Shows first who is asked and when, who is exempt and who would be stuck. Sessions go on, except where enforce_at says otherwise; everybody is asked at the next sign-in. " +
		"Taking one way of asking away while another stays keeps every second factor."
}

func (v *mfaEnableCmd) Run(s *shell) error {
	r, err := v.words()
	if err != nil {
		return err
	}
	return s.do(write{verb: "mfa.enable", dry: v.dry, sure: &v.sure,
		in:    func(c changing) any { return nodeIn{Tenant: v.Tenant, changing: c, Requirement: r} },
		after: func(c changed) error { return s.finish(c.ID, core.JobEndSessions, false) },
		next:  func(c changed) string { return "sallyport mfa status " + c.ID }})
}

// requirement is what shall be asked for: what was said, or of everybody beside what
// holds.
func (in nodeIn) wants(t core.Tenant) ([]core.Requirement, error) {
	if len(in.Requirement) > 0 {
		return in.Requirement, nil
	}
	own, err := t.Settings.Over(core.DefaultSettings())
	if err != nil {
		return nil, err
	}
	r := slices.Clone(own.Requirement)
	if !slices.Contains(r, core.RequireOrganization) {
		r = append(r, core.RequireOrganization)
	}
	return r, nil
}

var enableMFA = tenantDeed{
	plan: func(ctx context.Context, h *app.House, t core.Tenant, in nodeIn, o *changed) error {
		r, err := in.wants(t)
		if err != nil {
			return err
		}
		p, err := h.Rollout.PlanEnable(ctx, t.ID, r, access.Shell())
		if err != nil {
			return err
		}
		own, err := t.Settings.Over(core.DefaultSettings())
		if err != nil {
			return err
		}
		if sameSet(own.Requirement, r) {
			return nil
		}
		o.take(p)
		o.Changes = []string{"ask for a second factor: " + requirementWords(r)}
		now, err := h.Directory.Progress(ctx, t.ID, access.Shell())
		if err != nil {
			return err
		}
		o.then(barsOf(now))
		return nil
	},
	do: func(ctx context.Context, _ *app.House, j journeys, t core.Tenant, in nodeIn) error {
		r, err := in.wants(t)
		if err == nil {
			_, err = j.roll.Enable(ctx, t.ID, r, access.Shell(), core.Client{})
		}
		return err
	},
}

// then says how far people are today and would be, from the effects of asking.
func (c *changed) then(today bars) {
	after := today
	for _, e := range c.Effects {
		switch e.What {
		case directory.EffectAsked, directory.EffectMayWait:
			after.Setup += e.Count
		case directory.EffectReleased:
			after.Setup -= e.Count
		}
	}
	after.Setup = max(0, after.Setup)
	after.Users = after.Enabled + after.Setup + after.Pending
	c.Before, c.After = &today, &after
}

func sameSet(a, b []core.Requirement) bool {
	in := func(a, b []core.Requirement) bool {
		return !slices.ContainsFunc(a, func(r core.Requirement) bool { return !slices.Contains(b, r) })
	}
	return in(a, b) && in(b, a)
}

type mfaDisableCmd struct {
	oneTenant
	named
	NoWait bool `help:"Do not wait until everything is deleted; a server goes on with it."`
}

func (*mfaDisableCmd) Help() string {
	return "Every setup key, recovery code and trusted browser of the organisation's people is deleted, and they sign in with the password alone. Shows first how many that are. " +
		"--confirm takes the organisation's name. What was broken off goes on with the next server, or with the same verb again. Every platform administrator is told."
}

func (v *mfaDisableCmd) Run(s *shell) error {
	o, err := one[mfaOut](s, "mfa.status", how{}, tenantIn{v.Tenant})
	if err == nil && o.Status == rollout.Disabling && o.Inherited == nil && !v.DryRun {
		s.say("%s is being switched off since %s", plain(o.Name), when(o.Began))
		if err := s.finish(string(o.ID), core.JobDisableMFA, v.NoWait); err != nil {
			return err
		}
		if err := s.result(changed{ID: string(o.ID), Name: o.Name, Changes: []string{"go on switching MFA off"}}, func(w io.Writer) { fmt.Fprintf(w, "%s: done\n", plain(o.Name)) }); err != nil {
			return err
		}
		s.next("sallyport mfa status %s", o.ID)
		return nil
	}
	if err != nil {
		return err
	}
	return s.do(write{verb: "mfa.disable", dry: v.dry, name: &v.named, in: func(c changing) any { return nodeIn{Tenant: v.Tenant, changing: c} },
		after: func(c changed) error { return s.finish(c.ID, core.JobDisableMFA, v.NoWait) },
		next:  func(c changed) string { return "sallyport mfa status " + c.ID }})
}

var disableMFA = tenantDeed{
	plan: func(ctx context.Context, h *app.House, t core.Tenant, _ nodeIn, o *changed) error {
		p, err := h.Rollout.PlanDisable(ctx, t.ID, access.Shell())
		if f, ok := core.AsFault(err); ok && f.Code == "mfa.is_off" {
			return nil
		}
		if err != nil {
			return err
		}
		o.take(p.Preview)
		o.Changes, o.Confirm = []string{"switch MFA off for everybody there", "delete what they have set up"}, p.Confirm
		o.count("apps", p.Losses.Apps)
		o.count("codes", p.Losses.Codes)
		o.count("browsers", p.Losses.Browsers)
		return nil
	},
	do: func(ctx context.Context, _ *app.House, j journeys, t core.Tenant, in nodeIn) error {
		_, err := j.roll.Disable(ctx, t.ID, in.typed(t.Name), access.Shell(), core.Client{})
		return confirmed(err, t.Name)
	},
	loud: "mfa disable",
}

type mfaWhatIfCmd struct {
	Tenant string `arg:"" name:"tenant" help:"Id or name of the organisation."`
	asking
	Off bool `help:"If it were switched off."`
}

func (*mfaWhatIfCmd) Help() string {
	return "What other settings would do: sallyport policy simulate."
}

func (v *mfaWhatIfCmd) Run(s *shell) error {
	r, err := v.words()
	if err != nil {
		return err
	}
	verb, next := "mfa.enable", "sallyport mfa enable %s"
	if v.Off {
		if len(r) > 0 {
			return usage("--off and --requirement are two things; give one of them")
		}
		verb, next = "mfa.disable", "sallyport mfa disable %s"
	}
	out, err := one[changed](s, verb, how{}, nodeIn{Tenant: v.Tenant, changing: changing{DryRun: true}, Requirement: r})
	if err != nil {
		return err
	}
	if err := s.result(out, func(w io.Writer) {
		if len(out.Changes) == 0 {
			fmt.Fprintf(w, "nothing would change for %s\n", out.label())
			return
		}
		out.plan(w, "would ")
	}); err != nil || len(out.Changes) == 0 {
		return err
	}
	s.next(next, out.ID)
	return nil
}
