package demo

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strconv"
	"strings"
	"time"

	"golang.org/x/net/html"
)

// Visitor drives the pages as a browser without scripts would: it keeps cookies,
// follows redirects and fills in the form it finds inside <main>.
type Visitor struct {
	base   string
	lang   string
	client *http.Client
	// From is put into X-Forwarded-For, which the demo believes from loopback.
	From string
}

// NewVisitor makes a browser that has never been here.
func NewVisitor(base, lang string) *Visitor {
	jar, err := cookiejar.New(nil)
	if err != nil {
		panic(err) // only a bad option makes it fail, and there are none
	}
	return &Visitor{base: base, lang: lang, client: &http.Client{Jar: jar, Timeout: 30 * time.Second}}
}

// Cookies are those that this browser would send.
func (v *Visitor) Cookies() []*http.Cookie {
	u, err := url.Parse(v.base)
	if err != nil {
		return nil
	}
	return v.client.Jar.Cookies(u)
}

// Move takes the browser with its cookies to another address of the product, as
// a load balancer does with the next request.
func (v *Visitor) Move(base string) {
	cookies := v.Cookies()
	v.base = base
	if u, err := url.Parse(base); err == nil {
		v.client.Jar.SetCookies(u, cookies)
	}
}

// Page is an answer as a person sees it.
type Page struct {
	Status int
	Path   string // where the redirects ended
	Name   string // data-page
	Fault  string // data-code of the alert, if any
	Text   string // what <main> says
	Raw    string
	main   *html.Node
}

// Get opens a page.
func (v *Visitor) Get(path string) (Page, error) {
	req, err := http.NewRequest(http.MethodGet, v.base+path, nil)
	if err != nil {
		return Page{}, err
	}
	return v.do(req)
}

// Show opens a page and says, as browsers do, that it is for somebody to look at.
func (v *Visitor) Show(path string) (Page, error) {
	req, err := http.NewRequest(http.MethodGet, v.base+path, nil)
	if err != nil {
		return Page{}, err
	}
	req.Header.Set("Accept", "text/html")
	return v.do(req)
}

// Post sends a form.
func (v *Visitor) Post(path string, fields url.Values) (Page, error) {
	req, err := http.NewRequest(http.MethodPost, v.base+path, strings.NewReader(fields.Encode()))
	if err != nil {
		return Page{}, err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return v.do(req)
}

func (v *Visitor) do(req *http.Request) (Page, error) {
	req.Header.Set("Accept-Language", v.lang)
	req.Header.Set("User-Agent", "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/140.0 Safari/537.36")
	if v.From != "" {
		req.Header.Set("X-Forwarded-For", v.From)
	}
	resp, err := v.client.Do(req)
	if err != nil {
		return Page{}, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 4<<20))
	if err != nil {
		return Page{}, err
	}
	p := Page{Status: resp.StatusCode, Path: resp.Request.URL.Path, Raw: string(body)}
	doc, err := html.Parse(strings.NewReader(p.Raw))
	if err != nil {
		return p, err
	}
	p.main = find(doc, func(n *html.Node) bool { return n.Data == "main" })
	if p.main == nil {
		return p, nil
	}
	p.Name = attr(p.main, "data-page")
	p.Text = strings.Join(strings.Fields(text(p.main)), " ")
	if alert := find(p.main, func(n *html.Node) bool { return attr(n, "role") == "alert" }); alert != nil {
		p.Fault = attr(alert, "data-code")
	}
	return p, nil
}

// Submit fills in the first form of the page and presses its first button.
// fields are name, value pairs and win over what the form holds already.
func (v *Visitor) Submit(p Page, fields ...string) (Page, error) {
	if p.main == nil {
		return Page{}, errors.New("the page has no main part")
	}
	form := find(p.main, func(n *html.Node) bool { return n.Data == "form" && attr(n, "method") == "post" })
	if form == nil {
		return Page{}, fmt.Errorf("page %q has no form", p.Name)
	}
	values := url.Values{}
	each(form, func(n *html.Node) {
		if n.Data == "input" && attr(n, "type") == "hidden" {
			values.Set(attr(n, "name"), attr(n, "value"))
		}
	})
	pressed := false
	each(form, func(n *html.Node) {
		if !pressed && n.Data == "button" && attr(n, "type") == "submit" {
			pressed = true
			if name := attr(n, "name"); name != "" {
				values.Set(name, attr(n, "value"))
			}
		}
	})
	for i := 0; i+1 < len(fields); i += 2 {
		values.Set(fields[i], fields[i+1])
	}
	action := attr(form, "action")
	if action == "" {
		action = p.Path
	}
	return v.Post(action, values)
}

// Of is the whole text of the element that carries an attribute, such as
// data-setup-key.
func (p Page) Of(name string) string {
	if p.main == nil {
		return ""
	}
	n := find(p.main, func(n *html.Node) bool { return has(n, name) })
	if n == nil {
		return ""
	}
	return strings.TrimSpace(text(n))
}

// OfValue is the whole text of the element whose attribute has this value.
func (p Page) OfValue(name, value string) string {
	if p.main == nil {
		return ""
	}
	n := find(p.main, func(n *html.Node) bool { return has(n, name) && attr(n, name) == value })
	if n == nil {
		return ""
	}
	return strings.TrimSpace(text(n))
}

// Value is what the first element that carries an attribute says in it.
func (p Page) Value(name string) string {
	if p.main == nil {
		return ""
	}
	return attr(find(p.main, func(n *html.Node) bool { return has(n, name) }), name)
}

// Tells reports whether an element has an attribute with this value.
func (p Page) Tells(name, value string) bool {
	return p.main != nil && find(p.main, func(n *html.Node) bool { return has(n, name) && attr(n, name) == value }) != nil
}

// Count is the number that a preview gives for something, -1 when it names no such
// thing.
func (p Page) Count(effect string) int {
	if p.main == nil {
		return -1
	}
	n, err := strconv.Atoi(attr(find(p.main, func(n *html.Node) bool { return attr(n, "data-effect") == effect }), "data-count"))
	if err != nil {
		return -1
	}
	return n
}

// Expect is an error unless the page is the one that was to come.
func (p Page) Expect(name string) error {
	if p.Name == name {
		return nil
	}
	return fmt.Errorf("expected page %q, got %q at %s (status %d, fault %q)", name, p.Name, p.Path, p.Status, p.Fault)
}

// Refused is an error unless the page is a form that was refused with this code.
func (p Page) Refused(code string) error {
	if p.Fault == code && p.Status >= 400 {
		return nil
	}
	return fmt.Errorf("expected the fault %q, got %q on page %q (status %d)", code, p.Fault, p.Name, p.Status)
}

func find(n *html.Node, is func(*html.Node) bool) *html.Node {
	if n.Type == html.ElementNode && is(n) {
		return n
	}
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		if hit := find(c, is); hit != nil {
			return hit
		}
	}
	return nil
}

func each(n *html.Node, fn func(*html.Node)) {
	if n.Type == html.ElementNode {
		fn(n)
	}
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		each(c, fn)
	}
}

func attr(n *html.Node, name string) string {
	if n == nil {
		return ""
	}
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

func has(n *html.Node, name string) bool {
	for _, a := range n.Attr {
		if a.Key == name {
			return true
		}
	}
	return false
}

func text(n *html.Node) string {
	var b strings.Builder
	var walk func(*html.Node)
	walk = func(n *html.Node) {
		if n.Type == html.TextNode {
			b.WriteString(n.Data)
		}
		for c := n.FirstChild; c != nil; c = c.NextSibling {
			walk(c)
		}
	}
	walk(n)
	return b.String()
}
