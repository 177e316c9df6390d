package outbox_test

import (
	"net/mail"
	"regexp"
	"strings"
	"testing"
	"time"

	"sallyport/internal/core"
	"sallyport/internal/i18n"
	"sallyport/internal/outbox"
	"sallyport/internal/testkit/browser"
)

// Every mail in every language, over real SMTP: two parts, no picture, no
// address but ours, no code or token in the subject.
func TestEveryMailInEveryLanguageArrivesWhole(t *testing.T) {
	h := newHouse(t)
	in := openInbox(t, h.clock.Now)
	w := h.worker(smtpTo(t, in.URL()))
	w.PerAddressHour, h.post.PerAddressHour = 0, 0
	for _, l := range i18n.Languages() {
		for _, kind := range core.MailKinds {
			to := string(kind) + "." + l.Tag + "@example.org"
			m := h.message(kind, person(to, l.Tag))
			h.queue(m)
			if r := h.pass(w); r.Sent != 1 {
				t.Fatalf("%s %s: %+v\n%s", l.Tag, kind, r, h.log)
			}
			got := in.List(to)
			if len(got) != 1 {
				t.Fatalf("%s %s: %d mails arrived", l.Tag, kind, len(got))
			}
			check(t, l.Tag+" "+string(kind), m, got[0], i18n.For(l.Tag))
		}
	}
}

func check(t *testing.T, name string, m outbox.Message, got outbox.Received, lang i18n.Lang) {
	t.Helper()
	want(t, name+": header Auto-Submitted", got.Header.Get("Auto-Submitted"), "auto-generated")
	want(t, name+": header Content-Language", got.Header.Get("Content-Language"), lang.Tag())
	if !regexp.MustCompile(`^<ml_[0-9a-z]{26}@example\.com>$`).MatchString(got.Header.Get("Message-ID")) {
		t.Errorf("%s: Message-ID %q", name, got.Header.Get("Message-ID"))
	}
	if at, err := mail.ParseDate(got.Header.Get("Date")); err != nil || !at.Equal(time.Date(2025, 12, 14, 13, 5, 0, 0, time.UTC)) {
		t.Errorf("%s: Date %q", name, got.Header.Get("Date"))
	}
	if got.Subject == "" || strings.Contains(got.Subject, "t0ken") || regexp.MustCompile(`[0-9]{4}`).MatchString(got.Subject) {
		t.Errorf("%s: subject %q", name, got.Subject)
	}
	for part, text := range map[string]string{"text": got.Text, "html": got.HTML} {
		if strings.Contains(text, "<no value>") || strings.Contains(text, "&lt;no value&gt;") || strings.Contains(text, "mail."+string(m.Kind)) {
			t.Errorf("%s, %s: a word is missing:\n%s", name, part, text)
		}
		if !strings.Contains(text, "Anna Huber") || !strings.Contains(text, "Bäckerei Huber") {
			t.Errorf("%s, %s: it names neither person nor organisation:\n%s", name, part, text)
		}
		if m.Path != "" && !strings.Contains(text, base+m.Path) {
			t.Errorf("%s, %s: the link is missing:\n%s", name, part, text)
		}
		for _, link := range regexp.MustCompile(`https?://[^\s"<]+`).FindAllString(text, -1) {
			if !strings.HasPrefix(link, base+"/") {
				t.Errorf("%s, %s: a link leads to %s", name, part, link)
			}
		}
	}
	// No picture and no style sheet: nothing is loaded, so nothing tells that the mail was read.
	if regexp.MustCompile(`(?i)<(img|link|style|script|iframe)|url\(|background=`).MatchString(got.HTML) {
		t.Errorf("%s: the mail loads something:\n%s", name, got.HTML)
	}
	if !strings.Contains(got.HTML, `lang="`+lang.Tag()+`"`) {
		t.Errorf("%s: the language is not said", name)
	}
	if strings.Contains(strings.ReplaceAll(got.Raw, "\r\n", ""), "\n") {
		t.Errorf("%s: a line ends without CR", name)
	}
	if m.Kind != core.MailTest && !strings.Contains(got.Text, firstWords(lang.T("mail.not_you", nil))) {
		t.Errorf("%s: it does not say what to do if it was not you:\n%s", name, got.Text)
	}
}

func firstWords(s string) string {
	return strings.Join(strings.Fields(s)[:3], " ")
}

func TestTimesAreTheOrganisationsAndSayTheirZone(t *testing.T) {
	h := newHouse(t)
	in := openInbox(t, h.clock.Now)
	h.queue(h.message(core.MailPasswordChanged, person("anna@example.org", "de")))
	h.pass(h.worker(smtpTo(t, in.URL())))
	if got := in.List("anna@example.org")[0].Text; !strings.Contains(strings.Join(strings.Fields(got), " "), "14. Dezember 2025, 14:05 (CET)") {
		t.Errorf("%s", got)
	}
}

func TestLanguageIsThePersonsThenTheOrganisationsThenTheServers(t *testing.T) {
	h := newHouse(t)
	in := openInbox(t, h.clock.Now)
	w := h.worker(smtpTo(t, in.URL()))
	w.Renderer.Locale = "sv"
	for _, row := range []struct{ person, org, want string }{
		{"fr", "de", "fr"}, {"", "de", "de"}, {"", "", "sv"}, {"xx", "de", "sv"},
	} {
		h.org.Settings.Locale = row.org
		h.queue(h.message(core.MailTest, person("anna@example.org", row.person)))
		h.pass(w)
		want(t, row.person+"/"+row.org, in.List("")[0].Header.Get("Content-Language"), row.want)
	}
}

// B-30: the address of a link comes from the configuration, and a path that is
// none makes no mail.
func TestALinkLeadsNowhereElse(t *testing.T) {
	r := outbox.Renderer{Base: base, From: mail.Address{Address: "a@example.com"}}
	for _, path := range []string{"//evil.example/x", "https://evil.example/x", "javascript:alert(1)", `/\evil.example`, "reset/x", "/a\r\nb", ""} {
		out, err := r.Render(core.Mail{ID: "ml_1", Kind: core.MailReset, To: "a@example.org"}, core.MailBody{Path: path}, time.Now())
		if err == nil {
			t.Errorf("%q made the link in:\n%s", path, out.Text)
		}
	}
	r.Base = ""
	if _, err := r.Render(core.Mail{ID: "ml_1", Kind: core.MailReset, To: "a@example.org"}, core.MailBody{Path: "/reset/x"}, time.Now()); err == nil {
		t.Error("a link without the public address was made")
	}
}

func TestChosenNamesCannotWriteHeadersOrMarkup(t *testing.T) {
	h := newHouse(t)
	in := openInbox(t, h.clock.Now)
	h.org.Settings.DisplayName = "Huber\r\nBcc: victim@example.net\r\n\r\n<h1>You won</h1>"
	h.org.Settings.MailFromName = "Boss\"\r\nX-Evil: yes"
	to := person("anna@example.org", "en")
	to.Name = "Anna\u202e\x00 <a href=\"https://evil.example\">click</a>\r\n.\r\nQUIT"
	h.queue(h.message(core.MailInvitation, to))
	h.pass(h.worker(smtpTo(t, in.URL())))
	all := in.List("")
	if len(all) != 1 {
		t.Fatalf("%d mails arrived", len(all))
	}
	m := all[0]
	if m.Header.Get("Bcc") != "" || m.Header.Get("X-Evil") != "" || m.To != "anna@example.org" || !strings.Contains(m.From, "no-reply@example.com") {
		t.Errorf("headers were written: %s", m.Raw)
	}
	if strings.Contains(m.HTML, "<h1>") || strings.Contains(m.HTML, `<a href="https://evil`) || strings.ContainsAny(m.Text, "\u202e\x00") {
		t.Errorf("markup was written:\n%s", m.HTML)
	}
}

// The mail as Chromium shows it: readable by everybody, on a phone too.
func TestMailIsAccessibleAndFits(t *testing.T) {
	b := browser.Open(t)
	h := newHouse(t)
	in := openInbox(t, h.clock.Now)
	h.queue(h.message(core.MailInvitation, person("anna@example.org", "de")))
	h.pass(h.worker(smtpTo(t, in.URL())))
	p := b.Page()
	p.Goto("data:text/html;charset=utf-8," + escape(in.List("")[0].HTML))
	for _, width := range []int{320, 900} {
		p.Size(width, 900)
		if over := browser.Eval[int](p, "document.documentElement.scrollWidth - window.innerWidth"); over > 0 {
			t.Errorf("at %d it is %d too wide", width, over)
		}
	}
	for _, v := range p.Axe() {
		// A mail is no page with landmarks and headings; mail programs strip them.
		if v.ID != "region" && v.ID != "landmark-one-main" && v.ID != "page-has-heading-one" {
			t.Errorf("%v", v)
		}
	}
}

func escape(s string) string {
	return strings.NewReplacer("%", "%25", "#", "%23", "\r", "", "\n", "%0A").Replace(s)
}

func TestDeviceNamesOnlyWhatItKnows(t *testing.T) {
	for agent, name := range map[string]string{
		"Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0":                                                                 "Firefox, Linux",
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36 Edg/142.0":              "Edge, Windows",
		"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Safari/605.1.15":                  "Safari, macOS",
		"Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/142.0 Mobile/15E148 Safari/604.1": "Chrome, iPhone",
		"Mozilla/5.0 (Linux; Android 15; Pixel 9) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Mobile Safari/537.36":                  "Chrome, Android",
		"curl/8.0": "", "": "", "<script>alert(1)</script>": "",
	} {
		want(t, agent, outbox.Device(agent), name)
	}
}
