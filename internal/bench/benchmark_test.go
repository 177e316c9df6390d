package bench

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/netip"
	"testing"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/app"
	"sallyport/internal/core"
	"sallyport/internal/directory"
	"sallyport/internal/factor/totp"
	"sallyport/internal/hosted"
	"sallyport/internal/policy"
	"sallyport/internal/roster"
	"sallyport/internal/secret"
	"sallyport/internal/secret/argon"
	"sallyport/internal/session"
	"sallyport/internal/store"
	"sallyport/internal/web"
)

// Benchmarks of single pieces, for benchstat:
//
//	go test -run '^$' -bench . -benchmem -count 10 ./internal/bench

// house opens a house on SQLite with one person in it, and makes it serve, so
// that its change feed is read.
func house(b *testing.B) (*app.House, *crowd, *app.Serving) {
	b.Helper()
	ctx := context.Background()
	h, err := site{name: "sqlite", dir: b.TempDir(), costs: fastCost}.open(ctx, false)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(h.Close)
	phc, err := phcOf(ctx, fastCost)
	if err != nil {
		b.Fatal(err)
	}
	crowds, err := seed(ctx, h, 1, hashed{4, phc})
	if err != nil {
		b.Fatal(err)
	}
	s, err := h.Serve(ctx, app.ServeOptions{})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(s.Close)
	return h, crowds[0], s
}

// token opens a session for somebody.
func token(b *testing.B, h *app.House, c *crowd) string {
	b.Helper()
	ctx := context.Background()
	l, err := h.Store.FindLogin(ctx, c.someone().login, nil)
	if err != nil {
		b.Fatal(err)
	}
	eff, err := h.Tree.Effective(ctx, l.User.Tenant)
	if err != nil {
		b.Fatal(err)
	}
	var opened session.Opened
	err = h.Store.Update(ctx, l.User.Tenant, func(tx store.Tx) error {
		factors, err := tx.Factors(l.User.ID)
		if err != nil {
			return err
		}
		opened, err = session.Open(tx, session.Ask{User: l.User, Factors: factors, Effective: eff,
			Proofs: []core.Proof{{Kind: core.FactorPassword, At: tx.Now()}, {Kind: core.FactorTOTP, ID: factors[0].ID, At: tx.Now()}}})
		return err
	})
	if err != nil {
		b.Fatal(err)
	}
	return opened.Token
}

// BenchmarkSessionCheck is Checker.Check alone: from a token to a live session
// with its organisation's settings.
func BenchmarkSessionCheck(b *testing.B) {
	h, c, _ := house(b)
	t := token(b, h, c)
	ctx := context.Background()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := h.Checker.Check(ctx, t, netip.IPv6Loopback()); err != nil {
			b.Fatal(err)
		}
	}
}

// nowhere is a connection that forgets what it is told.
type nowhere struct{ header http.Header }

func (n *nowhere) Header() http.Header         { return n.header }
func (n *nowhere) Write(b []byte) (int, error) { return len(b), nil }
func (n *nowhere) WriteHeader(int)             {}

// BenchmarkSessionCheckRoute is the same with everything that the program puts
// around it, without net/http's part.
func BenchmarkSessionCheckRoute(b *testing.B) {
	h, c, s := house(b)
	h.Log = slog.New(slog.NewJSONHandler(io.Discard, nil))
	handler := h.Faces(s.URL)
	r, err := http.NewRequest("GET", s.URL+checkPath, nil)
	if err != nil {
		b.Fatal(err)
	}
	r.RemoteAddr = "127.0.0.1:4711"
	r.Header.Set("Cookie", "sallyport="+token(b, h, c))
	r.Header.Set("Accept-Language", "de,en-US;q=0.7,en;q=0.3")
	b.ReportAllocs()
	for b.Loop() {
		handler.ServeHTTP(&nowhere{http.Header{}}, r)
	}
}

func BenchmarkTOTPMatch(b *testing.B) {
	key, p := totp.NewSecret(), totp.DefaultParams()
	now := time.Unix(1_800_000_000, 0)
	code := totp.Code(key, totp.StepAt(now, p.Period), p)
	b.ReportAllocs()
	for b.Loop() {
		if !totp.Match(key, code, now, 0, p).Accepted() {
			b.Fatal("the right code was refused")
		}
	}
}

func BenchmarkResolve(b *testing.B) {
	h, c, _ := house(b)
	l, err := h.Store.FindLogin(context.Background(), c.someone().login, nil)
	if err != nil {
		b.Fatal(err)
	}
	eff, err := h.Tree.Effective(context.Background(), l.User.Tenant)
	if err != nil {
		b.Fatal(err)
	}
	p := policy.Person{Kind: core.Person, Factors: []core.Factor{{Kind: core.FactorTOTP, State: core.FactorConfirmed}}}
	shown := policy.Shown{Proofs: []core.Proof{{Kind: core.FactorPassword}}}
	b.ReportAllocs()
	for b.Loop() {
		if policy.Resolve(policy.Facts{Person: p, Effective: eff, Shown: shown}).Outcome != policy.Prove {
			b.Fatal("no second factor was asked for")
		}
	}
}

func BenchmarkSeal(b *testing.B) {
	h, _, _ := house(b)
	key := totp.NewSecret()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := h.Ring.Seal(key, "tn_1", "factor", "fa_1"); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkUnseal(b *testing.B) {
	h, _, _ := house(b)
	sealed, err := h.Ring.Seal(totp.NewSecret(), "tn_1", "factor", "fa_1")
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := h.Ring.Open(sealed, "tn_1", "factor", "fa_1"); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkCodePage draws the page of the second step.
func BenchmarkCodePage(b *testing.B) {
	page := hosted.Code(hosted.CodePage{Page: web.Page{Org: web.Org{Name: "Bench GmbH"}, Now: time.Unix(1_800_000_000, 0)}, Action: "/sign-in/at_1/code",
		NotYou: "/sign-in", Login: "person@bench.example", Mail: "p•••n@bench.example", Digits: 6, Recovery: true})
	ctx := context.Background()
	b.ReportAllocs()
	for b.Loop() {
		if err := page.Render(ctx, io.Discard); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkPasswordHash(b *testing.B) {
	var s argon.Scratch
	defer s.Release()
	for b.Loop() {
		s.Key([]byte(passphrase), secret.Random(16), nil, nil, uint32(realCost.time), uint32(realCost.memoryKiB), 1, 32)
	}
}

func BenchmarkPasswordHashLibrary(b *testing.B) {
	hash := libraryHash(realCost)()
	for b.Loop() {
		hash()
	}
}

// BenchmarkImport brings people in by the chunk, as the import does once a chunk
// has reached the house: everything from rows to a durable commit.
func BenchmarkImport(b *testing.B) {
	h, _, _ := house(b)
	org, err := h.Directory.CreateTenant(context.Background(), directory.NewTenant{Kind: core.Customer, Parent: rootOf(b, h), Name: "Imported GmbH"}, access.System(), core.Client{})
	if err != nil {
		b.Fatal(err)
	}
	const chunk = 1000
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		// One turn is one person; they go in by the thousand.
		if n++; n%chunk != 0 {
			continue
		}
		rows := make([]roster.Row, chunk)
		for i := range rows {
			rows[i] = importedRow(n+i, string(org.ID))
		}
		out, err := h.Roster.Bring(context.Background(), rows, roster.Options{}, access.Shell(), core.Client{})
		if err != nil || out.Created != chunk {
			b.Fatal(out.Problems, err)
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "people/s")
}

func rootOf(b *testing.B, h *app.House) core.TenantID {
	root, err := h.Directory.Platform(context.Background())
	if err != nil {
		b.Fatal(err)
	}
	return root.ID
}
