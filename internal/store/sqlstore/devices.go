package sqlstore

import (
	"context"
	"time"

	"sallyport/internal/core"
	"sallyport/internal/store/sqlstore/db"
)

func deviceOf(r db.Device) (core.Device, error) {
	doc, _, err := decode[core.DeviceDoc](r.Doc)
	return core.Device{
		ID: core.DeviceID(r.ID), Tenant: core.TenantID(r.TenantID), App: core.AppID(r.AppID), Code: bytesOut(r.Code), State: core.DeviceState(r.State), Doc: doc,
		FamilyTenant: core.TenantID(r.FamilyTenantID), Family: core.FamilyID(r.FamilyID), Wait: time.Duration(r.Wait) * time.Second,
		CreatedAt: instant(r.CreatedAt), PolledAt: instant(r.PolledAt), ExpiresAt: instant(r.ExpiresAt),
	}, err
}

func (s *Store) FindDevice(ctx context.Context, code []byte) (d core.Device, err error) {
	err = s.look(ctx, func(q *db.Queries) error {
		row, err := q.FindDevice(ctx, bytesIn(code))
		if err != nil {
			return err
		}
		d, err = deviceOf(row)
		return err
	})
	return d, err
}

func (t *tx) Device(id core.DeviceID) (core.Device, error) {
	row, err := t.q.Device(t.ctx, db.DeviceParams{TenantID: t.own(), ID: string(id)})
	if err != nil {
		return core.Device{}, t.err(err)
	}
	return deviceOf(row)
}

func (t *tx) InsertDevice(d core.Device) error {
	if t.foreign(d.Tenant) {
		return core.ErrNotFound
	}
	doc, err := encode(d.Doc, nil)
	if err != nil {
		return err
	}
	return t.err(t.q.InsertDevice(t.ctx, db.InsertDeviceParams{
		ID: string(d.ID), TenantID: t.own(), AppID: string(d.App), Code: bytesIn(d.Code), State: string(d.State), Doc: doc,
		Wait: int64(d.Wait / time.Second), CreatedAt: micros(d.CreatedAt), ExpiresAt: micros(d.ExpiresAt),
	}))
}

func (t *tx) PolledDevice(id core.DeviceID, had time.Time, wait time.Duration) error {
	n, err := t.q.PolledDevice(t.ctx, db.PolledDeviceParams{
		TenantID: t.own(), ID: string(id), Now: micros(t.now), Had: micros(had), Wait: int64(wait / time.Second),
	})
	return t.once(n, err, "the device asked meanwhile")
}

// AnswerDevice is called in the person's transaction: the row is the app's.
func (t *tx) AnswerDevice(id core.DeviceID, state core.DeviceState, family core.FamilyID) error {
	p := db.AnswerDeviceParams{ID: string(id), State: string(state), Now: micros(t.now)}
	if family != "" {
		p.FamilyTenantID, p.FamilyID = t.own(), string(family)
	}
	n, err := t.q.AnswerDevice(t.ctx, p)
	return t.once(n, err, "the device was answered before, or waits no longer")
}
