package console

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/a-h/templ"
	"golang.org/x/text/unicode/norm"

	"sallyport/internal/access"
	"sallyport/internal/core"
	"sallyport/internal/directory"
	"sallyport/internal/policy"
	"sallyport/internal/session"
	"sallyport/internal/signin"
	"sallyport/internal/web"
)

// Effect is what a change would do, counted before it is done.
type Effect struct {
	Lines []EffectLine
	// Before and After are the bar today and then; nil where it stays.
	Before, After *Counts
	// Settings are the keys that would differ; nil where it is not about settings.
	Settings []policy.Difference
	// Version is of what was looked at: a change of it meanwhile makes the
	// confirmation stale.
	Version int64
	// Deletes is how many things go for good; the button says it.
	Deletes int
	// Name is what is to be typed where the data of more than one person goes.
	Name string
}

// Count is the number on a line, 0 when there is no such line.
func (e Effect) Count(what string) int {
	for _, l := range e.Lines {
		if l.What == what {
			return l.Count
		}
	}
	return 0
}

// EffectLine is one number and what it counts: a word of Effects.
type EffectLine struct {
	What  string
	Count int
	First []Who     // the first of those who are counted
	Due   time.Time // until when, where it may wait
}

// Who is a person by name, as lists of names show them.
type Who struct {
	ID    core.UserID
	Name  string
	Login string
}

// What an effect may count, besides the words of the directory's previews. Each has
// its words in the catalogs: "effect.…" as a title and "effect_text.…" as the
// sentence after it.
const (
	EffectApps     = "apps"     // authenticator apps that are deleted
	EffectCodes    = "codes"    // recovery codes that are deleted
	EffectBrowsers = "browsers" // trusted browsers that are forgotten
	EffectNodes    = "nodes"    // tenants that come along
	EffectRoles    = "roles"    // roles that are taken away
	EffectRaised   = "raised"   // organisations that are held to more than they say
	EffectKept     = "kept"     // organisations that keep what a lock demanded
	EffectInvites  = "invites"  // invitations that are sent
	EffectProgram  = "program"  // people whose account is a program's from then on
	EffectPass     = "pass"     // temporary passes that end
	EffectUsers    = "users"    // people who use an app
	EffectSelects  = "selects"  // organisations that selected it
)

// Effects lists them all.
var Effects = []string{directory.EffectAsked, directory.EffectMayWait, directory.EffectPending, directory.EffectEnrolled, directory.EffectReleased,
	directory.EffectExempt, directory.EffectRefused, directory.EffectAllowed, directory.EffectMoved, directory.EffectStuck, directory.EffectSessions,
	directory.EffectLost, directory.EffectNotAsked, directory.EffectOutside, EffectApps, EffectCodes, EffectBrowsers, EffectNodes, EffectRoles, EffectRaised, EffectKept, EffectInvites, EffectProgram, EffectPass,
	directory.EffectAppsOpen, directory.EffectAppOpen, directory.EffectAppShow, directory.EffectAppFreed, directory.EffectAppStuck, directory.EffectAppAsleep, EffectUsers, EffectSelects}

// Ask is the proof that a form asks of the administrator.
type Ask struct {
	Kind  core.FactorKind // empty: none is due
	Typed string          // a wrong code stays, to be compared
	Fresh bool            // one was given a moment ago, so the field may stay empty
	// Enrol is set for somebody who has no second factor where one must be shown: no
	// field would help, so the form leads to the page that sets one up.
	Enrol bool
}

// DeedPage is a change on a page of its own.
type DeedPage struct {
	Page
	DataPage string
	Title    string
	Lede     templ.Component
	Back     string
	BackName string
	Action   string
	Hidden   []web.Hidden
	Fields   templ.Component
	Effect   *Effect
	Confirm  string // the name to type, where one is to be typed
	Ask      Ask
	Submit   string
	Keep     string // what the way back is called; "Cancel" when empty
	Danger   bool
	Preview  bool // the form shows the effect and does nothing yet
	Closed   bool // it cannot be done; the notice says why
}

func (d DeedPage) method() string {
	if d.Preview {
		return "get"
	}
	return "post"
}

func (d DeedPage) keep(ctx context.Context) string {
	if d.Keep != "" {
		return d.Keep
	}
	return web.T(ctx, "page.cancel")
}

// Prover knows what an administrator must show before such a change, and takes it.
type Prover interface {
	Needs(ctx context.Context, me signin.Self, enrolling bool) (proof core.FactorKind, mail bool, err error)
	StepUp(ctx context.Context, me signin.Self, code, password string) (session.Opened, bool, error)
}

// ask says which field a form needs. Where always is said, the field is there even
// while an older proof is fresh (row ACR-24). fault is what the form was refused
// with, if it was: only the journey knows whether somebody has to enrol first.
func (h *Handler) ask(r *http.Request, me Caller, always bool, fault error) (Ask, error) {
	if f, ok := core.AsFault(fault); ok && f.Code == core.ErrStepUp.Code && f.Params["method"] == access.AskEnrol {
		return Ask{Enrol: true}, nil
	}
	need, _, err := h.Prover.Needs(r.Context(), me.Self, false)
	if err != nil || need != "" || !always {
		return Ask{Kind: need}, err
	}
	// A fresh password is a proof for want of a factor, and then no code can be asked.
	if !me.Actor.Enrolled {
		return Ask{}, nil
	}
	return Ask{Kind: core.FactorTOTP, Fresh: true}, nil
}

// prove takes the proof of a posted form. The session's token changes with it, and
// the caller with the session. reveal is set when a recovery code was used up: the
// new one waits on its page.
func (h *Handler) prove(w http.ResponseWriter, r *http.Request, me *Caller, f web.Form) (reveal bool, err error) {
	code, password := f.Get("code"), f.Get("password")
	if code == "" && password == "" {
		// Whether none is needed is the journey's question; it refuses with
		// step_up.required, and the form comes back with its field.
		return false, nil
	}
	opened, reveal, err := h.Prover.StepUp(r.Context(), me.Self, code, password)
	if err != nil {
		return false, err
	}
	h.Cookies.Set(w, web.SessionCookie, opened.Token, 0)
	me.Session = opened.Session
	if me.Actor, err = h.Actor(r.Context(), me.Current); err != nil {
		return false, err
	}
	// What follows in this request is asked by somebody who has just shown it.
	if kept, ok := r.Context().Value(callerKey{}).(*Caller); ok {
		*kept = *me
	}
	return reveal, nil
}

// done leads on after a change: to the new recovery code when one was used up, and
// to path otherwise.
func done(reveal bool, path string) error {
	if reveal {
		return web.GoTo("/account/security/recovery-code")
	}
	return web.GoTo(path)
}

// isStepUp reports whether a journey refused for want of a fresh proof.
func isStepUp(err error) bool {
	f, ok := core.AsFault(err)
	return ok && f.Code == core.ErrStepUp.Code
}

// confirmed reports whether a name was typed as it is. Blanks around it and the way
// in which a keyboard composes an accent do not count.
func confirmed(typed, name string) bool {
	clean := func(s string) string { return norm.NFC.String(strings.Join(strings.Fields(s), " ")) }
	return name != "" && clean(typed) == clean(name)
}
