package core

import (
	"encoding/hex"
	"encoding/json"
	"slices"
	"time"
)

// Words for how an app shows that it is itself.
const (
	AppPublic = "none"   // it runs on people's devices and can keep no secret
	AppSecret = "secret" // client_secret_basic or client_secret_post
	AppKey    = "key"    // private_key_jwt: it signs, and sends no secret anywhere
	// AppProxied stands behind a reverse proxy that asks us about each request; it
	// speaks no protocol itself. It is known by its hosts.
	AppProxied = "proxy"
)

// Words for whether an app proves with each request that it holds its key.
const (
	ProofMay    = ""
	ProofAlways = "required"
	ProofNonce  = "nonce"
)

// Grants that an app may use.
const (
	GrantCode    = "authorization_code"
	GrantRefresh = "refresh_token"
	GrantClient  = "client_credentials"
	GrantDevice  = "urn:ietf:params:oauth:grant-type:device_code"
	// GrantExchange lets a server act for the people whose tokens it is sent.
	GrantExchange = "urn:ietf:params:oauth:grant-type:token-exchange"
)

// AppGrants lists them.
var AppGrants = []string{GrantCode, GrantRefresh, GrantClient, GrantDevice, GrantExchange}

// Algorithms that an app's tokens may be signed with.
const (
	AlgES256 = "ES256"
	AlgEdDSA = "EdDSA"
	AlgRS256 = "RS256"
)

// AppAlgs lists them, the default first.
var AppAlgs = []string{AlgES256, AlgEdDSA, AlgRS256}

// Scopes that are about the person and not about an API.
const (
	ScopeOpenID  = "openid"
	ScopeProfile = "profile"
	ScopeEmail   = "email"
	ScopeOffline = "offline_access"
)

// PersonScopes lists them.
var PersonScopes = []string{ScopeOpenID, ScopeProfile, ScopeEmail, ScopeOffline}

// How long tokens live where an app says nothing, and at most. A signing key stays
// published for as long as any token of it may live.
const (
	AccessLife      = 5 * time.Minute
	AccessLifeMost  = 24 * time.Hour
	RefreshLife     = 30 * 24 * time.Hour
	RefreshLifeMost = 365 * 24 * time.Hour
)

// AppState is "active", "disabled" or "deleted". A deleted app keeps its row, so
// that its id is never anybody else's.
type AppState string

const (
	AppActive   AppState = "active"
	AppDisabled AppState = "disabled"
	AppDeleted  AppState = "deleted"
)

// AppKind is what an app is for.
type AppKind string

const (
	AppSignIn AppKind = ""           // it signs people in
	AppClient AppKind = "api_client" // a program that calls our API for whoever made it
)

// App signs people in through us. It belongs to the platform, then everybody may
// use it, or to another node, then the people there and below within its
// organisation.
type App struct {
	ID     AppID // its client_id
	Tenant TenantID
	Kind   AppKind
	// Owner is whose rights an API client has, and never more than they have at the
	// moment; nobody's for other apps.
	Owner     UserID
	Name      string
	State     AppState
	Doc       AppDoc
	Version   int64
	CreatedAt time.Time
	ChangedAt time.Time
	DeletedAt time.Time
	// UsedAt and UsedFrom are when an API client last got a token, and from where;
	// coarse.
	UsedAt   time.Time
	UsedFrom string
}

// AppDoc is what an administrator sets of an app.
type AppDoc struct {
	Auth string `json:"auth"`
	// RedirectURIs and LogoutURIs are compared whole, character by character; only
	// the port of a loopback address may differ, for programs on people's devices.
	RedirectURIs []string `json:"redirect_uris,omitempty"`
	LogoutURIs   []string `json:"post_logout_redirect_uris,omitempty"`
	// BackchannelURI is told by us, server to server, when a sign-in is over.
	BackchannelURI string   `json:"backchannel_logout_uri,omitempty"`
	Grants         []string `json:"grants"`
	// Scopes are those beyond what is about the person; Resources the APIs that its
	// tokens may be for.
	Scopes    []string `json:"scopes,omitempty"`
	Resources []string `json:"resources,omitempty"`
	// FirstParty: it is the house's own, so nobody is asked for consent.
	FirstParty bool `json:"first_party,omitempty"`
	// RequiredLevel is asked for whatever its people's organisations require.
	RequiredLevel Level `json:"required_level,omitempty"`
	// Tenants are the branches whose people may use it; none: all that its place lets.
	Tenants []TenantID `json:"tenants,omitempty"`
	// AccessLife and RefreshLife are how long its tokens live; 0 for the default.
	AccessLife  Duration `json:"access_life,omitempty"`
	RefreshLife Duration `json:"refresh_life,omitempty"`
	Alg         string   `json:"alg,omitempty"` // empty: AlgES256
	// Keys are the public keys, as a JSON Web Key Set, of an app that shows itself by one.
	Keys json.RawMessage `json:"keys,omitempty"`
	// Proof says whether its tokens are bound to a key (RFC 9449): where it likes, always,
	// or always and with a nonce of ours in each proof.
	Proof string `json:"dpop,omitempty"`
	// NoPKCE lets an old client that keeps a secret do without.
	NoPKCE bool `json:"no_pkce,omitempty"`
	// API: people may let it call our API as themselves.
	API bool `json:"api,omitempty"`
	// Client is what only an API client has. Its rights stand in Scopes, the branches
	// that it may see in Tenants.
	Client ClientDoc `json:"client,omitzero"`
	// Proxy is what is set of an app behind a reverse proxy; nil for others.
	Proxy *AppProxy `json:"proxy,omitempty"`
}

// ClientDoc is what is set of an API client, besides what every app has.
type ClientDoc struct {
	// Write: it may change things; without it, it only reads.
	Write     bool      `json:"write,omitempty"`
	ExpiresAt time.Time `json:"expires_at,omitzero"`
	Networks  []string  `json:"networks,omitempty"` // CIDR; none: from anywhere
}

// How long API clients and their tokens live where nobody says otherwise, and an API
// client at most, counted from when its end is set.
const (
	ClientLife     = 365 * 24 * time.Hour
	ClientLifeMost = 2 * ClientLife
	ClientAccess   = time.Hour
)

// IsClient reports whether it is an API client.
func (a App) IsClient() bool { return a.Kind == AppClient }

// Over reports whether an API client's time has run out.
func (a App) Over(now time.Time) bool { return a.IsClient() && !now.Before(a.Doc.Client.ExpiresAt) }

// AppProxy is what is set of an app behind a reverse proxy.
type AppProxy struct {
	// Hosts are its names as browsers know them, with the port where it is not the
	// usual one. A host is one app's on the whole platform.
	Hosts []string `json:"hosts"`
	// Rules say what parts of it ask for more, or are for everybody. Of those that fit
	// a path the longest holds.
	Rules []PathRule `json:"rules,omitempty"`
	// LogoutPath signs whoever goes there out everywhere; none when empty.
	LogoutPath string `json:"logout_path,omitempty"`
}

// PathRule is about a path and all below it.
type PathRule struct {
	Path string `json:"path"`
	// Level is what it takes to be there, beyond what the app asks for.
	Level Level `json:"level,omitempty"`
	// Public: nobody has to be signed in.
	Public bool `json:"public,omitempty"`
}

// Proxied reports whether the app stands behind a reverse proxy.
func (a App) Proxied() bool { return a.Doc.Auth == AppProxied && a.Doc.Proxy != nil }

// Public reports whether the app can keep no secret.
func (a App) Public() bool { return a.Doc.Auth == AppPublic }

// May reports whether the app may use a grant.
func (a App) May(grant string) bool { return slices.Contains(a.Doc.Grants, grant) }

// SignedWith is the algorithm of its tokens.
func (a App) SignedWith() string {
	if a.Doc.Alg == "" {
		return AlgES256
	}
	return a.Doc.Alg
}

// Access is how long its access tokens live.
func (a App) Access() time.Duration {
	if a.Doc.AccessLife > 0 {
		return time.Duration(a.Doc.AccessLife)
	}
	if a.IsClient() {
		return ClientAccess
	}
	return AccessLife
}

// Refresh is how long its refresh tokens live, counted from the sign-in.
func (a App) Refresh() time.Duration {
	if a.Doc.RefreshLife > 0 {
		return time.Duration(a.Doc.RefreshLife)
	}
	return RefreshLife
}

// Knows reports whether the app may ask for a scope.
func (a App) Knows(scope string) bool {
	return slices.Contains(PersonScopes, scope) || slices.Contains(a.Doc.Scopes, scope)
}

// AppSecretRow is one of an app's secrets. The secret has 256 random bits, so a
// plain hash of it is kept. Two are good while one replaces the other.
type AppSecretRow struct {
	Hash       []byte
	App        AppID
	Tenant     TenantID
	Hint       string // its last characters, to tell it by
	CreatedAt  time.Time
	ExpiresAt  time.Time // zero: never
	LastUsedAt time.Time
}

// Mark tells one secret of an app from another, in a form or on a command line. It
// is a piece of the hash, which nobody can turn into the secret.
func (s AppSecretRow) Mark() string {
	const piece = 6
	if len(s.Hash) < piece {
		return ""
	}
	return hex.EncodeToString(s.Hash[:piece])
}

// Good reports whether the secret is taken at now.
func (s AppSecretRow) Good(now time.Time) bool {
	return s.ExpiresAt.IsZero() || now.Before(s.ExpiresAt)
}

// Family is all tokens that came of one sign-in to an app: the code, the refresh
// tokens that follow each other, the access tokens. They end together.
type Family struct {
	ID      FamilyID
	Tenant  TenantID // the person's
	User    UserID
	App     AppID
	Session SessionID
	// Offline: it outlives the session's sign-out.
	Offline bool
	Level   Level
	Doc     FamilyDoc
	// Seq is the number of the refresh token that is good; 0: there is none.
	Seq       int64
	CodeAt    time.Time // when the code was exchanged
	CreatedAt time.Time
	UsedAt    time.Time // the last refresh
	ExpiresAt time.Time
	EndedAt   time.Time
	EndedWhy  string
	// Notify: the app is to be told when the sign-in is over. Tries is how often that
	// was tried.
	Notify Notify
	Tries  int
}

// Notify is whether an app is to be told of the end of a sign-in.
type Notify int

const (
	NotifyNever Notify = iota // or not any more
	NotifyAtEnd
	NotifyNow
)

// FamilyDoc is what was asked for and what was proved.
type FamilyDoc struct {
	Scopes    []string `json:"scopes,omitempty"`
	Resources []string `json:"resources,omitempty"`
	Methods   []string `json:"methods,omitempty"` // amr
	// SID is the session as the app knows it; a new sign-in in the same browser takes
	// the session's place and does not change what the app was told.
	SID      SessionID `json:"sid,omitempty"`
	AuthTime time.Time `json:"auth_time"`
	// The rest binds the code and is needed until it is exchanged.
	RedirectURI string `json:"redirect_uri,omitempty"`
	Challenge   string `json:"challenge,omitempty"`
	Nonce       string `json:"nonce,omitempty"`
	// Key is the thumbprint of the key that the code is bound to; once exchanged, that
	// the refresh tokens of an app without a secret are bound to.
	Key string `json:"key,omitempty"`
	// Host is where the cookie of an app behind a proxy is good, Browser a hash of what
	// the browser that began was given: the ticket is good with both.
	Host    string `json:"host,omitempty"`
	Browser []byte `json:"browser,omitempty"`
}

// Live reports whether tokens of the family count at now.
func (f Family) Live(now time.Time) bool { return f.EndedAt.IsZero() && now.Before(f.ExpiresAt) }

// Has reports whether a scope was granted.
func (f Family) Has(scope string) bool { return slices.Contains(f.Doc.Scopes, scope) }

// Connection is that a person uses an app: what they allowed it, and when they
// opened it last (to the day).
type Connection struct {
	Tenant      TenantID
	User        UserID
	App         AppID
	Scopes      []string // consented to; none where nobody was asked
	ConsentedAt time.Time
	FirstUsedAt time.Time
	LastUsedAt  time.Time
}

// Allows reports whether the person consented to all of these scopes.
func (c Connection) Allows(scopes []string) bool {
	if c.ConsentedAt.IsZero() {
		return false
	}
	for _, s := range scopes {
		if !slices.Contains(c.Scopes, s) {
			return false
		}
	}
	return true
}

// SpentKind types what is used once by its mark, so that a mark of one purpose is
// never one of another (row DS-05).
type SpentKind string

const (
	// SpentAccess are access tokens that were revoked before their end.
	SpentAccess SpentKind = "access"
	// SpentPushed are pushed requests that got their code.
	SpentPushed SpentKind = "pushed"
	// SpentAssertion are words by which an app showed that it is itself.
	SpentAssertion SpentKind = "assertion"
	// SpentActing says that the log has who acts for whom, for a while.
	SpentActing SpentKind = "acting"
	// SpentProof are proofs that a token was sent by whoever holds its key.
	SpentProof SpentKind = "proof"
)
