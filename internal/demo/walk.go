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

	"sallyport/internal/access"
	"sallyport/internal/core"
	"sallyport/internal/directory"
	"sallyport/internal/factor/totp"
	"sallyport/internal/policy"
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

func (s *stage) tenants() (string, error) {
	dir, c := s.house.Directory, core.Client{}
	all, err := s.house.Store.AllTenants(s.ctx)
	if err != nil {
		return "", err
	}
	// A folder of an earlier demo is walked again beside what is in it, with
	// organisations and people of its own.
	for _, t := range all {
		if t.Kind == core.Platform {
			s.platform = t
		}
		if t.Kind == core.Partner {
			s.run++
		}
	}
	if s.run > 0 {
		s.mark = fmt.Sprint(s.run + 1)
	}
	s.login = s.mail("anna.lindner@ringwerk.example")
	create := func(into *core.Tenant, n directory.NewTenant) {
		if err == nil {
			*into, err = dir.CreateTenant(s.ctx, n, core.ActorSystem, c)
		}
	}
	preset, perr := policy.Preset("self-service")
	if perr != nil {
		return "", perr
	}
	self, perr := preset.Merge(core.SettingsDoc(`{"locale":"de","time_zone":"Europe/Berlin"}`))
	if perr != nil {
		return "", perr
	}
	if s.platform.ID == "" {
		create(&s.platform, directory.NewTenant{Kind: core.Platform, Name: "Sallyport Demo", Settings: core.SettingsDoc(`{"time_zone":"Europe/Berlin"}`)})
	}
	create(&s.partner, directory.NewTenant{Kind: core.Partner, Name: s.name("Nordwind MSP"), Parent: s.platform.ID, Settings: core.SettingsDoc(`{"time_zone":"Europe/Berlin"}`)})
	create(&s.customer, directory.NewTenant{Kind: core.Customer, Name: s.name("Bäckerei Huber"), Parent: s.partner.ID, Settings: core.SettingsDoc(`{"requirement":["organization"],"time_zone":"Europe/Berlin"}`)})
	create(&s.unit, directory.NewTenant{Kind: core.Unit, Name: s.name("Filiale Süd"), Parent: s.customer.ID})
	create(&s.self, directory.NewTenant{Kind: core.Customer, Name: s.name("Ringwerk Telefonie"), Parent: s.platform.ID, Settings: self})
	if err != nil {
		return "", err
	}
	eff, err := s.house.Tree.Effective(s.ctx, s.partner.ID)
	if err != nil {
		return "", err
	}
	if !eff.Locked || !eff.Settings.Requires(core.RequireOrganization) {
		return "", errors.New("the partner in production is not locked on")
	}
	return "Nordwind MSP (locked on) → Bäckerei Huber → Filiale Süd; Ringwerk Telefonie (self-service)", nil
}

// name and mail are those of this walk.
func (s *stage) name(n string) string {
	if s.mark == "" {
		return n
	}
	return n + " " + s.mark
}

func (s *stage) mail(address string) string {
	name, domain, _ := strings.Cut(address, "@")
	return name + s.mark + "@" + domain
}

func (s *stage) invite() (string, error) {
	// An inviter may grant only what they hold: a helpdesk makes no administrator.
	helpdesk := access.Actor{Grants: []access.Grant{{Role: core.Helpdesk, Path: s.self.Path}}}
	_, err := s.house.Directory.Invite(s.ctx, directory.NewUser{Tenant: s.self.ID, Email: s.mail("nobody@ringwerk.example"), Name: "Nobody",
		Roles: []core.Role{core.CustomerAdmin}}, helpdesk, core.Client{})
	if !errors.Is(err, core.ErrForbidden) {
		return "", fmt.Errorf("a helpdesk could invite an administrator: %v", err)
	}
	in, err := s.house.Directory.Invite(s.ctx, directory.NewUser{Tenant: s.self.ID, Email: s.login, Name: "Anna Lindner", Locale: "de"}, access.System(), core.Client{})
	if err != nil {
		return "", err
	}
	s.invited = in.User
	s.worker.Wake()
	return "pending validation; a mail is on its way", nil
}

func (s *stage) accept() (string, error) {
	path, err := s.link(s.login, "/invitation/")
	if err != nil {
		return "", err
	}
	s.anna = NewVisitor(s.base, "de")
	p, err := s.anna.Post("/sign-in", url.Values{"login": {s.login}, "password": {s.password}})
	if err == nil {
		err = p.Refused("sign_in.refused") // pending accounts hear the one answer
	}
	if err != nil {
		return "", err
	}
	for range 2 { // looking at it twice spends nothing
		if p, err = s.anna.Get(path); err == nil {
			err = p.Expect("invitation")
		}
		if err != nil {
			return "", err
		}
	}
	if p, err = s.anna.Submit(p, "new_password", s.password); err == nil {
		err = p.Expect("account")
	}
	if err != nil {
		return "", err
	}
	other := NewVisitor(s.base, "de")
	if p, err = other.Get(path); err == nil {
		err = p.Refused("invitation.used")
	}
	return "the link from the mail, opened twice, used once; signed in with a password", err
}

func (s *stage) open() (string, error) {
	p, err := s.anna.Get("/account/security")
	if err == nil {
		err = p.Expect("security")
	}
	if err != nil {
		return "", err
	}
	if p, err = s.anna.Get("/account/security/totp"); err == nil {
		err = p.Expect("enrol-totp")
	}
	if err != nil {
		return "", err
	}
	s.key = p.Of("data-setup-key")
	if !strings.Contains(p.Raw, "<svg") || s.key == "" {
		return "", errors.New("the page shows no QR code or no setup key")
	}
	plain, ok := totp.ParseSetupKey(s.key)
	if !ok || len(plain) != 20 {
		return "", errors.New("the setup key is not 160 bits")
	}
	return "QR code and " + fmt.Sprint(len(strings.Fields(s.key))) + " groups of four, 160 bits", nil
}

func (s *stage) wrongFirst() (string, error) {
	p, err := s.anna.Get("/account/security/totp")
	if err != nil {
		return "", err
	}
	wrong := "000000"
	if code, err := s.code(s.key); err != nil || code == wrong {
		wrong = "000001"
	}
	if p, err = s.anna.Submit(p, "code", wrong); err == nil {
		err = p.Refused("factor.code_mismatch")
	}
	if err == nil && p.Of("data-setup-key") != s.key {
		err = errors.New("the key changed after a wrong code")
	}
	return "refused; the key stays, nothing is on yet", err
}

func (s *stage) enrol() (string, error) {
	p, err := s.anna.Get("/account/security/totp")
	if err != nil {
		return "", err
	}
	code, err := s.code(s.key)
	if err != nil {
		return "", err
	}
	if p, err = s.anna.Submit(p, "code", code); err == nil {
		err = p.Expect("recovery-code")
	}
	if err != nil {
		return "", err
	}
	if s.recovery = p.Of("data-recovery-code"); len(s.recovery) < 24 {
		return "", errors.New("no recovery code on the page")
	}
	s.used = code
	return "on; one recovery code, shown this once", nil
}

func (s *stage) save() (string, error) {
	p, err := s.anna.Get("/account/")
	if err == nil {
		err = p.Expect("recovery-code") // it stands before the account until answered
	}
	if err != nil {
		return "", err
	}
	if p, err = s.anna.Submit(p, "saved", "yes"); err == nil {
		err = p.Expect("security")
	}
	if err != nil {
		return "", err
	}
	if _, err := s.arrived(s.login, "MFA"); err != nil {
		return "", err
	}
	again, err := s.anna.Get("/account/")
	if err == nil {
		err = again.Expect("account")
	}
	return firstSentence(p.Text, "MFA"), err
}

func (s *stage) signIn() (string, error) {
	if err := s.signOut(); err != nil {
		return "", err
	}
	p, err := s.passwordStep()
	if err != nil {
		return "", err
	}
	code, err := s.nextCode()
	if err != nil {
		return "", err
	}
	if p, err = s.anna.Submit(p, "code", code[:3]+" "+code[3:]); err == nil {
		err = p.Expect("account")
	}
	s.used = code
	return "password, then code; no trusted browser", err
}

func (s *stage) replay() (string, error) {
	if err := s.signOut(); err != nil {
		return "", err
	}
	p, err := s.passwordStep()
	if err != nil {
		return "", err
	}
	if p, err = s.anna.Submit(p, "code", s.used); err == nil {
		err = p.Refused("factor.code_used")
	}
	return "refused: each time step works once", err
}

func (s *stage) lost() (string, error) {
	p, err := s.passwordStep()
	if err != nil {
		return "", err
	}
	old := s.recovery
	if p, err = s.anna.Submit(p, "code", strings.ToLower(old)); err == nil {
		err = p.Expect("recovery-code")
	}
	if err != nil {
		return "", err
	}
	s.recovery = p.Of("data-recovery-code")
	if s.recovery == "" || s.recovery == old {
		return "", errors.New("no new recovery code")
	}
	s.used = old
	if p, err = s.anna.Submit(p, "saved", "yes"); err == nil {
		err = p.Expect("account")
	}
	return "signed in; a new recovery code at once", err
}

func (s *stage) oldRecovery() (string, error) {
	if err := s.signOut(); err != nil {
		return "", err
	}
	p, err := s.passwordStep()
	if err != nil {
		return "", err
	}
	if p, err = s.anna.Submit(p, "code", s.used); err == nil {
		err = p.Refused("factor.code_mismatch")
	}
	return "refused: it worked once", err
}

func (s *stage) forgot() (string, error) {
	p, err := s.anna.Get("/reset")
	if err != nil {
		return "", err
	}
	if p, err = s.anna.Submit(p, "login", s.login); err == nil {
		err = p.Expect("reset-sent")
	}
	if err != nil {
		return "", err
	}
	path, err := s.link(s.login, "/reset/")
	if err != nil {
		return "", err
	}
	if p, err = s.anna.Get(path); err == nil {
		err = p.Expect("new-password")
	}
	if err != nil {
		return "", err
	}
	s.password = "Vier Brote und ein Krug Wasser"
	if p, err = s.anna.Submit(p, "new_password", s.password); err == nil {
		err = p.Expect("code") // the reset ends at the second factor
	}
	if err != nil {
		return "", err
	}
	if p, err = s.anna.Submit(p, "code", s.recovery); err == nil {
		err = p.Expect("recovery-code")
	}
	if err != nil {
		return "", err
	}
	s.recovery = p.Of("data-recovery-code")
	if p, err = s.anna.Submit(p, "saved", "yes"); err == nil {
		err = p.Expect("account")
	}
	return "new password by mail, then still the second factor", err
}

func (s *stage) newPhone() (string, error) {
	p, err := s.anna.Get("/account/security/totp")
	if err == nil {
		err = p.Expect("enrol-totp")
	}
	if err != nil {
		return "", err
	}
	fresh := p.Of("data-setup-key")
	// Until the new app is confirmed, the old one works: in another browser.
	other := &stage{Demo: s.Demo, ctx: s.ctx, mark: s.mark, anna: NewVisitor(s.base, "de"), login: s.login, password: s.password, key: s.key}
	door, err := other.passwordStep()
	if err != nil {
		return "", err
	}
	code, err := other.nextCode()
	if err != nil {
		return "", err
	}
	if door, err = other.anna.Submit(door, "code", code); err == nil {
		err = door.Expect("account")
	}
	if err != nil {
		return "", fmt.Errorf("the old app while the new one waits: %w", err)
	}
	if code, err = s.code(fresh); err != nil {
		return "", err
	}
	if p, err = s.anna.Submit(p, "code", code); err == nil {
		err = p.Expect("recovery-code")
	}
	if err != nil {
		return "", err
	}
	old := s.key
	s.key, s.recovery = fresh, p.Of("data-recovery-code")
	if _, err = s.anna.Submit(p, "saved", "yes"); err != nil {
		return "", err
	}
	if err := other.signOut(); err != nil {
		return "", err
	}
	if door, err = other.passwordStep(); err != nil {
		return "", err
	}
	other.key = old
	if code, err = other.nextCode(); err != nil {
		return "", err
	}
	if door, err = other.anna.Submit(door, "code", code); err == nil {
		err = door.Refused("factor.code_mismatch")
	}
	return "the old app worked until the new one was confirmed, and not after", err
}

func (s *stage) disable() (string, error) {
	p, err := s.anna.Get("/account/security/disable")
	if err == nil {
		err = p.Expect("disable")
	}
	if err != nil {
		return "", err
	}
	if p, err = s.anna.Submit(p); err == nil {
		err = p.Expect("security")
	}
	if err != nil {
		return "", err
	}
	said := firstSentence(p.Text, "MFA")
	if err := s.signOut(); err != nil {
		return "", err
	}
	if p, err = s.anna.Get("/sign-in"); err != nil {
		return "", err
	}
	if p, err = s.anna.Submit(p, "login", s.login, "password", s.password); err == nil {
		err = p.Expect("account") // no code is asked for any more
	}
	if err != nil {
		return "", err
	}
	s.remember(s.invited.ID, s.password, "self-service")
	return said, nil
}

func (s *stage) audit() (string, error) {
	n, err := s.house.Sealer.Seal(s.ctx)
	if err != nil {
		return "", err
	}
	b, err := s.house.Store.LastBatch(s.ctx)
	if err != nil {
		return "", err
	}
	if b.Number == 0 {
		return "", errors.New("nothing was sealed")
	}
	return fmt.Sprintf("%d events in %d batches, %d of them just now", b.First+b.Count-1, b.Number, n), nil
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
