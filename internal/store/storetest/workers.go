package storetest

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"sallyport/internal/core"
	"sallyport/internal/store"
)

func testMail(t *testing.T, w *world) {
	h := w.household()
	w.clock.Advance(time.Minute)
	const mails = 120
	for i := range mails - 1 {
		m := w.newMail(h.user)
		m.To = "other@example.org"
		if i%2 == 0 {
			m.NextAt = time.Time{}
		}
		w.update(h.tenant.ID, func(tx store.Tx) error { return tx.QueueMail(m) })
	}
	later := w.newMail(h.user)
	later.NextAt = w.clock.Now().Add(time.Hour)
	w.update(h.tenant.ID, func(tx store.Tx) error { return tx.QueueMail(later) })
	if n, oldest, err := w.MailQueue(w.ctx); err != nil || n != mails+1 || !oldest.Equal(h.mail.CreatedAt) {
		t.Errorf("the queue: %d since %v, %v", n, oldest, err)
	}
	claim := func(limit int) []core.Mail {
		out, err := w.ClaimMail(w.ctx, w.clock.Now(), time.Minute, limit)
		if err != nil {
			t.Error(err)
		}
		return out
	}
	var mu sync.Mutex
	got := map[core.MailID]core.Mail{}
	var quiet atomic.Int64
	w.together(8, func(int) {
		for quiet.Load() < 8*8 { // until nobody gets anything for a while
			list := claim(7)
			if len(list) == 0 {
				quiet.Add(1)
				continue
			}
			mu.Lock()
			for _, m := range list {
				if _, twice := got[m.ID]; twice {
					t.Errorf("mail %s was claimed twice", m.ID)
				}
				got[m.ID] = m
			}
			mu.Unlock()
		}
	})
	if len(got) != mails {
		t.Fatalf("%d mails of %d were claimed", len(got), mails)
	}
	first := got[h.mail.ID]
	want := h.mail
	want.LeaseUntil = w.clock.Now().Add(time.Minute)
	same(t, "claimed mail", first, want)
	// A worker that died loses its claim, and one that is slow can no longer settle.
	w.clock.Advance(time.Minute + time.Second)
	again := claim(1000)
	if len(again) != mails {
		t.Errorf("%d mails were claimed again", len(again))
	}
	first.State, first.SentAt = core.MailSent, w.clock.Now()
	if err := w.SettleMail(w.ctx, first); !errors.Is(err, store.ErrConflict) {
		t.Errorf("settled on a lost claim: %v", err)
	}
	for i, m := range again {
		switch i % 3 {
		case 0:
			m.State, m.SentAt, m.Body, m.Attempts = core.MailSent, w.clock.Now(), nil, 1
		case 1:
			m.NextAt, m.Attempts, m.LastError = w.clock.Now().Add(10*time.Second), 1, "greylisted"
		case 2:
			m.State, m.LastError = core.MailFailed, "no such mailbox"
		}
		if err := w.SettleMail(w.ctx, m); err != nil {
			t.Fatal(err)
		}
		if err := w.SettleMail(w.ctx, m); !errors.Is(err, store.ErrConflict) {
			t.Fatalf("settled twice: %v", err)
		}
	}
	if list := claim(1000); len(list) != 0 {
		t.Errorf("%d mails are due at once", len(list))
	}
	w.clock.Advance(11 * time.Second)
	list := claim(1000)
	if len(list) != mails/3 || list[0].Attempts != 1 || list[0].LastError != "greylisted" {
		t.Errorf("%d mails are due after a wait", len(list))
	}
	// Another kind of mail to the same address, and one about another account of the
	// same mailbox, in another tenant.
	far := w.household()
	other, theirs := w.newMail(h.user), w.newMail(far.user)
	other.To, other.Kind, theirs.To = "other@example.org", core.MailWrongCode, "other@example.org"
	w.update(h.tenant.ID, func(tx store.Tx) error { return tx.QueueMail(other) })
	w.update(far.tenant.ID, func(tx store.Tx) error { return tx.QueueMail(theirs) })
	w.view(h.tenant.ID, func(r store.Reader) error {
		var errs []error
		count := func(what string, kind core.MailKind, user core.UserID, after time.Time, all, own int) {
			gotAll, gotOwn, err := r.MailsTo("other@example.org", kind, user, after)
			same(t, what, [2]int{gotAll, gotOwn}, [2]int{all, own})
			errs = append(errs, err)
		}
		lately, now := w.clock.Now().Add(-time.Hour), w.clock.Now()
		count("mails to an address", h.mail.Kind, h.user.ID, lately, mails, mails-1)
		count("about another account", h.mail.Kind, far.user.ID, lately, mails, 1)
		count("about nobody", h.mail.Kind, "us_nobody", lately, mails, 0)
		count("of another kind", core.MailWrongCode, h.user.ID, lately, 1, 1)
		count("just now", h.mail.Kind, h.user.ID, now.Add(-time.Microsecond), 1, 0)
		count("after now", h.mail.Kind, h.user.ID, now, 0, 0)
		return errors.Join(errs...)
	})
}

func testEvents(t *testing.T, w *world) {
	h := w.household()
	full := core.Event{
		Name: "user.mfa.reset", Actor: "us_admin", Target: string(h.user.ID), Result: "refused", Reason: "step_up.required",
		Address: "192.0.2.1", Request: "rq_1", Session: h.session.ID, Detail: map[string]string{"factor": "fa_1"},
		At: w.clock.Now().Add(time.Hour), // the transaction's instant counts
	}
	w.update(h.tenant.ID, func(tx store.Tx) error { return tx.Append(full) })
	var newest core.Event
	w.view(h.tenant.ID, func(r store.Reader) error {
		list, err := r.EventsOf(h.user.ID, 0, 10)
		if len(list) != 2 || list[0].Name != full.Name || list[1].Name != "signin.succeeded" {
			t.Fatalf("events: %+v", list)
		}
		newest = list[0]
		full.Seq, full.At, full.Tenant = newest.Seq, w.clock.Now(), h.tenant.ID
		same(t, "event", newest, full)
		older, err2 := r.EventsOf(h.user.ID, newest.Seq, 10)
		same(t, "older", older, list[1:])
		one, err3 := r.EventsOf(h.user.ID, 0, 1)
		same(t, "one", one, list[:1])
		acted, err4 := r.EventsOf("us_admin", 0, 10)
		same(t, "by an administrator", acted, list[:1])
		return errors.Join(err, err2, err3, err4)
	})
	if list, err := w.EventsAfter(w.ctx, newest.Seq-1, 10); err != nil || len(list) != 1 || list[0].Seq != newest.Seq {
		t.Errorf("the tail: %v, %v", list, err)
	}
}

func testSealing(t *testing.T, w *world) {
	h := w.household()
	w.together(16, func(i int) {
		for n := range 10 {
			err := w.Update(w.ctx, h.tenant.ID, func(tx store.Tx) error {
				return tx.Append(core.Event{Name: "signin.refused", Target: fmt.Sprint(i, n)})
			})
			if err != nil {
				t.Error(err)
			}
		}
	})
	if b, err := w.LastBatch(w.ctx); err != nil || b.Number != 0 {
		t.Fatalf("the chain begins with %+v, %v", b, err)
	}
	// Several sealers at once, as after a lost lease: each event is sealed once.
	w.together(4, func(int) {
		for {
			list, err := w.Unsealed(w.ctx, 13)
			if err != nil {
				t.Error(err)
				return
			}
			if len(list) == 0 {
				return
			}
			last, err := w.LastBatch(w.ctx)
			if err != nil {
				t.Error(err)
				return
			}
			b := core.Batch{
				Number: last.Number + 1, First: last.First + last.Count, Count: int64(len(list)), Root: []byte{1, 2},
				Previous: []byte{3}, At: w.clock.Now(), Signature: []byte{4},
			}
			if last.Number == 0 {
				b.First = 1
			}
			var seqs []int64
			for _, e := range list {
				seqs = append(seqs, e.Seq)
			}
			if err := w.SealBatch(w.ctx, b, seqs, fmt.Sprint(b.Number)); err != nil && !errors.Is(err, store.ErrConflict) {
				t.Error(err)
				return
			}
		}
	})
	all, err := w.SealedEvents(w.ctx, 1, 1000)
	if err != nil || len(all) != 161 {
		t.Fatalf("%d events are sealed, %v", len(all), err)
	}
	batches, err := w.Batches(w.ctx, 1, 1000)
	if err != nil {
		t.Fatal(err)
	}
	i := 0
	for n, b := range batches {
		if b.Number != int64(n+1) || b.First != int64(i+1) {
			t.Fatalf("batch %d: %+v", n+1, b)
		}
		for range b.Count {
			if e := all[i]; e.Position != int64(i+1) || e.Batch != b.Number {
				t.Fatalf("event %d has position %d in batch %d", i, e.Position, e.Batch)
			}
			i++
		}
	}
	same(t, "batch", batches[len(batches)-1].Signature, []byte{4})
	if last, err := w.LastBatch(w.ctx); err != nil || last.Number != int64(len(batches)) {
		t.Errorf("the head: %+v, %v", last, err)
	}
	// A batch comes whole or not at all.
	next := core.Batch{Number: int64(len(batches)) + 1, First: 162, Count: 1, Root: []byte{1}}
	if err := w.SealBatch(w.ctx, next, []int64{all[0].Seq}, "again"); !errors.Is(err, store.ErrConflict) {
		t.Errorf("sealed again: %v", err)
	}
	if last, err := w.LastBatch(w.ctx); err != nil || last.Number != int64(len(batches)) {
		t.Errorf("a refused batch stayed: %+v, %v", last, err)
	}
	if head, err := w.Meta(w.ctx, store.MetaAuditHead); err != nil || head != fmt.Sprint(len(batches)) {
		t.Errorf("the store remembers %q, %v", head, err)
	}
	if list, err := w.SealedEvents(w.ctx, 160, 10); err != nil || len(list) != 2 {
		t.Errorf("from a position on: %d, %v", len(list), err)
	}
}

func testLeases(t *testing.T, w *world) {
	take := func(name, holder string) bool {
		has, err := w.Lease(w.ctx, name, holder, w.clock.Now(), time.Minute)
		if err != nil {
			t.Error(err)
		}
		return has
	}
	var holders atomic.Int64
	w.together(32, func(i int) {
		if take("sealer", fmt.Sprint("node ", i)) {
			holders.Add(1)
		}
	})
	if holders.Load() != 1 {
		t.Errorf("%d nodes hold the lease", holders.Load())
	}
	if !take("sweeper", "a") || take("sweeper", "b") || !take("sweeper", "a") {
		t.Error("a lease is taken by one and renewed by the same")
	}
	w.clock.Advance(time.Minute)
	if !take("sweeper", "b") || take("sweeper", "a") {
		t.Error("a lease that ran out can be taken")
	}
}

func testSweep(t *testing.T, w *world) {
	h := w.household()
	day := 24 * time.Hour
	ended := w.session(h.user)
	w.update(h.tenant.ID, func(tx store.Tx) error {
		ended.EndedAt, ended.EndedWhy = tx.Now(), "sign-out"
		ended.ExpiresAt = tx.Now().Add(1000 * day)
		for i := range 5 {
			if err := tx.Changed(core.ChangeSession, fmt.Sprint(i)); err != nil {
				return err
			}
		}
		return tx.UpdateSession(ended)
	})
	mails, err := w.ClaimMail(w.ctx, w.clock.Now(), time.Minute, 10)
	if err != nil || len(mails) != 1 {
		t.Fatal(mails, err)
	}
	mails[0].State = core.MailSent
	if err := w.SettleMail(w.ctx, mails[0]); err != nil {
		t.Fatal(err)
	}
	swept := func(want int) {
		t.Helper()
		if n, err := w.Sweep(w.ctx, w.clock.Now(), 100); err != nil || n != want {
			t.Errorf("swept %d rows, want %d, %v", n, want, err)
		}
	}
	swept(0)
	last, _ := w.LastChange(w.ctx)
	w.clock.Advance(2 * day) // attempt, and the feed but for its last line
	if n, err := w.Sweep(w.ctx, w.clock.Now(), 2); err != nil || n != 2 {
		t.Errorf("swept %d rows of at most 2, %v", n, err)
	}
	swept(3)
	if seq, err := w.LastChange(w.ctx); err != nil || seq != last {
		t.Errorf("the feed ends with %d, was %d, %v", seq, last, err)
	}
	lives := w.session(h.user)
	w.clock.Advance(30 * day) // three sessions, the link, the mail
	swept(5)
	swept(0)
	if _, _, err := w.FindSession(w.ctx, lives.TokenHash); err != nil {
		t.Errorf("a session that ended less than its keep time ago: %v", err)
	}
	w.clock.Advance(2 * day)
	swept(1)
	w.view(h.tenant.ID, func(r store.Reader) error {
		_, err := r.Factor(h.factor.ID)
		events, err2 := r.EventsOf(h.user.ID, 0, 10)
		same(t, "events stay", len(events), 1)
		return errors.Join(err, err2)
	})
}

// testEpoch is Q-07: what a restored store still believes in is ended.
func testEpoch(t *testing.T, w *world) {
	a, b := w.household(), w.household()
	passkey := w.newFactor(a.user)
	passkey.Kind, passkey.LastStep = core.FactorPasskey, 3
	code := w.newFactor(a.user)
	code.Kind = core.FactorRecoveryCode
	link := w.newMail(a.user)
	link.Kind = core.MailReset
	w.update(a.tenant.ID, func(tx store.Tx) error {
		return errors.Join(tx.InsertFactor(passkey), tx.InsertFactor(code), tx.QueueMail(link))
	})
	seq, err := w.LastChange(w.ctx)
	if err != nil {
		t.Fatal(err)
	}
	w.clock.Advance(time.Minute)
	if err := w.RaiseEpoch(w.ctx, w.clock.Now()); err != nil {
		t.Fatal(err)
	}
	for _, h := range []household{a, b} {
		if s, _, err := w.FindSession(w.ctx, h.session.TokenHash); err != nil || s.EndedAt.IsZero() || s.Live(w.clock.Now()) {
			t.Errorf("a session lives on: %+v, %v", s, err)
		}
		if k, err := w.FindToken(w.ctx, h.token.Hash); err != nil || k.State(w.clock.Now()) == core.TokenGood {
			t.Errorf("a link lives on: %+v, %v", k, err)
		}
		w.view(h.tenant.ID, func(r store.Reader) error {
			at, err := r.Attempt(h.attempt.ID)
			if w.clock.Now().Before(at.ExpiresAt) {
				t.Error("an attempt lives on")
			}
			if fm, err := r.Family(h.family.ID); err != nil || fm.Live(w.clock.Now()) {
				t.Errorf("a family of tokens lives on: %+v, %v", fm, err)
			}
			if d, err := r.Device(h.device.ID); err != nil || d.Open(w.clock.Now()) {
				t.Errorf("a device waits on: %+v, %v", d, err)
			}
			f, err2 := r.Factor(h.factor.ID)
			if now := w.clock.Now().Unix() / 30; f.LastStep < now+1 {
				t.Errorf("codes of step %d would be taken, now is %d", f.LastStep+1, now)
			}
			return errors.Join(err, err2)
		})
	}
	w.view(a.tenant.ID, func(r store.Reader) error {
		f, err := r.Factor(passkey.ID)
		same(t, "a passkey's counter", f.LastStep, int64(3))
		same(t, "a passkey", f.State, passkey.State)
		c, err2 := r.Factor(code.ID)
		if c.State != core.FactorRevoked || len(c.Secret) != 0 || !c.RevokedAt.Equal(w.clock.Now()) {
			t.Errorf("a recovery code lives on: %+v", c)
		}
		return errors.Join(err, err2)
	})
	if mails, err := w.ClaimMail(w.ctx, w.clock.Now(), time.Minute, 10); err != nil || len(mails) != 2 {
		t.Errorf("mails that may leave: %v, %v", mails, err)
	}
	if lines, err := w.Changes(w.ctx, seq, 10); err != nil || len(lines) != 1 || lines[0].Kind != core.ChangeEverything {
		t.Errorf("the feed says %v, %v", lines, err)
	}
	if err := w.RaiseEpoch(w.ctx, w.clock.Now()); err != nil {
		t.Fatal(err)
	}
	if epoch, err := w.Meta(w.ctx, "epoch"); err != nil || epoch != "2" {
		t.Errorf("epoch %q, %v", epoch, err)
	}
}

func testKeys(t *testing.T, w *world) {
	row := store.KeyRow{Purpose: "seal", Version: 1, Wrapped: []byte("one"), ChangedAt: w.clock.Now()}
	var saved atomic.Int64
	race := func(row store.KeyRow, version int64) {
		saved.Store(0)
		w.together(16, func(int) {
			err := w.SaveKey(w.ctx, row, version)
			if err == nil {
				saved.Add(1)
			} else if !errors.Is(err, store.ErrConflict) {
				t.Error(err)
			}
		})
		if saved.Load() != 1 {
			t.Errorf("%d nodes saved version %d", saved.Load(), version+1)
		}
	}
	race(row, 0)
	row.Wrapped, row.Version = []byte("two"), 2
	race(row, 1)
	got, err := w.LoadKeys(w.ctx)
	if err != nil {
		t.Fatal(err)
	}
	same(t, "keys", got, []store.KeyRow{row})
	if lines, err := w.Changes(w.ctx, 0, 10); err != nil || len(lines) != 2 || lines[1].Kind != core.ChangeKeys {
		t.Errorf("the feed says %v, %v", lines, err)
	}
}

func testMeta(t *testing.T, w *world) {
	if v, err := w.Meta(w.ctx, "demo"); err != nil || v != "" {
		t.Errorf("absent: %q, %v", v, err)
	}
	for _, v := range []string{"yes", "no"} {
		if err := w.SetMeta(w.ctx, "demo", v); err != nil {
			t.Fatal(err)
		}
		if got, err := w.Meta(w.ctx, "demo"); err != nil || got != v {
			t.Errorf("%q, %v", got, err)
		}
	}
	if err := w.Ping(w.ctx); err != nil {
		t.Error(err)
	}
	clock, err := w.Clock(w.ctx)
	if err != nil || time.Since(clock).Abs() > 10*time.Second {
		t.Errorf("the store's clock says %v, %v", clock, err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	for name, err := range map[string]error{
		"ping":   w.Ping(w.ctx),
		"read":   second(w.FindLogin(w.ctx, "x", nil)),
		"view":   w.View(w.ctx, root, func(r store.Reader) error { _, err := r.Tenant(); return err }),
		"update": w.Update(w.ctx, root, func(tx store.Tx) error { return tx.Append(core.Event{Name: "x"}) }),
	} {
		if !errors.Is(err, store.ErrDown) {
			t.Errorf("%s on a closed store: %v", name, err)
		}
	}
}
