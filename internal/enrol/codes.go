package enrol

import (
	"cmp"
	"fmt"

	"sallyport/internal/audit"
	"sallyport/internal/core"
	"sallyport/internal/factor/backupcode"
	"sallyport/internal/outbox"
	"sallyport/internal/policy"
	"sallyport/internal/secret"
	"sallyport/internal/store"
)

// codePurpose is the purpose under which recovery codes are hashed with a key.
const codePurpose = "recovery_code"

// MakeCodes makes a person's recovery codes, one or ten as the organisation
// wants. The caller ends the old ones.
func (r Room) MakeCodes(tx store.Tx, u core.User, eff policy.Effective) ([]core.Factor, []string, error) {
	n := 1
	if eff.Settings.RecoveryCodeFormat == core.RecoverySet {
		n = core.RecoverySetSize
	}
	codes := backupcode.NewSet(n)
	var made []core.Factor
	for _, code := range codes {
		f := core.Factor{ID: core.FactorID(secret.NewID(core.PrefixFactor, tx.Now())), Tenant: tx.TenantID(), User: u.ID,
			Kind: core.FactorRecoveryCode, State: core.FactorConfirmed, CreatedAt: tx.Now(), ConfirmedAt: tx.Now(), Doc: core.FactorDoc{Unsaved: true}}
		plain, _ := backupcode.Normalise(code)
		var err error
		if f.Secret, err = r.Ring.KeyedHash(codePurpose, hashed(f, plain)); err != nil {
			return nil, nil, fmt.Errorf("make recovery code: %w", err)
		}
		if err := tx.InsertFactor(f); err != nil {
			return nil, nil, fmt.Errorf("make recovery code: %w", err)
		}
		made = append(made, f)
	}
	return made, codes, nil
}

// hashed binds a code to its row, so that a hash moved to another person's row
// opens nothing. Whoever moved to another tenant keeps the paper in their drawer:
// the code stays bound to the tenant in which it was made.
func hashed(f core.Factor, plain string) []byte {
	return []byte(string(cmp.Or(f.Doc.Home, f.Tenant)) + "\x00" + string(f.User) + "\x00" + string(f.ID) + "\x00" + plain)
}

// FindCode finds the recovery code that was typed among a person's factors. It
// looks at all of them, whichever matches.
func (r Room) FindCode(factors []core.Factor, typed string) (core.Factor, bool) {
	plain, ok := backupcode.Normalise(typed)
	if !ok {
		return core.Factor{}, false
	}
	var found core.Factor
	hit := false
	for _, f := range factors {
		if f.Kind == core.FactorRecoveryCode && f.State == core.FactorConfirmed && r.Ring.CheckKeyedHash(codePurpose, hashed(f, plain), f.Secret) {
			found, hit = f, true
		}
	}
	return found, hit
}

// UseCode spends a recovery code. With the single format a new one is made at
// once (rows CAL-10, N-30); of a set the rest stays, and the last one used brings
// a new set. Whoever uses one has lost something, so no browser stays trusted. It
// returns the factors that are left and the new codes in clear.
func (r Room) UseCode(tx store.Tx, u core.User, factors []core.Factor, used core.Factor, eff policy.Effective, c core.Client) ([]core.Factor, []string, error) {
	used.LastUsedAt = tx.Now()
	if err := revoke(tx, used, "used"); err != nil {
		return nil, nil, err
	}
	var rest []core.Factor
	left := 0
	for _, f := range factors {
		if f.ID == used.ID {
			continue
		}
		rest = append(rest, f)
		if f.Kind == core.FactorRecoveryCode {
			left++
		}
	}
	var codes []string
	if left == 0 && hasWay(eff, core.RecoveryCodeWay) {
		made, fresh, err := r.MakeCodes(tx, u, eff)
		if err != nil {
			return nil, nil, err
		}
		rest, codes = append(rest, made...), fresh
	}
	if err := untrust(tx, u, c); err != nil {
		return nil, nil, err
	}
	if err := r.Post.Queue(tx, outbox.Message{Kind: core.MailRecoveryCodeUsed, To: u, Effective: eff, Client: c}); err != nil {
		return nil, nil, err
	}
	return rest, codes, tx.Append(audit.Count(audit.By(audit.RecoveryUsed, u.ID, c), "left", left))
}

// Renew replaces a person's recovery codes at their own wish, or because the
// last ones were never confirmed as saved; tell is whether a mail says so.
func (r Room) Renew(tx store.Tx, u core.User, factors []core.Factor, eff policy.Effective, tell bool, c core.Client) ([]core.Factor, []string, error) {
	if !hasWay(eff, core.RecoveryCodeWay) {
		return factors, nil, core.NewFault(core.KindConflict, "recovery.not_offered")
	}
	var rest []core.Factor
	for _, f := range factors {
		if f.Kind != core.FactorRecoveryCode {
			rest = append(rest, f)
			continue
		}
		if err := revoke(tx, f, "renewed"); err != nil {
			return nil, nil, err
		}
	}
	made, codes, err := r.MakeCodes(tx, u, eff)
	if err != nil {
		return nil, nil, err
	}
	if tell {
		if err := r.Post.Queue(tx, outbox.Message{Kind: core.MailRecoveryCodeMade, To: u, Effective: eff, Client: c}); err != nil {
			return nil, nil, err
		}
	}
	return append(rest, made...), codes, tx.Append(audit.By(audit.RecoveryMade, u.ID, c))
}

// Owed reports whether a person with a second factor is to be given recovery
// codes at the next chance: they were never confirmed as saved, or there are
// none, as after a restore of a backup.
func Owed(factors []core.Factor, eff policy.Effective) bool {
	if !hasWay(eff, core.RecoveryCodeWay) || !policy.Enrolled(factors) {
		return false
	}
	for _, f := range factors {
		if f.Kind == core.FactorRecoveryCode && f.State == core.FactorConfirmed && !f.Doc.Unsaved {
			return false
		}
	}
	return true
}

// Saved notes that the person has saved what was shown.
func (r Room) Saved(tx store.Tx, u core.User, factors []core.Factor, c core.Client) error {
	done := false
	for _, f := range factors {
		if f.Kind != core.FactorRecoveryCode || !f.Doc.Unsaved {
			continue
		}
		f.Doc.Unsaved = false
		if err := tx.UpdateFactor(f); err != nil {
			return err
		}
		done = true
	}
	if !done {
		return nil
	}
	return tx.Append(audit.By(audit.RecoverySaved, u.ID, c))
}
