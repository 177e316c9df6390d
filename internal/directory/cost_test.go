package directory_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"sallyport/internal/access"
	"sallyport/internal/core"
	"sallyport/internal/directory"
	"sallyport/internal/store"
	"sallyport/internal/testkit/house"
)

// asked writes down what is asked of a store, snapshot by snapshot.
type asked struct {
	store.Store
	views [][]string
}

func (a *asked) View(ctx context.Context, t core.TenantID, fn func(store.Reader) error) error {
	a.views = append(a.views, nil)
	return a.Store.View(ctx, t, func(r store.Reader) error { return fn(&askedReader{r, a}) })
}

type askedReader struct {
	store.Reader
	a *asked
}

func (r *askedReader) note(what string) {
	last := len(r.a.views) - 1
	r.a.views[last] = append(r.a.views[last], what)
}

func (r *askedReader) Tenant() (core.Tenant, error)  { r.note("Tenant"); return r.Reader.Tenant() }
func (r *askedReader) Line() ([]core.Tenant, error)  { r.note("Line"); return r.Reader.Line() }
func (r *askedReader) Below() ([]core.Tenant, error) { r.note("Below"); return r.Reader.Below() }
func (r *askedReader) Counts() (store.Counts, error) { r.note("Counts"); return r.Reader.Counts() }
func (r *askedReader) Losses() (store.Losses, error) { r.note("Losses"); return r.Reader.Losses() }
func (r *askedReader) LiveSessions(s core.Standing) (int, error) {
	r.note("LiveSessions")
	return r.Reader.LiveSessions(s)
}
func (r *askedReader) CountsBelow() (map[core.TenantID]store.Counts, error) {
	r.note("CountsBelow")
	return r.Reader.CountsBelow()
}
func (r *askedReader) People(q store.PeopleQuery) ([]store.Listed, string, error) {
	r.note(fmt.Sprintf("People, at most %d", q.Limit))
	return r.Reader.People(q)
}
func (r *askedReader) Users(after core.UserID, limit int) ([]core.User, error) {
	r.note("Users")
	return r.Reader.Users(after, limit)
}
func (r *askedReader) User(id core.UserID) (core.User, error) {
	r.note("User")
	return r.Reader.User(id)
}
func (r *askedReader) Factors(id core.UserID) ([]core.Factor, error) {
	r.note("Factors")
	return r.Reader.Factors(id)
}
func (r *askedReader) Roles(id core.UserID) ([]core.RoleGrant, error) {
	r.note("Roles")
	return r.Reader.Roles(id)
}

// ACR-08, ACR-26: the bar is read from counters, so it asks the same of the store of
// a hundred times as many people; a page of the table asks by its own length; and the
// bar above a table is of the same snapshot.
func TestTheBarCostsTheSameForMorePeople(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		ctx := t.Context()
		partner := h.Tenant(directory.NewTenant{Kind: core.Partner, Name: "Nordwind"})
		org := h.Tenant(directory.NewTenant{Kind: core.Customer, Name: "Huber", Parent: partner.ID, Settings: core.SettingsDoc(`{"requirement":["organization"]}`)})
		unit := h.Tenant(directory.NewTenant{Kind: core.Unit, Name: "South", Parent: org.ID})
		n := 0
		more := func(many int) {
			for _, at := range []core.Tenant{org, unit} {
				h.Change(at.ID, func(tx store.Tx) error {
					for range many {
						n++
						now, login := tx.Now(), fmt.Sprintf("p%05d@example.com", n)
						u := core.User{ID: core.UserID(fmt.Sprintf("us_%026d", n)), Tenant: at.ID, Kind: core.Person, State: core.UserActive, Login: login, LoginKey: login, Email: login, EmailKey: login,
							Name: "Somebody", CreatedAt: now, ChangedAt: now, PlacedAt: now, ValidatedAt: now}
						if err := tx.InsertUser(u); err != nil {
							return err
						}
						if n%2 == 0 {
							f := core.Factor{ID: core.FactorID(fmt.Sprintf("fa_%026d", n)), Tenant: at.ID, User: u.ID, Kind: core.FactorTOTP, State: core.FactorConfirmed, Secret: []byte{1}, CreatedAt: now, ConfirmedAt: now}
							if err := tx.InsertFactor(f); err != nil {
								return err
							}
						}
					}
					return nil
				})
			}
		}
		a := &asked{Store: h.Store}
		svc := *h.Directory
		svc.Store = a
		questions := map[string]func() (directory.Progress, error){
			"the bar":           func() (directory.Progress, error) { return svc.Progress(ctx, org.ID, access.System()) },
			"the bar of a unit": func() (directory.Progress, error) { return svc.Progress(ctx, unit.ID, access.System()) },
			"a branch": func() (directory.Progress, error) {
				p, _, err := svc.Branch(ctx, partner.ID, access.System())
				return p, err
			},
			"a row of the tree": func() (directory.Progress, error) {
				rows, _, err := svc.Rows(ctx, partner.ID, store.Page{Limit: 50}, false, access.System())
				if err != nil || len(rows) != 1 {
					return directory.Progress{}, errors.Join(err, fmt.Errorf("%d rows", len(rows)))
				}
				return rows[0].Progress, nil
			},
			"a page of the table": func() (directory.Progress, error) {
				p, err := svc.People(ctx, org.ID, directory.PeopleQuery{Limit: 5}, access.System())
				return p.Progress, err
			},
			"a page by status": func() (directory.Progress, error) {
				p, err := svc.People(ctx, org.ID, directory.PeopleQuery{Status: core.MFASetupRequired, Limit: 5}, access.System())
				return p.Progress, err
			},
		}
		before := map[string]string{}
		for _, size := range []int{6, 600} {
			more(size - n/2)
			h.Settle()
			for name, ask := range questions {
				if _, err := ask(); err != nil { // what holds there is read once, and remembered
					t.Fatal(err)
				}
				a.views = nil
				p, err := ask()
				if err != nil {
					t.Fatal(err)
				}
				people := 2 * size
				if name == "the bar of a unit" {
					people = size
				}
				if p.Enabled != people/2 || p.SetupRequired != people/2 {
					t.Errorf("%s of %d: %+v", name, people, p)
				}
				said := fmt.Sprint(a.views)
				if was, known := before[name]; known && was != said {
					t.Errorf("%s asks more of the store for more people:\n%s\nthen\n%s", name, was, said)
				}
				before[name] = said
				if strings.HasPrefix(name, "a page") {
					first := a.views[len(a.views)-1]
					if !slices.Contains(first, "Counts") || !slices.ContainsFunc(first, func(q string) bool { return strings.HasPrefix(q, "People") }) {
						t.Errorf("%s: the bar and the table are of two moments: %s", name, said)
					}
				} else if strings.Contains(said, "People") || strings.Contains(said, "User") || strings.Contains(said, "Factors") || said == "[]" {
					t.Errorf("%s looks at people: %s", name, said)
				}
			}
		}
	})
}
