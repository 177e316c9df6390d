package demo

import (
	"fmt"
	"strings"

	"sallyport/internal/core"
	"sallyport/internal/i18n"
)

// The steps of an organisation that makes MFA mandatory for all (rows WBX-01 to
// WBX-11), told by the one who administers it.

const toggle = `href="/account/security/disable"`

// ownChoice: while each decides for themselves, the switch stands on the person's
// own page.
func (s *stage) ownChoice() (string, error) {
	ida, err := s.enters(part{tenant: s.wide, name: "Ida Nyström", mail: "ida.nystrom@sjoberg-konferens.example", lang: "sv", password: "Två lampor lyser i hamnen",
		role: core.CustomerAdmin, enrol: true, preset: wide})
	if err != nil {
		return "", err
	}
	s.ida = ida
	ida.open("/account/security", "security")
	ida.must(strings.Contains(ida.at.Raw, toggle), "she cannot switch off what she chose herself")
	return "Ida turned it on herself and may turn it off on her own page", ida.err
}

// mandatory: the organisation's switch takes the choice away and says who decides.
func (s *stage) mandatory() (string, error) {
	ida := s.ida
	ida.open(under(s.wide, "/security/enable?requirement=organization"), "enable-preview")
	asked := max(0, ida.at.Count("asked"))
	ida.must(asked == 0, "%d would be asked", asked)
	ida.send("tenant-security")
	ida.must(ida.at.Value("data-progress") == "1/1", "the bar says %q", ida.at.Value("data-progress"))
	ida.open("/account/security", "security")
	ida.must(!strings.Contains(ida.at.Raw, toggle) && strings.Contains(ida.at.Text, s.wide.Name), "she may still switch off, or nobody says who decides")
	ida.leaves()
	ida.asks("code")
	ida.proves("account")
	return fmt.Sprintf("%s 1/1: her switch is gone, the page says who decides; every sign-in asks for the code", s.wide.Name), ida.err
}

// phoneGone: here a reset of the password ends the factor, says so, and the next
// sign-in sets up anew.
func (s *stage) phoneGone() (string, error) {
	ida := s.ida
	ida.leaves()
	old := ida.key
	ida.forgets()
	ida.must(strings.Contains(ida.at.Text, i18n.For(ida.lang).T("new_password.clears_title", nil)), "nobody says that the reset clears MFA")
	ida.renews("Sju båtar vid den gamla bryggan", "setup-required")
	ida.send("enrol-totp")
	ida.finish()
	ida.must(ida.key != old, "the old key came back")
	ida.open("/account/", "account")
	ida.known(wide)
	return "new phone: the password reset said that it clears MFA, and she was asked to set up again", ida.err
}
