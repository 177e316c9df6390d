package web

import (
	"context"
	"slices"
	"strings"

	"sallyport/internal/core"
)

// ScopesInWords says what an app may know or do. A scope of an app's own has no words
// of ours and stands as it is.
func ScopesInWords(ctx context.Context, scopes []string) string {
	var out []string
	for _, s := range scopes {
		if slices.Contains(core.PersonScopes, s) {
			s = T(ctx, "consent.scope."+s)
		}
		out = append(out, s)
	}
	return strings.Join(out, " · ")
}
