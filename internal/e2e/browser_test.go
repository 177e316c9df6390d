package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sallyport/internal/testkit/browser"
	"sallyport/internal/testkit/need"
	"sallyport/internal/testkit/program"
)

// person is a line of the demo's people.json.
type person struct {
	ID        string   `json:"id"`
	Name      string   `json:"name"`
	Login     string   `json:"login"`
	Password  string   `json:"password"`
	Email     string   `json:"email"`
	Tenant    string   `json:"tenant"`
	TenantID  string   `json:"tenant_id"`
	Preset    string   `json:"preset"`
	Roles     []string `json:"roles"`
	MFAStatus string   `json:"mfa_status"`
	SetupKey  string   `json:"setup_key"`
	Locale    string   `json:"locale"`
}

func people(t *testing.T, p *program.Process) []person {
	t.Helper()
	var out struct {
		People []person `json:"people"`
	}
	p.GetJSON(t, "/demo/people.json", &out)
	return out.People
}

// words that the story must show, per language.
var story = map[string]struct{ on, off, wrong string }{
	"en": {"You have successfully enabled MFA for your account.", "MFA is now disabled.", ""},
	"de": {"Sie haben MFA erfolgreich für Ihr Konto aktiviert.", "MFA ist jetzt deaktiviert.", ""},
	"fr": {"Vous avez activé la MFA pour votre compte.", "La MFA est maintenant désactivée.", ""},
	"sv": {"Du har aktiverat MFA för ditt konto.", "MFA är nu inaktiverat.", ""},
}

// TestStoryInTheBrowser drives the self-service story with Chromium, signing in
// to the demo itself: on with a QR code, in with a code, phone lost, in with the
// recovery code, off again. Rows CAL-01 to CAL-12.
func TestStoryInTheBrowser(t *testing.T) {
	zbar, oath := need.Tool(t, "zbarimg"), need.Tool(t, "oathtool")
	demo := program.Demo(t, program.Options{})
	chromium := browser.Open(t)
	var free []person
	for _, who := range people(t, demo) {
		if who.MFAStatus == "disabled" && who.Preset == "self-service" {
			free = append(free, who)
		}
	}
	if len(free) == 0 {
		t.Fatal("nobody is free to tell the story")
	}
	// At its end nobody has a second factor any more: it is told again, by a person
	// who has chosen another language.
	for i, lang := range []string{"de", "fr", "sv", "en"} {
		who := free[i%len(free)]
		speaks(t, demo, &who, lang)
		t.Run(who.Locale, func(t *testing.T) {
			s := &teller{t: t, demo: demo, who: who, page: chromium.Page(), zbar: zbar, oath: oath, dir: pictures(t)}
			s.page.Language(who.Locale)
			s.tell()
			for _, c := range s.page.Complaints() {
				t.Errorf("the browser complains: %s", c)
			}
			for _, r := range s.page.Requests() {
				if !strings.HasPrefix(r, demo.URL) && !strings.HasPrefix(r, "data:") && !strings.HasPrefix(r, "blob:") {
					t.Errorf("a request to somebody else: %s", r)
				}
			}
		})
	}
}

// speaks has somebody choose a language on the profile page.
func speaks(t *testing.T, p *program.Process, who *person, lang string) {
	t.Helper()
	if who.Locale == lang {
		return
	}
	v := newVisit(t, p)
	v.submit(v.get("/sign-in", "sign-in"), "account", "login", who.Login, "password", who.Password)
	v.submit(v.get("/account/profile", "profile"), "profile", "locale", lang)
	who.Locale = lang
}

// pictures is where a test leaves its pictures: the folder PICTURES names, for
// looking at them, or one of the test's own.
func pictures(t *testing.T) string {
	if dir := os.Getenv("PICTURES"); dir != "" {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		return dir
	}
	return t.TempDir()
}

type teller struct {
	t          *testing.T
	demo       *program.Process
	who        person
	page       *browser.Page
	zbar, oath string
	dir        string
	key        string
	used       string
}

// look checks the page that is open: its name, its language, that its markup
// locks nobody out, and that nothing scrolls sideways at 320 px. German, whose
// words are the longest, is looked at in the dark as well.
func (s *teller) look(name string) {
	s.t.Helper()
	s.page.Expect(name)
	if lang := s.page.Attr("html", "lang"); lang != s.who.Locale {
		s.t.Errorf("page %s speaks %q, want %q", name, lang, s.who.Locale)
	}
	s.page.Accessible()
	s.picture(name)
	s.page.Size(320, 640)
	if wide := browser.Eval[bool](s.page, `document.documentElement.scrollWidth > 320`); wide {
		s.t.Errorf("page %s scrolls sideways at 320 px", name)
	}
	if s.who.Locale == "de" {
		s.page.Dark(true)
		s.page.Accessible()
		s.picture(name + "-narrow-dark")
		s.page.Dark(false)
	}
	s.page.Size(1280, 900)
}

// picture keeps what a person would see, where somebody wants to look at it.
func (s *teller) picture(name string) {
	if os.Getenv("PICTURES") != "" {
		s.page.Picture(filepath.Join(s.dir, name+"-"+s.who.Locale+".png"))
	}
}

func (s *teller) tell() {
	p, words := s.page, story[s.who.Locale]
	p.Goto(s.demo.URL + "/sign-in")
	s.look("sign-in")
	p.Fill("#login", s.who.Login)
	p.Fill("#password", "not the password of anybody")
	p.Press("main button[type=submit]")
	s.look("sign-in")
	if code := p.Attr("[role=alert]", "data-code"); code != "sign_in.refused" {
		s.t.Errorf("wrong password: fault %q", code)
	}
	p.Fill("#password", s.who.Password)
	p.Press("main button[type=submit]")
	s.look("account")

	p.Goto(s.demo.URL + "/account/security")
	s.look("security")
	p.Press(`main a[href="/account/security/totp"]`)
	s.look("enrol-totp")
	s.scan()
	p.Fill("#code", "000000")
	p.Press("main form button[type=submit]")
	s.look("enrol-totp")
	if code := p.Attr("[role=alert]", "data-code"); code != "factor.code_mismatch" {
		s.t.Errorf("wrong first code: fault %q", code)
	}
	p.Fill("#code", s.code())
	p.Press("main form button[type=submit]")
	s.look("recovery-code")
	recovery := p.Content("[data-recovery-code]")
	p.Click("input[name=saved]")
	p.Press("main form button[type=submit]")
	s.look("security")
	if !strings.Contains(p.Text("main"), words.on) {
		s.t.Errorf("the page does not say %q", words.on)
	}

	s.out()
	s.password()
	s.look("code")
	p.Fill("#code", s.next())
	p.Press("main form button[type=submit]")
	s.look("account")

	s.out()
	s.password()
	p.Fill("#code", s.used)
	p.Press("main form button[type=submit]")
	s.look("code")
	if code := p.Attr("[role=alert]", "data-code"); code != "factor.code_used" {
		s.t.Errorf("the same code again: fault %q", code)
	}
	p.Fill("#code", recovery)
	p.Press("main form button[type=submit]")
	s.look("recovery-code")
	if fresh := p.Content("[data-recovery-code]"); fresh == recovery || fresh == "" {
		s.t.Errorf("no new recovery code")
	}
	p.Click("input[name=saved]")
	p.Press("main form button[type=submit]")
	s.look("account")

	p.Goto(s.demo.URL + "/account/security/sessions")
	s.look("sessions")
	p.Goto(s.demo.URL + "/account/password")
	s.look("password")
	p.Goto(s.demo.URL + "/account/profile")
	s.look("profile")
	p.Goto(s.demo.URL + "/account/security/recovery-code")
	s.look("recovery-renew")
	p.Goto(s.demo.URL + "/account/security/disable")
	s.look("disable")
	p.Press("main form button[type=submit]")
	s.look("security")
	if !strings.Contains(p.Text("main"), words.off) {
		s.t.Errorf("the page does not say %q", words.off)
	}
	s.out()
	s.look("signed-out")
	p.Goto(s.demo.URL + "/")
	s.look("start")
	p.Goto(s.demo.URL + "/reset")
	s.look("reset")
	p.Fill("#login", s.who.Login)
	p.Press("main form button[type=submit]")
	s.look("reset-sent")
	p.Goto(s.demo.URL + "/reset/never-was-a-link")
	s.look("error")
	p.Goto(s.demo.URL + "/demo/mail")
	s.look("demo-mail")
}

// scan reads the QR code off a picture of the page and compares it with the key
// beside it; the code that an unrelated program computes must be the right one.
func (s *teller) scan() {
	s.t.Helper()
	file := filepath.Join(s.dir, "qr-"+s.who.Locale+".png")
	s.page.PictureOf(".qr svg", file, 2)
	out, err := exec.Command(s.zbar, "--raw", "-q", file).Output()
	if err != nil {
		s.t.Fatalf("zbarimg reads nothing from the picture of the page: %v", err)
	}
	uri := strings.TrimSpace(string(out))
	s.key = strings.ReplaceAll(s.page.Content("[data-setup-key]"), " ", "")
	if !strings.HasPrefix(uri, "otpauth://totp/") || !strings.Contains(uri, "secret="+s.key) {
		s.t.Errorf("the QR code says %q, the page says %q", uri, s.key)
	}
}

// code asks oathtool what the app would show now, by the demo's clock.
func (s *teller) code() string {
	s.t.Helper()
	var clock struct {
		Now time.Time `json:"now"`
	}
	s.demo.GetJSON(s.t, "/demo/clock", &clock)
	out, err := exec.Command(s.oath, "--totp", "--base32", "--now", clock.Now.UTC().Format("2006-01-02 15:04:05 UTC"), s.key).Output()
	if err != nil {
		s.t.Fatalf("oathtool: %v", err)
	}
	s.used = strings.TrimSpace(string(out))
	return s.used
}

// next moves the demo's clock by one time step and reads the app.
func (s *teller) next() string {
	advance(s.t, s.demo.URL, "30s")
	return s.code()
}

func (s *teller) password() {
	s.t.Helper()
	s.page.Goto(s.demo.URL + "/sign-in")
	s.page.Fill("#login", s.who.Login)
	s.page.Fill("#password", s.who.Password)
	s.page.Press("main form button[type=submit]")
}

func (s *teller) out() {
	s.t.Helper()
	s.page.Goto(s.demo.URL + "/account/profile")
	s.page.Press(`form[action="/sign-out"] button`)
}
