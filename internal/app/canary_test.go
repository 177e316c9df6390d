package app_test

import (
	"bytes"
	"compress/gzip"
	"encoding/base32"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/core"
	"sallyport/internal/factor/totp"
	"sallyport/internal/testkit/house"
)

// at is an address of its own for the nth of many.
func at(n int) string { return fmt.Sprintf("10.%d.%d.1", n/200, n%200) }

// together runs n functions at the same time and waits for them.
func together(n int, fn func(i int)) {
	var wg sync.WaitGroup
	for i := range n {
		wg.Add(1)
		go func() { defer wg.Done(); fn(i) }()
	}
	wg.Wait()
}

// secrets collects what must never be found, in every dress it could wear.
type secrets map[string]string // text → what it is

func (s secrets) add(what, text string) {
	if text == "" {
		return
	}
	s[text] = what
	if raw := []byte(text); len(raw) >= 12 {
		s[base64.StdEncoding.EncodeToString(raw)] = what + " in base64"
		s[hex.EncodeToString(raw)] = what + " in hex"
	}
}

func (s secrets) bytes(what string, raw []byte) {
	s[string(raw)] = what
	for name, enc := range map[string]func([]byte) string{"base64": base64.StdEncoding.EncodeToString, "base64url": base64.RawURLEncoding.EncodeToString,
		"hex": hex.EncodeToString, "base32": base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString} {
		s[enc(raw)] = what + " in " + name
	}
}

func (s secrets) find(t *testing.T, where string, text []byte) {
	t.Helper()
	for secret, what := range s {
		if bytes.Contains(text, []byte(secret)) {
			t.Errorf("%s holds %s", where, what)
		}
	}
}

// B-19, B-44, N-25, W-02, decision 7.12: secrets appear on the one page that is
// meant to show them and nowhere else: not on any other page, not in a log, the
// audit log, an exported event, or a dump of the store.
func TestSecretsAreNowhereB44(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		canary := secrets{}
		// Eight digits: six would be found by chance among so many.
		org := h.Organisation("Canary", "self-service", `{"totp":{"digits":8},"enrol_proof":"always_mail","user_may_disable":"second_factor"}`)
		u, link := h.Invite(org, "anna@example.com")
		canary.add("the link of the invitation", strings.TrimPrefix(link, "/invitation/"))
		const password, next = "canary pass phrase one", "canary pass phrase two"
		canary.add("a password", password)
		canary.add("a password", next)
		p := (&house.Person{ID: u.ID, Tenant: org.ID, Login: u.Login, Password: password}).In(h)

		var pages []house.Answer
		r := h.Raw("192.0.2.1")
		keep := func(a house.Answer) house.Answer {
			pages = append(pages, a)
			for _, c := range a.Set {
				if c.Name != "sallyport-lang" && c.Name != "sallyport-done" { // words, no secrets
					canary.add("the cookie "+c.Name, c.Value)
				}
			}
			return a
		}
		code := func() string { h.Clock.Advance(30e9); return house.CodeOf(t, p.Key, 8, h.Clock.Now()) }
		keep(r.Get(link))
		keep(r.Post(link, "new_password", password))
		setup := r.Get("/account/security/totp")
		p.Key = setup.Of("data-setup-key")
		plain, ok := totp.ParseSetupKey(p.Key)
		if !ok {
			t.Fatalf("no key on page %q, fault %q", setup.Page(), setup.Fault())
		}
		canary.bytes("a setup key", plain)
		canary.add("a setup key in groups", p.Key)
		first := code()
		canary.add("a code", first)
		keep(r.Post("/account/security/totp", "code", first))
		sheet := r.Get("/account/security/recovery-code")
		p.Recovery = sheet.Of("data-recovery-code")
		recovery := p.Recovery
		canary.add("a recovery code", recovery)
		canary.add("a recovery code without dashes", strings.ReplaceAll(recovery, "-", ""))
		keep(r.Post("/account/security/recovery-code", "saved", "yes"))

		s := h.Raw("192.0.2.2")
		door := keep(s.Post("/sign-in", "login", p.Login, "password", password)).Location
		keep(s.Get(door))
		keep(s.Post(door, "code", "00000000"))
		keep(s.Post(door, "code", "NO-SUCH-RECOVERY-CODE"))
		used := code()
		canary.add("a code", used)
		keep(s.Post(door, "code", used))
		door = keep(s.Plant("sallyport", "").Post("/sign-in", "login", p.Login, "password", password)).Location
		keep(s.Post(door, "code", used)) // replayed: told as used, on the page as typed
		keep(s.Post(door, "code", recovery))
		canary.add("a recovery code", s.Get("/account/security/recovery-code").Of("data-recovery-code"))
		keep(s.Post("/account/security/recovery-code", "saved", "yes"))
		keep(s.Post("/account/password", "password", password, "new_password", "short one"))
		keep(s.Post("/account/password", "password", password, "new_password", next, "end_others", "yes"))
		for _, path := range []string{"/", "/account/", "/account/security", "/account/security/sessions", "/account/profile", "/account/password", "/account/security/disable", "/account/security/recovery-code"} {
			keep(s.Get(path))
		}
		h.Clock.Advance(time.Hour) // the address had its share of mails
		keep(h.Raw("").Post("/reset", "login", p.Login))
		reset := h.Link(p.Login, "/reset/")
		canary.add("the link of a reset", strings.TrimPrefix(reset, "/reset/"))
		operator, _, err := h.Recovery.AdminLink(t.Context(), p.ID, access.Shell(), core.Client{})
		if err != nil {
			t.Fatal(err)
		}
		canary.add("the operator's link", strings.TrimPrefix(operator, "/admin-link/"))
		h.Raw("").Post("/sign-in", "login", password, "password", p.Login) // typed into the wrong fields
		h.Raw("").Get("/invitation/" + password)
		h.Raw("").Do(http.MethodPost, "/sign-in", "text/plain", "password="+password)
		h.Mails(p.Login)

		// Pages: the code one typed comes back in its field on a refusal, and the link
		// that one opened is the form's own address; nothing else may.
		for _, a := range pages {
			for secret, what := range canary {
				if strings.Contains(a.Body, secret) && what != "a code" && !strings.HasPrefix(what, "the link of") {
					t.Errorf("the page %q holds %s", a.Page(), what)
				}
			}
		}
		canary.find(t, "the log", []byte(h.Logs.String()))
		events, err := h.Store.EventsAfter(t.Context(), 0, 10_000)
		if err != nil || len(events) < 20 {
			t.Fatalf("%d events, %v", len(events), err)
		}
		export, err := json.Marshal(events)
		if err != nil {
			t.Fatal(err)
		}
		canary.find(t, "the audit log", export)
		for _, word := range []string{"anna@example.com", "Somebody", "192.0.2.2:"} { // decision 7.13: ids, never names
			if bytes.Contains(export, []byte(word)) {
				t.Errorf("the audit log holds %q", word)
			}
		}
		canary.find(t, "a dump of the store", dump(t, h))
	})
}

// dump is all that the store holds: its portable backup and, where there are
// any, its files.
func dump(t *testing.T, h *house.House) (out []byte) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "dump")
	if err := h.Store.Backup(t.Context(), path); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	if out, err = io.ReadAll(z); err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(out, []byte("anna@example.com")) {
		t.Fatal("the dump does not even hold the person")
	}
	files, _ := filepath.Glob(filepath.Join(h.Config.DataDir, "*.db*"))
	for _, name := range files {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, b...)
	}
	return out
}
