package web_test

import (
	"context"
	"errors"
	"io"
	"regexp"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"sallyport/internal/audit"
	"sallyport/internal/i18n"
	"sallyport/internal/web"
)

func broken(context.Context, io.Writer) error { return errors.New("broken component") }

// element is a node with what tests ask of it.
type element struct{ *html.Node }

func (e element) attr(name string) (string, bool) {
	for _, a := range e.Attr {
		if a.Key == name {
			return a.Val, true
		}
	}
	return "", false
}

func (e element) get(name string) string { v, _ := e.attr(name); return v }

func (e element) has(name string) bool { _, ok := e.attr(name); return ok }

func (e element) text() string {
	var out strings.Builder
	for n := range e.Descendants() {
		if n.Type == html.TextNode {
			out.WriteString(n.Data)
		}
	}
	return out.String()
}

// words is the text with a blank between the parts, as people read it. What is set
// like code is a name that programs have for something, and meant to be.
func (e element) words() string {
	var out []string
	for n := range e.Descendants() {
		if n.Type == html.TextNode && !strings.Contains(element{n.Parent}.get("class"), "mono") {
			out = append(out, n.Data)
		}
	}
	return strings.Join(out, " ")
}

func (e element) all(match func(element) bool) []element {
	var out []element
	for n := range e.Descendants() {
		if n.Type == html.ElementNode && match(element{n}) {
			out = append(out, element{n})
		}
	}
	return out
}

func (e element) tags(names ...string) []element {
	return e.all(func(c element) bool { return slices.Contains(names, c.Data) })
}

func document(t *testing.T, page string) element {
	t.Helper()
	root, err := html.Parse(strings.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	return element{root}
}

// TestPagesKeepTheirPromises holds every page, in every state and language, to
// what programs, screen readers and the content security policy lean on.
func TestPagesKeepTheirPromises(t *testing.T) {
	// An id that no catalog has would show as itself.
	unsaid := regexp.MustCompile(`\b(account\w*|apps|app_deed\w*|app_test|connected|selected|snippets|consent|logout|acting|activity|audit|bar|bulk|code|console|deed|diff|disable_org|effect\w*|enable|event|explain|factor|filter|flag|home|invite|kind\w*|managed_by|mfa_switch|mode|move|new_tenant|pager|pass|person\w*|policy|presets?\w*|proof|requirement|right|roles?|scope\w*|security_page|services|setting\w*|state|support|tenant\w*|users|value|confirm_mail|copy|date|disable|door|enrol_totp|error|fault\w*|field|flash|link|method|mfa|new_password|page|password|profile|proof_done|recovery\w*|reset|security|sessions|setup|sign_in|signed_out|start|status|step_up|steps|trust|browsers|prompt|key_sheet)\.[a-z_]+\b`)
	for _, s := range samples(t) {
		for _, l := range i18n.Languages() {
			t.Run(s.name+"/"+l.Tag, func(t *testing.T) {
				page := draw(t, s.page, l.Tag)
				doc := document(t, page)
				for _, left := range []string{"no value", "%!", "{{", "<nil>"} {
					if strings.Contains(page, left) {
						t.Errorf("shows %q", left)
					}
				}
				if id := unsaid.FindString(doc.tags("main")[0].words()); id != "" && !strings.HasSuffix(id, ".txt") {
					t.Errorf("shows the id %s", id)
				}
				checkFrame(t, doc, s.name, l.Tag)
				checkPolicy(t, doc)
				checkForms(t, doc)
				checkNames(t, doc)
			})
		}
	}
}

func checkFrame(t *testing.T, doc element, name, tag string) {
	t.Helper()
	if got := doc.tags("html")[0].get("lang"); got != tag {
		t.Errorf("lang %q", got)
	}
	main := doc.tags("main")
	if len(main) != 1 {
		t.Fatalf("%d main elements", len(main))
	}
	want, _, _ := strings.Cut(name, ".")
	marked := doc.all(func(e element) bool { return e.has("data-page") })
	if len(marked) != 1 || marked[0].Data != "main" || marked[0].get("data-page") != want {
		t.Errorf("data-page is not on main alone, or not %q", want)
	}
	if n := len(doc.tags("h1")); n != 1 {
		t.Errorf("%d headings of the first rank", n)
	}
	if title := doc.tags("title")[0].text(); !strings.Contains(title, " – ") {
		t.Errorf("title %q", title)
	}
	// Language and sign-out stand outside main.
	for _, e := range main[0].all(func(e element) bool { return e.has("hreflang") || e.get("action") == "/sign-out" }) {
		t.Errorf("%s stands inside main", e.get("href")+e.get("action"))
	}
	links := doc.all(func(e element) bool { return e.has("hreflang") })
	if len(links) != len(i18n.Languages()) {
		t.Errorf("%d languages are offered", len(links))
	}
	for _, e := range links {
		if !strings.Contains(e.get("href"), "return_to=%2Faccount%2F") || !strings.Contains(e.get("href"), "lang="+e.get("hreflang")) {
			t.Errorf("the link to %s forgets where one was going: %s", e.get("hreflang"), e.get("href"))
		}
		if (e.get("hreflang") == tag) != e.has("aria-current") {
			t.Errorf("%s: aria-current is wrong", e.get("hreflang"))
		}
	}
	for _, e := range doc.all(func(e element) bool { return e.get("role") == "alert" }) {
		if e.get("data-code") == "" {
			t.Error("a refusal without its code")
		}
	}
}

func checkPolicy(t *testing.T, doc element) {
	t.Helper()
	for _, e := range doc.all(func(element) bool { return true }) {
		for _, a := range e.Attr {
			if a.Key == "style" || strings.HasPrefix(a.Key, "on") {
				t.Errorf("%s has an inline %s", e.Data, a.Key)
			}
			if (a.Key == "src" || a.Key == "href" || a.Key == "action") && regexp.MustCompile(`^(https?:)?//|^javascript:|^data:`).MatchString(a.Val) {
				t.Errorf("%s leads away: %s", e.Data, a.Val)
			}
		}
	}
	for _, e := range doc.tags("script", "style") {
		if e.Data == "style" || e.get("src") == "" || e.text() != "" {
			t.Errorf("inline %s", e.Data)
		}
	}
}

// consoleNames are the fields of administration besides.
var consoleNames = []string{"auth", "keys", "redirect_uri", "logout_uri", "backchannel_uri", "consent", "tenant", "access_life", "refresh_life", "alg", "scopes", "resource", "client_credentials", "no_pkce", "anew", "secret", "write", "service", "quiet", "q", "kind", "state", "requirement", "under", "status", "event", "result", "days", "user", "app", "address", "browser", "at", "deed", "id",
	"name", "email", "role", "mode", "managed_by", "parent", "trial_days", "admin_name", "admin_email", "hours", "reason", "networks", "expires", "right", "base", "back", "version", "change",
	"has", "set", "default", "factors", "required_level", "challenge", "trusted_browser", "trusted_browser_days", "enforce_at", "grace_days", "grace_skips", "new_user_window",
	"edit", "tokens_server_access", "tokens_server_refresh", "tokens_public_access", "tokens_public_refresh", "enrol_proof", "recovery", "recovery_code_format", "password_reset_effect", "user_may_disable", "totp_digits", "totp_skew", "lockout_password_limit", "lockout_password_window",
	"lockout_password_period", "lockout_password_growth", "lockout_factor_limit", "lockout_factor_window", "lockout_factor_period", "lockout_factor_growth", "session_idle",
	"session_max", "login_networks", "unique_email", "service_accounts_at", "invitation_days", "display_name", "mail_from_name", "recommended_app", "logo", "time_zone"}

func checkForms(t *testing.T, doc element) {
	t.Helper()
	names := []string{"login", "password", "code", "new_password", "saved", "go", "confirm", "session", "trust", "browser", "end_others", "locale", "return_to", "username", "request", "user_code", "app"}
	for _, form := range doc.tags("form") {
		names := names
		if strings.HasPrefix(form.get("action"), "/admin/") {
			names = slices.Concat(names, consoleNames)
		}
		// A search or a preview of administration is an address; nothing else is.
		looks := form.get("method") == "get" && strings.HasPrefix(form.get("action"), "/admin/")
		if form.get("method") != "post" && !looks || !strings.HasPrefix(form.get("action"), "/") {
			t.Errorf("a form by %s to %q", form.get("method"), form.get("action"))
		}
		submits := form.all(func(e element) bool { return e.Data == "button" && e.get("type") == "submit" })
		if id := form.get("id"); id != "" { // and a button may belong to a form that it does not stand in
			submits = append(submits, doc.all(func(e element) bool { return e.Data == "button" && e.get("type") == "submit" && e.get("form") == id })...)
		}
		if len(submits) == 0 {
			t.Errorf("the form to %s has no button", form.get("action"))
		}
		for _, e := range form.all(func(e element) bool { return e.has("name") }) {
			if !slices.Contains(names, e.get("name")) {
				t.Errorf("an input named %s", e.get("name"))
			}
		}
	}
	for _, b := range doc.tags("button") {
		if b.get("type") != "submit" && !b.has("hidden") {
			t.Errorf("a button that only a script serves is not hidden: %s", strings.TrimSpace(b.text()))
		}
	}
	for _, e := range doc.tags("input") {
		switch e.get("name") {
		case "code": // N-21, and one field for every kind of code
			if e.get("autocomplete") != "one-time-code" || e.get("type") != "text" || !slices.Contains([]string{"numeric", "text"}, e.get("inputmode")) || e.has("maxlength") {
				t.Errorf("code field %v", e.Attr)
			}
		case "password", "new_password":
			want := map[string]string{"password": "current-password", "new_password": "new-password"}[e.get("name")]
			if e.get("autocomplete") != want || e.get("type") != "password" || e.get("value") != "" || e.has("maxlength") {
				t.Errorf("password field %v", e.Attr)
			}
		case "saved":
			if e.get("type") != "checkbox" || e.get("value") != "yes" || e.has("checked") {
				t.Errorf("saved %v", e.Attr)
			}
		}
		// A box that is ticked by the browser's memory would say what the server did not.
		if e.has("onpaste") || e.get("autocomplete") == "off" && e.get("type") != "checkbox" {
			t.Errorf("%s does not let managers fill it in", e.get("name"))
		}
	}
}

// checkNames: everything that is filled in or pressed says what it is, and ids
// are there once.
func checkNames(t *testing.T, doc element) {
	t.Helper()
	ids := map[string]int{}
	for _, e := range doc.all(func(e element) bool { return e.has("id") }) {
		ids[e.get("id")]++
	}
	for id, n := range ids {
		if n > 1 {
			t.Errorf("the id %s is there %d times", id, n)
		}
	}
	labels := map[string]bool{}
	for _, e := range doc.tags("label") {
		labels[e.get("for")] = strings.TrimSpace(e.text()) != ""
		if len(e.tags("input")) > 0 && strings.TrimSpace(e.text()) == "" {
			t.Error("a box without words")
		}
	}
	for _, e := range doc.tags("input", "select") {
		if e.get("type") == "hidden" || e.has("aria-hidden") || e.get("type") == "checkbox" || e.get("type") == "radio" {
			continue
		}
		if !labels[e.get("id")] && e.get("aria-labelledby") == "" {
			t.Errorf("%s has no label", e.get("name"))
		}
	}
	for _, e := range doc.tags("a", "button", "summary") {
		if strings.TrimSpace(e.text()) == "" && e.get("aria-label") == "" {
			t.Errorf("%s %s says nothing", e.Data, e.get("href"))
		}
	}
	for _, attr := range []string{"aria-describedby", "aria-labelledby", "aria-controls", "for"} {
		for _, e := range doc.all(func(e element) bool { return e.has(attr) }) {
			for _, id := range strings.Fields(e.get(attr)) {
				if ids[id] == 0 {
					t.Errorf("%s of %s names %s, which is not there", attr, e.Data, id)
				}
			}
		}
	}
	for _, e := range doc.tags("use") {
		if ids[strings.TrimPrefix(e.get("href"), "#")] == 0 {
			t.Errorf("no symbol %s", e.get("href"))
		}
	}
}

func drawn(t *testing.T, name string) element {
	t.Helper()
	for _, s := range samples(t) {
		if s.name == name {
			return document(t, draw(t, s.page, "en"))
		}
	}
	t.Fatalf("no sample %s", name)
	return element{}
}

// The setup key and the recovery codes are the whole text of their elements, so
// that a program reads exactly what a person copies.
func TestSecretsStandAlone(t *testing.T) {
	for _, page := range []string{"enrol-totp", "enrol-totp.account"} {
		doc := drawn(t, page)
		keys := doc.all(func(e element) bool { return e.has("data-setup-key") })
		if len(keys) != 1 || keys[0].text() != "NRXG 64TB MJSW Y3DP EB2G 6IDU K5XW 4ZLE" || keys[0].get("data-setup-key") != "" {
			t.Errorf("%s: setup key %v", page, keys)
		}
		qr := doc.all(func(e element) bool { return e.Data == "svg" && e.get("role") == "img" })
		if len(qr) != 1 || qr[0].get("aria-label") == "" {
			t.Errorf("%s: no QR code with a name", page)
		}
		link := doc.all(func(e element) bool { return strings.HasPrefix(e.get("href"), "otpauth://totp/") })
		if len(link) != 1 || !strings.Contains(link[0].get("href"), "secret=NRXG64TBMJSWY3DPEB2G6IDUK5XW4ZLE") {
			t.Errorf("%s: no link that opens an app", page)
		}
	}
	for page, want := range map[string]int{"recovery-code": 1, "recovery-code.used": 1, "recovery-code.ten": 10, "recovery-code.account": 10} {
		codes := drawn(t, page).all(func(e element) bool { return e.has("data-recovery-code") })
		if len(codes) != want {
			t.Errorf("%s shows %d codes", page, len(codes))
		}
		for _, c := range codes {
			if !regexp.MustCompile(`^([A-Z0-9]{4}-){5}[A-Z0-9]{4}$`).MatchString(c.text()) {
				t.Errorf("%s: code %q", page, c.text())
			}
		}
	}
}

func TestRefusalsMarkTheirField(t *testing.T) {
	for page, want := range map[string]struct{ code, field string }{
		"sign-in.refused":    {"sign_in.refused", ""},
		"code.wrong":         {"factor.code_mismatch", "code"},
		"code.locked":        {"factor.locked", ""},
		"enrol-totp.wrong":   {"factor.code_mismatch", "code"},
		"new-password.reset": {"password.too_short", "new_password"},
		"password.stepup":    {"password.wrong_current", "password"},
		"password.wrong":     {"password.common", "new_password"},
		"recovery-code.used": {"saved.required", "saved"},
		"disable.code":       {"factor.code_used", "code"},
	} {
		doc := drawn(t, page)
		alerts := doc.all(func(e element) bool { return e.get("role") == "alert" })
		if len(alerts) != 1 || alerts[0].get("data-code") != want.code {
			t.Errorf("%s: no single alert with %s", page, want.code)
		}
		var marked []string
		for _, e := range doc.all(func(e element) bool { return e.get("aria-invalid") == "true" }) {
			marked = append(marked, e.get("name"))
			if !strings.Contains(e.get("aria-describedby"), "notice") {
				t.Errorf("%s: %s is not described by the refusal", page, e.get("name"))
			}
		}
		if got := strings.Join(marked, " "); got != want.field {
			t.Errorf("%s marks %q, want %q", page, got, want.field)
		}
	}
	// A wrong code stays in its field, to be compared with the app.
	code := drawn(t, "code.wrong").all(func(e element) bool { return e.get("name") == "code" })
	if len(code) != 1 || code[0].get("value") != "418 027" {
		t.Errorf("the typed code is gone: %v", code)
	}
}

// What happens to somebody's account is told in words, not as "a change", and what
// administrators read in the log likewise.
func TestEventsHaveWords(t *testing.T) {
	own := 0
	for _, name := range audit.Names {
		family, _, _ := strings.Cut(name, ".")
		words := "event."
		if slices.Contains([]string{"signin", "session", "user"}, family) {
			own++
			words = "activity."
		}
		for _, l := range i18n.Languages() {
			if !i18n.For(l.Tag).Has(words + name) {
				t.Errorf("%s has no words for %s", l.Tag, name)
			}
		}
	}
	if own == 0 {
		t.Error("no event belongs to an account")
	}
	text := drawn(t, "security").tags("ol")[0].text()
	for _, want := range []string{"Signed in", "Wrong password, refused", "Password changed (refused)", "Change to the account"} {
		if !strings.Contains(text, want) {
			t.Errorf("the activity does not say %q: %s", want, text)
		}
	}
}

func TestRichEscapes(t *testing.T) {
	component := web.Rich(t.Context(), "start.signed_in", "Person", web.Name(`<script>alert("x")</script>[a](b)`+"\x02\x03"))
	var out strings.Builder
	if err := component.Render(t.Context(), &out); err != nil {
		t.Fatal(err)
	}
	want := `You are signed in as <b class="keep">&lt;script&gt;alert(&#34;x&#34;)&lt;/script&gt;[a](b)</b>.`
	if out.String() != want {
		t.Errorf("%s\nwant %s", out.String(), want)
	}
}

func TestMaskMail(t *testing.T) {
	for mail, want := range map[string]string{
		"anna.huber@x.example": "a•••r@x.example", "ann@x.example": "a•••@x.example", "a@x.example": "a•••@x.example",
		"åsa.öberg@x.example": "å•••g@x.example", `"a@b"@x.example`: `"•••"@x.example`, "": "", "@x.example": "", "nobody": "",
	} {
		if got := web.MaskMail(mail); got != want {
			t.Errorf("%q is masked as %q, want %q", mail, got, want)
		}
	}
}
