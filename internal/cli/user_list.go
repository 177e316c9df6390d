package cli

import (
	"cmp"
	"context"
	"encoding/csv"
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
	"sallyport/internal/session"
	"sallyport/internal/store"
)

type userListCmd struct {
	Tenant string `help:"Id or name of a node: its people and those below it within its organisation; all when not given."`
	State  string `enum:",invited,validated,active,disabled" default:"" help:"Only accounts in this state: invited, validated, active or disabled."`
	Status string `enum:",enabled,setup_required,pending_validation,disabled,service_account,not_applicable,inactive" default:"" help:"Only those whose second factor stands so: enabled, setup_required, pending_validation, disabled, service_account, not_applicable; inactive are disabled accounts."`
	Search string `help:"Only those whose login, name or address begins with this." placeholder:"TEXT"`
	MFA    bool   `name:"mfa" help:"Show the status of the second factor too; takes longer."`
	Limit  int    `default:"1000" help:"At most this many (${default}); 0 is all."`
	Cursor string `help:"Go on behind this account: next_cursor of the list before." placeholder:"ID"`
	Format string `enum:"table,csv,json" default:"table" help:"table, csv or json (${default})."`
}

func (*userListCmd) Help() string {
	return "With --status, --search, --tenant or --format csv the list is that of the console, with the same counts."
}

// usersListed is a list that may go on.
type usersListed struct {
	items[userRow]
	Next core.UserID `json:"next_cursor,omitempty"` // there are more behind this one
}

type userListIn struct {
	Tenant string         `json:"tenant,omitempty"`
	State  core.UserState `json:"state,omitempty"`
	Status core.MFAStatus `json:"status,omitempty"`
	Search string         `json:"search,omitempty"`
	MFA    bool           `json:"mfa,omitempty"`
	// Whole asks for all that a row of the console's file has.
	Whole bool        `json:"whole,omitempty"`
	Limit int         `json:"limit"`
	After core.UserID `json:"after,omitempty"`
}

// narrowed reports whether the people are asked for as the console does.
func (in userListIn) narrowed() bool {
	return in.Tenant != "" || in.Status != "" || in.Search != "" || in.Whole
}

// userRow is an account of a list. What stands behind userOut comes with --format csv
// and with filters only.
type userRow struct {
	userOut
	DueAt      time.Time         `json:"due_at,omitzero"`
	Methods    []core.FactorKind `json:"methods,omitempty"`
	Roles      []core.Role       `json:"roles,omitempty"`
	Flags      []string          `json:"flags,omitempty"`
	LastSignIn string            `json:"last_sign_in_day,omitempty"`
}

var userColumns = []string{"id", "login", "name", "email", "tenant", "kind", "state", "mfa_status", "due_at", "methods", "roles", "flags", "last_sign_in_day"}

func (u userRow) cells() []string {
	return []string{string(u.ID), u.Login, u.Name, u.Email, string(u.Tenant), string(u.Kind), string(u.State), string(u.MFA), instant(u.DueAt), joined(u.Methods),
		joined(u.Roles), joined(u.Flags), u.LastSignIn}
}

// instant is a time as files have one.
func instant(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

func joined[T ~string](words []T) string {
	var out []string
	for _, w := range words {
		out = append(out, string(w))
	}
	return strings.Join(out, " ")
}

// sheet writes rows as CSV, a line at once. A cell that begins like a formula gets an
// apostrophe, or opening the file would run what somebody chose as their name.
type sheet struct{ w *csv.Writer }

func newSheet(w io.Writer, header []string) (sheet, error) {
	s := sheet{csv.NewWriter(w)}
	return s, s.line(slices.Clone(header))
}

func (s sheet) line(cells []string) error {
	for i, c := range cells {
		if c != "" && strings.ContainsRune("=+-@\t\r", rune(c[0])) {
			cells[i] = "'" + c
		}
	}
	return s.w.Write(cells)
}

func (s sheet) end() error { s.w.Flush(); return s.w.Error() }

func (v *userListCmd) Run(s *shell) error {
	if v.Limit < 0 {
		return usage("--limit must not be negative")
	}
	if v.Cursor != "" && !strings.HasPrefix(v.Cursor, core.PrefixUser+"_") {
		return usage("--cursor is the id of an account, as next_cursor of a list has it")
	}
	in := userListIn{v.Tenant, core.UserState(v.State), core.MFAStatus(v.Status), v.Search, v.MFA, v.Format == "csv", v.Limit, core.UserID(v.Cursor)}
	if v.Format == "csv" {
		if s.JSON {
			return usage("--format csv and --json are two things; give one of them")
		}
		out, err := newSheet(s.Out, userColumns)
		if err != nil {
			return err
		}
		if err := each(s, "user.list", how{}, in, func(u userRow) error { return out.line(u.cells()) }); err != nil {
			return err
		}
		return out.end()
	}
	s.JSON = s.JSON || v.Format == "json"
	list := usersListed{items: items[userRow]{Items: []userRow{}}}
	if v.Limit > 0 {
		in.Limit++ // one more than is shown tells whether there are more
	}
	if err := each(s, "user.list", how{}, in, func(u userRow) error { list.Items = append(list.Items, u); return nil }); err != nil {
		return err
	}
	if v.Limit > 0 && len(list.Items) > v.Limit {
		list.Items = list.Items[:v.Limit]
		list.Next = list.Items[v.Limit-1].ID
	}
	return s.result(list, func(w io.Writer) {
		t := table(w)
		fmt.Fprintln(t, "LOGIN\tNAME\tSTATE\tMFA\tTENANT\tID")
		for _, u := range list.Items {
			fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\n", plain(u.Login), plain(u.Name), u.State, u.MFA, u.Tenant, u.ID)
		}
		t.Flush()
		if list.Next != "" {
			s.say("%d are shown, and there are more: --limit shows more at once, --cursor %s the next", v.Limit, list.Next)
		}
	})
}

func farUserList(ctx context.Context, h *app.House, in userListIn, out *answers) error {
	shown := 0
	show := func(u userRow) (bool, error) {
		if in.State != "" && u.State != in.State {
			return true, nil
		}
		shown++
		return in.Limit == 0 || shown < in.Limit, out.Result(u)
	}
	if in.narrowed() {
		// Such a list has an order of its own, in which the cursor is found again.
		there := in.After == ""
		err := eachListed(ctx, h, in, func(u userRow) (bool, error) {
			if !there {
				there = u.ID == in.After
				return true, nil
			}
			return show(u)
		})
		if err == nil && !there {
			return fmt.Errorf("%s is not in this list (any more); begin it anew without --cursor", in.After)
		}
		return err
	}
	return eachUser(ctx, h, in.After, func(u core.User) (bool, error) {
		o := userRow{userOut: userAnswer(u)}
		if in.MFA {
			var err error
			if o.MFA, err = mfaStatus(ctx, h, u); err != nil {
				return false, err
			}
		}
		return show(o)
	})
}

// eachListed goes through people as the console lists them, organisation by
// organisation where no node is named.
func eachListed(ctx context.Context, h *app.House, in userListIn, fn func(userRow) (bool, error)) error {
	nodes, err := organisations(ctx, h, in.Tenant)
	if err != nil {
		return err
	}
	for _, id := range nodes {
		for q := (directory.PeopleQuery{Status: in.Status, Prefix: in.Search, Limit: directory.MostPeople}); ; {
			page, err := h.Directory.People(ctx, id, q, access.Shell())
			if err != nil {
				return err
			}
			for _, p := range page.People {
				row, err := rowOf(ctx, h, p)
				if err != nil {
					return err
				}
				if more, err := fn(row); err != nil || !more {
					return err
				}
			}
			if page.Next == "" {
				break
			}
			q.After = page.Next
		}
	}
	return nil
}

// organisations are the one node that a word names, or every organisation that there
// is.
func organisations(ctx context.Context, h *app.House, word string) (out []core.TenantID, err error) {
	if word != "" {
		t, err := h.Directory.FindTenant(ctx, word)
		return []core.TenantID{t.ID}, err
	}
	all, err := h.Store.AllTenants(ctx)
	for _, t := range living(all) {
		if t.Kind.IsOrganisation() {
			out = append(out, t.ID)
		}
	}
	return out, err
}

func rowOf(ctx context.Context, h *app.House, p directory.Person) (userRow, error) {
	o := userRow{userOut: userAnswer(p.User), DueAt: p.DueAt, LastSignIn: lastDay(p.User)}
	o.MFA = p.Status // of a disabled account what it would be
	for _, g := range p.Roles {
		o.Roles = append(o.Roles, g.Role)
	}
	return o, h.Store.View(ctx, p.User.Tenant, func(r store.Reader) error {
		factors, err := r.Factors(p.User.ID)
		if err != nil {
			return err
		}
		flag := func(name string, yes bool) {
			if yes && !slices.Contains(o.Flags, name) {
				o.Flags = append(o.Flags, name)
			}
		}
		for budget, name := range map[string]string{"password": "password_locked", "codes": "factor_locked"} {
			b, err := r.Budget(p.User.ID, budget)
			if err != nil {
				return err
			}
			flag(name, b.Locked(r.Now()))
		}
		for _, f := range factors {
			if f.State != core.FactorConfirmed || f.Kind == core.FactorRecoveryCode {
				continue
			}
			if !slices.Contains(o.Methods, f.Kind) {
				o.Methods = append(o.Methods, f.Kind)
			}
			flag("factor_locked", f.Budget.Locked(r.Now()))
			flag("factor_dead", f.Budget.Dead())
		}
		slices.SortFunc(o.Flags, func(a, b string) int { return -cmp.Compare(a, b) })
		return nil
	})
}

// eachUser goes through all accounts that are not deleted and come after one, until
// fn says no.
func eachUser(ctx context.Context, h *app.House, after core.UserID, fn func(core.User) (bool, error)) error {
	const page = 500
	for {
		users, err := h.Store.AllUsers(ctx, after, page)
		if err != nil {
			return err
		}
		for _, u := range users {
			after = u.ID
			if u.State == core.UserDeleted {
				continue
			}
			if more, err := fn(u); err != nil || !more {
				return err
			}
		}
		if len(users) < page {
			return nil
		}
	}
}

func mfaStatus(ctx context.Context, h *app.House, u core.User) (core.MFAStatus, error) {
	eff, err := h.Tree.Effective(ctx, u.Tenant)
	if err != nil {
		return "", err
	}
	var status core.MFAStatus
	err = h.Store.View(ctx, u.Tenant, func(r store.Reader) error {
		factors, err := r.Factors(u.ID)
		if err != nil {
			return err
		}
		who, err := session.Who(r, u, factors, eff)
		status = policy.Status(who, eff)
		return err
	})
	return status, err
}
