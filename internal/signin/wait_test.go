package signin_test

import (
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"sallyport/internal/core"
	"sallyport/internal/policy"
	"sallyport/internal/store"
	"sallyport/internal/testkit/house"
)

// require is the MFA switch of an organisation, moved now.
func require(h *house.House, org core.TenantID, r ...core.Requirement) {
	h.T.Helper()
	h.Change(org, func(tx store.Tx) error {
		line, err := tx.Line()
		if err != nil {
			return err
		}
		if line, err = policy.SetRequirement(line, r, core.Stamp{By: core.ActorSystem, At: tx.Now()}); err != nil {
			return err
		}
		if err := tx.UpdateTenant(line[len(line)-1]); err != nil {
			return err
		}
		return tx.Changed(core.ChangeTenant, string(org))
	})
	h.Settle()
}

// says looks for words on a page, markup left out.
func says(t *testing.T, a house.Answer, words ...string) {
	t.Helper()
	text := a.Text()
	for _, w := range words {
		if !strings.Contains(text, w) {
			t.Errorf("page %q does not say %q:\n%s", a.Page(), w, text)
		}
	}
}

const graceOf3 = `{"time_zone":"Europe/Berlin","display_name":"Bäckerei Huber","new_user_window":{"days":0},"enforce_at":{"grace":{"days":14,"skips":3}}}`

// Rows ACR-07, WBX-06 and decision 7.5: the page says who asks, since when in the
// organisation's own time, until when it may wait and how often; what is skipped
// is a session of the password's level, and at the end nothing else is reachable.
func TestGrace(t *testing.T) {
	each(t, func(t *testing.T, h *house.House) {
		org := h.Organisation("Huber GmbH", "self-service", graceOf3)
		p := h.Person(org, "anna@example.com")
		boss := h.Person(org, "boss@example.com", core.CustomerAdmin)
		// Half an hour before midnight in UTC it is the next day in Berlin.
		now := h.Clock.Now()
		late := time.Date(now.Year(), now.Month(), now.Day(), 22, 30, 0, 0, time.UTC).Add(24 * time.Hour)
		h.Clock.Advance(late.Sub(now))
		require(h, org.ID, core.RequireOrganization)
		berlin, _ := time.LoadLocation("Europe/Berlin")
		day := late.In(berlin).Format("2 January 2006")
		due := late.Add(14 * 24 * time.Hour).In(berlin).Format("2 January 2006, 15:04")
		for left := 3; left > 0; left-- {
			r := h.Raw(at(left))
			a := p.Knock(r)
			if step(a) != "setup-required" || r.Cookie("sallyport") != "" {
				t.Fatalf("with %d left it leads to %q", left, a.Location)
			}
			page := r.Get(a.Location)
			says(t, page, "Bäckerei Huber", "Since "+day, "At the latest "+due, string(rune('0'+left))+" of 3 skips left", "Somebody")
			if !strings.Contains(page.Body, `href="mailto:`+boss.Login) {
				t.Error("nobody to ask")
			}
			if b := r.Post(a.Location, "go", "later"); b.Status != http.StatusUnprocessableEntity || b.Fault() != "form.invalid" {
				t.Errorf("another answer: status %d, fault %q", b.Status, b.Fault())
			}
			if b := r.Post(a.Location, "go", "skip"); !b.In() || b.Location != "/account/" {
				t.Fatalf("skipped: status %d to %q, fault %q", b.Status, b.Location, b.Fault())
			}
			if !r.Inside() {
				t.Error("a skip opens no session")
			}
			if s := p.Sessions()[0]; s.Level != core.LevelPassword {
				t.Errorf("a session of level %q", s.Level)
			}
			if got := p.User().Skips; got != 4-left {
				t.Errorf("%d skips are counted, want %d", got, 4-left)
			}
		}
		if n := p.Names()["user.mfa.skipped"]; n != 3 {
			t.Errorf("%d rows of skips", n)
		}
		r := h.Raw(at(9))
		a := p.Knock(r)
		if page := r.Get(a.Location); strings.Contains(page.Body, `value="skip"`) || strings.Contains(page.Text(), "At the latest") {
			t.Error("the page still offers to skip")
		}
		if b := r.Post(a.Location, "go", "skip"); b.Status != http.StatusUnprocessableEntity || b.Fault() != core.ErrSetupRequired.Code || r.Cookie("sallyport") != "" {
			t.Errorf("a fourth skip: status %d, fault %q", b.Status, b.Fault())
		}
		if p.Status() != core.MFASetupRequired {
			t.Errorf("status %s", p.Status())
		}
		// Who never skipped has until the end of the days, and not longer.
		h.Clock.Advance(14*24*time.Hour - time.Minute)
		r = h.Raw(at(10))
		if b := r.Post(boss.Knock(r).Location, "go", "skip"); !b.In() {
			t.Errorf("a minute before the end: fault %q", b.Fault())
		}
		h.Clock.Advance(time.Minute)
		r = h.Raw(at(11))
		a = boss.Knock(r)
		if b := r.Post(a.Location, "go", "skip"); b.Fault() != core.ErrSetupRequired.Code {
			t.Errorf("after the days: status %d, fault %q", b.Status, b.Fault())
		}
	})
}

// A skip is one person's and one demand's: another demand begins anew, whoever is
// new skips without being counted, and what is only offered is never counted.
func TestWhatCountsASkip(t *testing.T) {
	each(t, func(t *testing.T, h *house.House) {
		skip := func(p *house.Person, n int) house.Answer {
			t.Helper()
			r := h.Raw(at(n))
			a := p.Knock(r)
			if step(a) != "setup-required" {
				t.Fatalf("%s: leads to %q", p.Login, a.Location)
			}
			return r.Post(a.Location, "go", "skip")
		}
		org := h.Organisation("Again", "self-service", graceOf3)
		p := h.Person(org, "anna@example.com")
		require(h, org.ID, core.RequireOrganization)
		skip(p, 1)
		skip(p, 2)
		require(h, org.ID)
		if a := p.Knock(h.Raw(at(3))); !a.In() {
			t.Errorf("switched off: leads to %q", a.Location)
		}
		h.Clock.Advance(time.Hour)
		require(h, org.ID, core.RequireOrganization)
		if a := skip(p, 4); !a.In() || p.User().Skips != 1 {
			t.Errorf("a new demand: in %v, %d skips", a.In(), p.User().Skips)
		}

		young := h.Organisation("Young", "self-service", `{"requirement":["organization"]}`)
		q := h.Person(young, "berta@example.com") // the days of new people are 7 there
		for n := range 4 {
			if a := skip(q, 10+n); !a.In() {
				t.Errorf("somebody new, time %d: fault %q", n, a.Fault())
			}
		}
		if n := q.User().Skips; n != 0 {
			t.Errorf("%d skips of somebody new are counted", n)
		}
		h.Clock.Advance(7*24*time.Hour + time.Second)
		if a := skip(q, 20); a.In() || a.Fault() != core.ErrSetupRequired.Code {
			t.Errorf("not new any more: in %v, fault %q", a.In(), a.Fault())
		}

		apps := h.Organisation("Apps", "self-service", `{"requirement":["selected_apps"],"selected_apps":["ap_till"]}`)
		o := h.Person(apps, "carla@example.com")
		r := h.Raw(at(30))
		a := o.Knock(r)
		if page := r.Get(a.Location); strings.Contains(page.Text(), "Required by") || strings.Contains(page.Text(), "skips left") {
			t.Error("what is offered reads as if it were required")
		}
		for n := range 5 {
			if a := skip(o, 31+n); !a.In() {
				t.Errorf("offered, time %d: fault %q", n, a.Fault())
			}
		}
		if n := o.User().Skips; n != 0 || o.Status() != core.MFADisabled {
			t.Errorf("%d skips are counted, status %s", n, o.Status())
		}
	})
}

// Skips are counted exactly: a double click is one, and of many sign-ins that skip
// at once as many pass as are left.
func TestSkipsAreCountedExactly(t *testing.T) {
	each(t, func(t *testing.T, h *house.House) {
		org := h.Organisation("Exact", "self-service", graceOf3)
		require(h, org.ID, core.RequireOrganization)
		for i, atOnce := range []bool{false, true} {
			p := h.Person(org, "anna"+string(rune('0'+i))+"@example.com")
			r := h.Raw(at(i))
			a := p.Knock(r)
			if page := twice(r, atOnce, a.Location, "go", "skip"); page.Page() != "account" || !r.Inside() {
				t.Errorf("at once %v: page %q, fault %q", atOnce, page.Page(), page.Fault())
			}
			if n := p.User().Skips; n != 1 {
				t.Errorf("at once %v: a double click counts %d skips", atOnce, n)
			}
			if n := len(p.Sessions()); n != 1 {
				t.Errorf("at once %v: %d sessions", atOnce, n)
			}
		}
		p := h.Person(org, "berta@example.com")
		var doors [8]struct {
			r  *house.Raw
			to string
		}
		for i := range doors {
			doors[i].r = h.Raw(at(100 + i))
			doors[i].to = p.Knock(doors[i].r).Location
		}
		var in atomic.Int32
		together(len(doors), func(i int) {
			if a := doors[i].r.Post(doors[i].to, "go", "skip"); a.In() {
				in.Add(1)
			}
		})
		if in.Load() != 3 || p.User().Skips != 3 {
			t.Errorf("%d passed, %d are counted; want 3", in.Load(), p.User().Skips)
		}
	})
}

// Whoever began to set up may still put it off where it may wait, and needs to
// show no mailbox for that.
func TestSkippingFromLaterPages(t *testing.T) {
	each(t, func(t *testing.T, h *house.House) {
		org := h.Organisation("Later", "self-service", `{"new_user_window":{"days":0},"enforce_at":{"grace":{"days":14,"skips":3}},"enrol_proof":"always_mail"}`)
		p := h.Person(org, "anna@example.com")
		require(h, org.ID, core.RequireOrganization)
		r := h.Raw(at(1))
		a := p.Knock(r)
		if step(a) != "setup-required" {
			t.Fatalf("leads to %q", a.Location)
		}
		if a = r.Post(a.Location, "go", "enrol"); step(a) != "confirm-mail" {
			t.Fatalf("enrol leads to %q", a.Location)
		}
		page := r.Get(a.Location)
		if !strings.Contains(page.Body, `value="skip"`) {
			t.Error("no way back from the mailbox")
		}
		r.Post(h.Link(p.Login, "/confirm/"))
		if a = r.Follow(r.Post(a.Location)); a.Page() != "enrol-totp" || !strings.Contains(a.Body, `value="skip"`) {
			t.Fatalf("page %q", a.Page())
		}
		action := a.Body[strings.LastIndex(a.Body, `<form method="post" action="`)+len(`<form method="post" action="`):]
		action = action[:strings.IndexByte(action, '"')]
		if b := r.Post(action, "go", "skip"); !b.In() || p.User().Skips != 1 {
			t.Errorf("status %d to %q, fault %q, %d skips", b.Status, b.Location, b.Fault(), p.User().Skips)
		}
		if p.Status() != core.MFASetupRequired {
			t.Errorf("status %s", p.Status())
		}
	})
}
