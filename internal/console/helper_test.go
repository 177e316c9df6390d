package console_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"sallyport/internal/access"
	"sallyport/internal/core"
	"sallyport/internal/directory"
	"sallyport/internal/testkit/house"
)

// An office is a house with a partner, a customer of its that it manages, one that
// manages itself, and somebody in each who administers it.
type office struct {
	*house.House
	t                    *testing.T
	partner, huber, self core.Tenant
	vera, tom            *house.Person // of the partner, of huber
}

// stayOn is a customer's word that nobody there must have a second factor.
const stayOn = `{"requirement":["per_user"]}`

func newOffice(t *testing.T, h *house.House) *office {
	o := &office{House: h, t: t}
	o.partner = h.Tenant(directory.NewTenant{Kind: core.Partner, Mode: core.Production, Name: "Nordwind", Parent: h.Root.ID})
	o.huber = h.Tenant(directory.NewTenant{Kind: core.Customer, Mode: core.Production, Name: "Bäckerei Huber", Parent: o.partner.ID, ManagedBy: core.ManagedByProvider, Settings: core.SettingsDoc(stayOn)})
	o.self = h.Tenant(directory.NewTenant{Kind: core.Customer, Mode: core.Production, Name: "Schmidt KG", Parent: o.partner.ID, ManagedBy: core.ManagedBySelf})
	o.vera = h.Enrolled(o.partner, "vera@nordwind.example", core.PartnerAdmin)
	o.tom = h.Enrolled(o.huber, "tom@huber.example", core.CustomerAdmin)
	return o
}

// in is a browser that somebody signed in with.
func (o *office) in(p *house.Person) *house.Raw {
	o.t.Helper()
	r := o.Raw("")
	p.Enter(r)
	return r
}

// later moves the clock past the time for which a proof is fresh.
func (o *office) later() { o.Clock.Advance(20 * time.Minute) }

func tenant(t core.Tenant, tail string) string { return "/admin/tenants/" + string(t.ID) + tail }

func person(p *house.Person, tail string) string { return "/admin/users/" + string(p.ID) + tail }

// want ends the test unless an answer is the page that was to come.
func (o *office) want(a house.Answer, status int, page string) house.Answer {
	o.t.Helper()
	if a.Status != status || a.Page() != page {
		o.t.Fatalf("status %d, page %q, fault %q, to %q; want %d, %q:\n%s", a.Status, a.Page(), a.Fault(), a.Location, status, page, said(a))
	}
	return a
}

// refused ends the test unless an answer refuses with a code, on a page.
func (o *office) refused(a house.Answer, status int, page, code string) house.Answer {
	o.t.Helper()
	o.want(a, status, page)
	if a.Fault() != code {
		o.t.Fatalf("%s: fault %q, want %q:\n%s", page, a.Fault(), code, said(a))
	}
	return a
}

// went ends the test unless an answer leads on to an address.
func (o *office) went(a house.Answer, to string) house.Answer {
	o.t.Helper()
	if a.Status != http.StatusSeeOther || a.Location != to {
		o.t.Fatalf("status %d, to %q, page %q, fault %q; want to %q:\n%s", a.Status, a.Location, a.Page(), a.Fault(), to, said(a))
	}
	return a
}

// shows ends the test unless a page says all of these.
func (o *office) shows(a house.Answer, words ...string) house.Answer {
	o.t.Helper()
	text := said(a)
	for _, w := range words {
		if !strings.Contains(text, w) {
			o.t.Fatalf("page %q does not say %q:\n%s", a.Page(), w, text)
		}
	}
	return a
}

// hides fails the test when a page says any of these.
func (o *office) hides(a house.Answer, words ...string) house.Answer {
	o.t.Helper()
	for _, w := range words {
		if strings.Contains(a.Body, w) {
			o.t.Errorf("page %q says %q", a.Page(), w)
		}
	}
	return a
}

// send fills in the form of a page that goes to an address, and sends it as a
// browser without scripts does. fields win over what the form holds.
func (o *office) send(r *house.Raw, a house.Answer, action string, fields ...string) house.Answer {
	o.t.Helper()
	form := find(parse(a.Body), func(n *html.Node) bool {
		to, _, _ := strings.Cut(attr(n, "action"), "#")
		return n.Data == "form" && to == action
	})
	if form == nil {
		o.t.Fatalf("page %q has no form to %s:\n%s", a.Page(), action, said(a))
	}
	set := map[string]bool{}
	for i := 0; i < len(fields); i += 2 {
		set[fields[i]] = true
	}
	pairs := []string{}
	add := func(n *html.Node, value string) {
		if name := attr(n, "name"); name != "" && !set[name] && !has(n, "disabled") {
			pairs = append(pairs, name, value)
		}
	}
	pressed := false
	each(form, func(n *html.Node) {
		switch n.Data {
		case "input":
			switch attr(n, "type") {
			case "checkbox", "radio":
				if has(n, "checked") {
					add(n, attr(n, "value"))
				}
			default:
				add(n, attr(n, "value"))
			}
		case "select":
			each(n, func(option *html.Node) {
				if option.Data == "option" && has(option, "selected") {
					add(n, attr(option, "value"))
				}
			})
		case "textarea":
			add(n, text(n))
		case "button":
			if !pressed && attr(n, "type") == "submit" {
				pressed = true
				add(n, attr(n, "value"))
			}
		}
	})
	for i := 0; i+1 < len(fields); i += 2 {
		if fields[i+1] != absent {
			pairs = append(pairs, fields[i], fields[i+1])
		}
	}
	if attr(form, "method") == "post" {
		return r.Post(action, pairs...)
	}
	v := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		v.Add(pairs[i], pairs[i+1])
	}
	return r.Get(action + "?" + v.Encode())
}

// absent is a box that somebody took the tick out of.
const absent = "\x00absent"

// said is what the page says to a reader.
func said(a house.Answer) string {
	main := find(parse(a.Body), func(n *html.Node) bool { return n.Data == "main" })
	if main == nil {
		return a.Body
	}
	return strings.Join(strings.Fields(text(main)), " ")
}

// fields are the names of all fields on a page.
func fields(a house.Answer) map[string]bool {
	out := map[string]bool{}
	each(parse(a.Body), func(n *html.Node) {
		if n.Data == "input" || n.Data == "select" || n.Data == "textarea" {
			out[attr(n, "name")] = true
		}
	})
	return out
}

func parse(body string) *html.Node {
	doc, err := html.Parse(strings.NewReader(body))
	if err != nil {
		panic(err) // a reader in memory does not fail
	}
	return doc
}

func find(n *html.Node, is func(*html.Node) bool) (hit *html.Node) {
	each(n, func(n *html.Node) {
		if hit == nil && is(n) {
			hit = n
		}
	})
	return hit
}

// htmlNode is an element of a page.
type htmlNode = html.Node

func each(n *html.Node, fn func(*html.Node)) {
	if n.Type == html.ElementNode {
		fn(n)
	}
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		each(c, fn)
	}
}

func attr(n *html.Node, name string) string {
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
	if n.Type == html.TextNode {
		return n.Data + " "
	}
	var b strings.Builder
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		b.WriteString(text(c))
	}
	return b.String()
}

var system = access.System()

const minute = time.Minute
