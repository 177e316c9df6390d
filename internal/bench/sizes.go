package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/app"
	"sallyport/internal/core"
	"sallyport/internal/directory"
	"sallyport/internal/roster"
	"sallyport/internal/store"
)

// size is how large an installation is. Half of the people are in one
// organisation, the others in all.
type size struct{ people, tenants int }

func (s size) String() string {
	word := "tenants"
	if s.tenants == 1 {
		word = "tenant"
	}
	return fmt.Sprintf("%s people in %s %s", thousands(s.people), thousands(s.tenants), word)
}

// among are the people of the crowd that signs in; the others only stand there.
const among = 1000

// spread is what sizes measures at each size, in this order.
var spread = []string{"full sign-in", "the switch's page with its bar", "a page of the table of people", "a search in it", "why somebody would be asked", "the tenants with their bars"}

// sizes measures whether what everybody does costs the same however large the
// installation is (P7).
func (b *Bench) sizes(ctx context.Context, engine string) error {
	all := []size{{b.Small, 1}, {b.Large, max(1, b.Large/100)}}
	if b.Huge > 0 {
		all = append(all, size{b.Huge, 10_000})
	}
	took := map[string][]time.Duration{}
	for _, at := range all {
		one, err := b.sizeAt(ctx, engine, at)
		if err != nil {
			return fmt.Errorf("%v: %w", at, err)
		}
		for what, d := range one {
			took[what] = append(took[what], d)
		}
	}
	var words []string
	for _, at := range all {
		words = append(words, at.String())
	}
	name, _, _ := strings.Cut(place(engine, 0), ",")
	for _, what := range spread {
		var ours []string
		for _, d := range took[what] {
			ours = append(ours, ms(d))
		}
		first, last := took[what][0], took[what][len(all)-1]
		r := Row{ID: "P7", Work: what + ", " + name + ": " + strings.Join(words, "; "), Limit: ours[0] + " (the smallest)", Ours: strings.Join(ours[1:], "; ") + " CPU",
			Ratio: ratio(float64(last), float64(first))}
		if what != spread[len(spread)-1] { // a page of fifty tenants is not a page of one
			r.Goal, r.Reached = "≤ 1.10", reached(float64(last) <= 1.1*float64(first))
		}
		b.row(r)
	}
	return nil
}

func (b *Bench) sizeAt(ctx context.Context, engine string, at size) (map[string]time.Duration, error) {
	fast, err := phcOf(ctx, fastCost)
	if err != nil {
		return nil, err
	}
	s, crowds, err := b.site(ctx, engine, fastCost, hashed{min(among, at.people/2), fast})
	if err != nil {
		return nil, err
	}
	org, somebody, err := b.fill(ctx, s, at, crowds[0])
	if err != nil {
		return nil, err
	}
	out := map[string]time.Duration{}
	err = b.served(s, func(r *running) error {
		c := crowds[0]
		boss := c.someone()
		session, err := b.boss(r, boss)
		if err != nil {
			return err
		}
		if err := b.warm(ctx, r, c, 60); err != nil {
			return err
		}
		conns := dialAll(r.addr, 4)
		defer closeAll(conns)
		in := func(i int) error { _, err := signIn(conns[i], c.someone(), true); return err }
		_, cpu, err := perOp(ctx, load{clients: 4, most: len(c.people) * 8 / 10, limit: 4 * time.Second}, r.cpu, in)
		if err != nil {
			return err
		}
		out[spread[0]] = cpu - b.limits.fast
		tenant := "/admin/tenants/" + string(org)
		for n, path := range []string{tenant + "/security", tenant + "/users", tenant + "/users?q=person.", "/admin/policy?user=" + url.QueryEscape(somebody), "/admin/tenants"} {
			get := func(i int) error {
				a, err := conns[i].do("GET", path, session, "")
				if err == nil && a.status != 200 {
					err = fmt.Errorf("GET %s answered %d", path, a.status)
				}
				return err
			}
			// PostgreSQL plans a statement anew until a connection has run it five times.
			if _, err := (load{clients: 4, most: 400, limit: 30 * time.Second}).run(ctx, get); err != nil {
				return err
			}
			if _, out[spread[n+1]], err = perOp(ctx, load{clients: 4, most: 2000, limit: 2 * time.Second}, r.cpu, get); err != nil {
				return err
			}
		}
		return nil
	})
	return out, err
}

// boss signs somebody in who administers the organisation and the platform.
func (b *Bench) boss(r *running, p *person) (string, error) {
	c := dial(r.addr, 20*time.Second)
	defer c.close()
	return signIn(c, p, true)
}

// fill makes the tenants and brings the rest of the people in. The first of the
// crowd becomes an administrator.
func (b *Bench) fill(ctx context.Context, s site, at size, c *crowd) (org core.TenantID, somebody string, err error) {
	h, err := s.open(ctx, true)
	if err != nil {
		return "", "", err
	}
	defer h.Close()
	found, err := h.Store.FindTenants(ctx, "Bench GmbH", 2)
	if err != nil || len(found) != 1 {
		return "", "", errors.Join(err, fmt.Errorf("%d tenants of that name", len(found)))
	}
	org = found[0].ID
	began := time.Now()
	tenants := []core.TenantID{org}
	for n := 1; n < at.tenants; n++ {
		t, err := h.Directory.CreateTenant(ctx, directory.NewTenant{Kind: core.Customer, Parent: found[0].Parent, Name: fmt.Sprintf("Customer %05d", n),
			Settings: core.SettingsDoc(`{"requirement":["organization"]}`)}, access.System(), core.Client{})
		if err != nil {
			return "", "", err
		}
		tenants = append(tenants, t.ID)
	}
	rows := make([]roster.Row, 0, at.people)
	for n := range at.people - len(c.people) {
		in := org
		if n%2 == 1 {
			in = tenants[n/2%len(tenants)]
		}
		rows = append(rows, importedRow(n, string(in)))
	}
	if err := bringAll(ctx, h, rows); err != nil {
		return "", "", err
	}
	b.Say("%s: %v made in %.1f s", s.name, at, time.Since(began).Seconds())
	return org, c.people[0].login, crown(ctx, h, org, c.people[0].login)
}

// bringAll brings rows in by the chunk, as the verb does.
func bringAll(ctx context.Context, h *app.House, rows []roster.Row) error {
	const chunk = 1000
	var at atomic.Int64
	var wait sync.WaitGroup
	failed := make([]error, 4)
	for w := range failed {
		wait.Go(func() {
			for failed[w] == nil {
				from := int(at.Add(chunk)) - chunk
				if from >= len(rows) {
					return
				}
				part := rows[from:min(from+chunk, len(rows))]
				out, err := h.Roster.Bring(ctx, part, roster.Options{}, access.System(), core.Client{})
				if err == nil && out.Created != len(part) {
					err = fmt.Errorf("%d of %d came in: %v", out.Created, len(part), out.Problems)
				}
				failed[w] = err
			}
		})
	}
	wait.Wait()
	return errors.Join(failed...)
}

// crown makes somebody the administrator of everything.
func crown(ctx context.Context, h *app.House, org core.TenantID, login string) error {
	l, err := h.Store.FindLogin(ctx, login, nil)
	if err != nil {
		return err
	}
	root, err := h.Tree.Root(ctx)
	if err != nil {
		return err
	}
	return h.Store.Update(ctx, l.User.Tenant, func(tx store.Tx) error {
		return errors.Join(tx.Grant(core.RoleGrant{User: l.User.ID, Tenant: org, Role: core.CustomerAdmin, At: tx.Now()}),
			tx.Grant(core.RoleGrant{User: l.User.ID, Tenant: root, Role: core.PlatformAdmin, At: tx.Now()}))
	})
}

var hidden = regexp.MustCompile(`name="version" value="(\d+)"`)

// switching measures switching a large organisation on: the forecast before it,
// and the request itself (P9).
func (b *Bench) switching(ctx context.Context, engine string) error {
	fast, err := phcOf(ctx, fastCost)
	if err != nil {
		return err
	}
	s, crowds, err := b.site(ctx, engine, fastCost, hashed{8, fast})
	if err != nil {
		return err
	}
	people := max(b.Large, b.Huge)
	org, err := b.unasked(ctx, s, people, crowds[0])
	if err != nil {
		return err
	}
	return b.served(s, func(r *running) error {
		session, err := b.boss(r, crowds[0].people[0])
		if err != nil {
			return err
		}
		enable := "http://" + r.addr + "/admin/tenants/" + string(org) + "/security/enable"
		first, page, err := timed("GET", enable+"?requirement=organization", session, "")
		if err != nil {
			return err
		}
		version := hidden.FindStringSubmatch(page)
		if version == nil {
			return errors.New("the page of the switch has no version")
		}
		second, _, err := timed("GET", enable+"?requirement=organization", session, "")
		if err != nil {
			return err
		}
		on, _, err := timed("POST", enable, session, "requirement=organization&version="+version[1])
		if err != nil {
			return err
		}
		rss, err := resident(r.pid())
		if err != nil {
			return err
		}
		where := place(engine, people)
		most := 5 * time.Second
		if people >= 1_000_000 {
			most = time.Minute
		}
		b.row(Row{ID: "P9", Work: "what switching on would do, for whom, " + where, Limit: "—", Ours: ms(first) + " at first, " + ms(second) + " then", Ratio: "—",
			Goal: fmt.Sprintf("≤ %.0f s", most.Seconds()), Reached: reached(first <= most)})
		b.row(Row{ID: "P9", Work: "switching on, " + where, Limit: "—", Ours: ms(on), Ratio: "—", Goal: "≤ 100 ms", Reached: reached(on <= 100*time.Millisecond)})
		b.row(Row{ID: "P9", Work: "memory after it, " + where, Limit: "—", Ours: mib(rss), Ratio: "—", Goal: "≤ 256 MiB", Reached: reached(rss <= 256<<20)})
		return nil
	})
}

// unasked makes an organisation that asks nobody for a second factor.
func (b *Bench) unasked(ctx context.Context, s site, people int, c *crowd) (core.TenantID, error) {
	h, err := s.open(ctx, true)
	if err != nil {
		return "", err
	}
	defer h.Close()
	root, err := h.Tree.Root(ctx)
	if err != nil {
		return "", err
	}
	t, err := h.Directory.CreateTenant(ctx, directory.NewTenant{Kind: core.Customer, Parent: root, Name: "Switch GmbH", ManagedBy: core.ManagedByProvider}, access.System(), core.Client{})
	if err != nil {
		return "", err
	}
	rows := make([]roster.Row, people)
	for n := range rows {
		rows[n] = importedRow(n, string(t.ID))
		rows[n].TOTPSecret, rows[n].TOTPDigits = "", ""
	}
	if err := bringAll(ctx, h, rows); err != nil {
		return "", err
	}
	return t.ID, crown(ctx, h, t.ID, c.people[0].login)
}

// timed sends one request and reads the answer whole.
func timed(method, address, session, form string) (time.Duration, string, error) {
	req, err := http.NewRequest(method, address, strings.NewReader(form))
	if err != nil {
		return 0, "", err
	}
	req.Header.Set("Cookie", session)
	req.Header.Set("Sec-Fetch-Site", "same-origin")
	if form != "" {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	began := time.Now()
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	took := time.Since(began)
	want := 200
	if method == "POST" {
		want = 303
	}
	if err == nil && resp.StatusCode != want {
		err = fmt.Errorf("%s answered %d", method, resp.StatusCode)
	}
	return took, string(body), err
}
