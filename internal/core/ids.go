package core

// Identifiers are opaque, sortable by the time they were made, and never used
// again after the thing they name is gone (security row DS-09).
type (
	TenantID  string // tn_…
	UserID    string // us_…
	FactorID  string // fa_…
	AttemptID string // at_…
	SessionID string // se_…
	MailID    string // ml_…
	BrowserID string // br_…
	AppID     string // ap_…
	FamilyID  string // fm_…
	DeviceID  string // dv_…
)

// ClientID is an API client's id: that of an app.
type ClientID = AppID

// Prefixes of the identifiers, as they stand before the underscore.
const (
	PrefixTenant  = "tn"
	PrefixUser    = "us"
	PrefixFactor  = "fa"
	PrefixAttempt = "at"
	PrefixSession = "se"
	PrefixMail    = "ml"
	PrefixBrowser = "br"
	PrefixRequest = "rq"
	PrefixRole    = "ro"
	PrefixApp     = "ap"
	PrefixFamily  = "fm"
	PrefixDevice  = "dv"
)
