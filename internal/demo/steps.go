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
)

// The steps of somebody who decides for himself (rows CAL-01 to CAL-12), in their
// order. Each returns what was seen, in words.

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
	j := s.guest("Jonas Weber", "jonas.weber@ringwerk.example", "de", "Drei Tassen Kaffee am Morgen")
	in, err := s.house.Directory.Invite(s.ctx, directory.NewUser{Tenant: s.self.ID, Email: j.mail, Name: j.name, Locale: j.lang}, access.System(), core.Client{})
	if err != nil {
		return "", err
	}
	j.id = in.User.ID
	s.jonas = j
	s.worker.Wake()
	return "Jonas at Ringwerk Telefonie: pending validation; a mail is on its way", nil
}

func (s *stage) accept() (string, error) {
	j := s.jonas
	path, err := s.link(j.mail, "/invitation/")
	if err != nil {
		return "", err
	}
	p, err := j.Post("/sign-in", url.Values{"login": {j.login}, "password": {j.password}})
	if err == nil {
		err = p.Refused("sign_in.refused") // pending accounts hear the one answer
	}
	if err != nil {
		return "", err
	}
	for range 2 { // looking at it twice spends nothing
		j.open(path, "invitation")
	}
	j.send("account", "new_password", j.password)
	if j.err != nil {
		return "", j.err
	}
	if p, err = NewVisitor(s.base, j.lang).Get(path); err == nil {
		err = p.Refused("invitation.used")
	}
	return "the link from the mail, opened twice, used once; signed in with a password", err
}

func (s *stage) setupKey() (string, error) {
	j := s.jonas
	j.open("/account/security", "security")
	j.open("/account/security/totp", "enrol-totp")
	j.key = j.at.Of("data-setup-key")
	j.must(strings.Contains(j.at.Raw, "<svg") && j.key != "", "the page shows no QR code or no setup key")
	plain, ok := totp.ParseSetupKey(j.key)
	j.must(ok && len(plain) == 20, "the setup key is not 160 bits")
	return "QR code and " + fmt.Sprint(len(strings.Fields(j.key))) + " groups of four, 160 bits", j.err
}

func (s *stage) wrongFirst() (string, error) {
	j := s.jonas
	j.open("/account/security/totp", "enrol-totp")
	wrong := "000000"
	if code, err := s.code(j.key); err != nil || code == wrong {
		wrong = "000001"
	}
	j.refused("factor.code_mismatch", "code", wrong)
	j.must(j.at.Of("data-setup-key") == j.key, "the key changed after a wrong code")
	return "refused; the key stays, nothing is on yet", j.err
}

func (s *stage) enrol() (string, error) {
	j := s.jonas
	j.open("/account/security/totp", "enrol-totp")
	j.setsUp("recovery-code")
	j.recovery = j.at.Of("data-recovery-code")
	j.must(len(j.recovery) >= 24, "no recovery code on the page")
	return "on; one recovery code, shown this once", j.err
}

func (s *stage) save() (string, error) {
	j := s.jonas
	j.open("/account/", "recovery-code") // it stands before the account until answered
	j.send("security", "saved", "yes")
	said := firstSentence(j.at.Text, "MFA")
	if j.err != nil {
		return "", j.err
	}
	if _, err := s.arrived(j.mail, "MFA"); err != nil {
		return "", err
	}
	j.open("/account/", "account")
	return said, j.err
}

func (s *stage) signIn() (string, error) {
	j := s.jonas
	j.leaves()
	j.asks("code")
	code, err := j.next()
	if err != nil {
		return "", err
	}
	j.send("account", "code", code[:3]+" "+code[3:])
	return "password, then code; no trusted browser", j.err
}

func (s *stage) replay() (string, error) {
	j := s.jonas
	j.leaves()
	j.asks("code")
	j.refused("factor.code_used", "code", j.used)
	return "refused: each time step works once", j.err
}

func (s *stage) lost() (string, error) {
	j := s.jonas
	j.asks("code")
	old := j.recovery
	j.send("recovery-code", "code", strings.ToLower(old))
	j.recovery = j.at.Of("data-recovery-code")
	j.must(j.recovery != "" && j.recovery != old, "no new recovery code")
	j.used = old
	j.send("account", "saved", "yes")
	return "signed in; a new recovery code at once", j.err
}

func (s *stage) oldRecovery() (string, error) {
	j := s.jonas
	j.leaves()
	j.asks("code")
	j.refused("factor.code_mismatch", "code", j.used)
	return "refused: it worked once", j.err
}

// forgets asks for a new password and opens the link from the mail.
func (g *guest) forgets() {
	g.open("/reset", "reset")
	g.send("reset-sent", "login", g.login)
	if g.err != nil {
		return
	}
	var path string
	if path, g.err = g.d.link(g.mail, "/reset/"); g.err != nil {
		g.told()
		return
	}
	g.open(path, "new-password")
}

// renews chooses another password and wants the page that follows.
func (g *guest) renews(password, want string) {
	g.password = password
	g.send(want, "new_password", password)
}

func (s *stage) forgot() (string, error) {
	j := s.jonas
	j.forgets()
	j.renews("Vier Brote und ein Krug Wasser", "code") // the reset ends at the second factor
	j.send("recovery-code", "code", j.recovery)
	j.recovery = j.at.Of("data-recovery-code")
	j.send("account", "saved", "yes")
	return "new password by mail, then still the second factor", j.err
}

func (s *stage) newPhone() (string, error) {
	j := s.jonas
	j.open("/account/security/totp", "enrol-totp")
	// Until the new app is confirmed, the old one works: in another browser.
	other := j.again()
	other.asks("code")
	other.proves("account")
	if other.err != nil {
		return "", fmt.Errorf("the old app while the new one waits: %w", other.err)
	}
	j.setsUp("recovery-code")
	j.recovery = j.at.Of("data-recovery-code")
	j.send("security", "saved", "yes")
	if j.err != nil {
		return "", j.err
	}
	other.leaves()
	other.asks("code")
	code, err := other.next()
	if err != nil {
		return "", err
	}
	other.refused("factor.code_mismatch", "code", code)
	return "the old app worked until the new one was confirmed, and not after", other.err
}

func (s *stage) disable() (string, error) {
	j := s.jonas
	j.open("/account/security/disable", "disable")
	j.send("security")
	said := firstSentence(j.at.Text, "MFA")
	j.leaves()
	j.asks("account") // no code is asked for any more
	j.known("self-service")
	return said, j.err
}
