package sqlstore

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	"sallyport/internal/core"
	"sallyport/internal/store"
	"sallyport/internal/store/sqlstore/db"
)

// appendChanges writes lines of the feed as the last thing before a commit, so
// that its lock is held for the shortest time and nothing is waited for under it.
func (s *Store) appendChanges(ctx context.Context, raw db.DBTX, lines []core.Change, now time.Time) error {
	if len(lines) == 0 {
		return nil
	}
	if err := s.LockFeed(ctx, raw); err != nil {
		return err
	}
	q := db.New(raw)
	for _, l := range lines {
		if err := q.AppendChange(ctx, db.AppendChangeParams{Kind: string(l.Kind), Subject: l.Key, ChangedAt: micros(now)}); err != nil {
			return err
		}
	}
	return nil
}

func (s *Store) Changes(ctx context.Context, after int64, limit int) (out []core.Change, err error) {
	err = s.look(ctx, func(q *db.Queries) error {
		rows, err := q.Changes(ctx, db.ChangesParams{After: after, Most: int64(limit)})
		out = each(rows, changeOf)
		return err
	})
	return out, err
}

func (s *Store) LastChange(ctx context.Context) (seq int64, err error) {
	err = s.look(ctx, func(q *db.Queries) error {
		seq, err = q.LastChange(ctx)
		return err
	})
	return seq, err
}

// TouchSessions goes through the rows in one order, so that two nodes that
// touch the same sessions wait for each other and never both.
func (s *Store) TouchSessions(ctx context.Context, touches []store.Touch) error {
	if len(touches) == 0 {
		return nil
	}
	touches = slices.Clone(touches)
	slices.SortFunc(touches, func(a, b store.Touch) int { return cmp.Compare(a.Session, b.Session) })
	return s.change(ctx, func(_ db.DBTX, q *db.Queries) error {
		for _, t := range touches {
			_, err := q.TouchSession(ctx, db.TouchSessionParams{
				ID: string(t.Session), LastSeenAt: micros(t.SeenAt), IdleUntil: micros(t.IdleUntil),
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// How long rows are kept after they have ended. A link is kept so that whoever
// comes late hears "used" or "expired" and not "unknown".
const (
	keepAttempts = 24 * time.Hour
	keepTokens   = 30 * 24 * time.Hour
	keepSessions = 30 * 24 * time.Hour
	keepMails    = 30 * 24 * time.Hour
	keepChanges  = 24 * time.Hour
	keepFamilies = 24 * time.Hour
	keepDevices  = time.Hour
)

// Sweep deletes in short transactions, a table at a time.
func (s *Store) Sweep(ctx context.Context, now time.Time, limit int) (int, error) {
	gone := 0
	before := func(keep time.Duration) int64 { return micros(now.Add(-keep)) }
	for _, sweep := range []func(*db.Queries, int64) (int64, error){
		func(q *db.Queries, most int64) (int64, error) {
			return q.SweepAttempts(ctx, db.SweepAttemptsParams{ExpiredBefore: before(keepAttempts), Most: most})
		},
		func(q *db.Queries, most int64) (int64, error) {
			return q.SweepTokens(ctx, db.SweepTokensParams{ExpiredBefore: before(keepTokens), Most: most})
		},
		func(q *db.Queries, most int64) (int64, error) {
			return q.SweepSessions(ctx, db.SweepSessionsParams{Cut: before(keepSessions), Most: most})
		},
		func(q *db.Queries, most int64) (int64, error) {
			return q.SweepMails(ctx, db.SweepMailsParams{Cut: before(keepMails), Most: most})
		},
		func(q *db.Queries, most int64) (int64, error) {
			return q.SweepFamilies(ctx, db.SweepFamiliesParams{ExpiredBefore: before(keepFamilies), Most: most})
		},
		func(q *db.Queries, most int64) (int64, error) {
			return q.SweepDevices(ctx, db.SweepDevicesParams{ExpiredBefore: before(keepDevices), Most: most})
		},
		func(q *db.Queries, most int64) (int64, error) {
			return q.SweepSpent(ctx, db.SweepSpentParams{ExpiredBefore: before(0), Most: most})
		},
		func(q *db.Queries, most int64) (int64, error) {
			return q.SweepReplies(ctx, db.SweepRepliesParams{ExpiredBefore: before(0), Most: most})
		},
		func(q *db.Queries, most int64) (int64, error) {
			return q.SweepChanges(ctx, db.SweepChangesParams{Cut: before(keepChanges), Most: most})
		},
	} {
		if gone >= limit {
			break
		}
		var n int64
		err := s.change(ctx, func(_ db.DBTX, q *db.Queries) (err error) {
			n, err = sweep(q, int64(limit-gone))
			return err
		})
		if err != nil {
			return gone, err
		}
		gone += int(n)
	}
	return gone, nil
}

func (s *Store) Lease(ctx context.Context, name, holder string, now time.Time, d time.Duration) (has bool, err error) {
	err = s.change(ctx, func(_ db.DBTX, q *db.Queries) error {
		n, err := q.TakeLease(ctx, db.TakeLeaseParams{Name: name, Holder: holder, TakenAt: micros(now), Until: micros(now.Add(d))})
		has = n == 1
		return err
	})
	return has && err == nil, err
}

func (s *Store) Meta(ctx context.Context, key string) (value string, err error) {
	err = s.look(ctx, func(q *db.Queries) error {
		value, err = q.Meta(ctx, key)
		return IgnoreNone(err)
	})
	return value, err
}

func (s *Store) SetMeta(ctx context.Context, key, value string) error {
	return s.change(ctx, func(_ db.DBTX, q *db.Queries) error {
		return q.SetMeta(ctx, db.SetMetaParams{Key: key, Value: value})
	})
}

// A code's time step, and how many steps ahead of the clock any factor may accept.
const (
	stepLength = 30 * time.Second
	stepsAhead = 2
)

// RaiseEpoch does not know how far ahead of its clock the store was when it was
// lost, but no code was accepted from further ahead than the widest skew.
func (s *Store) RaiseEpoch(ctx context.Context, now time.Time) error {
	at := micros(now)
	err := s.change(ctx, func(raw db.DBTX, q *db.Queries) error {
		if _, err := q.EndAllSessions(ctx, db.EndAllSessionsParams{EndedAt: at, EndedWhy: "epoch"}); err != nil {
			return err
		}
		if _, err := q.EndAllAttempts(ctx, at); err != nil {
			return err
		}
		if _, err := q.SupersedeAllTokens(ctx, at); err != nil {
			return err
		}
		if _, err := q.EndAllFamilies(ctx, db.EndAllFamiliesParams{EndedAt: at, EndedWhy: "epoch"}); err != nil {
			return err
		}
		if _, err := q.EndAllDevices(ctx, at); err != nil {
			return err
		}
		if _, err := q.RaiseSteps(ctx, now.Unix()/int64(stepLength/time.Second)+stepsAhead); err != nil {
			return err
		}
		if _, err := q.EndRecoveryCodes(ctx, db.EndRecoveryCodesParams{Empty: []byte{}, RevokedAt: at}); err != nil {
			return err
		}
		if _, err := q.ExpireLinkMails(ctx, []byte{}); err != nil {
			return err
		}
		was, err := q.Meta(ctx, "epoch")
		if IgnoreNone(err) != nil {
			return err
		}
		epoch, err := strconv.ParseInt(cmp.Or(was, "0"), 10, 64)
		if err != nil {
			return fmt.Errorf("the epoch of the store is %q: %w", was, err)
		}
		if err := q.SetMeta(ctx, db.SetMetaParams{Key: "epoch", Value: fmt.Sprint(epoch + 1)}); err != nil {
			return err
		}
		return s.appendChanges(ctx, raw, []core.Change{{Kind: core.ChangeEverything}}, now)
	})
	if err == nil {
		s.wake()
	}
	return err
}

func (s *Store) LoadKeys(ctx context.Context) (out []store.KeyRow, err error) {
	err = s.look(ctx, func(q *db.Queries) error {
		rows, err := q.Keys(ctx)
		out = each(rows, func(r db.Keyring) store.KeyRow {
			return store.KeyRow{Purpose: r.Purpose, Version: r.Version, Wrapped: bytesOut(r.Wrapped), ChangedAt: instant(r.ChangedAt)}
		})
		return err
	})
	return out, err
}

func (s *Store) SaveKey(ctx context.Context, k store.KeyRow, ifVersion int64) error {
	err := s.change(ctx, func(raw db.DBTX, q *db.Queries) error {
		var n int64
		var err error
		if ifVersion == 0 {
			n, err = q.InsertKey(ctx, db.InsertKeyParams{
				Purpose: k.Purpose, Version: 1, Wrapped: bytesIn(k.Wrapped), ChangedAt: micros(k.ChangedAt),
			})
		} else {
			n, err = q.ReplaceKey(ctx, db.ReplaceKeyParams{
				Purpose: k.Purpose, Version: ifVersion + 1, IfVersion: ifVersion, Wrapped: bytesIn(k.Wrapped), ChangedAt: micros(k.ChangedAt),
			})
		}
		if err != nil {
			return err
		}
		if n == 0 {
			return conflict{fmt.Sprintf("the %s keys are no longer version %d", k.Purpose, ifVersion)}
		}
		return s.appendChanges(ctx, raw, []core.Change{{Kind: core.ChangeKeys, Key: k.Purpose}}, k.ChangedAt)
	})
	if err == nil {
		s.wake()
	}
	return err
}
