package sqlstore

import (
	"cmp"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"sallyport/internal/core"
	"sallyport/internal/ident"
	"sallyport/internal/store"
	"sallyport/internal/store/sqlstore/db"
)

// A place in a list is the key of its last row, for some behind a word for the
// list it stands in. Nothing in it is trusted: it is only ever compared with.

// last sorts behind every key.
const last = "\U0010FFFF"

// placeOf cuts a place into its parts; a place that is none begins the list.
func placeOf(after string, parts int) []string {
	out := strings.SplitN(after, "\x00", parts)
	for len(out) < parts {
		out = append(out, "")
	}
	for i, s := range out {
		out[i] = text(s)
	}
	return out
}

func place(parts ...string) string { return strings.Join(parts, "\x00") }

// scope is what a list of people or events is about: a node and what is below it
// within its organisation.
func (t *tx) scope() (organisation, low, high string, err error) {
	own, err := t.Tenant()
	if err != nil {
		return "", "", "", err
	}
	low, high = branch(own.Path)
	return string(own.Organisation), low, high, nil
}

func (t *tx) Children(p store.Page, deletedToo bool) ([]core.Tenant, string, error) {
	after := placeOf(p.After, 2)
	rows, err := t.q.Children(t.ctx, db.ChildrenParams{
		TenantID: t.own(), AfterName: after[0], AfterID: after[1], DeletedToo: truth(deletedToo), Most: int64(p.Limit),
	})
	return t.nodes(rows, err, p.Limit)
}

func (t *tx) Named(prefix string, p store.Page) ([]core.Tenant, string, error) {
	_, low, high, err := t.scope()
	if err != nil {
		return nil, "", err
	}
	after, key := placeOf(p.After, 2), ident.NameKey(text(prefix))
	rows, err := t.q.NamedBelow(t.ctx, db.NamedBelowParams{
		LowName: key, HighName: key + last, AfterName: after[0], AfterID: after[1], Low: low, High: high, Most: int64(p.Limit),
	})
	return t.nodes(rows, err, p.Limit)
}

func (t *tx) Deleted(prefix string, p store.Page) ([]core.Tenant, string, error) {
	_, low, high, err := t.scope()
	if err != nil {
		return nil, "", err
	}
	after, key := placeOf(p.After, 2), ident.NameKey(text(prefix))
	rows, err := t.q.DeletedBelow(t.ctx, db.DeletedBelowParams{
		LowName: key, HighName: key + last, AfterName: after[0], AfterID: after[1], Low: low, High: high, Most: int64(p.Limit),
	})
	return t.nodes(rows, err, p.Limit)
}

func (t *tx) nodes(rows []db.Tenant, err error, limit int) ([]core.Tenant, string, error) {
	out, err := list(t, rows, err, tenantOf)
	if err != nil || len(rows) < limit || len(rows) == 0 {
		return out, "", err
	}
	end := rows[len(rows)-1]
	return out, place(end.NameKey, end.ID), nil
}

// People by login are merged from one list a standing, each read along its
// index: no row is sorted, and none is read that is not shown but for a page of
// each.
func (t *tx) People(q store.PeopleQuery) ([]store.Listed, string, error) {
	organisation, low, high, err := t.scope()
	if err != nil {
		return nil, "", err
	}
	wanted := q.Standings
	if len(wanted) == 0 {
		wanted = core.Standings
	}
	key := ident.NameKey(text(q.Prefix))
	at := placeOf(q.After, 3)
	var out []store.Listed
	add := func(u db.User, privileged int64) {
		out = append(out, store.Listed{User: userOf(u), Standing: core.Standing(u.Standing), Enrolled: u.Enrolled == 1, Privileged: privileged == 1})
	}
	if at[0] == "" || at[0] == "login" {
		for _, standing := range wanted {
			rows, err := t.q.PeoplePage(t.ctx, db.PeoplePageParams{
				OrganisationID: organisation, Standing: string(standing), After: at[1], FromLogin: key, ToLogin: key + last,
				Low: low, High: high, Most: int64(q.Limit),
			})
			if err != nil {
				return nil, "", t.err(err)
			}
			for _, r := range rows {
				add(r.User, r.Privileged)
			}
		}
		slices.SortFunc(out, func(a, b store.Listed) int { return cmp.Compare(a.User.LoginKey, b.User.LoginKey) })
		if len(out) >= q.Limit {
			out = out[:q.Limit]
			return out, place("login", out[len(out)-1].User.LoginKey), nil
		}
		if key == "" {
			return out, "", nil
		}
		at = []string{"name", "", ""}
	}
	standings := "" // none narrows nothing
	if len(q.Standings) > 0 {
		standings = spared(q.Standings)
	}
	for _, stage := range []struct {
		name string
		read func() (end string, n int, err error)
	}{
		{"name", func() (string, int, error) {
			rows, err := t.q.PeopleNamed(t.ctx, db.PeopleNamedParams{OrganisationID: organisation, FromKey: key, ToKey: key + last,
				AfterKey: at[1], AfterID: at[2], Standings: standings, Low: low, High: high, Most: int64(q.Limit - len(out))})
			end := ""
			for _, r := range rows {
				add(r.User, r.Privileged)
				end = place("name", r.User.NameKey, r.User.ID)
			}
			return end, len(rows), err
		}},
		{"family", func() (string, int, error) {
			rows, err := t.q.PeopleOfFamily(t.ctx, db.PeopleOfFamilyParams{OrganisationID: organisation, FromKey: key, ToKey: key + last,
				AfterKey: at[1], AfterID: at[2], Standings: standings, Low: low, High: high, Most: int64(q.Limit - len(out))})
			end := ""
			for _, r := range rows {
				add(r.User, r.Privileged)
				end = place("family", r.User.FamilyKey, r.User.ID)
			}
			return end, len(rows), err
		}},
		{"mail", func() (string, int, error) {
			rows, err := t.q.PeopleMailed(t.ctx, db.PeopleMailedParams{OrganisationID: organisation, FromKey: key, ToKey: key + last,
				AfterKey: at[1], AfterID: at[2], Standings: standings, Low: low, High: high, Most: int64(q.Limit - len(out))})
			end := ""
			for _, r := range rows {
				add(r.User, r.Privileged)
				end = place("mail", r.User.EmailKey, r.User.ID)
			}
			return end, len(rows), err
		}},
	} {
		if at[0] != stage.name {
			continue
		}
		end, _, err := stage.read()
		if err != nil {
			return nil, "", t.err(err)
		}
		if len(out) == q.Limit {
			return out, end, nil
		}
		at = []string{map[string]string{"name": "family", "family": "mail"}[stage.name], "", ""}
	}
	return out, "", nil
}

func (t *tx) OpenHolders(roles []core.Role, limit int) ([]core.User, error) {
	organisation, low, high, err := t.scope()
	if err != nil {
		return nil, err
	}
	found := map[string]core.User{}
	for _, r := range roles {
		rows, err := t.q.OpenHolders(t.ctx, db.OpenHoldersParams{Role: string(r), OrganisationID: organisation, Low: low, High: high, Most: int64(limit)})
		if err != nil {
			return nil, t.err(err)
		}
		for _, row := range rows {
			found[row.LoginKey] = userOf(row)
		}
	}
	var out []core.User
	for _, key := range slices.Sorted(maps.Keys(found)) {
		if len(out) < limit {
			out = append(out, found[key])
		}
	}
	return out, nil
}

func (t *tx) Counts() (store.Counts, error) {
	organisation, low, high, err := t.scope()
	if err != nil {
		return nil, err
	}
	rows, err := t.q.CountsHere(t.ctx, db.CountsHereParams{OrganisationID: organisation, Low: low, High: high})
	if err != nil {
		return nil, t.err(err)
	}
	out := store.Counts{}
	for _, r := range rows {
		out[core.Standing(r.Standing)] = int(r.People)
	}
	return out, nil
}

func (t *tx) CountsBelow() (map[core.TenantID]store.Counts, error) {
	_, low, high, err := t.scope()
	if err != nil {
		return nil, err
	}
	rows, err := t.q.CountsBelow(t.ctx, db.CountsBelowParams{Low: low, High: high})
	if err != nil {
		return nil, t.err(err)
	}
	out := map[core.TenantID]store.Counts{}
	for _, r := range rows {
		id := core.TenantID(r.OrganisationID)
		if out[id] == nil {
			out[id] = store.Counts{}
		}
		out[id][core.Standing(r.Standing)] = int(r.People)
	}
	return out, nil
}

func (t *tx) Losses() (store.Losses, error) {
	f, err := t.q.FactorsHere(t.ctx, t.own())
	if err != nil {
		return store.Losses{}, t.err(err)
	}
	n, err := t.q.TrustedHere(t.ctx, t.own())
	return store.Losses{People: int(f.People), Apps: int(f.Apps), Codes: int(f.Codes), Browsers: int(n)}, t.err(err)
}

func (t *tx) Newcomers(since time.Time) (int, time.Time, error) {
	organisation, low, high, err := t.scope()
	if err != nil {
		return 0, time.Time{}, err
	}
	row, err := t.q.Newcomers(t.ctx, db.NewcomersParams{OrganisationID: organisation, Since: micros(since), Low: low, High: high})
	return int(row.People), instant(row.Newest), t.err(err)
}

func (t *tx) Clashes(organisation core.TenantID, limit int) ([]core.User, error) {
	own, low, high, err := t.scope()
	if err != nil {
		return nil, err
	}
	rows, err := t.q.Clashes(t.ctx, db.ClashesParams{Low: low, High: high, OrganisationID: own, OtherOrganisation: string(organisation), Most: int64(limit)})
	return list(t, rows, err, userOf)
}

func (t *tx) WithoutEntry() (int, error) {
	organisation, low, high, err := t.scope()
	if err != nil {
		return 0, err
	}
	n, err := t.q.WithoutEntry(t.ctx, db.WithoutEntryParams{OrganisationID: organisation, Low: low, High: high})
	return int(n), t.err(err)
}

func (t *tx) Events(q store.EventsQuery) ([]core.Event, string, error) {
	organisation, low, high, err := t.scope()
	if err != nil {
		return nil, "", err
	}
	beforeAt, beforeSeq := eventPlace(q.After)
	if q.After == "" && !q.Until.IsZero() {
		beforeAt, beforeSeq = micros(q.Until), 0
	}
	name := text(q.Name)
	var rows []db.AuditEvent
	if q.About != "" {
		rows, err = t.q.EventsAbout(t.ctx, db.EventsAboutParams{About: text(q.About), OrganisationID: organisation, Since: micros(q.Since),
			BeforeAt: beforeAt, BeforeSeq: beforeSeq, FromName: name, ToName: name + last, WantResult: text(q.Result), Low: low, High: high, Most: int64(q.Limit)})
	} else {
		rows, err = t.q.EventsHere(t.ctx, db.EventsHereParams{OrganisationID: organisation, Since: micros(q.Since),
			BeforeAt: beforeAt, BeforeSeq: beforeSeq, FromName: name, ToName: name + last, WantResult: text(q.Result), Low: low, High: high, Most: int64(q.Limit)})
	}
	if err != nil {
		return nil, "", t.err(err)
	}
	out, err := eventsOf(rows)
	if err != nil || len(rows) < q.Limit || len(rows) == 0 {
		return out, "", err
	}
	end := rows[len(rows)-1]
	return out, placeOfEvent(end.At, end.Seq), nil
}

// eventPlace reads the place of an event; a place that is none is the newest end.
func eventPlace(after string) (at, seq int64) {
	a, b, ok := strings.Cut(after, ".")
	at, err := strconv.ParseInt(a, 36, 64)
	seq, err2 := strconv.ParseInt(b, 36, 64)
	if !ok || err != nil || err2 != nil {
		return math.MaxInt64, math.MaxInt64
	}
	return at, seq
}

func placeOfEvent(at, seq int64) string {
	return strconv.FormatInt(at, 36) + "." + strconv.FormatInt(seq, 36)
}
