package proxycheck_test

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"sallyport/internal/core"
	"sallyport/internal/directory"
	"sallyport/internal/proxycheck"
	"sallyport/internal/session"
	"sallyport/internal/store"
	"sallyport/internal/testkit/house"
	"sallyport/internal/web"
)

// counting counts what is asked of a store.
type counting struct {
	store.Store
	n *atomic.Int64
}

func (c counting) FindHosted(ctx context.Context, h []byte) (store.Hosted, error) {
	c.n.Add(1)
	return c.Store.FindHosted(ctx, h)
}
func (c counting) FindHost(ctx context.Context, h string) (core.AppID, error) {
	c.n.Add(1)
	return c.Store.FindHost(ctx, h)
}
func (c counting) FindApp(ctx context.Context, id core.AppID) (core.App, []core.AppSecretRow, error) {
	c.n.Add(1)
	return c.Store.FindApp(ctx, id)
}
func (c counting) RolesOf(ctx context.Context, id core.UserID) ([]core.RoleGrant, error) {
	c.n.Add(1)
	return c.Store.RolesOf(ctx, id)
}
func (c counting) View(ctx context.Context, t core.TenantID, fn func(store.Reader) error) error {
	c.n.Add(1)
	return c.Store.View(ctx, t, fn)
}

// quiet is the check alone over a store that is counted, with a request that passes.
func quiet(t testing.TB) (http.Handler, *http.Request, *atomic.Int64) {
	h := house.Open(t, "sqlite")
	wiki := newApp(t, h, h.Root.ID, "wiki.example.com", nil)
	p := h.Enrolled(h.Organisation("Bakery", "self-service", ""), "anna@example.com")
	v := newVisitor(h)
	p.Enter(v.in)
	wiki.enter(v, "/")
	var n atomic.Int64
	st := counting{h.Store, &n}
	fresh := func() bool { return true }
	tree := directory.NewTree(st, fresh)
	checker := session.NewChecker(st, h.Clock.Now, fresh, tree.Effective)
	check := (&proxycheck.Handler{Base: h.URL, Store: st, Apps: directory.NewRegistry(st, tree, fresh, h.Clock.Now), Tree: tree, Ring: h.Ring, Checker: checker,
		Proxies: web.Proxies(h.Config.TrustedProxies), Now: h.Clock.Now, Log: slog.New(slog.NewTextHandler(io.Discard, nil))}).Front(http.NotFoundHandler())
	r := httptest.NewRequest("GET", "http://"+wiki.host+"/forward-auth", nil)
	r.RequestURI, r.RemoteAddr = "/forward-auth", "127.0.0.1:999"
	r.Header = forwarded(wiki.host, "/page")
	r.Header.Set("X-Forwarded-For", "192.0.2.7")
	r.Header.Set("Cookie", "__Host-sallyport-host="+v.at(h, wiki.host).Cookie("__Host-sallyport-host"))
	return check, r, &n
}

// P4: once a person, an app and an organisation are known, a check asks the store
// nothing, and makes next to nothing.
func TestTheQuietPathReadsNothing(t *testing.T) {
	check, r, n := quiet(t)
	ask := func() int {
		w := httptest.NewRecorder()
		check.ServeHTTP(w, r)
		return w.Code
	}
	if got := ask(); got != http.StatusOK || n.Load() == 0 {
		t.Fatalf("first: %d after %d reads", got, n.Load())
	}
	before := n.Load()
	for range 100 {
		if got := ask(); got != http.StatusOK {
			t.Fatal(got)
		}
	}
	if n.Load() != before {
		t.Errorf("%d reads of the store in 100 checks", n.Load()-before)
	}
	w := &nowhere{http.Header{}}
	if made := testing.AllocsPerRun(200, func() { clear(w.h); check.ServeHTTP(w, r) }); made > 14 {
		t.Errorf("%.0f allocations a check", made)
	}
}

type nowhere struct{ h http.Header }

func (w *nowhere) Header() http.Header         { return w.h }
func (w *nowhere) Write(b []byte) (int, error) { return len(b), nil }
func (w *nowhere) WriteHeader(int)             {}

func BenchmarkCheck(b *testing.B) {
	check, r, _ := quiet(b)
	w := &nowhere{http.Header{}}
	b.ReportAllocs()
	for b.Loop() {
		clear(w.h)
		check.ServeHTTP(w, r)
	}
}

// B-41 here: while nobody can tell, nobody is let in, and it is said.
func TestAStoreThatIsAwayLetsNobodyInB41(t *testing.T) {
	h := house.Open(t, "sqlite")
	wiki := newApp(t, h, h.Root.ID, "wiki.example.com", nil)
	v := newVisitor(h)
	h.Person(h.Organisation("Bakery", "self-service", ""), "anna@example.com").Enter(v.in)
	wiki.enter(v, "/")
	other := newVisitor(h)
	other.at(h, wiki.host).Plant("__Host-sallyport-host", strings.Repeat("x", 43))
	h.Store.Close()
	if a := wiki.ask(other, "/"); a.Status < 500 || a.Location != "" {
		t.Errorf("a stranger: %d to %q", a.Status, a.Location)
	}
	// Who is known stays so only as long as the change feed is read.
	for until := h.Clock.Now().Add(1 << 36); wiki.passes(v, "/"); {
		if h.Clock.Now().After(until) {
			t.Fatal("the store is away, and the app goes on")
		}
	}
	if a := wiki.ask(v, "/"); a.Status != http.StatusServiceUnavailable && a.Status != http.StatusInternalServerError {
		t.Errorf("a known person: %d", a.Status)
	}
}
