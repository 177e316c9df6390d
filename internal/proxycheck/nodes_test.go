package proxycheck_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/core"
	"sallyport/internal/session"
	"sallyport/internal/testkit/house"
)

// Two nodes on one database: a ticket of one is good at the other, once, and what is
// taken away at one is gone at the other within a second (P4, Q-03).
func TestTwoNodesAnswerProxiesAlike(t *testing.T) {
	one, two := house.Nodes(t)
	org := one.Organisation("Bakery", "self-service", "")
	wiki := newApp(t, one, one.Root.ID, "wiki.example.com", nil)
	there := &proxied{two, t, wiki.app, wiki.host}
	for name, take := range map[string]func(p *house.Person, v *visitor){
		"signed out at the app": func(_ *house.Person, v *visitor) { wiki.ask(v, "/logout") },
		"signed out":            func(_ *house.Person, v *visitor) { v.in.Post("/sign-out") },
		"revoked": func(p *house.Person, v *visitor) {
			o := newVisitor(one)
			p.Enter(o.in)
			if err := session.Revoke(t.Context(), one.Store, one.Current(o.in).Session, one.Current(v.in).Session.ID, core.Client{}); err != nil {
				t.Error(err)
			}
		},
		"disabled": func(p *house.Person, _ *visitor) {
			if err := one.Directory.Disable(t.Context(), p.ID, access.System(), core.Client{}); err != nil {
				t.Error(err)
			}
		},
		"reset": func(p *house.Person, _ *visitor) {
			if _, err := one.Recovery.ResetMFA(t.Context(), p.ID, access.System(), core.Client{}); err != nil {
				t.Error(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) { felt(t, one, wiki, there, org, name, take) })
	}
	t.Run("the app is stopped", func(t *testing.T) {
		felt(t, one, wiki, there, org, "stopped", func(*house.Person, *visitor) {
			if _, err := one.Directory.SwitchApp(t.Context(), wiki.app.ID, false, access.Shell(), core.Client{}); err != nil {
				t.Error(err)
			}
		})
	})
}

// felt: the person is in at both nodes, something is taken at the first, and the
// second knows.
func felt(t *testing.T, one *house.House, wiki, there *proxied, org core.Tenant, name string, take func(*house.Person, *visitor)) {
	p := one.Enrolled(org, strings.ReplaceAll(name, " ", ".")+"@example.com")
	there.h.Clock.Advance(one.Clock.Offset() - there.h.Clock.Offset())
	v := newVisitor(one)
	p.Enter(v.in)
	ticket := wiki.ticket(wiki.follow(v, wiki.ask(v, "/")))
	if a := there.ask(v, ticket); a.Status != http.StatusFound {
		t.Fatalf("the ticket of one node at the other: %d %s", a.Status, a.Body)
	}
	if a := wiki.ask(v, ticket); a.Status != http.StatusForbidden {
		t.Errorf("and again at the first: %d", a.Status)
	}
	if !wiki.passes(v, "/") || !there.passes(v, "/") {
		t.Fatal("not in at both nodes")
	}
	cookie := v.at(one, wiki.host).Clone()
	take(p, v)
	v.far[wiki.host] = cookie // the browser did not hear of it
	// A second is promised; a busy machine gets ten, looked at again and again.
	for until := time.Now().Add(10 * time.Second); there.passes(v, "/"); {
		if time.Now().After(until) {
			t.Fatal("the other node goes on letting in")
		}
	}
	if wiki.passes(v, "/") {
		t.Error("the node itself lets in")
	}
}
