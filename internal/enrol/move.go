package enrol

import (
	"fmt"

	"sallyport/internal/core"
	"sallyport/internal/store"
)

// Move readies a person's factors for another tenant, in the transaction that
// moves the person: a secret is sealed for the tenant that its row stands in, so
// it is sealed anew. What was begun and not confirmed ends.
func (r Room) Move(tx store.Tx, factors []core.Factor, to core.TenantID) error {
	for _, f := range factors {
		switch {
		case f.State == core.FactorUnconfirmed:
			if err := revoke(tx, f, "not_confirmed"); err != nil {
				return err
			}
			continue
		case f.Kind == core.FactorRecoveryCode:
			if f.Doc.Home == "" {
				f.Doc.Home = f.Tenant
			}
		default:
			plain, err := r.Open(f)
			if err != nil {
				return err
			}
			if f.Secret, err = r.Ring.Seal(plain, string(to), "factor", string(f.ID)); err != nil {
				return fmt.Errorf("move factor %s: %w", f.ID, err)
			}
		}
		if err := tx.UpdateFactor(f); err != nil {
			return fmt.Errorf("move factor %s: %w", f.ID, err)
		}
	}
	return nil
}
