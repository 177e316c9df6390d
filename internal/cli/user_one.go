package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/app"
	"sallyport/internal/core"
	"sallyport/internal/enrol"
	"sallyport/internal/policy"
	"sallyport/internal/session"
	"sallyport/internal/store"
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
	Due         time.Time     `json:"mfa_due_at,omitzero"`
	Password    bool          `json:"has_password"`
	PasswordSet time.Time     `json:"password_set_at,omitzero"`
	LockedUntil time.Time     `json:"password_locked_until,omitzero"`
	Factors     []factorShown `json:"factors"`
	Sessions    int           `json:"sessions"`
	Browsers    int           `json:"known_browsers"`
	LastSignIn  string        `json:"last_sign_in_day,omitempty"` // no time: see core.User.LastSignIn
	Created     time.Time     `json:"created_at"`
}

type roleShown struct {
	Role   core.Role     `json:"role"`
	Tenant core.TenantID `json:"tenant"`
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
			row("role", "%s on %s", r.Role, r.Tenant)
		}
		required := "not required"
		if u.Required {
			required = "required by " + plain(u.By)
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
		row("sessions", "%d", u.Sessions)
		row("known browsers", "%d", u.Browsers)
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
	eff, err := h.Tree.Effective(ctx, u.Tenant)
	if err != nil {
		return err
	}
	o := userShown{userOut: userAnswer(u), Roles: []roleShown{}, Factors: []factorShown{}, LastSignIn: lastDay(u), Created: u.CreatedAt}
	err = h.Store.View(ctx, u.Tenant, func(r store.Reader) error {
		at, err := r.Tenant()
		if err != nil {
			return err
		}
		o.Tenants = at.Name
		factors, err := r.Factors(u.ID)
		if err != nil {
			return err
		}
		spare, err := r.Budget(u.ID, "codes")
		if err != nil {
			return err
		}
		for _, f := range factors {
			shown := factorShown{ID: f.ID, Kind: f.Kind, State: f.State, Dead: f.Budget.Dead(), Failures: f.Budget.Consecutive, CreatedAt: f.CreatedAt, LastUsedAt: f.LastUsedAt}
			// What is dead is not locked: no time ends it. Recovery codes share one budget.
			b := f.Budget
			if f.Kind == core.FactorRecoveryCode {
				b = spare
			}
			if !b.Dead() && b.Locked(r.Now()) {
				shown.LockedUntil = b.LockedUntil
			}
			o.Factors = append(o.Factors, shown)
		}
		who, err := session.Who(r, u, factors, eff)
		if err != nil {
			return err
		}
		stand := policy.Standing(who, eff, r.Now())
		o.MFA, o.Required, o.By, o.Due = stand.Status, stand.Required, stand.By.Name, stand.DueAt
		p, err := r.Password(u.ID)
		if err != nil && !errors.Is(err, core.ErrNotFound) {
			return err
		}
		o.Password, o.PasswordSet = p.Hash != "", p.SetAt
		b, err := r.Budget(u.ID, "password")
		if err != nil {
			return err
		}
		if b.Locked(r.Now()) {
			o.LockedUntil = b.LockedUntil
		}
		sessions, err := r.Sessions(u.ID)
		if err != nil {
			return err
		}
		for _, s := range sessions {
			if s.Live(r.Now()) {
				o.Sessions++
			}
		}
		browsers, err := r.Browsers(u.ID)
		o.Browsers = len(browsers)
		return err
	})
	if err != nil {
		return err
	}
	grants, err := h.Store.RolesOf(ctx, u.ID)
	if err != nil {
		return err
	}
	for _, g := range grants {
		o.Roles = append(o.Roles, roleShown{g.Role, g.Tenant})
	}
	return out.Result(o)
}

// oneAccount are the flags of a verb that changes one account.
type oneAccount struct {
	User string `arg:"" name:"login" help:"Login or id."`
	dry
}

// changed is what a verb on one account answers: what it did or would do.
type changed struct {
	ID      core.UserID `json:"id"`
	Login   string      `json:"login"`
	Changes []string    `json:"changes"`
	DryRun  bool        `json:"dry_run,omitempty"`
}

// change runs a verb on one account: first dry, to say and ask, then for good.
func (s *shell) change(name string, v oneAccount, ask *sure) error {
	plan, err := one[changed](s, name, how{}, userIn{User: v.User, DryRun: true})
	if err != nil {
		return err
	}
	if v.DryRun {
		return s.result(plan, func(w io.Writer) {
			if len(plan.Changes) == 0 {
				fmt.Fprintf(w, "nothing would change for %s\n", plain(plan.Login))
			}
			for _, c := range plan.Changes {
				fmt.Fprintf(w, "would %s\n", c)
			}
		})
	}
	if ask != nil && len(plan.Changes) > 0 {
		if err := s.confirm(ask.Yes, "", "%s: this will %s.", plain(plan.Login), strings.Join(plan.Changes, ", ")); err != nil {
			return err
		}
	}
	out, err := one[changed](s, name, how{}, userIn{User: string(plan.ID)})
	if err != nil {
		return err
	}
	if err := s.result(out, func(w io.Writer) {
		if len(out.Changes) == 0 {
			fmt.Fprintf(w, "%s: nothing to change\n", plain(out.Login))
			return
		}
		fmt.Fprintf(w, "%s: done (%s)\n", plain(out.Login), strings.Join(out.Changes, ", "))
	}); err != nil {
		return err
	}
	s.next("sallyport user show %s", out.Login)
	return nil
}

type userResetMFACmd struct {
	oneAccount
	sure
}

func (*userResetMFACmd) Help() string {
	return "The next sign-in asks for the password and, where a rule demands it, for a new second factor. The person and every platform administrator are told by mail."
}

func (v *userResetMFACmd) Run(s *shell) error {
	return s.change("user.reset-mfa", v.oneAccount, &v.sure)
}

func farResetMFA(ctx context.Context, h *app.House, in userIn, out *answers) error {
	u, err := found(ctx, h, in.User)
	if err != nil {
		return err
	}
	o := changed{ID: u.ID, Login: u.Login, DryRun: in.DryRun}
	plan := func(l enrol.Lost) {
		o.Changes = []string{fmt.Sprintf("end %s and %s", count(l.Apps, "second factor", "second factors"), count(l.Codes, "recovery code", "recovery codes")),
			"end every session and forget known browsers", "tell the person and every platform administrator"}
	}
	if in.DryRun {
		err := h.Store.View(ctx, u.Tenant, func(r store.Reader) error {
			factors, err := r.Factors(u.ID)
			plan(enrol.WouldLose(factors))
			return err
		})
		if err != nil {
			return err
		}
		return out.Result(o)
	}
	lost, err := h.Recovery.ResetMFA(ctx, u.ID, access.Shell(), core.Client{})
	if err != nil {
		return err
	}
	if err := h.Recovery.TellOperators(ctx, "sallyport user reset-mfa "+u.Login, string(u.ID)); err != nil {
		return fmt.Errorf("the reset is done, but the administrators could not be told: %w", err)
	}
	plan(lost)
	return out.Result(o)
}

func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

type userUnlockCmd struct{ oneAccount }

func (v *userUnlockCmd) Run(s *shell) error { return s.change("user.unlock", v.oneAccount, nil) }

func farUnlock(ctx context.Context, h *app.House, in userIn, out *answers) error {
	u, err := found(ctx, h, in.User)
	if err != nil {
		return err
	}
	o := changed{ID: u.ID, Login: u.Login, DryRun: in.DryRun, Changes: []string{"end every timed lock of the password and the second factors"}}
	if !in.DryRun {
		if err := h.Directory.Unlock(ctx, u.ID, access.Shell(), core.Client{}); err != nil {
			return err
		}
	}
	return out.Result(o)
}

type userDisableCmd struct {
	oneAccount
	sure
}

func (v *userDisableCmd) Run(s *shell) error { return s.change("user.disable", v.oneAccount, &v.sure) }

func farDisable(ctx context.Context, h *app.House, in userIn, out *answers) error {
	u, err := found(ctx, h, in.User)
	if err != nil {
		return err
	}
	o := changed{ID: u.ID, Login: u.Login, DryRun: in.DryRun}
	if u.State != core.UserDisabled {
		o.Changes = []string{"stop the account", "end its sessions, sign-ins and links", "tell every platform administrator"}
	}
	if in.DryRun || len(o.Changes) == 0 {
		return out.Result(o)
	}
	if err := h.Directory.Disable(ctx, u.ID, access.Shell(), core.Client{}); err != nil {
		return err
	}
	if err := h.Recovery.TellOperators(ctx, "sallyport user disable "+u.Login, string(u.ID)); err != nil {
		return fmt.Errorf("the account is stopped, but the administrators could not be told: %w", err)
	}
	return out.Result(o)
}

type userEnableCmd struct{ oneAccount }

func (v *userEnableCmd) Run(s *shell) error { return s.change("user.enable", v.oneAccount, nil) }

func farEnable(ctx context.Context, h *app.House, in userIn, out *answers) error {
	u, err := found(ctx, h, in.User)
	if err != nil {
		return err
	}
	o := changed{ID: u.ID, Login: u.Login, DryRun: in.DryRun}
	if u.State == core.UserDisabled {
		o.Changes = []string{"make the account " + string(cmp.Or(u.Before, core.UserInvited)) + " again"}
	}
	if in.DryRun || len(o.Changes) == 0 {
		return out.Result(o)
	}
	if err := h.Directory.Enable(ctx, u.ID, access.Shell(), core.Client{}); err != nil {
		return err
	}
	return out.Result(o)
}
