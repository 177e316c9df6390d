package i18n_test

import (
	"strings"
	"testing"

	"sallyport/internal/i18n"
)

// Sessions of a suspended branch are refused and come back when it is resumed: no
// language says that they end.
func TestASuspensionRefusesSessionsForAWhile(t *testing.T) {
	for lang, says := range map[string]string{"en": "refused until", "de": "so lange abgewiesen", "fr": "refusées tant que", "sv": "avvisas så länge"} {
		got := i18n.For(lang).T("tenant_deed_text.suspend", nil)
		if !strings.Contains(got, says) {
			t.Errorf("%s: %q", lang, got)
		}
	}
}
