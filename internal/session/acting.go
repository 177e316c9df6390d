package session

import (
	"time"

	"sallyport/internal/audit"
	"sallyport/internal/core"
	"sallyport/internal/store"
)

// ActingLife is how long somebody acts in another organisation before they must say
// anew why.
const ActingLife = 30 * time.Minute

// ErrActing refuses what somebody does to their own account while they act
// elsewhere: no factor is set up, shown or used then, and no right changed
// (decision 7.8).
var ErrActing = core.NewFault(core.KindForbidden, "support.acting")

// Acting is where a session acts as an organisation's administrator, why, and from
// which session, to which it goes back.
type Acting struct {
	In     core.TenantID
	Reason string
	From   core.SessionID
}

// mark makes s such a session, with a life of its own.
func (a *Acting) mark(s *core.Session) {
	if a == nil {
		return
	}
	s.ActingIn, s.Doc.Reason, s.Doc.From = a.In, a.Reason, a.From
	if till := s.CreatedAt.Add(ActingLife); till.Before(s.ExpiresAt) {
		s.ExpiresAt = till
	}
}

// tell writes into both logs that it begins.
func (a *Acting) tell(tx store.Tx, s core.Session, c core.Client) error {
	e := audit.Note(inside(audit.ActingStarted, s, c), "until", s.ExpiresAt.UTC().Format(time.RFC3339))
	return both(tx, s.ActingIn, e)
}

// inside is an event of a session that acts elsewhere, about the organisation.
func inside(name string, s core.Session, c core.Client) core.Event {
	e := audit.On(name, string(s.User), string(s.ActingIn), c)
	e.Session = s.ID
	return audit.Note(audit.Note(e, audit.DetailActingIn, string(s.ActingIn)), audit.DetailReason, s.Doc.Reason)
}

// both writes an event into the own log and the other organisation's.
func both(tx store.Tx, other core.TenantID, e core.Event) error {
	if err := tx.Append(e); err != nil {
		return err
	}
	return tx.AppendTo(other, e)
}

// EndActing ends a session that acts elsewhere, in the transaction of its person's
// tenant, and says so in both logs. Ending what has ended is no error.
func EndActing(tx store.Tx, s core.Session, why string, c core.Client) error {
	again, err := tx.Session(s.ID)
	if err != nil || !again.EndedAt.IsZero() {
		return err
	}
	again.EndedAt, again.EndedWhy = tx.Now(), why
	if err := tx.UpdateSession(again); err != nil {
		return err
	}
	if err := both(tx, s.ActingIn, audit.Note(inside(audit.ActingEnded, s, c), "why", why)); err != nil {
		return err
	}
	return tx.Changed(core.ChangeSession, string(s.ID))
}

// EndThoseActing ends sessions of people of other tenants that act in the
// organisation of the transaction or below it, and says so in every log that it
// concerns. e is what is said. It returns how many it ended.
func EndThoseActing(tx store.Tx, sessions []core.Session, why string, e func(core.Session) core.Event) (int, error) {
	n := 0
	for _, s := range sessions {
		ended, err := tx.EndActing(s.ID, why)
		if err != nil {
			return n, err
		}
		if !ended {
			continue
		}
		n++
		said := e(s)
		said.Session = s.ID
		said = audit.Note(audit.Note(said, audit.DetailActingIn, string(s.ActingIn)), "why", why)
		if err := both(tx, s.Tenant, said); err != nil {
			return n, err
		}
		if s.ActingIn != tx.TenantID() {
			if err := tx.AppendTo(s.ActingIn, said); err != nil {
				return n, err
			}
		}
		if err := tx.Changed(core.ChangeSession, string(s.ID)); err != nil {
			return n, err
		}
	}
	return n, nil
}
