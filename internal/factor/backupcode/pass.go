package backupcode

import (
	"strings"

	"sallyport/internal/secret"
)

// PassLength is the number of characters of a temporary pass: 80 bits, because it
// is told over the telephone, works once and lives for hours.
const PassLength = 16

// NewPass returns a temporary pass as it is shown: XXXX-XXXX-XXXX-XXXX. It is never
// digits only, so that nobody takes it for a code of an app (decision 7.19).
func NewPass() string {
	for {
		if code := secret.Pick(alphabet, PassLength); strings.Trim(code, "0123456789") != "" {
			return Show(code)
		}
	}
}

// NormalisePass returns the characters of a temporary pass that were meant, or
// false when the input cannot be one. What is forgiven is what Normalise forgives.
func NormalisePass(typed string) (code string, ok bool) { return normalise(typed, PassLength) }
