package roster

import (
	"sallyport/internal/audit"
	"sallyport/internal/core"
	"sallyport/internal/store"
)

// arrived is told, in the transaction that brings them in, of everybody who
// comes with a chunk. What is written because people came is written here.
//
// Each has an event of their own, for it costs a tenth of bringing them in and
// their history begins with it, and so has every right beyond a plain user's.
// One more says how many came at once, in the platform's log.
func (k *chunk) arrived(tx store.BulkTx, people []store.Newcomer) error {
	events := make([]core.Event, 0, len(people)+1)
	tenants := map[core.TenantID]bool{}
	apps, passwords := 0, 0
	for _, a := range people {
		tenants[a.User.Tenant] = true
		e := audit.On(audit.UserCreated, k.by.ID(), string(a.User.ID), k.client)
		e.Tenant, e.Detail = a.User.Tenant, detailOf(a)
		events = append(events, e)
		if a.Password.Hash != "" {
			passwords++
		}
		apps += len(a.Factors)
		for _, g := range a.Roles {
			if g.Role == core.RoleUser {
				continue
			}
			e := audit.Note(audit.On(audit.RoleGranted, k.by.ID(), string(a.User.ID), k.client), "role", string(g.Role))
			e.Tenant = a.User.Tenant
			events = append(events, e)
		}
	}
	e := audit.On(audit.PeopleImported, k.by.ID(), string(k.index.root), k.client)
	e = audit.Count(audit.Count(e, "people", len(people)), "tenants", len(tenants))
	e = audit.Count(audit.Count(e, "passwords", passwords), "apps", apps)
	e.Tenant = k.index.root
	return tx.Append(append(events, e))
}

// Four details are made once, since a chunk writes one of them a thousand times.
var details = map[[2]bool]map[string]string{
	{false, false}: {"with": "import"},
	{true, false}:  {"with": "import password"},
	{false, true}:  {"with": "import app"},
	{true, true}:   {"with": "import password app"},
}

func detailOf(a store.Newcomer) map[string]string {
	return details[[2]bool{a.Password.Hash != "", len(a.Factors) > 0}]
}
