package demo

import (
	"errors"
	"fmt"
	"net/url"
	"strings"

	"sallyport/internal/access"
	"sallyport/internal/core"
	"sallyport/internal/directory"
	"sallyport/internal/factor/totp"
	"sallyport/internal/policy"
)

// The steps of the walk, in their order. Each returns what was seen, in words.

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
			*into, err = dir.CreateTenant(s.ctx, n, access.System(), c)
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
	at, err := s.house.Tree.Place(s.ctx, s.self.ID)
	if err != nil {
		return "", err
	}
	helpdesk := access.Actor{Grants: []access.Grant{{Role: core.Helpdesk, At: at}}}
	_, err = s.house.Directory.Invite(s.ctx, directory.NewUser{Tenant: s.self.ID, Email: s.mail("nobody@ringwerk.example"), Name: "Nobody",
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
