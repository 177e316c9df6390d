package app_test

import (
	"encoding/base64"
	"net/http"
	"strings"
	"testing"

	"sallyport/internal/access"
	"sallyport/internal/core"
	"sallyport/internal/directory"
	"sallyport/internal/store"
	"sallyport/internal/testkit/house"
)

// B-38: nothing that opens one door is taken for another: the token of a session, sent
// as a bearer or as a password, is worth nothing on any row; and a service account is
// asked where it stands with every request, so one that is over, stopped, or of an
// organisation that is on hold or gone is refused with the words for one that never was.
func TestNothingIsExchangedB38(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		w := newWorld(t, h)
		r := w.enter(w.holder(w.huber, core.CustomerAdmin))
		token := r.Cookie("sallyport")
		for _, row := range rows() {
			method, path := target(row, "at_none", "none")
			if method != http.MethodGet {
				continue
			}
			nobody := h.Raw("")
			bare := nobody.Get(path)
			for _, header := range []string{"Bearer " + token, "Basic " + base64.StdEncoding.EncodeToString([]byte(":"+token)), "Token " + token} {
				as := h.Raw("")
				as.Header.Set("Authorization", header)
				if a := as.Get(path); a.Status != bare.Status || a.Location != bare.Location || a.Status == http.StatusOK && same(a) != same(bare) || len(a.Set) > len(bare.Set) {
					t.Errorf("%s with %.6s…: %d to %q, and without %d to %q", row.Pattern, header, a.Status, a.Location, bare.Status, bare.Location)
				}
			}
		}

		me := func(p *house.Person) house.Answer {
			c := h.Raw(at(w.n))
			w.n++
			c.Header.Set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(p.Login+":"+p.Password)))
			return c.Get("/api/v1/me")
		}
		never := w.account(w.huber, program)
		never.Login, never.Password = "nobody", "never the right words"
		want := me(never)
		for name, take := range map[string]func(org core.Tenant, p *house.Person) error{
			"stopped": func(_ core.Tenant, p *house.Person) error {
				return h.Directory.Disable(t.Context(), p.ID, access.System(), core.Client{})
			},
			"deleted": func(_ core.Tenant, p *house.Person) error {
				_, err := h.Directory.Delete(t.Context(), p.ID, access.System(), core.Client{})
				return err
			},
			"over": func(_ core.Tenant, p *house.Person) error {
				return h.Store.Update(t.Context(), p.Tenant, func(tx store.Tx) error {
					s, err := tx.Service(p.ID)
					if err != nil {
						return err
					}
					s.ExpiresAt = tx.Now().Add(-1)
					return tx.SaveService(s)
				})
			},
			"of what is on hold": func(org core.Tenant, _ *house.Person) error {
				_, err := h.Directory.Suspend(t.Context(), org.ID, access.System(), core.Client{})
				return err
			},
			"of what is gone": func(org core.Tenant, _ *house.Person) error {
				_, err := h.Directory.DeleteTenant(t.Context(), org.ID, org.Name, access.System(), core.Client{})
				return err
			},
		} {
			org := h.Tenant(directory.NewTenant{Kind: core.Customer, Name: "With " + name, Parent: w.nordwind.ID})
			p := w.account(org, program)
			if a := me(p); a.Status != http.StatusOK || !strings.Contains(a.Body, string(org.ID)) {
				t.Fatalf("%s, before: %d %s", name, a.Status, a.Body)
			}
			must(t, take(org, p))
			h.Settle()
			if a := me(p); a.Status != http.StatusUnauthorized || same(a) != same(want) {
				t.Errorf("%s: %d %s", name, a.Status, a.Body)
			}
		}
	})
}
