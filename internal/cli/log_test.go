package cli

import (
	"io"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// writes keeps each write as one string.
type writes struct {
	mu  sync.Mutex
	all []string
}

func (w *writes) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.all = append(w.all, string(p))
	return len(p), nil
}

func (w *writes) count() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.all)
}

// Lines of requests go out together and in order, nothing is lost or doubled, and
// whatever is not such a line goes out at once.
func TestRequestLinesAreGathered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		out := &writes{}
		h, flush := gatherLines(out, func(w io.Writer) slog.Handler { return slog.NewJSONHandler(w, nil) })
		log := slog.New(h).With("node", "n1")
		for range 3 {
			log.Info("request", "status", 200)
		}
		if n := out.count(); n != 0 {
			t.Errorf("%d writes before the moment is over", n)
		}
		time.Sleep(gatherFor + time.Millisecond)
		synctest.Wait()
		if n := out.count(); n != 1 || strings.Count(out.all[0], "\n") != 3 {
			t.Errorf("%d writes after it: %q", n, out.all)
		}
		log.Info("request", "status", 303)
		log.Error("request", "status", 500)
		log.WithGroup("g").Info("stopped")
		if n := out.count(); n != 3 || strings.Count(out.all[1], "\n") != 2 {
			t.Errorf("an error and another line waited: %q", out.all)
		}
		long := strings.Repeat("x", 1000)
		for range 2 * gatherMost / 1000 {
			log.Info("request", "route", long)
		}
		if n := out.count(); n < 5 {
			t.Errorf("%d writes although more than fits was said", n)
		}
		flush()
		synctest.Wait()
		all := strings.Join(out.all, "")
		if n := strings.Count(all, "\n"); n != 6+2*gatherMost/1000 {
			t.Errorf("%d lines", n)
		}
		for _, line := range strings.Split(strings.TrimSpace(all), "\n") {
			if !strings.HasPrefix(line, "{") || !strings.HasSuffix(line, "}") || !strings.Contains(line, `"node":"n1"`) {
				t.Errorf("torn: %q", line)
			}
		}
	})
}
