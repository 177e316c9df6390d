package demo

import (
	"errors"
	"fmt"

	"sallyport/internal/core"
	"sallyport/internal/factor/totp"
)

// guest is somebody of the walk at a browser of their own: what they know, what
// they have, and the page before them. Once something was not as it was to be, err
// says so and every further move is none.
type guest struct {
	*Visitor
	d        *Demo
	id       core.UserID
	name     string
	login    string
	mail     string
	password string
	key      string // of their authenticator app
	recovery string
	used     string // the code that was accepted last

	at  Page
	err error
}

// again is the same person at another browser.
func (g *guest) again() *guest {
	o := *g
	o.Visitor, o.at, o.err = NewVisitor(g.d.base, g.lang), Page{}, nil
	return &o
}

func (g *guest) see(want string, move func() (Page, error)) {
	if g.err != nil {
		return
	}
	if g.at, g.err = move(); g.err == nil {
		g.err = g.at.Expect(want)
	}
	g.told()
}

// told puts the name before what went wrong.
func (g *guest) told() {
	if g.err != nil && g.name != "" {
		g.err = fmt.Errorf("%s: %w", g.name, g.err)
	}
}

// open goes to an address and wants that page there.
func (g *guest) open(path, want string) {
	g.see(want, func() (Page, error) { return g.Get(path) })
}

// send fills in the form of the page and wants the page that comes.
func (g *guest) send(want string, fields ...string) {
	g.see(want, func() (Page, error) { return g.Submit(g.at, fields...) })
}

// refused fills in the form and wants it back with this fault.
func (g *guest) refused(code string, fields ...string) {
	if g.err != nil {
		return
	}
	if g.at, g.err = g.Submit(g.at, fields...); g.err == nil {
		g.err = g.at.Refused(code)
	}
	g.told()
}

// must is a condition of the story in words.
func (g *guest) must(holds bool, format string, a ...any) {
	if g.err == nil && !holds {
		g.err = fmt.Errorf(format, a...)
		g.told()
	}
}

// asks types login and password and wants the page that follows.
func (g *guest) asks(want string) {
	g.open("/sign-in", "sign-in")
	g.send(want, "login", g.login, "password", g.password)
}

// proves types a code that was not used yet.
func (g *guest) proves(want string) {
	if g.err != nil {
		return
	}
	var code string
	if code, g.err = g.next(); g.err == nil {
		g.send(want, "code", code)
	}
}

// setsUp scans the code of the page and types what the app shows.
func (g *guest) setsUp(want string) {
	if g.err != nil {
		return
	}
	g.key = g.at.Of("data-setup-key")
	if g.used, g.err = g.d.code(g.key); g.err == nil {
		g.send(want, "code", g.used)
	}
}

// leaves signs out.
func (g *guest) leaves() {
	g.see("signed-out", func() (Page, error) { return g.Post("/sign-out", nil) })
}

// next moves the clock to the next time step, because a code that was accepted is
// not accepted again, and reads the app there.
func (g *guest) next() (string, error) {
	if err := g.d.advance(totp.DefaultParams().Period); err != nil {
		return "", err
	}
	code, err := g.d.code(g.key)
	g.used = code
	return code, err
}

// code is what an authenticator app with this key shows now.
func (d *Demo) code(key string) (string, error) {
	plain, ok := totp.ParseSetupKey(key)
	if !ok {
		return "", errors.New("the setup key is not base32")
	}
	p := totp.DefaultParams()
	return totp.Code(plain, totp.StepAt(d.house.Clock.Now(), p.Period), p), nil
}

// known puts a person into people.json. What is remembered of them is what the
// walk used last.
func (g *guest) known(preset string) {
	if g.err != nil {
		return
	}
	g.d.mu.Lock()
	defer g.d.mu.Unlock()
	for i := range g.d.people {
		if g.d.people[i].user == g.id {
			g.d.people[i].password = g.password
			return
		}
	}
	g.d.people = append(g.d.people, cast{g.id, g.password, preset})
}
