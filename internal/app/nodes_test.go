package app_test

import (
	"fmt"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/core"
	"sallyport/internal/testkit/house"
)

// promised is how soon what one node takes away must be felt on another;
// tests allow ten times that.
const promised = time.Second

// within waits until something holds, and tells how long it took.
func within(t *testing.T, d time.Duration, what string, holds func() bool) {
	t.Helper()
	began := time.Now()
	for !holds() {
		if time.Since(began) > d {
			t.Fatalf("%s: not within %s", what, d)
		}
		time.Sleep(5 * time.Millisecond)
	}
	t.Logf("%s: %s", what, time.Since(began).Round(time.Millisecond))
}

// Two processes on one PostgreSQL are one product: what is begun on one goes on
// at the other, and what is used or taken away on one is so on both.
func TestTwoNodesAreOneProduct(t *testing.T) {
	one, two := house.Nodes(t)
	org := one.Organisation("Nodes", "self-service", `{"lockout":{"factor":{"limit":50}}}`)
	p := one.Enrolled(org, "anna@example.com")

	// An attempt and a session belong to the product, not to a node.
	r := one.Raw("192.0.2.1")
	page := p.Attempt(r)
	code := p.Fresh()
	two.Clock.Advance(one.Clock.Offset() - two.Clock.Offset())
	over := r.At(two)
	if a := over.Post(page, "code", code); !a.In() || !over.Inside() {
		t.Fatalf("the attempt of one node on the other: status %d, fault %q", a.Status, a.Fault())
	}
	if !over.At(one).Inside() {
		t.Error("the session of one node is none on the other")
	}
	if a := r.Post(page, "code", code); !a.In() || r.Cookie("sallyport") != over.Cookie("sallyport") {
		t.Errorf("the double click on the other node: fault %q", a.Fault())
	}
	// T-05: a code that one took is used on the other.
	s := two.Raw("192.0.2.2")
	if a := s.Post(p.In(two).Attempt(s), "code", code); a.Fault() != core.ErrCodeUsed.Code {
		t.Errorf("the code of one node on the other: status %d, fault %q", a.Status, a.Fault())
	}
	// A link too.
	_, link := one.Invite(org, "new@example.com")
	if a := two.Raw("").Post(link, "new_password", house.Password); !a.In() {
		t.Errorf("the link of one node on the other: fault %q", a.Fault())
	}
	if a := one.Raw("").Post(link, "new_password", "Another long pass phrase"); a.Fault() != "invitation.used" {
		t.Errorf("and again: status %d, to %q, fault %q: %.300s", a.Status, a.Location, a.Fault(), a.Body)
	}
}

// revoking a session, disabling an account, and a change of settings
// on one node are felt on the other within a second.
func TestTakenAwayOnOneNodeIsGoneOnTheOtherA15(t *testing.T) {
	one, two := house.Nodes(t)
	org := one.Organisation("Away", "self-service", "")
	n := 0
	for name, take := range map[string]func(*house.Person, *house.Raw){
		"sign-out": func(_ *house.Person, r *house.Raw) { r.Clone().Post("/sign-out") },
		"ending the others": func(p *house.Person, _ *house.Raw) {
			s := one.Raw("")
			p.Enter(s)
			s.Post("/account/security/sessions/others")
		},
		"disabling": func(p *house.Person, _ *house.Raw) {
			must(t, one.Directory.Disable(t.Context(), p.ID, access.System(), core.Client{}))
		},
		"a reset of factors": func(p *house.Person, _ *house.Raw) {
			_, err := one.Recovery.ResetMFA(t.Context(), p.ID, access.System(), core.Client{})
			must(t, err)
		},
		"a changed password": func(p *house.Person, _ *house.Raw) {
			s := one.Raw("")
			p.Enter(s)
			s.Post("/account/password", "password", p.Password, "new_password", "Another long pass phrase", "end_others", "yes")
		},
		"a rise of its level": func(p *house.Person, r *house.Raw) {
			one.Clock.Advance(6 * time.Minute)
			r.Clone().Post("/account/verify", "code", p.Fresh())
		},
	} {
		n++
		p := one.Enrolled(org, fmt.Sprintf("p%d@example.com", n))
		r := one.Raw("")
		p.Enter(r)
		there := r.At(two)
		if !there.Inside() {
			t.Fatalf("%s: the session is not known on the other node", name)
		}
		token := there.Cookie("sallyport")
		take(p, r)
		within(t, 10*promised, name, func() bool { return !there.Plant("sallyport", token).Inside() })
	}
	// Settings: the second node asks for a factor as soon as the first was told to.
	p := one.Person(org, "plain@example.com").In(two)
	if a := p.Knock(two.Raw("")); !a.In() {
		t.Fatal(a.Fault())
	}
	if _, err := one.Directory.ChangeSettings(t.Context(), org.ID, core.SettingsDoc(`{"requirement":["organization"]}`), access.System(), core.Client{}); err != nil {
		t.Fatal(err)
	}
	within(t, 10*promised, "a requirement", func() bool { return !p.Knock(two.Raw("")).In() })
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// B-01, B-04, B-08: limits hold across nodes: passwords by their reservations,
// codes by their row, and one code is taken once.
func TestLimitsHoldAcrossNodes(t *testing.T) {
	one, two := house.Nodes(t)
	nodes := []*house.House{one, two}
	org := one.Organisation("Limits", "self-service", `{"lockout":{"password":{"limit":5},"factor":{"limit":40}}}`)

	p := one.Person(org, "anna@example.com")
	together(60, func(i int) {
		nodes[i%2].Raw(at(i)).Post("/sign-in", "login", p.Login, "password", "never the right words")
	})
	if n := p.Names()["signin.failed wrong_password"]; n != 5 {
		t.Errorf("%d passwords were evaluated, the limit is 5: %v", n, p.Names())
	}
	for i, h := range nodes {
		if a := p.In(h).Knock(h.Raw(at(90 + i))); a.Fault() != core.ErrRefused.Code {
			t.Errorf("node %d lets a locked account in", i+1)
		}
	}

	q := one.Enrolled(org, "berta@example.com")
	one.Clock.Advance(time.Hour)
	two.Clock.Advance(one.Clock.Offset() - two.Clock.Offset())
	type door struct {
		raw  *house.Raw
		page string
	}
	doors := make([]door, 24)
	for i := range doors {
		r := nodes[i%2].Raw(at(i))
		doors[i] = door{r, q.In(nodes[i%2]).Attempt(r)}
	}
	code := q.Fresh()
	two.Clock.Advance(one.Clock.Offset() - two.Clock.Offset())
	var won atomic.Int64
	together(len(doors), func(i int) {
		switch a := doors[i].raw.Post(doors[i].page, "code", code); {
		case a.In():
			won.Add(1)
		case a.Status != http.StatusUnprocessableEntity:
			t.Errorf("status %d, fault %q", a.Status, a.Fault())
		}
	})
	if won.Load() != 1 {
		t.Errorf("one code was taken %d times", won.Load())
	}
	for _, d := range doors[:20] {
		d.raw.Post(d.page, "code", q.Wrong())
	}
	if b := q.Factor().Budget; !b.Locked(one.Clock.Now()) || b.Consecutive != 40 {
		t.Errorf("after 43 failures on two nodes: %+v", b)
	}
}
