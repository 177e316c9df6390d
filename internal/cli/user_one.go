package cli

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"time"

	"sallyport/internal/app"
	"sallyport/internal/core"
	"sallyport/internal/directory"
	"sallyport/internal/outbox"
)

type userShowCmd struct {
	User string `arg:"" name:"login" help:"Login or id."`
}

type userShown struct {
	userOut
	Tenants     string        `json:"tenant_name"`
	Roles       []roleShown   `json:"roles"`
	Required    bool          `json:"mfa_required"`
	By          string        `json:"mfa_required_by,omitempty"`
	Since       time.Time     `json:"mfa_required_since,omitzero"`
	Due         time.Time     `json:"mfa_due_at,omitzero"`
	Password    bool          `json:"has_password"`
	PasswordSet time.Time     `json:"password_set_at,omitzero"`
	LockedUntil time.Time     `json:"password_locked_until,omitzero"`
	Factors     []factorShown `json:"factors"`
	CodesLocked time.Time     `json:"codes_locked_until,omitzero"`
	Sessions    int           `json:"sessions"`
	Browsers    int           `json:"known_browsers"`
	Trusted     []browserOut  `json:"trusted_browsers"`
	Invited     time.Time     `json:"invitation_until,omitzero"`
	Waiting     string        `json:"email_waiting,omitempty"`
	Pass        time.Time     `json:"pass_until,omitzero"`
	Service     *serviceFacts `json:"service,omitempty"`
	LastSignIn  string        `json:"last_sign_in_day,omitempty"` // no time: see core.User.LastSignIn
	Created     time.Time     `json:"created_at"`
}

type roleShown struct {
	Role core.Role `json:"role"`
	// Name is that of a custom role.
	Name   string        `json:"name,omitempty"`
	Tenant core.TenantID `json:"tenant"`
	On     string        `json:"tenant_name"`
}

func (r roleShown) called() string {
	if r.Name != "" {
		return plain(r.Name)
	}
	return string(r.Role)
}

// browserOut is a browser that a person trusts.
type browserOut struct {
	ID      core.BrowserID `json:"id"`
	Device  string         `json:"device,omitempty"`
	Place   string         `json:"place,omitempty"`
	Seen    time.Time      `json:"last_seen_at"`
	Trusted time.Time      `json:"trusted_at"`
	Until   time.Time      `json:"trusted_until,omitzero"`
}

type factorShown struct {
	ID          core.FactorID    `json:"id"`
	Kind        core.FactorKind  `json:"kind"`
	State       core.FactorState `json:"state"`
	Dead        bool             `json:"dead"`
	Failures    int              `json:"failures"`
	LockedUntil time.Time        `json:"locked_until,omitzero"`
	CreatedAt   time.Time        `json:"created_at"`
	LastUsedAt  time.Time        `json:"last_used_at,omitzero"`
}

func (v *userShowCmd) Run(s *shell) error {
	u, err := one[userShown](s, "user.show", how{}, userIn{User: v.User})
	if err != nil {
		return err
	}
	return s.result(u, func(w io.Writer) {
		t := table(w)
		row := func(name string, format string, args ...any) {
			fmt.Fprintf(t, "%s\t"+format+"\n", append([]any{name}, args...)...)
		}
		row("login", "%s", plain(u.Login))
		row("name", "%s", plain(u.Name))
		row("e-mail", "%s", plain(u.Email))
		row("id", "%s", u.ID)
		row("organisation", "%s (%s)", plain(u.Tenants), u.Tenant)
		row("state", "%s", u.State)
		for _, r := range u.Roles {
			row("role", "%s on %s (%s)", r.called(), plain(r.On), r.Tenant)
		}
		required := "not required"
		if u.Required {
			required = "required by " + plain(u.By)
			if !u.Since.IsZero() {
				required += " since " + when(u.Since)
			}
		}
		if !u.Due.IsZero() {
			required += ", due " + when(u.Due)
		}
		row("second factor", "%s, %s", u.MFA, required)
		for _, f := range u.Factors {
			state := string(f.State)
			if f.Dead {
				state += ", dead: only a reset helps"
			}
			if !f.LockedUntil.IsZero() {
				state += ", locked until " + when(f.LockedUntil)
			}
			row("  "+string(f.Kind), "%s, last used %s", state, when(f.LastUsedAt))
		}
		password := "none"
		if u.Password {
			password = "set " + when(u.PasswordSet)
		}
		if !u.LockedUntil.IsZero() {
			password += ", locked until " + when(u.LockedUntil)
		}
		row("password", "%s", password)
		if !u.CodesLocked.IsZero() {
			row("codes", "locked until %s", when(u.CodesLocked))
		}
		if !u.Invited.IsZero() {
			row("invitation", "good until %s", when(u.Invited))
		}
		if u.Waiting != "" {
			row("new address", "%s waits to be confirmed", plain(u.Waiting))
		}
		if !u.Pass.IsZero() {
			row("temporary pass", "not used, good until %s", when(u.Pass))
		}
		if u.Service != nil {
			u.Service.rows(row)
		}
		row("sessions", "%d", u.Sessions)
		row("known browsers", "%d", u.Browsers)
		for _, b := range u.Trusted {
			until := "without an end"
			if !b.Until.IsZero() {
				until = "until " + when(b.Until)
			}
			row("  trusted", "%s, %s, last seen %s (%s)", plain(cmp.Or(b.Device, "a browser")), until, when(b.Seen), b.ID)
		}
		last := "never"
		if u.LastSignIn != "" {
			last = "on " + u.LastSignIn + " or within a day of it"
		}
		row("last sign-in", "%s", last)
		row("created", "%s", when(u.Created))
		t.Flush()
	})
}

// lastDay is the day of the last sign-in, or "".
func lastDay(u core.User) string {
	at := u.LastSignIn()
	if at.IsZero() {
		return ""
	}
	return at.UTC().Format(time.DateOnly)
}

func farUserShow(ctx context.Context, h *app.House, in userIn, out *answers) error {
	u, err := found(ctx, h, in.User)
	if err != nil {
		return err
	}
	d, err := detailOf(ctx, h, u)
	if err != nil {
		return err
	}
	return out.Result(shownOf(d, h.Clock.Now()))
}

func shownOf(d directory.Detail, now time.Time) userShown {
	u := d.User
	o := userShown{userOut: userAnswer(u), Tenants: d.Tenant.Name, Roles: rolesShown(d), Required: d.Stand.Required, By: d.Stand.By.Name, Due: d.Stand.DueAt,
		Password: d.HasPassword, PasswordSet: d.PasswordSetAt, LockedUntil: d.PasswordLocked, CodesLocked: d.CodesLocked, Factors: []factorShown{},
		Sessions: len(d.Sessions), Browsers: len(d.Browsers), Trusted: []browserOut{}, Waiting: d.Waiting, Pass: d.PassUntil, LastSignIn: lastDay(u), Created: u.CreatedAt}
	o.MFA = d.Stand.Status
	if o.Required {
		o.Since = d.Stand.Since
	}
	for _, f := range d.Factors {
		shown := factorShown{ID: f.ID, Kind: f.Kind, State: f.State, Dead: f.Budget.Dead(), Failures: f.Budget.Consecutive, CreatedAt: f.CreatedAt, LastUsedAt: f.LastUsedAt}
		// What is dead is not locked: no time ends it. Recovery codes share one budget.
		switch {
		case f.Kind == core.FactorRecoveryCode:
			shown.LockedUntil = d.CodesLocked
		case !f.Budget.Dead() && f.Budget.Locked(now):
			shown.LockedUntil = f.Budget.LockedUntil
		}
		o.Factors = append(o.Factors, shown)
	}
	for _, b := range d.Browsers {
		if b.Trusted(now) {
			o.Trusted = append(o.Trusted, browserOut{b.ID, outbox.Device(b.Agent), b.Place, b.SeenAt, b.TrustedAt, b.TrustedUntil})
		}
	}
	if d.Invited != nil && d.Invited.State(now) == core.TokenGood {
		o.Invited = d.Invited.ExpiresAt
	}
	if d.Service != nil {
		o.Service = factsShown(*d.Service, now)
	}
	return o
}

func rolesShown(d directory.Detail) []roleShown {
	out := []roleShown{}
	for _, r := range d.Roles {
		out = append(out, roleShown{r.Grant.Role, r.Name, r.Grant.Tenant, r.On.Name})
	}
	return out
}

func (v *userRolesListCmd) Run(s *shell) error {
	list := items[roleShown]{Items: []roleShown{}}
	err := each(s, "user.roles.list", how{}, userIn{User: v.User}, func(r roleShown) error { list.Items = append(list.Items, r); return nil })
	if err != nil {
		return err
	}
	return s.result(list, func(w io.Writer) {
		t := table(w)
		fmt.Fprintln(t, "ROLE\tON\tTENANT\tID")
		for _, r := range list.Items {
			fmt.Fprintf(t, "%s\t%s\t%s\t%s\n", r.called(), plain(r.On), r.Tenant, r.Role)
		}
		t.Flush()
	})
}

func farUserRoles(ctx context.Context, h *app.House, in userIn, out *answers) error {
	u, err := found(ctx, h, in.User)
	if err != nil {
		return err
	}
	d, err := detailOf(ctx, h, u)
	if err != nil {
		return err
	}
	for _, r := range rolesShown(d) {
		if err := out.Result(r); err != nil {
			return err
		}
	}
	return nil
}

// sessionOut is one place where somebody is signed in.
type sessionOut struct {
	ID      core.SessionID `json:"id"`
	Device  string         `json:"device,omitempty"`
	Address string         `json:"address,omitempty"`
	Level   core.Level     `json:"level"`
	Acting  core.TenantID  `json:"acting_in,omitempty"`
	Since   time.Time      `json:"since"`
	Seen    time.Time      `json:"last_seen_at"`
	Until   time.Time      `json:"until"`
}

func (v *userSessionsListCmd) Run(s *shell) error {
	list := items[sessionOut]{Items: []sessionOut{}}
	err := each(s, "user.sessions.list", how{}, userIn{User: v.User}, func(o sessionOut) error { list.Items = append(list.Items, o); return nil })
	if err != nil {
		return err
	}
	err = s.result(list, func(w io.Writer) {
		t := table(w)
		fmt.Fprintln(t, "SINCE\tLAST SEEN\tDEVICE\tADDRESS\tLEVEL\tID")
		for _, o := range list.Items {
			fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\n", when(o.Since), when(o.Seen), plain(o.Device), plain(o.Address), o.Level, o.ID)
		}
		t.Flush()
	})
	if err == nil && len(list.Items) > 0 {
		s.next("sallyport user sessions end %s", v.User)
	}
	return err
}

func farUserSessions(ctx context.Context, h *app.House, in userIn, out *answers) error {
	u, err := found(ctx, h, in.User)
	if err != nil {
		return err
	}
	d, err := detailOf(ctx, h, u)
	if err != nil {
		return err
	}
	for _, s := range d.Sessions {
		o := sessionOut{s.ID, outbox.Device(s.Doc.Agent), s.Doc.Address, s.Level, s.ActingIn, s.CreatedAt, s.LastSeenAt, s.ExpiresAt}
		if err := out.Result(o); err != nil {
			return err
		}
	}
	return nil
}
