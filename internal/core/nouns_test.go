package core_test

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"sallyport/internal/core"
)

// Decision 7.10, N-11: honest rungs, and what is not known reaches nothing.
func TestLevelsAreALadder(t *testing.T) {
	rungs := []core.Level{core.LevelNone, core.LevelPassword, core.LevelTrustedBrowser, core.LevelEmail, core.LevelMFA, core.LevelPhishingResistant}
	for i, have := range rungs {
		for j, want := range rungs {
			if have.AtLeast(want) != (i >= j) {
				t.Errorf("%q at least %q: %v", have, want, have.AtLeast(want))
			}
		}
		if have.AtLeast("aal3") {
			t.Errorf("%q reaches a level that nobody knows", have)
		}
		if core.Level("root").AtLeast(have) && have != core.LevelNone {
			t.Errorf("a level that nobody knows reaches %q", have)
		}
	}
	if core.LevelMFA.ACR() != "urn:sallyport:mfa" || core.LevelNone.ACR() != "" {
		t.Errorf("%q, %q", core.LevelMFA.ACR(), core.LevelNone.ACR())
	}
}

// N-10: either end, or being ended, is the end.
func TestSessionLive(t *testing.T) {
	s := core.Session{ExpiresAt: at(60), IdleUntil: at(10)}
	ended := s
	ended.EndedAt = at(1)
	idle := s
	idle.IdleUntil = at(90)
	for _, c := range []struct {
		name string
		s    core.Session
		at   float64
		live bool
	}{
		{"in use", s, 9, true}, {"idle too long", s, 10, false}, {"used, but too old", idle, 60, false}, {"a moment before", idle, 59.99, true},
		{"ended", ended, 1, false}, {"never begun", core.Session{}, 0, false},
	} {
		if c.s.Live(at(c.at)) != c.live {
			t.Errorf("%s: live %v", c.name, !c.live)
		}
	}
}

func TestTokenState(t *testing.T) {
	good := core.Token{ExpiresAt: at(10)}
	used, old := good, good
	used.UsedAt, old.SupersededAt = at(1), at(1)
	both := used
	both.SupersededAt = at(2)
	for _, c := range []struct {
		token core.Token
		at    float64
		want  string
	}{{good, 9.99, "good"}, {good, 10, "expired"}, {used, 1, "used"}, {used, 20, "used"}, {old, 1, "superseded"}, {both, 3, "used"}, {core.Token{}, 0, "expired"}} {
		if got := c.token.State(at(c.at)); got != c.want {
			t.Errorf("%+v at %v is %q, want %q", c.token, c.at, got, c.want)
		}
	}
}

// B-33: neighbours that one party easily has many of are one source.
func TestClientSource(t *testing.T) {
	for address, want := range map[string]string{
		"192.0.2.7": "192.0.2.0/24", "192.0.2.250": "192.0.2.0/24", "192.0.3.7": "192.0.3.0/24", "::ffff:192.0.2.9": "192.0.2.0/24",
		"2001:db8:1:2:3::4": "2001:db8:1:2::/64", "2001:db8:1:2:ffff::9": "2001:db8:1:2::/64", "2001:db8:1:3::1": "2001:db8:1:3::/64",
	} {
		if got := (core.Client{Address: netip.MustParseAddr(address)}).Source(); got != want {
			t.Errorf("%s is of %s, want %s", address, got, want)
		}
	}
	if got := (core.Client{}).Source(); got != "unknown" {
		t.Errorf("no address is of %s", got)
	}
	if got := len(core.Client{Agent: strings.Repeat("x", 1000)}.AgentShort()); got != 200 {
		t.Errorf("%d bytes of an agent are kept", got)
	}
}

func TestTenantKindsStandWhereTheyMay(t *testing.T) {
	kinds := []core.TenantKind{core.Platform, core.Partner, core.Folder, core.Customer, core.Unit}
	may := map[core.TenantKind]string{
		core.Platform: "", core.Partner: "platform partner folder", core.Folder: "platform partner folder", core.Customer: "platform partner folder", core.Unit: "customer unit",
	}
	for _, k := range append(kinds, "team") {
		for _, p := range append(kinds, "team") {
			if want := p != "" && strings.Contains(" "+may[k]+" ", " "+string(p)+" "); k.MayStandUnder(p) != want {
				t.Errorf("%s under %s: %v", k, p, !want)
			}
		}
		if k.IsOrganisation() != (k == core.Platform || k == core.Partner || k == core.Customer) {
			t.Errorf("%s is an organisation: %v", k, k.IsOrganisation())
		}
	}
}

func TestFaults(t *testing.T) {
	f := core.ErrFactorLocked.With("until", noon).After(time.Minute)
	wrapped := fmt.Errorf("answer attempt: %w", f)
	if !errors.Is(wrapped, core.ErrFactorLocked) || errors.Is(wrapped, core.ErrFactorDead) {
		t.Error("faults are compared by more or less than their code")
	}
	if core.ErrFactorLocked.Params != nil || core.ErrFactorLocked.RetryAfter != 0 {
		t.Error("With or After wrote to the fault that everybody shares")
	}
	if got, ok := core.AsFault(wrapped); !ok || got.RetryAfter != time.Minute || got.Params["until"] != noon {
		t.Errorf("%+v", got)
	}
	if _, ok := core.AsFault(errors.New("disk full")); ok {
		t.Error("any error is a fault")
	}
}

// N-34, decision 7.15: only a confirmed factor that is not dead proves anything.
func TestFactorUsable(t *testing.T) {
	dead := core.Budget{Consecutive: core.DeadAt}
	for _, c := range []struct {
		state  core.FactorState
		budget core.Budget
		want   bool
	}{{core.FactorConfirmed, core.Budget{}, true}, {core.FactorConfirmed, dead, false}, {core.FactorUnconfirmed, core.Budget{}, false}, {core.FactorRevoked, core.Budget{}, false}, {"", core.Budget{}, false}} {
		if got := (core.Factor{State: c.state, Budget: c.budget}).Usable(); got != c.want {
			t.Errorf("%s, dead %v: usable %v", c.state, c.budget.Dead(), got)
		}
	}
}
