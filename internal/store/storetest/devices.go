package storetest

import (
	"errors"
	"net/netip"
	"sync/atomic"
	"testing"
	"time"

	"sallyport/internal/core"
	"sallyport/internal/store"
)

func (w *world) newDevice(a core.App) core.Device {
	id := w.id("dv")
	return core.Device{ID: core.DeviceID(id), Tenant: a.Tenant, App: a.ID, Code: []byte("code of " + id), State: core.DevicePending, Wait: 5 * time.Second,
		Doc:       core.DeviceDoc{Scopes: []string{"openid"}, Must: []core.Level{core.LevelMFA}, Address: netip.MustParseAddr("192.0.2.7"), Agent: "TV"},
		CreatedAt: w.clock.Now(), ExpiresAt: w.clock.Now().Add(40 * 24 * time.Hour)}
}

// testDevices is DS-05 for RFC 8628: a device is found by its code, its questions are
// counted, and of many answers at once, from whatever tenants, one is taken.
func testDevices(t *testing.T, w *world) {
	h, other := w.household(), w.household()
	d := h.device
	got, err := w.FindDevice(w.ctx, d.Code)
	same(t, "found by its code", got, d)
	same(t, "error", err, nil)
	if _, err := w.FindDevice(w.ctx, []byte("never")); !errors.Is(err, core.ErrNotFound) {
		t.Errorf("a code that never was: %v", err)
	}
	again := w.newDevice(h.app)
	again.Code = d.Code
	var dup store.ErrDuplicate
	if err := w.Update(w.ctx, h.tenant.ID, func(tx store.Tx) error { return tx.InsertDevice(again) }); !errors.As(err, &dup) {
		t.Errorf("two wait with one code: %v", err)
	}

	w.clock.Advance(time.Second)
	w.update(h.tenant.ID, func(tx store.Tx) error { return tx.PolledDevice(d.ID, time.Time{}, 10*time.Second) })
	if err := w.Update(w.ctx, h.tenant.ID, func(tx store.Tx) error { return tx.PolledDevice(d.ID, time.Time{}, time.Second) }); !errors.Is(err, store.ErrConflict) {
		t.Errorf("it asked twice at once: %v", err)
	}
	d.PolledAt, d.Wait = w.clock.Now(), 10*time.Second
	w.view(h.tenant.ID, func(r store.Reader) error {
		got, err := r.Device(d.ID)
		same(t, "after it asked", got, d)
		return err
	})

	// The answer comes from the person's own tenant, with a family there.
	var won atomic.Int64
	w.together(12, func(i int) {
		err := w.Update(w.ctx, other.tenant.ID, func(tx store.Tx) error {
			if i%2 == 0 {
				return tx.AnswerDevice(d.ID, core.DeviceDenied, "")
			}
			return tx.AnswerDevice(d.ID, core.DeviceAllowed, other.family.ID)
		})
		if err == nil {
			won.Add(1)
		} else if !errors.Is(err, store.ErrConflict) {
			t.Error(err)
		}
	})
	same(t, "answers that were taken", won.Load(), int64(1))
	got, err = w.FindDevice(w.ctx, d.Code)
	if err != nil || got.State == core.DevicePending || (got.State == core.DeviceAllowed) != (got.Family == other.family.ID && got.FamilyTenant == other.tenant.ID) {
		t.Errorf("answered: %+v, %v", got, err)
	}
	w.clock.Advance(40 * 24 * time.Hour)
	if err := w.Update(w.ctx, h.tenant.ID, func(tx store.Tx) error { return tx.AnswerDevice(other.device.ID, core.DeviceDenied, "") }); !errors.Is(err, store.ErrConflict) {
		t.Errorf("one that took too long was answered: %v", err)
	}
	w.clock.Advance(2 * time.Hour)
	if _, err := w.Sweep(w.ctx, w.clock.Now(), 1000); err != nil {
		t.Error(err)
	}
	if _, err := w.FindDevice(w.ctx, d.Code); !errors.Is(err, core.ErrNotFound) {
		t.Errorf("swept: %v", err)
	}
}
