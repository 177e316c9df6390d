package storetest

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"sallyport/internal/core"
	"sallyport/internal/store"
)

// Engine says how to make stores of one engine.
type Engine struct {
	// Open makes an empty store whose schema was never migrated, and closes it
	// after the test.
	Open func(t testing.TB, now func() time.Time) store.Store
	// Restore makes a store from a backup, closed after the test.
	Restore func(t testing.TB, backup string, now func() time.Time) (store.Store, error)
}

// Run tries all promises.
func Run(t *testing.T, e Engine) {
	for _, row := range []struct {
		name string
		test func(*testing.T, *world)
	}{
		{"tenants find nothing of each other", testIsolation},
		{"the tree", testTree},
		{"people come back as they went in", testPeople},
		{"an address is taken once", testEmailTaken},
		{"a hash made anew", testRehash},
		{"what must be unique is named", testDuplicates},
		{"factors", testFactors},
		{"the facts of an attempt", testAttemptFacts},
		{"attempts end", testAttemptsEnd},
		{"sessions end exactly", testSessionsEnd},
		{"links", testTokens},
		{"stale versions", testStaleVersions},
		{"documents of a newer program", testNewerDocuments},
		{"use once", testUseOnce},
		{"guesses at once", testGuessesAtOnce},
		{"guesses given back and forgotten", testGuessesReturned},
		{"guesses honoured", testGuessesHonoured},
		{"guesses at nobody", testGuessesAtNobody},
		{"a refusal keeps its trace and an error keeps nothing", testAllOrNothing},
		{"an error of the engine ends the transaction", testPoison},
		{"a write that cannot be takes the rest back", testLateRefusal},
		{"panics and vanishing goroutines", testPanic},
		{"many more goroutines than connections", testCrowd},
		{"a view is one snapshot", testSnapshot},
		{"the feed skips nothing", testFeed},
		{"mail goes to one worker", testMail},
		{"events", testEvents},
		{"sealing", testSealing},
		{"leases", testLeases},
		{"sweeping", testSweep},
		{"the epoch", testEpoch},
		{"keys", testKeys},
		{"words about the store", testMeta},
		{"counts", testCounts},
		{"odd texts", testOddTexts},
		{"doors across tenants", testDoors},
		{"nodes by name", testNodes},
		{"a branch moves", testMoveTenant},
		{"a branch goes and comes back", testDeleteBranch},
		{"people are counted where they stand", testCounted},
		{"counts hold under many hands", testCountedTogether},
		{"a recount repairs", testRecount},
		{"lists of people", testPeopleLists},
		{"somebody moves", testMoveUser},
		{"trusted browsers", testTrust},
		{"service accounts and custom roles", testRolesAndServices},
		{"administrators", testAdministrators},
		{"acting sessions", testActing},
		{"jobs", testJobs},
		{"live sessions", testLiveSessions},
		{"dry runs", testDry},
		{"told in another log", testAppendTo},
		{"events of a branch", testEventsBelow},
		{"people by the chunk", testBulk},
		{"what a chunk asks", testBulkQuestions},
		{"a chunk comes whole or not at all", testBulkRefuses},
		{"what is kept of a service account comes with it", testBulkServices},
		{"an address is taken once, by the chunk too", testBulkAddresses},
		{"a closed node takes nobody in", testBulkPlaces},
		{"apps and their secrets", testApps},
		{"who uses apps", testWhoUsesApps},
		{"codes and refresh tokens are used once", testFamilies},
		{"families end", testFamiliesEnd},
		{"apps are told of the end", testLogouts},
		{"connections", testConnections},
		{"devices are answered once", testDevices},
		{"hosts of apps", testHosts},
		{"marks are used once", testSpent},
		{"replies are begun once", testReplies},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			row.test(t, newWorld(t, e))
		})
	}
	t.Run("backup", func(t *testing.T) { t.Parallel(); testBackup(t, e) })
	t.Run("migrations", func(t *testing.T) { t.Parallel(); testMigrations(t, e) })
}

// Clock is a test's own time.
type Clock struct{ us atomic.Int64 }

// NewClock starts at a moment with microseconds, so that their loss shows.
func NewClock() *Clock {
	c := &Clock{}
	c.us.Store(time.Date(2026, 3, 1, 10, 20, 30, 405060000, time.UTC).UnixMicro())
	return c
}

func (c *Clock) Now() time.Time          { return time.UnixMicro(c.us.Load()).UTC() }
func (c *Clock) Advance(d time.Duration) { c.us.Add(d.Microseconds()) }

// world is a store with a platform, and what tests make in it.
type world struct {
	store.Store
	t     testing.TB
	ctx   context.Context
	clock *Clock
	ids   atomic.Int64
}

const root = core.TenantID("tn_root")

func newWorld(t testing.TB, e Engine) *world {
	t.Helper()
	w := &world{t: t, ctx: t.Context(), clock: NewClock()}
	w.Store = e.Open(t, w.clock.Now)
	if err := w.Migrate(w.ctx, nil); err != nil {
		t.Fatal(err)
	}
	w.update(root, func(tx store.Tx) error {
		return tx.InsertTenant(core.Tenant{
			ID: root, Organisation: root, Path: "/tn_root/", Kind: core.Platform, State: core.TenantActive,
			Name: "Platform", CreatedAt: w.clock.Now(), ChangedAt: w.clock.Now(),
		})
	})
	return w
}

func (w *world) id(prefix string) string { return fmt.Sprintf("%s_%06d", prefix, w.ids.Add(1)) }

func (w *world) update(tenant core.TenantID, fn func(store.Tx) error) {
	w.t.Helper()
	if err := w.Update(w.ctx, tenant, fn); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) view(tenant core.TenantID, fn func(store.Reader) error) {
	w.t.Helper()
	if err := w.View(w.ctx, tenant, fn); err != nil {
		w.t.Fatal(err)
	}
}

// customer makes a customer under the platform.
func (w *world) customer() core.Tenant {
	w.t.Helper()
	id := core.TenantID(w.id("tn"))
	n := core.Tenant{
		ID: id, Parent: root, Organisation: id, Path: "/tn_root/" + string(id) + "/", Kind: core.Customer,
		Mode: core.Production, State: core.TenantActive, Name: "Customer " + string(id), ManagedBy: core.ManagedByProvider,
		SupportAccess: true, Settings: core.SettingsDoc(`{"requirement":["organization"],"of_tomorrow":1}`),
		CreatedAt: w.clock.Now(), ChangedAt: w.clock.Now(),
	}
	w.update(root, func(tx store.Tx) error { return tx.InsertTenant(n) })
	return n
}

func (w *world) newUser(tenant core.TenantID) core.User {
	id := w.id("us")
	return core.User{
		ID: core.UserID(id), Tenant: tenant, Kind: core.Person, State: core.UserActive, Before: core.UserValidated,
		Login: "Login " + id, LoginKey: "login " + id, Name: "Name " + id, Email: id + "@Example.org",
		EmailKey: id + "@example.org", Locale: "de", LastSignInAt: w.clock.Now(), CreatedAt: w.clock.Now(),
		ChangedAt: w.clock.Now(), ValidatedAt: w.clock.Now(),
	}
}

func (w *world) user(tenant core.TenantID) core.User {
	w.t.Helper()
	u := w.newUser(tenant)
	w.update(tenant, func(tx store.Tx) error { return tx.InsertUser(u) })
	return u
}

// operator is somebody of the platform's own.
func (w *world) operator() core.User {
	w.t.Helper()
	const id = "us_operator"
	if u, err := w.FindUser(w.ctx, id); err == nil {
		return u
	}
	u := w.newUser(root)
	u.ID, u.Login, u.LoginKey, u.Email, u.EmailKey = id, "operator", "operator", "", ""
	w.update(root, func(tx store.Tx) error { return tx.InsertUser(u) })
	return u
}

func (w *world) newFactor(u core.User) core.Factor {
	id := w.id("fa")
	return core.Factor{
		ID: core.FactorID(id), Tenant: u.Tenant, User: u.ID, Kind: core.FactorTOTP, State: core.FactorConfirmed,
		Name: "Phone", Handle: "handle " + id, Secret: []byte{0, 1, 2, 255},
		Doc:      core.FactorDoc{Digits: 6, Period: 30, Skew: 1, Algorithm: "SHA1", Burned: []int64{7}, Source: "test"},
		LastStep: 41, Budget: core.Budget{Window: w.clock.Now(), Failures: 1, LockedUntil: w.clock.Now(), Locks: 2, Consecutive: 3},
		CreatedAt: w.clock.Now(), ConfirmedAt: w.clock.Now(), LastUsedAt: w.clock.Now(),
	}
}

func (w *world) factor(u core.User) core.Factor {
	w.t.Helper()
	f := w.newFactor(u)
	w.update(u.Tenant, func(tx store.Tx) error { return tx.InsertFactor(f) })
	return f
}

func (w *world) newAttempt(u core.User) core.Attempt {
	return core.Attempt{
		ID: core.AttemptID(w.id("at")), Tenant: u.Tenant, User: u.ID, Browser: []byte("browser"),
		Doc:       core.AttemptDoc{Proofs: []core.Proof{{Kind: core.FactorPassword, At: w.clock.Now()}}, ReturnTo: "/account/"},
		CreatedAt: w.clock.Now(), ExpiresAt: w.clock.Now().Add(core.AttemptLife),
	}
}

func (w *world) attempt(u core.User) core.Attempt {
	w.t.Helper()
	a := w.newAttempt(u)
	w.update(u.Tenant, func(tx store.Tx) error { return tx.InsertAttempt(a) })
	return a
}

func (w *world) newSession(u core.User) core.Session {
	id := w.id("se")
	return core.Session{
		ID: core.SessionID(id), Tenant: u.Tenant, User: u.ID, TokenHash: []byte("hash of " + id), Level: core.LevelMFA,
		Doc:       core.SessionDoc{Proofs: []core.Proof{{Kind: core.FactorTOTP, At: w.clock.Now()}}, Agent: "Browser"},
		CreatedAt: w.clock.Now(), RotatedAt: w.clock.Now(), LastSeenAt: w.clock.Now(),
		ExpiresAt: w.clock.Now().Add(24 * time.Hour), IdleUntil: w.clock.Now().Add(time.Hour),
	}
}

func (w *world) session(u core.User) core.Session {
	w.t.Helper()
	s := w.newSession(u)
	w.update(u.Tenant, func(tx store.Tx) error { return tx.InsertSession(s) })
	return s
}

func (w *world) newToken(u core.User) core.Token {
	return core.Token{
		Hash: []byte("hash of " + w.id("token")), Kind: core.TokenReset, Tenant: u.Tenant, User: u.ID, Email: u.Email,
		Bound: "at_1", CreatedAt: w.clock.Now(), ExpiresAt: w.clock.Now().Add(time.Hour),
	}
}

func (w *world) token(u core.User) core.Token {
	w.t.Helper()
	k := w.newToken(u)
	w.update(u.Tenant, func(tx store.Tx) error { return tx.InsertToken(k) })
	return k
}

func (w *world) newMail(u core.User) core.Mail {
	return core.Mail{
		ID: core.MailID(w.id("ml")), Tenant: u.Tenant, User: u.ID, Kind: core.MailPasswordChanged, To: u.Email, Locale: "sv",
		Body: []byte("sealed"), State: core.MailQueued, NextAt: w.clock.Now(), ExpiresAt: w.clock.Now().Add(time.Hour),
		CreatedAt: w.clock.Now(),
	}
}

// together runs fn n times at once, starting them as near to each other as can be.
func (w *world) together(n int, fn func(i int)) {
	var ready, done sync.WaitGroup
	start := make(chan struct{})
	ready.Add(n)
	for i := range n {
		done.Go(func() {
			ready.Done()
			<-start
			fn(i)
		})
	}
	ready.Wait()
	close(start)
	done.Wait()
}
