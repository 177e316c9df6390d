package oidc_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"sallyport/internal/core"
	"sallyport/internal/testkit/house"
)

// ears is where an app is told that a sign-in is over.
type ears struct {
	mu     sync.Mutex
	status int
	heard  []string
	kind   string
	came   chan struct{}
}

func listen(t *testing.T) (*ears, string) {
	e := &ears{status: http.StatusOK, came: make(chan struct{}, 100)}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		form, _ := url.ParseQuery(string(body))
		e.mu.Lock()
		e.heard, e.kind = append(e.heard, form.Get("logout_token")), r.Header.Get("Content-Type")
		status := e.status
		e.mu.Unlock()
		w.WriteHeader(status)
		e.came <- struct{}{}
	}))
	t.Cleanup(s.Close)
	return e, s.URL + "/over"
}

func (e *ears) answer(status int) { e.mu.Lock(); e.status = status; e.mu.Unlock() }

// next waits for the next word.
func (e *ears) next(t *testing.T) string {
	t.Helper()
	select {
	case <-e.came:
	case <-time.After(30 * time.Second):
		t.Fatal("nobody tells")
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.heard[len(e.heard)-1]
}

// L-03, A-24: an app is told of the end of a sign-in by a token that is nothing else,
// once; a try that went wrong is made again, and not for ever.
func TestAppsAreToldOfTheEndL03(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		ear, at := listen(t)
		org := h.Organisation("Told", "self-service", "")
		p := h.Enrolled(org, "anna@example.com")
		c := newApp(t, h, org.ID, func(d *core.AppDoc) { d.BackchannelURI = at })
		in := h.Raw("")
		p.Enter(in)
		first := c.good(c.exchange(c.code(in, "scope", "openid offline_access")))
		c.good(c.exchange(c.code(in))) // a second family of the same session is the same word
		sid := claims(t, first.str("id_token"))["sid"]
		in.Post("/sign-out")
		token := ear.next(t)
		ear.mu.Lock()
		if ear.kind != "application/x-www-form-urlencoded" {
			t.Errorf("told as %s", ear.kind)
		}
		ear.mu.Unlock()
		signed, err := jose.ParseSignedCompact(token, []jose.SignatureAlgorithm{jose.ES256})
		if err != nil || signed.Signatures[0].Protected.ExtraHeaders[jose.HeaderType] != "logout+jwt" {
			t.Fatalf("told %q, %v", token, err)
		}
		got := claims(t, token)
		events, _ := got["events"].(map[string]any)
		if got["iss"] != h.URL || got["aud"] != string(c.app.ID) || got["sub"] != string(p.ID) || got["sid"] != sid || got["jti"] == "" || got["nonce"] != nil ||
			events["http://schemas.openid.net/event/backchannel-logout"] == nil || got["exp"].(float64)-got["iat"].(float64) != 120 {
			t.Errorf("told %v", got)
		}
		if c.userinfo(token).Status != http.StatusUnauthorized || c.back(h.Raw("").Get(c.ask("id_token_hint", token))).Get("error") != "invalid_request" {
			t.Error("a logout token is good for something else")
		}
		if !c.active(first.str("refresh_token")) {
			t.Error("what may outlive the session does not")
		}

		// An app that stumbles is told again, later and later, and then no more.
		ear.answer(http.StatusServiceUnavailable)
		p.Enter(in)
		c.good(c.exchange(c.code(in)))
		in.Post("/sign-out")
		ear.next(t)
		for range 6 {
			noted(t, h)
			h.Clock.Advance(31 * time.Minute)
			ear.next(t)
		}
		noted(t, h)
		if due, err := h.Store.DueLogouts(t.Context(), h.Clock.Now().Add(24*time.Hour), 10); err != nil || len(due) != 0 {
			t.Errorf("still to be told: %v, %v", due, err)
		}
		ear.mu.Lock()
		if n := len(ear.heard); n != 8 {
			t.Errorf("told %d times", n)
		}
		ear.mu.Unlock()
		// Ending everything tells as well, and giving tokens back does not.
		ear.answer(http.StatusOK)
		p.Enter(in)
		back := c.good(c.exchange(c.code(in)))
		c.good(c.post("/oauth2/revoke", "token", back.str("refresh_token")))
		c.good(c.exchange(c.code(in)))
		admin := h.Proven(h.Enrolled(org, "boss@example.com", core.CustomerAdmin))
		if _, err := h.Directory.EndSessions(t.Context(), p.ID, admin, core.Client{}); err != nil {
			t.Fatal(err)
		}
		if last := claims(t, ear.next(t)); last["sub"] != string(p.ID) {
			t.Errorf("told %v", last)
		}
	})
}

// noted waits until what came of a try is written down.
func noted(t *testing.T, h *house.House) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); <-time.After(5 * time.Millisecond) {
		if waiting, err := h.Teller.Waiting(t.Context()); err != nil {
			t.Fatal(err)
		} else if !waiting {
			return
		}
	}
	t.Fatal("it is told without an end")
}
