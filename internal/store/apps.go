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
	// Clients lists the API clients in the same way; Apps has none of them.
	Clients(Page) (clients []core.App, next string, err error)
	// AppSecrets lists an app's secrets, expired ones that were not dropped too, the
	// newest first.
	AppSecrets(core.AppID) ([]core.AppSecretRow, error)
	// AppsHere lists the apps of the reader's own node and of what is below it within
	// its organisation, those that are not deleted, by name, at most limit.
	AppsHere(limit int) ([]core.App, error)
	// AppsUsed counts who of the people there used each app since then.
	AppsUsed(since time.Time) (map[core.AppID]AppUse, error)
	// AppsUsedBy lists the apps that one of them used since then; of anybody else, none.
	AppsUsedBy(user core.UserID, since time.Time) ([]core.AppID, error)
	// CountOpenUsing counts who of the people there has no second factor and used one
	// of these apps since then. It costs by who did, not by how many people there are.
	CountOpenUsing(apps []core.AppID, since time.Time) (int, error)
	// OpenUsing lists them by login, a page a call; its places are those of People.
	OpenUsing(apps []core.AppID, since time.Time, p Page) (people []Listed, next string, err error)
}

// AppUse is by how many people an app was used, of those who can sign in and are not
// proved elsewhere, and how many of them have no second factor.
type AppUse struct{ People, Open int }

type AppWriter interface {
	InsertApp(core.App) error
	// UpdateApp writes an app whose Version is still the one given and that is not
	// deleted.
	UpdateApp(core.App) error
	// SetHosts makes these the hosts of an app, and no others; ErrDuplicate "host" when
	// one is another app's.
	SetHosts(id core.AppID, hosts []string) error
	InsertAppSecret(core.AppSecretRow) error
	// ExpireAppSecrets lets all secrets of an app end by then, those that would end
	// sooner when they would, and drops those that have ended. It returns how many go
	// on until then.
	ExpireAppSecrets(id core.AppID, until time.Time) (int, error)
	// UsedApp moves when an app last got a token, and from where.
	UsedApp(id core.AppID, at time.Time, from string) error
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

// DeviceReader reads devices that wait to be let in, of the tenant of their app.
type DeviceReader interface {
	Device(core.DeviceID) (core.Device, error)
}

type DeviceWriter interface {
	// InsertDevice stores one that waits; ErrDuplicate where its code is another's.
	InsertDevice(core.Device) error
	// PolledDevice notes that it asked, unless it asked since then (ErrConflict), and
	// how long it is to wait from now on.
	PolledDevice(id core.DeviceID, since time.Time, wait time.Duration) error
	// AnswerDevice says what came of one that waits, whatever its tenant: the answer
	// comes from the person's. A family is of the transaction's tenant. Exactly one
	// caller ever gets nil, everyone else ErrConflict.
	AnswerDevice(id core.DeviceID, state core.DeviceState, family core.FamilyID) error
}

type FamilyWriter interface {
	// InsertFamily stores a family whose code is not exchanged.
	InsertFamily(core.Family) error
	// ExchangeCode consumes the code of a family that lives and writes its Doc, Seq
	// and ExpiresAt: exactly one caller ever gets nil, everyone else ErrConflict.
	ExchangeCode(core.Family) error
	// InsertHostCookie makes a token, by its hash, one that stands for a family; it goes
	// with the family.
	InsertHostCookie(tokenHash []byte, id core.FamilyID) error
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
