package console

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"sallyport/internal/core"
	"sallyport/internal/web"
)

// whom finds the person that the address names, where they stand.
func (h *Handler) whom(r *http.Request) (Caller, PersonView, error) {
	me := caller(r)
	v, err := h.People.Person(r.Context(), me, core.UserID(r.PathValue("user")))
	return me, v, err
}

func (h *Handler) person(w http.ResponseWriter, r *http.Request) error {
	_, v, err := h.whom(r)
	if err != nil {
		return err
	}
	return h.drawPerson(w, r, v, nil)
}

func (h *Handler) drawPerson(w http.ResponseWriter, r *http.Request, v PersonView, fault error) error {
	p := h.page(r, v.Place, "users", fault)
	return show(w, r, fault, Person(PersonPage{p, v}))
}

func (h *Handler) postEndSession(w http.ResponseWriter, r *http.Request) error {
	f, err := web.ParseForm(w, r, "session")
	if err != nil {
		return err
	}
	me, v, err := h.whom(r)
	if err != nil {
		return err
	}
	if err := h.People.EndSession(r.Context(), me, v.User.ID, core.SessionID(f.Get("session"))); err != nil {
		return err
	}
	return web.GoTo(personPath(v.User.ID, "?done=session_ended"))
}

// postForgetBrowser takes the trust from one browser. It touches how somebody
// proves who they are, so a proof that is not fresh is asked for on the page of the
// deed for all of them.
func (h *Handler) postForgetBrowser(w http.ResponseWriter, r *http.Request) error {
	f, err := web.ParseForm(w, r, "browser")
	if err != nil {
		return err
	}
	me, v, err := h.whom(r)
	if err != nil {
		return err
	}
	err = h.People.ForgetBrowser(r.Context(), me, v.User.ID, core.BrowserID(f.Get("browser")))
	if isStepUp(err) {
		return web.GoTo(personPath(v.User.ID, "/"+string(PersonUntrust)))
	}
	if err != nil {
		return err
	}
	return web.GoTo(personPath(v.User.ID, "?done=person_untrusted"))
}

// postDisconnect takes an app from somebody: its tokens end, and it may ask again.
func (h *Handler) postDisconnect(w http.ResponseWriter, r *http.Request) error {
	f, err := web.ParseForm(w, r, "app")
	if err != nil {
		return err
	}
	me, v, err := h.whom(r)
	if err != nil {
		return err
	}
	if err := h.People.Disconnect(r.Context(), me, v.User.ID, core.AppID(f.Get("app"))); err != nil {
		return err
	}
	return web.GoTo(personPath(v.User.ID, "?done=app_disconnected"))
}

var personDeedFields = []string{"name", "email", "locale", "tenant", "hours", "reason", "networks", "expires", "version", "confirm", "code", "password"}

// parsePersonChange reads a wish. Dates are days of the organisation: what is good
// until a day is good until its end.
func parsePersonChange(d PersonDeed, id core.UserID, f web.Form, zone *time.Location) (c PersonChange, err error) {
	c = PersonChange{Deed: d, User: id}
	switch d {
	case PersonEdit:
		c.Name, c.Email, c.Locale = f.Get("name"), f.Get("email"), f.Get("locale")
	case PersonMove:
		c.Tenant = core.TenantID(f.Get("tenant"))
	case PersonPass:
		c.Hours = 1
		if f.Get("hours") != "" {
			if c.Hours, err = strconv.Atoi(f.Get("hours")); err != nil || c.Hours < 1 || c.Hours > 8 {
				return c, core.Invalid("form.invalid", "field", "hours")
			}
		}
	case PersonToService, PersonChangeService:
		c.Reason, c.Networks = strings.TrimSpace(f.Get("reason")), list(f.Get("networks"))
		c.Expires, err = endOf(f.Get("expires"), zone)
	}
	return c, err
}

// endOf is the end of a day that was typed, zero for none.
func endOf(day string, zone *time.Location) (time.Time, error) {
	if day == "" {
		return time.Time{}, nil
	}
	if zone == nil {
		zone = time.UTC
	}
	t, err := time.ParseInLocation(time.DateOnly, day, zone)
	if err != nil || t.Year() < 2000 || t.Year() > 2200 {
		return time.Time{}, core.Invalid("form.invalid", "field", "expires")
	}
	return t.AddDate(0, 0, 1), nil
}

func (h *Handler) getPersonDeed(d PersonDeed) func(http.ResponseWriter, *http.Request) error {
	return func(w http.ResponseWriter, r *http.Request) error {
		f, fault := web.ParseQuery(r, personDeedFields...)
		me, v, err := h.whom(r)
		if err != nil {
			return err
		}
		return h.drawPersonDeed(w, r, me, v, d, f, fault)
	}
}

func (h *Handler) drawPersonDeed(w http.ResponseWriter, r *http.Request, me Caller, v PersonView, d PersonDeed, f web.Form, fault error) error {
	if !v.May(d) && fault == nil {
		return core.ErrForbidden
	}
	word := string(d)
	p := DeedPage{DataPage: "person-" + word, Back: personPath(v.User.ID), BackName: v.User.Name, Action: personPath(v.User.ID, "/"+word), Danger: d.dangerous()}
	p.Title, p.Submit = web.T(r.Context(), "person_deed."+word), web.T(r.Context(), "person_deed_go."+word)
	p.Lede = web.Rich(r.Context(), "person_deed_for", "Person", web.Name(v.User.Name), "What", web.T(r.Context(), "person_deed_text."+word))
	c, err := parsePersonChange(d, v.User.ID, f, v.Place.Zone)
	if fault == nil && d != PersonMove {
		fault = err
	}
	p.Hidden = []web.Hidden{{Name: "version", Value: version(v.User.Version)}}
	if d != PersonEdit && (d != PersonMove || c.Tenant != "") {
		e, err := h.People.PreviewPerson(r.Context(), me, c)
		switch {
		case err == nil:
			// Where nothing can be counted, the words above the form say it all.
			if p.Confirm = e.Name; len(e.Lines) > 0 || d == PersonMove {
				p.Effect = &e
			}
		case !mends(err):
			return err
		case fault == nil:
			fault, p.Closed = err, d != PersonToService && d != PersonChangeService && d != PersonMove
		}
	}
	page := web.Page{Fault: fault}
	switch d {
	case PersonEdit:
		name, email, locale := v.User.Name, v.User.Email, v.User.Locale
		if f.Has("name") {
			name, email, locale = c.Name, c.Email, c.Locale
		}
		p.Fields = EditFields(page, name, email, locale)
	case PersonMove:
		homes, err := h.People.Homes(r.Context(), me, v.User.ID)
		if err != nil {
			return err
		}
		p.Fields = homeField(page, string(c.Tenant), homes)
		if p.Effect == nil {
			p.Preview, p.Submit = true, web.T(r.Context(), "deed.preview")
		}
	case PersonPass:
		p.Fields = HoursField(page, itoa(c.Hours))
	case PersonToService, PersonChangeService:
		t := Typed{Reason: f.Get("reason"), Networks: f.Get("networks"), Expires: f.Get("expires")}
		if s := v.Service; s != nil && !f.Has("reason") {
			t = typedService(*s, v.Place.Zone)
		}
		p.Fields = ServiceFields(page, t)
	}
	if d.needsProof() || isStepUp(fault) {
		if p.Ask, err = h.ask(r, me, false, fault); err != nil {
			return err
		}
	}
	p.Page = h.page(r, v.Place, "users", fault)
	return show(w, r, fault, Deed(p))
}

// typedService is what is kept of a service account, as it would be typed.
func typedService(s Service, zone *time.Location) Typed {
	t := Typed{Reason: s.Reason, Networks: strings.Join(s.Networks, ", ")}
	if !s.Expires.IsZero() {
		if zone == nil {
			zone = time.UTC
		}
		t.Expires = s.Expires.In(zone).AddDate(0, 0, -1).Format(time.DateOnly)
	}
	return t
}

func (h *Handler) postPersonDeed(d PersonDeed) func(http.ResponseWriter, *http.Request) error {
	return func(w http.ResponseWriter, r *http.Request) error {
		f, err := web.ParseForm(w, r, personDeedFields...)
		me, v, findErr := h.whom(r)
		if findErr != nil {
			return findErr
		}
		var c PersonChange
		if err == nil {
			c, err = parsePersonChange(d, v.User.ID, f, v.Place.Zone)
			c.Version = versionOf(f)
		}
		if err == nil && d == PersonDelete && !confirmed(f.Get("confirm"), v.User.Name) {
			err = core.ErrConfirmRequired.With("field", "confirm")
		}
		var reveal bool
		if err == nil {
			reveal, err = h.prove(w, r, &me, f)
		}
		if err == nil {
			var made PersonChanged
			if made, err = h.People.ChangePerson(r.Context(), me, c); err == nil {
				if made.Secret != "" {
					return h.showSecret(w, r, v.Place, Who{v.User.ID, v.User.Name, v.User.Login}, d, made)
				}
				if d == PersonDelete {
					return done(reveal, v.Place.Path("/users?done=person_deleted"))
				}
				return done(reveal, personPath(v.User.ID, "?done="+personFlash(d)))
			}
		}
		if !mends(err) {
			return err
		}
		return h.drawPersonDeed(w, r, me, v, d, f, err)
	}
}

// showSecret shows what was just made, in this answer and in no other.
func (h *Handler) showSecret(w http.ResponseWriter, r *http.Request, place Place, who Who, d PersonDeed, made PersonChanged) error {
	p := h.page(r, place, "users", nil)
	return web.Render(w, r, http.StatusOK, Pass(PassPage{p, who, d, made.Secret, made.Until}))
}

func personFlash(d PersonDeed) string {
	switch d {
	case PersonUnlock:
		return "person_unlocked"
	case PersonReinvite:
		return "person_reinvited"
	case PersonResetMFA:
		return "person_reset"
	case PersonUntrust:
		return "person_untrusted"
	case PersonEndSessions:
		return "person_signed_out"
	}
	return "person_changed"
}
