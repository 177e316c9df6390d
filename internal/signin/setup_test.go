package signin_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"sallyport/internal/access"
	"sallyport/internal/core"
	"sallyport/internal/ident"
	"sallyport/internal/store"
	"sallyport/internal/testkit/house"
)

// federate marks an account as signing in elsewhere, which no page can do yet.
func federate(h *house.House, p *house.Person) {
	h.Change(p.Tenant, func(tx store.Tx) error {
		u, err := tx.User(p.ID)
		if err != nil {
			return err
		}
		u.Federated = true
		return tx.UpdateUser(u)
	})
}

func disable(h *house.House, p *house.Person) {
	h.T.Helper()
	if err := h.Directory.Disable(h.T.Context(), p.ID, access.System(), core.Client{}); err != nil {
		h.T.Fatal(err)
	}
	h.Settle()
}

// lock spends the whole password budget that strangers share.
func lock(h *house.House, p *house.Person) {
	h.T.Helper()
	r := h.Raw("203.0.113.250")
	for range core.DefaultSettings().Lockout.Password.Limit {
		r.Post("/sign-in", "login", p.Login, "password", "never the right words")
	}
	if !p.Budget("password").Locked(h.Clock.Now()) {
		h.T.Fatalf("%s is not locked: %+v", p.Login, p.Budget("password"))
	}
}

// at is an address of its own for the nth of many.
func at(n int) string { return fmt.Sprintf("10.%d.%d.1", n/200, n%200) }

// together runs n functions at the same time and waits for them.
func together(n int, fn func(i int)) {
	var wg sync.WaitGroup
	gun := make(chan struct{})
	for i := range n {
		wg.Add(1)
		go func() { defer wg.Done(); <-gun; fn(i) }()
	}
	close(gun)
	wg.Wait()
}

// bare is an answer's whole face but for what was typed into it.
func bare(a house.Answer, typed string) string {
	h := a.Header.Clone()
	h.Del("Date")
	h.Del("Content-Length") // the body is compared itself
	var b strings.Builder
	fmt.Fprintf(&b, "%d\n", a.Status)
	_ = h.Write(&b)
	return b.String() + strings.ReplaceAll(a.Body, typed, "…")
}

// step names where an answer leads: the last part of the path.
func step(a house.Answer) string { return a.Location[strings.LastIndexByte(a.Location, '/')+1:] }

func each(t *testing.T, fn func(t *testing.T, h *house.House)) { t.Helper(); house.Each(t, fn) }

// rename gives an account another login, which no page can do yet.
func rename(p *house.Person, login string) func(store.Tx) error {
	return func(tx store.Tx) error {
		u, err := tx.User(p.ID)
		if err != nil {
			return err
		}
		u.Login = login
		if u.LoginKey, err = ident.LoginKey(login); err != nil {
			return err
		}
		p.Login = login
		return tx.UpdateUser(u)
	}
}

// password is the stored hash of a person.
func password(h *house.House, p *house.Person) (hash string) {
	h.View(p.Tenant, func(r store.Reader) error {
		pw, err := r.Password(p.ID)
		hash = pw.Hash
		return err
	})
	return hash
}
