package core

import "time"

// JobKind types work that is too much for one transaction.
type JobKind string

const (
	// JobDisableMFA takes the second factors of an organisation's people away.
	JobDisableMFA JobKind = "disable_mfa"
	// JobEndSessions ends the sessions of those who have no second factor, where
	// the setting enforce_at says so.
	JobEndSessions JobKind = "end_sessions"
)

// Job is such work on one tenant, done in batches: each batch and the cursor
// behind it are one transaction, so a job that was killed goes on where it was.
type Job struct {
	Tenant    TenantID
	Kind      JobKind
	Cursor    string
	Doc       JobDoc
	Version   int64
	CreatedAt time.Time
	ChangedAt time.Time
}

// JobDoc is who began the job, and what it has done so far.
type JobDoc struct {
	Actor    string `json:"actor"`
	ActingIn string `json:"acting_in,omitempty"`
	Reason   string `json:"reason,omitempty"`
	Address  string `json:"address,omitempty"`
	Request  string `json:"request,omitempty"`
	By       string `json:"by,omitempty"` // the name that mails give
	// Everyone: also those who have a second factor. Keep is the session that stays.
	// Moved: they went to another organisation, and trust no browser there.
	Everyone bool      `json:"everyone,omitempty"`
	Moved    bool      `json:"moved,omitempty"`
	Keep     SessionID `json:"keep,omitempty"`
	People   int       `json:"people,omitempty"`
	Apps     int       `json:"apps,omitempty"`
	Codes    int       `json:"codes,omitempty"`
	Browsers int       `json:"browsers,omitempty"`
	Sessions int       `json:"sessions,omitempty"`
}
