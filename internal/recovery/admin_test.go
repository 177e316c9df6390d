package recovery_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/audit"
	"sallyport/internal/core"
	"sallyport/internal/enrol"
	"sallyport/internal/recovery"
	"sallyport/internal/store"
	"sallyport/internal/testkit/house"
)

func code(err error) string {
	if f, ok := core.AsFault(err); ok {
		return f.Code
	}
	if err != nil {
		return err.Error()
	}
	return ""
}

// last is the newest event of a name about somebody.
func last(h *house.House, p *house.Person, name string) (out core.Event) {
	h.View(p.Tenant, func(r store.Reader) error {
		all, _, err := r.Events(store.EventsQuery{Page: store.Page{Limit: 1}, Name: name, About: string(p.ID)})
		if len(all) > 0 {
			out = all[0]
		}
		return err
	})
	return out
}

// ACR-17, CAL-13, N-27: an administrator's proof is their own and fresh, of the level
// that they have and of a second factor where anybody there has one; never a code of
// the other person.
func TestTheProofIsTheAdministratorsOwn(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		ctx := t.Context()
		org := h.Organisation("Mine", "", `{"requirement":["per_user"]}`)
		bare := h.Person(org, "bare@example.com", core.CustomerAdmin)
		boss := h.Enrolled(org, "boss@example.com", core.CustomerAdmin)
		anna := h.Enrolled(org, "anna@example.com")
		at := func(a access.Actor, proofs ...core.Proof) access.Actor { a.Proofs = proofs; return a }
		now := h.Clock.Now()
		for name, c := range map[string]struct {
			by   access.Actor
			want string
			ask  any
		}{
			"no proof":                    {h.Actor(boss), "step_up.required", access.AskSecond},
			"the password alone":          {at(h.Actor(boss), core.Proof{Kind: core.FactorPassword, At: now}), "step_up.required", access.AskSecond},
			"five minutes old":            {at(h.Actor(boss), core.Proof{Kind: core.FactorTOTP, At: now.Add(-access.Fresh)}), "step_up.required", access.AskSecond},
			"of tomorrow":                 {at(h.Actor(boss), core.Proof{Kind: core.FactorTOTP, At: now.Add(time.Hour)}), "step_up.required", access.AskSecond},
			"a trusted browser":           {at(h.Actor(boss), core.Proof{Kind: core.FactorTrustedBrowser, At: now}), "step_up.required", access.AskSecond},
			"by one who has nothing yet":  {h.Proven(bare), "step_up.required", access.AskEnrol},
			"one's own account this way":  {h.Proven(boss), "user.yourself", nil},
			"right, and on somebody else": {h.Proven(boss), "", nil},
		} {
			whom := anna
			if strings.HasPrefix(name, "one's own") {
				whom = boss
			}
			plan, lost, err := h.Recovery.PlanReset(ctx, whom.ID, c.by)
			if c.want == "user.yourself" {
				if code(err) != c.want {
					t.Errorf("plan of %s: %v", name, err)
				}
			} else if err != nil || plan.ID != whom.ID || lost.Apps != 1 && name != "right, and on somebody else" {
				t.Errorf("plan of %s: %+v, %v", name, lost, err)
			}
			if c.want == "" {
				continue // last, below
			}
			_, err = h.Recovery.ResetMFA(ctx, whom.ID, c.by, core.Client{})
			f, _ := core.AsFault(err)
			if code(err) != c.want || c.ask != nil && f.Params["method"] != c.ask || len(whom.Factors()) != 2 {
				t.Errorf("%s: %v", name, err)
			}
		}
		lost, err := h.Recovery.ResetMFA(ctx, anna.ID, h.Proven(boss), core.Client{Request: "req_1"})
		if err != nil || lost != (enrol.Lost{Apps: 1, Codes: 1}) {
			t.Errorf("%+v, %v", lost, err)
		}
		if e := last(h, anna, audit.MFAReset); e.Actor != string(boss.ID) || e.Target != string(anna.ID) || e.Request != "req_1" || e.Detail["apps"] != "1" {
			t.Errorf("%+v", e)
		}
		if m := h.Mail(anna.Login, "second factor was reset"); !strings.Contains(m.Text, "Somebody") {
			t.Errorf("the mail does not say who: %s", m.Text)
		}
	})
}

// ACR-18: an administrator takes the trust from somebody's browsers, with their own
// proof. The next sign-in asks everywhere; that the browsers are known stays.
func TestResettingBrowsers(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		ctx := t.Context()
		org := h.Organisation("Mine", "", `{"requirement":["per_user"]}`)
		boss, anna := h.Enrolled(org, "boss@example.com", core.CustomerAdmin), h.Enrolled(org, "anna@example.com")
		anna.Enter(h.Raw(""))
		known := len(anna.Browsers())
		trust := func() {
			h.Change(org.ID, func(tx store.Tx) error {
				all, err := tx.Browsers(anna.ID)
				for _, b := range all {
					b.TrustedAt, b.TrustedUntil = tx.Now(), tx.Now().Add(24*time.Hour)
					err = errors.Join(err, tx.TrustBrowser(b))
				}
				return err
			})
		}
		trust()
		if u, n, err := h.Recovery.PlanUntrust(ctx, anna.ID, h.Actor(boss)); err != nil || n != known || u.ID != anna.ID {
			t.Errorf("%d, %v", n, err)
		}
		if _, err := h.Recovery.ResetBrowsers(ctx, anna.ID, h.Actor(boss), core.Client{}); code(err) != "step_up.required" {
			t.Errorf("%v", err)
		}
		if n, err := h.Recovery.ResetBrowsers(ctx, anna.ID, h.Proven(boss), core.Client{}); err != nil || n != known {
			t.Errorf("%d, %v", n, err)
		}
		for _, b := range anna.Browsers() {
			if b.Trusted(h.Clock.Now()) {
				t.Errorf("%+v", b)
			}
		}
		if len(anna.Browsers()) != known {
			t.Error("a browser is not known any more: its own guesses would be everybody's")
		}
		if e := last(h, anna, audit.BrowsersUntrusted); e.Actor != string(boss.ID) || e.Detail["browsers"] == "0" {
			t.Errorf("%+v", e)
		}
		h.Mail(anna.Login, "trusted browsers were reset")
		if n, err := h.Recovery.ResetBrowsers(ctx, anna.ID, h.Proven(boss), core.Client{}); err != nil || n != 0 {
			t.Errorf("again: %d, %v", n, err)
		}
	})
}

// Decision 7.19: a temporary pass is made for somebody else, once, for hours; it is
// shown to whoever made it and never mailed; a newer one kills it.
func TestATemporaryPass(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		ctx := t.Context()
		org := h.Organisation("Mine", "", `{"requirement":["per_user"]}`)
		boss, desk, anna := h.Enrolled(org, "boss@example.com", core.CustomerAdmin), h.Enrolled(org, "desk@example.com", core.Helpdesk), h.Enrolled(org, "anna@example.com")
		pending, _ := h.Invite(org, "new@example.com")
		for name, c := range map[string]struct {
			id   core.UserID
			life time.Duration
			by   access.Actor
			want string
		}{
			"for oneself":           {boss.ID, 0, h.Proven(boss), "user.yourself"},
			"for too long":          {anna.ID, recovery.PassMost + time.Second, h.Proven(boss), "pass.too_long"},
			"backwards":             {anna.ID, -time.Second, h.Proven(boss), "pass.too_long"},
			"for somebody pending":  {pending.ID, 0, h.Proven(boss), "pass.not_possible"},
			"for an administrator":  {boss.ID, 0, h.Proven(desk), "forbidden"},
			"without a proof":       {anna.ID, 0, h.Actor(desk), "step_up.required"},
			"by a plain user":       {anna.ID, 0, h.Proven(anna), "not_found"},
			"for one who never was": {"us_never", 0, h.Proven(boss), "not_found"},
		} {
			if _, err := h.Recovery.MakePass(ctx, c.id, c.life, c.by, core.Client{}); code(err) != c.want {
				t.Errorf("%s: %v", name, err)
			}
		}
		works := func(code string) bool {
			t.Helper()
			found := false
			h.Change(org.ID, func(tx store.Tx) error {
				_, ok, err := h.Recovery.Enrol.FindPass(tx, anna.User(), code)
				found = ok
				return err
			})
			return found
		}
		first, err := h.Recovery.MakePass(ctx, anna.ID, 0, h.Proven(desk), core.Client{})
		if err != nil || first.Till.Sub(h.Clock.Now().Add(recovery.PassLife)).Abs() > time.Minute || strings.Trim(first.Code, "0123456789-") == "" {
			t.Fatalf("%+v, %v", first, err)
		}
		if !works(first.Code) || !works(strings.ToLower(strings.ReplaceAll(first.Code, "-", " "))) || works("AAAA-AAAA-AAAA-AAAA") {
			t.Error("the pass is not recognised, or another is")
		}
		e := last(h, anna, audit.PassMade)
		if e.Actor != string(desk.ID) || e.Target != string(anna.ID) || e.Detail["until"] == "" {
			t.Errorf("%+v", e)
		}
		if m := h.Mail(anna.Login, "temporary pass"); strings.Contains(m.Text, first.Code) || strings.Contains(m.HTML, first.Code) {
			t.Error("the pass was mailed")
		}
		newer, err := h.Recovery.MakePass(ctx, anna.ID, recovery.PassMost, h.Proven(boss), core.Client{})
		if err != nil || works(first.Code) || !works(newer.Code) {
			t.Errorf("the older pass works on, or the newer does not: %v", err)
		}
		if n, err := h.Recovery.WithdrawPass(ctx, anna.ID, h.Actor(desk)); err != nil || n != 1 || works(newer.Code) {
			t.Errorf("withdrawn: %d, %v", n, err)
		}
		third, err := h.Recovery.MakePass(ctx, anna.ID, time.Minute, h.Proven(boss), core.Client{})
		if err != nil {
			t.Fatal(err)
		}
		h.Clock.Advance(time.Minute)
		if works(third.Code) {
			t.Error("a pass works past its time")
		}
	})
}
