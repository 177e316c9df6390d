package sqlstore

import (
	"context"
	"fmt"
	"math"
	"time"

	"sallyport/internal/core"
	"sallyport/internal/store"
	"sallyport/internal/store/sqlstore/db"
)

func eventOf(r db.AuditEvent) (core.Event, error) {
	detail, _, err := decode[map[string]string](r.Detail)
	if err != nil {
		return core.Event{}, err
	}
	return core.Event{
		Seq: r.Seq, At: instant(r.At), Name: r.Name, Tenant: core.TenantID(r.TenantID), Actor: r.Actor, Target: r.Target,
		Result: r.Result, Reason: r.Reason, Address: r.Address, Request: r.Request, Session: core.SessionID(r.SessionID),
		Detail: detail, Batch: r.Batch, Position: r.Position,
	}, nil
}

func eventsOf(rows []db.AuditEvent) ([]core.Event, error) {
	out := make([]core.Event, 0, len(rows))
	for _, r := range rows {
		e, err := eventOf(r)
		if err != nil {
			return nil, fmt.Errorf("event %d: %w", r.Seq, err)
		}
		out = append(out, e)
	}
	return out, nil
}

func (t *tx) EventsOf(user core.UserID, before int64, limit int) ([]core.Event, error) {
	if before <= 0 {
		before = math.MaxInt64
	}
	rows, err := t.q.EventsOf(t.ctx, db.EventsOfParams{
		TenantID: t.own(), UserID: string(user), Before: before, Most: int64(limit),
	})
	if err != nil {
		return nil, t.err(err)
	}
	return eventsOf(rows)
}

func (t *tx) Append(e core.Event) error {
	if e.Tenant != "" && t.foreign(e.Tenant) {
		return core.ErrNotFound
	}
	return t.append(t.tenant, e)
}

func (t *tx) AppendTo(to core.TenantID, e core.Event) error {
	if e.Tenant != "" && e.Tenant != to {
		return core.ErrNotFound
	}
	if _, err := t.q.Tenant(t.ctx, string(to)); err != nil {
		return t.err(err)
	}
	return t.append(to, e)
}

func (t *tx) append(to core.TenantID, e core.Event) error {
	row, err := eventRow(to, e, t.now)
	if err != nil {
		return err
	}
	return t.err(t.must.AppendEvent(t.ctx, row))
}

func eventRow(tenant core.TenantID, e core.Event, now time.Time) (db.AppendEventParams, error) {
	detail, err := "", error(nil)
	if len(e.Detail) > 0 {
		detail, err = encode(e.Detail, nil)
	}
	return db.AppendEventParams{
		At: micros(now), Name: e.Name, TenantID: string(tenant), Actor: text(e.Actor), Target: text(e.Target), Result: e.Result,
		Reason: text(e.Reason), Address: text(e.Address), Request: text(e.Request), SessionID: string(e.Session), Detail: detail,
	}, err
}

func (s *Store) events(ctx context.Context, ask func(*db.Queries) ([]db.AuditEvent, error)) (out []core.Event, err error) {
	err = s.look(ctx, func(q *db.Queries) error {
		rows, err := ask(q)
		if err == nil {
			out, err = eventsOf(rows)
		}
		return err
	})
	return out, err
}

func (s *Store) Unsealed(ctx context.Context, limit int) ([]core.Event, error) {
	return s.events(ctx, func(q *db.Queries) ([]db.AuditEvent, error) { return q.Unsealed(ctx, int64(limit)) })
}

func (s *Store) SealedEvents(ctx context.Context, fromPosition int64, limit int) ([]core.Event, error) {
	return s.events(ctx, func(q *db.Queries) ([]db.AuditEvent, error) {
		return q.SealedEvents(ctx, db.SealedEventsParams{FirstPosition: fromPosition, Most: int64(limit)})
	})
}

func (s *Store) EventsAfter(ctx context.Context, seq int64, limit int) ([]core.Event, error) {
	return s.events(ctx, func(q *db.Queries) ([]db.AuditEvent, error) {
		return q.EventsAfter(ctx, db.EventsAfterParams{After: seq, Most: int64(limit)})
	})
}

func (s *Store) SealBatch(ctx context.Context, b core.Batch, seqs []int64, head string) error {
	if b.Number < 1 || b.Count != int64(len(seqs)) {
		return fmt.Errorf("batch %d says it has %d events and comes with %d", b.Number, b.Count, len(seqs))
	}
	return s.change(ctx, func(raw db.DBTX, q *db.Queries) error {
		n, err := q.InsertBatch(ctx, db.InsertBatchParams{
			Number: b.Number, FirstPosition: b.First, EventCount: b.Count, Root: bytesIn(b.Root),
			Previous: bytesIn(b.Previous), At: micros(b.At), Signature: bytesIn(b.Signature),
		})
		if err != nil {
			return err
		}
		if n == 0 {
			return conflict{fmt.Sprintf("batch %d exists", b.Number)}
		}
		if n, err = s.Seal(ctx, raw, b.Number, b.First, seqs); err != nil {
			return err
		}
		if n != b.Count {
			return conflict{fmt.Sprintf("batch %d: %d of its %d events were sealed before or are not there", b.Number, b.Count-n, b.Count)}
		}
		return q.SetMeta(ctx, db.SetMetaParams{Key: store.MetaAuditHead, Value: head})
	})
}

func (s *Store) LastBatch(ctx context.Context) (b core.Batch, err error) {
	err = s.look(ctx, func(q *db.Queries) error {
		row, err := q.LastBatch(ctx)
		b = batchOf(row)
		return IgnoreNone(err)
	})
	return b, err
}

func (s *Store) Batches(ctx context.Context, from int64, limit int) (out []core.Batch, err error) {
	err = s.look(ctx, func(q *db.Queries) error {
		rows, err := q.Batches(ctx, db.BatchesParams{FirstNumber: from, Most: int64(limit)})
		out = each(rows, batchOf)
		return err
	})
	return out, err
}
