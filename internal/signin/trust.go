package signin

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	"sallyport/internal/audit"
	"sallyport/internal/core"
	"sallyport/internal/outbox"
	"sallyport/internal/policy"
	"sallyport/internal/session"
	"sallyport/internal/store"
)

// TrustQuestion is what the page asks: whether this browser is to be excused from
// the code, for how many days (0: without an end), and until when that would be.
type TrustQuestion struct {
	Browser core.Browser
	Days    int
	Until   time.Time // zero: without an end
}

// AskTrust is the question that stands between, if one does.
func (s *Service) AskTrust(ctx context.Context, me Self) (q TrustQuestion, ok bool, err error) {
	err = s.Store.View(ctx, me.Session.Tenant, func(r store.Reader) error {
		ok = false
		if !asks(me.Session.Doc, BetweenTrust, r.Now()) {
			return nil
		}
		var who policy.Person
		if who, err = session.Who(r, me.User, nil, me.Effective); err != nil {
			return err
		}
		if q.Days, ok = policy.OffersTrust(who, me.Effective); ok && q.Days > 0 {
			q.Until = r.Now().Add(time.Duration(q.Days) * day)
		}
		q.Browser = core.Browser{Agent: me.AgentShort(), Place: me.Where()}
		return nil
	})
	return q, ok, err
}

// Trust answers the question. Yes binds this person and this browser: its own
// secret must be among those that the request brought, so that a session that was
// carried elsewhere trusts nothing there.
func (s *Service) Trust(ctx context.Context, me Self, yes bool) (Onward, error) {
	on, _, err := s.answer(ctx, me, BetweenTrust, func(tx store.Tx, doc *core.SessionDoc, u core.User, factors []core.Factor) error {
		doc.TrustUntil = time.Time{}
		who, err := session.Who(tx, u, factors, me.Effective)
		if err != nil {
			return err
		}
		days, ok := policy.OffersTrust(who, me.Effective)
		if !yes || !ok {
			return nil // not offered any more is a no
		}
		all, err := tx.Browsers(u.ID)
		if err != nil {
			return err
		}
		i := slices.IndexFunc(all, func(b core.Browser) bool { return b.ID == doc.Browser && me.has(b) })
		if i < 0 {
			return core.Invalid("browser.unknown")
		}
		b := all[i]
		b.TrustedAt, b.TrustedUntil, b.Place, b.Agent = tx.Now(), time.Time{}, me.Where(), me.AgentShort()
		if days > 0 {
			b.TrustedUntil = tx.Now().Add(time.Duration(days) * day)
		}
		if err := tx.TrustBrowser(b); err != nil {
			return fmt.Errorf("trust browser %s: %w", b.ID, err)
		}
		m := outbox.Message{Kind: core.MailBrowserTrusted, To: u, Effective: me.Effective, Client: me.Client, Until: b.TrustedUntil}
		if err := s.Post.Queue(tx, m); err != nil {
			return err
		}
		return tx.Append(audit.Count(audit.Note(audit.By(audit.BrowserTrusted, u.ID, me.Client), "browser", string(b.ID)), "days", days))
	})
	return on, err
}

// Forget takes the trust from some of the person's browsers, or from all when none
// is named. It asks for a fresh proof by a factor; how many were trusted is
// returned, and none is no error: a second click finds none.
func (s *Service) Forget(ctx context.Context, me Self, ids ...core.BrowserID) (n int, err error) {
	err = s.own(ctx, me, func(tx store.Tx, sess core.Session, u core.User, factors []core.Factor) error {
		if err := s.fresh(me, sess, u, factors, false); err != nil {
			return err
		}
		n, err = s.forget(tx, u, me.Effective, sess.ID, me.Client, ids...)
		return err
	})
	return n, err
}

// forget takes trust away, with all that leans on it: sign-ins under way and
// sessions that came about by it.
func (s *Service) forget(tx store.Tx, u core.User, eff policy.Effective, keep core.SessionID, c core.Client, ids ...core.BrowserID) (int, error) {
	n, err := tx.Untrust(u.ID, ids...)
	if err != nil || n == 0 {
		return n, err
	}
	if _, err := session.EndTrusting(tx, u.ID, keep, audit.By(audit.SessionRevoked, u.ID, c), ids...); err != nil {
		return n, err
	}
	if err := s.Post.Queue(tx, outbox.Message{Kind: core.MailBrowsersForgot, To: u, Effective: eff, Client: c, Args: map[string]string{"count": strconv.Itoa(n)}}); err != nil {
		return n, err
	}
	return n, tx.Append(audit.Count(audit.By(audit.BrowsersUntrusted, u.ID, c), "browsers", n))
}

// Trusting is a browser that a person trusts, as pages list it.
type Trusting struct {
	core.Browser
	Until time.Time // zero: without an end
	This  bool
}

// Trusted lists the browsers that a person trusts and that this organisation
// still excuses; the one that asks first, then the last used.
func (s *Service) Trusted(ctx context.Context, me Self) (out []Trusting, err error) {
	err = s.Store.View(ctx, me.Session.Tenant, func(r store.Reader) error {
		out = nil
		all, err := r.Browsers(me.User.ID)
		for _, b := range all {
			until, ok := policy.TrustEnds(b, me.Effective, r.Now())
			if !ok {
				continue
			}
			t := Trusting{b, until, me.has(b)}
			if t.This {
				out = append([]Trusting{t}, out...)
			} else {
				out = append(out, t)
			}
		}
		return err
	})
	return out, err
}
