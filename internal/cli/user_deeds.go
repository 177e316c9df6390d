package cli

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/app"
	"sallyport/internal/core"
	"sallyport/internal/directory"
	"sallyport/internal/i18n"
)

// oneAccount are the flags of a verb that changes one account.
type oneAccount struct {
	User string `arg:"" name:"login" help:"Login or id."`
	dry
}

// userIn names an account, and what is wanted of it.
type userIn struct {
	User string `json:"user"`
	changing
	Name    *string        `json:"name,omitempty"`
	Email   *string        `json:"email,omitempty"`
	Locale  *string        `json:"locale,omitempty"`
	To      string         `json:"to,omitempty"`
	Life    time.Duration  `json:"life,omitempty"`
	Browser core.BrowserID `json:"browser,omitempty"`
	Session core.SessionID `json:"session,omitempty"`
	App     core.AppID     `json:"app,omitempty"`
	Role    string         `json:"role,omitempty"`
	On      string         `json:"on,omitempty"`
	Facts   *factsIn       `json:"facts,omitempty"`
}

// userDeed is a change of an account: what it would do, doing it, and whether every
// administrator of the platform is told.
type userDeed struct {
	plan func(ctx context.Context, h *app.House, u core.User, in userIn, o *changed) error
	do   func(ctx context.Context, h *app.House, j journeys, u core.User, in userIn, o *changed) error
	loud string
}

func farUser(x userDeed) far[userIn] {
	return func(ctx context.Context, h *app.House, in userIn, out *answers) error {
		u, err := found(ctx, h, in.User)
		if err != nil {
			return err
		}
		o := ofUser(u, in.DryRun)
		if err := x.plan(ctx, h, u, in, &o); err != nil {
			return err
		}
		if len(o.Changes) == 0 {
			return out.Result(o)
		}
		if err := in.fresh(u.Version); err != nil {
			return err
		}
		if err := x.do(ctx, h, journeysOf(h, in.changing), u, in, &o); err != nil {
			return err
		}
		if x.loud != "" {
			o.Changes = append(o.Changes, "tell every platform administrator")
			if err := loud(ctx, h, in.changing, x.loud, u.Login, string(u.ID)); err != nil {
				return err
			}
		}
		return out.Result(o)
	}
}

// change runs a verb on one account.
func (s *shell) change(verb string, v oneAccount, ask *sure, more func(*userIn)) error {
	return s.do(write{verb: verb, dry: v.dry, sure: ask,
		in: func(c changing) any {
			in := userIn{User: v.User, changing: c}
			if more != nil {
				more(&in)
			}
			return in
		},
		next: func(c changed) string { return "sallyport user show " + c.Login }})
}

func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// detailOf is an account with all that hangs on it.
func detailOf(ctx context.Context, h *app.House, u core.User) (directory.Detail, error) {
	return h.Directory.Detail(ctx, u.ID, access.Shell())
}

type userResetMFACmd struct {
	oneAccount
	sure
}

func (*userResetMFACmd) Help() string {
	return "The next sign-in asks for the password and, where a rule demands it, for a new second factor. The person and every platform administrator are told by mail."
}

func (v *userResetMFACmd) Run(s *shell) error {
	return s.change("user.reset-mfa", v.oneAccount, &v.sure, nil)
}

var resetMFA = userDeed{
	plan: func(ctx context.Context, h *app.House, u core.User, _ userIn, o *changed) error {
		_, lost, err := h.Recovery.PlanReset(ctx, u.ID, access.Shell())
		if err == nil && lost.Apps+lost.Codes == 0 {
			o.Why = "nothing is there to reset: no authenticator app and no recovery code"
			return nil
		}
		o.Changes = []string{factorsEnd(lost), "end every session and forget known browsers", "tell the person"}
		return err
	},
	do: func(ctx context.Context, _ *app.House, j journeys, u core.User, _ userIn, _ *changed) error {
		_, err := j.rec.ResetMFA(ctx, u.ID, access.Shell(), core.Client{})
		return err
	},
	loud: "user reset-mfa",
}

type userUntrustCmd struct {
	oneAccount
	sure
	Browser string `help:"Only this one, by its id (user show --json); all when not given." placeholder:"ID"`
}

func (*userUntrustCmd) Help() string {
	return "The browsers are asked for a code again; sessions that were given for that trust alone end. The person and every platform administrator are told by mail."
}

func (v *userUntrustCmd) Run(s *shell) error {
	return s.change("user.untrust", v.oneAccount, &v.sure, func(in *userIn) { in.Browser = core.BrowserID(v.Browser) })
}

var untrust = userDeed{
	plan: func(ctx context.Context, h *app.House, u core.User, in userIn, o *changed) error {
		_, n, err := h.Recovery.PlanUntrust(ctx, u.ID, access.Shell())
		switch {
		case err != nil:
			return err
		case in.Browser != "":
			d, err := detailOf(ctx, h, u)
			if err != nil {
				return err
			}
			if !slices.ContainsFunc(d.Browsers, func(b core.Browser) bool { return b.ID == in.Browser && b.Trusted(h.Clock.Now()) }) {
				return core.ErrNotFound.With("trusted browser", string(in.Browser))
			}
			o.Changes = []string{"take the trust from the browser " + string(in.Browser)}
		case n > 0:
			o.Changes = []string{"take the trust from " + count(n, "browser", "browsers")}
		default:
			return nil
		}
		o.Changes = append(o.Changes, "end the sessions that came by it", "tell the person")
		return nil
	},
	do: func(ctx context.Context, _ *app.House, j journeys, u core.User, in userIn, _ *changed) error {
		if in.Browser != "" {
			return j.rec.ResetBrowser(ctx, u.ID, in.Browser, access.Shell(), core.Client{})
		}
		_, err := j.rec.ResetBrowsers(ctx, u.ID, access.Shell(), core.Client{})
		return err
	},
	loud: "user untrust",
}

type userUnlockCmd struct{ oneAccount }

func (v *userUnlockCmd) Run(s *shell) error { return s.change("user.unlock", v.oneAccount, nil, nil) }

var unlock = userDeed{
	plan: func(_ context.Context, _ *app.House, _ core.User, _ userIn, o *changed) error {
		o.Changes = []string{"end every timed lock of the password and the second factors"}
		return nil
	},
	do: func(ctx context.Context, _ *app.House, j journeys, u core.User, _ userIn, _ *changed) error {
		return j.dir.Unlock(ctx, u.ID, access.Shell(), core.Client{})
	},
}

type userDisableCmd struct {
	oneAccount
	sure
}

func (v *userDisableCmd) Run(s *shell) error {
	return s.change("user.disable", v.oneAccount, &v.sure, nil)
}

var disable = userDeed{
	plan: func(_ context.Context, _ *app.House, u core.User, _ userIn, o *changed) error {
		if u.State != core.UserDisabled {
			o.Changes = []string{"stop the account", "end its sessions, sign-ins and links"}
		}
		return nil
	},
	do: func(ctx context.Context, _ *app.House, j journeys, u core.User, _ userIn, _ *changed) error {
		return j.dir.Disable(ctx, u.ID, access.Shell(), core.Client{})
	},
	loud: "user disable",
}

type userEnableCmd struct{ oneAccount }

func (v *userEnableCmd) Run(s *shell) error { return s.change("user.enable", v.oneAccount, nil, nil) }

var enable = userDeed{
	plan: func(_ context.Context, _ *app.House, u core.User, _ userIn, o *changed) error {
		if u.State == core.UserDisabled {
			o.Changes = []string{"make the account " + string(cmp.Or(u.Before, core.UserInvited)) + " again"}
		}
		return nil
	},
	do: func(ctx context.Context, _ *app.House, j journeys, u core.User, _ userIn, _ *changed) error {
		return j.dir.Enable(ctx, u.ID, access.Shell(), core.Client{})
	},
}

type userChangeCmd struct {
	oneAccount
	Name   *string `help:"Another name."`
	Email  *string `help:"Another e-mail address. It counts once it is confirmed from the new mailbox."`
	Locale *string `help:"Another language: ${languages}; empty is the organisation's."`
}

func (v *userChangeCmd) Run(s *shell) error {
	if v.Name == nil && v.Email == nil && v.Locale == nil {
		return usage("say what to change: --name, --email or --locale")
	}
	if v.Locale != nil && *v.Locale != "" && !i18n.Known(*v.Locale) {
		return usage("there is no language %q; there are %s", *v.Locale, languageTags())
	}
	return s.change("user.change", v.oneAccount, nil, func(in *userIn) { in.Name, in.Email, in.Locale = v.Name, v.Email, v.Locale })
}

func (in userIn) wish() directory.Change {
	return directory.Change{Name: in.Name, Email: in.Email, Locale: in.Locale}
}

var changeUser = userDeed{
	plan: func(ctx context.Context, h *app.House, u core.User, in userIn, o *changed) error {
		c, _, err := h.Directory.CheckChange(ctx, u.ID, in.wish(), access.Shell())
		if err != nil {
			return err
		}
		if c.User.Name != u.Name {
			o.Changes = append(o.Changes, fmt.Sprintf("name the person %q", c.User.Name))
		}
		if c.User.Locale != u.Locale {
			o.Changes = append(o.Changes, "speak "+cmp.Or(c.User.Locale, "the organisation's language"))
		}
		switch {
		case c.Invited:
			o.Changes = append(o.Changes, "correct the address to "+c.User.Email+" and invite again")
		case c.Waiting != "":
			o.Changes, o.Until = append(o.Changes, "ask "+c.Waiting+" to confirm the new address, and tell the old one"), c.Until
		}
		return nil
	},
	do: func(ctx context.Context, _ *app.House, j journeys, u core.User, in userIn, _ *changed) error {
		_, err := j.dir.ChangeUser(ctx, u.ID, in.wish(), access.Shell(), core.Client{})
		return err
	},
}

type userMoveCmd struct {
	oneAccount
	sure
	To string `required:"" help:"Id or name of the tenant that the account goes to." placeholder:"TENANT"`
}

func (*userMoveCmd) Help() string {
	return "What holds there is asked at the next sign-in. In another organisation sessions end, and roles held in the old one go."
}

func (v *userMoveCmd) Run(s *shell) error {
	return s.change("user.move", v.oneAccount, &v.sure, func(in *userIn) { in.To = v.To })
}

var moveUser = userDeed{
	plan: func(ctx context.Context, h *app.House, u core.User, in userIn, o *changed) error {
		to, err := h.Directory.FindTenant(ctx, in.To)
		if err != nil || to.ID == u.Tenant {
			return err
		}
		m, err := h.Directory.PlanMove(ctx, u.ID, to.ID, access.Shell())
		if err != nil {
			return err
		}
		o.Changes = []string{"put the account into " + to.Name}
		if m.Away {
			o.Changes = append(o.Changes, "end its sessions, for that is another organisation")
		}
		if n := len(privileged(m.Roles)); n > 0 {
			o.Changes = append(o.Changes, "take "+count(n, "role", "roles")+" of the old one away")
		}
		return nil
	},
	do: func(ctx context.Context, h *app.House, j journeys, u core.User, in userIn, _ *changed) error {
		to, err := h.Directory.FindTenant(ctx, in.To)
		if err == nil {
			_, err = j.dir.Move(ctx, u.ID, to.ID, access.Shell(), core.Client{})
		}
		return err
	},
}

type userDeleteCmd struct {
	oneAccount
	sure
}

func (*userDeleteCmd) Help() string {
	return "For good: second factors, roles, sessions and links end, and the id is never used again. user disable stops an account and can be taken back."
}

func (v *userDeleteCmd) Run(s *shell) error {
	return s.deleteAccount("user.delete", v.oneAccount, v.sure)
}

func (s *shell) deleteAccount(verb string, v oneAccount, ask sure) error {
	return s.do(write{verb: verb, dry: v.dry, sure: &ask, in: func(c changing) any { return userIn{User: v.User, changing: c} },
		next: func(c changed) string {
			return "sallyport audit list --tenant " + string(c.Tenant) + " --about " + c.ID
		}})
}

var deleteUser = userDeed{
	plan: func(ctx context.Context, h *app.House, u core.User, _ userIn, o *changed) error {
		_, g, err := h.Directory.PlanDelete(ctx, u.ID, access.Shell())
		if err != nil {
			return err
		}
		o.Changes = []string{"delete the account for good", factorsEnd(g.Lost), "end " + count(g.Sessions, "session", "sessions")}
		if n := len(privileged(g.Roles)); n > 0 {
			o.Changes = append(o.Changes, "take "+count(n, "role", "roles")+" away")
		}
		o.Changes = append(o.Changes, "tell the person")
		return nil
	},
	do: func(ctx context.Context, _ *app.House, j journeys, u core.User, _ userIn, _ *changed) error {
		_, err := j.dir.Delete(ctx, u.ID, access.Shell(), core.Client{})
		return err
	},
	loud: "user delete",
}

type userPassCmd struct {
	oneAccount
	sure
	For time.Duration `default:"1h" help:"How long it works, eight hours at most (${default})."`
}

func (*userPassCmd) Help() string {
	return "For somebody who is locked out. Prints the pass, once: tell it by another way than mail. Beside the password it is typed into the code field, " +
		"works once, and lets the person set up a second factor and nothing else. The person and every platform administrator are told that there is one."
}

func (v *userPassCmd) Run(s *shell) error {
	if v.For <= 0 {
		return usage("--for must be more than nothing")
	}
	return s.change("user.pass", v.oneAccount, &v.sure, func(in *userIn) { in.Life = v.For })
}

var pass = userDeed{
	plan: func(ctx context.Context, h *app.House, u core.User, in userIn, o *changed) error {
		_, _, err := h.Recovery.CheckPass(ctx, u.ID, in.Life, access.Shell())
		o.Changes = []string{"make a temporary pass that works once within " + spell(in.Life), "end one that was made before", "tell the person that there is one"}
		return err
	},
	do: func(ctx context.Context, _ *app.House, j journeys, u core.User, in userIn, o *changed) error {
		p, err := j.rec.MakePass(ctx, u.ID, in.Life, access.Shell(), core.Client{})
		if err == nil && !in.DryRun {
			o.Secret, o.Until = p.Code, p.Till
		}
		return err
	},
	loud: "user pass",
}

// spell writes a time without the zeros at its end.
func spell(d time.Duration) string {
	text := d.String()
	if t, ok := strings.CutSuffix(text, "m0s"); ok {
		text = t + "m"
	}
	if t, ok := strings.CutSuffix(text, "h0m"); ok {
		text = t + "h"
	}
	return text
}

type userConvertCmd struct {
	oneAccount
	sure
	facts
}

func (*userConvertCmd) Help() string {
	return "It is asked for no second factor any more and never signs in on pages. For integrations that cannot do better. Back: sallyport service-account convert."
}

func (v *userConvertCmd) Run(s *shell) error {
	f, err := v.facts.in()
	if err != nil {
		return err
	}
	if f.Owner == nil || f.Reason == nil {
		return usage("say who answers for it and why it exists: --owner and --reason")
	}
	return s.do(write{verb: "user.convert", dry: v.dry, sure: &v.sure,
		in:   func(c changing) any { return userIn{User: v.User, changing: c, Facts: &f} },
		next: func(c changed) string { return "sallyport service-account show " + c.Login }})
}

var convertUser = userDeed{
	plan: func(ctx context.Context, h *app.House, u core.User, in userIn, o *changed) error {
		f, err := in.Facts.over(ctx, h, core.Service{})
		if err != nil {
			return err
		}
		if _, _, err := h.Directory.CheckMark(ctx, u.ID, f, access.Shell()); err != nil {
			return err
		}
		d, err := detailOf(ctx, h, u)
		o.Changes = []string{"make it a service account", "end " + count(len(d.Sessions), "session", "sessions") + ", its links and known browsers", "tell the person"}
		return err
	},
	do: func(ctx context.Context, h *app.House, j journeys, u core.User, in userIn, _ *changed) error {
		f, err := in.Facts.over(ctx, h, core.Service{})
		if err == nil {
			_, err = j.dir.MarkService(ctx, u.ID, f, access.Shell(), core.Client{})
		}
		return err
	},
	loud: "user convert",
}
