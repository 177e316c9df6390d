package e2e

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"sallyport/internal/i18n"
	"sallyport/internal/outbox"
	"sallyport/internal/testkit/browser"
	"sallyport/internal/testkit/house"
	"sallyport/internal/testkit/need"
	"sallyport/internal/testkit/program"
)

// A walk is a long story at the product as it is installed: the real program on a
// real store, real mail, and people at real browsers, in one language. Every step
// names the rows of docs/features.md that it holds.
type walk struct {
	t        *testing.T
	tag      string
	lang     i18n.Lang
	site     *site
	p        *program.Process
	inbox    *outbox.Inbox
	chromium *browser.Browser
	zbar     string
	dir      string          // of the pictures; empty: none are kept
	taken    int             // pictures so far
	met      map[string]bool // pages by name, and by how they are built, that were looked at
	rows     []string        // of the step that is under way
	walked   map[string]bool // rows that had a step
}

// newWalk installs the program and starts it.
func newWalk(t *testing.T, name, tag, engine string) *walk {
	t.Helper()
	w := &walk{t: t, tag: tag, lang: i18n.For(tag), met: map[string]bool{}, walked: map[string]bool{}, zbar: need.Tool(t, "zbarimg")}
	if dir := os.Getenv("PICTURES"); dir != "" {
		w.dir = filepath.Join(dir, name+"-"+tag)
		if err := os.RemoveAll(w.dir); err != nil { // of an earlier run
			t.Fatal(err)
		}
	}
	var err error
	if w.inbox, err = outbox.OpenInbox("127.0.0.1:0", time.Now); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.inbox.Close() })
	w.chromium = browser.Open(t)
	w.site = newSite(t, engine, "SALLYPORT_MAIL_SMTP_URL="+w.inbox.URL(), "SALLYPORT_MAIL_FROM=Sign-in <no-reply@sallyport.example>")
	w.p = w.site.serve()
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the walk had come to %s", strings.Join(w.rows, ", "))
		}
	})
	return w
}

// step names the rows that what follows holds.
func (w *walk) step(rows ...string) {
	w.rows = rows
	for _, r := range rows {
		w.walked[r] = true
	}
}

func (w *walk) errorf(format string, args ...any) {
	w.t.Helper()
	w.t.Errorf("%s: %s", strings.Join(w.rows, ", "), fmt.Sprintf(format, args...))
}

// say is a sentence of the catalogs as it stands on a page.
func (w *walk) say(id string, args ...any) string {
	w.t.Helper()
	m := map[string]any{}
	for i := 0; i+1 < len(args); i += 2 {
		m[args[i].(string)] = args[i+1]
	}
	return strings.NewReplacer("<b>", "", "</b>", "").Replace(w.lang.T(id, m))
}

// walkedAll fails the test unless every row of a list had a step.
func (w *walk) walkedAll(rows []string) {
	w.t.Helper()
	for _, r := range rows {
		if !w.walked[r] {
			w.t.Errorf("no step of this walk holds %s", r)
		}
	}
	for r := range w.walked {
		if !slices.Contains(rows, r) {
			w.t.Errorf("a step holds %s, which this walk does not promise", r)
		}
	}
}

// tenant makes a node and returns its id.
func (w *walk) tenant(kind, name, parent string, more ...string) string {
	w.t.Helper()
	args := append([]string{"tenant", "create", "--kind", kind, "--name", name, "--json"}, more...)
	if parent != "" {
		args = append(args, "--parent", parent)
	}
	var made struct {
		ID string `json:"id"`
	}
	if err := json.Unmarshal([]byte(w.site.run("", args...)), &made); err != nil {
		w.t.Fatal(err)
	}
	return made.ID
}

// document is a file with settings.
func (w *walk) document(settings string) string {
	w.t.Helper()
	file := filepath.Join(w.t.TempDir(), "settings.json")
	if err := os.WriteFile(file, []byte(settings), 0o600); err != nil {
		w.t.Fatal(err)
	}
	return file
}

// hand is a person at a browser, with a phone.
type hand struct {
	*browser.Page
	w           *walk
	id          string
	login, mail string
	name        string
	password    string
	phone       *app
}

// person makes an account with a password. The login is not the address.
func (w *walk) person(login, name, tenant string, roles ...string) *hand {
	w.t.Helper()
	h := &hand{w: w, login: login, mail: login + "@mail.example", name: name, password: phrase}
	args := []string{"user", "create", "--login", login, "--email", h.mail, "--name", name, "--tenant", tenant, "--json"}
	if len(roles) > 0 {
		args = append(args, "--role", strings.Join(roles, ","))
	}
	var made struct {
		ID string `json:"id"`
	}
	if err := json.Unmarshal([]byte(w.site.run(phrase, args...)), &made); err != nil {
		w.t.Fatal(err)
	}
	h.id = made.ID
	h.Page = w.browser()
	return h
}

func (w *walk) browser() *browser.Page {
	p := w.chromium.Page()
	p.Language(w.tag)
	return p
}

// elsewhere is the same person at a browser that has never been here.
func (h *hand) elsewhere() *hand {
	c := *h
	c.Page = h.w.browser()
	return &c
}

func (h *hand) open(path, name string) {
	h.w.t.Helper()
	h.Goto(h.w.p.URL + path)
	h.look(name)
}

// look checks the page that is open: its name and language, that its markup locks
// nobody out, and that it does not scroll sideways at 320 px. The first time that a
// walk meets a page, it is looked at in the dark and narrow as well.
func (h *hand) look(name string) {
	h.w.t.Helper()
	h.Expect(name)
	w := h.w
	if lang := h.Attr("html", "lang"); lang != w.tag {
		w.errorf("page %s speaks %q, want %q", name, lang, w.tag)
	}
	w.taken++
	h.keep(name, "")
	// A page that is built as one that axe-core has passed is as accessible as that.
	built := name + browser.Eval[string](h.Page, `Array.from(document.querySelectorAll("body *"), e => e.tagName + "." + e.getAttribute("class") + e.getAttribute("role")).join(" ")`)
	if w.met[built] {
		return
	}
	w.met[built] = true
	h.Accessible()
	h.Size(320, 720)
	if wide := browser.Eval[bool](h.Page, `document.documentElement.scrollWidth > 320`); wide {
		w.errorf("page %s scrolls sideways at 320 px", name)
	}
	if !w.met[name] {
		w.met[name] = true
		h.keep(name, "-320")
		h.Dark(true)
		h.Accessible()
		h.keep(name, "-320-dark")
		h.Size(1280, 900)
		h.keep(name, "-dark")
		h.Dark(false)
	}
	h.Size(1280, 900)
}

// keep keeps a picture, named by its place in the walk, its page and the rows.
func (h *hand) keep(name, suffix string) {
	h.w.t.Helper()
	if h.w.dir != "" {
		h.Picture(filepath.Join(h.w.dir, fmt.Sprintf("%03d-%s-%s%s.png", h.w.taken, name, strings.Join(h.w.rows, "+"), suffix)))
	}
}

// submit presses the one loud button of the form.
func (h *hand) submit() {
	h.w.t.Helper()
	h.Press("main form[method=post] button[type=submit].btn-primary, main form[method=post] button[type=submit].btn-danger")
}

// reads fails the step unless a person reads this on the page.
func (h *hand) reads(words ...string) {
	h.w.t.Helper()
	text := plainly(h.Content("main"))
	for _, x := range words {
		if !strings.Contains(text, plainly(x)) {
			h.w.errorf("page %s does not say %q:\n%s", h.Name(), x, text)
		}
	}
}

func (h *hand) readsNot(words ...string) {
	h.w.t.Helper()
	text := plainly(h.Content("main"))
	for _, x := range words {
		if strings.Contains(text, plainly(x)) {
			h.w.errorf("page %s says %q:\n%s", h.Name(), x, text)
		}
	}
}

// plainly is text with single blanks, as eyes read it.
func plainly(s string) string {
	return strings.Join(strings.Fields(strings.ReplaceAll(s, "\u00ad", "")), " ")
}

// refusedWith fails the step unless the page shows a refusal with this code.
func (h *hand) refusedWith(code string) {
	h.w.t.Helper()
	if got := h.Attr("[role=alert]", "data-code"); got != code {
		h.w.errorf("page %s refuses with %q, want %q", h.Name(), got, code)
	}
}

// knock gives login and password.
func (h *hand) knock() {
	h.w.t.Helper()
	h.Goto(h.w.p.URL + "/sign-in")
	h.Fill("#login", h.login)
	h.Fill("#password", h.password)
	h.Press("main form button[type=submit]")
}

// answer types the code that the phone shows.
func (h *hand) answer() {
	h.w.t.Helper()
	h.Fill("#code", h.phone.code())
	h.submit()
}

// confirm does what the page previews. A proof that is more than five minutes old is
// asked for again, so where it takes a walk longer there is a field more to fill.
func (h *hand) confirm() {
	h.w.t.Helper()
	for range 2 {
		switch {
		case h.Has("main form[method=post] #code"):
			h.Fill("#code", h.phone.code())
		case h.Has("main form[method=post] #password"):
			h.Fill("#password", h.password)
		}
		h.submit()
		if !h.Has("[role=alert][data-code='step_up.required']") {
			return
		}
	}
}

func (h *hand) out() {
	h.w.t.Helper()
	h.Goto(h.w.p.URL + "/account/profile")
	h.Press(`form[action="/sign-out"] button`)
	h.Expect("signed-out")
}

// scan reads the QR code off a picture of the page; it must say what stands beside
// it. The phone has the key from then on.
func (h *hand) scan() {
	h.w.t.Helper()
	uri := h.qr(".qr svg")
	key := strings.ReplaceAll(h.Content("[data-setup-key]"), " ", "")
	if !strings.HasPrefix(uri, "otpauth://totp/") || !strings.Contains(uri, "secret="+key) {
		h.w.errorf("the QR code says %q, the page says %q", uri, key)
	}
	h.phone = &app{t: h.w.t, key: key}
}

func (h *hand) qr(selector string) string {
	h.w.t.Helper()
	file := filepath.Join(h.w.t.TempDir(), "qr.png")
	h.PictureOf(selector, file, 2)
	out, err := exec.Command(h.w.zbar, "--raw", "-q", file).Output()
	if err != nil {
		h.w.t.Fatalf("zbarimg reads nothing from the picture of the page: %v", err)
	}
	return strings.TrimSpace(string(out))
}

// choose picks one of a list.
func (h *hand) choose(selector, value string) {
	h.w.t.Helper()
	if !browser.Eval[bool](h.Page, fmt.Sprintf(`(s => { s.value = %q; return s.value === %q })(document.querySelector(%q))`, value, value, selector)) {
		h.w.errorf("%s on page %s offers no %q", selector, h.Name(), value)
	}
}

// tenantOpen is the id of the tenant whose page is open.
func (h *hand) tenantOpen() string {
	h.w.t.Helper()
	id, _, _ := strings.Cut(strings.TrimPrefix(h.URL(), h.w.p.URL+"/admin/tenants/"), "?")
	return id
}

// within fails the step unless an element says this.
func (h *hand) within(selector string, words ...string) {
	h.w.t.Helper()
	text := plainly(h.Content(selector))
	for _, x := range words {
		if !strings.Contains(text, plainly(x)) {
			h.w.errorf("%s on page %s says %q, want %q in it", selector, h.Name(), text, x)
		}
	}
}

// progress fails the step unless the bar of the open page says this.
func (h *hand) progress(want string) {
	h.w.t.Helper()
	if got := h.Attr("[data-progress]", "data-progress"); got != want {
		h.w.errorf("the bar says %s, want %s", got, want)
	}
}

// status is what the table of people says of somebody, in words.
func (h *hand) status(who *hand) string {
	h.w.t.Helper()
	return plainly(h.Content(`tr[data-user="` + who.id + `"] td[data-mfa-status]`))
}

// download fetches an address with the cookies of the browser.
func (h *hand) download(path string) string {
	h.w.t.Helper()
	req, err := http.NewRequest(http.MethodGet, h.w.p.URL+path, nil)
	if err != nil {
		h.w.t.Fatal(err)
	}
	for _, c := range h.Cookies(h.w.p.URL) {
		req.AddCookie(&http.Cookie{Name: c.Name, Value: c.Value})
	}
	body, status := h.w.do(req)
	if status != http.StatusOK {
		h.w.errorf("GET %s: status %d: %s", path, status, body)
	}
	return body
}

func (w *walk) do(req *http.Request) (string, int) {
	w.t.Helper()
	client := http.Client{Timeout: 20 * time.Second}
	res, err := client.Do(req)
	if err != nil {
		w.t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	if err != nil {
		w.t.Fatal(err)
	}
	return string(body), res.StatusCode
}

// basic is what a program gets that comes with a login and a password.
func (w *walk) basic(login, password string) (string, int) {
	w.t.Helper()
	req, err := http.NewRequest(http.MethodGet, w.p.URL+"/api/v1/me", nil)
	if err != nil {
		w.t.Fatal(err)
	}
	req.SetBasicAuth(login, password)
	return w.do(req)
}

// link waits for the newest mail to an address that has a link of a kind in it.
func (w *walk) link(to, kind string) string {
	w.t.Helper()
	for until := time.Now().Add(60 * time.Second); time.Now().Before(until); time.Sleep(20 * time.Millisecond) {
		for _, m := range w.inbox.List(to) {
			for _, word := range strings.Fields(m.Text) {
				if u, err := url.Parse(word); err == nil && strings.HasPrefix(u.Path, kind) {
					return u.Path
				}
			}
		}
	}
	w.t.Fatalf("no mail to %s with a link %s", to, kind)
	return ""
}

// told waits for a mail to an address whose subject or text has these words.
func (w *walk) told(to, words string) {
	w.t.Helper()
	for until := time.Now().Add(60 * time.Second); time.Now().Before(until); time.Sleep(20 * time.Millisecond) {
		for _, m := range w.inbox.List(to) {
			if strings.Contains(m.Subject+"\n"+m.Text, words) {
				return
			}
		}
	}
	w.errorf("no mail to %s says %q", to, words)
}

// done fails the walk for whatever the browsers had to complain about.
func (w *walk) done(hands ...*hand) {
	w.t.Helper()
	for _, h := range hands {
		w.quiet(h)
	}
	w.site.run("", "audit", "verify")
	for _, secret := range []string{phrase} {
		if strings.Contains(w.p.Stderr()+w.p.Stdout(), secret) {
			w.t.Error("a secret stands in the log")
		}
	}
}

// quiet fails the walk where a browser complains, or speaks to anybody but us and the
// apps named.
func (w *walk) quiet(h *hand, apps ...string) {
	w.t.Helper()
	for _, c := range h.Complaints() {
		w.t.Errorf("the browser of %s complains: %s", h.login, c)
	}
	for _, r := range h.Requests() {
		if !slices.ContainsFunc(append([]string{w.p.URL, "data:", "blob:"}, apps...), func(known string) bool { return strings.HasPrefix(r, known) }) {
			w.t.Errorf("a request to somebody else: %s", r)
		}
	}
}

// stale is a code that was right some time ago.
func (h *hand) stale() string {
	h.w.t.Helper()
	return house.CodeAt(h.w.t, h.phone.key, time.Now().Add(-20*time.Minute))
}
