package web

import (
	"strconv"
	"strings"
	"time"

	"sallyport/internal/core"
)

// StepUp is what a resource of ours needs of a token beyond that it is valid (RFC 9470,
// rows S-01 and S-02): a level, and how long ago something was shown at most. Zero
// values ask for nothing.
type StepUp struct {
	Level  core.Level
	MaxAge time.Duration
}

// Met reports whether a sign-in is enough. One that does not say when it was is not.
func (s StepUp) Met(level core.Level, at, now time.Time) bool {
	if s.Level != core.LevelNone && !level.AtLeast(s.Level) {
		return false
	}
	return s.MaxAge == 0 || !at.IsZero() && now.Sub(at) <= s.MaxAge
}

// Challenge is the header WWW-Authenticate beside the 401: what an app is to ask for
// when it sends the person to sign in again. scheme is the one that the token came by.
func (s StepUp) Challenge(scheme string) string {
	var b strings.Builder
	b.WriteString(scheme + ` realm="Sallyport", error="insufficient_user_authentication", error_description="more has to be shown, or again"`)
	if s.Level != core.LevelNone {
		b.WriteString(`, acr_values="` + s.Level.ACR() + `"`)
	}
	if s.MaxAge > 0 {
		b.WriteString(`, max_age="` + strconv.FormatInt(int64(s.MaxAge/time.Second), 10) + `"`)
	}
	return b.String()
}
