package app

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/mail"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"sallyport/internal/audit"
	"sallyport/internal/config"
	"sallyport/internal/core"
	"sallyport/internal/directory"
	"sallyport/internal/enrol"
	"sallyport/internal/feed"
	"sallyport/internal/ident"
	"sallyport/internal/oidc"
	"sallyport/internal/outbox"
	"sallyport/internal/recovery"
	"sallyport/internal/rollout"
	"sallyport/internal/roster"
	"sallyport/internal/secret"
	"sallyport/internal/session"
	"sallyport/internal/signin"
	"sallyport/internal/store"
	"sallyport/internal/store/postgres"
	"sallyport/internal/store/sqlite"
	"sallyport/internal/support"
)

// Options say how a house is opened.
type Options struct {
	Config config.Config
	Log    *slog.Logger
	// Who names the program to others that find the folder locked: "serve", "demo".
	Who string
	// Demo: the store must be empty or marked as a demo's, and is marked.
	Demo bool
	// Migrate brings the schema up to date whatever auto_migrate says; an empty
	// store is always brought up.
	Migrate bool
	// Existing refuses a store that nobody set up yet, so that a verb in the wrong
	// folder does not make one.
	Existing bool
	// Mail replaces the configured mail server, for the demo's own inbox.
	Mail *config.SMTP
	// NoHasher leaves the password workers out, for verbs that hash nothing.
	NoHasher bool
}

// House is everything that belongs to one process.
type House struct {
	Config    config.Config
	Log       *slog.Logger
	Clock     *Clock
	Store     store.Store
	Ring      *secret.Ring
	Hasher    *secret.Hasher
	Feed      *feed.Follower
	Tree      *directory.Tree
	Checker   *session.Checker
	Apps      *directory.Registry
	Teller    *oidc.Teller // set with the faces, which know the address we are reached at
	Directory *directory.Service
	SignIn    *signin.Service
	Decoys    *signin.Decoys
	Recovery  *recovery.Service
	Support   *support.Service
	Rollout   *rollout.Service
	Roster    *roster.Service
	Post      *outbox.Post
	Sealer    *audit.Sealer
	Sender    *outbox.SMTP // nil: no mail server is configured
	Metrics   *Metrics
	Demo      bool
	Node      string
	// URL is the public address while this house serves, else empty; see BaseURL.
	URL string

	mailServer string            // where Sender goes
	keyFile    [sha256.Size]byte // of the master key file when it was read
	release    func()
	close      []func()
}

const (
	// metaInstance names a store from its first day on, through backups and moves.
	metaInstance = "instance"
	storeFile    = "sallyport.db"
)

// Faults of opening a house. Their sentences name the way out.
var (
	ErrDemoStore  = errors.New("this store was made by the demo; serve refuses it. Choose another data_dir or database")
	ErrNotDemo    = errors.New("this store is neither empty nor made by the demo; the demo refuses it. Choose another --data folder or database")
	ErrMigrations = errors.New("the store needs migrations; run: sallyport migrate up")
	ErrNoStore    = errors.New("there is no store yet; run: sallyport init")
)

// Embedded reports whether the configuration names the embedded store.
func Embedded(c config.Config) bool { return c.Store.DSN == "" }

// OpenStore opens the store alone, with its folder's lock when it is embedded.
func OpenStore(ctx context.Context, o Options, now func() time.Time) (store.Store, func(), error) {
	release := func() {}
	if Embedded(o.Config) {
		file := filepath.Join(o.Config.DataDir, storeFile)
		if _, err := os.Stat(file); o.Existing && errors.Is(err, fs.ErrNotExist) {
			return nil, nil, fmt.Errorf("%s: %w", o.Config.DataDir, ErrNoStore)
		}
		if err := ownFolder(o); err != nil {
			return nil, nil, err
		}
		var err error
		if release, err = lock(o.Config.DataDir, o.Who); err != nil {
			return nil, nil, err
		}
		st, err := sqlite.Open(ctx, file, sqlite.Options{Now: now})
		if err != nil {
			release()
			return nil, nil, err
		}
		return st, release, nil
	}
	st, err := postgres.Open(ctx, o.Config.Store.DSN, postgres.Options{Now: now})
	return st, release, err
}

// ownFolder refuses a demo in a folder that has things of others in it: with no
// store among them, nothing would bear the demo's mark and nothing say no.
func ownFolder(o Options) error {
	if !o.Demo {
		return nil
	}
	there, err := os.ReadDir(o.Config.DataDir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, e := range there {
		// What a demo that was killed early left, and the store that says for itself.
		if name := e.Name(); name != lockName && name != socketName && !strings.HasPrefix(name, storeFile) && !strings.HasPrefix(name, scratch) {
			return fmt.Errorf("%s has %s in it: %w", o.Config.DataDir, name, ErrNotDemo)
		}
	}
	return nil
}

// Open opens a house. Close gives everything back.
func Open(ctx context.Context, o Options) (_ *House, err error) {
	h := &House{Config: o.Config, Log: o.Log, Clock: &Clock{}, Demo: o.Demo, Node: secret.NewID("nd", time.Now())}
	defer func() {
		if err != nil {
			h.Close()
		}
	}()
	if Embedded(o.Config) {
		// The folder's lock lets only one node be. One name for whoever that is, so
		// that what a killed one held by lease is its successor's at once.
		h.Node = "embedded"
	}
	if h.Store, h.release, err = OpenStore(ctx, o, h.Clock.Now); err != nil {
		return nil, err
	}
	if h.Store.Engine() == "postgres" {
		if err := h.Clock.Measure(ctx, h.Store.Clock); err != nil {
			return nil, err
		}
	}
	if err := h.schema(ctx, o); err != nil {
		return nil, err
	}
	master, err := h.master(ctx)
	if err != nil {
		return nil, err
	}
	if h.keyInFile() {
		if h.keyFile, err = fileSum(o.Config.Encryption.KeyFile); err != nil {
			return nil, err
		}
	}
	if h.Ring, err = secret.OpenRing(ctx, ringStore{h.Store}, master, h.Clock.Now); err != nil {
		return nil, err
	}
	return h, h.furnish(o)
}

// schema brings an empty store up, checks the mark of the demo, and refuses a
// store that waits for migrations.
func (h *House) schema(ctx context.Context, o Options) error {
	list, err := h.Store.Migrations(ctx)
	if err != nil {
		return err
	}
	pending := slices.ContainsFunc(list, func(m store.Migration) bool { return m.AppliedAt.IsZero() })
	if pending {
		// A first start that was killed half way leaves a schema with nothing in it:
		// there is nothing to lose, and the next start goes on.
		blank, err := h.Store.Blank(ctx)
		switch {
		case err != nil:
			return err
		case blank && o.Existing:
			return ErrNoStore
		case !blank && !o.Migrate && !o.Config.AutoMigrate:
			return ErrMigrations
		}
		if !Embedded(o.Config) && !o.Demo {
			// Nobody makes a key for a database: without one it is left as it is.
			if _, err := secret.LoadMaster(o.Config.Encryption.KeyFile); err != nil {
				return err
			}
		}
		if err := h.Store.Migrate(ctx, func(m store.Migration) {
			h.Log.Info("migrated", "event", "store.migrated", "version", m.Version, "name", m.Name)
		}); err != nil {
			return fmt.Errorf("migrate: %w", err)
		}
	}
	if instance, err := h.Store.Meta(ctx, metaInstance); err != nil {
		return err
	} else if instance == "" {
		if err := h.Store.SetMeta(ctx, metaInstance, secret.NewID("in", h.Clock.Now())); err != nil {
			return err
		}
	}
	mark, err := h.Store.Meta(ctx, metaDemo)
	if err != nil {
		return err
	}
	if mark != "" {
		if o.Who == "serve" {
			return ErrDemoStore
		}
		// Verbs may look at what a demo made, by the demo's clock.
		h.Demo = true
		return h.wound(ctx)
	}
	if !o.Demo {
		return nil
	}
	tenants, err := h.Store.AllTenants(ctx)
	if err != nil {
		return err
	}
	if len(tenants) > 0 {
		return ErrNotDemo
	}
	return h.Store.SetMeta(ctx, metaDemo, "yes")
}

// master loads the key file. It is made where there is nothing yet that it
// could fail to open: an embedded store without a key ring.
func (h *House) master(ctx context.Context) (secret.Master, error) {
	file := h.Config.Encryption.KeyFile
	rows, err := h.Store.LoadKeys(ctx)
	if err != nil {
		return secret.Master{}, err
	}
	if !h.keyInFile() {
		return h.demoMaster(ctx)
	}
	m, err := secret.LoadMaster(file)
	if err == nil {
		if w := m.Warning(); w != "" {
			h.Log.Warn(w, "event", "keys.master_file")
		}
		return m, nil
	}
	if !errors.Is(err, fs.ErrNotExist) || len(rows) > 0 || !Embedded(h.Config) {
		return secret.Master{}, err
	}
	if m, err = secret.CreateMaster(file); err != nil {
		return secret.Master{}, err
	}
	h.Log.Info("made a master key; keep a copy apart from the data and its backups, for without it nothing opens", "event", "keys.master_made", "file", file)
	return m, nil
}

// keyInFile tells whether the master key comes from a file: always, but for a demo
// on a database.
func (h *House) keyInFile() bool { return !h.Demo || Embedded(h.Config) }

// MasterFileChanged reports whether the master key file is another one than this
// process read.
func (h *House) MasterFileChanged() (bool, error) {
	if !h.keyInFile() {
		return false, nil
	}
	sum, err := fileSum(h.Config.Encryption.KeyFile)
	return sum != h.keyFile, err
}

func fileSum(path string) ([sha256.Size]byte, error) {
	b, err := os.ReadFile(path)
	return sha256.Sum256(b), err
}

// furnish makes journeys and faces.
func (h *House) furnish(o Options) error {
	now := h.Clock.Now
	cost := secret.Cost{MemoryKiB: uint32(o.Config.Hash.MemoryKiB), Time: uint32(o.Config.Hash.Time), Lanes: uint8(o.Config.Hash.Parallelism)}
	if !o.NoHasher {
		var err error
		if h.Hasher, err = secret.NewHasher(secret.HasherOptions{Cost: cost, Workers: o.Config.Hash.Workers}); err != nil {
			return err
		}
		h.close = append(h.close, h.Hasher.Close)
	}
	h.Metrics = NewMetrics(h)
	h.Store = measured{h.Store, h.Metrics.ops.WithLabelValues("view"), h.Metrics.ops.WithLabelValues("update"), time.Now}
	h.Feed = feed.New(h.Store, h.Log, time.Now())
	h.Tree = directory.NewTree(h.Store, h.Feed.Fresh)
	h.Checker = session.NewChecker(h.Store, now, h.Feed.Fresh, h.Tree.Effective)
	h.Checker.MayAct = h.Tree.MayAct
	h.Apps = directory.NewRegistry(h.Store, h.Tree, h.Feed.Fresh, now)
	for _, forget := range []func(core.Change){h.Tree.Forget, h.Checker.Forget, h.Apps.Forget} {
		h.Store.OnChange(forget) // what this process takes away, at once
		h.Feed.Listen(forget)    // what other nodes take away
	}
	h.Feed.Listen(func(c core.Change) {
		if c.Kind == core.ChangeKeys || c.Kind == core.ChangeEverything {
			ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
			defer cancel()
			if err := h.Ring.Refresh(ctx); err != nil {
				h.Log.Warn("the key ring could not be read again", "event", "keys.refresh_failed", "error", err.Error())
			}
		}
	})
	h.Post = &outbox.Post{Ring: h.Ring, PerAddressHour: o.Config.Mail.PerAddressHour}
	room := enrol.Room{Ring: h.Ring, Post: h.Post}
	h.Directory = &directory.Service{Store: h.Store, Tree: h.Tree, Post: h.Post, Hasher: h.Hasher, Enrol: room, Now: now,
		Signs: func(ctx context.Context, alg string) error { _, err := h.Ring.TokenKey(ctx, alg); return err },
		Reserved: func(host string) bool {
			// Our own name is nobody's app; on this machine itself a demo may have one.
			u, err := url.Parse(h.Config.PublicURL)
			if err != nil {
				return true
			}
			own, ok := ident.Host(u.Host)
			return ok && own == host && !ident.Here(host)
		}}
	h.Rollout = &rollout.Service{Store: h.Store, Tree: h.Tree, Directory: h.Directory, Enrol: room, Post: h.Post, Log: h.Log, Now: now}
	h.Decoys = &signin.Decoys{Ring: h.Ring, Hasher: h.Hasher}
	h.SignIn = &signin.Service{Store: h.Store, Tree: h.Tree, Ring: h.Ring, Hasher: h.Hasher, Decoys: h.Decoys, Post: h.Post, Enrol: room,
		Limiter: signin.NewLimiter(o.Config.RateLimit.FailuresPerSource, o.Config.RateLimit.Window), Log: h.Log, Now: now, Count: h.Metrics.Count}
	h.Support = &support.Service{Store: h.Store, Tree: h.Tree, Post: h.Post, Now: now}
	h.Recovery = &recovery.Service{Store: h.Store, Tree: h.Tree, Post: h.Post, Enrol: room, Now: now}
	h.Roster = &roster.Service{Store: h.Store, Tree: h.Tree, Directory: h.Directory, Ring: h.Ring, Hashes: h.Decoys, Now: now}
	h.Sealer = &audit.Sealer{Store: h.Store, Ring: h.Ring, Now: now, Node: h.Node, Log: h.Log}
	return h.postman(o)
}

// postman makes the sender of mails, where a server is configured.
func (h *House) postman(o Options) error {
	server := o.Mail
	if server == nil {
		if o.Config.Mail.SMTPURL == "" {
			return nil
		}
		s, err := config.ParseSMTP(o.Config.Mail.SMTPURL)
		if err != nil {
			return err
		}
		server = &s
	}
	helo := "localhost"
	if u, err := url.Parse(h.Config.PublicURL); err == nil && u.Hostname() != "" {
		helo = u.Hostname()
	}
	var err error
	h.mailServer = mailAddress(*server)
	h.Sender, err = outbox.NewSMTP(*server, helo)
	return err
}

// Worker makes the delivery of mails, with links that begin at base.
func (h *House) Worker(base string) (*outbox.Worker, error) {
	from := mail.Address{Name: "Sallyport", Address: "no-reply@localhost"}
	if h.Config.Mail.From != "" {
		a, err := mail.ParseAddress(h.Config.Mail.From)
		if err != nil {
			return nil, fmt.Errorf("mail.from: %w", err)
		}
		from = *a
	}
	w := &outbox.Worker{Queue: h.Store, Ring: h.Ring, Renderer: outbox.Renderer{Base: base, From: from, Locale: h.Config.Locale.Default},
		PerAddressHour: h.Config.Mail.PerAddressHour, Now: h.Clock.Now, Log: h.Log, Node: h.Node, Every: time.Second, Settled: h.Metrics.Mail}
	if h.Sender != nil {
		w.Sender = h.Sender
	}
	return w, nil
}

// Close gives everything back. It may be called twice.
func (h *House) Close() {
	for i := len(h.close) - 1; i >= 0; i-- {
		h.close[i]()
	}
	h.close = nil
	if h.Store != nil {
		_ = h.Store.Close()
		h.Store = nil
	}
	if h.release != nil {
		h.release()
		h.release = nil
	}
}

// ringStore lends the key ring its rows of the store.
type ringStore struct{ store.Store }

func (r ringStore) LoadKeys(ctx context.Context) ([]secret.KeyRow, error) {
	rows, err := r.Store.LoadKeys(ctx)
	out := make([]secret.KeyRow, len(rows))
	for i, k := range rows {
		out[i] = secret.KeyRow(k)
	}
	return out, err
}

func (r ringStore) SaveKey(ctx context.Context, row secret.KeyRow, ifVersion int64) error {
	err := r.Store.SaveKey(ctx, store.KeyRow(row), ifVersion)
	if errors.Is(err, store.ErrConflict) {
		return secret.ErrRingChanged
	}
	return err
}
