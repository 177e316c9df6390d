package support

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"sallyport/internal/access"
	"sallyport/internal/audit"
	"sallyport/internal/core"
	"sallyport/internal/directory"
	"sallyport/internal/outbox"
	"sallyport/internal/policy"
	"sallyport/internal/secret"
	"sallyport/internal/session"
	"sallyport/internal/store"
)

// ReasonMost is how long a reason may be, in characters.
const ReasonMost = 200

// Service holds what acting and support access need.
type Service struct {
	Store store.Store
	Tree  *directory.Tree
	Post  *outbox.Post
	Now   func() time.Time
}

// Dry is the same service for a dry run: every refusal comes as it would, and
// nothing is written.
func (s *Service) Dry() *Service { return s.On(store.Dry(s.Store)) }

// On is the same service on another view of its store.
func (s *Service) On(st store.Store) *Service {
	out := *s
	out.Store = st
	return &out
}

// Live is somebody who acts in an organisation, as its administrators see it.
type Live struct {
	Session core.SessionID
	In      core.TenantID // the organisation itself, or one below it
	User    core.User
	From    string // the organisation that they belong to
	Reason  string
	Since   time.Time
	Until   time.Time
}

// Banner is what stands on every page of somebody who acts.
type Banner struct {
	Who          string
	From         string
	Organisation string
	Reason       string
	Since        time.Time
	Until        time.Time
}

// ErrClosed refuses who has the right to act in an organisation and finds support
// access closed, there or on the way.
var ErrClosed = core.NewFault(core.KindForbidden, "support.closed")

// Check finds an organisation that the actor may act in, and asks for the proof
// that it needs.
func (s *Service) Check(ctx context.Context, by access.Actor, in core.TenantID) (access.Place, policy.Effective, error) {
	if by.Acting != nil {
		return access.Place{}, policy.Effective{}, session.ErrActing
	}
	at, eff, err := s.Tree.On(ctx, by, access.ActAs, in)
	if err != nil {
		return at, eff, err
	}
	own, ok := at.Own()
	switch {
	case !ok || own.Path != at.Path:
		return at, eff, core.Invalid("tenant.no_organisation")
	case by.AtHome(at):
		return at, eff, core.NewFault(core.KindConflict, "support.own")
	case !by.MayActIn(at):
		return at, eff, ErrClosed
	case eff.Suspended != nil:
		return at, eff, core.ErrTenantSuspended.With("by", eff.Suspended.Name)
	}
	return at, eff, s.prove(ctx, by, in)
}

func (s *Service) prove(ctx context.Context, by access.Actor, in core.TenantID) error {
	enrolled := false
	err := s.Store.View(ctx, in, func(r store.Reader) error {
		n, err := r.Counts()
		enrolled = n[core.StandingEnrolled] > 0
		return err
	})
	if err != nil {
		return err
	}
	return by.Prove(s.Now(), enrolled)
}

// CheckReason says what is wrong with a reason, and returns it as it is kept.
func CheckReason(reason string) (string, error) {
	reason = strings.Join(strings.Fields(strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == utf8.RuneError {
			return ' '
		}
		return r
	}, reason)), " ")
	switch n := utf8.RuneCountInString(reason); {
	case n == 0:
		return "", core.Invalid("support.reason_required")
	case n > ReasonMost:
		return "", core.Invalid("support.reason_too_long", "max", ReasonMost)
	}
	return reason, nil
}

// Begin makes the session in which somebody acts as an organisation's
// administrator. Its token takes the place of the one that the browser has; the
// session that it came from stays, and End gives it back.
func (s *Service) Begin(ctx context.Context, cur session.Current, in core.TenantID, reason string, c core.Client) (session.Opened, error) {
	by, err := s.Tree.Actor(ctx, cur)
	if err != nil {
		return session.Opened{}, fmt.Errorf("act in %s: %w", in, err)
	}
	_, eff, err := s.Check(ctx, by, in)
	if err == nil {
		reason, err = CheckReason(reason)
	}
	if err != nil {
		return session.Opened{}, fmt.Errorf("act in %s: %w", in, err)
	}
	var out session.Opened
	err = s.Store.Update(ctx, cur.Session.Tenant, func(tx store.Tx) error {
		sess, u, factors, err := own(tx, cur)
		if err != nil {
			return err
		}
		if err := mayAct(tx, u, in); err != nil {
			return err
		}
		ask := session.Ask{User: u, Factors: factors, Effective: cur.Effective, Proofs: sess.Doc.Proofs, Client: c,
			Doc:    core.SessionDoc{Browser: sess.Doc.Browser, Asleep: sess.Doc.Asleep, MailProved: sess.Doc.MailProved, LastBefore: sess.Doc.LastBefore},
			Acting: &session.Acting{In: in, Reason: reason, From: sess.ID}}
		if out, err = session.Open(tx, ask); err != nil {
			return err
		}
		return s.tell(tx, u, cur.Effective, in, eff, reason, c)
	})
	if err != nil {
		return session.Opened{}, fmt.Errorf("act in %s: %w", in, err)
	}
	return out, nil
}

// own reads the session that a request came with inside its transaction: one that
// ended, or whose token was replaced meanwhile, does nothing.
func own(tx store.Tx, cur session.Current) (core.Session, core.User, []core.Factor, error) {
	sess, err := tx.Session(cur.Session.ID)
	if err != nil || !sess.EndedAt.IsZero() || sess.User != cur.User.ID || !secret.Equal(sess.TokenHash, cur.Session.TokenHash) {
		return sess, core.User{}, nil, errors.Join(core.ErrNoSession, unavailable(err))
	}
	u, err := tx.User(sess.User)
	if err != nil {
		return sess, u, nil, err
	}
	factors, err := tx.Factors(u.ID)
	return sess, u, factors, err
}

// unavailable is an error that is more than "there is none".
func unavailable(err error) error {
	if errors.Is(err, core.ErrNotFound) {
		return nil
	}
	return err
}

// mayAct asks once more, with the tree and the roles as the transaction sees them.
func mayAct(r store.Reader, u core.User, in core.TenantID) error {
	line, err := r.LineOf(in)
	if err != nil {
		return err
	}
	return mayActAt(r, u, access.PlaceOf(line))
}

func mayActAt(r store.Reader, u core.User, at access.Place) error {
	roles, err := r.RolesHeldBy(u.ID)
	if err != nil {
		return err
	}
	grants, err := directory.GrantsIn(r, roles)
	if err != nil {
		return err
	}
	if !(access.Actor{User: u, Grants: grants}).MayActIn(at) {
		return ErrClosed
	}
	return nil
}

// tell mails the organisation's administrators that somebody acts as one.
func (s *Service) tell(tx store.Tx, u core.User, home policy.Effective, in core.TenantID, eff policy.Effective, reason string, c core.Client) error {
	all, err := tx.Administrators(in)
	if err != nil {
		return err
	}
	for _, a := range all {
		if a.ID == u.ID {
			continue
		}
		err := s.Post.Queue(tx, outbox.Message{Kind: core.MailActing, To: a, Effective: eff, Client: c,
			Args: map[string]string{"by": u.Name, "from": home.Name(), "reason": reason}})
		if err != nil {
			return err
		}
	}
	return nil
}

// End ends acting. The session that it came from goes on with a new token; there
// is none (an empty token) where that one has ended meanwhile, and then the way
// leads to the door.
func (s *Service) End(ctx context.Context, cur session.Current, c core.Client) (session.Opened, error) {
	if cur.Session.ActingIn == "" {
		return session.Opened{}, core.NewFault(core.KindConflict, "support.not_acting")
	}
	var out session.Opened
	err := s.Store.Update(ctx, cur.Session.Tenant, func(tx store.Tx) error {
		out = session.Opened{}
		_, u, factors, err := own(tx, cur)
		if err != nil {
			return err
		}
		// A double click begins twice; whoever goes back is done with both.
		all, err := tx.Sessions(u.ID)
		if err != nil {
			return err
		}
		for _, other := range all {
			if other.ActingIn == "" || other.Doc.From != cur.Session.Doc.From {
				continue
			}
			if err := session.EndActing(tx, other, session.WhyActed, c); err != nil {
				return err
			}
		}
		from, err := tx.Session(cur.Session.Doc.From)
		if errors.Is(err, core.ErrNotFound) || err == nil && !from.Live(tx.Now()) {
			return nil
		}
		if err != nil {
			return err
		}
		out, err = session.Raise(tx, from, session.Ask{User: u, Factors: factors, Effective: cur.Effective, Client: c, Doc: from.Doc})
		if _, refused := core.AsFault(err); refused {
			out = session.Opened{}
			return nil // acting ends all the same
		}
		return err
	})
	if err != nil {
		return session.Opened{}, fmt.Errorf("end acting in %s: %w", cur.Session.ActingIn, err)
	}
	return out, nil
}

// Banner is what the pages of somebody who acts say; ok is false for everybody
// else.
func (s *Service) Banner(ctx context.Context, cur session.Current) (b Banner, ok bool, err error) {
	if cur.Session.ActingIn == "" {
		return b, false, nil
	}
	in, err := s.Tree.Effective(ctx, cur.Session.ActingIn)
	if err != nil {
		return b, false, err
	}
	return Banner{Who: cur.User.Name, From: cur.Effective.Name(), Organisation: in.Name(), Reason: cur.Session.Doc.Reason,
		Since: cur.Session.CreatedAt, Until: cur.Session.ExpiresAt}, true, nil
}

// Acting lists who acts in an organisation or below it at this moment, for those
// who may close it or read its log.
func (s *Service) Acting(ctx context.Context, id core.TenantID, by access.Actor) ([]Live, error) {
	p := access.SupportAccess
	if at, err := s.Tree.Place(ctx, id); err == nil && !by.Can(p, at) {
		p = access.ViewAudit
	}
	if _, _, err := s.Tree.On(ctx, by, p, id); err != nil {
		return nil, err
	}
	var all []store.Acting
	err := s.Store.View(ctx, id, func(r store.Reader) (err error) {
		all, err = r.Acting()
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("who acts in %s: %w", id, err)
	}
	return s.live(ctx, all)
}

func (s *Service) live(ctx context.Context, all []store.Acting) ([]Live, error) {
	out := make([]Live, 0, len(all))
	for _, a := range all {
		if !a.Session.Live(s.Now()) {
			continue
		}
		home, err := s.Tree.Effective(ctx, a.User.Tenant)
		if err != nil {
			return nil, err
		}
		out = append(out, Live{Session: a.Session.ID, In: a.Session.ActingIn, User: a.User, From: home.Name(), Reason: a.Session.Doc.Reason,
			Since: a.Session.CreatedAt, Until: a.Session.ExpiresAt})
	}
	return out, nil
}

// EndOne ends what somebody from above does in an organisation, at its wish.
func (s *Service) EndOne(ctx context.Context, id core.TenantID, one core.SessionID, by access.Actor, c core.Client) error {
	if _, _, err := s.Tree.On(ctx, by, access.SupportAccess, id); err != nil {
		return err
	}
	err := s.Store.Update(ctx, id, func(tx store.Tx) error {
		all, err := tx.Acting()
		if err != nil {
			return err
		}
		for _, a := range all {
			if a.Session.ID == one {
				return ended(tx, []core.Session{a.Session}, session.WhyActed, by, c, nil)
			}
		}
		return core.ErrNotFound
	})
	if err != nil {
		return fmt.Errorf("end acting in %s: %w", id, err)
	}
	return nil
}

func ended(tx store.Tx, list []core.Session, why string, by access.Actor, c core.Client, n *int) error {
	k, err := session.EndThoseActing(tx, list, why, func(s core.Session) core.Event { return audit.Did(audit.ActingEnded, by, string(s.User), c) })
	if n != nil {
		*n = k
	}
	return err
}
