package oidc_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"sallyport/internal/core"
	"sallyport/internal/testkit/house"
)

// Decisions 7.1, 7.4 and 7.5 for apps: every path by which an app gets tokens for a
// person, under every set of requirements that was switched on after that person signed
// in. What must come of it is worked out here from the sentences of the decisions, not
// asked of the resolver.

// asking is what an app of the table is to the organisation.
type asking string

const (
	plainApp    asking = "an app like any"
	selectedApp asking = "a selected app"
	strictApp   asking = "an app that asks itself"
)

// due tells whether a factor must be shown for the app once the rules are on.
func (a asking) due(rules []core.Requirement) bool {
	switch {
	case a == strictApp, slices.Contains(rules, core.RequireOrganization):
		return true
	}
	return a == selectedApp && slices.Contains(rules, core.RequireSelectedApps)
}

// entry is one person's way to one app's tokens.
type entry struct {
	t       *testing.T
	h       *house.House
	in      *house.Raw
	app     *client // of codes and exchange
	device  *client
	subject string // an access token of before, for the app's API
	let     begun  // a device that was let in before; empty where it could not be
}

type way struct {
	name  string
	takes func(e entry) bool
	walk  func(e entry) bool
}

var ways = []way{
	{"the code", func(entry) bool { return true }, func(e entry) bool {
		q := e.app.back(e.in.Get(e.app.ask("prompt", "none")))
		if q.Get("code") == "" {
			if q.Get("error") != "interaction_required" {
				e.t.Errorf("the code: %v", q)
			}
			return false
		}
		return e.app.exchange(q.Get("code")).Status == http.StatusOK
	}},
	{"a device", func(entry) bool { return true }, func(e entry) bool {
		b := e.device.begin()
		page := confirm(e.t, e.in, b.user)
		if page.Page() == "device-confirm" {
			page = e.in.Post("/device/answer", "request", page.Hidden("request"), "go", "allow")
		}
		if strings.HasPrefix(page.Location, "/sign-in?") {
			e.device.refused("a device that waits", e.device.poll(b), http.StatusBadRequest, "authorization_pending")
			return false
		}
		return e.device.poll(b).Status == http.StatusOK
	}},
	{"a device that was let in before", func(e entry) bool { return e.let.code != "" }, func(e entry) bool {
		r := e.device.poll(e.let)
		if r.Status != http.StatusOK {
			e.device.refused("a device of before", r, http.StatusBadRequest, "access_denied")
		}
		return r.Status == http.StatusOK
	}},
	{"acting for them", func(entry) bool { return true }, func(e entry) bool {
		r := e.app.act(e.subject)
		if r.Status != http.StatusOK && (r.Status != http.StatusBadRequest || r.str("access_token") != "") {
			e.t.Errorf("acting: status %d, %s", r.Status, r.Raw)
		}
		return r.Status == http.StatusOK
	}},
}

func TestPathsOfAppsAndPolicies(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		walked := 0
		for n, rules := range [][]core.Requirement{{core.RequirePerUser}, {core.RequireSelectedApps}, {core.RequireOrganization},
			{core.RequirePerUser, core.RequireSelectedApps}, {core.RequireSelectedApps, core.RequireOrganization}} {
			org := h.Organisation(fmt.Sprint("Paths ", n), "self-service", `{"new_user_window":{"days":0}}`)
			front := newApp(t, h, org.ID, func(d *core.AppDoc) { d.Resources, d.Scopes = []string{firstAPI}, []string{"read"} })
			apps, devices := map[asking]*client{}, map[asking]*client{}
			var selected []string
			for _, a := range []asking{plainApp, selectedApp, strictApp} {
				level := core.LevelNone
				if a == strictApp {
					level = core.LevelMFA
				}
				apps[a] = newApp(t, h, org.ID, func(d *core.AppDoc) {
					d.Grants, d.Resources, d.Scopes, d.RequiredLevel = []string{core.GrantCode, core.GrantExchange}, []string{firstAPI}, []string{"read"}, level
				})
				devices[a] = newApp(t, h, org.ID, func(d *core.AppDoc) { device(d); d.RequiredLevel = level })
				if a == selectedApp {
					selected = append(selected, string(apps[a].app.ID), string(devices[a].app.ID))
				}
			}
			people := map[bool]*house.Person{
				false: h.Person(org, fmt.Sprintf("without%d@example.com", n)),
				true:  h.Enrolled(org, fmt.Sprintf("enrolled%d@example.com", n)),
			}
			var all []entry
			var want []bool
			var names []string
			for enrolled, p := range people {
				in := h.Raw("")
				p.Enter(in)
				subject := front.good(front.exchange(front.code(in, "scope", "openid read", "resource", firstAPI))).str("access_token")
				for a, app := range apps {
					e := entry{t: t, h: h, in: in, app: app, device: devices[a], subject: subject}
					if enrolled || a != strictApp {
						e.let = e.device.begin()
						page := confirm(t, in, e.let.user)
						if to := in.Post("/device/answer", "request", page.Hidden("request"), "go", "allow").Location; to != "/device/done" {
							t.Fatalf("%s before any rule leads to %q", a, to)
						}
					}
					all, want = append(all, e), append(want, enrolled || !a.due(rules))
					names = append(names, fmt.Sprintf("%v, enrolled %v, %s", rules, enrolled, a))
				}
			}
			doc, err := json.Marshal(map[string]any{"selected_apps": selected})
			if err != nil {
				t.Fatal(err)
			}
			h.Settings(org.ID, string(doc))
			boss := h.Proven(h.Enrolled(org, fmt.Sprintf("boss%d@example.com", n), core.CustomerAdmin))
			if n > 0 { // the first is what the preset has
				if _, err := h.Rollout.Enable(t.Context(), org.ID, rules, boss, core.Client{}); err != nil {
					t.Fatal(err)
				}
			}
			for i, e := range all {
				for _, w := range ways {
					if !w.takes(e) {
						continue
					}
					walked++
					if got := w.walk(e); got != want[i] {
						t.Errorf("%s, by %s: tokens %v, want %v", names[i], w.name, got, want[i])
					}
				}
			}
			// Sessions stay, and so do the tokens that there were (decision 7.4).
			for _, e := range all {
				if e.in.Get("/account/").Status != http.StatusOK || !e.h.T.Failed() && e.app.userinfo(e.subject).Status != http.StatusOK {
					t.Errorf("%v: what there was before did not stay", rules)
				}
			}
		}
		if walked != 5*(2*3*3+5) {
			t.Errorf("%d ways were walked", walked)
		}
	})
}
