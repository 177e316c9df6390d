package enrol

import (
	"sallyport/internal/audit"
	"sallyport/internal/core"
	"sallyport/internal/outbox"
	"sallyport/internal/policy"
	"sallyport/internal/session"
	"sallyport/internal/store"
)

// Lost counts what switching off deletes, for the page that says so first.
type Lost struct{ Apps, Codes int }

// WouldLose counts a person's factors.
func WouldLose(factors []core.Factor) (l Lost) {
	for _, f := range factors {
		switch {
		case f.State != core.FactorConfirmed:
		case f.Kind == core.FactorRecoveryCode:
			l.Codes++
		default:
			l.Apps++
		}
	}
	return l
}

// Disable switches a person's own second factor off: every factor and recovery
// code ends. It is refused while a mandatory rule applies.
func (r Room) Disable(tx store.Tx, u core.User, factors []core.Factor, eff policy.Effective, c core.Client) error {
	p, err := session.Who(tx, u, factors, eff)
	if err != nil {
		return err
	}
	if p, err = session.Lately(tx, p, u.ID, eff); err != nil {
		return err
	}
	if _, ok := policy.MayDisable(p, eff); !ok {
		by, _ := policy.Required(p, eff)
		return core.ErrPolicyLocked.With("by", by.Name)
	}
	lost, err := r.wipe(tx, factors, "disabled")
	if err != nil {
		return err
	}
	if lost.Apps+lost.Codes == 0 {
		return nil // a second click
	}
	if err := untrust(tx, u, c); err != nil {
		return err
	}
	if err := r.Post.Queue(tx, outbox.Message{Kind: core.MailMFADisabled, To: u, Effective: eff, Client: c}); err != nil {
		return err
	}
	e := audit.Count(audit.By(audit.MFARemoved, u.ID, c), "apps", lost.Apps)
	return tx.Append(audit.Count(e, "codes", lost.Codes))
}

// Wipe ends all factors of a person inside an administrator's journey.
func (r Room) Wipe(tx store.Tx, factors []core.Factor, why string) (Lost, error) {
	return r.wipe(tx, factors, why)
}

func (r Room) wipe(tx store.Tx, factors []core.Factor, why string) (Lost, error) {
	lost := WouldLose(factors)
	for _, f := range factors {
		if err := revoke(tx, f, why); err != nil {
			return Lost{}, err
		}
	}
	return lost, nil
}

// untrust takes the trust from a person's browsers inside another deed of theirs.
func untrust(tx store.Tx, u core.User, c core.Client) error {
	n, err := tx.Untrust(u.ID)
	if err != nil || n == 0 {
		return err
	}
	return tx.Append(audit.Count(audit.By(audit.BrowsersUntrusted, u.ID, c), "browsers", n))
}
