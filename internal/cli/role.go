package cli

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"sallyport/internal/access"
	"sallyport/internal/app"
	"sallyport/internal/core"
	"sallyport/internal/directory"
	"sallyport/internal/store"
)

type roleCmd struct {
	List    roleListCmd    `cmd:"" help:"Show the roles that there are, with what they may do."`
	Holders roleHoldersCmd `cmd:"" help:"Show who holds which role on a node and below."`
	Create  roleCreateCmd  `cmd:"" help:"Make a custom role: a shipped one with fewer rights."`
	Change  roleChangeCmd  `cmd:"" help:"Change the name or the rights of a custom role, at once for everybody who holds it."`
	Delete  roleDeleteCmd  `cmd:"" help:"Delete a custom role that nobody holds."`
}

type roleOut struct {
	Role    core.Role     `json:"role"`
	Name    string        `json:"name,omitempty"`
	Base    core.Role     `json:"base,omitempty"`
	Tenant  core.TenantID `json:"tenant,omitempty"`
	Rights  []string      `json:"rights"`
	Holders int           `json:"holders"`
}

type roleListCmd struct {
	Tenant string `help:"Id or name of a node: the custom roles of its organisation too, and how many hold each there." placeholder:"NAME"`
}

func (v *roleListCmd) Run(s *shell) error {
	list := items[roleOut]{Items: []roleOut{}}
	if err := each(s, "role.list", how{}, tenantIn{v.Tenant}, func(r roleOut) error { list.Items = append(list.Items, r); return nil }); err != nil {
		return err
	}
	return s.result(list, func(w io.Writer) {
		t := table(w)
		fmt.Fprintln(t, "ROLE\tNAME\tBASE\tHELD BY\tRIGHTS")
		for _, r := range list.Items {
			held := "-"
			if v.Tenant != "" {
				held = fmt.Sprint(r.Holders)
			}
			fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\n", r.Role, plain(r.Name), r.Base, held, strings.Join(r.Rights, " "))
		}
		t.Flush()
	})
}

func farRoleList(ctx context.Context, h *app.House, in tenantIn, out *answers) error {
	times := map[core.Role]int{}
	var custom []core.CustomRole
	if in.Tenant != "" {
		t, err := h.Directory.FindTenant(ctx, in.Tenant)
		if err != nil {
			return err
		}
		held, made, err := h.Directory.Holders(ctx, t.ID, access.Shell())
		if err != nil {
			return err
		}
		for _, x := range held {
			times[x.Grant.Role]++
		}
		custom = made
	}
	return listRoles(custom, times, out)
}

// listRoles answers the roles that ship and then those of an organisation's own.
func listRoles(custom []core.CustomRole, times map[core.Role]int, out *answers) error {
	for _, r := range core.Roles {
		o := roleOut{Role: r, Rights: []string{}, Holders: times[r]}
		for _, right := range access.Rights(r) {
			o.Rights = append(o.Rights, string(right))
		}
		if err := out.Result(o); err != nil {
			return err
		}
	}
	for _, c := range custom {
		if err := out.Result(roleOut{c.ID, c.Name, c.Base, c.Tenant, c.Rights, times[c.ID]}); err != nil {
			return err
		}
	}
	return nil
}

type roleHoldersCmd struct {
	Tenant string `help:"Id or name of the node; the platform when not given." placeholder:"NAME"`
}

type holderOut struct {
	User   core.UserID   `json:"user"`
	Login  string        `json:"login"`
	Name   string        `json:"name"`
	Role   core.Role     `json:"role"`
	Called string        `json:"role_name,omitempty"`
	On     core.TenantID `json:"on"`
	OnName string        `json:"on_name"`
	Home   core.TenantID `json:"tenant"`
}

func (v *roleHoldersCmd) Run(s *shell) error {
	list := items[holderOut]{Items: []holderOut{}}
	if err := each(s, "role.holders", how{}, tenantIn{v.Tenant}, func(o holderOut) error { list.Items = append(list.Items, o); return nil }); err != nil {
		return err
	}
	err := s.result(list, func(w io.Writer) {
		t := table(w)
		fmt.Fprintln(t, "LOGIN\tNAME\tROLE\tON\tTENANT")
		for _, o := range list.Items {
			role := string(o.Role)
			if o.Called != "" {
				role = plain(o.Called)
			}
			fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\n", plain(o.Login), plain(o.Name), role, plain(o.OnName), o.On)
		}
		t.Flush()
	})
	if err == nil && len(list.Items) == 0 {
		s.next("sallyport user roles grant LOGIN ROLE --on TENANT")
	}
	return err
}

func farRoleHolders(ctx context.Context, h *app.House, in tenantIn, out *answers) error {
	t, err := nodeOr(ctx, h, in.Tenant)
	if err != nil {
		return err
	}
	held, custom, err := h.Directory.Holders(ctx, t.ID, access.Shell())
	if err != nil {
		return err
	}
	names := map[core.TenantID]string{}
	for _, x := range held {
		o := holderOut{User: x.User.ID, Login: x.User.Login, Name: x.User.Name, Role: x.Grant.Role, On: x.Grant.Tenant, Home: x.User.Tenant}
		for _, c := range custom {
			if c.ID == o.Role {
				o.Called = c.Name
			}
		}
		name, known := names[o.On]
		if !known {
			if name, err = nameOf(ctx, h, o.On); err != nil {
				return err
			}
			names[o.On] = name
		}
		o.OnName = name
		if err := out.Result(o); err != nil {
			return err
		}
	}
	return nil
}

// nameOf is what a node is called.
func nameOf(ctx context.Context, h *app.House, id core.TenantID) (name string, err error) {
	err = h.Store.View(ctx, id, func(r store.Reader) error {
		t, err := r.Tenant()
		name = t.Name
		return err
	})
	return name, err
}

// customRole finds a custom role of a node's organisation, or of one above, by its
// id or, when only one has it, its name.
func customRole(ctx context.Context, h *app.House, at core.TenantID, word string) (core.CustomRole, error) {
	place, err := h.Tree.Place(ctx, at)
	if err != nil {
		return core.CustomRole{}, err
	}
	var hits []core.CustomRole
	for _, o := range slices.Backward(place.Line) {
		var all []core.CustomRole
		if err := h.Store.View(ctx, o.ID, func(r store.Reader) (err error) { all, err = r.CustomRoles(); return err }); err != nil {
			return core.CustomRole{}, err
		}
		for _, c := range all {
			if string(c.ID) == word {
				return c, nil
			}
			if strings.EqualFold(c.Name, strings.TrimSpace(word)) {
				hits = append(hits, c)
			}
		}
	}
	switch len(hits) {
	case 1:
		return hits[0], nil
	case 0:
		return core.CustomRole{}, core.Invalid("role.unknown", "role", word)
	}
	return core.CustomRole{}, core.Invalid("role.ambiguous", "role", word, "count", len(hits))
}

type roleIn struct {
	Tenant string `json:"tenant,omitempty"`
	changing
	Role   string    `json:"role,omitempty"`
	Base   core.Role `json:"base,omitempty"`
	Name   string    `json:"name,omitempty"`
	Rights []string  `json:"rights,omitempty"`
}

type roleCreateCmd struct {
	Tenant string    `required:"" help:"Id or name of the organisation that makes it." placeholder:"NAME"`
	Name   string    `required:"" help:"Its name."`
	Base   core.Role `required:"" help:"The shipped role that it has fewer rights than: ${roles}." placeholder:"ROLE"`
	Right  []string  `required:"" help:"A right that it has, several with commas (role list shows them)." placeholder:"RIGHT" sep:","`
	dry
}

func (v *roleCreateCmd) Run(s *shell) error {
	return s.do(write{verb: "role.create", dry: v.dry,
		in: func(c changing) any {
			return roleIn{Tenant: v.Tenant, changing: c, Base: v.Base, Name: v.Name, Rights: rightsOf(v.Right)}
		},
		next: func(c changed) string { return "sallyport user roles grant LOGIN " + c.ID + " --on " + v.Tenant }})
}

func rightsOf(words []string) (out []string) {
	for _, w := range words {
		out = append(out, strings.TrimSpace(w))
	}
	return out
}

func farRoleCreate(ctx context.Context, h *app.House, in roleIn, out *answers) error {
	t, err := h.Directory.FindTenant(ctx, in.Tenant)
	if err != nil {
		return err
	}
	n := directory.NewRole{Tenant: t.ID, Base: in.Base, Name: in.Name, Rights: in.Rights}
	r, err := journeysOf(h, in.changing).dir.MakeRole(ctx, n, access.Shell(), core.Client{})
	if err != nil {
		return err
	}
	o := changed{ID: string(r.ID), Name: r.Name, DryRun: in.DryRun,
		Changes: []string{fmt.Sprintf("make a role of %s like %s with %s", t.Name, r.Base, count(len(r.Rights), "right", "rights"))}}
	if in.DryRun {
		o.ID = ""
	}
	return out.Result(o)
}

type roleChangeCmd struct {
	Role   string   `arg:"" name:"role" help:"Id or name of the role."`
	Tenant string   `required:"" help:"Id or name of the organisation that made it." placeholder:"NAME"`
	Name   string   `help:"Another name."`
	Right  []string `help:"The rights that it shall have, all of them, several with commas." placeholder:"RIGHT" sep:","`
	dry
	sure
}

func (v *roleChangeCmd) Run(s *shell) error {
	if v.Name == "" && len(v.Right) == 0 {
		return usage("say what to change: --name or --right")
	}
	return s.do(write{verb: "role.change", dry: v.dry, sure: &v.sure,
		in: func(c changing) any {
			return roleIn{Tenant: v.Tenant, changing: c, Role: v.Role, Name: v.Name, Rights: rightsOf(v.Right)}
		},
		next: func(changed) string { return "sallyport role list --tenant " + v.Tenant }})
}

func farRoleChange(ctx context.Context, h *app.House, in roleIn, out *answers) error {
	t, had, err := ownRole(ctx, h, in)
	if err != nil {
		return err
	}
	n := directory.NewRole{Tenant: t.ID, Base: had.Base, Name: had.Name, Rights: had.Rights}
	o := changed{ID: string(had.ID), Name: had.Name, Changes: []string{}, Version: had.Version, DryRun: in.DryRun}
	if in.Name != "" && in.Name != had.Name {
		n.Name, o.Changes = in.Name, append(o.Changes, fmt.Sprintf("name it %q", in.Name))
	}
	if len(in.Rights) > 0 {
		n.Rights = in.Rights
		for _, r := range in.Rights {
			if !slices.Contains(had.Rights, r) {
				o.Changes = append(o.Changes, "give it "+r)
			}
		}
		for _, r := range had.Rights {
			if !slices.Contains(in.Rights, r) {
				o.Changes = append(o.Changes, "take "+r+" from it")
			}
		}
	}
	if len(o.Changes) == 0 {
		return out.Result(o)
	}
	if err := in.fresh(had.Version); err != nil {
		return err
	}
	if _, err := journeysOf(h, in.changing).dir.ChangeRole(ctx, had.ID, n, access.Shell(), core.Client{}); err != nil {
		return err
	}
	return out.Result(o)
}

// ownRole finds a custom role that an organisation made itself.
func ownRole(ctx context.Context, h *app.House, in roleIn) (core.Tenant, core.CustomRole, error) {
	t, err := h.Directory.FindTenant(ctx, in.Tenant)
	if err != nil {
		return t, core.CustomRole{}, err
	}
	r, err := customRole(ctx, h, t.ID, in.Role)
	if err == nil && r.Tenant != t.ID {
		err = core.Invalid("role.unknown", "role", in.Role)
	}
	return t, r, err
}

type roleDeleteCmd struct {
	Role   string `arg:"" name:"role" help:"Id or name of the role."`
	Tenant string `required:"" help:"Id or name of the organisation that made it." placeholder:"NAME"`
	dry
	sure
}

func (v *roleDeleteCmd) Run(s *shell) error {
	return s.do(write{verb: "role.delete", dry: v.dry, sure: &v.sure,
		in:   func(c changing) any { return roleIn{Tenant: v.Tenant, changing: c, Role: v.Role} },
		next: func(changed) string { return "sallyport role list --tenant " + v.Tenant }})
}

func farRoleDelete(ctx context.Context, h *app.House, in roleIn, out *answers) error {
	t, r, err := ownRole(ctx, h, in)
	if err != nil {
		return err
	}
	if err := in.fresh(r.Version); err != nil {
		return err
	}
	if err := journeysOf(h, in.changing).dir.DeleteRole(ctx, t.ID, r.ID, access.Shell(), core.Client{}); err != nil {
		return err
	}
	return out.Result(changed{ID: string(r.ID), Name: r.Name, Version: r.Version, DryRun: in.DryRun, Changes: []string{"delete the role"}})
}
