package cli

import (
	"context"
	"errors"
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
	"sallyport/internal/store"
)

// tenantIn names a node.
type tenantIn struct {
	Tenant string `json:"tenant,omitempty"`
}

type tenantListCmd struct {
	Under       string `help:"Id or name of a node: only its branch." placeholder:"NAME"`
	Name        string `help:"Only nodes whose name begins with this." placeholder:"TEXT"`
	Kind        string `enum:",platform,partner,folder,customer,unit" default:"" help:"Only this kind: platform, partner, folder, customer or unit."`
	Mode        string `enum:",trial,production" default:"" help:"Only trial or production."`
	State       string `enum:",active,suspended,deleted" default:"" help:"Only active, suspended or deleted; deleted nodes are shown when asked for."`
	Requirement string `enum:",organization,selected_apps,per_user,off" default:"" help:"Only organisations that require MFA so: organization, selected_apps, per_user or off."`
}

type tenantListIn struct {
	Under       string           `json:"under,omitempty"`
	Name        string           `json:"name,omitempty"`
	Kind        core.TenantKind  `json:"kind,omitempty"`
	Mode        core.TenantMode  `json:"mode,omitempty"`
	State       core.TenantState `json:"state,omitempty"`
	Requirement string           `json:"requirement,omitempty"`
}

// filtered reports whether nodes are looked for, instead of the tree shown.
func (in tenantListIn) filtered() bool { in.Under = ""; return in != tenantListIn{} }

func (v *tenantListCmd) Run(s *shell) error {
	in := tenantListIn{v.Under, v.Name, core.TenantKind(v.Kind), core.TenantMode(v.Mode), core.TenantState(v.State), v.Requirement}
	list := items[tenantOut]{Items: []tenantOut{}}
	err := each(s, "tenant.list", how{}, in, func(t tenantOut) error { list.Items = append(list.Items, t); return nil })
	if err != nil {
		return err
	}
	err = s.result(list, func(w io.Writer) {
		t := table(w)
		fmt.Fprintln(t, "NAME\tKIND\tMODE\tSTATE\tID")
		for _, n := range list.Items {
			depth := depthOf(n.Path) - depthOf(list.Items[0].Path)
			if in.filtered() {
				depth = 0
			}
			fmt.Fprintf(t, "%s%s\t%s\t%s\t%s\t%s\n", strings.Repeat("  ", depth), plain(n.Name), n.Kind, n.Mode, n.State, n.ID)
		}
		t.Flush()
	})
	switch {
	case err != nil:
	case in.State == core.TenantDeleted && len(list.Items) > 0:
		s.next("sallyport tenant restore %s", list.Items[0].ID)
	case !in.filtered() && len(list.Items) <= 1:
		s.next("sallyport tenant create --name NAME")
	}
	return err
}

func depthOf(path string) int { return strings.Count(path, "/") }

func farTenantList(ctx context.Context, h *app.House, in tenantListIn, out *answers) error {
	branch, err := branchOf(ctx, h, in.Under)
	if err != nil {
		return err
	}
	if in.Requirement != "" {
		if err := h.Tree.Fill(ctx, branch[0].ID); err != nil {
			return err
		}
	}
	for _, t := range branch {
		fits, err := in.fits(ctx, h, t)
		if err != nil {
			return err
		}
		if !fits {
			continue
		}
		if err := out.Result(tenantAnswer(t)); err != nil {
			return err
		}
	}
	return nil
}

func (in tenantListIn) fits(ctx context.Context, h *app.House, t core.Tenant) (bool, error) {
	switch {
	case in.Kind != "" && t.Kind != in.Kind, in.Mode != "" && t.Mode != in.Mode, !strings.HasPrefix(strings.ToLower(t.Name), strings.ToLower(in.Name)):
		return false, nil
	case in.State != "" && t.State != in.State, in.State == "" && t.State == core.TenantDeleted:
		return false, nil
	case in.Requirement == "":
		return true, nil
	case !t.Kind.IsOrganisation():
		return false, nil
	}
	e, err := h.Tree.Effective(ctx, t.ID)
	if err != nil || in.Requirement == "off" {
		return len(e.Settings.Requirement) == 0, err
	}
	return slices.Contains(e.Settings.Requirement, core.Requirement(in.Requirement)), nil
}

// branchOf are a node and all below it, deleted ones too, children right behind their
// parent; the whole tree without a word.
func branchOf(ctx context.Context, h *app.House, word string) ([]core.Tenant, error) {
	top, err := nodeOr(ctx, h, word)
	if err != nil {
		return nil, err
	}
	all, err := h.Store.AllTenants(ctx)
	if err != nil {
		return nil, err
	}
	all = treeOrder(all)
	return slices.DeleteFunc(all, func(t core.Tenant) bool { return !strings.HasPrefix(t.Path, top.Path) }), nil
}

// living leaves out what was deleted.
func living(all []core.Tenant) []core.Tenant {
	return slices.DeleteFunc(slices.Clone(all), func(t core.Tenant) bool { return t.State == core.TenantDeleted })
}

type tenantTreeCmd struct {
	Under string `arg:"" optional:"" help:"Id or name of the node on top; the platform when not given." name:"tenant"`
}

// tenantRow is a node with how MFA stands there and how far its whole branch is.
type tenantRow struct {
	tenantOut
	Requirement []core.Requirement `json:"requirement"`
	LockedBy    *policy.TenantName `json:"locked_by,omitempty"`
	bars
}

func (v *tenantTreeCmd) Run(s *shell) error {
	list := items[tenantRow]{Items: []tenantRow{}}
	err := each(s, "tenant.tree", how{}, tenantIn{v.Under}, func(t tenantRow) error { list.Items = append(list.Items, t); return nil })
	if err != nil {
		return err
	}
	err = s.result(list, func(w io.Writer) {
		t := table(w)
		fmt.Fprintln(t, "NAME\tKIND\tMODE\tSTATE\tMFA\tHAVE IT\tID")
		for _, n := range list.Items {
			mfa := ""
			if n.Kind.IsOrganisation() {
				mfa = requirementWords(n.Requirement)
				if n.LockedBy != nil {
					mfa += ", locked"
				}
			}
			depth := depthOf(n.Path) - depthOf(list.Items[0].Path)
			fmt.Fprintf(t, "%s%s\t%s\t%s\t%s\t%s\t%s\t%s\n", strings.Repeat("  ", depth), plain(n.Name), n.Kind, n.Mode, n.State, mfa, n.bars, n.ID)
		}
		t.Flush()
	})
	if err == nil && len(list.Items) > 0 {
		s.next("sallyport tenant show %s", list.Items[len(list.Items)-1].ID)
	}
	return err
}

func requirementWords(r []core.Requirement) string {
	if len(r) == 0 {
		return "off"
	}
	return strings.ReplaceAll(joined(r), " ", ", ")
}

func farTenantTree(ctx context.Context, h *app.House, in tenantIn, out *answers) error {
	branch, err := branchOf(ctx, h, in.Tenant)
	if err != nil {
		return err
	}
	if err := h.Tree.Fill(ctx, branch[0].ID); err != nil {
		return err
	}
	for _, t := range living(branch) {
		e, err := h.Tree.Effective(ctx, t.ID)
		if err != nil {
			return err
		}
		p, _, err := h.Directory.Branch(ctx, t.ID, access.Shell())
		if err != nil {
			return err
		}
		row := tenantRow{tenantOut: tenantAnswer(t), Requirement: append([]core.Requirement{}, e.Settings.Requirement...), bars: barsOf(p)}
		if e.Locked {
			row.LockedBy = nameOfTenant(e.LockedBy)
		}
		if err := out.Result(row); err != nil {
			return err
		}
	}
	return nil
}

func nameOfTenant(t core.Tenant) *policy.TenantName {
	if t.ID == "" {
		return nil
	}
	return &policy.TenantName{ID: t.ID, Name: t.Name}
}

type tenantShowCmd struct {
	Tenant string `arg:"" name:"tenant" help:"Id or name."`
}

type tenantShown struct {
	tenantOut
	Above          *policy.TenantName `json:"parent_name,omitempty"`
	Organisation   *policy.TenantName `json:"organisation"`
	Children       int                `json:"children"`
	Administrators int                `json:"administrators"`
	// FirstAdministrator: there is none who can sign in; one can be invited from above.
	FirstAdministrator bool        `json:"first_administrator,omitempty"`
	Acting             []actingOut `json:"acting"`
	Created            time.Time   `json:"created_at"`
	Deleted            time.Time   `json:"deleted_at,omitzero"`
	MFA                *mfaOut     `json:"mfa,omitempty"`
}

func (v *tenantShowCmd) Run(s *shell) error {
	o, err := one[tenantShown](s, "tenant.show", how{}, tenantIn{v.Tenant})
	if err != nil {
		return err
	}
	err = s.result(o, func(w io.Writer) {
		t := table(w)
		row := func(name, format string, args ...any) {
			fmt.Fprintf(t, "%s\t"+format+"\n", append([]any{name}, args...)...)
		}
		row("name", "%s", plain(o.Name))
		row("id", "%s", o.ID)
		kind := string(o.Kind)
		if o.Mode != "" {
			kind += ", " + string(o.Mode)
		}
		if !o.TrialEnds.IsZero() {
			kind += " until " + when(o.TrialEnds)
		}
		row("kind", "%s", kind)
		state := string(o.State)
		if !o.Deleted.IsZero() {
			state += " " + when(o.Deleted)
		}
		row("state", "%s", state)
		if o.Above != nil {
			row("under", "%s (%s)", plain(o.Above.Name), o.Above.ID)
		}
		if o.Organisation.ID != o.ID {
			row("organisation", "%s (%s)", plain(o.Organisation.Name), o.Organisation.ID)
		}
		if o.ManagedBy != "" {
			row("managed by", "%s", o.ManagedBy)
		}
		if o.Support != "" {
			row("support access", "%s", o.Support)
		}
		for _, a := range o.Acting {
			row("  acting", "%s of %s until %s: %s (%s)", plain(a.Login), plain(a.From), when(a.Until), plain(a.Reason), a.Session)
		}
		row("nodes below it", "%d", o.Children)
		if o.Organisation.ID == o.ID {
			row("administrators", "%d", o.Administrators)
		}
		row("created", "%s", when(o.Created))
		if o.MFA != nil {
			o.MFA.rows(row)
		}
		t.Flush()
	})
	switch {
	case err != nil:
	case o.State == core.TenantDeleted:
		s.next("sallyport tenant restore %s", o.ID)
	case o.FirstAdministrator:
		s.next("sallyport tenant first-administrator %s --email WHO@EXAMPLE.COM --name \"WHO\"", o.ID)
	}
	return err
}

func farTenantShow(ctx context.Context, h *app.House, in tenantIn, out *answers) error {
	t, err := findTenant(ctx, h, in.Tenant)
	if err != nil {
		return err
	}
	o := tenantShown{tenantOut: tenantAnswer(t), Created: t.CreatedAt, Deleted: t.DeletedAt, Acting: []actingOut{}}
	err = h.Store.View(ctx, t.ID, func(r store.Reader) error {
		line, err := r.Line()
		if err != nil {
			return err
		}
		for _, up := range line {
			switch up.ID {
			case t.Parent:
				o.Above = nameOfTenant(up)
			}
			if up.ID == t.Organisation {
				o.Organisation = nameOfTenant(up)
			}
		}
		below, err := r.Below()
		if err != nil {
			return err
		}
		o.Children = max(0, len(living(below))-1)
		all, err := r.Administrators(t.ID)
		o.Administrators = len(all)
		return err
	})
	if err != nil || t.State == core.TenantDeleted {
		return errors.Join(err, out.Result(o))
	}
	if t.ID == t.Organisation {
		if o.FirstAdministrator, err = h.Directory.MayInviteFirst(ctx, t.ID, access.Shell()); err != nil {
			return err
		}
		if o.Acting, err = actingIn(ctx, h, t); err != nil {
			return err
		}
	}
	m, err := mfaOf(ctx, h, t)
	if err != nil {
		return err
	}
	o.MFA = &m
	return out.Result(o)
}

// findTenant finds a node by its id or name; a deleted one where no other has the
// name.
func findTenant(ctx context.Context, h *app.House, word string) (core.Tenant, error) {
	t, err := h.Directory.FindTenant(ctx, word)
	if f, ok := core.AsFault(err); ok && f.Code == "tenant.unknown" {
		if gone, again := deletedTenant(ctx, h, word); again == nil {
			return gone, nil
		}
	}
	return t, err
}

// deletedTenant finds a node that can be brought back, by its id or name.
func deletedTenant(ctx context.Context, h *app.House, word string) (core.Tenant, error) {
	if strings.HasPrefix(word, core.PrefixTenant+"_") {
		return h.Directory.FindTenant(ctx, word)
	}
	root, err := h.Tree.Root(ctx)
	if err != nil {
		return core.Tenant{}, err
	}
	var hits []core.Tenant
	for p := (store.Page{Limit: 200}); ; {
		nodes, next, err := h.Directory.Deleted(ctx, root, word, p, access.Shell())
		if err != nil {
			return core.Tenant{}, err
		}
		for _, t := range nodes {
			if directory.Confirmed(word, t.Name) {
				hits = append(hits, t)
			}
		}
		if p.After = next; next == "" {
			break
		}
	}
	switch len(hits) {
	case 1:
		return hits[0], nil
	case 0:
		return core.Tenant{}, core.NewFault(core.KindNotFound, "tenant.unknown").With("tenant", word)
	}
	return core.Tenant{}, core.Invalid("tenant.ambiguous", "tenant", word, "count", len(hits))
}
