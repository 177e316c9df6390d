package sqlstore

import (
	"errors"

	"sallyport/internal/core"
	"sallyport/internal/store"
	"sallyport/internal/store/sqlstore/db"
)

func (t *tx) Reply(mark []byte) (core.Reply, error) {
	r, err := t.q.Reply(t.ctx, db.ReplyParams{Mark: bytesIn(mark), TenantID: t.own(), Now: micros(t.now)})
	if err != nil {
		return core.Reply{}, t.err(err)
	}
	return core.Reply{Mark: r.Mark, Tenant: core.TenantID(r.TenantID), Print: r.Print, Answer: r.Answer, BusyUntil: instant(r.BusyUntil), ExpiresAt: instant(r.ExpiresAt)}, nil
}

func (t *tx) BeginReply(r core.Reply) error {
	if t.foreign(r.Tenant) {
		return core.ErrNotFound
	}
	if len(r.Mark) == 0 {
		return errors.New("begin reply: no mark")
	}
	if err := t.q.DropExpiredReply(t.ctx, db.DropExpiredReplyParams{Mark: r.Mark, Now: micros(t.now)}); err != nil {
		return t.err(err)
	}
	n, err := t.q.BeginReply(t.ctx, db.BeginReplyParams{Mark: r.Mark, TenantID: t.own(), Print: bytesIn(r.Print), Answer: []byte{}, BusyUntil: micros(r.BusyUntil),
		ExpiresAt: micros(r.ExpiresAt)})
	return t.once(n, err, "a request with this mark was made before")
}

func (t *tx) EndReply(mark, answer []byte) error {
	n, err := t.q.EndReply(t.ctx, db.EndReplyParams{Answer: bytesIn(answer), Mark: bytesIn(mark), TenantID: t.own()})
	return t.one(n, err)
}

func (t *tx) DropReply(mark []byte) error {
	n, err := t.q.DropReply(t.ctx, db.DropReplyParams{Mark: bytesIn(mark), TenantID: t.own()})
	return t.one(n, err)
}

var _ store.ReplyWriter = (*tx)(nil)
