package oidc_test

import (
	"net/http"
	"testing"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/core"
	"sallyport/internal/testkit/house"
)

const (
	tokenExchange = core.GrantExchange
	accessToken   = "urn:ietf:params:oauth:token-type:access_token"
	firstAPI      = "https://first.example.org/api"
	secondAPI     = "https://second.example.org/api"
)

// between is a server with an API of its own, which acts for people at another.
func between(d *core.AppDoc) {
	d.Grants, d.RedirectURIs, d.LogoutURIs = []string{core.GrantClient, core.GrantExchange}, nil, nil
	d.Resources, d.Scopes = []string{firstAPI}, []string{"read", "write"}
}

func (c *client) act(subject string, pairs ...string) reply {
	c.t.Helper()
	return c.post("/oauth2/token", append([]string{"grant_type", tokenExchange, "subject_token", subject, "subject_token_type", accessToken}, pairs...)...)
}

// a server that was sent a person's token gets one that says both names and
// is for less or the same, never for more, and that ends with the sign-in.
func TestAServerActsForAPersonX02(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		p, in, front := inside(t, h, func(d *core.AppDoc) {
			d.Resources, d.Scopes = []string{firstAPI, secondAPI}, []string{"read", "write"}
		})
		c := newApp(t, h, h.Root.ID, between)
		sign := func() (access, refresh string) {
			t.Helper()
			in := in.Get(front.ask("scope", "openid read write offline_access", "resource", firstAPI) + "&resource=" + secondAPI)
			r := front.good(front.exchange(front.back(in).Get("code")))
			return r.str("access_token"), r.str("refresh_token")
		}
		subject, refresh := sign()
		was := claims(t, subject)
		got := c.good(c.act(subject, "scope", "read", "resource", secondAPI))
		is := claims(t, got.str("access_token"))
		act, _ := is["act"].(map[string]any)
		if got.str("issued_token_type") != accessToken || got.str("token_type") != "Bearer" || got.str("scope") != "read" || is["sub"] != string(p.ID) || is["aud"] != secondAPI ||
			is["client_id"] != string(c.app.ID) || act["sub"] != string(c.app.ID) || act["act"] != nil || is["acr"] != was["acr"] || is["auth_time"] != was["auth_time"] || got.str("refresh_token") != "" || got.str("id_token") != "" {
			t.Errorf("the token: %s, %v", got.Raw, is)
		}
		if is["exp"].(float64) > was["exp"].(float64) {
			t.Error("it lives longer than what it came of")
		}
		// All of it, where less is not asked for, and never what goes on by itself.
		if all := c.good(c.act(subject)); all.str("scope") != "openid read write" {
			t.Errorf("all of it: %s", all.Raw)
		}
		// A second server that gets the first one's token stands before it in the line.
		c2 := newApp(t, h, h.Root.ID, func(d *core.AppDoc) { between(d); d.Resources = []string{secondAPI} })
		next := claims(t, c2.good(c2.act(got.str("access_token"))).str("access_token"))
		act, _ = next["act"].(map[string]any)
		inner, _ := act["act"].(map[string]any)
		if act["sub"] != string(c2.app.ID) || inner["sub"] != string(c.app.ID) || next["scope"] != "read" {
			t.Errorf("the second in line: %v", next)
		}
		own := c.good(c.post("/oauth2/token", "grant_type", core.GrantClient)).str("access_token")
		c.good(c.act(subject, "actor_token", own, "actor_token_type", accessToken))

		for what, pairs := range map[string][]string{
			"a scope more":        {"scope", "read admin"},
			"going on by itself":  {"scope", "offline_access"},
			"another API":         {"resource", "https://third.example.org/"},
			"another audience":    {"audience", "https://third.example.org/"},
			"an ID token":         {"requested_token_type", "urn:ietf:params:oauth:token-type:id_token"},
			"a refresh token":     {"requested_token_type", "urn:ietf:params:oauth:token-type:refresh_token"},
			"an actor of no type": {"actor_token", own},
			"a type of no actor":  {"actor_token_type", accessToken},
			"a person as actor":   {"actor_token", subject, "actor_token_type", accessToken},
			"another as actor":    {"actor_token", c2.good(c2.post("/oauth2/token", "grant_type", core.GrantClient)).str("access_token"), "actor_token_type", accessToken},
		} {
			r := c.act(subject, pairs...)
			want := map[string]string{"a scope more": "invalid_scope", "going on by itself": "invalid_scope", "another API": "invalid_target", "another audience": "invalid_target"}[what]
			if want == "" {
				want = "invalid_request"
			}
			c.refused(what, r, http.StatusBadRequest, want)
		}
		told := 0
		for _, e := range p.Events() {
			if e.Name == "app.acted" && e.Actor == string(c.app.ID) && e.Target == string(p.ID) && e.Detail["of"] == string(front.app.ID) {
				told++
			}
		}
		if told != 1 {
			t.Errorf("the log says %d times who acts for whom", told)
		}

		// Given back, it is over, and what it came of is not.
		if r := c.post("/oauth2/revoke", "token", got.str("access_token")); r.Status != http.StatusOK || c.active(got.str("access_token")) || !front.active(subject) {
			t.Errorf("given back: %d", r.Status)
		}
		// It ends with the sign-in, and when the app may not any more.
		again := c.good(c.act(subject)).str("access_token")
		if !c.active(again) {
			t.Fatal("the token does not count")
		}
		front.post("/oauth2/revoke", "token", refresh)
		if c.active(again) {
			t.Error("it outlives the sign-in")
		}
		c.refused("of a sign-in that is over", c.act(subject), http.StatusBadRequest, "invalid_request")
		subject, _ = sign()
		again = c.good(c.act(subject)).str("access_token")
		c.change(func(d *core.AppDoc) { d.Grants = []string{core.GrantClient} })
		if c.active(again) {
			t.Error("it counts though the app may not act any more")
		}
		c.refused("an app that may not", c.act(subject), http.StatusBadRequest, "unauthorized_client")
	})
}

// B-38, B-40: whose token it is, and for whom the app is, is looked at with every
// exchange; everything that is not right is one answer.
func TestOnlyTokensOnesOwnAreExchangedB38(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		p, in, front := inside(t, h, func(d *core.AppDoc) { d.Resources, d.Scopes = []string{firstAPI}, []string{"read"} })
		c := newApp(t, h, h.Root.ID, between)
		r := front.good(front.exchange(front.code(in, "scope", "openid read offline_access", "resource", firstAPI)))
		subject := r.str("access_token")
		c.good(c.act(subject))
		elsewhere := newApp(t, h, h.Organisation("Elsewhere", "self-service", "").ID, between)
		uninvolved := newApp(t, h, h.Root.ID, func(d *core.AppDoc) { between(d); d.Resources = []string{secondAPI} })
		here := front.good(front.exchange(front.code(in))).str("access_token") // for us alone
		program := c.good(c.post("/oauth2/token", "grant_type", core.GrantClient, "resource", firstAPI)).str("access_token")
		refused := func(what string, c *client, token string) {
			t.Helper()
			c.refused(what, c.act(token), http.StatusBadRequest, "invalid_request")
		}
		refused("an app of another organisation", elsewhere, subject)
		refused("an app that it was not sent to", uninvolved, subject)
		refused("a token for somebody else", c, here)
		refused("a program's", c, program)
		refused("an ID token", c, r.str("id_token"))
		refused("a refresh token", c, r.str("refresh_token"))
		refused("none", c, "")
		refused("garbage", c, "a.b.c")
		refused("cut", c, subject[:len(subject)-2])
		c.refused("of another type", c.post("/oauth2/token", "grant_type", tokenExchange, "subject_token", subject, "subject_token_type", "urn:ietf:params:oauth:token-type:jwt"), http.StatusBadRequest, "invalid_request")

		// A level that the app always asks for is asked of what it acts with, too.
		weak := h.Person(h.Organisation("Weak", "self-service", ""), "weak@example.com")
		w := h.Raw("")
		weak.Enter(w)
		all := newApp(t, h, h.Root.ID, func(d *core.AppDoc) { d.Resources, d.Scopes = []string{firstAPI}, []string{"read"} })
		strict := newApp(t, h, h.Root.ID, func(d *core.AppDoc) { between(d); d.RequiredLevel = core.LevelMFA })
		low := all.good(all.exchange(all.code(w, "scope", "read", "resource", firstAPI))).str("access_token")
		c.good(c.act(low))
		strict.refused("below its level", strict.act(low), http.StatusBadRequest, "unmet_authentication_requirements")

		h.Clock.Advance(5*time.Minute + time.Second)
		refused("over", c, subject)
		subject = front.good(front.refresh(r.str("refresh_token"))).str("access_token")
		acting := c.good(c.act(subject)).str("access_token")
		if err := h.Directory.Disable(t.Context(), p.ID, access.System(), core.Client{}); err != nil {
			t.Fatal(err)
		}
		refused("of somebody who was stopped", c, subject)
		if c.active(acting) {
			t.Error("somebody acts for who was stopped")
		}
		public := newAppFault(h, func(d *core.AppDoc) { between(d); d.Auth = core.AppPublic })
		if public == nil {
			t.Error("an app without a secret may act for people")
		}
	})
}
