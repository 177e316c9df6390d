package session

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"sallyport/internal/audit"
	"sallyport/internal/core"
	"sallyport/internal/store"
)

// Reasons for which sessions end.
const (
	WhySignedOut = "signed_out"
	WhyRevoked   = "revoked"
	WhyPassword  = "password_changed"
	WhyFactor    = "factor_changed"
	WhyReset     = "reset"
	WhyDisabled  = "disabled"
	WhyUntrusted = "browser_untrusted"
	WhyDeleted   = "deleted"
	WhyMoved     = "moved"
	WhyConverted = "converted"
	WhyEnforced  = "enforced"
	WhyActed     = "acting_ended"
	WhyClosed    = "support_access_closed"
	WhyReplaced  = "replaced"
	WhyGivenBack = "given_back"
	// WhyNotAllowed: the resolver allows it no more.
	WhyNotAllowed = "not_allowed"
)

// SignOut ends one session at its own wish; with one that acts elsewhere goes the
// one that it came from, which its browser could not end any more.
func SignOut(ctx context.Context, st store.Store, s core.Session, c core.Client) error {
	return st.Update(ctx, s.Tenant, func(tx store.Tx) error {
		out := s.ID
		if s.ActingIn != "" {
			if err := EndActing(tx, s, WhySignedOut, c); err != nil {
				return err
			}
			out = s.Doc.From
		}
		err := end(tx, s.User, out, WhySignedOut, audit.By(audit.SignedOut, s.User, c))
		if s.ActingIn != "" && errors.Is(err, core.ErrNotFound) {
			return nil // swept meanwhile
		}
		return err
	})
}

// Revoke ends another session of the same person; a session that is not theirs
// is not found.
func Revoke(ctx context.Context, st store.Store, own core.Session, id core.SessionID, c core.Client) error {
	if own.ActingIn != "" {
		return ErrActing
	}
	return st.Update(ctx, own.Tenant, func(tx store.Tx) error {
		s, err := tx.Session(id)
		if err != nil {
			return fmt.Errorf("revoke session: %w", err)
		}
		if s.User != own.User {
			return core.ErrNotFound
		}
		return end(tx, own.User, id, WhyRevoked, audit.By(audit.SessionRevoked, own.User, c))
	})
}

// End ends one session of a person inside another journey's transaction; one that is
// not theirs is not found.
func End(tx store.Tx, user core.UserID, id core.SessionID, why string, e core.Event) error {
	s, err := tx.Session(id)
	if err != nil {
		return err
	}
	if s.User != user {
		return core.ErrNotFound
	}
	return end(tx, user, id, why, e)
}

// end is idempotent: ending what has ended is no error, a second click is none.
func end(tx store.Tx, user core.UserID, id core.SessionID, why string, e core.Event) error {
	s, err := tx.Session(id)
	if err != nil {
		return err
	}
	if !s.EndedAt.IsZero() {
		return nil
	}
	s.EndedAt, s.EndedWhy = tx.Now(), why
	if err := tx.UpdateSession(s); err != nil {
		return err
	}
	e.Session = id
	if why != WhyReplaced {
		n, err := tx.EndFamiliesOfSession(user, id, why)
		if err != nil {
			return err
		}
		if n > 0 {
			e = audit.Count(e, "apps", n)
		}
	}
	if err := tx.Append(e); err != nil {
		return err
	}
	return tx.Changed(core.ChangeSession, string(id))
}

// Replace ends a session because a new one in the same browser takes its place. Where
// it is the same person's, what apps got of it goes on, and from now on ends with the
// new one.
func Replace(ctx context.Context, st store.Store, old, opened core.Session, c core.Client) error {
	if old.ActingIn != "" || old.User != opened.User {
		return SignOut(ctx, st, old, c)
	}
	return st.Update(ctx, old.Tenant, func(tx store.Tx) error {
		if err := tx.HandOver(old.User, old.ID, opened.ID); err != nil {
			return err
		}
		return end(tx, old.User, old.ID, WhyReplaced, audit.By(audit.SignedOut, old.User, c))
	})
}

// RevokeOthers ends all sessions of a person but one; it returns how many.
func RevokeOthers(ctx context.Context, st store.Store, own core.Session, c core.Client) (n int, err error) {
	if own.ActingIn != "" {
		return 0, ErrActing
	}
	err = st.Update(ctx, own.Tenant, func(tx store.Tx) error {
		n, err = EndAll(tx, own.User, WhyRevoked, audit.By(audit.SessionRevoked, own.User, c), own.ID)
		return err
	})
	return n, err
}

// EndAll ends a person's sessions but those named, with all tokens that apps have of
// that person but those of the sessions named, inside another journey's transaction.
// It returns how many sessions that were.
func EndAll(tx store.Tx, user core.UserID, why string, e core.Event, except ...core.SessionID) (int, error) {
	n, err := tx.EndSessions(user, why, except...)
	if err != nil {
		return n, err
	}
	apps, err := tx.EndFamilies(user, why, except...)
	if err != nil || n+apps == 0 {
		return n, err
	}
	e = audit.Note(e, "why", why)
	if apps > 0 {
		e = audit.Count(e, "apps", apps)
	}
	if err := tx.Append(audit.Count(e, "sessions", n)); err != nil {
		return n, err
	}
	return n, tx.Changed(core.ChangeUser, string(user))
}

// EndTrusting ends a person's sessions that came about only because a browser was
// trusted, one of those named or any, but the session that is kept: whoever takes
// the trust away means whoever is in there, too (row B-27).
func EndTrusting(tx store.Tx, user core.UserID, keep core.SessionID, e core.Event, browsers ...core.BrowserID) (int, error) {
	all, err := tx.Sessions(user)
	if err != nil {
		return 0, err
	}
	n := 0
	for _, s := range all {
		if s.ID == keep || s.Level != core.LevelTrustedBrowser || !restsOn(s, browsers) {
			continue
		}
		if err := end(tx, user, s.ID, WhyUntrusted, audit.Note(e, "why", WhyUntrusted)); err != nil {
			return n, err
		}
		n++
	}
	return n, nil
}

func restsOn(s core.Session, browsers []core.BrowserID) bool {
	return slices.ContainsFunc(s.Doc.Proofs, func(p core.Proof) bool {
		return p.Kind == core.FactorTrustedBrowser && (len(browsers) == 0 || slices.Contains(browsers, core.BrowserID(p.ID)))
	})
}
