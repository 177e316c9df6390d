package rollout_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/audit"
	"sallyport/internal/core"
	"sallyport/internal/directory"
	"sallyport/internal/enrol"
	"sallyport/internal/factor/totp"
	"sallyport/internal/rollout"
	"sallyport/internal/secret"
	"sallyport/internal/store"
	"sallyport/internal/testkit/house"
)

// mortal is a store that dies at one of its statements of a transaction, in the midst
// of it: what was written before it in the same transaction is lost, and nothing that
// is asked afterwards is answered.
type mortal struct {
	store.Store
	left int // statements that still go well
	dead bool
}

func (m *mortal) strike() error {
	m.left--
	m.dead = m.dead || m.left < 0
	return m.pulse()
}

func (m *mortal) pulse() error {
	if m.dead {
		return errKilled
	}
	return nil
}

func (m *mortal) View(ctx context.Context, t core.TenantID, fn func(store.Reader) error) error {
	if err := m.pulse(); err != nil {
		return err
	}
	return m.Store.View(ctx, t, fn)
}

func (m *mortal) AllJobs(ctx context.Context, last core.Job, limit int) ([]core.Job, error) {
	if err := m.pulse(); err != nil {
		return nil, err
	}
	return m.Store.AllJobs(ctx, last, limit)
}

func (m *mortal) Update(ctx context.Context, t core.TenantID, fn func(store.Tx) error) error {
	if err := m.pulse(); err != nil {
		return err
	}
	err := m.Store.Update(ctx, t, func(tx store.Tx) error { return fn(&mortalTx{tx, m}) })
	return errors.Join(err, m.pulse())
}

// mortalTx counts the statements that write, and the first of each batch, a read.
type mortalTx struct {
	store.Tx
	m *mortal
}

func (x *mortalTx) Job(t core.TenantID, k core.JobKind) (core.Job, error) {
	if err := x.m.strike(); err != nil {
		return core.Job{}, err
	}
	return x.Tx.Job(t, k)
}

func (x *mortalTx) Untrust(u core.UserID, b ...core.BrowserID) (int, error) {
	if err := x.m.strike(); err != nil {
		return 0, err
	}
	return x.Tx.Untrust(u, b...)
}

func (x *mortalTx) SupersedeTokens(u core.UserID, k core.TokenKind) (int, error) {
	if err := x.m.strike(); err != nil {
		return 0, err
	}
	return x.Tx.SupersedeTokens(u, k)
}

func (x *mortalTx) UpdateFactor(f core.Factor) error {
	return errors.Join(x.m.strike(), ifAlive(x.m, func() error { return x.Tx.UpdateFactor(f) }))
}

func (x *mortalTx) EndAttempts(u core.UserID, a ...core.AttemptID) error {
	return errors.Join(x.m.strike(), ifAlive(x.m, func() error { return x.Tx.EndAttempts(u, a...) }))
}

func (x *mortalTx) QueueMail(m core.Mail) error {
	return errors.Join(x.m.strike(), ifAlive(x.m, func() error { return x.Tx.QueueMail(m) }))
}

func (x *mortalTx) InsertJob(j core.Job) error {
	return errors.Join(x.m.strike(), ifAlive(x.m, func() error { return x.Tx.InsertJob(j) }))
}

func (x *mortalTx) UpdateJob(j core.Job) error {
	return errors.Join(x.m.strike(), ifAlive(x.m, func() error { return x.Tx.UpdateJob(j) }))
}

func (x *mortalTx) EndJob(j core.Job) error {
	return errors.Join(x.m.strike(), ifAlive(x.m, func() error { return x.Tx.EndJob(j) }))
}

func (x *mortalTx) UpdateTenant(t core.Tenant) error {
	return errors.Join(x.m.strike(), ifAlive(x.m, func() error { return x.Tx.UpdateTenant(t) }))
}

func (x *mortalTx) Append(e core.Event) error {
	return errors.Join(x.m.strike(), ifAlive(x.m, func() error { return x.Tx.Append(e) }))
}

func (x *mortalTx) Changed(k core.ChangeKind, key string) error {
	return errors.Join(x.m.strike(), ifAlive(x.m, func() error { return x.Tx.Changed(k, key) }))
}

func ifAlive(m *mortal, fn func() error) error {
	if m.dead {
		return nil // the error was said
	}
	return fn()
}

// doomed is somebody with all that switching off takes away.
type doomed struct {
	*house.Person
	pass string
}

// doom makes one: an app, a recovery code, a browser that is trusted, a temporary pass.
func doom(h *house.House, hash string, where core.Tenant, login string, roles ...core.Role) doomed {
	h.T.Helper()
	id := person(h, where, login)
	u, err := h.Store.FindUser(h.T.Context(), id)
	must(h.T, err)
	for _, r := range roles {
		must(h.T, h.Directory.GrantRole(h.T.Context(), id, r, where.ID, access.System(), core.Client{}))
	}
	d := doomed{Person: h.Whose(u, house.Password)}
	eff, err := h.Tree.Effective(h.T.Context(), where.ID)
	must(h.T, err)
	h.Change(where.ID, func(tx store.Tx) error {
		now := tx.Now()
		plain := totp.NewSecret()
		d.Key = totp.SetupKey(plain)
		f := core.Factor{ID: core.FactorID(secret.NewID(core.PrefixFactor, now)), Tenant: where.ID, User: id, Kind: core.FactorTOTP, State: core.FactorConfirmed,
			CreatedAt: now, ConfirmedAt: now, Doc: core.FactorDoc{Digits: 6, Period: 30, Skew: 1, Algorithm: "SHA1"}}
		sealed, err := h.Ring.Seal(plain, string(f.Tenant), "factor", string(f.ID))
		f.Secret = sealed
		_, codes, codesErr := h.SignIn.Enrol.MakeCodes(tx, u, eff)
		if err := errors.Join(err, codesErr); err != nil {
			return err
		}
		d.Recovery = codes[0]
		pass, passHash, err := h.SignIn.Enrol.NewPass(u)
		d.pass = pass
		return errors.Join(err, tx.InsertFactor(f), tx.SetPassword(id, core.Password{Hash: hash, Length: len(house.Password), SetAt: now}),
			tx.InsertToken(core.Token{Hash: passHash, Kind: core.TokenPass, Tenant: where.ID, User: id, Bound: core.ActorShell, CreatedAt: now, ExpiresAt: now.Add(8 * time.Hour)}),
			tx.InsertBrowser(core.Browser{ID: core.BrowserID(secret.NewID(core.PrefixBrowser, now)), User: id, Tenant: where.ID, Hash: secret.TokenHash(secret.Token()),
				SeenAt: now, CreateAt: now, TrustedAt: now, TrustedUntil: now.Add(24 * time.Hour)}))
	})
	return d
}

// left says what somebody still has of it.
func (d doomed) left(h *house.House) (out []string) {
	p := d.In(h)
	for _, f := range p.History() {
		if f.State != core.FactorRevoked || len(f.Secret) > 0 {
			out = append(out, fmt.Sprintf("%s %s, %d bytes", f.Kind, f.State, len(f.Secret)))
		}
	}
	for _, b := range p.Browsers() {
		if b.Trusted(h.Clock.Now()) || !b.TrustedUntil.IsZero() {
			out = append(out, "a trusted browser")
		}
	}
	h.View(d.Tenant, func(r store.Reader) error {
		all, err := r.Tokens(d.ID, core.TokenPass)
		for _, t := range all {
			if t.State(h.Clock.Now()) == core.TokenGood {
				out = append(out, "a temporary pass")
			}
		}
		return err
	})
	return out
}

// asPeopleMeetIt checks what an organisation that was switched off is to its people,
// whether the job is still at it or not: a password opens everything, no code, recovery
// code or pass is asked for or does anything, nobody can set one up while it goes on,
// and the column of who has one is gone.
func asPeopleMeetIt(t *testing.T, h *house.House, when string, admin doomed, others ...doomed) {
	t.Helper()
	for i, d := range append(others, admin) {
		r := h.Raw(fmt.Sprintf("10.9.%d.1", i))
		if a := d.In(h).Knock(r); !a.In() {
			t.Errorf("%s: %s stands at %q, fault %q", when, d.Login, a.Location, a.Fault())
			continue
		}
		if a := r.Get("/account/security/totp"); a.Fault() != enrol.ErrDisabling.Code && a.Fault() != "enrol.not_offered" && a.Status == http.StatusOK {
			t.Errorf("%s: %s is let set one up: %d %q page %q", when, d.Login, a.Status, a.Fault(), a.Page())
		}
		if d.ID == admin.ID {
			a := r.Get("/admin/tenants/" + string(admin.Tenant) + "/users")
			if a.Status != http.StatusOK || a.Page() != "users" || strings.Contains(a.Body, "data-mfa-status") {
				t.Errorf("%s: the column is shown: %d %q %s", when, a.Status, a.Fault(), a.Text())
			}
		}
	}
}

// ACR-24, decision 7.7: the process dies at each statement of switching off and of the
// job behind it, and is started anew. Nothing of what was to go is left, it is told
// once, and people meet the same at every moment: either nothing has happened, or it is
// off.
func TestSwitchingOffSurvivesDeathAtEachStatement(t *testing.T) {
	t.Parallel()
	for _, engine := range house.Engines {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			h, reopen := house.Restartable(t, engine)
			hash, err := h.Hasher.Hash(t.Context(), secret.Lane{}, house.Password)
			must(t, err)
			died := 0
			for at := 0; ; at++ {
				idle(h)
				name := fmt.Sprintf("Death at %d", at)
				org := h.Tenant(directory.NewTenant{Kind: core.Customer, Name: name, Settings: core.SettingsDoc(`{"requirement":["per_user"],"challenge":"untrusted_browser"}`)})
				unit := h.Tenant(directory.NewTenant{Kind: core.Unit, Name: "Unit", Parent: org.ID})
				admin := doom(h, hash, org, fmt.Sprintf("admin%d@example.com", at), core.CustomerAdmin)
				anna := doom(h, hash, unit, fmt.Sprintf("anna%d@example.com", at))
				if a := anna.Knock(h.Raw("")); !strings.HasSuffix(a.Location, "/code") {
					t.Fatalf("before: %q", a.Location)
				}
				m := &mortal{Store: h.Store, left: at}
				svc := *h.Rollout
				svc.Store = m
				_, err := svc.Disable(t.Context(), org.ID, name, access.Shell(), core.Client{})
				if err == nil {
					h.Clock.Advance(10 * time.Second)
					_, err = svc.Work(t.Context(), nil)
				}
				if err != nil && !errors.Is(err, errKilled) {
					t.Fatalf("%s: %v", name, err)
				}
				survived := !m.dead
				if h = reopen(); !survived {
					died++
				}
				switch s := status(h, org.ID, access.Shell()); s.State {
				case rollout.Enabled:
					// It died before anything was said: all is as it was.
					if len(admin.In(h).Factors()) != 2 || !strings.HasSuffix(anna.In(h).Knock(h.Raw("")).Location, "/code") {
						t.Errorf("%s: half of it happened", name)
					}
					_, err := h.Rollout.Disable(t.Context(), org.ID, name, access.Shell(), core.Client{})
					must(t, err)
					h.Settle()
				case rollout.Disabling:
					asPeopleMeetIt(t, h, name+", in between", admin, anna)
				default:
					if !survived {
						t.Errorf("%s: %s", name, s.State)
					}
				}
				h.Clock.Advance(10 * time.Second)
				finish(h, h.Rollout)
				if s := status(h, org.ID, access.Shell()); s.State != rollout.Disabled {
					t.Errorf("%s: %s", name, s.State)
				}
				asPeopleMeetIt(t, h, name+", at the end", admin, anna)
				for _, d := range []doomed{admin, anna} {
					if left := d.left(h); len(left) > 0 {
						t.Errorf("%s: %s has left %v", name, d.Login, left)
					}
					if n := mails(h, d.Login, "Two-factor authentication was switched off"); n > 1 {
						t.Errorf("%s: %s was told %d times", name, d.Login, n)
					}
				}
				if l := losses(h, org.ID); l != (store.Losses{}) {
					t.Errorf("%s: %+v", name, l)
				}
				if e := events(h, org.ID, audit.TenantMFADisabled); len(e) != 1 || e[0].Detail["people"] != "2" || e[0].Detail["apps"] != "2" || e[0].Detail["browsers"] != "2" {
					t.Errorf("%s: %+v", name, e)
				}
				if survived {
					break
				}
			}
			if died < 20 {
				t.Errorf("it died %d times", died)
			}
		})
	}
}
