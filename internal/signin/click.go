package signin

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"sallyport/internal/core"
	"sallyport/internal/enrol"
	"sallyport/internal/factor/totp"
	"sallyport/internal/session"
	"sallyport/internal/store"
)

// clickLife is within what time a form that comes twice is a double click.
const clickLife = time.Minute

// purposeClick keys the hash by which a click is recognised.
const purposeClick = "click"

// A double click in a browser without scripts sends a form twice, and shows only
// what the second request is answered. Both come with the token that the first
// one replaces. If the second were past its guard by then and had a token made
// for it as well, the two answers would race for the one cookie, and the browser
// could be left with the dead one of two. So the first one's token is kept for a
// moment, sealed, and whoever comes with the same old token, the same answer to
// the same form and the same device is handed that one. Nobody else is: the old
// token has ended with the rise (row A-13).

// press is what one press of a button is recognised by. What was typed may be
// left out where it was checked by itself; a password must be.
func (me Self) press(form, typed string) []byte {
	return []byte(strings.Join([]string{form, string(me.Session.ID), string(me.Session.TokenHash), strings.ToUpper(strip(typed)), me.Device}, "\x00"))
}

// raised is what a form that raises a session leads to.
type raised struct {
	session.Opened
	Reveal   bool
	Replaced bool
}

// clicked is a press that is being honoured.
type clicked struct {
	s    *Service
	mark []byte
}

// ask has the gate keep what this press led to.
func (c clicked) ask(a session.Ask, out raised) session.Ask {
	a.Click = session.Click{Mark: c.mark, Seal: func(o session.Opened) ([]byte, error) {
		return c.s.sealOutcome(o.Session.Tenant, string(o.Session.ID), outcome{Token: o.Token, Reveal: out.Reveal, Replaced: out.Replaced})
	}}
	return a
}

// raising is own for a form that raises the session: the second request of one
// press gets what the first one got, in out, and fn is not called.
func (s *Service) raising(ctx context.Context, me Self, press []byte, out *raised, fn func(store.Tx, clicked, core.Session, core.User, []core.Factor) error) error {
	mark, err := s.Ring.KeyedHash(purposeClick, press)
	if err != nil {
		return err
	}
	return s.reread(ctx, me, func(tx store.Tx, sess core.Session, u core.User, factors []core.Factor) error {
		*out = raised{}
		if me.holds(sess) {
			return fn(tx, clicked{s, mark}, sess, u, factors)
		}
		return s.late(sess, press, tx.Now(), out)
	})
}

// late answers a request whose token was replaced while it was under way: with
// what the same press led to a moment ago, if it was this one that gave the
// session its token, and else not at all.
func (s *Service) late(sess core.Session, press []byte, now time.Time, out *raised) error {
	if now.Sub(sess.RotatedAt) >= clickLife {
		return core.ErrNoSession
	}
	o, ok := s.outcomeOf(sess.Doc.Click, press, sess.Tenant, string(sess.ID))
	if !ok {
		return core.ErrNoSession
	}
	*out = raised{session.Opened{Session: sess, Token: o.Token}, o.Reveal, o.Replaced}
	return nil
}

// Raised is what this very form of a person led to, where another request of the
// same click has done with it; false when there was none, or too long ago.
func (s *Service) Raised(ctx context.Context, me Self, code string) (session.Opened, bool, error) {
	var out raised
	err := s.raising(ctx, me, me.press("step-up", code), &out, func(store.Tx, clicked, core.Session, core.User, []core.Factor) error { return nil })
	if errors.Is(err, core.ErrNoSession) {
		return session.Opened{}, false, nil
	}
	return out.Opened, out.Token != "", err
}

// repeats reports whether a code is the one that this very session gave a moment
// ago: a form that was sent again by a browser which has the new token already.
// Its answer must not be "used already" (decision 7.3), and nothing rises.
func (s *Service) repeats(sess core.Session, factors []core.Factor, typed string, tx store.Tx) (bool, error) {
	for _, f := range factors {
		if f.Kind != core.FactorTOTP || f.State != core.FactorConfirmed || tx.Now().Sub(f.LastUsedAt) > clickLife {
			continue
		}
		for _, p := range sess.Doc.Proofs {
			if p.ID != f.ID || !p.At.Equal(f.LastUsedAt) {
				continue
			}
			plain, err := s.Enrol.Open(f)
			if err != nil {
				return false, err
			}
			r := totp.Match(plain, strip(typed), tx.Now(), f.LastStep, enrol.ParamsOf(f.Doc))
			return r.Replayed() && r.Step == f.LastStep, nil
		}
	}
	return false, nil
}

// pageOf is what a press of the button behind a link is recognised by: the link
// and the page it stood on. The password is checked by itself.
func pageOf(l Link, page string) []byte {
	return []byte("link\x00" + string(l.Token.Hash) + "\x00" + page)
}

func (s *Service) markOf(l Link, page string) ([]byte, error) {
	if page == "" {
		return nil, nil
	}
	return s.Ring.KeyedHash(purposeClick, pageOf(l, page))
}

// keepBegun keeps what a click on a link began: an attempt, and the cookie that
// opens it.
func (s *Service) keepBegun(a *core.Attempt, step Step, browser string) (err error) {
	if len(a.Doc.Click.Mark) == 0 {
		return nil
	}
	a.Doc.Click.Outcome, err = s.sealOutcome(a.Tenant, string(a.ID), outcome{Step: step, Attempt: a.ID, Browser: browser})
	return err
}

// clickedLink hands fn a link that was used within the life of a click; fn says
// whether it was by this one. It reads in the transactions' own line: the first
// request may have spent the link and not be committed yet, which a reader would
// not see.
func (s *Service) clickedLink(ctx context.Context, l Link, page string, fn func(store.Tx, core.Token) (bool, error)) (is bool, err error) {
	if page == "" {
		return false, nil
	}
	err = s.Store.Update(ctx, l.User.Tenant, func(tx store.Tx) error {
		is = false
		t, err := tx.Token(l.Token.Hash)
		if errors.Is(err, core.ErrNotFound) {
			return nil
		}
		if err == nil && !t.UsedAt.IsZero() && tx.Now().Sub(t.UsedAt) < clickLife {
			is, err = fn(tx, t)
		}
		return err
	})
	return is && err == nil, err
}

// spentBy answers the second request of the click that spent a link with what it
// began, if that is alive and where it was, and with the password as it is now.
func (s *Service) spentBy(ctx context.Context, l Link, page string) (o outcome, p core.Password, again bool, err error) {
	again, err = s.clickedLink(ctx, l, page, func(tx store.Tx, t core.Token) (bool, error) {
		var c core.Click
		var sess core.Session
		a, err := tx.Attempt(core.AttemptID(t.Bound))
		if err == nil && a.DoneAt.IsZero() && tx.Now().Before(a.ExpiresAt) {
			c = a.Doc.Click
		}
		if errors.Is(err, core.ErrNotFound) {
			if sess, err = tx.Session(core.SessionID(t.Bound)); err == nil && sess.Live(tx.Now()) {
				c = sess.Doc.Click
			}
		}
		if err != nil && !errors.Is(err, core.ErrNotFound) {
			return false, err
		}
		var is bool
		if o, is = s.outcomeOf(c, pageOf(l, page), t.Tenant, t.Bound); !is {
			return false, nil
		}
		o.Session = sess
		if p, err = tx.Password(l.User.ID); errors.Is(err, core.ErrNotFound) {
			err = nil // the operator's link of somebody who has none yet
		}
		return true, err
	})
	return o, p, again, err
}

// spentWith is spentBy where a password was set: it must be the same one, or somebody
// would believe that another one was set. That is no guess: the page's own word
// comes first, and nobody has it but who spent the link.
func (s *Service) spentWith(ctx context.Context, l Link, typed, page string, v Visitor) (Result, bool, error) {
	o, p, again, err := s.spentBy(ctx, l, page)
	if err != nil || !again {
		return Result{}, false, err
	}
	if again, _, err = s.Hasher.Check(ctx, v.lane(), p.Hash, typed); err != nil || !again {
		return Result{}, false, busy(err)
	}
	return o.result(), true, nil
}

// provedBy reports whether it was this press that showed the mailbox with a link.
// There is nothing to hand over: the sign-in goes on elsewhere.
func (s *Service) provedBy(ctx context.Context, l Link, page string) (bool, error) {
	return s.clickedLink(ctx, l, page, func(tx store.Tx, t core.Token) (bool, error) {
		a, err := tx.Attempt(core.AttemptID(t.Bound))
		mark := a.Doc.ProvedBy
		if errors.Is(err, core.ErrNotFound) {
			var sess core.Session
			sess, err = tx.Session(core.SessionID(t.Bound))
			mark = sess.Doc.ProvedBy
		}
		if errors.Is(err, core.ErrNotFound) {
			return false, nil
		}
		return err == nil && len(mark) > 0 && s.Ring.CheckKeyedHash(purposeClick, pageOf(l, page), mark), err
	})
}

// outcome is what a finished step answers once more to the second request of a
// double click. It is sealed.
type outcome struct {
	Step     Step           `json:"step,omitempty"` // of an attempt that goes on
	Attempt  core.AttemptID `json:"attempt,omitempty"`
	Browser  string         `json:"browser,omitempty"`
	Session  core.Session   `json:"session,omitzero"`
	Token    string         `json:"token,omitempty"`
	Device   string         `json:"device,omitempty"`
	ReturnTo string         `json:"return_to,omitempty"`
	Reveal   bool           `json:"reveal,omitempty"`
	Between  Between        `json:"between,omitempty"`
	Replaced bool           `json:"replaced,omitempty"`
}

func (o outcome) result() Result {
	if o.Attempt != "" {
		return Result{Step: o.Step, Attempt: o.Attempt, Browser: o.Browser}
	}
	return Result{Step: StepDone, Device: o.Device, ReturnTo: o.ReturnTo, Between: o.Between, Opened: &session.Opened{Session: o.Session, Token: o.Token}}
}

func (s *Service) sealOutcome(t core.TenantID, id string, o outcome) ([]byte, error) {
	plain, err := json.Marshal(o)
	if err != nil {
		return nil, err
	}
	return s.Ring.Seal(plain, string(t), "outcome", id)
}

// outcomeOf opens what a click left for the same press, and for no other.
func (s *Service) outcomeOf(c core.Click, press []byte, t core.TenantID, id string) (o outcome, ok bool) {
	if len(c.Mark) == 0 || !s.Ring.CheckKeyedHash(purposeClick, press, c.Mark) {
		return outcome{}, false
	}
	return s.openOutcome(c.Outcome, t, id)
}

func (s *Service) openOutcome(sealed []byte, t core.TenantID, id string) (o outcome, ok bool) {
	plain, err := s.Ring.Open(sealed, string(t), "outcome", id)
	if err != nil {
		return outcome{}, false
	}
	return o, json.Unmarshal(plain, &o) == nil
}
