package policy

import (
	"cmp"
	"time"

	"sallyport/internal/core"
)

// TokenLives are how long tokens of an app live for people here. What an app says for
// itself holds as long as nobody here, and no lock from above, says something shorter;
// where it says nothing, the setting does.
func (e Effective) TokenLives(a core.App) core.TokenLives {
	own := e.Settings.Tokens.For(a.Public())
	out := core.TokenLives{Access: cmp.Or(a.Doc.AccessLife, own.Access), Refresh: cmp.Or(a.Doc.RefreshLife, own.Refresh)}
	if a.IsClient() && a.Doc.AccessLife == 0 {
		out.Access = core.Duration(core.ClientAccess) // it has no sign-in that could be renewed
	}
	if _, said := e.own["tokens"]; said {
		out = out.Shorter(own)
	}
	for _, l := range e.locks {
		if l.holds("tokens") {
			out = out.Shorter(l.values.Tokens.For(a.Public()))
		}
	}
	return out
}

// AccessLife and RefreshLife are those two.
func (e Effective) AccessLife(a core.App) time.Duration { return time.Duration(e.TokenLives(a).Access) }

func (e Effective) RefreshLife(a core.App) time.Duration {
	return time.Duration(e.TokenLives(a).Refresh)
}
