package console

import (
	"context"
	"encoding/base64"
	"net/url"
	"slices"
	"strings"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/core"
	"sallyport/internal/signin"
	"sallyport/internal/web"
)

// Caller is who asks: the session, the browser it comes from, and what the person
// may do.
type Caller struct {
	signin.Self
	Actor access.Actor
}

// Place is where a page stands in the tree, as far as the caller may see it, and
// what they may do there.
type Place struct {
	Tenant core.Tenant
	// Line leads from the highest that the caller may look at to the tenant itself.
	Line []core.Tenant
	// Organisation is whose settings hold there: the tenant itself or one above.
	Organisation core.Tenant
	Name         string // how the organisation calls itself
	Zone         *time.Location
	Rights       []access.Permission
	// Above: the caller administers a parent and does not act here, so that they
	// see the switch and the counts, and no people (decision 2).
	Above bool
	// MayAct: the caller may act here as its administrator.
	MayAct bool
	// MayMake: the caller may make nodes right under it.
	MayMake bool
}

// May reports whether the caller holds a right at the place.
func (p Place) May(r access.Permission) bool { return slices.Contains(p.Rights, r) }

// Path is the address of the tenant's page, with what follows it.
func (p Place) Path(rest ...string) string { return tenantPath(p.Tenant.ID, rest...) }

// Own reports whether the place's tenant has settings of its own.
func (p Place) Own() bool { return p.Tenant.ID == p.Organisation.ID }

func tenantPath(id core.TenantID, rest ...string) string {
	return "/admin/tenants/" + url.PathEscape(string(id)) + strings.Join(rest, "")
}

func personPath(id core.UserID, rest ...string) string {
	return "/admin/users/" + url.PathEscape(string(id)) + strings.Join(rest, "")
}

// Places answers where a page stands.
type Places interface {
	// Place finds a tenant that the caller may see; without an id the highest one
	// that they have rights on. What they may not see is core.ErrNotFound.
	Place(ctx context.Context, by Caller, id core.TenantID) (Place, error)
}

// Page is what every page of the console knows besides its own matter.
type Page struct {
	web.Page
	Place Place
	At    string // which entry of the menu
}

// frame is the page's frame: the way to it and the menu.
func (p Page) frame(ctx context.Context, name, title string) web.ConsoleFrame {
	f := web.ConsoleFrame{Page: p.Page, Name: name, Title: title, Menu: p.menu(ctx)}
	for _, t := range p.Place.Line {
		c := web.Crumb{Name: t.Name, Href: tenantPath(t.ID)}
		if t.ID == p.Place.Tenant.ID && !p.Place.May(access.ViewTenants) {
			c.Href = ""
		}
		f.Crumbs = append(f.Crumbs, c)
	}
	return f
}

// reading is the frame of a page of words and settings.
func (p Page) reading(ctx context.Context, name, title string) web.ConsoleFrame {
	f := p.frame(ctx, name, title)
	f.Reading = true
	return f
}

// menu lists where one may go from here. What the caller may not open is left out.
func (p Page) menu(ctx context.Context) []web.MenuGroup {
	pl := p.Place
	item := func(at, href string, shown bool) []web.MenuItem {
		if !shown {
			return nil
		}
		return []web.MenuItem{{Name: web.T(ctx, "console.at_"+at), Href: href, Here: at == p.At}}
	}
	here, above := !pl.Above, pl.May(access.ViewTenants)
	groups := []web.MenuGroup{
		{Items: slices.Concat(
			item("home", "/admin/", true),
			item("tenants", "/admin/tenants", above))},
		{Title: pl.Tenant.Name, Items: slices.Concat(
			item("tenant", pl.Path(), above),
			item("users", pl.Path("/users"), here && pl.May(access.ViewPeople)),
			item("security", pl.Path("/security"), above),
			item("services", pl.Path("/service-accounts"), here && pl.May(access.ViewPeople)),
			item("clients", pl.Path("/api-clients"), here && pl.May(access.ManageApps)),
			item("roles", pl.Path("/roles"), here && pl.May(access.ViewPeople)),
			item("support", pl.Path("/support"), here && pl.Own() && pl.May(access.SupportAccess)))},
		{Title: web.T(ctx, "console.record"), Items: slices.Concat(
			item("audit", pl.Path("/audit"), here && pl.May(access.ViewAudit)),
			item("policy", "/admin/policy", pl.May(access.ViewPeople)))},
	}
	return slices.DeleteFunc(groups, func(g web.MenuGroup) bool { return len(g.Items) == 0 })
}

// number writes a count as pages do.
func number(n int) string {
	digits := []byte(itoa(n))
	// A thin space that does not break, every three digits from the end: read the
	// same in all four languages.
	var out []byte
	for i, d := range digits {
		if i > 0 && (len(digits)-i)%3 == 0 && len(digits) > 4 {
			out = append(out, "\u202f"...)
		}
		out = append(out, d)
	}
	return string(out)
}

// Option is a choice of a list.
type Option struct{ Value, Name string }

// written puts a place in a list into an address. It may hold anything.
func written(cursor string) string { return base64.RawURLEncoding.EncodeToString([]byte(cursor)) }

// cursorOf reads it back.
func cursorOf(f web.Form) (string, error) {
	b, err := base64.RawURLEncoding.DecodeString(f.Get("cursor"))
	if err != nil || len(b) > 1000 {
		return "", core.Invalid("form.invalid", "field", "cursor")
	}
	return string(b), nil
}

// firstPage leads to the beginning of a list, from anywhere but there.
func firstPage(cursor, address string) string {
	if cursor == "" {
		return ""
	}
	return address
}

// nextPage leads on, where there is more.
func nextPage(next string, address func(cursor string) string) string {
	if next == "" {
		return ""
	}
	return address(next)
}
