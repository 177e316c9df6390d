package bench

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/app"
	"sallyport/internal/core"
	"sallyport/internal/directory"
	"sallyport/internal/factor/password"
	"sallyport/internal/factor/totp"
	"sallyport/internal/secret"
	"sallyport/internal/store"
)

const passphrase = "four loaves and a jug of water"

// person is somebody who can sign in, with what lies on their side: the app's
// secret and the cookie of a browser that is known already.
type person struct {
	login  string
	secret []byte
	device string
	next   atomic.Int64 // the first time step whose code was not used
}

// code is the next unused code, or errSpent. One step behind is used only while
// there is time to bring it there.
func (p *person) code(now time.Time) (string, error) {
	params := totp.DefaultParams()
	current := totp.StepAt(now, params.Period)
	first := current
	if now.Unix()%int64(params.Period) < int64(params.Period)-10 {
		first--
	}
	for {
		had := p.next.Load()
		step := max(had, first)
		if step > current+1 {
			return "", errSpent
		}
		if p.next.CompareAndSwap(had, step+1) {
			return totp.Code(p.secret, step, params), nil
		}
	}
}

// crowd is a number of people of one kind. They take turns.
type crowd struct {
	people []*person
	turn   atomic.Int64
}

func (c *crowd) someone() *person {
	return c.people[int((c.turn.Add(1)-1)%int64(len(c.people)))]
}

// hashed is how many people get which password hash.
type hashed struct {
	count int
	phc   string
}

// batch is how many people one transaction brings.
const batch = 500

// seed brings people into a house, in an organisation of their own: password,
// confirmed authenticator app, saved recovery code, one known browser. It returns
// a crowd for each of kinds.
func seed(ctx context.Context, h *app.House, workers int, kinds ...hashed) ([]*crowd, error) {
	root, _, err := h.EnsurePlatform(ctx, "Bench", access.System())
	if err != nil {
		return nil, err
	}
	org, err := h.Directory.CreateTenant(ctx, directory.NewTenant{Kind: core.Customer, Parent: root.ID, Name: "Bench GmbH",
		Settings: core.SettingsDoc(`{"requirement":["organization"]}`)}, access.System(), core.Client{})
	if err != nil {
		return nil, err
	}
	var out []*crowd
	for k, kind := range kinds {
		c := &crowd{people: make([]*person, kind.count)}
		out = append(out, c)
		var at atomic.Int64
		var wait sync.WaitGroup
		failed := make([]error, workers)
		for w := range workers {
			wait.Add(1)
			go func() {
				defer wait.Done()
				for failed[w] == nil {
					from := int(at.Add(batch)) - batch
					if from >= kind.count {
						return
					}
					part := c.people[from:min(from+batch, kind.count)]
					failed[w] = h.Store.Update(ctx, org.ID, func(tx store.Tx) error {
						for i := range part {
							p, err := bring(tx, h.Ring, fmt.Sprintf("person.%d.%d@bench.example", k, from+i), kind.phc)
							if err != nil {
								return err
							}
							part[i] = p
						}
						return nil
					})
				}
			}()
		}
		wait.Wait()
		for _, err := range failed {
			if err != nil {
				return nil, fmt.Errorf("seed people: %w", err)
			}
		}
	}
	return out, nil
}

// bring makes one account as if its owner had enrolled an hour ago.
func bring(tx store.Tx, ring *secret.Ring, login, phc string) (*person, error) {
	now := tx.Now()
	p := &person{login: login, secret: totp.NewSecret(), device: secret.Token()}
	u := core.User{ID: core.UserID(secret.NewID(core.PrefixUser, now)), Tenant: tx.TenantID(), Kind: core.Person, State: core.UserActive,
		Login: login, LoginKey: login, Name: "Somebody", Email: login, EmailKey: login, LastSignInAt: now, AwakeAt: now, CreatedAt: now, ChangedAt: now, ValidatedAt: now}
	if err := tx.InsertUser(u); err != nil {
		return nil, err
	}
	if err := tx.SetPassword(u.ID, core.Password{Hash: phc, Length: password.Class(len(passphrase)), SetAt: now}); err != nil {
		return nil, err
	}
	if err := tx.InsertBrowser(core.Browser{ID: core.BrowserID(secret.NewID(core.PrefixBrowser, now)), User: u.ID, Tenant: u.Tenant,
		Hash: secret.TokenHash(p.device), Agent: "Firefox", SeenAt: now, CreateAt: now}); err != nil {
		return nil, err
	}
	params := totp.DefaultParams()
	f := core.Factor{ID: core.FactorID(secret.NewID(core.PrefixFactor, now)), Tenant: u.Tenant, User: u.ID, Kind: core.FactorTOTP,
		State: core.FactorConfirmed, CreatedAt: now, ConfirmedAt: now, Doc: core.FactorDoc{Digits: params.Digits, Period: params.Period,
			Skew: params.Skew, Algorithm: params.Algorithm, Issuer: "Bench GmbH", Account: login, Source: "bench"}}
	var err error
	if f.Secret, err = ring.Seal(p.secret, string(f.Tenant), "factor", string(f.ID)); err != nil {
		return nil, err
	}
	if err := tx.InsertFactor(f); err != nil {
		return nil, err
	}
	code := core.Factor{ID: core.FactorID(secret.NewID(core.PrefixFactor, now)), Tenant: u.Tenant, User: u.ID, Kind: core.FactorRecoveryCode,
		State: core.FactorConfirmed, CreatedAt: now, ConfirmedAt: now}
	if code.Secret, err = ring.KeyedHash("recovery_code", []byte(code.ID)); err != nil {
		return nil, err
	}
	return p, tx.InsertFactor(code)
}
