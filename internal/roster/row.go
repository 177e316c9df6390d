package roster

import (
	"slices"
	"strings"
)

// Row is what a file says of one person, as it stands there. Empty is not said.
type Row struct {
	Login         string `json:"login,omitempty"`
	Email         string `json:"email,omitempty"`
	Name          string `json:"name,omitempty"`
	Tenant        string `json:"tenant,omitempty"`
	Kind          string `json:"kind,omitempty"`
	Status        string `json:"status,omitempty"`
	Locale        string `json:"locale,omitempty"`
	Roles         string `json:"roles,omitempty"`
	Federated     string `json:"federated,omitempty"`
	PasswordHash  string `json:"password_hash,omitempty"`
	MustChange    string `json:"must_change,omitempty"`
	TOTPSecret    string `json:"totp_secret,omitempty"`
	TOTPDigits    string `json:"totp_digits,omitempty"`
	TOTPPeriod    string `json:"totp_period,omitempty"`
	TOTPAlgorithm string `json:"totp_algorithm,omitempty"`
	// Of a service account: who answers for it, by login, and why it is there.
	Owner     string   `json:"owner,omitempty"`
	Reason    string   `json:"reason,omitempty"`
	ExpiresAt string   `json:"expires_at,omitempty"`
	Networks  string   `json:"networks,omitempty"`
	Notes     []string `json:"notes,omitempty"` // what the reader left out

	// Where the row stands in the file, for whoever reads the report.
	Where string `json:"-"`
}

// columns are the names of what a row may say, as files spell them.
var columns = map[string]func(*Row) *string{
	"login":          func(r *Row) *string { return &r.Login },
	"email":          func(r *Row) *string { return &r.Email },
	"name":           func(r *Row) *string { return &r.Name },
	"tenant":         func(r *Row) *string { return &r.Tenant },
	"kind":           func(r *Row) *string { return &r.Kind },
	"status":         func(r *Row) *string { return &r.Status },
	"locale":         func(r *Row) *string { return &r.Locale },
	"roles":          func(r *Row) *string { return &r.Roles },
	"federated":      func(r *Row) *string { return &r.Federated },
	"password_hash":  func(r *Row) *string { return &r.PasswordHash },
	"must_change":    func(r *Row) *string { return &r.MustChange },
	"totp_secret":    func(r *Row) *string { return &r.TOTPSecret },
	"totp_digits":    func(r *Row) *string { return &r.TOTPDigits },
	"totp_period":    func(r *Row) *string { return &r.TOTPPeriod },
	"totp_algorithm": func(r *Row) *string { return &r.TOTPAlgorithm },
	"owner":          func(r *Row) *string { return &r.Owner },
	"reason":         func(r *Row) *string { return &r.Reason },
	"expires_at":     func(r *Row) *string { return &r.ExpiresAt },
	"networks":       func(r *Row) *string { return &r.Networks },
}

// exportedOnly are columns of our own export that say nothing an import could
// take over.
var exportedOnly = []string{"id", "mfa_status", "created_at", "last_sign_in_at"}

// Columns lists the names that an import knows.
func Columns() []string {
	var out []string
	for name := range columns {
		out = append(out, name)
	}
	slices.Sort(out)
	return out
}

// Mapping says which of our columns a column of a file is: "" leaves it out.
type Mapping map[string]string

// LeftOut in a mapping leaves a column out.
const LeftOut = "-"

// ParseMapping reads theirs=ours pairs.
func ParseMapping(pairs []string) (Mapping, error) {
	m := Mapping{}
	for _, p := range pairs {
		// The last sign: a name of theirs may have one, ours have none.
		at := strings.LastIndexByte(p, '=')
		if at < 1 {
			return nil, MappingError{p, ""}
		}
		theirs, ours := columnName(p[:at]), columnName(p[at+1:])
		if ours != LeftOut && columns[ours] == nil {
			return nil, MappingError{p, ours}
		}
		if _, twice := m[theirs]; twice {
			return nil, MappingError{p, ""}
		}
		m[theirs] = ours
	}
	return m, nil
}

// MappingError is a pair that maps nothing.
type MappingError struct {
	Pair   string
	Column string // that there is not
}

func (e MappingError) Error() string {
	if e.Column != "" {
		return "there is no column " + e.Column + "; there are " + strings.Join(Columns(), ", ") + ", and " + LeftOut + " leaves one out"
	}
	return e.Pair + " is not THEIRS=OURS, each column once"
}

// columnName makes names equal that people would not tell apart.
func columnName(s string) string {
	s = strings.ToLower(strings.TrimSpace(s))
	if s == LeftOut {
		return s
	}
	return underlined.Replace(s)
}

var underlined = strings.NewReplacer(" ", "_", "-", "_")

// column finds ours for one of theirs: nil and true leaves it out.
func (m Mapping) column(theirs string) (func(*Row) *string, bool) {
	name := columnName(theirs)
	if ours, mapped := m[name]; mapped {
		return columns[ours], true
	}
	if slices.Contains(exportedOnly, name) {
		return nil, true
	}
	f, known := columns[name]
	return f, known
}
