package session

import (
	"time"

	"sallyport/internal/core"
	"sallyport/internal/policy"
)

// Fresh is how long a proof counts as fresh for changing factors (decision
// 7.18, row DS-14).
const Fresh = 5 * time.Minute

// FreshKind says what a session must show before its person may change their
// factors: nothing ("" ), a second factor, or the password when there is none.
func FreshKind(s core.Session, factors []core.Factor, now time.Time) core.FactorKind {
	second := policy.Enrolled(factors)
	for _, p := range s.Doc.Proofs {
		if now.Sub(p.At) >= Fresh {
			continue
		}
		if p.Kind == core.FactorPassword && !second {
			return ""
		}
		// A trusted browser or a temporary pass is no factor, however fresh.
		if second && policy.Second(p) {
			return ""
		}
	}
	if second {
		return core.FactorTOTP
	}
	return core.FactorPassword
}
