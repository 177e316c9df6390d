package recovery

import (
	"context"
	"fmt"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/audit"
	"sallyport/internal/core"
	"sallyport/internal/enrol"
	"sallyport/internal/outbox"
	"sallyport/internal/policy"
	"sallyport/internal/store"
)

// PassLife is how long a temporary pass works when nobody says otherwise, PassMost
// how long at most (decision 7.19).
const (
	PassLife = time.Hour
	PassMost = 8 * time.Hour
)

// Pass is a temporary pass as it is shown, once, to whoever made it: to be told to
// the person by another way than mail.
type Pass struct {
	User core.User
	Code string
	Till time.Time
}

// CheckPass says whether the actor may make a pass for somebody. Nobody makes one
// for themselves, and whoever has no password yet, or proves themselves elsewhere,
// could not use it.
func (s *Service) CheckPass(ctx context.Context, id core.UserID, life time.Duration, by access.Actor) (core.User, policy.Effective, error) {
	u, eff, err := s.Tree.Person(ctx, by, access.MakePass, id)
	switch {
	case err != nil:
		return u, eff, err
	case string(id) == by.ID():
		return u, eff, core.NewFault(core.KindConflict, "user.yourself")
	case u.Kind != core.Person || u.Federated || u.State != core.UserActive && u.State != core.UserValidated:
		return u, eff, core.NewFault(core.KindConflict, "pass.not_possible").With("state", string(u.State))
	case eff.Disabling():
		return u, eff, enrol.ErrDisabling
	case life < 0 || life > PassMost:
		return u, eff, core.Invalid("pass.too_long", "hours", int(PassMost/time.Hour))
	}
	return u, eff, nil
}

// MakePass makes a temporary pass for somebody who is locked out: it works once,
// beside the password, and lets them set up a second factor and nothing else. A
// newer one kills it. The audit row has both names, and the person is told by mail
// that there is one, never what it is.
func (s *Service) MakePass(ctx context.Context, id core.UserID, life time.Duration, by access.Actor, c core.Client) (Pass, error) {
	if _, _, err := s.CheckPass(ctx, id, life, by); err != nil {
		return Pass{}, err
	}
	u, eff, err := s.proved(ctx, id, by, access.MakePass)
	if err != nil {
		return Pass{}, err
	}
	if life == 0 {
		life = PassLife
	}
	out := Pass{User: u}
	err = s.Store.Update(ctx, u.Tenant, func(tx store.Tx) error {
		if _, err := tx.SupersedeTokens(id, core.TokenPass); err != nil {
			return err
		}
		code, hash, err := s.Enrol.NewPass(u)
		if err != nil {
			return err
		}
		out.Code, out.Till = code, tx.Now().Add(life)
		if err := tx.InsertToken(core.Token{Hash: hash, Kind: core.TokenPass, Tenant: u.Tenant, User: id, Bound: by.ID(), CreatedAt: tx.Now(), ExpiresAt: out.Till}); err != nil {
			return err
		}
		m := outbox.Message{Kind: core.MailPassMade, To: u, Effective: eff, Client: c, Until: out.Till, Args: map[string]string{"by": by.Name()}}
		if err := s.Post.Queue(tx, m); err != nil {
			return err
		}
		return tx.Append(audit.Note(audit.Did(audit.PassMade, by, string(id), c), "until", out.Till.UTC().Format(time.RFC3339)))
	})
	if err != nil {
		return Pass{}, fmt.Errorf("make a pass for %s: %w", id, err)
	}
	return out, nil
}

// WithdrawPass kills a pass that was made and not used.
func (s *Service) WithdrawPass(ctx context.Context, id core.UserID, by access.Actor) (int, error) {
	u, _, err := s.Tree.Person(ctx, by, access.MakePass, id)
	if err != nil {
		return 0, err
	}
	var n int
	err = s.Store.Update(ctx, u.Tenant, func(tx store.Tx) (err error) {
		n, err = tx.SupersedeTokens(id, core.TokenPass)
		return err
	})
	return n, err
}
