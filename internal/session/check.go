package session

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"time"

	"sallyport/internal/core"
	"sallyport/internal/policy"
	"sallyport/internal/secret"
	"sallyport/internal/store"
)

// Kept is how many live sessions a node remembers at most; beyond that it reads
// the store, which is slower and just as right.
const Kept = 200_000

// touchEvery is how often a session's last use is written at most.
const touchEvery = time.Minute

// Current is a session as a request sees it.
type Current struct {
	Session   core.Session
	User      core.User
	Effective policy.Effective
}

// Checker answers whether a token is a live session.
type Checker struct {
	store     store.Store
	now       func() time.Time
	fresh     func() bool
	effective func(context.Context, core.TenantID) (policy.Effective, error)
	// MayAct says of a session that acts in another organisation whether it still
	// may; nil refuses them all. It is asked at every check, so that a closed door
	// ends what is going on behind it.
	MayAct func(context.Context, core.Session, core.User) error

	mu      sync.RWMutex
	gen     uint64 // counts what the feed took away
	byHash  map[[32]byte]*entry
	bySess  map[core.SessionID][32]byte
	byUser  map[core.UserID]map[core.SessionID]struct{}
	touches map[core.SessionID]store.Touch

	// The same for the cookies of apps' hosts; see hosted.go.
	hosted  map[[32]byte]*hosted
	hostsBy map[core.SessionID]map[[32]byte]struct{}
	hostsOf map[core.UserID]map[[32]byte]struct{}
}

type entry struct {
	session core.Session
	user    core.User
	seen    time.Time // last use that was noted for writing
}

// NewChecker makes a checker. fresh says whether the change feed is being read;
// Forget must be registered as its listener.
func NewChecker(s store.Store, now func() time.Time, fresh func() bool, effective func(context.Context, core.TenantID) (policy.Effective, error)) *Checker {
	return &Checker{store: s, now: now, fresh: fresh, effective: effective, byHash: map[[32]byte]*entry{}, bySess: map[core.SessionID][32]byte{},
		byUser: map[core.UserID]map[core.SessionID]struct{}{}, touches: map[core.SessionID]store.Touch{},
		hosted: map[[32]byte]*hosted{}, hostsBy: map[core.SessionID]map[[32]byte]struct{}{}, hostsOf: map[core.UserID]map[[32]byte]struct{}{}}
}

// Check finds the live session of a token that came from an address. It errs with
// core.ErrNoSession when there is none, with a core.ErrUnavailable when nobody can
// tell, and with core.ErrOutsideNetwork when the organisation allows no sign-in from
// there (row ACR-30): then the session lives, is told beside the error, and was not
// used.
func (c *Checker) Check(ctx context.Context, token string, from netip.Addr) (Current, error) {
	if token == "" || len(token) > 128 {
		return Current{}, core.ErrNoSession
	}
	var key [32]byte
	copy(key[:], secret.TokenHash(token))
	now := c.now()
	c.mu.RLock()
	gen, e := c.gen, c.byHash[key]
	var known entry
	if e != nil {
		known = *e
	}
	c.mu.RUnlock()
	if e != nil && known.session.Live(now) && c.fresh() {
		return c.use(ctx, key, known, from, now)
	}
	s, u, err := c.store.FindSession(ctx, key[:])
	switch {
	case errors.Is(err, core.ErrNotFound):
		return Current{}, core.ErrNoSession
	case err != nil:
		return Current{}, fmt.Errorf("check session: %w", err)
	case !s.Live(now) || u.State != core.UserActive && u.State != core.UserValidated:
		return Current{}, core.ErrNoSession
	}
	read := entry{session: s, user: u, seen: s.LastSeenAt}
	c.keep(key, read, gen)
	return c.use(ctx, key, read, from, now)
}

func (c *Checker) use(ctx context.Context, key [32]byte, e entry, from netip.Addr, now time.Time) (Current, error) {
	eff, err := c.effective(ctx, e.session.Tenant)
	if err != nil {
		return Current{}, fmt.Errorf("check session: %w", err)
	}
	if eff.Suspended != nil {
		return Current{}, core.ErrNoSession
	}
	if !eff.Settings.LoginNetworks.Allow(from) {
		return Current{Session: e.session, User: e.user, Effective: eff}, Outside(eff, core.Client{Address: from})
	}
	if e.session.ActingIn != "" {
		if c.MayAct == nil {
			return Current{}, core.ErrNoSession
		}
		if err := c.MayAct(ctx, e.session, e.user); err != nil {
			return Current{}, fmt.Errorf("check session: %w", err)
		}
	}
	if now.Sub(e.seen) >= touchEvery {
		e.session.LastSeenAt, e.session.IdleUntil = now, now.Add(idleOf(e.session, eff))
		c.mu.Lock()
		if kept := c.byHash[key]; kept != nil {
			kept.seen, kept.session.LastSeenAt, kept.session.IdleUntil = now, now, e.session.IdleUntil
		}
		c.touches[e.session.ID] = store.Touch{Session: e.session.ID, SeenAt: now, IdleUntil: e.session.IdleUntil}
		c.mu.Unlock()
	}
	return Current{Session: e.session, User: e.user, Effective: eff}, nil
}

// keep remembers what was read, unless the feed took something away since the
// read began: what was read may be what was taken.
func (c *Checker) keep(key [32]byte, e entry, gen uint64) {
	s, u := e.session, e.user
	c.mu.Lock()
	defer c.mu.Unlock()
	if gen != c.gen {
		return
	}
	if old, ok := c.bySess[s.ID]; ok {
		delete(c.byHash, old)
	}
	if len(c.byHash) >= Kept {
		for k, other := range c.byHash { // whichever comes first: being forgotten costs a read, nothing else
			c.drop(k, other)
			break
		}
	}
	c.byHash[key], c.bySess[s.ID] = &e, key
	if c.byUser[u.ID] == nil {
		c.byUser[u.ID] = map[core.SessionID]struct{}{}
	}
	c.byUser[u.ID][s.ID] = struct{}{}
}

func (c *Checker) drop(key [32]byte, e *entry) {
	delete(c.byHash, key)
	delete(c.bySess, e.session.ID)
	if set := c.byUser[e.user.ID]; set != nil {
		delete(set, e.session.ID)
		if len(set) == 0 {
			delete(c.byUser, e.user.ID)
		}
	}
}

// Forget listens to the change feed.
func (c *Checker) Forget(ch core.Change) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.gen++
	c.forgetHosts(ch)
	one := func(id core.SessionID) {
		if key, ok := c.bySess[id]; ok {
			c.drop(key, c.byHash[key])
		}
	}
	switch ch.Kind {
	case core.ChangeSession:
		one(core.SessionID(ch.Key))
	case core.ChangeUser:
		for id := range c.byUser[core.UserID(ch.Key)] {
			one(id)
		}
	case core.ChangeEverything:
		clear(c.byHash)
		clear(c.bySess)
		clear(c.byUser)
	}
}

// Flush writes the uses that were noted since the last flush.
func (c *Checker) Flush(ctx context.Context) error {
	c.mu.Lock()
	batch := make([]store.Touch, 0, len(c.touches))
	for _, t := range c.touches {
		batch = append(batch, t)
	}
	clear(c.touches)
	c.mu.Unlock()
	if len(batch) == 0 {
		return nil
	}
	if err := c.store.TouchSessions(ctx, batch); err != nil {
		c.mu.Lock()
		for _, t := range batch {
			if _, newer := c.touches[t.Session]; !newer {
				c.touches[t.Session] = t
			}
		}
		c.mu.Unlock()
		return fmt.Errorf("write last uses: %w", err)
	}
	return nil
}

// Live is how many sessions this node remembers.
func (c *Checker) Live() int {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return len(c.byHash)
}
