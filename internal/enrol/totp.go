package enrol

import (
	"fmt"
	"slices"
	"time"

	"sallyport/internal/audit"
	"sallyport/internal/core"
	"sallyport/internal/factor/totp"
	"sallyport/internal/outbox"
	"sallyport/internal/policy"
	"sallyport/internal/secret"
	"sallyport/internal/store"
)

// UnconfirmedLife is how long a secret waits for its first code.
const UnconfirmedLife = 15 * time.Minute

// triesBeforeNewKey is how many wrong first codes one key stands. Guessing it
// gains nothing, since the page shows the key; the bound only ends loops.
const triesBeforeNewKey = 50

// ErrDisabling refuses what would add a factor while all of an organisation's are
// being taken away (decision 7.7).
var ErrDisabling = core.NewFault(core.KindConflict, "mfa.disabling")

// Room holds what enrolment needs besides the transaction.
type Room struct {
	Ring *secret.Ring
	Post *outbox.Post
}

// Setup is what the page shows: a secret that is not a factor yet.
type Setup struct {
	Factor core.Factor
	Secret []byte
	Params totp.Params
}

// Key is the secret as people type it, in groups of four.
func (s Setup) Key() string { return totp.SetupKey(s.Secret) }

// URI is the secret as the QR code carries it.
func (s Setup) URI() string {
	return totp.URI(s.Factor.Doc.Issuer, s.Factor.Doc.Account, s.Secret, s.Params)
}

// ParamsOf are the parameters a TOTP factor was enrolled with; they belong to it
// whatever the settings say later.
func ParamsOf(d core.FactorDoc) totp.Params {
	return totp.Params{Digits: d.Digits, Period: d.Period, Skew: d.Skew, Algorithm: d.Algorithm}
}

// Begin finds or makes the unconfirmed secret of a person for one attempt or
// session (bound): opening the page again shows the same key, another sign-in
// gets its own.
func (r Room) Begin(tx store.Tx, u core.User, factors []core.Factor, eff policy.Effective, bound, source string) (Setup, error) {
	if eff.Disabling() {
		return Setup{}, ErrDisabling
	}
	if !slices.Contains(policy.Offered(policy.PersonOf(u, factors), eff), core.FactorTOTP) {
		return Setup{}, core.ErrNobodyCouldEnrol
	}
	for _, f := range factors {
		if f.Kind != core.FactorTOTP || f.State != core.FactorUnconfirmed {
			continue
		}
		if f.Doc.Bound == bound && tx.Now().Before(f.ExpiresAt) && f.Budget.Consecutive < triesBeforeNewKey {
			return r.setup(f)
		}
		if !tx.Now().Before(f.ExpiresAt) || f.Doc.Bound == bound {
			if err := revoke(tx, f, "not_confirmed"); err != nil {
				return Setup{}, err
			}
		}
	}
	plain := totp.NewSecret()
	f := core.Factor{ID: core.FactorID(secret.NewID(core.PrefixFactor, tx.Now())), Tenant: tx.TenantID(), User: u.ID, Kind: core.FactorTOTP,
		State: core.FactorUnconfirmed, CreatedAt: tx.Now(), ExpiresAt: tx.Now().Add(UnconfirmedLife),
		Doc: core.FactorDoc{Digits: eff.Settings.TOTP.Digits, Period: 30, Skew: eff.Settings.TOTP.Skew, Algorithm: "SHA1",
			Issuer: eff.Name(), Account: u.Login, Bound: bound, Source: source}}
	var err error
	if f.Secret, err = r.Ring.Seal(plain, string(f.Tenant), "factor", string(f.ID)); err != nil {
		return Setup{}, fmt.Errorf("begin enrolment: %w", err)
	}
	if err := tx.InsertFactor(f); err != nil {
		return Setup{}, fmt.Errorf("begin enrolment: %w", err)
	}
	return Setup{f, plain, ParamsOf(f.Doc)}, nil
}

func (r Room) setup(f core.Factor) (Setup, error) {
	plain, err := r.Open(f)
	return Setup{f, plain, ParamsOf(f.Doc)}, err
}

// Open unseals a factor's secret.
func (r Room) Open(f core.Factor) ([]byte, error) {
	plain, err := r.Ring.Open(f.Secret, string(f.Tenant), "factor", string(f.ID))
	if err != nil {
		return nil, fmt.Errorf("open factor %s: %w", f.ID, err)
	}
	return plain, nil
}

// Confirmed is what a right first code brought about.
type Confirmed struct {
	Factor  core.Factor
	Factors []core.Factor // all that are not revoked now
	Proof   core.Proof
	Codes   []string      // new recovery codes, in clear for the last time
	Replace bool          // an older factor ended with this
	Took    time.Duration // from the key to its first right code
	Sheet   bool          // the setup key may be shown once more, on a sheet to print
}

// Confirm tries the first code of the unconfirmed secret that is bound to this
// attempt or session. A refusal (the fault) commits: it counts the failure and
// keeps the key.
func (r Room) Confirm(tx store.Tx, u core.User, factors []core.Factor, eff policy.Effective, bound, code string, c core.Client) (Confirmed, *core.Fault, error) {
	if eff.Disabling() {
		return Confirmed{}, nil, ErrDisabling
	}
	var f core.Factor
	for _, g := range factors {
		if g.Kind == core.FactorTOTP && g.State == core.FactorUnconfirmed && g.Doc.Bound == bound && tx.Now().Before(g.ExpiresAt) {
			f = g
		}
	}
	if f.ID == "" {
		return Confirmed{}, core.NewFault(core.KindConflict, "enrol.expired"), nil
	}
	plain, err := r.Open(f)
	if err != nil {
		return Confirmed{}, nil, err
	}
	if code == "" {
		return Confirmed{}, core.ErrCodeRequired, nil
	}
	res := totp.Match(plain, code, tx.Now(), f.LastStep, ParamsOf(f.Doc))
	if !res.Accepted() {
		f.Budget.Consecutive++
		if err := tx.UpdateFactor(f); err != nil {
			return Confirmed{}, nil, err
		}
		return Confirmed{}, Mismatch(res, tx.Now()), tx.Append(audit.Fail(audit.MFAEnrolFailed, u.ID, "factor.code_mismatch", c))
	}
	out := Confirmed{Proof: core.Proof{Kind: core.FactorTOTP, ID: f.ID, At: tx.Now(), By: policy.ProofEnrolled}, Took: tx.Now().Sub(f.CreatedAt)}
	for _, g := range factors {
		if g.ID == f.ID {
			continue
		}
		if g.Kind == core.FactorTOTP || g.Kind == core.FactorRecoveryCode {
			why := "replaced"
			if g.State == core.FactorUnconfirmed {
				why = "not_confirmed"
			} else if g.Kind == core.FactorTOTP {
				out.Replace = true
			}
			if err := revoke(tx, g, why); err != nil {
				return Confirmed{}, nil, err
			}
			continue
		}
		out.Factors = append(out.Factors, g)
	}
	f.State, f.LastStep, f.ConfirmedAt, f.LastUsedAt, f.ExpiresAt, f.Budget = core.FactorConfirmed, res.Step, tx.Now(), tx.Now(), time.Time{}, core.Budget{}
	f.Doc.Bound = ""
	if err := tx.UpdateFactor(f); err != nil {
		return Confirmed{}, nil, err
	}
	f.Version++
	out.Factor = f
	out.Factors = append(out.Factors, f)
	if hasWay(eff, core.RecoveryCodeWay) {
		made, codes, err := r.MakeCodes(tx, u, eff)
		if err != nil {
			return Confirmed{}, nil, err
		}
		out.Factors, out.Codes = append(out.Factors, made...), codes
	}
	out.Sheet = hasWay(eff, core.RecoverySheetWay)
	args := map[string]string{}
	if out.Sheet {
		args["sheet"] = "yes"
	}
	kind := core.MailMFAEnabled
	if out.Replace {
		kind = core.MailFactorReplaced
		// What was trusted leaned on the factor that ended here.
		if err := untrust(tx, u, c); err != nil {
			return Confirmed{}, nil, err
		}
	}
	if err := r.Post.Queue(tx, outbox.Message{Kind: kind, To: u, Effective: eff, Client: c, Args: args}); err != nil {
		return Confirmed{}, nil, err
	}
	e := audit.Note(audit.By(audit.MFAEnrolled, u.ID, c), "method", string(core.FactorTOTP))
	return out, nil, tx.Append(audit.Note(e, "factor", string(f.ID)))
}

// Mismatch is the sentence for a code that did not match: it tells the time
// here, and when the phone's clock is the reason, by how much.
func Mismatch(res totp.Result, now time.Time) *core.Fault {
	f := core.ErrCodeMismatch.With("now", now)
	if minutes := res.DriftMinutes(); minutes != 0 {
		f = f.With("drift_minutes", minutes)
	}
	return f
}

func hasWay(eff policy.Effective, way string) bool {
	for _, w := range eff.Settings.Recovery {
		if w == way {
			return true
		}
	}
	return false
}

// revoke ends a factor and wipes its secret; the row stays for the record.
func revoke(tx store.Tx, f core.Factor, why string) error {
	f.State, f.RevokedAt, f.RevokedWhy, f.Secret, f.Handle = core.FactorRevoked, tx.Now(), why, nil, ""
	if err := tx.UpdateFactor(f); err != nil {
		return fmt.Errorf("revoke factor %s: %w", f.ID, err)
	}
	return nil
}
