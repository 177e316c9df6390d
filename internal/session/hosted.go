package session

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"sync/atomic"
	"time"

	"sallyport/internal/core"
	"sallyport/internal/policy"
	"sallyport/internal/secret"
	"sallyport/internal/store"
)

// Hosted is the sign-in at an app's host as a request sees it. It is shared between
// requests and nobody changes it.
type Hosted struct {
	Family  core.Family
	Session core.Session
	User    core.User
	Roles   []core.RoleGrant

	memo atomic.Pointer[Memo]
}

// Memo is what a face made of a Hosted, to be made once and not at every request; it
// holds as long as the person stands where they stood.
type Memo struct {
	Path string
	Made any
}

// Memo is what make makes of h for a place.
func (h *Hosted) Memo(path string, make func(*Hosted, string) any) any {
	if m := h.memo.Load(); m != nil && m.Path == path {
		return m.Made
	}
	m := &Memo{path, make(h, path)}
	h.memo.Store(m)
	return m.Made
}

// RolesAt are the roles that a person holds where they stand or above it, each once.
func (h *Hosted) RolesAt(path string) (out []string) {
	seen := map[core.Role]bool{}
	for _, g := range h.Roles {
		if !seen[g.Role] && strings.Contains(path, "/"+string(g.Tenant)+"/") {
			seen[g.Role] = true
			out = append(out, string(g.Role))
		}
	}
	return out
}

type hosted struct {
	*Hosted
	seen, idleUntil time.Time // guarded by the checker
}

func (e *hosted) live(now time.Time) bool {
	s := e.Session
	s.IdleUntil = e.idleUntil
	return e.Family.Live(now) && s.Live(now)
}

// CheckHost finds what the cookie of an app's host stands for, and what holds for its
// person. It errs as Check does.
func (c *Checker) CheckHost(ctx context.Context, token string, from netip.Addr) (*Hosted, policy.Effective, error) {
	if token == "" || len(token) > 128 {
		return nil, policy.Effective{}, core.ErrNoSession
	}
	var key [32]byte
	copy(key[:], secret.TokenHash(token))
	now := c.now()
	c.mu.RLock()
	gen := c.gen
	var e hosted
	if kept := c.hosted[key]; kept != nil {
		e = *kept
	}
	c.mu.RUnlock()
	if e.Hosted == nil || !e.live(now) || !c.fresh() {
		var err error
		if e, err = c.readHost(ctx, key, now, gen); err != nil {
			return nil, policy.Effective{}, err
		}
	}
	eff, err := c.effective(ctx, e.Session.Tenant)
	switch {
	case err != nil:
		return nil, eff, fmt.Errorf("check host: %w", err)
	case eff.Suspended != nil:
		return nil, eff, core.ErrNoSession
	case !eff.Settings.LoginNetworks.Allow(from):
		return e.Hosted, eff, Outside(eff, core.Client{Address: from})
	}
	if now.Sub(e.seen) >= touchEvery {
		c.touchHost(key, e, now, idleOf(e.Session, eff))
	}
	return e.Hosted, eff, nil
}

func idleOf(s core.Session, eff policy.Effective) time.Duration {
	if idle := time.Duration(s.Doc.Idle); idle > 0 {
		return idle
	}
	return time.Duration(eff.Settings.Session.Idle)
}

// touchHost notes that the session was used: whoever works in an app is not idle.
func (c *Checker) touchHost(key [32]byte, e hosted, now time.Time, idle time.Duration) {
	until := now.Add(idle)
	c.mu.Lock()
	defer c.mu.Unlock()
	if kept := c.hosted[key]; kept != nil {
		kept.seen, kept.idleUntil = now, until
	}
	c.touches[e.Session.ID] = store.Touch{Session: e.Session.ID, SeenAt: now, IdleUntil: until}
}

func (c *Checker) readHost(ctx context.Context, key [32]byte, now time.Time, gen uint64) (hosted, error) {
	found, err := c.store.FindHosted(ctx, key[:])
	switch {
	case errors.Is(err, core.ErrNotFound):
		return hosted{}, core.ErrNoSession
	case err != nil:
		return hosted{}, fmt.Errorf("check host: %w", err)
	}
	e := hosted{&Hosted{Family: found.Family, Session: found.Session, User: found.User}, found.Session.LastSeenAt, found.Session.IdleUntil}
	if !e.live(now) || e.User.State != core.UserActive && e.User.State != core.UserValidated || e.Session.ActingIn != "" {
		return hosted{}, core.ErrNoSession
	}
	if e.Roles, err = c.store.RolesOf(ctx, e.User.ID); err != nil {
		return hosted{}, fmt.Errorf("check host: %w", err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if gen != c.gen {
		return e, nil
	}
	if len(c.hosted) >= Kept {
		for k, other := range c.hosted { // whichever comes first, as in keep
			c.dropHost(k, other)
			break
		}
	}
	if old := c.hosted[key]; old != nil {
		c.dropHost(key, old) // it may have been another session's
	}
	kept := e
	c.hosted[key] = &kept
	if c.hostsOf[e.User.ID] == nil {
		c.hostsOf[e.User.ID] = map[[32]byte]struct{}{}
	}
	if c.hostsBy[e.Session.ID] == nil {
		c.hostsBy[e.Session.ID] = map[[32]byte]struct{}{}
	}
	c.hostsOf[e.User.ID][key], c.hostsBy[e.Session.ID][key] = struct{}{}, struct{}{}
	return e, nil
}

func (c *Checker) dropHost(key [32]byte, e *hosted) {
	delete(c.hosted, key)
	if set := c.hostsOf[e.User.ID]; set != nil {
		delete(set, key)
		if len(set) == 0 {
			delete(c.hostsOf, e.User.ID)
		}
	}
	if set := c.hostsBy[e.Session.ID]; set != nil {
		delete(set, key)
		if len(set) == 0 {
			delete(c.hostsBy, e.Session.ID)
		}
	}
}

// forgetHosts is Forget for hosts. The caller holds the lock.
func (c *Checker) forgetHosts(ch core.Change) {
	var keys map[[32]byte]struct{}
	switch ch.Kind {
	case core.ChangeSession:
		keys = c.hostsBy[core.SessionID(ch.Key)]
	case core.ChangeUser:
		keys = c.hostsOf[core.UserID(ch.Key)]
	case core.ChangeEverything:
		clear(c.hosted)
		clear(c.hostsBy)
		clear(c.hostsOf)
	}
	for key := range keys {
		c.dropHost(key, c.hosted[key])
	}
}

// ErrTicket is the answer to a ticket that is not good, whatever the reason.
var ErrTicket = core.NewFault(core.KindForbidden, "proxy.ticket")

// Enter is what a ticket is honoured for.
type Enter struct {
	Family core.FamilyID
	App    core.AppID
	Host   string
	// Browser is a hash of what the browser that began was given, Before the sign-in
	// that it has at this host, if any: the new one takes its place.
	Browser []byte
	Before  core.FamilyID
	Present Present
}

// EnterHost honours a ticket, once, at the host and in the browser that it was made
// for, and returns the token of the cookie. It is no gate: OpenFamily made the ticket.
// A second use is refused and ends nothing: without the browser's own cookie nobody
// gets as far as that.
func EnterHost(tx store.Tx, in Enter) (string, error) {
	f, err := tx.Family(in.Family)
	if err != nil {
		return "", err
	}
	if !f.CodeAt.IsZero() || !f.Live(tx.Now()) || f.App != in.App || f.Doc.Host == "" || f.Doc.Host != in.Host || !secret.Equal(f.Doc.Browser, in.Browser) {
		return "", ErrTicket
	}
	s, err := tx.Session(f.Session)
	if errors.Is(err, core.ErrNotFound) || err == nil && !s.EndedAt.IsZero() {
		return "", ErrTicket
	}
	if err != nil {
		return "", err
	}
	if err := in.Present.check(); err != nil {
		return "", err
	}
	f.Doc.Browser = nil
	f.ExpiresAt = s.ExpiresAt
	if err := tx.ExchangeCode(f); err != nil {
		return "", err
	}
	token := secret.Token()
	if err := tx.InsertHostCookie(secret.TokenHash(token), f.ID); err != nil {
		return "", err
	}
	if in.Before == "" {
		return token, nil
	}
	old, err := tx.Family(in.Before)
	if errors.Is(err, core.ErrNotFound) || err == nil && (old.User != f.User || old.ID == f.ID) {
		return token, nil
	}
	if err == nil {
		err = tx.EndFamily(old.ID, WhyReplaced)
	}
	if err == nil {
		err = tx.Changed(core.ChangeUser, string(f.User))
	}
	return token, err
}
