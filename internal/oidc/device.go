package oidc

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"sallyport/internal/audit"
	"sallyport/internal/core"
	"sallyport/internal/directory"
	"sallyport/internal/policy"
	"sallyport/internal/secret"
	"sallyport/internal/session"
	"sallyport/internal/store"
	"sallyport/internal/web"
)

// Device authorization (RFC 8628, rows V-01 and V-02): something without a browser
// shows a short code, and a person types it here, on a device of theirs, and says yes
// or no. What is asked of them is what any app asks: proceed leads them, and the gate
// is asked when they say yes and once more when the device collects its tokens.

const (
	handleDevice = "oidc device code"
	hashUserCode = "oidc user code"
	// deviceLife is how long a code may be typed, and its tokens be collected.
	deviceLife = 10 * time.Minute
	deviceWait = 5 * time.Second
	// devicePatience is how much too soon a question may come, for networks are not
	// even.
	devicePatience = time.Second
)

// userLetters are those of which no two are taken for each other, and of which nobody
// makes a word (RFC 8628, section 6.1). Eight of them have 34 bits, which is enough
// for the guesses that a source and a person have.
const (
	userLetters = "BCDFGHJKLMNPQRSTVWXZ"
	userLong    = 8
)

// errDeviceGone: it was answered, or took too long.
var errDeviceGone = core.NewFault(core.KindConflict, "device.gone")

type deviceAnswer struct {
	Code     string `json:"device_code"`
	User     string `json:"user_code"`
	At       string `json:"verification_uri"`
	Complete string `json:"verification_uri_complete"`
	Expires  int64  `json:"expires_in"`
	Interval int64  `json:"interval"`
}

// shownCode is a code as people read it.
func shownCode(code string) string { return code[:userLong/2] + "-" + code[userLong/2:] }

// typedCode is what somebody typed, as it is kept; empty for what is no code. Case and
// everything between the letters are forgiven.
func typedCode(typed string) string {
	if len(typed) > 100 {
		return ""
	}
	code := strings.Map(func(r rune) rune {
		if r == ' ' || r == '-' || r == '.' || r == '_' {
			return -1
		}
		return r
	}, strings.ToUpper(strings.TrimSpace(typed)))
	if len(code) != userLong || strings.Trim(code, userLetters) != "" {
		return ""
	}
	return code
}

// deviceAuthorization begins one.
func (h *Handler) deviceAuthorization(w http.ResponseWriter, r *http.Request) (any, error) {
	p := form(w, r)
	if err := p.check(); err != nil {
		return nil, err
	}
	app, err := h.authenticate(r, p)
	if err != nil {
		return nil, err
	}
	if !app.May(core.GrantDevice) {
		return nil, bad("unauthorized_client", "the app may not use this grant")
	}
	c := h.client(r)
	if app.Public() {
		// Anybody can ask in its name: a source has as many rows as it has failures.
		source := "device " + c.Source()
		if err := h.Limiter.Check(source, h.Now()); err != nil {
			return nil, err
		}
		h.Limiter.Fail(source, h.Now())
	}
	a := asked{}
	if err := errors.Join(unlessNil(h.reach(&a, app, p)), unlessNil(a.levels(p))); err != nil {
		return nil, err
	}
	agent := c.Agent
	if len(agent) > longWord {
		agent = agent[:longWord]
	}
	now := h.Now()
	d := core.Device{ID: core.DeviceID(secret.NewID(core.PrefixDevice, now)), Tenant: app.Tenant, App: app.ID, State: core.DevicePending, Wait: deviceWait, CreatedAt: now, ExpiresAt: now.Add(deviceLife),
		Doc: core.DeviceDoc{Scopes: a.Scopes, Resources: a.Resources, Levels: a.Levels, Must: a.Must, Address: c.Address, Agent: agent}}
	code, err := h.insertDevice(r.Context(), d)
	if err != nil {
		return nil, err
	}
	sealed, err := handle{app.Tenant, core.FamilyID(d.ID), 0}.seal(h.Ring, handleDevice)
	if err != nil {
		return nil, err
	}
	at := h.Issuer + pathDevice
	return deviceAnswer{sealed, shownCode(code), at, at + "?user_code=" + shownCode(code), seconds(deviceLife), seconds(deviceWait)}, nil
}

// unlessNil makes an error of a refusal, and none of none.
func unlessNil(r *refusal) error {
	if r == nil {
		return nil
	}
	return r
}

// insertDevice finds a code that nobody else has.
func (h *Handler) insertDevice(ctx context.Context, d core.Device) (code string, err error) {
	for range 4 {
		code = secret.Pick(userLetters, userLong)
		if d.Code, err = h.Ring.KeyedHash(hashUserCode, []byte(code)); err != nil {
			return "", err
		}
		err = h.Store.Update(ctx, d.Tenant, func(tx store.Tx) error { return tx.InsertDevice(d) })
		var taken store.ErrDuplicate
		if !errors.As(err, &taken) {
			break
		}
	}
	return code, err
}

// collect answers a device that asks for its tokens.
func (h *Handler) collect(r *http.Request, app *directory.Registered, p params, key string) (any, error) {
	n, ok := openHandle(h.Ring, handleDevice, p.get("device_code"))
	if !ok || n.Tenant != app.Tenant {
		return nil, invalidGrant
	}
	var d core.Device
	err := h.Store.View(r.Context(), app.Tenant, func(rd store.Reader) (err error) {
		d, err = rd.Device(core.DeviceID(n.Family))
		return err
	})
	if err != nil {
		return nil, notGranted(err)
	}
	if d.App != app.ID {
		return nil, invalidGrant // row B-43
	}
	switch {
	case !h.Now().Before(d.ExpiresAt):
		return nil, bad("expired_token", "the code is over; begin again")
	case d.State == core.DeviceDenied:
		return nil, accessDenied
	case d.State == core.DevicePending:
		return nil, h.poll(r.Context(), d)
	}
	not := false
	g, err := h.redeem(r.Context(), handle{d.FamilyTenant, d.Family, 0}, app, func(tx store.Tx, f core.Family, u core.User, eff policy.Effective) (core.Family, *core.Fault, error) {
		ask := session.AskFamily{User: u, Effective: eff, App: app.App, Level: lowest(d.Doc.Must), Client: h.client(r)}
		var err error
		if ask.Factors, err = tx.Factors(u.ID); err != nil {
			return f, nil, err
		}
		if app.Public() {
			f.Doc.Key = key // it shows itself by nothing else (row D-02)
		}
		f, refused, err := session.Collect(tx, f, ask, app.May(core.GrantRefresh), eff.AccessLife(app.App), eff.RefreshLife(app.App), h.present(r, app, u, eff))
		not = refused != nil && refused.Code == core.ErrRefused.Code
		return f, refused, err
	})
	if not && errors.Is(err, invalidGrant) {
		return nil, accessDenied
	}
	if err != nil {
		return nil, err
	}
	g.scopes, g.resources, g.key = g.family.Doc.Scopes, g.family.Doc.Resources, key
	return h.mint(r.Context(), app, g)
}

// poll notes that a device asks, and tells it to leave more time where it asks too soon.
func (h *Handler) poll(ctx context.Context, d core.Device) error {
	soon := !d.PolledAt.IsZero() && h.Now().Sub(d.PolledAt) < d.Wait-devicePatience
	wait := d.Wait
	if soon {
		wait = min(wait+deviceWait, deviceLife)
	}
	err := h.Store.Update(ctx, d.Tenant, func(tx store.Tx) error { return tx.PolledDevice(d.ID, d.PolledAt, wait) })
	switch {
	case errors.Is(err, store.ErrConflict), err == nil && soon:
		return bad("slow_down", "ask less often; leave five seconds more")
	case err != nil:
		return err
	}
	return bad("authorization_pending", "nobody answered yet")
}

// waiting finds what a request is about, as long as nobody has answered.
func (h *Handler) waiting(ctx context.Context, a asked, app *directory.Registered) (d core.Device, err error) {
	err = h.Store.View(ctx, app.Tenant, func(rd store.Reader) (err error) {
		d, err = rd.Device(a.Device)
		return err
	})
	if f, ok := core.AsFault(err); ok && f.Kind == core.KindNotFound || err == nil && (d.App != app.ID || !d.Open(h.Now())) {
		return d, errDeviceGone
	}
	return d, err
}

// getDevice asks for the code. Who is not signed in does that first: then a guess is
// somebody's.
func (h *Handler) getDevice(w http.ResponseWriter, r *http.Request) error {
	p := query(r)
	cur, err := h.stands(r, p.get("user_code"))
	if err != nil {
		return err
	}
	return h.deviceForm(w, r, cur, p.get("user_code"), nil)
}

// stands is the session of somebody at the page for devices.
func (h *Handler) stands(r *http.Request, typed string) (session.Current, error) {
	cur, err := h.current(r)
	switch {
	case errors.Is(err, core.ErrNoSession):
		to := pathDevice
		if code := typedCode(typed); code != "" {
			to += "?user_code=" + shownCode(code)
		}
		return cur, web.GoTo("/sign-in?return_to=" + url.QueryEscape(to))
	case err == nil && cur.Session.ActingIn != "":
		return cur, session.ErrActing
	}
	return cur, err
}

func (h *Handler) deviceForm(w http.ResponseWriter, r *http.Request, cur session.Current, typed string, fault error) error {
	if code := typedCode(typed); code != "" {
		typed = shownCode(code)
	} else {
		typed = ""
	}
	page := DevicePage{Page: h.page(cur, fault), Action: pathDevice, Code: typed}
	r = web.WithLanguage(r, cur.User.Locale, "", cur.Effective.Settings.Locale)
	if fault != nil {
		return web.Redraw(w, r, fault, EnterDevice(page))
	}
	return web.Render(w, r, http.StatusOK, EnterDevice(page))
}

func (h *Handler) page(cur session.Current, fault error) web.Page {
	return web.Page{Org: web.Org{Name: cur.Effective.Name()}, Person: cur.User.Name, Zone: cur.Effective.Zone(), Now: h.Now(), Fault: fault}
}

// postDevice looks for what shows a code. Every wrong one is taken from the budgets of
// where it comes from and of who sends it (row V-02).
func (h *Handler) postDevice(w http.ResponseWriter, r *http.Request) error {
	f, err := web.ParseForm(w, r, "user_code")
	if err != nil {
		return err
	}
	cur, err := h.stands(r, f.Get("user_code"))
	if err != nil {
		return err
	}
	now, source, person := h.Now(), h.client(r).Source(), string(cur.User.ID)
	if err := cmp.Or(h.Limiter.Check(source, now), h.Codes.Check(person, now)); err != nil {
		return h.deviceForm(w, r, cur, "", err)
	}
	d, app, err := h.codeOf(r.Context(), f.Get("user_code"))
	if fault, ok := core.AsFault(err); ok && fault.Kind == core.KindNotFound {
		h.Limiter.Fail(source, now)
		h.Codes.Fail(person, now)
		return h.deviceForm(w, r, cur, f.Get("user_code"), core.Invalid("device.code_unknown"))
	}
	if err != nil {
		return err
	}
	sealed, err := h.seal(asked{App: app.ID, Device: d.ID, Scopes: d.Doc.Scopes, Resources: d.Doc.Resources, Levels: d.Doc.Levels, Must: d.Doc.Must, At: now.UnixMicro()})
	if err != nil {
		return err
	}
	return web.GoTo(back(sealed))
}

// codeOf finds what waits behind a code; core.ErrNotFound for everything that does not.
func (h *Handler) codeOf(ctx context.Context, typed string) (d core.Device, app *directory.Registered, err error) {
	code := typedCode(typed)
	if code == "" {
		return d, nil, core.ErrNotFound
	}
	hashes, err := h.Ring.KeyedHashes(hashUserCode, []byte(code))
	if err != nil {
		return d, nil, err
	}
	err = core.ErrNotFound
	for _, hash := range hashes { // of more than one only while the key was just changed
		if d, err = h.Store.FindDevice(ctx, hash); unlessUnknown(err) != nil || err == nil {
			break
		}
	}
	if err != nil {
		return d, nil, err
	}
	if !d.Open(h.Now()) {
		return d, nil, core.ErrNotFound
	}
	app, err = h.Apps.Find(ctx, d.App)
	return d, app, err
}

// askDevice shows what asks, from where, and what a lure looks like: whoever is sent a
// code by somebody else would let that one in.
func (h *Handler) askDevice(w http.ResponseWriter, r *http.Request, a asked, app *directory.Registered, cur session.Current, fault error) error {
	d, err := h.waiting(r.Context(), a, app)
	if err != nil {
		return err
	}
	sealed, err := h.seal(a)
	if err != nil {
		return err
	}
	p := AllowDevicePage{Page: h.page(cur, fault), Action: pathAnswer, App: app.Name, Login: cur.User.Login, Device: h.Device(d.Doc.Agent), At: d.CreatedAt,
		Hidden: []web.Hidden{{Name: "request", Value: sealed}}}
	if d.Doc.Address.IsValid() {
		p.Address = d.Doc.Address.Unmap().String()
	}
	p.Here = d.Doc.Address.IsValid() && h.client(r).Source() == core.Client{Address: d.Doc.Address}.Source()
	for _, s := range a.Scopes {
		p.Scopes = append(p.Scopes, Scope{Word: s, Known: slices.Contains(core.PersonScopes, s)})
	}
	r = web.WithLanguage(r, cur.User.Locale, "", cur.Effective.Settings.Locale)
	if fault != nil {
		return web.Redraw(w, r, fault, AllowDevice(p))
	}
	return web.Render(w, r, http.StatusOK, AllowDevice(p))
}

func (h *Handler) postAnswer(w http.ResponseWriter, r *http.Request) error {
	f, err := web.ParseForm(w, r, "request", "go")
	if err != nil {
		return err
	}
	a, app, err := h.again(r, f.Get("request"))
	if err != nil {
		return err
	}
	if a.Device == "" {
		return core.NewFault(core.KindConflict, "app.request_expired")
	}
	switch f.Get("go") {
	case "allow":
		return h.proceed(w, r, a, app, true)
	case "deny":
		return h.denyDevice(r, a, app)
	}
	cur, err := h.stands(r, "")
	if err != nil {
		return err
	}
	return h.askDevice(w, r, a, app, cur, core.Invalid("form.invalid", "field", "go"))
}

// denyDevice needs somebody who is signed in, like everything here.
func (h *Handler) denyDevice(r *http.Request, a asked, app *directory.Registered) error {
	cur, err := h.stands(r, "")
	if err != nil {
		return err
	}
	err = h.Store.Update(r.Context(), cur.User.Tenant, func(tx store.Tx) error {
		if err := tx.AnswerDevice(a.Device, core.DeviceDenied, ""); err != nil {
			return err
		}
		e := audit.By(audit.AppDenied, cur.User.ID, h.client(r))
		e.Session = cur.Session.ID
		return tx.Append(audit.Note(audit.Note(e, "app", string(app.ID)), "via", "device"))
	})
	if errors.Is(err, store.ErrConflict) {
		return errDeviceGone
	}
	if err != nil {
		return err
	}
	return web.GoTo(pathDone + "?to=denied")
}

func (h *Handler) getDone(w http.ResponseWriter, r *http.Request) error {
	cur, err := h.stands(r, "")
	if err != nil {
		return err
	}
	page := DeviceDonePage{Page: h.page(cur, nil), Denied: query(r).get("to") == "denied"}
	r = web.WithLanguage(r, cur.User.Locale, "", cur.Effective.Settings.Locale)
	return web.Render(w, r, http.StatusOK, DeviceDone(page))
}

func doneTitle(ctx context.Context, p DeviceDonePage) string {
	if p.Denied {
		return web.T(ctx, "device.denied_title")
	}
	return web.T(ctx, "device.done_title")
}
