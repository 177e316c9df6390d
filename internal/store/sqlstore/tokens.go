package sqlstore

import (
	"sallyport/internal/core"
	"sallyport/internal/store/sqlstore/db"
)

func (t *tx) Token(hash []byte) (core.Token, error) {
	row, err := t.q.Token(t.ctx, db.TokenParams{TenantID: t.own(), Hash: bytesIn(hash)})
	return get(t, row, err, tokenOf)
}

func (t *tx) Tokens(user core.UserID, kind core.TokenKind) ([]core.Token, error) {
	rows, err := t.q.Tokens(t.ctx, db.TokensParams{TenantID: t.own(), UserID: string(user), Kind: string(kind)})
	return list(t, rows, err, tokenOf)
}

func (t *tx) InsertToken(k core.Token) error {
	if t.foreign(k.Tenant) {
		return core.ErrNotFound
	}
	return t.err(t.q.InsertToken(t.ctx, db.InsertTokenParams{
		Hash: bytesIn(k.Hash), Kind: string(k.Kind), TenantID: t.own(), UserID: string(k.User), Email: text(k.Email),
		Bound: k.Bound, CreatedAt: micros(k.CreatedAt), ExpiresAt: micros(k.ExpiresAt),
		UsedAt: micros(k.UsedAt), SupersededAt: micros(k.SupersededAt),
	}))
}

func (t *tx) UseToken(hash []byte) error {
	n, err := t.q.UseToken(t.ctx, db.UseTokenParams{TenantID: t.own(), Hash: bytesIn(hash), Now: micros(t.now)})
	if err != nil {
		return t.err(err)
	}
	if n != 1 {
		return conflict{"the link cannot be used, or not again"}
	}
	return nil
}

func (t *tx) BindToken(hash []byte, bound string) error {
	n, err := t.q.BindToken(t.ctx, db.BindTokenParams{Bound: bound, TenantID: t.own(), Hash: bytesIn(hash)})
	if err == nil && n != 1 {
		return core.ErrNotFound
	}
	return t.err(err)
}

func (t *tx) SupersedeTokens(user core.UserID, kind core.TokenKind) (int, error) {
	n, err := t.q.SupersedeTokens(t.ctx, db.SupersedeTokensParams{
		SupersededAt: micros(t.now), TenantID: t.own(), UserID: string(user), Kind: string(kind),
	})
	return int(n), t.err(err)
}
