package demo

import (
	"context"
	"fmt"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"path"
	"strings"
	"time"

	"sallyport/internal/core"
	"sallyport/internal/factor/totp"
	"sallyport/internal/store"
	"sallyport/internal/web"
)

// A door on the start page leads in as one of the people, with one click: the demo
// fills in the same forms as they would, with the password and the code that it
// knows, and hands the browser what the product answered. There is no other way in
// than the product's own, and what is due is asked here too.
type doorName string

const (
	doorOperator doorName = "operator"
	doorPartner  doorName = "partner"
	doorCustomer doorName = "customer"
	doorPerson   doorName = "person"
)

// doors in the order of the page, with whose they are and where they lead.
var doors = []struct {
	name doorName
	role core.Role
	to   string
}{{doorOperator, core.PlatformAdmin, "/admin/"}, {doorPartner, core.PartnerAdmin, "/admin/"}, {doorCustomer, core.CustomerAdmin, "/admin/"}, {doorPerson, core.RoleUser, "/account/"}}

// errShut: the door's person cannot come in as things stand now.
var errShut = core.NewFault(core.KindConflict, "demo.door_shut")

// opens says who goes through a door.
func (s *stage) opens(name doorName, g *guest) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.doors[name] = g.id
}

// through is the person of a door with what the demo remembers of them.
func (d *Demo) through(name doorName) (cast, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, c := range d.people {
		if c.user == d.doors[name] {
			return c, true
		}
	}
	return cast{}, false
}

// over reports whether the walk is.
func (d *Demo) over() bool {
	select {
	case <-d.ready:
		return true
	default:
		return false
	}
}

func (d *Demo) getStart(w http.ResponseWriter, r *http.Request) error {
	return d.drawStart(w, r, nil)
}

func (d *Demo) drawStart(w http.ResponseWriter, r *http.Request, fault error) error {
	p := StartPage{Page: web.Page{Now: d.house.Clock.Now(), Fault: fault}}
	if cur, err := d.house.Checker.Check(r.Context(), web.NewCookies(false).Get(r, web.SessionCookie), web.Proxies(nil).Client(r).Address); err == nil {
		p.Person = cur.User.Name
	}
	if d.over() {
		for _, x := range doors {
			door, err := d.door(r.Context(), x.name)
			if err != nil {
				return err
			}
			door.Role = string(x.role)
			p.Doors = append(p.Doors, door)
		}
	}
	if fault != nil {
		return web.Redraw(w, r, fault, Start(p))
	}
	return web.Render(w, r, http.StatusOK, Start(p))
}

// door is who goes through one now, by the names that they and their tenant have.
func (d *Demo) door(ctx context.Context, name doorName) (Door, error) {
	c, ok := d.through(name)
	if !ok {
		return Door{}, fmt.Errorf("nobody goes through the door %s", name)
	}
	u, err := d.house.Store.FindUser(ctx, c.user)
	if err != nil {
		return Door{}, err
	}
	out := Door{Name: string(name), Person: u.Name}
	err = d.house.Store.View(ctx, u.Tenant, func(rd store.Reader) error {
		t, err := rd.Tenant()
		out.Tenant = t.Name
		return err
	})
	return out, err
}

func (d *Demo) postDoor(w http.ResponseWriter, r *http.Request) error {
	name := doorName(r.PathValue("door"))
	for _, x := range doors {
		if x.name != name {
			continue
		}
		if !d.over() {
			return d.drawStart(w, r, errShut)
		}
		to, err := d.enter(w, r, name, x.to)
		if err != nil {
			return err
		}
		if to == "" {
			return d.drawStart(w, r, errShut)
		}
		return web.GoTo(to)
	}
	return core.ErrNotFound
}

// enter signs the person of a door in for the browser that asks, and returns where
// the product sends it, or nothing where it did not let them in.
func (d *Demo) enter(w http.ResponseWriter, r *http.Request, name doorName, to string) (string, error) {
	c, ok := d.through(name)
	if !ok {
		return "", nil
	}
	u, err := d.house.Store.FindUser(r.Context(), c.user)
	if err != nil {
		return "", err
	}
	v, err := d.inNameOf(w, r)
	if err != nil {
		return "", err
	}
	way, err := v.post("/sign-in", url.Values{"login": {u.Login}, "password": {c.password}, "return_to": {to}})
	if err != nil || path.Base(way) != "code" {
		return way, err
	}
	code, err := d.unused(r.Context(), u)
	if err != nil || code == "" {
		return "", err
	}
	return v.post(way, url.Values{"code": {code}})
}

// stand speaks for a browser: with its cookies, its name, its language and its
// address. What the product sets goes back to it.
type stand struct {
	base   string
	client *http.Client
	header http.Header
	back   http.ResponseWriter
}

func (d *Demo) inNameOf(w http.ResponseWriter, r *http.Request) (*stand, error) {
	jar, err := cookiejar.New(nil)
	if err != nil {
		return nil, err
	}
	base, err := url.Parse(d.base)
	if err != nil {
		return nil, err
	}
	jar.SetCookies(base, r.Cookies())
	header := http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}
	for _, h := range []string{"User-Agent", "Accept-Language", "X-Forwarded-For"} {
		header[h] = r.Header.Values(h)
	}
	return &stand{d.base, &http.Client{Jar: jar, Timeout: 30 * time.Second, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}, header, w}, nil
}

// post sends a form and returns where the answer leads, or nothing where the form
// came back.
func (s *stand) post(path string, fields url.Values) (string, error) {
	req, err := http.NewRequest(http.MethodPost, s.base+path, strings.NewReader(fields.Encode()))
	if err != nil {
		return "", err
	}
	req.Header = s.header.Clone()
	resp, err := s.client.Do(req)
	if err != nil {
		return "", err
	}
	_ = resp.Body.Close()
	for _, c := range resp.Header.Values("Set-Cookie") {
		s.back.Header().Add("Set-Cookie", c)
	}
	if resp.StatusCode != http.StatusSeeOther {
		return "", nil
	}
	return resp.Header.Get("Location"), nil
}

// unused is a code of somebody's app that was not accepted yet. The next one is
// taken as well, a clock may be off by as much; after that the demo's clock goes on,
// since nobody wants to wait for half a minute.
func (d *Demo) unused(ctx context.Context, u core.User) (code string, err error) {
	var f core.Factor
	err = d.house.Store.View(ctx, u.Tenant, func(rd store.Reader) error {
		all, err := rd.Factors(u.ID)
		for _, x := range all {
			if x.Kind == core.FactorTOTP && x.State == core.FactorConfirmed {
				f = x
			}
		}
		return err
	})
	if err != nil || f.ID == "" {
		return "", err
	}
	plain, err := d.house.SignIn.Enrol.Open(f)
	if err != nil {
		return "", err
	}
	p := totp.DefaultParams()
	p.Digits = f.Doc.Digits
	period := time.Duration(p.Period) * time.Second
	step := totp.StepAt(d.house.Clock.Now(), p.Period)
	free := max(step, f.LastStep+1)
	if ahead := free - step - int64(f.Doc.Skew); ahead > 0 {
		if err := d.house.Wind(ctx, time.Duration(ahead)*period); err != nil {
			return "", err
		}
	}
	return totp.Code(plain, free, p), nil
}
