package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/app"
	"sallyport/internal/core"
	"sallyport/internal/directory"
	"sallyport/internal/secret"
	"sallyport/internal/signin"
	"sallyport/internal/store"
)

type serviceCmd struct {
	Create  serviceCreateCmd  `cmd:"" help:"Make a service account with its password."`
	List    serviceListCmd    `cmd:"" help:"List service accounts: who answers for each, until when, last used when."`
	Show    serviceShowCmd    `cmd:"" help:"Show a service account."`
	Change  serviceChangeCmd  `cmd:"" help:"Change what is kept of a service account: owner, reason, end, networks."`
	Convert serviceConvertCmd `cmd:"" help:"Make a service account a person's account again."`
	Replace serviceReplaceCmd `cmd:"" help:"Make an API client that takes its place, side by side until nobody uses the account."`
	Keep    serviceKeepCmd    `cmd:"" help:"Let an account go on that an API client was to replace."`
	Delete  serviceDeleteCmd  `cmd:"" help:"Delete a service account for good."`
}

// facts are the flags that say what a service account is for.
type facts struct {
	Owner   *string  `help:"Who answers for it: login or id of a person." placeholder:"LOGIN"`
	Reason  *string  `help:"Why it exists."`
	Expires *string  `help:"When it ends: 2027-01-31 or an RFC 3339 time; never is no end." placeholder:"DATE"`
	Network []string `help:"From where it may come, an address or CIDR; several with commas; anywhere is no limit." placeholder:"CIDR" sep:","`
}

// factsIn are facts as they were said; what was not said stays as it is.
type factsIn struct {
	Owner    *string    `json:"owner,omitempty"`
	Reason   *string    `json:"reason,omitempty"`
	Expires  *time.Time `json:"expires,omitempty"` // the zero time: no end
	Networks *[]string  `json:"networks,omitempty"`
}

func (v facts) in() (factsIn, error) {
	f := factsIn{Owner: v.Owner, Reason: v.Reason}
	if v.Expires != nil {
		at, err := dateOf(*v.Expires)
		if err != nil {
			return f, err
		}
		f.Expires = &at
	}
	if len(v.Network) > 0 {
		list := v.Network
		if len(list) == 1 && strings.EqualFold(list[0], "anywhere") {
			list = []string{}
		}
		f.Networks = &list
	}
	return f, nil
}

// dateOf reads when something ends. A day ends with its night, in UTC.
func dateOf(text string) (time.Time, error) {
	if strings.EqualFold(text, "never") {
		return time.Time{}, nil
	}
	if day, err := time.Parse(time.DateOnly, text); err == nil {
		return day.AddDate(0, 0, 1), nil
	}
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return at, usage("--expires: %q is neither a day like 2027-01-31 nor a time like 2027-01-31T18:00:00Z", text)
	}
	return at, nil
}

// over lays what was said over what is kept.
func (f *factsIn) over(ctx context.Context, h *app.House, had core.Service) (directory.ServiceFacts, error) {
	out := directory.ServiceFacts{Owner: had.Owner, Reason: had.Reason, ExpiresAt: had.ExpiresAt, Networks: had.Networks}
	if f == nil {
		return out, nil
	}
	if f.Owner != nil {
		u, err := found(ctx, h, *f.Owner)
		if err != nil {
			return out, err
		}
		out.Owner = u.ID
	}
	if f.Reason != nil {
		out.Reason = *f.Reason
	}
	if f.Expires != nil {
		out.ExpiresAt = *f.Expires
	}
	if f.Networks != nil {
		out.Networks = *f.Networks
	}
	return out, nil
}

// serviceFacts are what is kept of a service account.
type serviceFacts struct {
	Owner    core.UserID `json:"owner"`
	Reason   string      `json:"reason"`
	Expires  time.Time   `json:"expires_at,omitzero"`
	Networks []string    `json:"networks"`
	LastUsed time.Time   `json:"last_used_at,omitzero"`
	UsedFrom string      `json:"last_used_from,omitempty"`
	Over     bool        `json:"over,omitempty"` // its time has run out
	// Heir is the API client that takes its place, Retires when it is stopped if nobody
	// uses it until then.
	Heir    core.ClientID `json:"replaced_by,omitempty"`
	Retires time.Time     `json:"retires_at,omitzero"`
	// OwnerLogin is who that is, where it is known.
	OwnerLogin string `json:"owner_login,omitempty"`
}

func factsShown(s core.Service, now time.Time) *serviceFacts {
	return &serviceFacts{Owner: s.Owner, Reason: s.Reason, Expires: s.ExpiresAt, Networks: append([]string{}, s.Networks...), LastUsed: s.LastUsedAt, UsedFrom: s.UsedFrom, Over: s.Over(now),
		Heir: s.Heir, Retires: directory.RetiresAt(s)}
}

func (f serviceFacts) from() string {
	if len(f.Networks) == 0 {
		return "anywhere"
	}
	return strings.Join(f.Networks, ", ")
}

func (f serviceFacts) until() string {
	switch {
	case f.Expires.IsZero():
		return "without an end"
	case f.Over:
		return "over since " + when(f.Expires)
	}
	return "until " + when(f.Expires)
}

func (f serviceFacts) owner() string {
	if f.OwnerLogin != "" {
		return plain(f.OwnerLogin)
	}
	return string(f.Owner)
}

func (f serviceFacts) rows(row func(name, format string, args ...any)) {
	row("owner", "%s", f.owner())
	row("reason", "%s", plain(f.Reason))
	row("good", "%s", f.until())
	row("comes from", "%s", plain(f.from()))
	row("last used", "%s", usedFrom(f.LastUsed, f.UsedFrom))
	if f.Heir != "" {
		row("replaced by", "%s", f.Heir)
	}
	if !f.Retires.IsZero() {
		row("stopped", "%s, if nobody uses it until then", when(f.Retires))
	}
}

type serviceOut struct {
	userOut
	serviceFacts
	// Secret is a password that nobody chose, shown once.
	Secret string `json:"secret,omitempty"`
}

type serviceCreateCmd struct {
	Login        string   `required:"" help:"Its login."`
	Name         string   `help:"Its name; the login when not given."`
	Email        string   `help:"Where notices about it go; nowhere when not given."`
	Tenant       string   `help:"Id or name of its organisation; the platform when not given."`
	Role         []string `help:"Role on that organisation, several with commas: ${roles}." sep:","`
	PasswordFile string   `help:"File whose first line is the password; else it is read from stdin." placeholder:"FILE"`
	Generate     bool     `help:"Make a password and print it, once, instead of reading one."`
	facts
	dry
	sure
}

func (*serviceCreateCmd) Help() string {
	return "For integrations that cannot show a second factor. It comes in with login and password at the API and never on a page. " +
		"The password comes from a file, from stdin or with --generate. Every platform administrator is told."
}

type serviceIn struct {
	newUserIn
	Facts    factsIn `json:"facts"`
	Generate bool    `json:"generate,omitempty"`
}

func (v *serviceCreateCmd) Run(s *shell) error {
	f, err := v.facts.in()
	if err != nil {
		return err
	}
	if f.Owner == nil || f.Reason == nil {
		return usage("say who answers for it and why it exists: --owner and --reason")
	}
	in := serviceIn{Facts: f, Generate: v.Generate}
	if in.newUserIn, err = (person{Email: v.Email, Login: v.Login, Name: v.Name, Tenant: v.Tenant, Role: v.Role}).in(); err != nil {
		return err
	}
	in.DryRun = true
	if !v.Generate {
		if in.Password, err = s.secret(v.PasswordFile, "the password", true); err != nil {
			return err
		}
	}
	u, err := one[serviceOut](s, "service.create", how{hasher: true}, in)
	if err != nil {
		return err
	}
	if v.DryRun {
		return s.result(u, func(w io.Writer) {
			fmt.Fprintf(w, "would create the service account %s (%s) in %s, for which %s answers, %s, from %s\n", plain(u.Login), plain(u.Name), u.Tenant,
				u.owner(), u.until(), plain(u.from()))
		})
	}
	if err := s.confirm(v.Yes, "", "%s: this will make a service account, which is asked for no second factor, and tell every platform administrator.", plain(u.Login)); err != nil {
		return err
	}
	in.DryRun = false
	if u, err = one[serviceOut](s, "service.create", how{hasher: true}, in); err != nil {
		return err
	}
	if err := s.result(u, func(w io.Writer) {
		if u.Secret != "" {
			// Alone on stdout, so that it can go where it belongs.
			fmt.Fprintln(w, u.Secret)
			s.say("%s", u.ID)
			return
		}
		fmt.Fprintln(w, u.ID)
	}); err != nil {
		return err
	}
	s.next("sallyport service-account show %s", u.Login)
	return nil
}

func farServiceCreate(ctx context.Context, h *app.House, in serviceIn, out *answers) error {
	wish, err := in.newUserIn.wish(ctx, h)
	if err != nil {
		return err
	}
	f, err := in.Facts.over(ctx, h, core.Service{})
	if err != nil {
		return err
	}
	u, kept, eff, err := h.Directory.CheckService(ctx, wish, f, access.Shell())
	if err != nil {
		return err
	}
	word := in.Password
	if in.Generate {
		word = secret.Token()
	}
	if err := signin.CheckPassword(u, eff, word); err != nil {
		return err
	}
	o := serviceOut{userOut: userAnswer(u), serviceFacts: *factsShown(kept, h.Clock.Now())}
	if err := nameOwner(ctx, h, &o.serviceFacts); err != nil {
		return err
	}
	if in.DryRun {
		o.ID, o.DryRun = "", true
		_, err := h.Directory.Dry().CreateService(ctx, u, kept, eff, wish.Roles, core.Password{}, access.Shell(), core.Client{})
		if err != nil {
			return err
		}
		return out.Result(o)
	}
	made, err := h.SignIn.MakePassword(ctx, u, eff, word, signin.Visitor{})
	if err != nil {
		return err
	}
	if _, err := h.Directory.CreateService(ctx, u, kept, eff, wish.Roles, made, access.Shell(), core.Client{}); err != nil {
		return err
	}
	if in.Generate {
		o.Secret = word
	}
	if err := loud(ctx, h, changing{}, "service-account create", u.Login, string(u.ID)); err != nil {
		return err
	}
	return out.Result(o)
}

func nameOwner(ctx context.Context, h *app.House, f *serviceFacts) error {
	if f.Owner == "" {
		return nil
	}
	u, err := h.Store.FindUser(ctx, f.Owner)
	if errors.Is(err, core.ErrNotFound) {
		return nil
	}
	if u.State != core.UserDeleted {
		f.OwnerLogin = u.Login
	}
	return err
}

type serviceListCmd struct {
	Tenant string `help:"Id or name of a node: its service accounts and those below it within its organisation; all when not given."`
}

func (v *serviceListCmd) Run(s *shell) error {
	list := items[serviceOut]{Items: []serviceOut{}}
	in := userListIn{Tenant: v.Tenant}
	if err := each(s, "service.list", how{}, in, func(o serviceOut) error { list.Items = append(list.Items, o); return nil }); err != nil {
		return err
	}
	err := s.result(list, func(w io.Writer) {
		t := table(w)
		fmt.Fprintln(t, "LOGIN\tNAME\tOWNER\tGOOD\tCOMES FROM\tLAST USED\tTENANT")
		for _, o := range list.Items {
			fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", plain(o.Login), plain(o.Name), o.owner(), o.until(), plain(o.from()), usedFrom(o.LastUsed, o.UsedFrom), o.Tenant)
		}
		t.Flush()
	})
	if err == nil && len(list.Items) == 0 {
		s.next("sallyport service-account create --login LOGIN --owner LOGIN --reason WHY --generate")
	}
	return err
}

func farServiceList(ctx context.Context, h *app.House, in userListIn, out *answers) error {
	nodes, err := organisations(ctx, h, in.Tenant)
	if err != nil {
		return err
	}
	for _, id := range nodes {
		for q := (directory.PeopleQuery{Status: core.MFAServiceAccount, Limit: directory.MostPeople}); ; {
			page, err := h.Directory.People(ctx, id, q, access.Shell())
			if err != nil {
				return err
			}
			for _, p := range page.People {
				if err := answerService(ctx, h, p.User, out); err != nil {
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

func answerService(ctx context.Context, h *app.House, u core.User, out *answers) error {
	o := serviceOut{userOut: userAnswer(u)}
	err := h.Store.View(ctx, u.Tenant, func(r store.Reader) error {
		s, err := r.Service(u.ID)
		if errors.Is(err, core.ErrNotFound) {
			err = nil // one that was imported has no facts
		}
		o.serviceFacts = *factsShown(s, r.Now())
		return err
	})
	if err == nil {
		err = nameOwner(ctx, h, &o.serviceFacts)
	}
	if err != nil {
		return err
	}
	o.MFA = core.MFAServiceAccount
	return out.Result(o)
}

type serviceShowCmd struct {
	User string `arg:"" name:"login" help:"Login or id."`
}

func (v *serviceShowCmd) Run(s *shell) error {
	o, err := one[serviceOut](s, "service.show", how{}, userIn{User: v.User})
	if err != nil {
		return err
	}
	return s.result(o, func(w io.Writer) {
		t := table(w)
		row := func(name, format string, args ...any) {
			fmt.Fprintf(t, "%s\t"+format+"\n", append([]any{name}, args...)...)
		}
		row("login", "%s", plain(o.Login))
		row("name", "%s", plain(o.Name))
		if o.Email != "" {
			row("e-mail", "%s", plain(o.Email))
		}
		row("id", "%s", o.ID)
		row("tenant", "%s", o.Tenant)
		row("state", "%s", o.State)
		o.rows(row)
		t.Flush()
	})
}

// service finds a service account; a person is none.
func service(ctx context.Context, h *app.House, word string) (core.User, error) {
	u, err := found(ctx, h, word)
	if err == nil && u.Kind != core.ServiceAccount {
		err = core.NewFault(core.KindConflict, "service.not_one")
	}
	return u, err
}

func farServiceShow(ctx context.Context, h *app.House, in userIn, out *answers) error {
	u, err := service(ctx, h, in.User)
	if err != nil {
		return err
	}
	return answerService(ctx, h, u, out)
}
