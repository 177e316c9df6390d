package outbox_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/mail"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"sallyport/internal/config"
	"sallyport/internal/core"
	"sallyport/internal/outbox"
	"sallyport/internal/policy"
	"sallyport/internal/secret"
	"sallyport/internal/store"
	"sallyport/internal/store/sqlite"
)

const base = "https://login.example.com"

// clock is moved by hand.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

// rows keeps the key ring of a test.
type rows struct {
	mu  sync.Mutex
	all map[string]secret.KeyRow
}

func (r *rows) LoadKeys(context.Context) ([]secret.KeyRow, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	var out []secret.KeyRow
	for _, row := range r.all {
		out = append(out, row)
	}
	return out, nil
}

func (r *rows) SaveKey(_ context.Context, row secret.KeyRow, ifVersion int64) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.all[row.Purpose].Version != ifVersion {
		return secret.ErrRingChanged
	}
	r.all[row.Purpose] = row
	return nil
}

// house is a store with one organisation and what the outbox needs.
type house struct {
	t     *testing.T
	clock *clock
	store store.Store
	path  string
	ring  *secret.Ring
	post  *outbox.Post
	org   policy.Effective
	log   *logged
}

type logged struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func newHouse(t *testing.T) *house {
	t.Helper()
	ctx := t.Context()
	h := &house{t: t, clock: &clock{at: time.Date(2025, 12, 14, 13, 5, 0, 0, time.UTC)}, log: &logged{}}
	h.path = filepath.Join(t.TempDir(), "store.db")
	var err error
	if h.store, err = sqlite.Open(ctx, h.path, sqlite.Options{Now: h.clock.Now}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.store.Close() })
	if err := h.store.Migrate(ctx, func(store.Migration) {}); err != nil {
		t.Fatal(err)
	}
	master, err := secret.CreateMaster(filepath.Join(t.TempDir(), "master.key"))
	if err != nil {
		t.Fatal(err)
	}
	if h.ring, err = secret.OpenRing(ctx, &rows{all: map[string]secret.KeyRow{}}, master, h.clock.Now); err != nil {
		t.Fatal(err)
	}
	h.post = &outbox.Post{Ring: h.ring, PerAddressHour: 10}
	h.org = policy.Effective{
		Organisation: core.Tenant{ID: "tn_p", Organisation: "tn_p", Path: "/tn_p/", Kind: core.Platform, State: core.TenantActive, Name: "Bäckerei Huber", Settings: core.SettingsDoc(`{}`)},
		Settings:     core.DefaultSettings(),
	}
	h.org.Settings.TimeZone = "Europe/Berlin"
	if err := h.store.Update(ctx, "tn_p", func(tx store.Tx) error { return tx.InsertTenant(h.org.Organisation) }); err != nil {
		t.Fatal(err)
	}
	return h
}

// person is somebody mail goes to; the outbox asks nothing of the row.
func person(email, locale string) core.User {
	return core.User{ID: "us_1", Tenant: "tn_p", Login: "anna", Name: "Anna Huber", Email: email, Locale: locale}
}

// message is a mail of any kind, with all that its texts may name.
func (h *house) message(kind core.MailKind, to core.User) outbox.Message {
	m := outbox.Message{Kind: kind, To: to, Effective: h.org, Args: map[string]string{"by": "Nordwind", "what": "user reset-mfa anna", "count": "2", "kind": "service_account", "whom": "Berta", "from": "Nordwind MSP", "reason": "ticket"},
		Client: core.Client{Agent: "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"}}
	switch kind {
	case core.MailInvitation, core.MailReset, core.MailEnrolProof, core.MailEmailConfirm:
		m.Path, m.Until = "/reset/"+strings.Repeat("t0ken", 8), h.clock.Now().Add(2*time.Hour)
	case core.MailPassMade:
		m.Until = h.clock.Now().Add(time.Hour)
	}
	return m
}

func (h *house) queue(m outbox.Message) {
	h.t.Helper()
	if err := h.store.Update(h.t.Context(), "tn_p", func(tx store.Tx) error { return h.post.Queue(tx, m) }); err != nil {
		h.t.Fatal(err)
	}
}

// notices queues n notices to an address.
func (h *house) notices(n int, to string) {
	h.t.Helper()
	for range n {
		h.queue(h.message(core.MailPasswordChanged, person(to, "en")))
	}
}

func (h *house) worker(sender outbox.Sender) *outbox.Worker {
	return &outbox.Worker{
		Queue: h.store, Ring: h.ring, Sender: sender, PerAddressHour: 10, Now: h.clock.Now, Node: "one", Every: 5 * time.Millisecond,
		Renderer: outbox.Renderer{Base: base, From: mail.Address{Name: "Sign-in", Address: "no-reply@example.com"}, Locale: "en"},
		Log:      slog.New(slog.NewJSONHandler(h.log, nil)),
	}
}

func (h *house) pass(w *outbox.Worker) outbox.Report {
	h.t.Helper()
	r, err := w.Pass(h.t.Context())
	if err != nil {
		h.t.Fatal(err)
	}
	return r
}

// waiting is how many mails wait.
func (h *house) waiting() int {
	h.t.Helper()
	n, _, err := h.store.MailQueue(h.t.Context())
	if err != nil {
		h.t.Fatal(err)
	}
	return n
}

func smtpTo(t *testing.T, url string) *outbox.SMTP {
	t.Helper()
	server, err := config.ParseSMTP(url)
	if err != nil {
		t.Fatal(err)
	}
	s, err := outbox.NewSMTP(server, "login.example.com")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Rest)
	return s
}

func openInbox(t *testing.T, now func() time.Time) *outbox.Inbox {
	t.Helper()
	in, err := outbox.OpenInbox("127.0.0.1:0", now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := in.Close(); err != nil {
			t.Error(err)
		}
	})
	return in
}

// settled collects what became of mails.
type settled struct {
	mu    sync.Mutex
	mails []core.Mail
}

func (s *settled) note(m core.Mail) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mails = append(s.mails, m)
}

func (s *settled) last() core.Mail {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.mails) == 0 {
		return core.Mail{}
	}
	return s.mails[len(s.mails)-1]
}

func want(t *testing.T, what string, got, want any) {
	t.Helper()
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%s: %v, want %v", what, got, want)
	}
}

var _ io.Writer = (*logged)(nil)
