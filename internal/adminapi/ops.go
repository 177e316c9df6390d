package adminapi

import "net/http"

const (
	getIt = http.MethodGet
	post  = http.MethodPost
	put   = http.MethodPut
	patch = http.MethodPatch
	del   = http.MethodDelete
)

// ops are all operations, in the order in which the document has them.
func (h *Handler) ops() []op {
	const tenant, user = "/tenants/{tenant}", "/users/{user}"
	here := word("tenant", "Id of a node: it and what is below it within its organisation. Left out, where the caller's own rights begin.")
	return []op{
		on(getIt, "/me", "me", "Who the request comes from.", h.me),

		on(getIt, "/tenants", "listTenants", "Nodes of a branch by name; deleted ones where they are asked for.", h.listTenants, listed, with(
			word("under", "Id of the node on top. Left out, where the caller's own rights begin."), word("name", "Beginning of the name."),
			word("kind", "Only this kind.", "platform", "partner", "folder", "customer", "unit"), word("mode", "Only these.", "trial", "production"),
			word("state", "Only these.", "active", "suspended", "deleted"),
			word("requirement", "Only organisations that require a second factor so.", "organization", "selected_apps", "per_user", "off"))),
		on(post, "/tenants", "createTenant", "Makes a partner, folder, customer or unit.", h.createTenant, created),
		on(getIt, tenant, "getTenant", "One node.", h.getTenant, of("tenant")),
		on(patch, tenant, "changeTenant", "Renames, moves, suspends or resumes a node, opens or closes its support access, or says when a trial ends: one of them at a time.", h.changeTenant, of("tenant")),
		on(del, tenant, "deleteTenant", "Deletes a node with all below it. For thirty days it can be restored. The body confirms it by the node's name.", h.deleteTenant, of("tenant")),
		on(post, tenant+"/restore", "restoreTenant", "Brings a deleted node back, as it was.", h.restoreTenant, of("tenant")),
		on(post, tenant+"/convert", "convertTenant", "Makes a trial productive. There is no way back.", h.convertTenant, of("tenant")),
		on(post, tenant+"/suspend", "suspendTenant", "Keeps everybody of a node and of all below it out.", h.suspendTenant, of("tenant")),
		on(post, tenant+"/resume", "resumeTenant", "Ends a suspension.", h.resumeTenant, of("tenant")),
		on(post, tenant+"/sign-out", "signOutTenant", "Signs everybody of an organisation out. A job does it, person by person.", h.signOutTenant, of("tenant")),
		on(post, tenant+"/first-administrator", "inviteFirstAdministrator", "From above: invites an administrator into an organisation that has none who can sign in.", h.inviteFirst, created),

		on(getIt, tenant+"/mfa", "getMFA", "Where the switch stands, with the counts of the node.", h.getMFA, of("tenant")),
		on(put, tenant+"/mfa", "putMFA", "Moves the switch. Emptying the requirement deletes what people have set up: it wants a fresh proof and the organisation's name.", h.putMFA, of("tenant")),
		on(getIt, tenant+"/settings", "getSettings", "The document of the node's organisation.", h.getSettings, of("tenant"), with(query{Name: "effective", About: "With what holds of every setting, and whose word it is.", Kind: "boolean"})),
		on(put, tenant+"/settings", "putSettings", "Lays a document over that of an organisation: what it does not name stays, null is the default again. It never empties a requirement.", h.putSettings, of("tenant")),
		on(getIt, tenant+"/locks", "getLocks", "What a partner or the platform holds over those below.", h.getLocks, of("tenant")),
		on(put, tenant+"/locks", "putLocks", "Lays a document over the locks; null lifts one.", h.putLocks, of("tenant")),
		on(getIt, tenant+"/template", "getTemplate", "What new customers of a partner or the platform begin with.", h.getTemplate, of("tenant")),
		on(put, tenant+"/template", "putTemplate", "Lays a document over the template.", h.putTemplate, of("tenant")),
		on(getIt, "/presets", "listPresets", "The settings documents that ship.", h.listPresets),
		on(getIt, tenant+"/presets/{preset}", "comparePreset", "What a preset would change of an organisation's settings.", h.comparePreset),
		on(post, tenant+"/presets/{preset}", "applyPreset", "Applies a preset; the requirement stays, where the preset has none.", h.applyPreset, of("tenant")),

		on(getIt, tenant+"/users", "listUsers", "People of a node and of those below it within its organisation, by login.", h.listUsers, listed, with(
			word("status", "Only those whose second factor stands so; inactive are disabled accounts.", "enabled", "setup_required", "pending_validation", "disabled", "service_account", "not_applicable", "inactive"),
			word("search", "Beginning of login, name, family name or address."))),
		on(post, tenant+"/users", "createUser", "Invites somebody, or makes their account with a first password.", h.createUser, created),
		on(getIt, "/users", "findUser", "The account that has a login, if there is one that the caller may see.", h.findUser, with(word("login", "The login, or an id."))),
		on(getIt, user, "getUser", "One account with all that its administrators may see.", h.getUser, of("user")),
		on(patch, user, "changeUser", "Changes name, address or language, or moves the account.", h.changeUser, of("user")),
		on(del, user, "deleteUser", "Deletes an account for good.", h.deleteUser, of("user")),
		on(post, user+"/invite", "inviteUser", "Mails a fresh invitation; the old link is dead.", h.reinvite, of("user")),
		on(post, user+"/reset-mfa", "resetUserMFA", "Ends all second factors, sessions and known browsers. Wants a fresh proof.", h.resetMFA, of("user"), proof),
		on(post, user+"/reset-trusted-browsers", "resetUserBrowsers", "Takes the trust from all browsers. Wants a fresh proof.", h.resetBrowsers, of("user"), proof),
		on(del, user+"/browsers/{browser}", "forgetUserBrowser", "Takes the trust from one browser. Wants a fresh proof.", h.forgetBrowser, of("user"), proof),
		on(post, user+"/unlock", "unlockUser", "Ends the timed locks.", h.unlock, of("user")),
		on(post, user+"/disable", "disableUser", "Stops an account.", h.disableUser, of("user")),
		on(post, user+"/enable", "enableUser", "Gives a disabled account back what it was.", h.enableUser, of("user")),
		on(post, user+"/convert", "convertUser", "Makes it a service account. Wants a fresh proof.", h.convertUser, of("user"), proof),
		on(post, user+"/pass", "makeUserPass", "Makes a temporary pass, shown once. Wants a fresh proof.", h.makePass, of("user"), proof),
		on(getIt, user+"/sessions", "listUserSessions", "Where they are signed in.", h.listSessions),
		on(del, user+"/sessions", "endUserSessions", "Signs them out everywhere.", h.endSessions, of("user")),
		on(del, user+"/sessions/{session}", "endUserSession", "Ends one session.", h.endSession, of("user")),
		on(getIt, user+"/apps", "listUserApps", "Apps that they use, and what they allowed them.", h.listUserApps),
		on(del, user+"/apps/{app}", "endUserApp", "Takes an app from them: its tokens of them end.", h.endUserApp, of("user")),
		on(getIt, user+"/roles", "listUserRoles", "What they may do, and where.", h.listUserRoles),
		on(post, user+"/roles", "grantRole", "Gives a role.", h.grantRole, of("user")),
		on(del, user+"/roles/{role}", "revokeRole", "Takes a role.", h.revokeRole, of("user"), with(word("tenant", "Id of the node that the role is held on."))),

		on(getIt, tenant+"/roles", "getRoles", "Who holds which role, and those that the organisation made itself.", h.getRoles),
		on(post, tenant+"/roles", "createRole", "Makes a role: a shipped one with fewer rights.", h.createRole, created),
		on(put, tenant+"/roles/{role}", "changeRole", "Changes a role that the organisation made.", h.changeRole),
		on(del, tenant+"/roles/{role}", "deleteRole", "Deletes a role that nobody holds.", h.deleteRole),

		on(getIt, tenant+"/support", "getSupport", "Whether administrators from above may act there, and who does.", h.getSupport, of("tenant")),
		on(put, tenant+"/support", "putSupport", "Opens or closes it.", h.putSupport, of("tenant")),
		on(del, tenant+"/support/sessions/{session}", "endActing", "Ends what one of them does there.", h.endActing),

		on(getIt, "/apps", "listApps", "Apps of an organisation.", h.listApps, listed, with(here)),
		on(post, "/apps", "createApp", "Makes an app; its secret is shown once.", h.createApp, created),
		on(getIt, "/apps/{app}", "getApp", "One app and when its secrets were used.", h.getApp, of("app")),
		on(patch, "/apps/{app}", "changeApp", "Changes an app, or switches it off and on.", h.changeApp, of("app")),
		on(post, "/apps/{app}/rotate", "rotateApp", "Makes a new secret, shown once; the old one goes on for a while.", h.rotateApp, of("app")),
		on(del, "/apps/{app}/secrets/{mark}", "retireAppSecret", "Ends one of several secrets now.", h.retireAppSecret, of("app")),
		on(del, "/apps/{app}", "deleteApp", "Ends an app and all its tokens.", h.deleteApp, of("app")),

		on(getIt, "/api-clients", "listAPIClients", "API clients of a node: whose rights each has, until when, when last used.", h.listClients, listed, with(here)),
		on(post, "/api-clients", "createAPIClient", "Makes one of the caller's own; its secret is shown once. Wants a fresh proof.", h.createClient, created),
		on(getIt, "/api-clients/{app}", "getAPIClient", "One API client.", h.getClient, of("app")),
		on(patch, "/api-clients/{app}", "changeAPIClient", "Changes an API client, or switches it off and on. Wants a fresh proof.", h.changeClient, of("app")),
		on(post, "/api-clients/{app}/rotate", "rotateAPIClient", "Makes a new secret, shown once; the old one goes on for a while. Wants a fresh proof.", h.rotateClient, of("app")),
		on(del, "/api-clients/{app}", "deleteAPIClient", "Ends an API client and its tokens.", h.deleteClient, of("app")),

		on(getIt, "/service-accounts", "listServiceAccounts", "Service accounts: who answers for each, until when, when last used.", h.listServices, listed, with(here)),
		on(post, "/service-accounts", "createServiceAccount", "Makes one with a password that nobody chose, shown once. Wants a fresh proof.", h.createService, created, proof),
		on(getIt, "/service-accounts/{user}", "getServiceAccount", "One service account.", h.getService, of("user")),
		on(patch, "/service-accounts/{user}", "changeServiceAccount", "Changes owner, reason, end or networks. Wants a fresh proof.", h.changeService, of("user"), proof),
		on(post, "/service-accounts/{user}/convert", "regularAccount", "Makes it a person's account again. Wants a fresh proof.", h.regular, of("user"), proof),
		on(post, "/service-accounts/{user}/replace", "replaceServiceAccount", "Makes an API client that takes its place; both work, until nobody used the account for a while. Wants a fresh proof.", h.replaceService, created, proof),
		on(post, "/service-accounts/{user}/keep", "keepServiceAccount", "Takes it back that it is going to be stopped. Wants a fresh proof.", h.keepService, of("user"), proof),
		on(del, "/service-accounts/{user}", "deleteServiceAccount", "Deletes it for good.", h.deleteUser, of("user")),

		on(getIt, "/audit", "listEvents", "The audit log of a node and of those below it within its organisation, newest first.", h.listEvents, listed, with(here,
			word("about", "Id or login: what it did, or what was done to it."), word("event", "Beginning of the event's name."), word("result", "Only these.", "ok", "refused"),
			query{Name: "since", About: "From here on.", Kind: "date-time"}, query{Name: "until", About: "Before this.", Kind: "date-time"})),
		on(post, "/policy/explain", "explainPolicy", "What a person's next sign-in is asked, and why: every rule, applied or not.", h.explain, reads),
		on(post, "/policy/simulate", "simulatePolicy", "Who would meet what if settings were changed.", h.simulate, reads),
		on(getIt, "/readiness", "getReadiness", "What somebody should look at before MFA is switched on.", h.readiness, with(here)),
	}
}
