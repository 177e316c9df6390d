package house

import (
	"html"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"sallyport/internal/core"
)

// Raw is a browser by hand: it follows no redirect and gives cookies and headers
// into the test's hands, as an attacker's tools do. One goroutine uses it at a
// time.
type Raw struct {
	h      *House
	Base   string      // which node it talks to
	From   string      // put into X-Forwarded-For
	Header http.Header // sent with every request, winning over what Raw sets
	jar    map[string]string
}

// Answer is what came back, unfollowed.
type Answer struct {
	Status   int
	Header   http.Header
	Body     string
	Location string
	Set      []*http.Cookie
	Took     time.Duration
}

var plainClient = &http.Client{
	Timeout:       60 * time.Second,
	Transport:     &http.Transport{MaxIdleConnsPerHost: 256},
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

// Raw makes one without cookies, at an address.
func (h *House) Raw(from string) *Raw {
	return &Raw{h: h, Base: h.URL, From: from, Header: http.Header{}, jar: map[string]string{}}
}

// At is the same browser, cookies and all, at another node.
func (r *Raw) At(h *House) *Raw {
	c := r.Clone()
	c.h, c.Base = h, h.URL
	return c
}

// Clone is a copy of the browser with its cookies.
func (r *Raw) Clone() *Raw {
	c := &Raw{h: r.h, Base: r.Base, From: r.From, Header: r.Header.Clone(), jar: map[string]string{}}
	for k, v := range r.jar {
		c.jar[k] = v
	}
	return c
}

// Cookie is the value of a cookie it holds, or "".
func (r *Raw) Cookie(name string) string { return r.jar[name] }

// Plant puts a cookie into the browser; an empty value takes it out.
func (r *Raw) Plant(name, value string) *Raw {
	if value == "" {
		delete(r.jar, name)
	} else {
		r.jar[name] = value
	}
	return r
}

// Get asks for a page.
func (r *Raw) Get(path string) Answer { return r.Do(http.MethodGet, path, "", "") }

// Post sends a form of name, value pairs; a name may come again.
func (r *Raw) Post(path string, pairs ...string) Answer {
	return r.Do(http.MethodPost, path, "application/x-www-form-urlencoded", Form(pairs...))
}

// Form encodes name, value pairs in their order.
func Form(pairs ...string) string {
	var parts []string
	for i := 0; i+1 < len(pairs); i += 2 {
		parts = append(parts, url.QueryEscape(pairs[i])+"="+url.QueryEscape(pairs[i+1]))
	}
	return strings.Join(parts, "&")
}

// Do sends any request. A request that gets no answer at all fails the test and
// returns status 0.
func (r *Raw) Do(method, path, kind, body string) Answer {
	req, err := http.NewRequest(method, r.Base+path, strings.NewReader(body))
	if err != nil {
		r.h.T.Errorf("%s %s: %v", method, path, err)
		return Answer{}
	}
	return r.send(plainClient, req, kind)
}

func (r *Raw) send(client *http.Client, req *http.Request, kind string) Answer {
	method, path := req.Method, req.URL.Path
	if kind != "" {
		req.Header.Set("Content-Type", kind)
	}
	req.Header.Set("Accept-Language", "en")
	req.Header.Set("User-Agent", "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/140.0 Safari/537.36")
	if r.From != "" {
		req.Header.Set("X-Forwarded-For", r.From)
	}
	for name, value := range r.jar {
		req.AddCookie(&http.Cookie{Name: name, Value: value})
	}
	for name, values := range r.Header {
		req.Header[name] = values
		if name == "Host" {
			req.Host = values[0]
		}
	}
	began := time.Now()
	resp, err := client.Do(req)
	if err != nil {
		r.h.T.Errorf("%s %s: %v", method, path, err)
		return Answer{}
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		r.h.T.Errorf("%s %s: %v", method, path, err)
	}
	a := Answer{Status: resp.StatusCode, Header: resp.Header, Body: string(b), Location: resp.Header.Get("Location"), Set: resp.Cookies(), Took: time.Since(began)}
	r.Take(a)
	return a
}

// Take does with an answer's cookies what a browser does when it reads them.
func (r *Raw) Take(a Answer) {
	for _, c := range a.Set {
		if c.MaxAge < 0 {
			delete(r.jar, c.Name)
		} else {
			r.jar[c.Name] = c.Value
		}
	}
}

// Follow goes where an answer leads, and on, to the page at the end.
func (r *Raw) Follow(a Answer) Answer {
	for range 10 {
		if a.Location == "" {
			return a
		}
		a = r.Get(a.Location)
	}
	r.h.T.Errorf("redirects without an end, last to %s", a.Location)
	return a
}

var (
	pageName  = regexp.MustCompile(`<main[^>]* data-page="([^"]*)"`)
	alertCode = regexp.MustCompile(`role="alert"[^>]* data-code="([^"]*)"|data-code="([^"]*)"[^>]* role="alert"`)
)

// Page is the data-page of the answer.
func (a Answer) Page() string {
	if m := pageName.FindStringSubmatch(a.Body); m != nil {
		return m[1]
	}
	return ""
}

// Fault is the code of the alert on it, or "".
func (a Answer) Fault() string {
	if m := alertCode.FindStringSubmatch(a.Body); m != nil {
		return m[1] + m[2]
	}
	return ""
}

// Of is the text of the first element that carries an attribute.
func (a Answer) Of(attribute string) string {
	m := regexp.MustCompile(`<[a-z0-9]+[^>]* ` + attribute + `(?:="[^"]*")?(?: [^>]*)?>([^<]*)<`).FindStringSubmatch(a.Body)
	if m == nil {
		return ""
	}
	return strings.TrimSpace(html.UnescapeString(m[1]))
}

// All are the texts of every element that carries an attribute.
func (a Answer) All(attribute string) (out []string) {
	for _, m := range regexp.MustCompile(`<[a-z0-9]+[^>]* `+attribute+`(?:="[^"]*")?(?: [^>]*)?>([^<]*)<`).FindAllStringSubmatch(a.Body, -1) {
		out = append(out, strings.TrimSpace(html.UnescapeString(m[1])))
	}
	return out
}

// Hidden is the value of a hidden field of the answer's form, or "".
func (a Answer) Hidden(name string) string {
	if m := regexp.MustCompile(`<input type="hidden" name="` + name + `" value="([^"]*)"`).FindStringSubmatch(a.Body); m != nil {
		return html.UnescapeString(m[1])
	}
	return ""
}

// Cookie is what the answer set under a name, or nil.
func (a Answer) Cookie(name string) *http.Cookie {
	for _, c := range a.Set {
		if c.Name == name {
			return c
		}
	}
	return nil
}

// In tells whether the answer led into a session: a new session cookie and a way
// to a page behind it.
func (a Answer) In() bool {
	c := a.Cookie("sallyport")
	return a.Status == http.StatusSeeOther && c != nil && c.Value != "" && c.MaxAge >= 0 && strings.HasPrefix(a.Location, "/account")
}

// Knock gives login and password to the door.
func (p *Person) Knock(r *Raw) Answer {
	return r.Post("/sign-in", "login", p.Login, "password", p.Password)
}

// Attempt begins a sign-in up to the page that asks for a code, and returns
// that page's path.
func (p *Person) Attempt(r *Raw) string {
	a := p.Knock(r)
	if !strings.HasSuffix(a.Location, "/code") {
		p.h.T.Errorf("%s: no code page: status %d, to %q, fault %q", p.Login, a.Status, a.Location, a.Fault())
	}
	return a.Location
}

// Enter takes a raw browser the whole way in.
func (p *Person) Enter(r *Raw) Answer {
	p.h.T.Helper()
	a := p.Knock(r)
	if strings.HasSuffix(a.Location, "/code") {
		a = r.Post(a.Location, "code", p.Fresh())
	}
	if !a.In() {
		p.h.T.Errorf("%s did not get in: status %d, to %q, fault %q", p.Login, a.Status, a.Location, a.Fault())
	}
	return a
}

// Inside tells whether the browser's session opens the account's own pages.
func (r *Raw) Inside() bool {
	a := r.Get("/account/profile")
	if a.Status != http.StatusOK && a.Status != http.StatusSeeOther {
		r.h.T.Errorf("the account answers %d", a.Status)
	}
	return a.Status == http.StatusOK && a.Page() == "profile"
}

// Names counts a person's events by name and reason: "signin.failed
// wrong_password".
func (p *Person) Names() map[string]int {
	p.h.T.Helper()
	out := map[string]int{}
	for _, e := range p.Events() {
		out[strings.TrimSpace(e.Name+" "+e.Reason)]++
	}
	return out
}

// Off is a tester that a wrong code, as many digits long as want, is certain to
// be wrong now and for the next half hour.
func Off(t testing.TB, key string, digits int, at time.Time) string {
	t.Helper()
	near := map[string]bool{}
	for step := -120; step <= 120; step++ {
		near[CodeOf(t, key, digits, at.Add(time.Duration(step)*30*time.Second))] = true
	}
	for n := range 10_000 {
		code := strings.Repeat("0", digits-4) + string([]byte{byte('0' + n/1000%10), byte('0' + n/100%10), byte('0' + n/10%10), byte('0' + n%10)})
		if !near[code] {
			return code
		}
	}
	t.Fatal("no wrong code found")
	return ""
}

// Wrong is a code that the person's app does not show anywhere near now.
func (p *Person) Wrong() string { return Off(p.h.T, p.Key, 6, p.h.Clock.Now()) }

// Factor is the person's confirmed authenticator app.
func (p *Person) Factor() core.Factor {
	p.h.T.Helper()
	for _, f := range p.Factors() {
		if f.Kind == core.FactorTOTP && f.State == core.FactorConfirmed {
			return f
		}
	}
	p.h.T.Fatalf("%s has no confirmed app", p.Login)
	return core.Factor{}
}

var markup = regexp.MustCompile(`(?s)<(?:script|style)\b.*?</(?:script|style)>|<[^>]*>`)

// Text is what a reader sees of the answer: its words, one space between them.
func (a Answer) Text() string {
	return strings.Join(strings.Fields(html.UnescapeString(markup.ReplaceAllString(a.Body, " "))), " ")
}
