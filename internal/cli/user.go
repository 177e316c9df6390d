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
	"sallyport/internal/i18n"
	"sallyport/internal/policy"
	"sallyport/internal/session"
	"sallyport/internal/signin"
	"sallyport/internal/store"
)

type userCmd struct {
	Create   userCreateCmd   `cmd:"" help:"Make an account with a first password."`
	Invite   userInviteCmd   `cmd:"" help:"Make an account and mail its invitation, or mail a fresh one."`
	List     userListCmd     `cmd:"" help:"List accounts."`
	Show     userShowCmd     `cmd:"" help:"Show an account: roles, second factor, locks, sessions."`
	ResetMFA userResetMFACmd `cmd:"" name:"reset-mfa" help:"End all second factors and sessions of an account."`
	Unlock   userUnlockCmd   `cmd:"" help:"End the timed locks of an account."`
	Disable  userDisableCmd  `cmd:"" help:"Stop an account: nothing of it works until it is enabled."`
	Enable   userEnableCmd   `cmd:"" help:"Give a disabled account back what it was."`
}

// person are the flags that describe a new account.
type person struct {
	Email  string   `required:"" help:"Its e-mail address."`
	Login  string   `help:"Its login; the e-mail address when not given."`
	Name   string   `help:"The person's name; the login when not given."`
	Tenant string   `help:"Id or name of its organisation; the platform when not given."`
	Role   []string `help:"Role on that organisation, several with commas: ${roles}." sep:","`
	Locale string   `help:"Language: ${languages}; the organisation's when not given."`
}

type newUserIn struct {
	Email      string      `json:"email"`
	Login      string      `json:"login,omitempty"`
	Name       string      `json:"name"`
	Tenant     string      `json:"tenant,omitempty"`
	Roles      []core.Role `json:"roles,omitempty"`
	Locale     string      `json:"locale,omitempty"`
	Password   string      `json:"password,omitempty"`
	MustChange bool        `json:"must_change,omitempty"`
	DryRun     bool        `json:"dry_run,omitempty"`
}

func (v person) in() (newUserIn, error) {
	in := newUserIn{Email: v.Email, Login: v.Login, Name: v.Name, Tenant: v.Tenant, Locale: v.Locale}
	if in.Name == "" {
		in.Name = v.Login
	}
	if in.Name == "" {
		in.Name, _, _ = strings.Cut(v.Email, "@")
	}
	for _, r := range v.Role {
		role := core.Role(strings.TrimSpace(r))
		if !slices.Contains(core.Roles, role) {
			return in, usage("there is no role %q; there are %s", r, roleNames())
		}
		in.Roles = append(in.Roles, role)
	}
	if v.Locale != "" && !i18n.Known(v.Locale) {
		return in, usage("there is no language %q; there are %s", v.Locale, languageTags())
	}
	return in, nil
}

func roleNames() string {
	var names []string
	for _, r := range core.Roles {
		names = append(names, string(r))
	}
	return strings.Join(names, ", ")
}

func languageTags() string {
	var tags []string
	for _, l := range i18n.Languages() {
		tags = append(tags, l.Tag)
	}
	return strings.Join(tags, ", ")
}

// userOut is an account as it is listed.
type userOut struct {
	ID     core.UserID    `json:"id,omitempty"`
	Login  string         `json:"login"`
	Name   string         `json:"name"`
	Email  string         `json:"email,omitempty"`
	Tenant core.TenantID  `json:"tenant"`
	Kind   core.UserKind  `json:"kind"`
	State  core.UserState `json:"state"`
	Locale string         `json:"locale,omitempty"`
	MFA    core.MFAStatus `json:"mfa_status,omitempty"`
	DryRun bool           `json:"dry_run,omitempty"`
	URL    string         `json:"url,omitempty"`
	Until  time.Time      `json:"until,omitzero"`
}

func userAnswer(u core.User) userOut {
	return userOut{ID: u.ID, Login: u.Login, Name: u.Name, Email: u.Email, Tenant: u.Tenant, Kind: u.Kind, State: u.State, Locale: u.Locale}
}

func (in newUserIn) wish(ctx context.Context, h *app.House) (directory.NewUser, error) {
	t, err := nodeOr(ctx, h, in.Tenant)
	return directory.NewUser{Tenant: t.ID, Login: in.Login, Email: in.Email, Name: in.Name, Locale: in.Locale, Roles: in.Roles}, err
}

type userCreateCmd struct {
	person
	PasswordFile string `help:"File whose first line is the first password; else it is read from stdin." placeholder:"FILE"`
	MustChange   bool   `help:"The password has to be changed at the first sign-in."`
	dry
}

func (*userCreateCmd) Help() string {
	return "The password comes from a file or from stdin, and the rules of passwords apply. Whoever makes an account like this vouches for its mailbox. " +
		"An invitation (user invite) lets people choose their password themselves."
}

func (v *userCreateCmd) Run(s *shell) error {
	in, err := v.in()
	if err != nil {
		return err
	}
	in.DryRun, in.MustChange = v.DryRun, v.MustChange
	if in.Password, err = s.secret(v.PasswordFile, "the first password", true); err != nil {
		return err
	}
	u, err := one[userOut](s, "user.create", how{hasher: true}, in)
	if err != nil {
		return err
	}
	if err := s.madeUser(u, v.DryRun); err != nil || v.DryRun {
		return err
	}
	s.next("sallyport user show %s", u.Login)
	return nil
}

func (s *shell) madeUser(u userOut, dryRun bool) error {
	return s.result(u, func(w io.Writer) {
		if dryRun {
			fmt.Fprintf(w, "would create the account %s (%s) in %s\n", plain(u.Login), plain(u.Name), u.Tenant)
			return
		}
		fmt.Fprintln(w, u.ID)
	})
}

func farUserCreate(ctx context.Context, h *app.House, in newUserIn, out *answers) error {
	wish, err := in.wish(ctx, h)
	if err != nil {
		return err
	}
	if in.DryRun {
		u, eff, err := h.Directory.CheckUser(ctx, wish, access.Shell())
		if err != nil {
			return err
		}
		if err := signin.CheckPassword(u, eff, in.Password); err != nil {
			return err
		}
		o := userAnswer(u)
		o.ID, o.State, o.DryRun = "", core.UserValidated, true
		return out.Result(o)
	}
	u, err := h.CreateUser(ctx, wish, in.Password, in.MustChange, access.Shell())
	if err != nil {
		return err
	}
	return out.Result(userAnswer(u))
}

type userInviteCmd struct {
	Again     string   `arg:"" optional:"" help:"Login or id of an account whose invitation is open: mails a fresh link." name:"login"`
	Email     string   `help:"E-mail address of a new account."`
	Login     string   `name:"login" help:"Its login; the e-mail address when not given."`
	Name      string   `help:"The person's name; the login when not given."`
	Tenant    string   `help:"Id or name of its organisation; the platform when not given."`
	Role      []string `help:"Role on that organisation, several with commas: ${roles}." sep:","`
	Locale    string   `help:"Language: ${languages}; the organisation's when not given."`
	PrintLink bool     `help:"Print the link too, for handing it over yourself."`
	dry
}

func (v *userInviteCmd) Run(s *shell) error {
	var u userOut
	var err error
	switch {
	case v.Again != "" && v.Email != "":
		return usage("name an account to invite again, or give --email for a new one, not both")
	case v.Again != "":
		u, err = one[userOut](s, "user.reinvite", how{}, userIn{User: v.Again, DryRun: v.DryRun})
	case v.Email == "":
		return usage("missing flags: --email=STRING")
	default:
		var in newUserIn
		if in, err = (person{Email: v.Email, Login: v.Login, Name: v.Name, Tenant: v.Tenant, Role: v.Role, Locale: v.Locale}).in(); err != nil {
			return err
		}
		in.DryRun = v.DryRun
		u, err = one[userOut](s, "user.invite", how{}, in)
	}
	if err != nil {
		return err
	}
	link := u.URL
	if !v.PrintLink {
		u.URL = ""
	}
	if v.DryRun {
		return s.result(u, func(w io.Writer) {
			fmt.Fprintf(w, "would invite %s (%s) into %s, by mail to %s\n", plain(u.Login), plain(u.Name), u.Tenant, u.Email)
		})
	}
	if err := s.result(u, func(w io.Writer) {
		if v.PrintLink {
			fmt.Fprintln(w, link)
		} else {
			fmt.Fprintln(w, u.ID)
		}
	}); err != nil {
		return err
	}
	s.say("the invitation is on its way to %s and good until %s", u.Email, u.Until.Local().Format("2 January 2006, 15:04"))
	s.next("sallyport user show %s", u.Login)
	return nil
}

func farUserInvite(ctx context.Context, h *app.House, in newUserIn, out *answers) error {
	wish, err := in.wish(ctx, h)
	if err != nil {
		return err
	}
	if in.DryRun {
		u, _, err := h.Directory.CheckUser(ctx, wish, access.Shell())
		if err != nil {
			return err
		}
		o := userAnswer(u)
		o.ID, o.DryRun = "", true
		return out.Result(o)
	}
	made, err := h.Directory.Invite(ctx, wish, access.Shell(), core.Client{})
	return invited(h, made, err, out)
}

func farUserReinvite(ctx context.Context, h *app.House, in userIn, out *answers) error {
	u, err := h.Directory.FindUser(ctx, in.User)
	if err != nil {
		return err
	}
	if in.DryRun {
		if u.State != core.UserInvited {
			return core.NewFault(core.KindConflict, "invitation.not_pending")
		}
		o := userAnswer(u)
		o.DryRun = true
		return out.Result(o)
	}
	made, err := h.Directory.Reinvite(ctx, u.ID, access.Shell(), core.Client{})
	return invited(h, made, err, out)
}

func invited(h *app.House, made directory.Invited, err error, out *answers) error {
	if err != nil {
		return err
	}
	o := userAnswer(made.User)
	o.URL, o.Until = h.BaseURL()+made.Path, made.Till
	return out.Result(o)
}

type userListCmd struct {
	Tenant string `help:"Id or name of an organisation; all when not given."`
	State  string `enum:",invited,validated,active,disabled" default:"" help:"Only accounts in this state: invited, validated, active or disabled."`
	MFA    bool   `name:"mfa" help:"Show the status of the second factor too; takes longer."`
	Limit  int    `default:"1000" help:"At most this many (${default})."`
	Cursor string `help:"Go on behind this account: next_cursor of the list before." placeholder:"ID"`
}

// usersListed is a list that may go on.
type usersListed struct {
	items[userOut]
	Next core.UserID `json:"next_cursor,omitempty"` // there are more behind this one
}

type userListIn struct {
	Tenant string         `json:"tenant,omitempty"`
	State  core.UserState `json:"state,omitempty"`
	MFA    bool           `json:"mfa,omitempty"`
	Limit  int            `json:"limit"`
	After  core.UserID    `json:"after,omitempty"`
}

func (v *userListCmd) Run(s *shell) error {
	if v.Limit < 1 {
		return usage("--limit must be at least 1")
	}
	if v.Cursor != "" && !strings.HasPrefix(v.Cursor, core.PrefixUser+"_") {
		return usage("--cursor is the id of an account, as next_cursor of a list has it")
	}
	list := usersListed{items: items[userOut]{Items: []userOut{}}}
	// One more than is shown tells whether there are more.
	err := each(s, "user.list", how{}, userListIn{v.Tenant, core.UserState(v.State), v.MFA, v.Limit + 1, core.UserID(v.Cursor)},
		func(u userOut) error { list.Items = append(list.Items, u); return nil })
	if err != nil {
		return err
	}
	if len(list.Items) > v.Limit {
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
	of := core.TenantID("")
	if in.Tenant != "" {
		t, err := h.Directory.FindTenant(ctx, in.Tenant)
		if err != nil {
			return err
		}
		of = t.ID
	}
	shown := 0
	return eachUser(ctx, h, of, in.After, func(u core.User) (bool, error) {
		if in.State != "" && u.State != in.State {
			return true, nil
		}
		o := userAnswer(u)
		if in.MFA {
			var err error
			if o.MFA, err = mfaStatus(ctx, h, u); err != nil {
				return false, err
			}
		}
		shown++
		return shown < in.Limit, out.Result(o)
	})
}

// eachUser goes through the accounts of a tenant, or of all, that are not
// deleted and come after one, until fn says no.
func eachUser(ctx context.Context, h *app.House, of core.TenantID, after core.UserID, fn func(core.User) (bool, error)) error {
	const page = 500
	for {
		var users []core.User
		var err error
		if of == "" {
			users, err = h.Store.AllUsers(ctx, after, page)
		} else {
			err = h.Store.View(ctx, of, func(r store.Reader) error { users, err = r.Users(after, page); return err })
		}
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

// userIn names an account for the shorter verbs.
type userIn struct {
	User   string `json:"user"`
	DryRun bool   `json:"dry_run,omitempty"`
}

// found finds the account that a verb names.
func found(ctx context.Context, h *app.House, word string) (core.User, error) {
	u, err := h.Directory.FindUser(ctx, word)
	if errors.Is(err, core.ErrNotFound) {
		err = core.NewFault(core.KindNotFound, "user.unknown").With("user", word)
	}
	return u, err
}
