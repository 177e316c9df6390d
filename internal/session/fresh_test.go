package session_test

import (
	"context"
	"testing"
	"time"

	"sallyport/internal/core"
	"sallyport/internal/session"
)

type ctx = context.Context

// DS-14: what must be shown before factors change, by what was shown and when.
func TestFreshKind(t *testing.T) {
	now := time.Date(2026, 3, 14, 12, 0, 0, 0, time.UTC)
	app := []core.Factor{{ID: "fa_1", Kind: core.FactorTOTP, State: core.FactorConfirmed}}
	dead := []core.Factor{{ID: "fa_1", Kind: core.FactorTOTP, State: core.FactorConfirmed, Budget: core.Budget{Consecutive: 100}}}
	begun := []core.Factor{{ID: "fa_1", Kind: core.FactorTOTP, State: core.FactorUnconfirmed}}
	shown := func(kind core.FactorKind, ago time.Duration) core.Proof {
		return core.Proof{Kind: kind, At: now.Add(-ago)}
	}
	pwd, code, spare := core.FactorPassword, core.FactorTOTP, core.FactorRecoveryCode
	for _, c := range []struct {
		name    string
		factors []core.Factor
		proofs  []core.Proof
		want    core.FactorKind
	}{
		{"nothing shown", nil, nil, pwd},
		{"the password just now", nil, []core.Proof{shown(pwd, 0)}, ""},
		{"the password a moment short of five minutes ago", nil, []core.Proof{shown(pwd, 5*time.Minute-1)}, ""},
		{"the password five minutes ago", nil, []core.Proof{shown(pwd, 5*time.Minute)}, pwd},
		{"begun is none yet", begun, []core.Proof{shown(pwd, 0)}, ""},
		{"a factor, the password just now", app, []core.Proof{shown(pwd, 0)}, code},
		{"a factor, its code just now", app, []core.Proof{shown(pwd, time.Hour), shown(code, time.Minute)}, ""},
		{"a factor, a recovery code just now", app, []core.Proof{shown(spare, time.Minute)}, ""},
		{"a factor, its code long ago, the password just now", app, []core.Proof{shown(code, time.Hour), shown(pwd, 0)}, code},
		{"a browser that is trusted since just now is no factor", app, []core.Proof{shown(core.FactorTrustedBrowser, 0)}, code},
		{"nor is a temporary pass", app, []core.Proof{shown(core.FactorTemporaryPass, 0)}, code},
		{"a dead factor, the password just now", dead, []core.Proof{shown(pwd, 0)}, code},
	} {
		if got := session.FreshKind(core.Session{Doc: core.SessionDoc{Proofs: c.proofs}}, c.factors, now); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}
