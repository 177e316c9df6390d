package web_test

import (
	"context"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/a-h/templ"

	"sallyport/internal/access"
	"sallyport/internal/console"
	"sallyport/internal/core"
	"sallyport/internal/directory"
	"sallyport/internal/policy"
	"sallyport/internal/session"
	"sallyport/internal/web"
)

// The pages of administration, filled as real ones would be.

var (
	nordwind = core.Tenant{ID: "tn_nordwind", Kind: core.Partner, Mode: core.Production, State: core.TenantActive, Name: "Nordwind Managed Services GmbH & Co. KG", ManagedBy: core.ManagedBySelf, CreatedAt: sampleNow.AddDate(-2, 0, 0)}
	handwerk = core.Tenant{ID: "tn_handwerk", Parent: nordwind.ID, Kind: core.Folder, State: core.TenantActive, Name: "Handwerk", CreatedAt: sampleNow.AddDate(-1, 0, 0)}
	huber    = core.Tenant{ID: "tn_huber", Parent: handwerk.ID, Kind: core.Customer, Mode: core.Production, State: core.TenantActive, Name: "Bäckerei Huber & Söhne", ManagedBy: core.ManagedByProvider, SupportAccess: true, CreatedAt: sampleNow.AddDate(-1, 0, 0)}
	sued     = core.Tenant{ID: "tn_sued", Parent: huber.ID, Organisation: huber.ID, Kind: core.Unit, State: core.TenantActive, Name: "Filiale Süd", CreatedAt: sampleNow.AddDate(-1, 0, 0)}
	moreau   = core.Tenant{ID: "tn_moreau", Parent: nordwind.ID, Kind: core.Customer, Mode: core.Trial, State: core.TenantSuspended, Name: "Atelier Moreau", CreatedAt: sampleNow.AddDate(0, -1, 0)}
)

func consolePlace(t core.Tenant, rights ...access.Permission) console.Place {
	if len(rights) == 0 {
		rights = access.Permissions
	}
	p := console.Place{Tenant: t, Line: []core.Tenant{nordwind}, Organisation: huber, Name: huber.Name, Zone: time.FixedZone("CET", 3600), Rights: rights}
	switch t.ID {
	case nordwind.ID:
		p.Organisation = nordwind
	case huber.ID:
		p.Line = append(p.Line, handwerk, huber)
	case sued.ID:
		p.Line = append(p.Line, handwerk, huber, sued)
	}
	return p
}

func consolePage(t core.Tenant, at string, fault error) console.Page {
	p := console.Page{Page: samplePage(fault), Place: consolePlace(t), At: at}
	p.Org.Name = t.Name
	return p
}

func consoleSamples() []sample {
	ago := func(days, hours int) time.Time {
		return sampleNow.AddDate(0, 0, -days).Add(-time.Duration(hours) * time.Hour)
	}
	page := consolePage
	counts := console.Counts{Enabled: 24, SetupRequired: 6, Pending: 3, Off: 9, Service: 2, Federated: 3, Inactive: 1}
	both := []core.Requirement{core.RequireOrganization}
	row := func(t core.Tenant, depth int, c console.Counts, req ...core.Requirement) console.TenantRow {
		return console.TenantRow{Tenant: t, Depth: depth, Organisation: huber, Requirement: req, Counts: c}
	}
	locked := row(nordwind, 0, console.Counts{Enabled: 18}, both...)
	locked.LockedBy, locked.Organisation = "Plattform", nordwind
	deep := row(sued, 3, console.Counts{Enabled: 9, SetupRequired: 5}, both...)
	found := row(huber, 0, counts, both...)
	found.Parent, found.Due, found.Children = handwerk.Name, ago(-14, 0), 2
	trial := core.Tenant{ID: "tn_kust", Kind: core.Partner, Mode: core.Trial, State: core.TenantActive, Name: "Kustnät AB"}
	doing := huber
	doing.MFAState = core.MFADisabling
	folder := row(handwerk, 1, console.Counts{})
	folder.Organisation = nordwind
	rows := []console.TenantRow{locked, folder, row(huber, 2, counts, core.RequireSelectedApps, core.RequirePerUser), deep,
		row(moreau, 1, console.Counts{Off: 12}), row(trial, 1, console.Counts{}), row(doing, 1, counts, both...)}
	ledger := core.App{ID: "ap_01j9zq4c5d8e9f0g1h2j3k4m5n", Tenant: huber.ID, Name: "Hauptbuch & Lohnabrechnung", State: core.AppActive, ChangedAt: ago(1, 0), Doc: core.AppDoc{Auth: core.AppSecret, NoPKCE: true, RequiredLevel: core.LevelMFA,
		RedirectURIs: []string{"https://hauptbuch.baeckerei-huber.example/anmeldung/zurueck"}, BackchannelURI: "https://hauptbuch.baeckerei-huber.example/abgemeldet", Scopes: []string{"ledger:read"}, Grants: core.AppGrants}}
	appView := console.AppView{App: ledger, Place: consolePlace(huber), Issuer: "https://id.example.org", Tenants: []core.Tenant{sued}, People: 214, Lately: 180, Selects: 1, Testable: true,
		Secrets: []core.AppSecretRow{{Hash: []byte("abcdefghij"), Hint: "x7Qk", CreatedAt: ago(0, 1)}, {Hash: []byte("klmnopqrst"), Hint: "9fHw", CreatedAt: ago(90, 0), ExpiresAt: ago(-6, 0), LastUsedAt: ago(0, 0)}}}
	selected := console.SelectionView{On: true, Rows: []console.SelectedApp{{App: ledger, Owner: huber.Name, Selected: true, People: 180, Mine: true}, {App: core.App{ID: "ap_2", Name: "Kassenportal"}, Shared: true, Selected: true, LockedBy: nordwind.Name, People: 9},
		{App: core.App{ID: "ap_3", Name: "ap_01j9zq4c5d8e9f0g1h2j3k4m5q"}, Selected: true, Wrong: "gone"}, {App: core.App{ID: "ap_4", Name: "ap_01j9zq4c5d8e9f0g1h2j3k4m5r"}, Selected: true, Wrong: "elsewhere"},
		{App: core.App{ID: "ap_5", Name: "Tresor"}, Owner: sued.Name, Wrong: "too_high"}, {App: core.App{ID: "ap_6", Name: "Alt"}, Shared: true, Wrong: "stopped"}}}
	acting := []console.Acting{{Session: "se_1", Person: console.Who{ID: "us_eva", Name: "Eva Brandt", Login: "eva"}, From: nordwind.Name, Reason: "Ticket 4711", Since: ago(0, 0), MayEnd: true}}
	view := console.TenantView{TenantRow: found, Administrators: 2, Acting: acting, Deeds: console.TenantDeeds}
	lonely := console.TenantView{TenantRow: row(moreau, 0, console.Counts{}), Deeds: []console.TenantDeed{console.TenantResume}}
	lonely.Tenant.State = core.TenantActive
	lonelyPage := page(moreau, "tenant", nil)
	lonelyPage.Place.Organisation, lonelyPage.Place.Above, lonelyPage.Place.MayAct = moreau, true, true

	effect := console.Effect{Lines: []console.EffectLine{{What: directory.EffectAsked, Count: 9, First: []console.Who{who("us_b", "Björn Åkesson", "bjorn.akesson"), who("us_c", "Camille Lefèvre-Montgolfier", "camille")}},
		{What: directory.EffectMayWait, Count: 2, Due: ago(-14, 0)}, {What: directory.EffectStuck, Count: 1, First: []console.Who{who("us_c", "Camille Lefèvre-Montgolfier", "camille")}}},
		Before: &counts, After: &console.Counts{Enabled: 24, SetupRequired: 15, Pending: 3}, Version: 7}
	every := console.Effect{}
	for i, what := range console.Effects {
		every.Lines = append(every.Lines, counted(what, 1+1200*(i%2)))
	}
	losses := console.Effect{Lines: []console.EffectLine{counted(console.EffectApps, 22), counted(console.EffectCodes, 24), counted(console.EffectBrowsers, 7)}, Deletes: 53, Name: huber.Name, Version: 7}
	on := console.MFAView{Requirement: both, Counts: counts, UpdateAllowed: true, Since: ago(30, 0), By: "Eva Brandt (Nordwind MSP)", Version: 7}
	off := console.MFAView{Counts: console.Counts{Off: 42, Service: 2}, UpdateAllowed: true}
	lockedOn := console.MFAView{Requirement: both, Counts: console.Counts{Enabled: 18}, LockedBy: "Plattform", Since: ago(300, 0), From: "Plattform"}
	outside := on
	outside.Outside = []console.Who{who("us_a", "Anna Huber-Reitinger", "anna.huber@baeckerei-huber.example"), who("us_c", "Camille Lefèvre-Montgolfier", "camille")}
	busy := console.MFAView{Requirement: nil, State: core.MFADisabling, Counts: counts, Doing: console.Doing{Done: 310, Total: 1200, Since: ago(0, 0)}}
	settings := consoleSettings()
	banner := &web.Acting{Person: "Eva Brandt", From: "Nordwind Managed Services", Organisation: huber.Name, Left: 14 * time.Minute, Reason: "Ticket 4711", EndAction: "/admin/acting/end"}

	people := consolePeople(ago)
	list := console.PeopleList{Shown: true, Counts: counts, Rows: people, Next: "c2"}
	dark := console.PeopleList{Counts: console.Counts{Off: 40, Pending: 2, Service: 1}, Rows: slices.Clone(people[:3])}
	for i := range dark.Rows {
		dark.Rows[i].Status = core.MFADisabled
	}
	openDoor, closedDoor := page(huber, "users", nil), page(huber, "users", nil)
	openDoor.Place.Above, openDoor.Place.ActIn = true, huber.ID
	closedDoor.Place.Above, closedDoor.Place.ClosedBy = true, huber.Name
	person := consolePerson(ago)
	service := person
	service.User.Kind, service.User.Name, service.Status, service.Factors, service.Sessions = core.ServiceAccount, "Kassenabgleich", core.MFAServiceAccount, nil, nil
	service.Service = &console.Service{Owner: "Anna Huber", Reason: "Kassenabgleich, bis der API-Client steht", Networks: []string{"192.0.2.0/24"}, Expires: ago(-30, 0)}
	entries := consoleEntries(ago)
	x := policy.Explain(policy.Facts{Now: sampleNow, Person: policy.Person{Kind: core.Person, State: core.UserActive, HasMail: true, ValidatedAt: ago(400, 0), RolesKnown: true},
		Effective: consoleEffective(), Shown: policy.Shown{Proofs: []core.Proof{{Kind: core.FactorPassword, At: sampleNow}}}})
	badQuery := page(nordwind, "tenants", core.Invalid("form.invalid", "field", "kind"))
	ask := console.Ask{Kind: core.FactorTOTP}
	deed := func(name, title string, at core.Tenant, d console.DeedPage) sample {
		d.Page, d.DataPage, d.Title, d.Back, d.BackName, d.Action = page(at, "tenant", d.Fault), name, title, "/admin/tenants/tn_huber", at.Name, "/admin/tenants/tn_huber/x"
		return sample{name, console.Deed(d)}
	}
	client := console.Client{Owner: "Anna Huber-Reitinger", App: core.App{ID: "ap_1", Name: "Nächtlicher Bericht", State: core.AppActive, UsedAt: ago(0, 1), UsedFrom: "192.0.2.7", Version: 3,
		Doc: core.AppDoc{Auth: core.AppSecret, Scopes: []string{"people.view", "tenants.view"}, Client: core.ClientDoc{ExpiresAt: ago(-200, 0)}}},
		Secrets: []core.AppSecretRow{{Hint: "x7Qk", CreatedAt: ago(1, 0)}, {Hint: "p2Lm", CreatedAt: ago(90, 0), ExpiresAt: ago(-6, 0), LastUsedAt: ago(0, 1)}}}
	tired := client
	tired.App.ID, tired.App.Name, tired.Left, tired.App.UsedAt, tired.Secrets = "ap_2", "Kasse", true, time.Time{}, nil
	tired.App.Doc.Client.Write = true
	service.Service.Heir, service.Service.Retires, service.Service.Used, service.Service.From = "ap_1", ago(-20, 0), ago(10, 0), "192.0.2.7"
	roles := console.RolesView{Holders: []console.Holder{
		{Who: console.Who{ID: "us_anna", Name: "Anna Huber-Reitinger", Login: "anna.huber"}, RoleHeld: console.RoleHeld{Role: console.RoleName{Role: core.CustomerAdmin}, On: huber, MayRevoke: true}},
		{Who: console.Who{ID: "us_eva", Name: "Eva Brandt", Login: "eva"}, From: nordwind.Name, RoleHeld: console.RoleHeld{Role: console.RoleName{Role: "ro_1", Name: "Schichtleitung"}, On: sued}}},
		Custom: []console.CustomRole{{Role: "ro_1", Name: "Schichtleitung", Base: core.Helpdesk, Rights: []access.Permission{access.ViewPeople, access.Unlock}, Holders: 1}},
		Grants: []console.RoleName{{Role: core.CustomerAdmin}, {Role: core.Helpdesk}, {Role: "ro_1", Name: "Schichtleitung"}}, Clones: []core.Role{core.CustomerAdmin, core.Helpdesk}}

	return []sample{
		{"admin-home", console.Home(console.HomePage{Page: page(nordwind, "home", nil), View: console.Overview{Counts: counts, Organisations: 9, Required: 5, More: 3, RefusedToday: 37, Refused: entries,
			Bars: []console.OrganisationBar{{Tenant: huber, Requirement: both, Counts: counts}, {Tenant: moreau, Requirement: both, Counts: console.Counts{Enabled: 7, SetupRequired: 22}}}}})},
		{"admin-home.quiet", console.Home(console.HomePage{Page: page(huber, "home", nil), View: console.Overview{Organisations: 1}})},
		{"tenants", console.Tenants(console.TenantsPage{Page: page(nordwind, "tenants", nil), List: console.TenantList{Rows: rows, Next: "c2", Total: 13}})},
		{"tenants.found", console.Tenants(console.TenantsPage{Page: page(nordwind, "tenants", nil), Query: console.TenantQuery{Name: "bäck", Cursor: "c1"}, List: console.TenantList{Rows: []console.TenantRow{found}, Total: -1}})},
		{"tenants.none", console.Tenants(console.TenantsPage{Page: badQuery, Query: console.TenantQuery{Requirement: "off"}, List: console.TenantList{Total: -1}})},
		{"tenant", console.Tenant(console.TenantPage{Page: page(huber, "tenant", nil), View: view, Create: []core.TenantKind{core.Unit}})},
		{"tenant.lonely", console.Tenant(console.TenantPage{Page: lonelyPage, View: lonely})},
		{"tenant-new", console.NewTenantForm(console.NewTenantPage{Page: page(nordwind, "tenants", core.Invalid("name.invalid", "field", "name")), Wish: console.NewTenant{Parent: nordwind.ID, Kind: core.Customer, Mode: core.Trial},
			Kinds: []core.TenantKind{core.Partner, core.Folder, core.Customer}})},
		{"tenant-new.plan", console.NewTenantForm(console.NewTenantPage{Page: page(nordwind, "tenants", nil), Wish: console.NewTenant{Parent: nordwind.ID, Kind: core.Customer, Mode: core.Trial, Name: "Schreinerei Großmann-Öhlenschläger", TrialDays: "30", AdminMail: "leitung@schreinerei.example"},
			Kinds: []core.TenantKind{core.Partner, core.Folder, core.Customer}, Plan: &console.TenantPlan{Tenant: core.Tenant{Kind: core.Customer, Mode: core.Trial, Name: "Schreinerei Großmann-Öhlenschläger"}, Organisation: nordwind,
				Requirement: both, LockedBy: nordwind.Name, Values: settings.Values, AdminMail: "leitung@schreinerei.example"}})},
		deed("tenant-rename", "Umbenennen", huber, console.DeedPage{Preview: true, Submit: "Auswirkung ansehen", Fields: web.TextField(web.Page{}, web.Field{Name: "name", Label: "Name", Value: huber.Name})}),
		deed("tenant-move", "Verschieben", huber, console.DeedPage{Preview: true, Submit: "Auswirkung ansehen", Fields: console.ParentField(web.Page{}, "ha", string(handwerk.ID), []console.TenantRow{row(handwerk, 0, counts), found})}),
		deed("tenant-delete", "Löschen", huber, console.DeedPage{Effect: &console.Effect{Lines: []console.EffectLine{counted(console.EffectNodes, 3), counted(directory.EffectRefused, 47), counted(directory.EffectSessions, 21)}}, Confirm: huber.Name, Submit: "Löschen", Danger: true, Ask: ask}),
		{"tenant-security", console.Security(console.SecurityPage{Page: page(huber, "security", nil), MFA: on, Settings: &settings})},
		{"tenant-security.off", console.Security(console.SecurityPage{Page: page(huber, "security", core.Invalid("mfa.nothing_chosen", "field", "requirement")), MFA: off})},
		{"tenant-security.locked", console.Security(console.SecurityPage{Page: page(nordwind, "security", nil), MFA: lockedOn})},
		{"tenant-security.disabling", console.Security(console.SecurityPage{Page: page(huber, "security", nil), MFA: busy})},
		{"tenant-security.unit", console.Security(console.SecurityPage{Page: page(sued, "security", nil), MFA: on})},
		{"tenant-security.outside", console.Security(console.SecurityPage{Page: page(huber, "security", nil), MFA: outside, Settings: &settings})},
		{"tenant-security.above", console.Security(console.SecurityPage{Page: lonelyPage, MFA: off})},
		{"enable-preview", console.Enable(console.EnablePage{Page: page(huber, "security", nil), MFA: off, Wish: both, Effect: effect})},
		{"enable-preview.change", console.Enable(console.EnablePage{Page: page(huber, "security", core.ErrStepUp), MFA: on, Wish: both, Effect: every, Ask: ask})},
		{"disable-preview", console.Disable(console.DisablePage{Page: page(huber, "security", core.ErrConfirmRequired.With("field", "confirm")), MFA: on, Effect: losses, Ask: console.Ask{Kind: core.FactorTOTP, Fresh: true}})},
		{"locks", console.SettingsDocument(console.SettingsPage{Page: page(nordwind, "security", nil), View: consoleLocks(console.LockSettings)})},
		{"template", console.SettingsDocument(console.SettingsPage{Page: page(nordwind, "security", core.Invalid("settings.invalid", "key", "session.max")), View: consoleLocks(console.TemplateSettings)})},
		deed("settings-preview", "Diese Einstellungen ändern?", huber, console.DeedPage{Effect: &console.Effect{Settings: consoleDiff(), Lines: effect.Lines[:2]}, Hidden: []web.Hidden{{Name: "change", Value: "{}"}}, Submit: "Speichern", Ask: console.Ask{Kind: core.FactorPassword}}),
		{"presets", console.Presets(console.PresetsPage{Page: page(huber, "security", nil), Items: []console.PresetItem{{Name: "adaptive-email", Differs: 6, Available: false}, {Name: "managed-tenants", Differs: 3, Available: true}, {Name: "organization-wide", Differs: 0, Available: true}, {Name: "self-service", Differs: 1, Available: true}}})},
		deed("preset", "Adaptive E-Mail", huber, console.DeedPage{Effect: &console.Effect{Settings: consoleDiff()}, Closed: true}),
		{"users", console.Users(console.UsersPage{Page: page(huber, "users", nil), Query: console.PeopleQuery{Tenant: huber.ID}, List: list})},
		{"users.acting", acts(banner, console.Users(console.UsersPage{Page: page(huber, "users", nil), Query: console.PeopleQuery{Tenant: huber.ID, Status: core.MFASetupRequired, Cursor: "c1"}, List: list}))},
		{"error.acting", acts(banner, web.Error(web.ErrorPage{Page: web.Page{Fault: session.ErrActing}, Request: "req_7M4KX2QZ"}))},
		{"users.off", console.Users(console.UsersPage{Page: page(huber, "users", nil), Query: console.PeopleQuery{Tenant: huber.ID}, List: dark})},
		{"users.nobody", console.Users(console.UsersPage{Page: page(sued, "users", nil), Query: console.PeopleQuery{Tenant: sued.ID}, List: console.PeopleList{Shown: true}})},
		{"users-above", console.UsersAbove(console.UsersPage{Page: openDoor, Query: console.PeopleQuery{Tenant: huber.ID}})},
		{"users-above.closed", console.UsersAbove(console.UsersPage{Page: closedDoor, Query: console.PeopleQuery{Tenant: huber.ID}})},
		{"users.none", console.Users(console.UsersPage{Page: page(huber, "users", nil), Query: console.PeopleQuery{Tenant: huber.ID, Prefix: "zzz"}, List: console.PeopleList{Shown: true, Counts: counts}})},
		{"invite", console.Invite(console.InvitePage{Page: page(huber, "users", core.NewFault(core.KindConflict, "user.login_taken")), Wish: console.Invitation{Name: "Björn", Role: core.Helpdesk}, Roles: roles.Grants})},
		{"users-bulk", console.Bulk(console.BulkPage{Page: page(huber, "users", core.NewFault(core.KindConflict, "bulk.partly")), Deed: console.PersonResetMFA, Done: 3, People: []console.Who{who("us_c", "Camille Lefèvre", "camille")},
			Refused: []console.BulkRefused{{Who: who("us_c", "Camille Lefèvre", "camille"), Fault: core.ErrForbidden}}, Ask: ask})},
		{"person", console.Person(console.PersonPage{Page: page(sued, "users", nil), View: person})},
		{"person.service", console.Person(console.PersonPage{Page: page(sued, "users", nil), View: service})},
		deed("person-pass", "Befristeter Zugang", huber, console.DeedPage{Fields: console.HoursField(web.Page{}, "1"), Effect: &console.Effect{}, Submit: "Zugang erstellen", Ask: ask}),
		deed("person-edit", "Bearbeiten", huber, console.DeedPage{Fields: console.EditFields(web.Page{}, "Jonas Keller", "jonas@x.example", "de"), Submit: "Speichern"}),
		deed("person-to-service-account", "Als Dienstkonto kennzeichnen", huber, console.DeedPage{Fields: console.ServiceFields(web.Page{}, console.Typed{Reason: "Kasse"}), Submit: "Umwandeln", Ask: ask}),
		{"temporary-pass", console.Pass(console.PassPage{Page: page(huber, "users", nil), Who: console.Who{ID: "us_j", Name: "Jonas Keller", Login: "jonas.keller"}, Deed: console.PersonPass, Secret: "K7QD-M2XR-9FHW", Until: ago(0, -1)})},
		{"service-accounts", console.ServiceAccounts(console.ServicesPage{Page: page(huber, "services", nil), List: console.ServiceList{Allowed: true, Next: "c2", Rows: []console.Service{{User: core.User{ID: "us_s", Name: "Kassenabgleich", Login: "svc-kasse"},
			Tenant: sued.Name, Owner: "Anna Huber-Reitinger", Reason: "Kassenabgleich", Networks: []string{"192.0.2.0/24", "2001:db8:85a3::/48"}, Expires: ago(3, 0), Used: ago(0, 1), Over: true}, {User: core.User{ID: "us_t", Name: "Etiketten", Login: "svc-etiketten"}, Owner: "Anna", Reason: "Etikettendrucker"}}}})},
		{"service-accounts.none", console.ServiceAccounts(console.ServicesPage{Page: page(sued, "services", nil)})},
		{"service-account-new", console.NewService(console.ServicePage{Page: page(huber, "services", core.Invalid("form.invalid", "field", "expires")), Wish: console.Typed{Name: "Kasse", Expires: "2026-02-30"}, Ask: ask})},
		{"api-clients", console.APIClients(console.ClientsPage{Page: page(huber, "clients", nil), List: console.ClientList{Next: "c2", Rows: []console.Client{client, tired}}})},
		{"api-clients.none", console.APIClients(console.ClientsPage{Page: page(sued, "clients", nil)})},
		{"api-client", console.APIClient(console.ClientPage{Page: page(huber, "clients", nil), Client: client})},
		{"api-client.left", console.APIClient(console.ClientPage{Page: page(huber, "clients", nil), Client: tired})},
		{"api-client-form", console.ClientForm(console.ClientFormPage{Page: page(huber, "clients", core.Invalid("client.expiry", "field", "expires")), Wish: console.TypedClient{Name: "Bericht", Expires: "2039-01-01", Rights: []string{"people.view"}}, Rights: access.Lendable, Ask: ask})},
		{"api-client-form.replace", console.ClientForm(console.ClientFormPage{Page: page(huber, "clients", nil), Service: core.User{ID: "us_s", Name: "Kassenabgleich", Login: "svc-kasse"}, Wish: console.TypedClient{Name: "Kassenabgleich", Quiet: "30"}, Ask: ask})},
		{"api-client-secret", console.ClientSecret(console.ClientSecretPage{Page: page(huber, "clients", nil), Client: "ap_1", Name: "Bericht", Secret: "wq6VqWl1Jr8k2m9sX0b3cD4eF5gH6iJ7kL8mN9oP0qR"})},
		deed("api-client-rotate", "Neues Geheimnis", huber, console.DeedPage{Fields: console.OverlapField(web.Page{}, "7"), Submit: "Erzeugen", Ask: ask}),
		{"apps", console.AppsList(console.AppsPage{Page: page(huber, "apps", nil), List: console.AppList{Rows: []core.App{ledger, {ID: "ap_01j9zq4c5d8e9f0g1h2j3k4m5p", Name: "Kassenportal", State: core.AppDisabled, Doc: core.AppDoc{Auth: core.AppPublic, FirstParty: true}, ChangedAt: ago(3, 0)}}, Next: "c2"}})},
		{"apps.none", console.AppsList(console.AppsPage{Page: page(huber, "apps", nil)})},
		{"app", console.App(console.AppPage{Page: page(huber, "apps", nil), View: appView, Snippets: consoleSnippets(ledger)})},
		{"app.public", console.App(console.AppPage{Page: page(nordwind, "apps", nil), View: console.AppView{App: core.App{ID: "ap_2", Name: "Telefon", State: core.AppDisabled, Doc: core.AppDoc{Auth: core.AppPublic, RedirectURIs: []string{"com.example.app:/cb"}}}, Place: consolePlace(nordwind), Issuer: "https://id.example.org", Unreachable: true}})},
		{"app-form", console.AppForm(console.AppFormPage{Page: page(huber, "apps", core.Invalid("app.redirect_invalid", "uri", "http://x")), New: true, Typed: console.TypedApp{Auth: core.AppSecret, Consent: "ask", Alg: core.AlgES256, Redirects: []string{"http://x"}}})},
		{"app-form.change", console.AppForm(console.AppFormPage{Page: page(huber, "apps", nil), ID: ledger.ID, Name: ledger.Name, Typed: console.TypedApp{Name: ledger.Name, Auth: core.AppKey, Keys: "{}", Consent: "none", Level: "mfa", Alg: core.AlgRS256, NoPKCE: true}})},
		{"app-secret", console.AppSecret(console.AppSecretPage{Page: page(huber, "apps", nil), App: ledger, Secret: "k7QdM2xR9fHwT4vB6nPcE8jSk7QdM2xR9fHwT4vB6nP", Until: ago(-7, 0)})},
		{"app-test", console.AppTest(console.AppTestPage{Page: page(huber, "apps", nil), View: appView, Result: console.AppTested{ACR: "urn:sallyport:mfa", Methods: []string{"pwd", "otp", "mfa"}, AuthTime: ago(0, 1), Token: "{\n  \"iss\": \"https://id.example.org\"\n}", Info: "{}"}})},
		{"app-test.refused", console.AppTest(console.AppTestPage{Page: page(huber, "apps", nil), View: appView, Result: console.AppTested{Error: "access_denied", About: "the person may not, or did not want to"}})},
		deed("app-delete", "Die App löschen?", huber, console.DeedPage{Effect: &console.Effect{Lines: []console.EffectLine{counted(console.EffectUsers, 214), counted(console.EffectSelects, 2)}}, Confirm: ledger.Name, Danger: true, Submit: "Löschen"}),
		deed("select-app", "MFA für diese App vorschreiben?", huber, console.DeedPage{Effect: &console.Effect{Lines: []console.EffectLine{counted(directory.EffectAppOpen, 12), counted(directory.EffectAppShow, 30), counted(directory.EffectAppStuck, 1)}, Settings: []policy.Difference{}}, Submit: "Vorschreiben"}),
		{"tenant-security.apps", console.Security(console.SecurityPage{Page: page(huber, "security", nil), MFA: on, Settings: &settings, Apps: &selected})},
		{"tenant-security.apps_none", console.Security(console.SecurityPage{Page: page(huber, "security", nil), MFA: on, Settings: &settings, Apps: &console.SelectionView{On: true}})},
		{"roles", console.RolesList(console.RolesPage{Page: page(huber, "roles", nil), View: roles})},
		{"roles.none", console.RolesList(console.RolesPage{Page: page(sued, "roles", nil)})},
		{"role", console.RoleForm(console.RolePage{Page: page(huber, "roles", nil), Wish: console.RoleWish{Base: core.Helpdesk, Rights: []access.Permission{access.ViewPeople}}, Rights: []access.Permission{access.ViewPeople, access.Invite, access.Unlock, access.ResetMFA}, Bases: []core.Role{core.CustomerAdmin, core.Helpdesk}, New: true})},
		{"role.change", console.RoleForm(console.RolePage{Page: page(huber, "roles", nil), Wish: console.RoleWish{Role: "ro_1", Name: "Schichtleitung", Base: core.Helpdesk, Version: 3}, Rights: []access.Permission{access.ViewPeople}})},
		{"support", console.SupportAccess(console.SupportPage{Page: page(huber, "support", nil), Acting: acting, May: []console.TenantDeed{console.SupportClose}})},
		{"support.closed", console.SupportAccess(console.SupportPage{Page: page(nordwind, "support", nil), May: []console.TenantDeed{console.SupportOpen}})},
		{"act", console.Act(console.ActPage{Page: page(huber, "tenant", core.Invalid("support.reason_required")), Ask: ask})},
		{"audit", console.AuditLog(console.AuditPage{Page: page(huber, "audit", nil), Query: console.AuditQuery{Tenant: huber.ID, Family: "signin.", Since: 7}, List: console.AuditList{Entries: entries, Next: "c2", Sealed: 18402, Checked: sampleNow}})},
		{"audit.broken", console.AuditLog(console.AuditPage{Page: page(huber, "audit", nil), Query: console.AuditQuery{Tenant: huber.ID}, List: console.AuditList{Broken: true}})},
		{"policy-explain", console.Explain(console.PolicyPage{Page: page(nordwind, "policy", nil), Typed: console.ExplainTyped{User: "jonas.keller", Browser: "known", At: "2025-12-14T15:02"}, Apps: []console.Option{{Value: "ap_1", Name: "Kassenportal"}}, Who: &console.Who{ID: "us_j", Name: "Jonas Keller", Login: "jonas.keller"}, Found: x})},
		{"policy-explain.empty", console.Explain(console.PolicyPage{Page: page(nordwind, "policy", core.Invalid("user.unknown", "field", "user")), Typed: console.ExplainTyped{User: "nobody", Browser: "new"}})},
	}
}

func consoleSnippets(a core.App) []console.Snippet {
	all, err := console.Snippets(a, "https://id.example.org")
	if err != nil {
		panic(err)
	}
	return all
}

func counted(what string, n int) console.EffectLine { return console.EffectLine{What: what, Count: n} }

func who(id core.UserID, name, login string) console.Who {
	return console.Who{ID: id, Name: name, Login: login}
}

func consoleLine(settings string) []core.Tenant {
	root := core.Tenant{ID: "tn_root", Kind: core.Platform, Name: "Plattform", CreatedAt: sampleNow.AddDate(-3, 0, 0)}
	partner := nordwind
	partner.Parent = root.ID
	partner.Locks = core.SettingsDoc(`{"factors":["totp","passkey"],"user_may_disable":"second_factor","trusted_browser":{"days":14}}`)
	org := huber
	org.Settings = core.SettingsDoc(settings)
	return []core.Tenant{root, partner, org}
}

func consoleEffective() policy.Effective {
	e, err := policy.Of(consoleLine(`{"requirement":["organization"],"enforce_at":{"grace":{"days":14,"skips":3}}}`))
	if err != nil {
		panic(err)
	}
	return e
}

func consoleSettings() console.SettingsView {
	doc := core.SettingsDoc(`{"requirement":["organization"],"challenge":"untrusted_browser","password_reset_effect":"clear_mfa","login_networks":["192.0.2.0/24","2001:db8::/32"],"display_name":"Bäckerei Huber"}`)
	doc, err := doc.Stamped(core.Stamp{At: sampleNow.AddDate(0, 0, -30), By: "us_eva"}, "challenge", "display_name")
	if err != nil {
		panic(err)
	}
	line := consoleLine(string(doc))
	e, err := policy.Of(line)
	if err != nil {
		panic(err)
	}
	values, err := policy.Values(line)
	if err != nil {
		panic(err)
	}
	loose := policy.Loosest()
	floor := loose
	floor.Factors = []core.FactorKind{core.FactorTOTP, core.FactorPasskey}
	floor.UserMayDisable = core.DisableSecondFactor
	return console.SettingsView{Which: console.OwnSettings, Doc: doc, Settings: e.Settings, Values: values, Actors: map[string]string{"us_eva": "Eva Brandt"}, Floor: &floor, Version: 7}
}

func consoleLocks(which console.Which) console.SettingsView {
	doc := core.SettingsDoc(`{"factors":["totp","passkey"],"lockout":{"factor":{"limit":3}}}`)
	s, err := doc.Over(policy.Loosest())
	if err != nil {
		panic(err)
	}
	return console.SettingsView{Which: which, Doc: doc, Settings: s, Version: 3}
}

func consoleDiff() []policy.Difference {
	var out []policy.Difference
	for _, name := range policy.Presets() {
		diff, err := policy.ComparePreset(name, core.SettingsDoc(`{"lockout":{"factor":{"limit":3}}}`))
		if err != nil {
			panic(err)
		}
		out = append(out, diff...)
	}
	more, err := policy.DocDifferences(core.SettingsDoc(`{"unique_email":false,"login_networks":["192.0.2.0/24"]}`),
		core.SettingsDoc(`{"session":{"idle":"5m"},"totp":{"digits":8},"lockout":{"factor":{"limit":3}},"enforce_at":{"grace":{"days":3,"skips":1}},"display_name":"Huber"}`))
	if err != nil {
		panic(err)
	}
	return append(out, more...)
}

func consolePeople(ago func(int, int) time.Time) []console.PersonRow {
	one := func(id, name, login string, status core.MFAStatus, roles ...core.Role) console.PersonRow {
		r := console.PersonRow{User: core.User{ID: core.UserID(id), Name: name, Login: login, Kind: core.Person, State: core.UserActive, LastSignInAt: ago(0, 1)}, Status: status}
		for _, role := range roles {
			r.Roles = append(r.Roles, console.RoleName{Role: role})
		}
		return r
	}
	anna := one("us_a", "Anna Huber-Reitinger", "anna.huber@baeckerei-huber.example", core.MFAEnabled, core.CustomerAdmin, core.Helpdesk)
	anna.Methods = []core.FactorKind{core.FactorTOTP}
	camille := one("us_c", "Camille Lefèvre-Montgolfier", "camille.lefevre@baeckerei-huber.example", core.MFASetupRequired)
	camille.Flags, camille.DueAt, camille.Tenant = console.Flags, ago(-14, 0), sued.Name
	pending := one("us_p", "Étienne Girard", "etienne", core.MFAPendingValidation)
	pending.User.State, pending.User.LastSignInAt = core.UserInvited, time.Time{}
	svc := one("us_s", "Kassenabgleich", "svc-kassenabgleich", core.MFAServiceAccount)
	svc.User.Kind = core.ServiceAccount
	gone := one("us_g", "Gustav Lindqvist", "gustav", console.Inactive)
	gone.User.State = core.UserDisabled
	return []console.PersonRow{anna, camille, pending, svc, one("us_h", "Hannah Whitfield", "hannah", core.MFANotApplicable), one("us_o", "Otto", "otto", core.MFADisabled), gone}
}

func consolePerson(ago func(int, int) time.Time) console.PersonView {
	v := console.PersonView{PersonRow: consolePeople(ago)[1], Place: consolePlace(sued), Required: true, By: huber.Name, Since: ago(30, 0), Deeds: console.PersonDeeds}
	v.User.Email, v.User.Locale, v.User.CreatedAt = "camille@x.example", "fr", ago(500, 0)
	v.Factors = []console.Factor{{Kind: core.FactorTOTP, Name: "Diensthandy", Added: ago(200, 0), Used: ago(0, 2), LockedUntil: sampleNow.Add(time.Minute)}, {Kind: core.FactorTOTP, Added: ago(3, 0), Dead: true}}
	v.Recovery = console.Recovery{Left: 1, Made: ago(20, 0)}
	v.Browsers = []console.Browser{{ID: "br_1", Agent: "Firefox, Linux", Place: "Deutschland", Seen: ago(0, 3), Trusted: ago(3, 0), Until: ago(-11, 0)}, {ID: "br_2", Agent: "Safari, iPhone", Seen: ago(1, 0)}}
	v.Sessions = []console.Session{{ID: "se_1", Agent: "Firefox, Linux", Address: "2001:db8:85a3::8a2e:370:7334", Since: ago(0, 3), Seen: ago(0, 0)}, {ID: "se_2", Address: "192.0.2.7", Since: ago(1, 0), Seen: ago(1, 0)}}
	v.Apps = []console.ConnectedApp{{ID: "ap_1", Name: "Hauptbuch & Lohnabrechnung", Since: ago(90, 0), Used: ago(1, 0), Scopes: []string{"openid", "email", "ledger:read"}, SignIn: 2}, {ID: "ap_2", Name: "Alt", Since: ago(300, 0), Used: ago(100, 0), Gone: true}}
	v.Events = consoleEntries(ago)
	v.Held = []console.RoleHeld{{Role: console.RoleName{Role: core.Helpdesk}, On: huber, MayRevoke: true}, {Role: console.RoleName{Role: "ro_1", Name: "Schichtleitung"}, On: sued}}
	v.Grants = []console.RoleName{{Role: core.CustomerAdmin}, {Role: core.Auditor}}
	v.Why = policy.Explain(policy.Facts{Now: sampleNow, Person: policy.Person{Kind: core.Person, State: core.UserActive, RolesKnown: true}, Effective: consoleEffective(), Shown: policy.Shown{Proofs: []core.Proof{{Kind: core.FactorPassword, At: sampleNow}}}})
	return v
}

func consoleEntries(ago func(int, int) time.Time) (out []console.Entry) {
	for i, e := range []console.Entry{
		{Event: core.Event{Name: "signin.factor_failed", Actor: "us_j", Target: "us_j", Result: "refused", Reason: "factor.code_mismatch", Address: "203.0.113.24"}, ActorName: "Jonas Keller", TargetName: "Jonas Keller"},
		{Event: core.Event{Name: "user.mfa.reset", Actor: "us_eva", Target: "us_c", Result: "ok", Address: "2001:db8:85a3::8a2e:370:7334", Detail: map[string]string{"apps": "1", "codes": "1"}, Batch: 12, Position: 18397}, ActorName: "Eva Brandt", TargetName: "Camille Lefèvre-Montgolfier", For: huber.Name, Sealed: true},
		{Event: core.Event{Name: "tenant.created", Actor: core.ActorShell, Target: "tn_huber", Result: "ok"}, TargetName: huber.Name},
		{Event: core.Event{Name: "something.new", Actor: core.ActorSystem, Target: "18 388", Result: "ok"}},
		{Event: core.Event{Name: "user.password.changed", Actor: "us_gone", Target: "us_gone", Result: "refused"}},
	} {
		e.At, e.Request = ago(i, i), fmt.Sprintf("rq_7M4KX2QZ%d", i)
		out = append(out, e)
	}
	return out
}

// acts is a page as somebody reads it who acts elsewhere.
func acts(a *web.Acting, page templ.Component) templ.Component {
	return templ.ComponentFunc(func(ctx context.Context, w io.Writer) error {
		ctx = web.WithActing(ctx, a)
		defer web.WithActing(ctx, nil) // the next sample may be drawn for the same request
		return page.Render(ctx, w)
	})
}
