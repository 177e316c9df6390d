package roster_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"

	"golang.org/x/crypto/bcrypt"

	"sallyport/internal/access"
	"sallyport/internal/core"
	"sallyport/internal/directory"
	"sallyport/internal/roster"
	"sallyport/internal/secret"
	"sallyport/internal/store"
	"sallyport/internal/testkit/house"
)

const appKey = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"

// hash is of house.Password, by another system.
func hash(t testing.TB) string {
	t.Helper()
	h, err := bcrypt.GenerateFromPassword([]byte(house.Password), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	return string(h)
}

func bring(h *house.House, o roster.Options, rows ...roster.Row) roster.Outcome {
	h.T.Helper()
	out, err := h.Roster.Bring(h.T.Context(), rows, o, access.Shell(), core.Client{})
	if err != nil {
		h.T.Fatal(err)
	}
	return out
}

// faults are the codes of an outcome, by row.
func faults(o roster.Outcome) map[int]string {
	out := map[int]string{}
	for _, p := range o.Problems {
		out[p.Row] = p.Fault.Code
	}
	return out
}

func find(h *house.House, login string) store.Login {
	h.T.Helper()
	l, err := h.Store.FindLogin(h.T.Context(), login, nil)
	if err != nil {
		h.T.Fatalf("%s: %v", login, err)
	}
	return l
}

// everybody lists logins in their order.
func everybody(h *house.House) (logins []string) {
	h.T.Helper()
	users, err := h.Store.AllUsers(h.T.Context(), "", 100_000)
	if err != nil {
		h.T.Fatal(err)
	}
	for _, u := range users {
		logins = append(logins, u.LoginKey)
	}
	return logins
}

// Somebody who comes with a password and an app signs in with both, and is given
// a recovery code then.
func TestImportedPeopleSignIn(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		org := h.Organisation("Bäckerei Huber", "self-service", "")
		out := bring(h, roster.Options{Tenant: "Bäckerei Huber"},
			roster.Row{Login: "anna", Email: "Anna@example.com", Name: "Anna Berg", PasswordHash: hash(t), TOTPSecret: appKey, Locale: "de", Roles: "user,helpdesk"},
			roster.Row{Email: "ben@example.com", PasswordHash: hash(t), TOTPSecret: appKey, TOTPDigits: "8"},
			roster.Row{Email: "cleo@example.com", PasswordHash: hash(t)},
			roster.Row{Email: "dora@example.com", PasswordHash: hash(t), MustChange: "true"},
			roster.Row{Email: "emil@example.com", PasswordHash: hash(t), Status: "disabled"},
			roster.Row{Email: "fritz@example.com", PasswordHash: hash(t), Status: "invited"},
			roster.Row{Email: "gina@example.com", PasswordHash: hash(t), Federated: "true"})
		if out.Created != 7 || len(out.Problems) != 0 || out.Apps != 2 || out.Hashes["bcrypt"] != 6 {
			t.Fatalf("%+v", out)
		}
		person := func(login string) *house.Person {
			return (&house.Person{ID: find(h, login).User.ID, Tenant: org.ID, Login: login, Password: house.Password, Key: appKey}).In(h)
		}
		anna := person("anna")
		if u := anna.User(); u.Name != "Anna Berg" || u.Email != "Anna@example.com" || u.EmailKey != "anna@example.com" || u.Locale != "de" || u.State != core.UserValidated ||
			u.ValidatedAt.IsZero() || !u.LastSignInAt.IsZero() || u.CreatedAt.IsZero() {
			t.Errorf("%+v", u)
		}
		f := anna.Factors()
		if len(f) != 1 || f[0].State != core.FactorConfirmed || f[0].Doc.Source != "import" || f[0].Doc.Issuer != "Bäckerei Huber" || f[0].Doc.Account != "anna" || anna.Status() != core.MFAEnabled {
			t.Errorf("%+v, %s", f, anna.Status())
		}
		// The code is asked for, and after it stands the page with a recovery code.
		r := h.Raw("10.0.0.1")
		a := r.Post(anna.Attempt(r), "code", anna.Fresh())
		if !a.In() || a.Location != "/account/security/recovery-code" && !strings.Contains(a.Location, "recovery") {
			t.Errorf("anna gets to %q, fault %q", a.Location, a.Fault())
		}
		if len(r.Get(a.Location).Of("data-recovery-code")) < 24 {
			t.Error("anna is shown no recovery code")
		}
		if u := anna.User(); u.State != core.UserActive || !strings.HasPrefix(find(h, "anna").Password.Hash, "$argon2id$") {
			t.Errorf("after the first sign-in: %s", u.State)
		}
		// The same code is spent, and the app goes on with the next.
		if a = r.Post(anna.Attempt(h.Raw("10.0.0.2")), "code", "000000"); a.In() {
			t.Error("a wrong code opens")
		}
		ben := person("ben@example.com")
		r = h.Raw("10.0.0.3")
		if a = r.Post(ben.Attempt(r), "code", house.CodeOf(t, appKey, 8, h.Clock.Now())); !a.In() {
			t.Errorf("eight digits lead to %q, fault %q", a.Location, a.Fault())
		}
		if a = person("cleo@example.com").Knock(h.Raw("10.0.0.4")); !a.In() {
			t.Errorf("a password alone leads to %q, fault %q", a.Location, a.Fault())
		}
		if a = person("dora@example.com").Knock(h.Raw("10.0.0.5")); !strings.HasSuffix(a.Location, "/new-password") {
			t.Errorf("who must change the password gets to %q, fault %q", a.Location, a.Fault())
		}
		for i, login := range []string{"emil@example.com", "fritz@example.com", "gina@example.com"} {
			if a = person(login).Knock(h.Raw(fmt.Sprintf("10.0.1.%d", i))); a.Fault() != core.ErrRefused.Code {
				t.Errorf("%s gets to %q, fault %q", login, a.Location, a.Fault())
			}
		}
		for login, want := range map[string]core.MFAStatus{"fritz@example.com": core.MFAPendingValidation, "gina@example.com": core.MFANotApplicable, "cleo@example.com": core.MFADisabled} {
			if got := person(login).Status(); got != want {
				t.Errorf("%s is %s, want %s", login, got, want)
			}
		}
		if hash := find(h, "gina@example.com").Password.Hash; hash != "" || out.Notes["federated.secrets_left_out"] != 1 {
			t.Errorf("a federated person's hash is kept: %v", out.Notes)
		}
		// Who was disabled is enabled to what an import makes of active people.
		if err := h.Directory.Enable(t.Context(), person("emil@example.com").ID, access.System(), core.Client{}); err != nil {
			t.Fatal(err)
		}
		if a = person("emil@example.com").Knock(h.Raw("10.0.0.6")); !a.In() {
			t.Errorf("enabled: %q, fault %q", a.Location, a.Fault())
		}
		// Who is invited gets a link by the usual verb, and no mail before.
		if got := h.Mails("fritz@example.com"); len(got) != 0 {
			t.Errorf("an import sent %v", got)
		}
		if _, err := h.Directory.Reinvite(t.Context(), person("fritz@example.com").ID, access.System(), core.Client{}); err != nil {
			t.Fatal(err)
		}
		if page := h.Must(h.Browser("").Get(h.Link("fritz@example.com", "/invitation/"))); page.Fault != "" {
			t.Errorf("fritz's invitation: %s", page.Fault)
		}
	})
}

// Everything that an import writes about somebody stands in the audit log, the
// chunk itself too.
func TestImportIsAudited(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		org := h.Organisation("Audited", "", "")
		unit, err := h.Directory.CreateTenant(t.Context(), directory.NewTenant{Kind: core.Unit, Name: "Süd", Parent: org.ID}, access.System(), core.Client{})
		if err != nil {
			t.Fatal(err)
		}
		bring(h, roster.Options{}, roster.Row{Email: "a@example.com", Tenant: string(org.ID), PasswordHash: hash(t), TOTPSecret: appKey, Roles: "customer_admin user"},
			roster.Row{Email: "b@example.com", Tenant: "Audited/Süd"}, roster.Row{Email: "bad", Tenant: "Audited"})
		events := map[string][]core.Event{}
		all, err := h.Store.EventsAfter(t.Context(), 0, 1000)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range all {
			if e.Actor == core.ActorShell {
				events[e.Target] = append(events[e.Target], e)
			}
		}
		a, b := find(h, "a@example.com").User, find(h, "b@example.com").User
		says := func(list []core.Event) (out []string) {
			for _, e := range list {
				out = append(out, fmt.Sprint(e.Name, e.Tenant, e.Detail, e.Result))
			}
			return out
		}
		for target, want := range map[string][]string{
			string(a.ID):      {fmt.Sprint("user.created", org.ID, map[string]string{"with": "import password app"}, "ok"), fmt.Sprint("user.role_granted", org.ID, map[string]string{"role": "customer_admin"}, "ok")},
			string(b.ID):      {fmt.Sprint("user.created", unit.ID, map[string]string{"with": "import"}, "ok")},
			string(h.Root.ID): {fmt.Sprint("user.imported", h.Root.ID, map[string]string{"people": "2", "tenants": "2", "passwords": "1", "apps": "1"}, "ok")},
		} {
			if got := says(events[target]); !slices.Equal(got, want) {
				t.Errorf("%s: %v, want %v", target, got, want)
			}
		}
		if roles, err := h.Store.RolesOf(t.Context(), a.ID); err != nil || len(roles) != 2 {
			t.Errorf("roles %v, %v", roles, err)
		}
		// A chunk in which nobody came says nothing.
		before := len(all)
		bring(h, roster.Options{Tenant: "Audited"}, roster.Row{Email: "a@example.com"}, roster.Row{Email: "bad"})
		if all, err = h.Store.EventsAfter(t.Context(), 0, 1000); err != nil || len(all) != before {
			t.Errorf("%d events more, %v", len(all)-before, err)
		}
	})
}

// Bad rows never stop the good ones, unless that is asked for; and what is
// reported shows nothing of them.
func TestBadRowsStopNobody(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		open := h.Organisation("Open", "", `{"unique_email":false}`)
		h.Organisation("Twin", "", "")
		h.Organisation("Twin", "", "")
		h.Person(open, "taken@example.com")
		h.Person(h.Organisation("Closed", "", ""), "mail@example.com")
		rows := []roster.Row{
			0:  {Tenant: "Closed", Email: "good1@example.com"},
			1:  {Tenant: "Closed", Email: "secret-in-the-wrong-column"},
			2:  {Tenant: "Nowhere", Email: "x2@example.com"},
			3:  {Email: "x3@example.com"},
			4:  {Tenant: "Twin", Email: "x4@example.com"},
			5:  {Tenant: "Closed", Login: "other", Email: "MAIL@example.com"},
			6:  {Tenant: "Closed", Login: "GOOD1@example.com", Email: "x6@example.com"},
			7:  {Tenant: "Closed", Login: "seven", Email: "good1@example.com"},
			8:  {Tenant: "Open", Login: "eight", Email: "taken@example.com"},
			9:  {Tenant: "Open", Login: "nine", Email: "taken@example.com"},
			10: {Tenant: "Open", Login: "taken@example.com", Email: "x10@example.com"},
			11: {Tenant: "Closed", Login: "eleven", Email: "x11@example.com", PasswordHash: "canary-hash"},
			12: {Tenant: "Closed", Login: "twelve", Email: "x12@example.com", TOTPSecret: "canary-key-1"},
			13: {Tenant: "Closed", Email: "good13@example.com"},
			14: {Tenant: "Closed", Kind: "service_account", Login: "job1"},
			15: {Tenant: "Closed", Kind: "service_account", Login: "job2"},
		}
		want := map[int]string{1: "email.invalid", 2: "tenant.unknown", 3: "import.tenant_missing", 4: "tenant.ambiguous", 5: "user.email_taken", 7: "user.email_taken",
			11: "import.hash_unknown", 12: "import.totp_malformed", 14: "import.service_account", 15: "import.service_account"}
		for _, dry := range []bool{true, false} {
			before := everybody(h)
			out := bring(h, roster.Options{DryRun: dry}, rows...)
			if !maps.Equal(faults(out), want) {
				t.Errorf("dry run %v: %v", dry, faults(out))
			}
			if out.Created != 4 || out.Existing != 2 || out.Updated != 0 {
				t.Errorf("dry run %v: %d created, %d there", dry, out.Created, out.Existing)
			}
			for _, p := range out.Problems {
				said := fmt.Sprint(p.Fault, p.Fault.Params)
				for _, word := range []string{"secret-in", "canary", "Nowhere", "Twin", "x11"} {
					if strings.Contains(said, word) {
						t.Errorf("a problem shows what stood in the row: %s", said)
					}
				}
			}
			if dry == !slices.Equal(before, everybody(h)) {
				t.Errorf("dry run %v: %v became %v", dry, before, everybody(h))
			}
			if dry != (len(out.Marks) > 0) {
				t.Errorf("dry run %v: %d marks", dry, len(out.Marks))
			}
		}
		// The first of a file stands first in lists.
		if all := everybody(h); !slices.Equal(all[2:], []string{"good1@example.com", "eight", "nine", "good13@example.com"}) {
			t.Errorf("%v", all)
		}
		before := everybody(h)
		for name, rows := range map[string][]roster.Row{
			"a row that is wrong": {{Tenant: "Closed", Email: "s1@example.com"}, {Tenant: "Closed", Email: "bad"}},
			"an address taken":    {{Tenant: "Closed", Email: "s2@example.com"}, {Tenant: "Closed", Login: "s2", Email: "mail@example.com"}},
		} {
			if out := bring(h, roster.Options{Strict: true}, rows...); out.Created != 0 || len(out.Problems) != 1 || !slices.Equal(everybody(h), before) {
				t.Errorf("strict, %s: %+v", name, out)
			}
		}
		if out := bring(h, roster.Options{Strict: true, Tenant: "Closed"}, roster.Row{Email: "s3@example.com"}, roster.Row{Login: "good1@example.com", Email: "good1@example.com"}); out.Created != 1 || out.Existing != 1 {
			t.Errorf("strict, nothing wrong: %+v", out)
		}
		if out := bring(h, roster.Options{DropSecrets: true}, rows[11], rows[12]); out.Created != 2 || out.Notes["password_hash.left_out"] != 1 || out.Notes["totp.left_out"] != 1 || out.Apps != 0 {
			t.Errorf("unusable secrets dropped: %+v", out)
		}
		if _, err := h.Roster.Bring(t.Context(), nil, roster.Options{Existing: "replace"}, access.Shell(), core.Client{}); err == nil {
			t.Error("there is a fourth thing to do with who is there already")
		}
		if out := bring(h, roster.Options{}); out.Created != 0 || len(out.Problems) != 0 {
			t.Errorf("nobody: %+v", out)
		}
	})
}

// A run that was broken off goes on: who is there is skipped, as whatever they
// are by now.
func TestImportRunAgain(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		h.Organisation("Again", "", "")
		rows := make([]roster.Row, 300)
		for i := range rows {
			rows[i] = roster.Row{Email: fmt.Sprintf("person%d@example.com", i), PasswordHash: hash2, TOTPSecret: appKey}
		}
		o := roster.Options{Tenant: "Again"}
		bring(h, o, rows[:120]...)
		first := find(h, "person7@example.com")
		if out := bring(h, o, rows...); out.Created != 180 || out.Existing != 120 || len(out.Problems) != 0 {
			t.Errorf("%+v", out)
		}
		if out := bring(h, o, rows...); out.Created != 0 || out.Existing != 300 {
			t.Errorf("%+v", out)
		}
		if again := find(h, "person7@example.com"); again != first {
			t.Errorf("somebody who was there was changed: %+v", again)
		}
		o.Existing = roster.Fail
		if out := bring(h, o, rows[0], roster.Row{Email: "new@example.com"}, roster.Row{Email: "new@example.com"}); out.Created != 1 || !maps.Equal(faults(out), map[int]string{0: "user.login_taken", 2: "user.login_taken"}) {
			t.Errorf("%+v", out)
		}
		if all := everybody(h); len(all) != 301 {
			t.Errorf("%d people", len(all))
		}
	})
}

// hash2 is of nobody in particular.
const hash2 = "$2b$10$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy"

// Several who import the same people at once bring each in once.
func TestImportAtOnce(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		h.Organisation("Crowd", "", "")
		rows := make([]roster.Row, 200)
		for i := range rows {
			rows[i] = roster.Row{Email: fmt.Sprintf("person%d@example.com", i), TOTPSecret: appKey}
		}
		var wait sync.WaitGroup
		var mu sync.Mutex
		created, there := 0, 0
		for n := range 6 {
			wait.Go(func() {
				mine := slices.Clone(rows)
				if n%2 == 1 {
					slices.Reverse(mine) // the store is asked in another order
				}
				for part := range slices.Chunk(mine, 50) {
					out, err := h.Roster.Bring(t.Context(), part, roster.Options{Tenant: "Crowd"}, access.Shell(), core.Client{})
					if err != nil || len(out.Problems) > 0 {
						t.Errorf("%v, %d problems", err, len(out.Problems))
					}
					mu.Lock()
					created, there = created+out.Created, there+out.Existing
					mu.Unlock()
				}
			})
		}
		wait.Wait()
		if created != 200 || there != 5*200 || len(everybody(h)) != 200 {
			t.Errorf("%d created, %d there, %d people", created, there, len(everybody(h)))
		}
	})
}

// What an update takes over, and what it leaves alone.
func TestImportUpdates(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		org := h.Organisation("Updated", "self-service", "")
		h.Organisation("Other", "", "")
		update := roster.Options{Tenant: "Updated", Existing: roster.Update}
		active := h.Enrolled(org, "active@example.com")
		had, factors := find(h, active.Login), active.Factors()
		old := roster.Row{Login: "sleeper", Email: "sleeper@example.com", Name: "Old Name", PasswordHash: hash2, TOTPSecret: appKey}
		bring(h, update, old)
		sleeper := (&house.Person{ID: find(h, "sleeper").User.ID, Tenant: org.ID, Login: "sleeper", Password: house.Password, Key: strings.Replace(appKey, "J", "K", 1)}).In(h)
		if out := bring(h, update, old); out.Existing != 1 || out.Updated != 0 {
			t.Errorf("the same again: %+v", out)
		}
		rows := []roster.Row{
			{Login: "Sleeper", Email: "new@example.com", Name: "New Name", Locale: "fr", PasswordHash: hash(t), TOTPSecret: sleeper.Key, Roles: "helpdesk", Status: "disabled"},
			{Login: active.Login, Email: active.Login, Name: "Newer Name", PasswordHash: hash(t), TOTPSecret: appKey, Federated: "true", MustChange: "true"},
			{Login: "sleeper", Email: "new@example.com", Tenant: "Other"},
			{Login: "sleeper", Kind: "service_account"},
			{Login: "sleeper", Email: "active@example.com"},
			{Login: "newcomer", Email: "newcomer@example.com", Name: "First"},
			{Login: "newcomer", Email: "newcomer@example.com", Name: "Second"},
		}
		want := map[int]string{2: "import.other_tenant", 3: "import.other_kind", 4: "user.email_taken"}
		dry := update
		dry.DryRun = true
		if out := bring(h, dry, rows...); out.Updated != 2 || out.Created != 1 || !maps.Equal(faults(out), want) || find(h, "sleeper").User.Name != "Old Name" {
			t.Errorf("dry run: %+v", out)
		}
		if out := bring(h, update, rows...); out.Updated != 3 || out.Created != 1 || out.Existing != 0 || !maps.Equal(faults(out), want) {
			t.Errorf("%+v", out)
		}
		u := sleeper.User()
		if u.Name != "New Name" || u.Email != "new@example.com" || u.EmailKey != "new@example.com" || u.Locale != "fr" || u.State != core.UserValidated || u.Login != "sleeper" {
			t.Errorf("%+v", u)
		}
		// Who never signed in has the secrets of the newer list.
		r := h.Raw("10.0.0.1")
		if a := r.Post(sleeper.Attempt(r), "code", sleeper.Fresh()); !a.In() {
			t.Errorf("with the newer password and key: to %q, fault %q", a.Location, a.Fault())
		}
		if n := len(sleeper.History()); n != 3 { // the old app, the new one, and the recovery code
			t.Errorf("%d factors in the history", n)
		}
		if roles, err := h.Store.RolesOf(t.Context(), sleeper.ID); err != nil || len(roles) != 2 {
			t.Errorf("roles are added and none is taken: %v, %v", roles, err)
		}
		// Who has signed in keeps what is theirs.
		now := find(h, active.Login)
		if now.User.Name != "Newer Name" || now.Password != had.Password || now.User.Federated || fmt.Sprint(active.Factors()) != fmt.Sprint(factors) {
			t.Errorf("%+v", now)
		}
		if find(h, "newcomer").User.Name != "Second" {
			t.Errorf("%+v", find(h, "newcomer").User)
		}
		var fields []string
		for _, e := range sleeper.Events() {
			if e.Name == "user.updated" {
				fields = append(fields, e.Detail["fields"])
			}
		}
		if !slices.Equal(fields, []string{"name email locale roles password app"}) {
			t.Errorf("audited as %v", fields)
		}
		// A name that is only filled in replaces none.
		if out := bring(h, update, roster.Row{Login: "sleeper", Email: "new@example.com"}); out.Existing != 1 || find(h, "sleeper").User.Name != "New Name" {
			t.Errorf("%+v", out)
		}
		strict := update
		strict.Strict = true
		if out := bring(h, strict, roster.Row{Login: "newcomer", Email: "newcomer@example.com", Name: "Third"}, roster.Row{Login: "sleeper", Email: "active@example.com"}); out.Updated != 0 || len(out.Problems) != 1 || find(h, "newcomer").User.Name != "Second" {
			t.Errorf("strict: %+v", out)
		}
	})
}

// The tree changes between chunks and under them: rows go where the tree is now.
func TestImportFollowsTheTree(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		o := roster.Options{Tenant: "Late"}
		if out := bring(h, o, roster.Row{Email: "a@example.com"}); faults(out)[0] != "tenant.unknown" {
			t.Errorf("%+v", out)
		}
		late := h.Organisation("Late", "", "")
		if out := bring(h, o, roster.Row{Email: "a@example.com"}); out.Created != 1 {
			t.Errorf("a node that was made since: %+v", out)
		}
		change := func(fn func(*core.Tenant)) {
			h.Change(late.ID, func(tx store.Tx) error {
				n, err := tx.Tenant()
				if err != nil {
					return err
				}
				fn(&n)
				return errors.Join(tx.UpdateTenant(n), tx.Changed(core.ChangeTenant, string(n.ID)))
			})
		}
		change(func(n *core.Tenant) { n.Name = "Later" })
		if out := bring(h, roster.Options{}, roster.Row{Tenant: "Late", Email: "b@example.com"}, roster.Row{Tenant: "Later", Email: "b@example.com"}); out.Created != 1 || faults(out)[0] != "tenant.unknown" {
			t.Errorf("a node that was renamed since: %+v", out)
		}
		change(func(n *core.Tenant) { n.State = core.TenantSuspended })
		if out := bring(h, roster.Options{}, roster.Row{Tenant: "Later", Email: "c@example.com"}); out.Created != 1 {
			t.Errorf("a suspended node takes people in, who wait with it: %+v", out)
		}
		// Without a word on the feed: the transaction itself notices.
		h.Change(late.ID, func(tx store.Tx) error {
			n, err := tx.Tenant()
			if err != nil {
				return err
			}
			n.State = core.TenantDeleted
			return tx.UpdateTenant(n)
		})
		if out := bring(h, roster.Options{}, roster.Row{Tenant: "Later", Email: "d@example.com"}); faults(out)[0] != "tenant.unknown" {
			t.Errorf("a node that was deleted since: %+v", out)
		}
		if at, err := h.Roster.Begin(t.Context(), roster.Options{Tenant: "Nobody"}); err == nil {
			t.Errorf("rows would go into %+v", at)
		}
		if at, err := h.Roster.Begin(t.Context(), roster.Options{Tenant: string(h.Root.ID)}); err != nil || at.ID != h.Root.ID {
			t.Errorf("%+v, %v", at, err)
		}
	})
}

// service makes a service account; a list brings none.
func service(h *house.House, name, login string, owner core.UserID) {
	h.T.Helper()
	at, err := h.Directory.FindTenant(h.T.Context(), name)
	if err != nil {
		h.T.Fatal(err)
	}
	h.Change(at.ID, func(tx store.Tx) error {
		u := core.User{ID: core.UserID(secret.NewID(core.PrefixUser, tx.Now())), Tenant: at.ID, Kind: core.ServiceAccount, State: core.UserValidated, Login: login, LoginKey: login, Name: "=cmd",
			CreatedAt: tx.Now(), ChangedAt: tx.Now(), PlacedAt: tx.Now(), ValidatedAt: tx.Now()}
		return errors.Join(tx.InsertUser(u), tx.SaveService(core.Service{User: u.ID, Owner: owner, Reason: "test", CreatedAt: tx.Now()}),
			tx.Grant(core.RoleGrant{User: u.ID, Tenant: at.ID, Role: core.RoleUser, At: tx.Now()}))
	})
}

// An update has the guards of the journeys: it takes the right to change people, and
// with another password or app the one to reset; nobody is changed who holds a right
// that the importer lacks, by a shipped role or a custom one; nobody gives themselves
// a role; and the address of whoever has signed in here is theirs to confirm.
func TestWhoMayUpdateWhom(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		ctx, org := t.Context(), h.Organisation("Ours", "self-service", "")
		role := func(name string, rights ...string) core.Role {
			r, err := h.Directory.MakeRole(ctx, directory.NewRole{Tenant: org.ID, Base: core.CustomerAdmin, Name: name, Rights: rights}, access.System(), core.Client{})
			if err != nil {
				t.Fatal(err)
			}
			return r.ID
		}
		inviter, changer := role("inviter", "people.view", "people.invite"), role("changer", "people.view", "people.invite", "people.change", "roles.grant")
		admin, in, ch := h.Person(org, "admin@example.com", core.CustomerAdmin), h.Person(org, "in@example.com"), h.Person(org, "ch@example.com")
		above, plain := h.Person(org, "above@example.com"), h.Person(org, "plain@example.com")
		for p, r := range map[*house.Person]core.Role{in: inviter, ch: changer, above: role("above", "people.view", "audit.view")} {
			if err := h.Directory.GrantRole(ctx, p.ID, r, org.ID, access.System(), core.Client{}); err != nil {
				t.Fatal(err)
			}
		}
		bring(h, roster.Options{Tenant: "Ours"}, roster.Row{Email: "fresh@example.com", Name: "Fresh"})
		row := func(login string, change func(*roster.Row)) roster.Row {
			r := roster.Row{Tenant: string(org.ID), Login: login, Email: login, Name: "Renamed"}
			if change != nil {
				change(&r)
			}
			return r
		}
		for name, c := range map[string]struct {
			by   *house.Person
			row  roster.Row
			want string
		}{
			"without the right to change":     {in, row(plain.Login, nil), "forbidden"},
			"an administrator":                {ch, row(admin.Login, nil), "forbidden"},
			"who holds a custom role's right": {ch, row(above.Login, nil), "forbidden"},
			"another password":                {ch, row("fresh@example.com", func(r *roster.Row) { r.PasswordHash = hash2 }), "forbidden"},
			"another app":                     {ch, row("fresh@example.com", func(r *roster.Row) { r.TOTPSecret = appKey }), "forbidden"},
			"a role above theirs":             {ch, row(plain.Login, func(r *roster.Row) { r.Roles = "auditor" }), "forbidden"},
			"a role for oneself":              {admin, row(admin.Login, func(r *roster.Row) { r.Roles = "helpdesk" }), "user.yourself"},
			"a plain person":                  {ch, row(plain.Login, nil), ""},
			"by an administrator":             {admin, row(above.Login, func(r *roster.Row) { r.Roles = "helpdesk" }), ""},
			"secrets by an administrator":     {admin, row("fresh@example.com", func(r *roster.Row) { r.PasswordHash = hash2 }), ""},
		} {
			login, before := find(h, c.row.Login), ""
			before = fmt.Sprint(login, rolesOf(h, login.User.ID))
			out, err := h.Roster.Bring(ctx, []roster.Row{c.row}, roster.Options{Existing: roster.Update}, h.Actor(c.by), core.Client{})
			if err != nil {
				t.Fatal(err)
			}
			if faults(out)[0] != c.want || (out.Updated == 1) != (c.want == "") {
				t.Errorf("%s: %+v, want %q", name, out, c.want)
			}
			if after := fmt.Sprint(find(h, c.row.Login), rolesOf(h, login.User.ID)); (after == before) != (c.want != "") {
				t.Errorf("%s: %s became %s", name, before, after)
			}
		}
		// A grant that was lost since the importer came counts no more.
		late := h.Actor(ch)
		if err := h.Directory.RevokeRole(ctx, ch.ID, changer, org.ID, access.System(), core.Client{}); err != nil {
			t.Fatal(err)
		}
		if out, err := h.Roster.Bring(ctx, []roster.Row{row(plain.Login, func(r *roster.Row) { r.Name = "Too late" })}, roster.Options{Existing: roster.Update}, late, core.Client{}); err != nil || faults(out)[0] != "forbidden" {
			t.Errorf("with a role that is gone: %+v, %v", out, err)
		}
		// Not even the operator's list moves the mailbox of who has signed in.
		out := bring(h, roster.Options{Existing: roster.Update}, row(plain.Login, func(r *roster.Row) { r.Email, r.Name = "elsewhere@example.com", "Moved" }))
		if u := plain.User(); out.Updated != 1 || out.Notes["email.left_out"] != 1 || u.Email != plain.Login || u.Name != "Moved" {
			t.Errorf("%+v, %+v", out, u)
		}
	})
}

func rolesOf(h *house.House, id core.UserID) string {
	all, err := h.Store.RolesOf(h.T.Context(), id)
	if err != nil {
		h.T.Fatal(err)
	}
	var out []string
	for _, g := range all {
		out = append(out, string(g.Role))
	}
	return fmt.Sprint(out)
}

// Nobody brings people into a branch of somebody else, or with rights they lack.
func TestWhoMayImport(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		ours, theirs := h.Organisation("Ours", "", ""), h.Organisation("Theirs", "", "")
		admin := h.Actor(h.Person(ours, "admin@example.com", core.CustomerAdmin))
		out, err := h.Roster.Bring(t.Context(), []roster.Row{
			{Tenant: string(ours.ID), Email: "a@example.com", Roles: "helpdesk"}, {Tenant: string(theirs.ID), Email: "b@example.com"}, {Tenant: string(h.Root.ID), Email: "c@example.com"},
		}, roster.Options{}, admin, core.Client{})
		if err != nil || out.Created != 1 || !maps.Equal(faults(out), map[int]string{1: "tenant.unknown", 2: "tenant.unknown"}) {
			t.Errorf("%+v, %v", out, err)
		}
		n := 0
		_, err = h.Roster.Export(t.Context(), "Ours", admin, func(roster.Person) error { n++; return nil })
		if err != nil || n != 2 {
			t.Errorf("%d people, %v", n, err)
		}
		for _, name := range []string{"", "Theirs"} {
			if _, err := h.Roster.Export(t.Context(), name, admin, func(p roster.Person) error { t.Errorf("exported %s", p.Login); return nil }); err == nil {
				t.Errorf("%q was exported", name)
			}
		}
	})
}

// An export has everybody of a branch and nothing secret, and is taken back by
// another house.
func TestExport(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		org := h.Organisation("Exported", "self-service", "")
		if _, err := h.Directory.CreateTenant(t.Context(), directory.NewTenant{Kind: core.Unit, Name: "Süd", Parent: org.ID}, access.System(), core.Client{}); err != nil {
			t.Fatal(err)
		}
		other := h.Organisation("Other", "", "")
		h.Person(other, "other@example.com")
		p := h.Enrolled(org, "enrolled@example.com")
		h.Change(org.ID, func(tx store.Tx) error {
			return tx.Grant(core.RoleGrant{User: p.ID, Tenant: other.ID, Role: core.Auditor, At: tx.Now()})
		})
		rows := []roster.Row{{Tenant: "Exported", Email: "disabled@example.com", Status: "disabled", PasswordHash: hash2}, {Tenant: "Exported/Süd", Email: "app@example.com", TOTPSecret: appKey, Roles: "helpdesk,user"},
			{Tenant: "Exported", Email: "invited@example.com", Status: "invited"}}
		for i := range 1200 {
			rows = append(rows, roster.Row{Tenant: "Exported/Süd", Email: fmt.Sprintf("many%04d@example.com", i), PasswordHash: hash2, TOTPSecret: appKey})
		}
		if out := bring(h, roster.Options{}, rows...); out.Created != 1203 {
			t.Fatalf("%v", out.Problems)
		}
		service(h, "Süd", "job", p.ID)
		for _, format := range []string{roster.FormatCSV, roster.FormatNDJSON} {
			var file bytes.Buffer
			w, err := roster.NewWriter(&file, format)
			if err != nil {
				t.Fatal(err)
			}
			var people []roster.Person
			elsewhere, err := h.Roster.Export(t.Context(), "exported", access.Shell(), func(p roster.Person) error {
				people = append(people, p)
				return w.Write(p)
			})
			if err = errors.Join(err, w.Flush()); err != nil || len(people) != 1205 || elsewhere != 1 {
				t.Fatalf("%d people, %d roles elsewhere, %v", len(people), elsewhere, err)
			}
			by := map[string]roster.Person{}
			for _, p := range people {
				by[p.Login] = p
			}
			for login, want := range map[string]string{
				"enrolled@example.com": "Exported person active [user] enabled", "disabled@example.com": "Exported person disabled [user] disabled", "invited@example.com": "Exported person invited [user] pending_validation",
				"app@example.com": "Exported/Süd person active [helpdesk user] enabled", "job": "Exported/Süd service_account active [user] service_account", "many0077@example.com": "Exported/Süd person active [user] enabled",
			} {
				p := by[login]
				if got := fmt.Sprint(p.Tenant, " ", p.Kind, " ", p.Status, " ", p.Roles, " ", p.MFA); got != want {
					t.Errorf("%s: %s, want %s", login, got, want)
				}
			}
			text := file.String()
			for _, word := range []string{"argon2", "imported", "$2b$", "JBSW", p.Key, p.Recovery, "secret", "password"} {
				if strings.Contains(text, word) {
					t.Errorf("%s holds %q", format, word)
				}
			}
			// Read back into the same house they are all there already.
			r, err := roster.NewReader(&file, "", nil)
			if err != nil {
				t.Fatal(err)
			}
			var again []roster.Row
			for {
				row, err := r.Next()
				if errors.Is(err, io.EOF) {
					break
				}
				if err != nil {
					t.Fatal(err)
				}
				again = append(again, row)
			}
			if out := bring(h, roster.Options{Existing: roster.Update}, again...); out.Existing != 1205 || out.Updated != 0 || len(out.Problems) != 0 {
				t.Errorf("%s read back: %d there, %d updated, %v", format, out.Existing, out.Updated, out.Problems)
			}
		}
		if _, err := h.Roster.Export(t.Context(), "Nowhere", access.Shell(), func(roster.Person) error { return nil }); err == nil {
			t.Error("nowhere was exported")
		}
	})
}

// An import that is interrupted leaves whole chunks and no half of one.
func TestImportInterrupted(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		h.Organisation("Cut", "", "")
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := h.Roster.Bring(ctx, []roster.Row{{Tenant: "Cut", Email: "a@example.com"}}, roster.Options{}, access.Shell(), core.Client{})
		if !errors.Is(err, context.Canceled) || len(everybody(h)) != 0 {
			t.Errorf("%v, %v", err, everybody(h))
		}
		// Whoever gave up is not remembered.
		if out := bring(h, roster.Options{Tenant: "Cut"}, roster.Row{Email: "a@example.com"}); out.Created != 1 {
			t.Errorf("%+v", out)
		}
	})
}

// passwords that came in by this node are counted at once.
func TestImportTellsTheDecoys(t *testing.T) {
	h := house.Open(t, "sqlite")
	h.Organisation("Decoys", "", "")
	if h.Decoys.For("nobody") != h.Hasher.Dummy() {
		t.Fatal("something was imported before")
	}
	bring(h, roster.Options{Tenant: "Decoys"}, roster.Row{Email: "a@example.com", PasswordHash: hash2})
	if got := secret.SettingOf(h.Decoys.For("nobody")); got != "bcrypt,c=10" {
		t.Errorf("the only hash is bcrypt, an unknown login is checked against %q", got)
	}
	if word, err := h.Store.Meta(t.Context(), "imported_hashes"); err != nil || word != "yes" {
		t.Errorf("other nodes are not told: %q, %v", word, err)
	}
}
