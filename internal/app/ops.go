package app

import (
	"context"
	"encoding/json"
	"net/http"
	"time"
)

// Check is one line of /readyz and of the doctor.
type Check struct {
	Name   string `json:"name"`
	OK     bool   `json:"ok"`
	Detail string `json:"detail,omitempty"`
}

// Ready tells whether this node can do its work, and if not, why.
func (h *House) Ready(ctx context.Context) (bool, []Check) {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	var out []Check
	add := func(name string, err error, detail string) {
		c := Check{Name: name, OK: err == nil, Detail: detail}
		if err != nil {
			c.Detail = err.Error()
		}
		out = append(out, c)
	}
	add("store", h.Store.Ping(ctx), h.Store.Engine())
	_, err := h.Ring.List(ctx)
	add("keys", err, "")
	skew := h.Clock.Skew()
	out = append(out, Check{Name: "clock", OK: skew.Abs() <= MaxSkew, Detail: skew.Round(time.Millisecond).String()})
	feed := Check{Name: "feed", OK: h.Feed.Fresh(), Detail: "the change feed is read"}
	if !feed.OK {
		feed.Detail = "the change feed could not be read lately: what other nodes change is not heard"
	}
	out = append(out, feed)
	mail := Check{Name: "mail", OK: true, Detail: "no mail server is configured; mails wait"}
	if h.Sender != nil {
		mail.Detail = "configured"
	}
	out = append(out, mail)
	ok := true
	for _, c := range out {
		ok = ok && c.OK
	}
	return ok, out
}

// Ops is the handler of the second listener.
func (h *House) Ops() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /livez", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		_, _ = w.Write([]byte("ok\n"))
	})
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) {
		ok, checks := h.Ready(r.Context())
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Cache-Control", "no-store")
		if !ok {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"ready": ok, "checks": checks})
	})
	if h.Config.Metrics.Enabled {
		mux.Handle("GET /metrics", h.Metrics.Handler())
	}
	return mux
}
