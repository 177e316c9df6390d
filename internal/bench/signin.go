package bench

import (
	"fmt"
	"net/url"
	"strings"
	"time"
)

// visit is a person's way in: two posts, as a browser sends them that already
// shows the forms.
type visit struct {
	p      *person
	known  bool // the browser sends the device cookie
	action string
	cookie string
}

// password is the first step.
func (v *visit) password(c *client) error {
	v.cookie = ""
	if v.known {
		v.cookie = "sallyport-device=" + v.p.device
	}
	a, err := c.do("POST", "/sign-in", v.cookie, "login="+url.QueryEscape(v.p.login)+"&password="+url.QueryEscape(passphrase))
	if err != nil {
		return err
	}
	attempt := a.cookie("sallyport-attempt")
	if a.status != 303 || !strings.HasSuffix(a.location, "/code") || attempt == "" {
		return fmt.Errorf("the password step answered %d %s", a.status, a.location)
	}
	v.action = a.location
	if v.cookie != "" {
		v.cookie += "; "
	}
	v.cookie += attempt
	return nil
}

// code is the second step; it returns the session's cookie.
func (v *visit) code(c *client) (string, error) {
	code, err := v.p.code(time.Now())
	if err != nil {
		return "", err
	}
	a, err := c.do("POST", v.action, v.cookie, "code="+code)
	if err != nil {
		return "", err
	}
	session := a.cookie("sallyport")
	if a.status != 303 || a.location != "/account/" || session == "" {
		return "", fmt.Errorf("the code step answered %d %s", a.status, a.location)
	}
	return session, nil
}

// signIn goes the whole way.
func signIn(c *client, p *person, known bool) (string, error) {
	v := visit{p: p, known: known}
	if err := v.password(c); err != nil {
		return "", err
	}
	return v.code(c)
}

// withPages goes the way of a browser, which fetches every page in between.
func withPages(c *client, p *person) error {
	look := func(path, cookie string) error {
		a, err := c.do("GET", path, cookie, "")
		if err == nil && a.status != 200 {
			err = fmt.Errorf("GET %s answered %d", path, a.status)
		}
		return err
	}
	v := visit{p: p, known: true}
	if err := look("/sign-in", "sallyport-device="+p.device); err != nil {
		return err
	}
	if err := v.password(c); err != nil {
		return err
	}
	if err := look(v.action, v.cookie); err != nil {
		return err
	}
	session, err := v.code(c)
	if err != nil {
		return err
	}
	return look("/account/", session+"; sallyport-device="+p.device)
}

// checkPath is the cheapest page that needs a session: a redirect to the start
// of the account. Everything around it is a session check.
const checkPath = "/account"

func check(c *client, session string) error {
	a, err := c.do("GET", checkPath, session, "")
	if err != nil {
		return err
	}
	if a.status != 303 || a.location != "/account/" {
		return fmt.Errorf("the session check answered %d %s", a.status, a.location)
	}
	return nil
}
