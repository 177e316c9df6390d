package web_test

import (
	"testing"
	"time"

	"sallyport/internal/core"
	"sallyport/internal/web"
)

// S-01: what is not enough is told by what would be (RFC 9470, section 3).
func TestStepUpS01(t *testing.T) {
	now := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	need := web.StepUp{Level: core.LevelMFA, MaxAge: 5 * time.Minute}
	for _, c := range []struct {
		what  string
		need  web.StepUp
		level core.Level
		at    time.Time
		met   bool
	}{
		{"enough and fresh", need, core.LevelMFA, now.Add(-5 * time.Minute), true},
		{"more than enough", need, core.LevelPhishingResistant, now, true},
		{"a second too old", need, core.LevelMFA, now.Add(-5*time.Minute - time.Second), false},
		{"a rung too low", need, core.LevelEmail, now, false},
		{"nobody knows when", need, core.LevelMFA, time.Time{}, false},
		{"nothing was shown", need, core.LevelNone, now, false},
		{"an unknown level", need, core.Level("brand new"), now, false},
		{"only a level", web.StepUp{Level: core.LevelMFA}, core.LevelMFA, time.Time{}, true},
		{"only an age", web.StepUp{MaxAge: time.Minute}, core.LevelPassword, now, true},
		{"nothing", web.StepUp{}, core.LevelNone, time.Time{}, true},
	} {
		if c.need.Met(c.level, c.at, now) != c.met {
			t.Errorf("%s: met is %v", c.what, !c.met)
		}
	}
	want := `Bearer realm="Sallyport", error="insufficient_user_authentication", error_description="more has to be shown, or again", acr_values="urn:sallyport:mfa", max_age="300"`
	if got := need.Challenge("Bearer"); got != want {
		t.Errorf("the challenge is %s", got)
	}
}
