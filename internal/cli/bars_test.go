package cli

import "testing"

// The shell rounds as the pages do.
func TestBarsRoundAsThePages(t *testing.T) {
	for want, b := range map[string]bars{"4 of 41 (10 %)": {Users: 41, Enabled: 4}, "999 of 1000 (99 %)": {Users: 1000, Enabled: 999}, "0 of 0": {}} {
		if got := b.String(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
