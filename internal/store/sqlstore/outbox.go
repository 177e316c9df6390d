package sqlstore

import (
	"context"
	"slices"
	"time"

	"sallyport/internal/core"
	"sallyport/internal/store/sqlstore/db"
)

func (t *tx) MailsTo(address string, kind core.MailKind, user core.UserID, after time.Time) (all, own int, err error) {
	row, err := t.q.MailsTo(t.ctx, db.MailsToParams{Address: address, Kind: string(kind), UserID: string(user), After: micros(after)})
	return int(row.Sent), int(row.Own), t.err(err)
}

// QueueMail fills in what a new mail always has: it waits, and since now.
func (t *tx) QueueMail(m core.Mail) error {
	if m.Tenant == "" {
		m.Tenant = t.tenant
	}
	if t.foreign(m.Tenant) {
		return core.ErrNotFound
	}
	if m.State == "" {
		m.State = core.MailQueued
	}
	if m.CreatedAt.IsZero() {
		m.CreatedAt = t.now
	}
	return t.err(t.must.QueueMail(t.ctx, db.QueueMailParams{
		ID: string(m.ID), TenantID: t.own(), UserID: string(m.User), Kind: string(m.Kind), Address: text(m.To),
		Locale: m.Locale, Body: bytesIn(m.Body), State: m.State, Attempts: int64(m.Attempts), NextAt: micros(m.NextAt),
		LeaseUntil: micros(m.LeaseUntil), ExpiresAt: micros(m.ExpiresAt), LastError: text(m.LastError),
		CreatedAt: micros(m.CreatedAt), SentAt: micros(m.SentAt),
	}))
}

func (s *Store) ClaimMail(ctx context.Context, now time.Time, lease time.Duration, limit int) (out []core.Mail, err error) {
	err = s.change(ctx, func(_ db.DBTX, q *db.Queries) error {
		rows, err := q.ClaimMail(ctx, db.ClaimMailParams{
			LeaseUntil: micros(now.Add(lease)), Now: micros(now), Most: int64(limit),
		})
		out = each(rows, mailOf)
		return err
	})
	slices.SortFunc(out, func(a, b core.Mail) int { return a.NextAt.Compare(b.NextAt) })
	return out, err
}

func (s *Store) SettleMail(ctx context.Context, m core.Mail) error {
	return s.change(ctx, func(_ db.DBTX, q *db.Queries) error {
		n, err := q.SettleMail(ctx, db.SettleMailParams{
			ID: string(m.ID), ClaimedUntil: micros(m.LeaseUntil), Body: bytesIn(m.Body), State: m.State,
			Attempts: int64(m.Attempts), NextAt: micros(m.NextAt), ExpiresAt: micros(m.ExpiresAt),
			LastError: text(m.LastError), SentAt: micros(m.SentAt),
		})
		if err == nil && n == 0 {
			return conflict{"the mail is no longer this worker's"}
		}
		return err
	})
}

func (s *Store) MailQueue(ctx context.Context) (waiting int, oldest time.Time, err error) {
	err = s.look(ctx, func(q *db.Queries) error {
		row, err := q.MailQueue(ctx)
		waiting, oldest = int(row.Waiting), instant(row.Oldest)
		return err
	})
	return waiting, oldest, err
}
