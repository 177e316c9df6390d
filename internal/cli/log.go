package cli

import (
	"context"
	"io"
	"log/slog"
	"sync"
	"time"
)

// A server writes a line for every request. One write for each would be a tenth
// of what a session check costs, so these lines are gathered for a moment; any
// other line goes out at once and takes along what was gathered. Who kills the
// process hard loses at most that moment of them.
const (
	gatherFor  = 100 * time.Millisecond
	gatherMost = 32 << 10
)

// gathered is a handler whose request lines wait a moment.
type gathered struct {
	slog.Handler
	lines *lines
}

// gatherLines returns a handler made by over on a writer that gathers, and what
// to call before the process ends.
func gatherLines(w io.Writer, over func(io.Writer) slog.Handler) (slog.Handler, func()) {
	l := &lines{w: w}
	return gathered{over(l), l}, l.flush
}

func (g gathered) Handle(ctx context.Context, r slog.Record) error {
	err := g.Handler.Handle(ctx, r)
	if r.Level > slog.LevelInfo || r.Message != "request" {
		g.lines.flush()
	}
	return err
}

func (g gathered) WithAttrs(a []slog.Attr) slog.Handler {
	return gathered{g.Handler.WithAttrs(a), g.lines}
}

func (g gathered) WithGroup(name string) slog.Handler {
	return gathered{g.Handler.WithGroup(name), g.lines}
}

// lines is a writer of whole lines.
type lines struct {
	w    io.Writer
	mu   sync.Mutex
	buf  []byte
	soon *time.Timer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.buf = append(l.buf, p...)
	switch {
	case len(l.buf) >= gatherMost:
		l.out()
	case l.soon == nil:
		l.soon = time.AfterFunc(gatherFor, l.flush)
	}
	return len(p), nil
}

func (l *lines) flush() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.out()
}

// out writes what was gathered. A log that cannot be written must not stop the
// server, so there is nobody to tell.
func (l *lines) out() {
	if l.soon != nil {
		l.soon.Stop()
		l.soon = nil
	}
	if len(l.buf) > 0 {
		_, _ = l.w.Write(l.buf)
		l.buf = l.buf[:0]
	}
}
