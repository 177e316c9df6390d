package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"strings"

	"sallyport/internal/core"
	"sallyport/internal/store"
	"sallyport/internal/store/sqlstore/db"
)

// IgnoreNone makes the absence of a row no error.
func IgnoreNone(err error) error {
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	return err
}

func (s *Store) FindLogin(ctx context.Context, loginKey string, devices [][]byte) (l store.Login, err error) {
	var d [core.MaxPeople][]byte // an empty one is nobody's
	copy(d[:], devices)
	for i := range d {
		d[i] = bytesIn(d[i])
	}
	err = s.look(ctx, func(q *db.Queries) error {
		row, err := q.FindLogin(ctx, db.FindLoginParams{LoginKey: loginKey, Device1: d[0], Device2: d[1], Device3: d[2], Device4: d[3],
			Device5: d[4], Device6: d[5], Device7: d[6], Device8: d[7]})
		if err != nil {
			return err
		}
		l = store.Login{
			User:     userOf(row.User),
			Password: core.Password{Hash: row.Hash, Length: int(row.Length), MustChange: row.MustChange, SetAt: instant(row.SetAt)},
			Enrolled: row.Enrolled == 1,
			Browser:  core.BrowserID(row.BrowserID),
			KnownAt:  instant(row.BrowserSeenAt), MetAsleep: row.BrowserMetAsleep,
			TrustedAt: instant(row.TrustedAt), TrustedUntil: instant(row.TrustedUntil),
		}
		return nil
	})
	return l, err
}

func (s *Store) FindByEmail(ctx context.Context, emailKey string, limit int) (out []core.User, err error) {
	err = s.look(ctx, func(q *db.Queries) error {
		rows, err := q.FindByEmail(ctx, db.FindByEmailParams{EmailKey: emailKey, Most: int64(limit)})
		out = each(rows, userOf)
		return err
	})
	return out, err
}

func (s *Store) FindUser(ctx context.Context, id core.UserID) (u core.User, err error) {
	err = s.look(ctx, func(q *db.Queries) error {
		row, err := q.FindUser(ctx, string(id))
		if err == nil {
			u = userOf(row)
		}
		return err
	})
	return u, err
}

func (s *Store) FindSession(ctx context.Context, tokenHash []byte) (se core.Session, u core.User, err error) {
	err = s.look(ctx, func(q *db.Queries) error {
		row, err := q.FindSession(ctx, bytesIn(tokenHash))
		if err != nil {
			return err
		}
		u = userOf(row.User)
		se, _, err = sessionOf(row.Session)
		return err
	})
	return se, u, err
}

func (s *Store) FindToken(ctx context.Context, hash []byte) (k core.Token, err error) {
	err = s.look(ctx, func(q *db.Queries) error {
		row, err := q.FindToken(ctx, bytesIn(hash))
		if err == nil {
			k = tokenOf(row)
		}
		return err
	})
	return k, err
}

func (s *Store) AllTenants(ctx context.Context) (out []core.Tenant, err error) {
	err = s.look(ctx, func(q *db.Queries) error {
		rows, err := q.AllTenants(ctx)
		out = each(rows, tenantOf)
		return err
	})
	return out, err
}

func (s *Store) AllUsers(ctx context.Context, after core.UserID, limit int) (out []core.User, err error) {
	err = s.look(ctx, func(q *db.Queries) error {
		rows, err := q.AllUsers(ctx, db.AllUsersParams{After: string(after), Most: int64(limit)})
		out = each(rows, userOf)
		return err
	})
	return out, err
}

func (s *Store) AllRoles(ctx context.Context, role core.Role) (out []core.RoleGrant, err error) {
	err = s.look(ctx, func(q *db.Queries) error {
		rows, err := q.AllRoles(ctx, string(role))
		out = each(rows, grantOf)
		return err
	})
	return out, err
}

func (s *Store) RolesOf(ctx context.Context, user core.UserID) (out []core.RoleGrant, err error) {
	err = s.look(ctx, func(q *db.Queries) error {
		rows, err := q.RolesOf(ctx, string(user))
		out = each(rows, func(r db.RolesOfRow) core.RoleGrant { return customGrantOf(r.Role, r.Base, r.Rights) })
		return err
	})
	return out, err
}

func (s *Store) HashSettings(ctx context.Context) (out map[string]int64, err error) {
	err = s.look(ctx, func(q *db.Queries) error {
		rows, err := q.HashSettings(ctx)
		out = map[string]int64{}
		for _, r := range rows {
			out[strings.TrimRight(r.Setting, " ")] += r.Passwords
		}
		return err
	})
	return out, err
}

func (s *Store) CountUsers(ctx context.Context) (out []store.UserCount, err error) {
	err = s.look(ctx, func(q *db.Queries) error {
		rows, err := q.CountUsers(ctx)
		out = each(rows, func(r db.CountUsersRow) store.UserCount {
			return store.UserCount{State: core.UserState(r.State), Kind: core.UserKind(r.Kind), Enrolled: r.Enrolled == 1, Count: r.Users}
		})
		return err
	})
	return out, err
}
