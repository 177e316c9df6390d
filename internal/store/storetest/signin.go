package storetest

import (
	"errors"
	"slices"
	"testing"
	"time"

	"sallyport/internal/core"
	"sallyport/internal/store"
)

func testFactors(t *testing.T, w *world) {
	h := w.household()
	w.clock.Advance(time.Second)
	second := w.factor(h.user)
	w.view(h.tenant.ID, func(r store.Reader) error {
		f, err := r.Factor(h.factor.ID)
		same(t, "factor", f, h.factor)
		all, err2 := r.Factors(h.user.ID)
		same(t, "oldest first", all, []core.Factor{h.factor, second})
		return errors.Join(err, err2)
	})
	gone := second
	gone.State, gone.Secret, gone.Handle = core.FactorRevoked, nil, ""
	gone.RevokedAt, gone.RevokedWhy = w.clock.Now(), "replaced"
	w.update(h.tenant.ID, func(tx store.Tx) error { return tx.UpdateFactor(gone) })
	gone.Version++
	third := w.newFactor(h.user)
	third.Handle = second.Handle // free since the second gave it up
	fourth := w.newFactor(h.user)
	fourth.Handle, fourth.State, fourth.ExpiresAt = "", core.FactorUnconfirmed, w.clock.Now().Add(time.Hour)
	fifth := w.newFactor(h.user)
	fifth.Handle = "" // any number may have none
	w.update(h.tenant.ID, func(tx store.Tx) error {
		return errors.Join(tx.InsertFactor(third), tx.InsertFactor(fourth), tx.InsertFactor(fifth))
	})
	w.view(h.tenant.ID, func(r store.Reader) error {
		all, err := r.Factors(h.user.ID)
		same(t, "without the revoked", all, []core.Factor{h.factor, third, fourth, fifth})
		history, err2 := r.FactorHistory(h.user.ID)
		same(t, "history", len(history), 5)
		// N-29: the row stays, the secret does not.
		kept, err3 := r.Factor(gone.ID)
		same(t, "revoked", kept, gone)
		return errors.Join(err, err2, err3)
	})
}

func testAttemptFacts(t *testing.T, w *world) {
	h := w.household()
	second := w.factor(h.user)
	gone := w.factor(h.user)
	gone.State = core.FactorRevoked
	w.update(h.tenant.ID, func(tx store.Tx) error { return tx.UpdateFactor(gone) })
	w.factor(w.user(h.tenant.ID)) // somebody else's
	w.view(h.tenant.ID, func(r store.Reader) error {
		facts, err := r.AttemptFacts(h.attempt.ID)
		same(t, "facts", facts, store.AttemptFacts{Attempt: h.attempt, User: h.user, Factors: []core.Factor{h.factor, second}})
		return err
	})
	bare := w.user(h.tenant.ID)
	a := w.attempt(bare)
	w.view(h.tenant.ID, func(r store.Reader) error {
		facts, err := r.AttemptFacts(a.ID)
		same(t, "facts of somebody without factors", facts, store.AttemptFacts{Attempt: a, User: bare, Factors: []core.Factor{}})
		return err
	})
}

func testAttemptsEnd(t *testing.T, w *world) {
	h := w.household()
	kept, done := w.attempt(h.user), w.attempt(h.user)
	other := w.attempt(w.user(h.tenant.ID))
	done.DoneAt = w.clock.Now()
	w.update(h.tenant.ID, func(tx store.Tx) error { return tx.UpdateAttempt(done) })
	w.clock.Advance(time.Minute)
	w.update(h.tenant.ID, func(tx store.Tx) error { return tx.EndAttempts(h.user.ID, kept.ID) })
	w.view(h.tenant.ID, func(r store.Reader) error {
		for _, want := range []struct {
			a     core.Attempt
			ended bool
		}{{h.attempt, true}, {kept, false}, {done, false}, {other, false}} {
			a, err := r.Attempt(want.a.ID)
			if err != nil {
				return err
			}
			if ended := !w.clock.Now().Before(a.ExpiresAt); ended != want.ended {
				t.Errorf("attempt %s: ended %v", a.ID, ended)
			}
		}
		return nil
	})
	// An answer that was under way when they ended finds another version.
	var said error
	w.update(h.tenant.ID, func(tx store.Tx) error { said = tx.UpdateAttempt(h.attempt); return nil })
	if !errors.Is(said, store.ErrConflict) {
		t.Errorf("an ended attempt took an answer: %v", said)
	}
	// A done attempt takes no change, whatever version comes with it.
	w.update(h.tenant.ID, func(tx store.Tx) error {
		a, err := tx.Attempt(done.ID)
		if err != nil {
			return err
		}
		said = tx.UpdateAttempt(a)
		return nil
	})
	if !errors.Is(said, store.ErrConflict) {
		t.Errorf("a done attempt was changed: %v", said)
	}
}

func testSessionsEnd(t *testing.T, w *world) {
	h := w.household()
	w.clock.Advance(time.Second)
	kept, third := w.session(h.user), w.session(h.user)
	other := w.session(w.user(h.tenant.ID))
	// An id that is part of a spared one is not spared.
	part := w.newSession(h.user)
	part.ID = kept.ID[:len(kept.ID)-1]
	w.update(h.tenant.ID, func(tx store.Tx) error { return tx.InsertSession(part) })
	over := w.newSession(h.user)
	over.ExpiresAt = w.clock.Now()
	w.update(h.tenant.ID, func(tx store.Tx) error { return tx.InsertSession(over) })
	w.view(h.tenant.ID, func(r store.Reader) error {
		all, err := r.Sessions(h.user.ID)
		var ids []core.SessionID
		for _, s := range all {
			ids = append(ids, s.ID)
		}
		if !slices.Equal(ids, []core.SessionID{third.ID, kept.ID, part.ID, h.session.ID}) {
			t.Errorf("sessions: %v", ids)
		}
		return err
	})
	w.clock.Advance(time.Second)
	w.update(h.tenant.ID, func(tx store.Tx) error {
		n, err := tx.EndSessions(h.user.ID, "password_changed", kept.ID)
		same(t, "ended", n, 3)
		return err
	})
	for _, row := range []struct {
		s     core.Session
		ended bool
	}{{h.session, true}, {third, true}, {part, true}, {kept, false}, {other, false}} {
		s, _, err := w.FindSession(w.ctx, row.s.TokenHash)
		if err != nil || s.EndedAt.IsZero() == row.ended || row.ended && (s.EndedWhy != "password_changed" || !s.EndedAt.Equal(w.clock.Now())) {
			t.Errorf("session %s: ended %v for %q, %v", s.ID, s.EndedAt, s.EndedWhy, err)
		}
	}
	// An ended session takes no change and no touch.
	var said error
	w.update(h.tenant.ID, func(tx store.Tx) error {
		s, err := tx.Session(h.session.ID)
		if err != nil {
			return err
		}
		s.EndedAt = time.Time{}
		said = tx.UpdateSession(s)
		return nil
	})
	if !errors.Is(said, store.ErrConflict) {
		t.Errorf("an ended session was revived: %v", said)
	}
	later := w.clock.Now().Add(time.Minute)
	err := w.TouchSessions(w.ctx, []store.Touch{
		{Session: kept.ID, SeenAt: later, IdleUntil: later.Add(time.Hour)},
		{Session: h.session.ID, SeenAt: later, IdleUntil: later.Add(time.Hour)},
		{Session: other.ID, SeenAt: w.clock.Now().Add(-time.Hour), IdleUntil: w.clock.Now()}, // an old touch, come late
		{Session: "se_never", SeenAt: later, IdleUntil: later},
	})
	if err != nil {
		t.Fatal(err)
	}
	for id, want := range map[string]time.Time{string(kept.TokenHash): later, string(h.session.TokenHash): h.session.LastSeenAt, string(other.TokenHash): other.LastSeenAt} {
		if s, _, err := w.FindSession(w.ctx, []byte(id)); err != nil || !s.LastSeenAt.Equal(want) {
			t.Errorf("%s was seen %v, want %v, %v", s.ID, s.LastSeenAt, want, err)
		}
	}
	turned := kept
	turned.TokenHash, turned.RotatedAt, turned.Doc.ReturnTo = []byte("rotated"), later, "/x"
	w.update(h.tenant.ID, func(tx store.Tx) error { return tx.UpdateSession(turned) })
	if _, _, err := w.FindSession(w.ctx, kept.TokenHash); !errors.Is(err, core.ErrNotFound) {
		t.Errorf("the old token of a rotated session: %v", err)
	}
	if s, _, err := w.FindSession(w.ctx, turned.TokenHash); err != nil || s.Doc.ReturnTo != "/x" || s.Version != kept.Version+1 {
		t.Errorf("the rotated session: %+v, %v", s, err)
	}
}

func testTokens(t *testing.T, w *world) {
	h := w.household()
	w.clock.Advance(time.Second)
	second := w.token(h.user)
	invitation := w.newToken(h.user)
	invitation.Kind = core.TokenInvitation
	expired := w.newToken(h.user)
	expired.ExpiresAt = w.clock.Now()
	w.update(h.tenant.ID, func(tx store.Tx) error { return errors.Join(tx.InsertToken(invitation), tx.InsertToken(expired)) })
	w.view(h.tenant.ID, func(r store.Reader) error {
		all, err := r.Tokens(h.user.ID, core.TokenReset)
		if len(all) != 3 || string(all[2].Hash) != string(h.token.Hash) {
			t.Errorf("newest first: %v", all)
		}
		k, err2 := r.Token(second.Hash)
		same(t, "token", k, second)
		return errors.Join(err, err2)
	})
	use := func(hash []byte) error {
		return w.Update(w.ctx, h.tenant.ID, func(tx store.Tx) error { return tx.UseToken(hash) })
	}
	bind := func(hash []byte) error {
		return w.Update(w.ctx, h.tenant.ID, func(tx store.Tx) error { return tx.BindToken(hash, "at_2") })
	}
	if err := bind(h.token.Hash); !errors.Is(err, core.ErrNotFound) {
		t.Errorf("a link that was not used began something: %v", err)
	}
	if err := use(h.token.Hash); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := bind(h.token.Hash); err != nil {
			t.Errorf("what the use of a link began: %v", err)
		}
	}
	neighbour := w.household()
	if err := w.Update(w.ctx, neighbour.tenant.ID, func(tx store.Tx) error { return tx.BindToken(h.token.Hash, "at_3") }); !errors.Is(err, core.ErrNotFound) {
		t.Errorf("another tenant's link: %v", err)
	}
	for name, hash := range map[string][]byte{"used": h.token.Hash, "expired": expired.Hash, "unknown": []byte("never"), "no": nil} {
		if err := use(hash); !errors.Is(err, store.ErrConflict) {
			t.Errorf("a link that is %s: %v", name, err)
		}
	}
	w.update(h.tenant.ID, func(tx store.Tx) error {
		n, err := tx.SupersedeTokens(h.user.ID, core.TokenReset)
		same(t, "superseded", n, 2)
		return err
	})
	if err := use(second.Hash); !errors.Is(err, store.ErrConflict) {
		t.Errorf("a superseded link: %v", err)
	}
	if err := use(invitation.Hash); err != nil {
		t.Errorf("a link of another kind: %v", err)
	}
	k, err := w.FindToken(w.ctx, h.token.Hash)
	if err != nil || k.State(w.clock.Now()) != core.TokenUsed || !k.SupersededAt.IsZero() || k.Bound != "at_2" {
		t.Errorf("the used link: %+v, %v", k, err)
	}
}

// testStaleVersions: of two writers who read the same row the second is told.
func testStaleVersions(t *testing.T, w *world) {
	h := w.household()
	for name, write := range map[string]func(tx store.Tx) error{
		"tenant":  func(tx store.Tx) error { return tx.UpdateTenant(h.tenant) },
		"user":    func(tx store.Tx) error { return tx.UpdateUser(h.user) },
		"factor":  func(tx store.Tx) error { return tx.UpdateFactor(h.factor) },
		"attempt": func(tx store.Tx) error { return tx.UpdateAttempt(h.attempt) },
		"session": func(tx store.Tx) error { return tx.UpdateSession(h.session) },
	} {
		w.update(h.tenant.ID, write)
		var said error
		w.update(h.tenant.ID, func(tx store.Tx) error { said = write(tx); return nil })
		if !errors.Is(said, store.ErrConflict) {
			t.Errorf("%s: the second writer heard %v", name, said)
		}
	}
	runs := 0
	err := w.Update(w.ctx, h.tenant.ID, func(tx store.Tx) error {
		if runs++; runs < 3 {
			return tx.UpdateUser(h.user)
		}
		u, err := tx.User(h.user.ID)
		if err != nil {
			return err
		}
		u.Name = "fresh"
		return tx.UpdateUser(u)
	})
	if err != nil || runs != 3 {
		t.Errorf("after a conflict the function ran %d times, %v", runs, err)
	}
}

// testNewerDocuments: an older program keeps fields that it does not know.
func testNewerDocuments(t *testing.T, w *world) {
	a := w.customer()
	a.Name = "renamed"
	w.update(a.ID, func(tx store.Tx) error {
		n, err := tx.Tenant()
		if err != nil {
			return err
		}
		n.Name = "renamed"
		return tx.UpdateTenant(n)
	})
	w.view(a.ID, func(r store.Reader) error {
		n, err := r.Tenant()
		same(t, "settings", string(n.Settings), string(a.Settings))
		return err
	})
}
