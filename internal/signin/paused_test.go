package signin_test

import (
	"strings"
	"testing"
	"time"

	"sallyport/internal/core"
	"sallyport/internal/i18n"
	"sallyport/internal/store"
	"sallyport/internal/testkit/house"
)

// Decisions 7.3 and 7.6: the page says "paused" of what its field takes, and of nothing
// else: the app's lock says nothing of the recovery code, which is taken at once,
// and a dead app has no lock that ends.
func TestThePausedPageSpeaksOfItsField(t *testing.T) {
	each(t, func(t *testing.T, h *house.House) {
		org := h.Organisation("Paused", "self-service", "")
		words := i18n.For("en").T("code.locked_title", nil)
		budget := func(p *house.Person, dead bool) {
			h.Change(p.Tenant, func(tx store.Tx) error {
				f := p.Factor()
				f.Budget.LockedUntil, f.Budget.Locks = h.Clock.Now().Add(time.Hour), 3
				if f.Budget.Consecutive = 15; dead {
					f.Budget.Consecutive = core.DeadAt
				}
				return tx.UpdateFactor(f)
			})
		}
		for _, c := range []struct {
			login, query string
			dead, paused bool
		}{
			{"locked@example.com", "", false, true},
			{"letters@example.com", "?inputmode=text", false, false},
			{"dead@example.com", "", true, false},
			{"dead.letters@example.com", "?inputmode=text", true, false},
		} {
			p := h.Enrolled(org, c.login)
			budget(p, c.dead)
			r := h.Raw(at(1))
			page := p.Attempt(r)
			if a := r.Get(page + c.query); strings.Contains(a.Text(), words) != c.paused {
				t.Errorf("%s: paused %v: %s", c.login, !c.paused, a.Text())
			}
			if c.paused {
				continue
			}
			// When its own budget is locked, it says so.
			other := h.Raw(at(2))
			for range core.DefaultSettings().Lockout.Factor.Limit {
				other.Post(p.Attempt(other), "code", "WRONG-CODE-WRONG-CODE-WRONG")
			}
			if !p.Budget("codes").Locked(h.Clock.Now()) {
				t.Fatalf("%s: %+v", c.login, p.Budget("codes"))
			}
			if a := r.Get(page + c.query); !strings.Contains(a.Text(), words) {
				t.Errorf("%s: the lock of recovery codes is not said: %s", c.login, a.Text())
			}
			h.Clock.Advance(p.Budget("codes").Wait(h.Clock.Now()))
			if a := r.Get(page + c.query); strings.Contains(a.Text(), words) {
				t.Errorf("%s: it is over and said: %s", c.login, a.Text())
			}
			if a := r.Post(page, "code", p.Recovery); !a.In() {
				t.Errorf("%s: the recovery code: fault %q", c.login, a.Fault())
			}
		}
	})
}
