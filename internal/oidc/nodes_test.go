package oidc_test

import (
	"net/http"
	"testing"
	"time"

	"sallyport/internal/core"
	"sallyport/internal/testkit/house"
)

// felt waits until something holds, and says how long that took. The promise is a
// second; ten of them are allowed, for other tests share the machine.
func felt(t *testing.T, what string, holds func() bool) {
	t.Helper()
	began := time.Now()
	for !holds() {
		if time.Since(began) > 10*time.Second {
			t.Fatalf("%s: not felt", what)
		}
	}
	t.Logf("%s after %v", what, time.Since(began).Round(time.Millisecond))
}

// WBX-15, L-03: signing everybody of an organisation out, and resetting somebody's
// access, end sessions, access tokens and refresh tokens on both of two nodes,
// whichever of them was told, and the app is told of it. An organisation beside it
// feels nothing.
func TestEndsAreFeltOnBothNodesL03(t *testing.T) {
	t.Parallel()
	one, two := house.Nodes(t)
	for _, row := range []struct {
		name     string
		in, told *house.House // where they are, and where it is said
		end      func(h *house.House, org core.TenantID, p, boss *house.Person) error
	}{
		{"sign everyone out", one, two, func(h *house.House, org core.TenantID, _, boss *house.Person) error {
			return h.Rollout.SignOutAll(t.Context(), org, h.Proven(boss.In(h)), core.Client{})
		}},
		{"reset access", two, one, func(h *house.House, _ core.TenantID, p, boss *house.Person) error {
			n, err := h.Directory.EndSessions(t.Context(), p.ID, h.Proven(boss.In(h)), core.Client{})
			if err == nil && n != 1 {
				t.Errorf("%d sessions ended", n)
			}
			return err
		}},
	} {
		ear, at := listen(t)
		org := row.in.Organisation(row.name, "", "")
		p := row.in.Person(org, "anna@"+string(org.ID)[3:12]+".example")
		boss := row.in.Person(org, "boss@"+string(org.ID)[3:12]+".example", core.CustomerAdmin)
		beside := row.in.Organisation("Beside "+row.name, "", "")
		ole := row.in.Person(beside, "ole@"+string(beside.ID)[3:12]+".example")
		app := newApp(t, row.in, row.in.Root.ID, func(d *core.AppDoc) { d.BackchannelURI = at })
		there := *app
		there.h = row.told

		enter := func(p *house.Person) (*house.Raw, reply) {
			browser := row.in.Raw("")
			p.Enter(browser)
			return browser, app.good(app.exchange(app.code(browser, "scope", "openid offline_access")))
		}
		row.in.SignOut(p.Visitor)
		browser, tokens := enter(p)
		his, kept := enter(ole)
		access, refresh := tokens.str("access_token"), tokens.str("refresh_token")
		in := func(b *house.Raw, h *house.House) bool { return b.At(h).Get("/account/").Status == http.StatusOK }
		for _, c := range []*client{app, &there} {
			if !in(browser, c.h) || !c.active(refresh) {
				t.Fatalf("%s: nobody is in to begin with", row.name)
			}
		}
		if app.userinfo(access).Status != http.StatusOK {
			t.Fatalf("%s: the token is no good to begin with", row.name)
		}

		if err := row.end(row.told, org.ID, p, boss); err != nil {
			t.Fatal(err)
		}
		for where, c := range map[string]*client{"where they are": app, "where it was said": &there} {
			felt(t, row.name+", sessions "+where, func() bool { return !in(browser, c.h) })
			felt(t, row.name+", refresh tokens "+where, func() bool { return !c.active(refresh) })
			c.refused("a refresh token of before", c.refresh(refresh), http.StatusBadRequest, "invalid_grant")
		}
		felt(t, row.name+", access tokens", func() bool { return app.userinfo(access).Status == http.StatusUnauthorized })
		if told := claims(t, ear.next(t)); told["sub"] != string(p.ID) || told["sid"] != claims(t, tokens.str("id_token"))["sid"] {
			t.Errorf("%s: the app is told %v", row.name, told)
		}
		for _, c := range []*client{app, &there} {
			if !in(his, c.h) || !c.active(kept.str("refresh_token")) {
				t.Errorf("%s: the organisation beside it feels it", row.name)
			}
		}
	}
}
