package storetest

import (
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"sallyport/internal/core"
	"sallyport/internal/store"
)

// testReplies: of many that come with one mark one is under way, what it answered is
// kept until it expires or is dropped, and is swept then.
func testReplies(t *testing.T, w *world) {
	a, b := w.customer(), w.customer()
	r := core.Reply{Mark: []byte("mark"), Tenant: a.ID, Print: []byte("print"), BusyUntil: w.clock.Now().Add(time.Minute).Truncate(time.Microsecond), ExpiresAt: w.clock.Now().Add(time.Hour).Truncate(time.Microsecond)}
	begin := func() error {
		return w.Update(w.ctx, a.ID, func(tx store.Tx) error { return tx.BeginReply(r) })
	}
	var won atomic.Int64
	w.together(12, func(int) {
		switch err := begin(); {
		case err == nil:
			won.Add(1)
		case !errors.Is(err, store.ErrConflict):
			t.Error(err)
		}
	})
	same(t, "begun", won.Load(), int64(1))
	kept := func(tenant core.TenantID) (got core.Reply, err error) {
		err = w.View(w.ctx, tenant, func(rd store.Reader) error { got, err = rd.Reply(r.Mark); return err })
		return got, err
	}
	got, err := kept(a.ID)
	if err != nil || len(got.Answer) != 0 || string(got.Print) != "print" || !got.BusyUntil.Equal(r.BusyUntil) || !got.ExpiresAt.Equal(r.ExpiresAt) || got.Tenant != a.ID {
		t.Errorf("under way: %+v, %v", got, err)
	}
	w.update(a.ID, func(tx store.Tx) error { return tx.EndReply(r.Mark, []byte("answer")) })
	if got, err = kept(a.ID); err != nil || string(got.Answer) != "answer" {
		t.Errorf("answered: %+v, %v", got, err)
	}
	if _, err := kept(b.ID); !errors.Is(err, core.ErrNotFound) {
		t.Errorf("another tenant: %v", err)
	}
	w.update(a.ID, func(tx store.Tx) error { return tx.DropReply(r.Mark) })
	if _, err := kept(a.ID); !errors.Is(err, core.ErrNotFound) {
		t.Errorf("dropped: %v", err)
	}
	if err := begin(); err != nil {
		t.Errorf("after it was dropped: %v", err)
	}
	w.clock.Advance(59 * time.Minute)
	if err := begin(); !errors.Is(err, store.ErrConflict) {
		t.Errorf("before its end: %v", err)
	}
	w.clock.Advance(2 * time.Minute)
	if _, err := kept(a.ID); !errors.Is(err, core.ErrNotFound) {
		t.Errorf("after its end: %v", err)
	}
	r.ExpiresAt = w.clock.Now().Add(time.Hour)
	if err := begin(); err != nil {
		t.Errorf("after its end it is taken anew: %v", err)
	}
	w.clock.Advance(2 * time.Hour)
	if n, err := w.Sweep(w.ctx, w.clock.Now(), 100); err != nil || n != 1 {
		t.Errorf("swept %d, %v", n, err)
	}
}
