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
	"sallyport/internal/signin"
)

type userCmd struct {
	Create   userCreateCmd   `cmd:"" help:"Make an account with a first password."`
	Invite   userInviteCmd   `cmd:"" help:"Make an account and mail its invitation, or mail a fresh one."`
	List     userListCmd     `cmd:"" help:"List accounts, all or those that fit."`
	Show     userShowCmd     `cmd:"" help:"Show an account: roles, second factor, locks, sessions."`
	ResetMFA userResetMFACmd `cmd:"" name:"reset-mfa" help:"End all second factors and sessions of an account."`
	Unlock   userUnlockCmd   `cmd:"" help:"End the timed locks of an account."`
	Disable  userDisableCmd  `cmd:"" help:"Stop an account: nothing of it works until it is enabled."`
	Enable   userEnableCmd   `cmd:"" aliases:"reactivate" help:"Give a disabled account back what it was."`
	Change   userChangeCmd   `cmd:"" help:"Change the name, the address or the language of an account."`
	Move     userMoveCmd     `cmd:"" help:"Put an account into another tenant."`
	Delete   userDeleteCmd   `cmd:"" help:"Delete an account for good."`
	Untrust  userUntrustCmd  `cmd:"" help:"Take the trust from an account's browsers: they are asked for a code again."`
	Pass     userPassCmd     `cmd:"" help:"Make a temporary pass for somebody who is locked out."`
	Convert  userConvertCmd  `cmd:"" help:"Make a person's account a service account."`
	Sessions userSessionsCmd `cmd:"" help:"Where an account is signed in."`
	Apps     userAppsCmd     `cmd:"" help:"Which apps an account uses."`
	Roles    userRolesCmd    `cmd:"" help:"What an account may do."`
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
		u, err = one[userOut](s, "user.reinvite", how{}, userIn{User: v.Again, changing: changing{DryRun: v.DryRun}})
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
	return s.invited(u, v.PrintLink, v.DryRun)
}

// invited says that somebody is invited, or would be.
func (s *shell) invited(u userOut, printLink, dryRun bool) error {
	link := u.URL
	if !printLink {
		u.URL = ""
	}
	if dryRun {
		return s.result(u, func(w io.Writer) {
			fmt.Fprintf(w, "would invite %s (%s) into %s, by mail to %s\n", plain(u.Login), plain(u.Name), u.Tenant, u.Email)
		})
	}
	if err := s.result(u, func(w io.Writer) {
		if printLink {
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

// found finds the account that a verb names.
func found(ctx context.Context, h *app.House, word string) (core.User, error) {
	u, err := h.Directory.FindUser(ctx, word)
	if errors.Is(err, core.ErrNotFound) {
		err = core.NewFault(core.KindNotFound, "user.unknown").With("user", word)
	}
	return u, err
}
