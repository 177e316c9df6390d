package core

import "time"

// AttemptLife is how long an attempt to sign in may take (decision 7.20).
const AttemptLife = 15 * time.Minute

// Proof is one thing that was shown during an attempt or a session.
type Proof struct {
	Kind FactorKind `json:"kind"`
	ID   FactorID   `json:"id,omitempty"`
	At   time.Time  `json:"at"`
	// By is the way it came about when that is not the plain one: "reset",
	// "invitation", "admin_link".
	By string `json:"by,omitempty"`
}

// Purposes of an attempt besides the ordinary sign-in.
const PurposeAdminLink = "admin_link"

// Attempt is a sign-in under way. It is stored from the moment the password is
// settled and bound to its browser: its id in a path opens nothing alone.
type Attempt struct {
	ID        AttemptID
	Tenant    TenantID
	User      UserID
	Browser   []byte // SHA-256 of the attempt cookie's secret
	Doc       AttemptDoc
	Version   int64
	CreatedAt time.Time
	ExpiresAt time.Time
	DoneAt    time.Time // set once, by the gate
}

// AttemptDoc is what an attempt remembers between its steps.
type AttemptDoc struct {
	Proofs   []Proof `json:"proofs"`
	ReturnTo string  `json:"return_to,omitempty"`
	// App is the app that ReturnTo leads into and AppLevel what it asks for; none for
	// one's own account.
	App      AppID `json:"app,omitempty"`
	AppLevel Level `json:"app_level,omitempty"`
	// Purpose is empty for an ordinary sign-in, else "admin_link".
	Purpose string `json:"purpose,omitempty"`
	// MailProved is set when a link sent to the mailbox was followed for this
	// attempt, or when accepting the invitation was the proof.
	MailProved   bool `json:"mail_proved,omitempty"`
	MailAsked    bool `json:"mail_asked,omitempty"`
	KnownBrowser bool `json:"known_browser,omitempty"`
	// Browser is which known browser it is.
	Browser BrowserID `json:"browser,omitempty"`
	// Asleep: it began with a password from an unknown browser, long after the last
	// sign-in. With nothing more it does not count as one for enrol_proof.
	Asleep bool `json:"asleep,omitempty"`
	// Seen is the known browser whose last use is to be moved: at most once a day,
	// so that an ordinary sign-in does not write it.
	Seen BrowserID `json:"seen,omitempty"`
	// NewPassword: a new password must be set before this attempt can end.
	NewPassword bool `json:"new_password,omitempty"`
	// Enrol is set once the person chose to set a factor up now, Skip once they put
	// it off.
	Enrol bool `json:"enrol,omitempty"`
	Skip  bool `json:"skip,omitempty"`
	// NoTrust: whoever just took the trust from all browsers is not asked for it.
	NoTrust bool `json:"no_trust,omitempty"`
	// Answer is a keyed hash of the code that ended this attempt, and Outcome
	// the sealed result, so that the second click of a double click gets the
	// same answer instead of "code used" (decision 7.3).
	Answer  []byte `json:"answer,omitempty"`
	Outcome []byte `json:"outcome,omitempty"`
	// Click is the one on the link that began this attempt, ProvedBy a keyed hash of the
	// one on the link that showed the mailbox for it.
	Click    Click  `json:"click,omitzero"`
	ProvedBy []byte `json:"proved_by,omitempty"`
	// Where it came from, for mails and the session list.
	Address string `json:"address,omitempty"`
	Agent   string `json:"agent,omitempty"`
}

func (a Attempt) Has(kind FactorKind) bool {
	for _, p := range a.Doc.Proofs {
		if p.Kind == kind {
			return true
		}
	}
	return false
}
