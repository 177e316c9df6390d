package app

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"runtime/debug"
	"sync"
	"time"

	"sallyport/internal/outbox"
	"sallyport/internal/rollout"
	"sallyport/internal/store"
	"sallyport/internal/web"
)

// Serving is a running house.
type Serving struct {
	URL  string // the public address, without a slash at its end
	Ops  string // address of the ops listener, empty when there is none
	Mail *outbox.Worker

	house   *House
	servers []*http.Server
	stop    context.CancelFunc
	work    sync.WaitGroup
	failed  chan error
	spare   []byte
}

// spare is counted by Go's collector as if it were in use and never touched, so
// no memory stands behind it. Little is alive in a server at rest, and the
// collector runs whenever as much garbage has come together: every few hundred
// requests, which took a third of their time. Now it waits for at least this
// much. A memory limit (GOMEMLIMIT) must allow for it.
const spare = 32 << 20

// ServeOptions say what a running house adds.
type ServeOptions struct {
	Routes func(base string) []web.Route // the demo's own pages
	Wrap   func(http.Handler) http.Handler
	Verbs  map[string]Verb // what the socket in the data folder answers
}

// Serve opens the listeners and starts the workers. It returns once everything
// answers; Wait waits for the end.
func (h *House) Serve(ctx context.Context, o ServeOptions) (*Serving, error) {
	main, err := net.Listen("tcp", h.Config.Listen)
	if err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	s := &Serving{house: h, URL: h.Config.BaseURL(main.Addr()), failed: make(chan error, 4), spare: make([]byte, spare)}
	h.URL = s.URL
	ctx, s.stop = context.WithCancel(ctx)
	fail := func(err error) (*Serving, error) {
		_ = main.Close()
		s.stop()
		return nil, err
	}
	if s.Mail, err = h.Worker(s.URL); err != nil {
		return fail(err)
	}
	var more []web.Route
	if o.Routes != nil {
		more = o.Routes(s.URL)
	}
	if err := h.Feed.Read(ctx); err != nil {
		return fail(err)
	}
	if h.Config.OwnTLS() {
		certs, err := tls.LoadX509KeyPair(h.Config.TLS.CertFile, h.Config.TLS.KeyFile)
		if err != nil {
			return fail(fmt.Errorf("tls.cert_file: %w", err))
		}
		main = tls.NewListener(main, &tls.Config{Certificates: []tls.Certificate{certs}, MinVersion: tls.VersionTLS12, NextProtos: []string{"h2", "http/1.1"}})
	}
	faces := h.Faces(s.URL, more...)
	if o.Wrap != nil {
		faces = o.Wrap(faces)
	}
	s.start(ctx) // when the faces stand: workers use what they are made of
	s.listen(main, faces)
	if h.Config.ListenOps != "" {
		ops, err := net.Listen("tcp", h.Config.ListenOps)
		if err != nil {
			s.Close()
			return nil, fmt.Errorf("listen_ops: %w", err)
		}
		s.Ops = "http://" + ops.Addr().String()
		s.listen(ops, h.Ops())
	}
	if Embedded(h.Config) && o.Verbs != nil {
		sock, err := listenSocket(h.Config.DataDir)
		if err != nil {
			s.Close()
			return nil, err
		}
		s.listen(sock, h.shell(o.Verbs))
	}
	return s, nil
}

func (s *Serving) listen(l net.Listener, handler http.Handler) {
	srv := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 60 * time.Second, WriteTimeout: 120 * time.Second,
		IdleTimeout: 120 * time.Second, MaxHeaderBytes: 64 << 10, ErrorLog: slog.NewLogLogger(s.house.Log.Handler(), slog.LevelDebug)}
	s.servers = append(s.servers, srv)
	s.work.Add(1)
	go func() {
		defer s.work.Done()
		if err := srv.Serve(l); err != nil && !errors.Is(err, http.ErrServerClosed) {
			s.failed <- err
		}
	}()
}

// start runs the workers until the house stops.
func (s *Serving) start(ctx context.Context) {
	h := s.house
	run := func(fn func(context.Context)) {
		s.work.Add(1)
		go func() { defer s.work.Done(); fn(ctx) }()
	}
	run(h.Feed.Run)
	run(func(ctx context.Context) {
		// What only the start needed goes back to the system: with spare, the
		// collector alone would not come by for minutes.
		select {
		case <-ctx.Done():
		case <-time.After(time.Second):
			debug.FreeOSMemory()
			if err := dropStartCode(); err != nil {
				h.Log.Debug("the start's code stays in memory", "event", "memory.kept", "error", err.Error())
			}
		}
	})
	run(s.Mail.Run)
	run(h.Sealer.Run)
	run(every(time.Second, func(ctx context.Context) {
		if err := h.Checker.Flush(ctx); err != nil {
			h.Log.Warn("last uses were not written", "event", "session.flush_failed", "error", err.Error())
		}
	}))
	run(h.countHashes)
	run(every(time.Minute, func(ctx context.Context) {
		mine, err := h.Store.Lease(ctx, "sweep", h.Node, h.Clock.Now(), 2*time.Minute)
		if err == nil && mine {
			_, err = h.Store.Sweep(ctx, h.Clock.Now(), 1000)
		}
		if err != nil && ctx.Err() == nil {
			h.Log.Warn("what is over was not swept", "event", "store.sweep_failed", "error", err.Error())
		}
	}))
	run(every(time.Second, h.work))
	run(every(time.Second, h.tell))
	run(every(time.Minute, h.endTrials))
	run(every(time.Minute, h.count))
	run(every(time.Hour, h.retire))
	run(every(time.Hour, h.upkeep))
	if h.Store.Engine() == "postgres" {
		run(every(2*time.Second, func(ctx context.Context) {
			if err := h.Clock.Measure(ctx, h.Store.Clock); err != nil && ctx.Err() == nil {
				h.Log.Warn("the database's clock was not read", "event", "clock.unread", "error", err.Error())
			}
		}))
	}
	if l, ok := h.Store.(interface {
		Listen(context.Context, func())
	}); ok {
		run(func(ctx context.Context) { l.Listen(ctx, h.Feed.Wake) })
	}
}

// countHashes tells the decoys what hashes are stored, when others may have
// imported some or people have signed in and turned theirs into ours.
func (h *House) countHashes(ctx context.Context) {
	wait := time.Duration(0)
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
		var err error
		if wait, err = h.Decoys.Count(ctx, h.Store); err != nil && ctx.Err() == nil {
			h.Log.Warn("imported password hashes were not counted", "event", "hashes.uncounted", "error", err.Error())
		}
	}
}

// every runs fn again and again until ctx ends.
func every(d time.Duration, fn func(context.Context)) func(context.Context) {
	return func(ctx context.Context) {
		t := time.NewTicker(d)
		defer t.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-t.C:
				fn(ctx)
			}
		}
	}
}

// Wait waits until ctx ends or a listener fails, then closes.
func (s *Serving) Wait(ctx context.Context) error {
	var err error
	select {
	case <-ctx.Done():
	case err = <-s.failed:
	}
	s.Close()
	return err
}

// Close lets running requests finish and stops the workers. The house stays
// open.
func (s *Serving) Close() {
	ctx, cancel := context.WithTimeout(context.Background(), s.house.Config.ShutdownTimeout)
	defer cancel()
	for _, srv := range s.servers {
		if srv.Shutdown(ctx) != nil {
			_ = srv.Close()
		}
	}
	s.stop()
	s.work.Wait()
	// What this node worked at by lease another may take up at once.
	for _, name := range []string{"outbox", "audit-seal", "sweep", rollout.Lease, leaseTrials, leaseUpkeep} {
		_, _ = s.house.Store.Lease(ctx, name, s.house.Node, s.house.Clock.Now(), 0) // it ends by itself otherwise
	}
	if err := s.house.Checker.Flush(ctx); err != nil && !errors.Is(err, store.ErrDown) {
		s.house.Log.Warn("last uses were not written", "event", "session.flush_failed", "error", err.Error())
	}
}
