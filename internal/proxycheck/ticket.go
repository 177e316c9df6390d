package proxycheck

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"context"

	"sallyport/internal/core"
	"sallyport/internal/directory"
	"sallyport/internal/policy"
	"sallyport/internal/secret"
	"sallyport/internal/session"
	"sallyport/internal/signin"
	"sallyport/internal/store"
	"sallyport/internal/web"
)

// wish is where somebody was going when they were sent to the sign-in. It travels
// sealed, so that what was checked stays what was asked.
type wish struct {
	App     core.AppID `json:"app"`
	Origin  string     `json:"origin"`
	Host    string     `json:"host"`
	Target  string     `json:"target"`
	Browser []byte     `json:"browser"` // hash of what the browser was given
	Level   core.Level `json:"level,omitempty"`
	At      int64      `json:"at"` // when it began, in microseconds
}

func (v wish) began() time.Time { return time.UnixMicro(v.At).UTC() }

// ticket is what comes back to the app's host: the family that was opened, and where
// the person was going.
type ticket struct {
	Tenant core.TenantID `json:"tenant"`
	Family core.FamilyID `json:"family"`
	Target string        `json:"target"`
}

const (
	sealWish   = "proxied wish"
	sealTicket = "proxied ticket"
	// askedLife is how long a request may take to come back from the sign-in.
	askedLife = time.Hour
	// longest is more than any sealed text of ours.
	longest = 16 << 10
	// longTarget is the longest way back; who goes further comes back to the start.
	longTarget = 4 << 10
)

func seal(ring *secret.Ring, v any, what string) (string, error) {
	plain, err := json.Marshal(v)
	if err != nil {
		return "", err
	}
	sealed, err := ring.Seal(plain, what)
	return base64.RawURLEncoding.EncodeToString(sealed), err
}

func unseal(ring *secret.Ring, text, what string, v any) bool {
	if len(text) > longest {
		return false
	}
	sealed, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil {
		return false
	}
	plain, err := ring.Open(sealed, what)
	return err == nil && json.Unmarshal(plain, v) == nil
}

// begin makes the address of the sign-in for a browser.
func (h *Handler) begin(w http.ResponseWriter, r *http.Request, a asked, app *directory.Registered, need core.Level) (string, error) {
	v := wish{App: app.ID, Origin: a.origin(), Host: a.host, Target: a.target, Browser: begun(w, r, a), Level: need, At: h.Now().UnixMicro()}
	if len(v.Target) > longTarget {
		v.Target = "/"
	}
	sealed, err := seal(h.Ring, v, sealWish)
	return h.Base + pathContinue + "?request=" + sealed, err
}

func (h *Handler) wished(ctx context.Context, text string) (wish, *directory.Registered, error) {
	var v wish
	gone := core.NewFault(core.KindConflict, "app.request_expired")
	if !unseal(h.Ring, text, sealWish, &v) {
		return v, nil, gone
	}
	if age := h.Now().Sub(v.began()); age < -time.Minute || age > askedLife {
		return v, nil, gone
	}
	app, err := h.Apps.At(ctx, v.Host)
	if f, ok := core.AsFault(err); ok && f.Kind == core.KindNotFound || err == nil && app.ID != v.App {
		return v, nil, core.NewFault(core.KindInvalid, "app.unknown")
	}
	return v, app, err
}

// Lead says which app an address of ours leads to, for the sign-in that carries it; ok
// is false for an address that is not of this face.
func (h *Handler) Lead(ctx context.Context, returnTo string) (signin.Lead, bool) {
	sealed, ok := strings.CutPrefix(returnTo, pathContinue+"?request=")
	if !ok {
		return signin.Lead{}, false
	}
	v, app, err := h.wished(ctx, sealed)
	if err != nil {
		return signin.Lead{}, true
	}
	return signin.Lead{App: session.AppOf(app.App, v.Level), Name: app.Name, Origin: v.Origin}, true
}

// getContinue is where the sign-in begins and where it comes back to. Everything is
// looked at anew each time.
func (h *Handler) getContinue(w http.ResponseWriter, r *http.Request) error {
	sealed := r.URL.Query().Get("request")
	v, app, err := h.wished(r.Context(), sealed)
	if err != nil {
		return err
	}
	again := pathContinue + "?request=" + sealed
	cur, err := h.Checker.Check(r.Context(), h.Cookies.Get(r, web.SessionCookie), h.Proxies.Client(r).Address)
	switch {
	case errors.Is(err, core.ErrNoSession):
		return web.GoTo("/sign-in?return_to=" + url.QueryEscape(again))
	case err != nil:
		return err
	case cur.Session.ActingIn != "":
		return session.ErrActing
	}
	if err := h.reaches(r.Context(), app, cur.User.Tenant); err != nil {
		return err
	}
	var d policy.Decision
	err = h.Store.View(r.Context(), cur.User.Tenant, func(rd store.Reader) error {
		ask, err := h.question(rd, r, v, app, cur)
		if err != nil {
			return err
		}
		d, err = session.Decide(rd, ask)
		return err
	})
	if err != nil {
		return err
	}
	unmet := core.NewFault(core.KindForbidden, "app.level_unmet")
	anew := !cur.Session.CreatedAt.Before(v.began()) // this session came of this request
	switch d.Outcome {
	case policy.Allowed:
		// The check looks at the session's own level: less would go round in circles.
		if !cur.Session.Level.AtLeast(v.Level) {
			return unmet
		}
		return h.issue(w, r, v, app, cur)
	case policy.Prove:
		if slices.Contains(d.Methods, core.FactorPassword) {
			return web.GoTo("/sign-in?again=yes&return_to=" + url.QueryEscape(again))
		}
		if !cur.Session.RotatedAt.Before(v.began()) && !anew {
			return unmet // shown already, and still not enough
		}
		return web.GoTo("/account/verify?next=" + url.QueryEscape(again))
	case policy.Enrol, policy.MaySkip:
		if anew {
			return unmet
		}
		return web.GoTo("/sign-in?again=yes&return_to=" + url.QueryEscape(again))
	}
	return unmet
}

// question is what the gate is asked, of rows read in this transaction.
func (h *Handler) question(rd store.Reader, r *http.Request, v wish, app *directory.Registered, cur session.Current) (session.AskFamily, error) {
	ask := session.AskFamily{Effective: cur.Effective, App: app.App, Level: v.Level, Client: h.Proxies.Client(r),
		Doc: core.FamilyDoc{Host: v.Host, Browser: v.Browser}}
	var err error
	if ask.Session, err = rd.Session(cur.Session.ID); err != nil {
		return ask, core.ErrNoSession
	}
	// The idle end is moved in batches; the check that let this request in knows better.
	ask.Session.IdleUntil = cur.Session.IdleUntil
	if ask.User, err = rd.User(cur.User.ID); err != nil {
		return ask, err
	}
	ask.Factors, err = rd.Factors(cur.User.ID)
	return ask, err
}

// usedDaily is how coarse the last use of an app is written.
const usedDaily = 24 * time.Hour

// issue goes through the gate and sends the person back to the app's host with a
// ticket.
func (h *Handler) issue(w http.ResponseWriter, r *http.Request, v wish, app *directory.Registered, cur session.Current) error {
	t := ticket{Tenant: cur.User.Tenant, Target: v.Target}
	err := h.Store.Update(r.Context(), cur.User.Tenant, func(tx store.Tx) error {
		ask, err := h.question(tx, r, v, app, cur)
		if err != nil {
			return err
		}
		f, err := session.OpenFamily(tx, ask)
		if err != nil {
			return err
		}
		t.Family = f.ID
		return connect(tx, cur.User, app.ID)
	})
	if err != nil {
		return err
	}
	sealed, err := seal(h.Ring, t, sealTicket)
	if err != nil {
		return err
	}
	w.Header().Set("Location", v.Origin+pathCallback+"?ticket="+sealed)
	w.WriteHeader(http.StatusSeeOther)
	return nil
}

// connect remembers that the person uses the app. It is the house's own, so nobody is
// asked what it may have.
func connect(tx store.Tx, u core.User, app core.AppID) error {
	c, err := tx.Connection(u.ID, app)
	switch {
	case errors.Is(err, core.ErrNotFound):
		c = core.Connection{Tenant: u.Tenant, User: u.ID, App: app, FirstUsedAt: tx.Now()}
	case err != nil:
		return err
	case tx.Now().Sub(c.LastUsedAt) < usedDaily:
		return nil
	}
	c.LastUsedAt = tx.Now()
	return tx.SaveConnection(c)
}

// callback honours a ticket on the app's host: cookie in, and on to where the person
// was going, which is on this host and nowhere else.
func (h *Handler) callback(w http.ResponseWriter, r *http.Request, a asked, app *directory.Registered) (int, error) {
	var t ticket
	q := a.query()
	if len(q["ticket"]) != 1 || !unseal(h.Ring, q.Get("ticket"), sealTicket, &t) || t.Tenant == "" || t.Family == "" {
		return 0, session.ErrTicket
	}
	if _, ok := policy.PathOf(t.Target); !ok {
		return 0, session.ErrTicket
	}
	cookies := web.NewCookies(a.https)
	mark := cookies.Get(r, web.BegunCookie)
	if mark == "" {
		return 0, session.ErrTicket
	}
	c := h.Proxies.Client(r)
	in := session.Enter{Family: t.Family, App: app.ID, Host: a.host, Browser: secret.TokenHash(mark)}
	if had, _, err := h.Checker.CheckHost(r.Context(), cookies.Get(r, web.HostCookie), c.Address); err == nil && had.Family.App == app.ID {
		in.Before = had.Family.ID
	}
	eff, err := h.Tree.Effective(r.Context(), t.Tenant)
	if err != nil {
		return 0, gone(err)
	}
	var token string
	err = h.Store.Update(r.Context(), t.Tenant, func(tx store.Tx) error {
		f, err := tx.Family(t.Family)
		if err != nil {
			return err
		}
		u, err := tx.User(f.User)
		if err != nil {
			return err
		}
		in.Present = session.Present{User: u, Effective: eff, From: c.Address, Public: true, Client: c}
		token, err = session.EnterHost(tx, in)
		return err
	})
	if err != nil {
		return 0, gone(err)
	}
	cookies.Set(w, web.HostCookie, token, 0)
	status := redirect(w, a, a.origin()+t.Target)
	return status, nil
}

// gone makes one answer of all the ways in which a ticket is not good.
func gone(err error) error {
	if f, ok := core.AsFault(err); ok && f.Kind == core.KindNotFound || errors.Is(err, store.ErrConflict) {
		return session.ErrTicket
	}
	return err
}

// logout signs whoever asks out, here and everywhere. Another site may not do that to
// them.
func (h *Handler) logout(w http.ResponseWriter, r *http.Request, a asked) (int, error) {
	if site := r.Header.Get("Sec-Fetch-Site"); site == "cross-site" {
		return 0, core.NewFault(core.KindForbidden, "form.cross_origin")
	}
	cookies := web.NewCookies(a.https)
	c := h.Proxies.Client(r)
	who, _, err := h.Checker.CheckHost(r.Context(), cookies.Get(r, web.HostCookie), c.Address)
	switch {
	case errors.Is(err, core.ErrNoSession):
	case err != nil && !errors.Is(err, core.ErrOutsideNetwork): // out is open from everywhere
		return 0, err
	case who.Family.Doc.Host != a.host:
	default:
		if err := h.End(r.Context(), who.Session, c); err != nil && !errors.Is(err, core.ErrNotFound) {
			return 0, err // still signed in, and said so
		}
	}
	cookies.Clear(w, web.HostCookie)
	return redirect(w, a, h.Base+"/signed-out"), nil
}
