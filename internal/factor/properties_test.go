package factor

import (
	"testing"

	"sallyport/internal/core"
)

// N-04 and decision 7.10: mail never reaches MFA, only origin-bound factors
// reach the highest rung, and an unknown kind proves nothing.
func TestPropertiesPromiseNoMoreThanTheyHold(t *testing.T) {
	for _, kind := range []core.FactorKind{core.FactorPassword, core.FactorTOTP, core.FactorRecoveryCode, core.FactorPasskey, core.FactorEmailCode} {
		p, ok := Of(kind)
		if !ok || p.Kind != kind {
			t.Errorf("%s: unknown", kind)
		}
		if p.Level.AtLeast(core.LevelMFA) && !p.Possession {
			t.Errorf("%s reaches %s without being something one has", kind, p.Level)
		}
		if p.MailboxBound && p.Level.AtLeast(core.LevelMFA) {
			t.Errorf("%s is a mailbox and reaches %s", kind, p.Level)
		}
		if p.Level == core.LevelPhishingResistant && !(p.PhishingResistant && p.UserVerified) {
			t.Errorf("%s reaches %s without its properties", kind, p.Level)
		}
	}
	if p, ok := Of("carrier_pigeon"); ok || p.Level != core.LevelNone || p.Possession {
		t.Errorf("an unknown kind has %+v", p)
	}
}
