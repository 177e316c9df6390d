package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/netip"
	"os"
	"strings"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/app"
	"sallyport/internal/core"
	"sallyport/internal/directory"
	"sallyport/internal/i18n"
	"sallyport/internal/policy"
	"sallyport/internal/store"
)

type policyCmd struct {
	Show     policyShowCmd     `cmd:"" help:"Show the settings that hold, with whose they are and since when."`
	Set      policySetCmd      `cmd:"" help:"Change settings of an organisation."`
	Apply    policyApplyCmd    `cmd:"" help:"Lay a settings document over that of an organisation."`
	Preset   policyPresetCmd   `cmd:"" help:"The settings documents that ship."`
	Locks    policyLocksCmd    `cmd:"" help:"What a partner or the platform holds over those below."`
	Template policyTemplateCmd `cmd:"" help:"What new customers of a partner or the platform begin with."`
	Explain  policyExplainCmd  `cmd:"" help:"Say what a person's next sign-in is asked, and why: every rule, applied or not."`
	Simulate policySimulateCmd `cmd:"" help:"Say who would meet what if an organisation's settings were changed. Changes nothing."`
	Compare  policyCompareCmd  `cmd:"" help:"Compare an organisation's settings with a preset."`
}

type policyExplainCmd struct {
	User         string `required:"" help:"Login or id." placeholder:"LOGIN"`
	App          string `help:"Id of the app that is being opened; none when not given." placeholder:"ID"`
	Address      string `help:"Address that the sign-in comes from; no network is held against it when not given." placeholder:"ADDRESS"`
	KnownBrowser bool   `help:"The browser finished a full sign-in of this person before."`
	Trusted      bool   `name:"trusted-browser" help:"The person trusts the browser."`
	At           string `help:"When the sign-in is, as an RFC 3339 time; now when not given." placeholder:"TIME"`
}

type policyExplainIn struct {
	User    string     `json:"user"`
	App     core.AppID `json:"app,omitempty"`
	Address netip.Addr `json:"address,omitzero"`
	Known   bool       `json:"known_browser,omitempty"`
	Trusted bool       `json:"trusted_browser,omitempty"`
	At      time.Time  `json:"at,omitzero"`
}

type policyExplained struct {
	ID     core.UserID   `json:"id"`
	Login  string        `json:"login"`
	Tenant core.TenantID `json:"tenant"`
	policy.Explanation
}

func (v *policyExplainCmd) Run(s *shell) error {
	in := policyExplainIn{User: v.User, App: core.AppID(v.App), Known: v.KnownBrowser || v.Trusted, Trusted: v.Trusted}
	if v.At != "" {
		var err error
		if in.At, err = time.Parse(time.RFC3339, v.At); err != nil {
			return usage("--at: %q is no time like 2027-01-31T18:00:00Z", v.At)
		}
	}
	if v.Address != "" {
		var err error
		if in.Address, err = netip.ParseAddr(v.Address); err != nil {
			return usage("--address: %q is no address", v.Address)
		}
	}
	x, err := one[policyExplained](s, "policy.explain", how{}, in)
	if err != nil {
		return err
	}
	return s.result(x, func(w io.Writer) { showExplained(w, x) })
}

func showExplained(w io.Writer, x policyExplained) {
	lang := i18n.For(i18n.Default)
	var methods []string
	for _, m := range x.Methods {
		methods = append(methods, string(m))
	}
	fmt.Fprintf(w, "%s, after the password: %s\n", plain(x.Login), lang.Outcome(string(x.Outcome), string(x.Level), methods))
	if x.MailFirst {
		fmt.Fprintln(w, "  the mailbox has to be shown first")
	}
	if !x.DueAt.IsZero() {
		fmt.Fprintf(w, "  due %s\n", when(x.DueAt))
	}
	var exits []string
	for _, e := range x.Exits {
		exits = append(exits, string(e))
	}
	fmt.Fprintf(w, "second factor: %s; ways on: %s\n\n", x.Status, strings.Join(exits, ", "))
	t := table(w)
	fmt.Fprintln(t, "RULE\tAPPLIES\tWHY")
	for _, r := range x.Rules {
		applies, from := "-", ""
		if r.Applied {
			applies = "yes"
		}
		if r.From != nil {
			from = plain(r.From.Name)
		}
		fmt.Fprintf(t, "%s\t%s\t%s\n", lang.T("policy.rule."+r.Rule, nil), applies, plain(lang.Reason(r.Why, from, r.Params, nil)))
	}
	t.Flush()
}

func farPolicyExplain(ctx context.Context, h *app.House, in policyExplainIn, out *answers) error {
	u, err := found(ctx, h, in.User)
	if err != nil {
		return err
	}
	x, err := h.Directory.Explain(ctx, u.ID, directory.ExplainQuery{App: in.App, Address: in.Address, KnownBrowser: in.Known, TrustedBrowser: in.Trusted, At: in.At}, access.Shell())
	if err != nil {
		return err
	}
	return out.Result(policyExplained{u.ID, u.Login, u.Tenant, x})
}

type policySimulateCmd struct {
	Tenant   string `required:"" help:"Id or name of the organisation." placeholder:"NAME"`
	Preset   string `help:"What to change to: ${presets}."`
	Settings string `help:"File with a settings document in JSON; laid over the preset." placeholder:"FILE"`
	Limit    int    `default:"50" help:"How many of the people who meet something else are listed (${default})."`
}

type policySimulateIn struct {
	Tenant string           `json:"tenant"`
	Change core.SettingsDoc `json:"change"`
	Limit  int              `json:"limit"`
}

func (v *policySimulateCmd) Run(s *shell) error {
	if v.Preset == "" && v.Settings == "" {
		return usage("say what to change: --preset or --settings")
	}
	change := core.SettingsDoc("{}")
	if v.Preset != "" {
		doc, err := policy.Preset(v.Preset)
		if err != nil {
			return err
		}
		change = doc
	}
	if v.Settings != "" {
		doc, err := os.ReadFile(v.Settings)
		if err != nil {
			return fmt.Errorf("settings: %w", err)
		}
		if err := core.CheckKeys(doc); err != nil {
			return err
		}
		if change, err = over(change, doc); err != nil {
			return err
		}
	}
	sim, err := one[policy.Simulation](s, "policy.simulate", how{}, policySimulateIn{Tenant: v.Tenant, Change: change, Limit: v.Limit})
	if err != nil {
		return err
	}
	return s.result(sim, func(w io.Writer) { showSimulated(w, sim) })
}

// over lays one change over another. Unlike in a stored document, null stays:
// it is a change.
func over(change, more core.SettingsDoc) (core.SettingsDoc, error) {
	var a, b map[string]json.RawMessage
	if err := json.Unmarshal(change, &a); err != nil {
		return nil, err
	}
	if err := json.Unmarshal(more, &b); err != nil {
		return nil, core.Invalid("settings.invalid", "reason", err.Error())
	}
	for k, v := range b {
		a[k] = v
	}
	return json.Marshal(a)
}

func showSimulated(w io.Writer, sim policy.Simulation) {
	showDifferences(w, sim.Settings)
	n := sim.Tally
	fmt.Fprintf(w, "%s: %d must set up at the next sign-in, %d may put it off, %d have a second factor, %d are not asked, %d are exempt, %d not here yet\n",
		count(n.People, "person", "people"), n.Asked, n.MayWait, n.Enrolled, n.Free, n.Exempt, n.Pending)
	fmt.Fprintf(w, "%d newly required, %d no longer, %d would be stuck\n", n.NewlyDue, n.Released, n.Stuck)
	if len(sim.Effects) == 0 {
		return
	}
	fmt.Fprintln(w)
	t := table(w)
	fmt.Fprintln(t, "LOGIN\tSTATUS\tWOULD BE\tNEXT SIGN-IN\tWOULD BE\tDUE")
	for _, x := range sim.Effects {
		due := when(x.DueAt)
		if x.Stuck {
			due = "stuck"
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\n", plain(x.Login), x.Before, x.After, x.NextBefore, x.NextAfter, due)
	}
	t.Flush()
	if more := n.Different - len(sim.Effects); more > 0 {
		fmt.Fprintf(w, "and %d more\n", more)
	}
}

func showDifferences(w io.Writer, list []policy.Difference) {
	if len(list) == 0 {
		fmt.Fprint(w, "no setting would be another\n\n")
		return
	}
	differences(w, "IS", "WOULD BE", list)
	fmt.Fprintln(w)
}

func differences(w io.Writer, from, to string, list []policy.Difference) {
	t := table(w)
	fmt.Fprintf(t, "SETTING\t%s\t%s\tTHAT IS\n", from, to)
	for _, d := range list {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\n", d.Key, plain(policy.Plainly(d.From)), plain(policy.Plainly(d.To)), d.Way)
	}
	t.Flush()
}

func farPolicySimulate(ctx context.Context, h *app.House, in policySimulateIn, out *answers) error {
	t, err := h.Directory.FindTenant(ctx, in.Tenant)
	if err != nil {
		return err
	}
	var before []core.Tenant
	var sim policy.Simulation
	var was, is policy.Effective
	err = h.Store.View(ctx, t.ID, func(r store.Reader) (err error) {
		if before, err = r.Line(); err != nil {
			return err
		}
		after, err := policy.Change(before, in.Change, core.Stamp{At: r.Now()})
		if err != nil {
			return err
		}
		if sim, err = policy.Compare(before, after, nil, r.Now()); err != nil {
			return err
		}
		if was, err = policy.Of(before); err != nil {
			return err
		}
		is, err = policy.Of(after)
		return err
	})
	if err != nil {
		return err
	}
	all, err := h.Store.AllTenants(ctx)
	if err != nil {
		return err
	}
	for _, n := range all {
		if n.Organisation != t.ID || n.State == core.TenantDeleted {
			continue
		}
		if err := simulateIn(ctx, h, n.ID, was, is, in.Limit, &sim, out); err != nil {
			return err
		}
	}
	return out.Result(sim)
}

// simulateIn adds the people of one tenant, a page a snapshot.
func simulateIn(ctx context.Context, h *app.House, tenant core.TenantID, was, is policy.Effective, limit int, sim *policy.Simulation, out *answers) error {
	const page = 200
	after, n := core.UserID(""), page
	for n == page {
		err := h.Store.View(ctx, tenant, func(r store.Reader) error {
			users, err := r.Users(after, page)
			if err != nil {
				return err
			}
			n = len(users)
			for _, u := range users {
				after = u.ID
				if u.State == core.UserDisabled || u.State == core.UserDeleted {
					continue
				}
				factors, err := r.Factors(u.ID)
				if err != nil {
					return err
				}
				grants, err := r.Roles(u.ID)
				if err != nil {
					return err
				}
				who := policy.PersonOf(u, factors).With(grants)
				if len(policy.NeedsApps(was))+len(policy.NeedsApps(is)) > 0 {
					if who.AppsUsed, err = r.AppsUsedBy(u.ID, r.Now().Add(-policy.AppRecently)); err != nil {
						return err
					}
				}
				x := policy.EffectOn(policy.Subject{User: u.ID, Login: u.Login, Person: who}, was, is, r.Now())
				sim.Tally.Add(x)
				if x.Changed() && len(sim.Effects) < limit {
					sim.Effects = append(sim.Effects, x)
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
		out.Progress("people", int64(sim.Tally.People), 0)
	}
	return nil
}

type policyCompareCmd struct {
	Tenant string `required:"" help:"Id or name of the organisation." placeholder:"NAME"`
	Preset string `required:"" help:"What to compare with: ${presets}."`
}

type policyCompareIn struct {
	Tenant string `json:"tenant"`
	Preset string `json:"preset"`
}

func (v *policyCompareCmd) Run(s *shell) error {
	list := items[policy.Difference]{Items: []policy.Difference{}}
	err := each(s, "policy.compare", how{}, policyCompareIn{v.Tenant, v.Preset}, func(d policy.Difference) error { list.Items = append(list.Items, d); return nil })
	if err != nil {
		return err
	}
	return s.result(list, func(w io.Writer) { showDifferences(w, list.Items) })
}

func farPolicyCompare(ctx context.Context, h *app.House, in policyCompareIn, out *answers) error {
	t, err := h.Directory.FindTenant(ctx, in.Tenant)
	if err != nil {
		return err
	}
	if !t.Kind.IsOrganisation() {
		return core.Invalid("tenant.settings_inherited")
	}
	diff, err := policy.ComparePreset(in.Preset, t.Settings)
	if err != nil {
		return err
	}
	for _, d := range diff {
		if err := out.Result(d); err != nil {
			return err
		}
	}
	return nil
}
