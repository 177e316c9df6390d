package demo

import (
	"encoding/json"
	"net/http"
	"strings"
	"sync"
	"time"

	"sallyport/internal/app"
	"sallyport/internal/core"
	"sallyport/internal/factor/totp"
	"sallyport/internal/outbox"
	"sallyport/internal/policy"
	"sallyport/internal/session"
	"sallyport/internal/store"
	"sallyport/internal/web"
)

// Demo is the running demo.
type Demo struct {
	house  *app.House
	inbox  *outbox.Inbox
	worker *outbox.Worker
	base   string
	app    *relying
	ready  chan struct{} // closed when the walk is over

	mu     sync.Mutex
	people []cast
	doors  map[doorName]core.UserID
}

// cast is a person of the demo with what only the demo knows.
type cast struct {
	user     core.UserID
	password string
	preset   string
}

func (d *Demo) routes() []web.Route {
	return append([]web.Route{
		{Pattern: "GET /{$}", Handler: d.getStart, Guard: web.Public},
		{Pattern: "POST /demo/doors/{door}", Handler: d.postDoor, Guard: web.Public},
		{Pattern: "GET /demo/mail", Handler: d.getMail, Guard: web.Public},
		{Pattern: "GET /demo/mail.json", Handler: d.getMailJSON, Guard: web.Public},
		{Pattern: "GET /demo/protected", Handler: d.getProtected, Guard: web.Public},
		{Pattern: "GET /demo/clock", Handler: d.getClock, Guard: web.Public},
		{Pattern: "POST /demo/clock", Handler: d.postClock, Guard: web.Public},
		{Pattern: "GET /demo/people.json", Handler: d.getPeople, Guard: web.Public},
	}, d.app.routes()...)
}

func writeJSON(w http.ResponseWriter, status int, v any) error {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	return json.NewEncoder(w).Encode(v)
}

func (d *Demo) getMailJSON(w http.ResponseWriter, r *http.Request) error {
	list := d.inbox.List(r.URL.Query().Get("to"))
	if list == nil {
		list = []outbox.Received{}
	}
	return writeJSON(w, http.StatusOK, map[string]any{"messages": list})
}

func (d *Demo) getMail(w http.ResponseWriter, r *http.Request) error {
	return web.Render(w, r, http.StatusOK, Mails(MailsPage{Page: web.Page{Now: d.house.Clock.Now()}, Mails: d.inbox.List(r.URL.Query().Get("to"))}))
}

func (d *Demo) getClock(w http.ResponseWriter, r *http.Request) error {
	c := d.house.Clock
	return writeJSON(w, http.StatusOK, map[string]string{"now": c.Now().Format(time.RFC3339Nano), "offset": core.Duration(c.Offset()).String()})
}

// postClock moves the clock forward, never back: no time step comes twice.
func (d *Demo) postClock(w http.ResponseWriter, r *http.Request) error {
	var in struct {
		Advance string `json:"advance"`
	}
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 4096)).Decode(&in); err != nil {
		return writeJSON(w, http.StatusUnprocessableEntity, map[string]string{"code": "form.invalid", "detail": `send {"advance":"45s"}`})
	}
	by, err := time.ParseDuration(in.Advance)
	if err != nil || by < 0 || by > 10*365*24*time.Hour {
		return writeJSON(w, http.StatusUnprocessableEntity, map[string]string{"code": "form.invalid", "detail": "advance must be a duration such as 45s or 24h, and not negative"})
	}
	if err := d.house.Wind(r.Context(), by); err != nil {
		return err
	}
	return d.getClock(w, r)
}

// Person is one line of people.json.
type Person struct {
	ID        string   `json:"id"`
	Login     string   `json:"login"`
	Password  string   `json:"password"`
	Email     string   `json:"email"`
	Name      string   `json:"name"`
	Tenant    string   `json:"tenant"`
	TenantID  string   `json:"tenant_id"`
	Preset    string   `json:"preset"`
	Roles     []string `json:"roles"`
	MFAStatus string   `json:"mfa_status"`
	SetupKey  string   `json:"setup_key"`
	Locale    string   `json:"locale"`
}

func (d *Demo) getPeople(w http.ResponseWriter, r *http.Request) error {
	if !d.over() {
		w.Header().Set("Retry-After", "1")
		return writeJSON(w, http.StatusServiceUnavailable, map[string]string{"code": "unavailable", "detail": "the walk is not over"})
	}
	d.mu.Lock()
	people := append([]cast(nil), d.people...)
	d.mu.Unlock()
	out := []Person{}
	for _, p := range people {
		line, err := d.person(r, p)
		if err != nil {
			return err
		}
		out = append(out, line)
	}
	return writeJSON(w, http.StatusOK, map[string]any{"people": out})
}

// person reads a line of people.json from the store as it is now. Only here a
// secret is opened to be shown, and only in a store that the demo made.
func (d *Demo) person(r *http.Request, c cast) (Person, error) {
	ctx := r.Context()
	u, err := d.house.Store.FindUser(ctx, c.user)
	if err != nil {
		return Person{}, err
	}
	eff, err := d.house.Tree.Effective(ctx, u.Tenant)
	if err != nil {
		return Person{}, err
	}
	p := Person{ID: string(u.ID), Login: u.Login, Password: c.password, Email: u.Email, Name: u.Name, TenantID: string(u.Tenant), Preset: c.preset, Roles: []string{}, Locale: u.Locale}
	err = d.house.Store.View(ctx, u.Tenant, func(rd store.Reader) error {
		t, err := rd.Tenant()
		if err != nil {
			return err
		}
		p.Tenant = t.Name
		factors, err := rd.Factors(u.ID)
		if err != nil {
			return err
		}
		who, err := session.Who(rd, u, factors, eff)
		if err != nil {
			return err
		}
		p.MFAStatus = string(policy.Status(who, eff))
		for _, f := range factors {
			if f.Kind == core.FactorTOTP && f.State == core.FactorConfirmed {
				plain, err := d.house.SignIn.Enrol.Open(f)
				if err != nil {
					return err
				}
				p.SetupKey = strings.ReplaceAll(totp.SetupKey(plain), " ", "")
			}
		}
		grants, err := rd.Roles(u.ID)
		if err != nil {
			return err
		}
		for _, g := range grants {
			p.Roles = append(p.Roles, string(g.Role))
		}
		return nil
	})
	return p, err
}
