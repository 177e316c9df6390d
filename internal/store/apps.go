package store

import (
	"time"

	"sallyport/internal/core"
)

type AppReader interface {
	// App is an app of the reader's own node, deleted ones too.
	App(core.AppID) (core.App, error)
	// Apps lists those that are not deleted by name, a page a call; next is empty at
	// the end.
	Apps(Page) (apps []core.App, next string, err error)
	// AppSecrets lists an app's secrets, expired ones that were not dropped too, the
	// newest first.
	AppSecrets(core.AppID) ([]core.AppSecretRow, error)
	// AppsHere lists the apps of the reader's own node and of what is below it within
	// its organisation, those that are not deleted, by name, at most limit.
	AppsHere(limit int) ([]core.App, error)
	// AppsUsed counts who of the people there used each app since then.
	AppsUsed(since time.Time) (map[core.AppID]AppUse, error)
}

// AppUse is by how many people an app was used, of those who can sign in and are not
// proved elsewhere, and how many of them have no second factor.
type AppUse struct{ People, Open int }

type AppWriter interface {
	InsertApp(core.App) error
	// UpdateApp writes an app whose Version is still the one given and that is not
	// deleted.
	UpdateApp(core.App) error
	InsertAppSecret(core.AppSecretRow) error
	// ExpireAppSecrets lets all secrets of an app end by then, those that would end
	// sooner when they would, and drops those that have ended. It returns how many go
	// on until then.
	ExpireAppSecrets(id core.AppID, until time.Time) (int, error)
	// EndAppSecret lets one secret end now, if it does not have an end before;
	// core.ErrNotFound when the app has no such secret that goes on.
	EndAppSecret(id core.AppID, hash []byte) error
	// UsedAppSecret moves a secret's last use.
	UsedAppSecret(hash []byte, at time.Time) error
}

type FamilyReader interface {
	Family(core.FamilyID) (core.Family, error)
	// Families lists a person's families that live, the newest first.
	Families(core.UserID) ([]core.Family, error)
	// Connection is between a person and an app; core.ErrNotFound when there is none.
	Connection(core.UserID, core.AppID) (core.Connection, error)
	Connections(core.UserID) ([]core.Connection, error)
	// Spent reports whether a mark was used.
	Spent(kind core.SpentKind, mark []byte) (bool, error)
}

type FamilyWriter interface {
	// InsertFamily stores a family whose code is not exchanged.
	InsertFamily(core.Family) error
	// ExchangeCode consumes the code of a family that lives and writes its Doc, Seq
	// and ExpiresAt: exactly one caller ever gets nil, everyone else ErrConflict.
	ExchangeCode(core.Family) error
	// Refreshed consumes the refresh token of a number: exactly one caller ever gets
	// nil, everyone else ErrConflict. The next number is the good one.
	Refreshed(id core.FamilyID, seq int64) error
	// EndFamily ends one; ending what has ended is no error, what is not here is
	// core.ErrNotFound.
	EndFamily(id core.FamilyID, why string) error
	// EndFamilies ends a person's, but those of the sessions named.
	EndFamilies(user core.UserID, why string, except ...core.SessionID) (int, error)
	// EndFamiliesOfSession ends those of one session that do not outlive it, and lets
	// the apps of the others be told all the same. It returns how many ended.
	EndFamiliesOfSession(user core.UserID, session core.SessionID, why string) (int, error)
	// HandOver gives what came of one session of a person to another.
	HandOver(user core.UserID, from, to core.SessionID) error
	// EndFamiliesOfApp ends those of a person at one app.
	EndFamiliesOfApp(user core.UserID, app core.AppID, why string) (int, error)
	// SaveConnection makes or replaces a connection, all but since when it is.
	SaveConnection(core.Connection) error
	DropConnection(core.UserID, core.AppID) error
	// Spend uses a mark, which is kept until then: exactly one caller ever gets nil,
	// everyone else ErrConflict.
	Spend(kind core.SpentKind, mark []byte, until time.Time) error
}
