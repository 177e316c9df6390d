package demo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"

	"sallyport/internal/core"
	"sallyport/internal/factor/totp"
)

// stage is what the steps of the walk hand on to each other.
type stage struct {
	*Demo
	ctx      context.Context
	platform core.Tenant
	partner  core.Tenant
	run      int    // walks that this folder saw before
	mark     string // what tells the names of this walk from those of earlier ones
	customer core.Tenant
	unit     core.Tenant
	self     core.Tenant

	anna     *Visitor
	login    string
	password string
	invited  core.User
	key      string // Anna's setup key
	recovery string // Anna's recovery code
	used     string // the code that signed her in last
}

// walk runs the steps; the first that does not hold ends it.
func (d *Demo) walk(ctx context.Context, say *teller) error {
	s := &stage{Demo: d, ctx: ctx, password: "Drei Tassen Kaffee am Morgen"}
	for _, step := range []struct {
		name string
		rows []string
		do   func() (string, error)
	}{
		{"tenants", nil, s.tenants},
		{"invitation", []string{"CAL-14", "AIR-11"}, s.invite},
		{"first password", []string{"AIR-10"}, s.accept},
		{"setup key and QR code", []string{"CAL-01", "CAL-02", "CAL-04"}, s.open},
		{"wrong first code", []string{"CAL-04"}, s.wrongFirst},
		{"right first code", []string{"CAL-03", "CAL-04", "CAL-05"}, s.enrol},
		{"recovery code saved", []string{"CAL-05", "CAL-06"}, s.save},
		{"sign-in asks for the code", []string{"CAL-07"}, s.signIn},
		{"the same code again", []string{"T-05"}, s.replay},
		{"phone lost: recovery code", []string{"CAL-08", "CAL-10"}, s.lost},
		{"old recovery code", []string{"CAL-10"}, s.oldRecovery},
		{"password forgotten as well", []string{"CAL-09"}, s.forgot},
		{"new phone", []string{"CAL-11"}, s.newPhone},
		{"switched off", []string{"CAL-12"}, s.disable},
		{"people to try it with", nil, s.everybody},
		{"audit log sealed", nil, s.audit},
	} {
		began := time.Now()
		proof, err := step.do()
		say.step(step.name, step.rows, time.Since(began), proof, err)
		if err != nil {
			return fmt.Errorf("demo: step %q: %w", step.name, err)
		}
	}
	return nil
}

// passwordStep signs Anna in as far as the code page.
func (s *stage) passwordStep() (Page, error) {
	p, err := s.anna.Get("/sign-in")
	if err == nil {
		err = p.Expect("sign-in")
	}
	if err != nil {
		return p, err
	}
	if p, err = s.anna.Submit(p, "login", s.login, "password", s.password); err == nil {
		err = p.Expect("code")
	}
	return p, err
}

func (s *stage) signOut() error {
	p, err := s.anna.Post("/sign-out", nil)
	if err == nil {
		err = p.Expect("signed-out")
	}
	return err
}

// code computes the code that an authenticator app with this key shows now.
func (d *Demo) code(key string) (string, error) {
	plain, ok := totp.ParseSetupKey(key)
	if !ok {
		return "", errors.New("the setup key is not base32")
	}
	p := totp.DefaultParams()
	return totp.Code(plain, totp.StepAt(d.house.Clock.Now(), p.Period), p), nil
}

// nextCode moves the clock to the next time step, because a code that was
// accepted is not accepted again, and computes Anna's code there.
func (s *stage) nextCode() (string, error) {
	if err := s.advance("30s"); err != nil {
		return "", err
	}
	return s.code(s.key)
}

func (s *stage) advance(by string) error {
	resp, err := http.Post(s.base+"/demo/clock", "application/json", strings.NewReader(`{"advance":"`+by+`"}`))
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("the clock did not move: status %d", resp.StatusCode)
	}
	return nil
}

var linkWord = regexp.MustCompile(`https?://[^\s]+`)

// link waits for the newest mail to an address with a link of this kind.
func (d *Demo) link(to, kind string) (string, error) {
	text, err := d.arrived(to, kind)
	if err != nil {
		return "", err
	}
	for _, word := range linkWord.FindAllString(text, -1) {
		u, err := url.Parse(word)
		if err == nil && strings.HasPrefix(u.Path, kind) {
			return u.Path, nil
		}
	}
	return "", fmt.Errorf("no link %s in the mail", kind)
}

// arrived waits for the newest mail to an address that has a word in it, as
// somebody looking into the inbox does.
func (d *Demo) arrived(to, word string) (string, error) {
	until := time.Now().Add(8 * time.Second)
	d.worker.Wake()
	for {
		var inbox struct {
			Messages []struct{ Subject, Text string }
		}
		resp, err := http.Get(d.base + "/demo/mail.json?to=" + url.QueryEscape(to))
		if err != nil {
			return "", err
		}
		err = json.NewDecoder(resp.Body).Decode(&inbox)
		_ = resp.Body.Close()
		if err != nil {
			return "", err
		}
		for _, m := range inbox.Messages {
			if strings.Contains(m.Subject+"\n"+m.Text, word) {
				return m.Text, nil
			}
		}
		if time.Now().After(until) {
			return "", fmt.Errorf("no mail to %s with %q arrived in time", to, word)
		}
		time.Sleep(20 * time.Millisecond)
		d.worker.Wake()
	}
}

func firstSentence(text, word string) string {
	for _, s := range strings.SplitAfter(text, ".") {
		if strings.Contains(s, word) {
			return strings.TrimSpace(s)
		}
	}
	return word
}
