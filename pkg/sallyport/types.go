package sallyport

import (
	"encoding/json"
	"time"
)

// Name is a tenant as other documents name it.
type Name struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

// Account is who a request comes from.
type Account struct {
	ID           string     `json:"id"`
	Login        string     `json:"login"`
	Name         string     `json:"name"`
	Kind         string     `json:"kind" enum:"person,service_account,api_client"`
	MFAStatus    string     `json:"mfa_status,omitempty"`
	Tenant       Node       `json:"tenant"`
	Organisation Node       `json:"organisation"`
	Roles        []RoleHeld `json:"roles"`
	ExpiresAt    *time.Time `json:"expires_at,omitempty"` // of a program that ends
	// Owner, Scopes and ReadOnly are an API client's; App and Level say how a person comes.
	Owner    string   `json:"owner,omitempty"`
	Scopes   []string `json:"scopes,omitempty"`
	ReadOnly bool     `json:"read_only,omitempty"`
	App      string   `json:"app,omitempty"`
	Level    string   `json:"level,omitempty"`
}

// Node names a node of the tree with its kind.
type Node struct {
	ID   string `json:"id"`
	Kind string `json:"kind" enum:"platform,partner,folder,customer,unit"`
	Name string `json:"name"`
}

// RoleHeld is a role on a tenant and below it.
type RoleHeld struct {
	Role   string `json:"role"`
	Name   string `json:"name,omitempty"` // of a custom role
	Tenant string `json:"tenant"`
	On     string `json:"tenant_name,omitempty"`
}

// Counts are people by where they stand towards a second factor.
type Counts struct {
	Users    int `json:"users_count"` // the bar's denominator
	Enabled  int `json:"users_enabled_count"`
	Setup    int `json:"users_setup_required_count"`
	Pending  int `json:"users_pending_validation_count"`
	Services int `json:"service_accounts_count"`
}

// Tenant is a node of the tree.
type Tenant struct {
	ID            string     `json:"id"`
	Parent        string     `json:"parent,omitempty"`
	Organisation  string     `json:"organisation,omitempty"`
	Kind          string     `json:"kind" enum:"platform,partner,folder,customer,unit"`
	Mode          string     `json:"mode,omitempty" enum:"trial,production"`
	State         string     `json:"state" enum:"active,suspended,deleted"`
	Name          string     `json:"name"`
	ManagedBy     string     `json:"managed_by,omitempty" enum:"provider,self"`
	SupportAccess string     `json:"support_access,omitempty" enum:"open,closed"`
	TrialEndsAt   *time.Time `json:"trial_ends_at,omitempty"`
	Path          string     `json:"path,omitempty"`
	CreatedAt     time.Time  `json:"created_at"`
	DeletedAt     *time.Time `json:"deleted_at,omitempty"`
}

// NewTenant is a wish for a node. An empty settings document takes what the parent's
// template says.
type NewTenant struct {
	Parent    string          `json:"parent"`
	Kind      string          `json:"kind" enum:"partner,folder,customer,unit"`
	Name      string          `json:"name"`
	Mode      string          `json:"mode,omitempty" enum:"trial,production"`
	ManagedBy string          `json:"managed_by,omitempty" enum:"provider,self"`
	TrialDays int             `json:"trial_days,omitempty"`
	Preset    string          `json:"preset,omitempty"`
	Settings  json.RawMessage `json:"settings,omitempty" doc:"A settings document, laid over the preset."`
}

// TenantChange changes one thing of a node.
type TenantChange struct {
	Name          *string `json:"name,omitempty"`
	Parent        *string `json:"parent,omitempty" doc:"Moves it under another node."`
	State         *string `json:"state,omitempty" enum:"active,suspended"`
	SupportAccess *string `json:"support_access,omitempty" enum:"open,closed"`
	TrialDays     *int    `json:"trial_days,omitempty" doc:"After so many days, from now, the trial becomes production; 0: never."`
}

// TenantQuery narrows a list of nodes; empty fields narrow nothing.
type TenantQuery struct {
	Under, Name, Kind, Mode, State, Requirement string
}

// MFA is where the switch of an organisation stands, with the counts of the node that
// was asked about.
type MFA struct {
	ID          string   `json:"id"`
	Name        string   `json:"name"`
	Status      string   `json:"status" enum:"enabled,disabling,disabled"`
	Requirement []string `json:"requirement" enum:"per_user,selected_apps,organization"`
	Counts
	Off           int        `json:"users_disabled_count" doc:"People who need none and have none."`
	Inactive      int        `json:"users_inactive_count" doc:"Accounts that are disabled."`
	UpdateAllowed bool       `json:"update_allowed"`
	LockedBy      *Name      `json:"locked_by"`
	InheritedFrom *Name      `json:"inherited_from"`
	RequiredSince *time.Time `json:"required_since"`
	Disabling     *time.Time `json:"disabling_since,omitempty" doc:"When switching off began, while it is under way."`
}

// MFAChange moves the switch. An empty requirement switches it off: Confirm is then the
// organisation's name, and Code the person's own current code where their token is not
// fresh.
type MFAChange struct {
	Requirement []string `json:"requirement" enum:"per_user,selected_apps,organization"`
	Code        string   `json:"code,omitempty"`
	Confirm     string   `json:"confirm,omitempty"`
}

// Settings are the own document of an organisation, and with ?effective=true what holds.
type Settings struct {
	ID       string          `json:"id"`
	Name     string          `json:"name"`
	Document json.RawMessage `json:"document"`
	// Effective is every setting by its key.
	Effective map[string]Value `json:"effective,omitempty"`
}

// Value is a setting that holds, and whose word it is.
type Value struct {
	Value    json.RawMessage `json:"value"`
	From     *Name           `json:"from"` // null: the default
	Locked   bool            `json:"locked"`
	LockedBy *Name           `json:"locked_by,omitempty"`
	By       string          `json:"by"`
	Since    *time.Time      `json:"since"`
}

// Difference is one setting that would be another.
type Difference struct {
	Key  string          `json:"key"`
	From json.RawMessage `json:"from"`
	To   json.RawMessage `json:"to"`
	Way  string          `json:"way" enum:"tighter,looser,neither,same"`
}

// Preset is a settings document that ships.
type Preset struct {
	Name     string          `json:"name"`
	Document json.RawMessage `json:"document"`
}

// Preview is what a change would do, counted before it is done (?dry_run=true).
type Preview struct {
	DryRun   bool         `json:"dry_run"`
	Effects  []Effect     `json:"effects"`
	Settings []Difference `json:"settings"`
	Confirm  string       `json:"confirm,omitempty" doc:"What has to be given to confirm it."`
}

// Effect is one thing that happens to some people.
type Effect struct {
	What  string     `json:"what"`
	Count int        `json:"count"`
	First []Who      `json:"first,omitempty"`
	DueAt *time.Time `json:"due_at,omitempty"`
}

// Who names a person.
type Who struct {
	ID    string `json:"id"`
	Login string `json:"login"`
	Name  string `json:"name"`
}

// User is an account as lists have it.
type User struct {
	ID        string     `json:"id"`
	Login     string     `json:"login"`
	Name      string     `json:"name"`
	Email     string     `json:"email,omitempty"`
	Tenant    string     `json:"tenant"`
	Kind      string     `json:"kind" enum:"person,service_account"`
	State     string     `json:"state" enum:"invited,validated,active,disabled"`
	Locale    string     `json:"locale,omitempty"`
	MFAStatus string     `json:"mfa_status" enum:"not_applicable,pending_validation,disabled,setup_required,enabled,service_account"`
	DueAt     *time.Time `json:"due_at,omitempty"`
}

// UserQuery narrows a list of people.
type UserQuery struct{ Status, Search string }

// UserDetail is an account with all that its administrators may see.
type UserDetail struct {
	User
	TenantName          string     `json:"tenant_name"`
	Before              string     `json:"state_before,omitempty" enum:"invited,validated,active" doc:"Of a disabled account: what it becomes again."`
	Required            bool       `json:"mfa_required"`
	RequiredBy          string     `json:"mfa_required_by,omitempty"`
	RequiredSince       *time.Time `json:"mfa_required_since,omitempty"`
	HasPassword         bool       `json:"has_password"`
	PasswordSetAt       *time.Time `json:"password_set_at,omitempty"`
	PasswordLockedUntil *time.Time `json:"password_locked_until,omitempty"`
	CodesLockedUntil    *time.Time `json:"codes_locked_until,omitempty"`
	Factors             []Factor   `json:"factors"`
	Roles               []RoleHeld `json:"roles"`
	Browsers            int        `json:"known_browsers"`
	Trusted             []Browser  `json:"trusted_browsers"`
	Sessions            int        `json:"sessions"`
	InvitationUntil     *time.Time `json:"invitation_until,omitempty"`
	EmailWaiting        string     `json:"email_waiting,omitempty"`
	PassUntil           *time.Time `json:"pass_until,omitempty"`
	Service             *Service   `json:"service,omitempty"`
	LastSignInDay       string     `json:"last_sign_in_day,omitempty"`
	CreatedAt           time.Time  `json:"created_at"`
}

// Factor is something that a person proves themselves by; never its secret.
type Factor struct {
	ID          string     `json:"id"`
	Kind        string     `json:"kind"`
	State       string     `json:"state"`
	Dead        bool       `json:"dead"`
	Failures    int        `json:"failures" doc:"Wrong codes since the last right one."`
	LockedUntil *time.Time `json:"locked_until,omitempty"`
	CreatedAt   time.Time  `json:"created_at"`
	LastUsedAt  *time.Time `json:"last_used_at,omitempty"`
}

// Browser is one that a person trusts.
type Browser struct {
	ID           string     `json:"id"`
	Device       string     `json:"device,omitempty"`
	Place        string     `json:"place,omitempty"`
	LastSeenAt   time.Time  `json:"last_seen_at"`
	TrustedAt    time.Time  `json:"trusted_at"`
	TrustedUntil *time.Time `json:"trusted_until,omitempty"`
}

// Session is one place where somebody is signed in.
type Session struct {
	ID         string    `json:"id"`
	Device     string    `json:"device,omitempty"`
	Address    string    `json:"address,omitempty"`
	Level      string    `json:"level"`
	ActingIn   string    `json:"acting_in,omitempty"`
	Since      time.Time `json:"since"`
	LastSeenAt time.Time `json:"last_seen_at"`
	Until      time.Time `json:"until"`
}

// ConnectedApp is an app that somebody uses.
type ConnectedApp struct {
	ID         string     `json:"client_id"`
	Name       string     `json:"name"`
	Scopes     []string   `json:"scopes"`
	SignIns    int        `json:"sign_ins" doc:"How many of its sign-ins go on."`
	AllowedAt  *time.Time `json:"allowed_at,omitempty"`
	Since      time.Time  `json:"since"`
	LastUsedAt time.Time  `json:"last_used_at"`
}

// NewUser is a wish for an account. With a password it is made at once, and whoever
// makes it vouches for its mailbox; without one it is invited by mail.
type NewUser struct {
	Email      string   `json:"email"`
	Name       string   `json:"name"`
	Login      string   `json:"login,omitempty" doc:"The address where it is left out."`
	Locale     string   `json:"locale,omitempty" enum:"en,de,fr,sv"`
	Roles      []string `json:"roles,omitempty"`
	Password   string   `json:"password,omitempty"`
	MustChange bool     `json:"must_change,omitempty" doc:"The password has to be changed at the first sign-in."`
}

// UserChange changes an account; what is left out stays.
type UserChange struct {
	Name   *string `json:"name,omitempty"`
	Email  *string `json:"email,omitempty" doc:"Counts once it is confirmed from the new mailbox."`
	Locale *string `json:"locale,omitempty" enum:",en,de,fr,sv"`
	Tenant *string `json:"tenant,omitempty" doc:"Moves the account; alone."`
}

// Invited is an invitation that is on its way.
type Invited struct {
	User
	InvitationUntil *time.Time `json:"invitation_until,omitempty"`
}

// Reset is what a reset took.
type Reset struct {
	Apps  int `json:"apps"`
	Codes int `json:"codes"`
}

// Count is how many there were.
type Count struct {
	Count int `json:"count"`
}

// PassWish asks for a temporary pass.
type PassWish struct {
	Minutes int `json:"minutes,omitempty" doc:"How long it works: 60 where it is left out, 480 at most."`
}

// Pass is a temporary pass, shown once.
type Pass struct {
	Pass  string    `json:"pass"`
	Until time.Time `json:"until"`
}

// Grant is a role on a node.
type Grant struct {
	Role   string `json:"role"`
	Tenant string `json:"tenant"`
}

// Holder is somebody who holds a role.
type Holder struct {
	User Who      `json:"user"`
	Role RoleHeld `json:"role"`
}

// Roles are who holds which, and those that the organisation made itself.
type Roles struct {
	Holders []Holder     `json:"holders"`
	Custom  []CustomRole `json:"custom"`
}

// CustomRole is a shipped role with fewer rights.
type CustomRole struct {
	ID     string   `json:"id"`
	Base   string   `json:"base"`
	Name   string   `json:"name"`
	Tenant string   `json:"tenant"`
	Rights []string `json:"rights"`
}

// RoleWish makes or changes a custom role.
type RoleWish struct {
	Base   string   `json:"base" enum:"platform_admin,partner_admin,customer_admin,helpdesk,auditor"`
	Name   string   `json:"name"`
	Rights []string `json:"rights"`
}

// Service is what is kept of a service account besides the account.
type Service struct {
	Owner      string     `json:"owner"`
	Reason     string     `json:"reason"`
	Networks   []string   `json:"networks"`
	ExpiresAt  *time.Time `json:"expires_at,omitempty"`
	LastUsedAt *time.Time `json:"last_used_at,omitempty"`
	UsedFrom   string     `json:"last_used_from,omitempty"`
	Over       bool       `json:"over,omitempty"`
	Heir       string     `json:"replaced_by,omitempty" doc:"The API client that takes its place."`
	RetiresAt  *time.Time `json:"retires_at,omitempty" doc:"When it is stopped, if nobody uses it until then."`
}

// ServiceAccount is an account of a program that comes with a password.
type ServiceAccount struct {
	User
	Service
	Password string `json:"password,omitempty" doc:"Made by the deed and shown once."`
}

// ServiceFacts say what a service account is for; what is left out stays.
type ServiceFacts struct {
	Owner     *string    `json:"owner,omitempty" doc:"Id of the person who answers for it; whoever asks where it is left out."`
	Reason    *string    `json:"reason,omitempty"`
	Networks  *[]string  `json:"networks,omitempty" doc:"Addresses or CIDR; none: from anywhere."`
	ExpiresAt *time.Time `json:"expires_at,omitempty"`
}

// NewService is a wish for a service account. Its password is made and shown once.
type NewService struct {
	Tenant string `json:"tenant"`
	Login  string `json:"login"`
	Name   string `json:"name"`
	Email  string `json:"email,omitempty"`
	ServiceFacts
}

// App signs people in through Sallyport.
type App struct {
	ID      string      `json:"client_id"`
	Tenant  string      `json:"tenant"`
	Name    string      `json:"name"`
	State   string      `json:"state" enum:"active,disabled,deleted"`
	Doc     AppSettings `json:"settings"`
	Secrets []AppSecret `json:"secrets,omitempty"`
	Secret  string      `json:"client_secret,omitempty" doc:"Made by the deed and shown once."`
	Until   *time.Time  `json:"old_secret_until,omitempty"`
}

// AppSettings is what an administrator sets of an app.
type AppSettings struct {
	Auth           string          `json:"auth,omitempty" enum:"none,secret,key,proxy"`
	RedirectURIs   []string        `json:"redirect_uris,omitempty"`
	LogoutURIs     []string        `json:"post_logout_redirect_uris,omitempty"`
	BackchannelURI string          `json:"backchannel_logout_uri,omitempty"`
	Grants         []string        `json:"grants,omitempty"`
	Scopes         []string        `json:"scopes,omitempty"`
	Resources      []string        `json:"resources,omitempty"`
	FirstParty     bool            `json:"first_party,omitempty"`
	RequiredLevel  string          `json:"required_level,omitempty" enum:"mfa,phishing-resistant"`
	Tenants        []string        `json:"tenants,omitempty"`
	AccessLife     string          `json:"access_life,omitempty"`
	RefreshLife    string          `json:"refresh_life,omitempty"`
	Alg            string          `json:"alg,omitempty" enum:"ES256,EdDSA,RS256"`
	Keys           json.RawMessage `json:"keys,omitempty"`
	DPoP           string          `json:"dpop,omitempty" enum:"required,nonce" doc:"Whether its tokens must be bound to a key, and its proofs hold a nonce of the server's."`
	NoPKCE         bool            `json:"no_pkce,omitempty"`
	API            bool            `json:"api,omitempty" doc:"People may let it call this API as themselves."`
	Proxy          *AppProxy       `json:"proxy,omitempty" doc:"Only of an app behind a reverse proxy."`
}

// AppProxy is what is set of an app behind a reverse proxy.
type AppProxy struct {
	Hosts      []string   `json:"hosts"`
	Rules      []PathRule `json:"rules,omitempty"`
	LogoutPath string     `json:"logout_path,omitempty"`
}

// PathRule is what a path of such an app, and all below it, asks for.
type PathRule struct {
	Path   string `json:"path"`
	Level  string `json:"level,omitempty" enum:"mfa,phishing-resistant"`
	Public bool   `json:"public,omitempty"`
}

// AppSecret is one of an app's secrets by its last characters.
type AppSecret struct {
	Mark       string     `json:"mark" doc:"Names it, when it is ended before its time."`
	Hint       string     `json:"ends_in"`
	CreatedAt  time.Time  `json:"created_at"`
	ExpiresAt  *time.Time `json:"expires_at,omitempty"`
	LastUsedAt *time.Time `json:"last_used_at,omitempty"`
}

// NewApp is a wish for an app.
type NewApp struct {
	Tenant string      `json:"tenant"`
	Name   string      `json:"name"`
	Doc    AppSettings `json:"settings"`
}

// AppChange replaces what is set of an app; what is left out stays.
type AppChange struct {
	Name  *string      `json:"name,omitempty"`
	State *string      `json:"state,omitempty" enum:"active,disabled"`
	Doc   *AppSettings `json:"settings,omitempty" doc:"Replaces all settings of the app."`
}

// Rotation asks for a new secret.
type Rotation struct {
	OverlapHours *int `json:"overlap_hours,omitempty" doc:"For how long the old secret goes on; 168 where it is left out, 0 ends it now."`
}

// Event is a line of the audit log. It holds ids; names are those of now.
type Event struct {
	At         time.Time         `json:"at"`
	Event      string            `json:"event"`
	Tenant     string            `json:"tenant"`
	Actor      string            `json:"actor"`
	ActorName  string            `json:"actor_name,omitempty"`
	Target     string            `json:"target,omitempty"`
	TargetName string            `json:"target_name,omitempty"`
	Result     string            `json:"result" enum:"ok,refused"`
	Reason     string            `json:"reason,omitempty"`
	Address    string            `json:"address,omitempty"`
	Request    string            `json:"request,omitempty"`
	Session    string            `json:"session,omitempty"`
	Detail     map[string]string `json:"detail,omitempty"`
	Position   int64             `json:"position,omitempty" doc:"In the sealed chain; absent until it is sealed."`
}

// EventQuery narrows the log.
type EventQuery struct {
	Tenant, About, Event, Result string
	Since, Until                 time.Time
}

// ExplainQuery asks what a sign-in would meet.
type ExplainQuery struct {
	User           string     `json:"user" doc:"Id or login."`
	App            string     `json:"app,omitempty"`
	Address        string     `json:"address,omitempty"`
	KnownBrowser   bool       `json:"known_browser,omitempty"`
	TrustedBrowser bool       `json:"trusted_browser,omitempty"`
	At             *time.Time `json:"at,omitempty"`
}

// Explanation says what is asked after the password, and why: every rule, applied or not.
type Explanation struct {
	User          Who        `json:"user"`
	Outcome       string     `json:"outcome"`
	Methods       []string   `json:"methods"`
	Level         string     `json:"level"`
	MFAStatus     string     `json:"mfa_status"`
	Required      bool       `json:"required"`
	RequiredBy    *Name      `json:"required_by,omitempty"`
	RequiredSince *time.Time `json:"required_since,omitempty"`
	DueAt         *time.Time `json:"due_at,omitempty"`
	SkipsLeft     *int       `json:"skips_left,omitempty"`
	MailFirst     bool       `json:"mail_first"`
	Exits         []string   `json:"exits"`
	Rules         []Rule     `json:"rules"`
}

// Rule is one line of the trace.
type Rule struct {
	Rule    string         `json:"rule"`
	Applied bool           `json:"applied"`
	Why     string         `json:"why"`
	From    *Name          `json:"from,omitempty"`
	Params  map[string]any `json:"params,omitempty"`
}

// SimulateQuery asks what other settings would do.
type SimulateQuery struct {
	Tenant string          `json:"tenant"`
	Change json.RawMessage `json:"change" doc:"A settings document."`
}

// Readiness is what would go wrong if MFA were switched on now.
type Readiness struct {
	Tenant   string    `json:"tenant"`
	Findings []Finding `json:"findings"`
	// NotChecked names what this release does not look for.
	NotChecked []string `json:"not_checked"`
}

// Finding is one thing that somebody should look at first.
type Finding struct {
	Finding string `json:"finding" enum:"no_way_in,pending_validation,shared_address,password_integration"`
	Count   int    `json:"count"`
	First   []Who  `json:"first,omitempty"`
}

// Support is whether administrators from above may act in an organisation, and who does.
type Support struct {
	Access string   `json:"support_access" enum:"open,closed"`
	Acting []Acting `json:"acting"`
}

// SupportChange opens or closes it.
type SupportChange struct {
	Access string `json:"support_access" enum:"open,closed"`
}

// Acting is somebody who acts there.
type Acting struct {
	Session string    `json:"session"`
	User    Who       `json:"user"`
	From    string    `json:"from"`
	In      string    `json:"in"`
	Reason  string    `json:"reason"`
	Since   time.Time `json:"since"`
	Until   time.Time `json:"until"`
}

// Confirmed gives the name that confirms what takes something from many.
type Confirmed struct {
	Confirm string `json:"confirm,omitempty"`
}

// Page is a part of a list. NextCursor is empty at its end.
type Page[T any] struct {
	Items      []T    `json:"items"`
	NextCursor string `json:"next_cursor" doc:"Empty at the end."`
}

// APIClient is a program that comes with tokens of its own. It never has more than its
// owner has at that moment.
type APIClient struct {
	ID           string      `json:"client_id"`
	Tenant       string      `json:"tenant"`
	Name         string      `json:"name"`
	State        string      `json:"state" enum:"active,disabled,deleted"`
	Owner        string      `json:"owner"`
	OwnerLeft    bool        `json:"owner_left,omitempty"`
	Scopes       []string    `json:"scopes"`
	Tenants      []string    `json:"tenants"`
	ReadOnly     bool        `json:"read_only"`
	ExpiresAt    time.Time   `json:"expires_at"`
	Over         bool        `json:"over,omitempty"`
	Networks     []string    `json:"networks"`
	LastUsedAt   *time.Time  `json:"last_used_at,omitempty"`
	LastUsedFrom string      `json:"last_used_from,omitempty"`
	Secrets      []AppSecret `json:"secrets,omitempty"`
	Secret       string      `json:"client_secret,omitempty" doc:"Made by the deed and shown once."`
	Until        *time.Time  `json:"old_secret_until,omitempty"`
}

// ClientFacts say what an API client may; what is left out stays, or has its default.
type ClientFacts struct {
	Scopes    *[]string  `json:"scopes,omitempty" doc:"Rights, of those that its owner has; those that only look where it is left out."`
	Tenants   *[]string  `json:"tenants,omitempty" doc:"Branches at or below its place."`
	ReadOnly  *bool      `json:"read_only,omitempty" doc:"true where it is left out."`
	ExpiresAt *time.Time `json:"expires_at,omitempty"`
	Networks  *[]string  `json:"networks,omitempty"`
}

// NewClient is a wish for an API client. Whoever asks is its owner.
type NewClient struct {
	Tenant string `json:"tenant"`
	Name   string `json:"name"`
	ClientFacts
}

// ClientChange changes an API client.
type ClientChange struct {
	Name  *string `json:"name,omitempty"`
	State *string `json:"state,omitempty" enum:"active,disabled"`
	ClientFacts
}

// Replacement makes an API client that takes a service account's place.
type Replacement struct {
	Name string `json:"name"`
	ClientFacts
	QuietDays *int `json:"quiet_days,omitempty" doc:"After so many days without use the account is stopped."`
}
