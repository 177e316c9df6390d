package demo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
	"unicode/utf8"

	"sallyport/internal/app"
	"sallyport/internal/config"
	"sallyport/internal/core"
	"sallyport/internal/outbox"
	"sallyport/internal/web"
)

// Options say how the demo runs.
type Options struct {
	Config config.Config // listen addresses, data_dir ("" for a folder that vanishes), store.dsn
	Log    *slog.Logger
	Once   bool // end after the walk
	JSON   bool
	Out    io.Writer // results
	Err    io.Writer // talk
	Verbs  map[string]app.Verb
}

// Run opens the house, walks, and unless Once keeps serving until ctx ends or
// the program is interrupted.
func Run(ctx context.Context, o Options) (err error) {
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	vanishes := o.Config.DataDir == "" && app.Embedded(o.Config)
	if o.Config.DataDir == "" {
		dir, err := os.MkdirTemp("", "sallyport-demo-")
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
		o.Config.DataDir = filepath.Join(dir, "data")
		o.Config.Encryption.KeyFile = filepath.Join(dir, "data.key")
	}
	var clock atomic.Pointer[app.Clock]
	inbox, err := outbox.OpenInbox("127.0.0.1:0", func() time.Time {
		if c := clock.Load(); c != nil {
			return c.Now()
		}
		return time.Now()
	})
	if err != nil {
		return fmt.Errorf("the demo's inbox: %w", err)
	}
	defer inbox.Close()
	server, err := config.ParseSMTP(inbox.URL())
	if err != nil {
		return err
	}
	h, err := app.Open(ctx, app.Options{Config: o.Config, Log: o.Log, Who: "demo", Demo: true, Mail: &server})
	if err != nil {
		return err
	}
	defer h.Close()
	clock.Store(h.Clock)
	if err := h.SetBack(ctx, walkTime); err != nil {
		return err
	}
	d := &Demo{house: h, inbox: inbox, ready: make(chan struct{}), doors: map[doorName]core.UserID{}}
	s, err := h.Serve(ctx, app.ServeOptions{Verbs: o.Verbs, Routes: func(base string) []web.Route { d.base, d.app = base, newRelying(base, h.Clock.Now); return d.routes() }, Wrap: d.overhear})
	if err != nil {
		return err
	}
	defer s.Close()
	say := &teller{json: o.JSON, out: o.Out, err: o.Err, began: time.Now()}
	say.banner(s.URL, vanishes)
	d.worker = s.Mail
	if err := d.walk(ctx, say); err != nil {
		return err
	}
	close(d.ready)
	say.end(s, inbox, o.Once)
	if o.Once {
		return nil
	}
	return s.Wait(ctx)
}

// teller prints the walk: a line a step.
type teller struct {
	json  bool
	out   io.Writer
	err   io.Writer
	began time.Time
	steps int
}

func (t *teller) banner(url string, vanishes bool) {
	if t.json {
		return
	}
	end := "data stays"
	if vanishes {
		end = "data gone at the end"
	}
	fmt.Fprintf(t.out, "Sallyport demo at %s: loopback only, invented people, %s.\n\n", url, end)
}

func (t *teller) step(name string, rows []string, took time.Duration, proof string, err error) {
	t.steps++
	if rows == nil {
		rows = []string{}
	}
	if t.json {
		line := map[string]any{"step": name, "rows": rows, "ok": err == nil, "ms": took.Milliseconds(), "proof": proof}
		if err != nil {
			line["proof"] = err.Error()
		}
		_ = json.NewEncoder(t.out).Encode(line)
		return
	}
	if err != nil {
		fmt.Fprintf(t.out, "  ✗ %s: %v\n", name, err)
		return
	}
	fmt.Fprintf(t.out, "  ✓ %-34s %s\n", name, folded(fmt.Sprintf("%s (%d\u00a0ms)", proof, took.Milliseconds())))
}

// folded breaks what is too long for a line of a terminal between words, so that it
// goes on below where it began.
func folded(text string) string {
	const indent, wide = 39, 90
	var b strings.Builder
	at := 0
	for i, word := range strings.Split(text, " ") {
		n := utf8.RuneCountInString(word)
		switch {
		case i == 0:
		case at+1+n > wide:
			b.WriteString("\n" + strings.Repeat(" ", indent))
			at = 0
		default:
			b.WriteString(" ")
			at++
		}
		b.WriteString(word)
		at += n
	}
	return b.String()
}

func (t *teller) end(s *app.Serving, inbox *outbox.Inbox, once bool) {
	if t.json {
		_ = json.NewEncoder(t.out).Encode(map[string]any{"ready": true, "url": s.URL, "ops": s.Ops, "smtp": inbox.Addr()})
		return
	}
	fmt.Fprintf(t.out, "\n%d steps held in %.1f s.\n", t.steps, time.Since(t.began).Seconds())
	if once {
		return
	}
	fmt.Fprintf(t.out, "\nNow yours, until you press Ctrl-C:\n  %-40s four doors, one click each\n  %-40s its inbox\n  %-40s people to sign in as, with passwords and setup keys\n  %-40s state of the machine room\n",
		s.URL+"/", s.URL+"/demo/mail", s.URL+"/demo/people.json", s.Ops+"/readyz")
}

// FreeAddress is a loopback address with a port that is free now.
func FreeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}
