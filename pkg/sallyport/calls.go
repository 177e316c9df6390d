package sallyport

import (
	"context"
	"encoding/json"
	"iter"
	"net/http"
	"net/url"
	"time"
)

func id(s string) string { return url.PathEscape(s) }

func get[T any](ctx context.Context, c *Client, path string, query url.Values) (out T, err error) {
	err = c.Do(ctx, http.MethodGet, path, query, nil, &out)
	return out, err
}

func send[T any](ctx context.Context, c *Client, method, path string, body any, writes []Write) (out T, err error) {
	err = c.Do(ctx, method, path, nil, body, &out, writes...)
	return out, err
}

// Me says who the client is to the server.
func (c *Client) Me(ctx context.Context) (Account, error) { return get[Account](ctx, c, "/me", nil) }

// Tenants goes through nodes of a branch by name.
func (c *Client) Tenants(ctx context.Context, q TenantQuery) iter.Seq2[Tenant, error] {
	return each[Tenant](ctx, c, "/tenants", given("under", q.Under, "name", q.Name, "kind", q.Kind, "mode", q.Mode, "state", q.State, "requirement", q.Requirement))
}

// Tenant is one node.
func (c *Client) Tenant(ctx context.Context, tenant string) (Tenant, error) {
	return get[Tenant](ctx, c, "/tenants/"+id(tenant), nil)
}

// CreateTenant makes a node.
func (c *Client) CreateTenant(ctx context.Context, n NewTenant, writes ...Write) (Tenant, error) {
	return send[Tenant](ctx, c, http.MethodPost, "/tenants", n, writes)
}

// ChangeTenant changes one thing of a node.
func (c *Client) ChangeTenant(ctx context.Context, tenant string, ch TenantChange, writes ...Write) (Tenant, error) {
	return send[Tenant](ctx, c, http.MethodPatch, "/tenants/"+id(tenant), ch, writes)
}

// ConvertTenant makes a trial productive.
func (c *Client) ConvertTenant(ctx context.Context, tenant string, writes ...Write) (Tenant, error) {
	return send[Tenant](ctx, c, http.MethodPost, "/tenants/"+id(tenant)+"/convert", nil, writes)
}

// DeleteTenant deletes a node with all below it; its name confirms it.
func (c *Client) DeleteTenant(ctx context.Context, tenant, name string, writes ...Write) error {
	return c.Do(ctx, http.MethodDelete, "/tenants/"+id(tenant), nil, Confirmed{name}, nil, writes...)
}

// RestoreTenant brings a deleted node back.
func (c *Client) RestoreTenant(ctx context.Context, tenant string, writes ...Write) (Tenant, error) {
	return send[Tenant](ctx, c, http.MethodPost, "/tenants/"+id(tenant)+"/restore", nil, writes)
}

// MFA is where the switch of a node stands.
func (c *Client) MFA(ctx context.Context, tenant string) (MFA, error) {
	return get[MFA](ctx, c, "/tenants/"+id(tenant)+"/mfa", nil)
}

// SetMFA moves the switch.
func (c *Client) SetMFA(ctx context.Context, tenant string, ch MFAChange, writes ...Write) (MFA, error) {
	if ch.Requirement == nil {
		ch.Requirement = []string{}
	}
	return send[MFA](ctx, c, http.MethodPut, "/tenants/"+id(tenant)+"/mfa", ch, writes)
}

// Settings are those of a node's organisation, with what holds.
func (c *Client) Settings(ctx context.Context, tenant string) (Settings, error) {
	return get[Settings](ctx, c, "/tenants/"+id(tenant)+"/settings", given("effective", "true"))
}

// SetSettings lays a document over them.
func (c *Client) SetSettings(ctx context.Context, tenant string, change json.RawMessage, writes ...Write) (Settings, error) {
	return send[Settings](ctx, c, http.MethodPut, "/tenants/"+id(tenant)+"/settings", change, writes)
}

// Users goes through the people of a node.
func (c *Client) Users(ctx context.Context, tenant string, q UserQuery) iter.Seq2[User, error] {
	return each[User](ctx, c, "/tenants/"+id(tenant)+"/users", given("status", q.Status, "search", q.Search))
}

// Find is the account that has a login, where there is one.
func (c *Client) Find(ctx context.Context, login string) (u User, found bool, err error) {
	p, err := get[Page[User]](ctx, c, "/users", url.Values{"login": {login}})
	if err != nil || len(p.Items) == 0 {
		return u, false, err
	}
	return p.Items[0], true, nil
}

// User is one account.
func (c *Client) User(ctx context.Context, user string) (UserDetail, error) {
	return get[UserDetail](ctx, c, "/users/"+id(user), nil)
}

// CreateUser invites somebody, or makes their account where a password is given.
func (c *Client) CreateUser(ctx context.Context, tenant string, n NewUser, writes ...Write) (Invited, error) {
	return send[Invited](ctx, c, http.MethodPost, "/tenants/"+id(tenant)+"/users", n, writes)
}

// ChangeUser changes an account.
func (c *Client) ChangeUser(ctx context.Context, user string, ch UserChange, writes ...Write) (UserDetail, error) {
	return send[UserDetail](ctx, c, http.MethodPatch, "/users/"+id(user), ch, writes)
}

// DeleteUser deletes an account for good.
func (c *Client) DeleteUser(ctx context.Context, user string, writes ...Write) error {
	return c.Do(ctx, http.MethodDelete, "/users/"+id(user), nil, nil, nil, writes...)
}

// InviteUser mails a fresh invitation.
func (c *Client) InviteUser(ctx context.Context, user string, writes ...Write) (Invited, error) {
	return send[Invited](ctx, c, http.MethodPost, "/users/"+id(user)+"/invite", nil, writes)
}

// UnlockUser ends timed locks, DisableUser stops an account and EnableUser lets it go on.
func (c *Client) UnlockUser(ctx context.Context, user string, writes ...Write) (UserDetail, error) {
	return send[UserDetail](ctx, c, http.MethodPost, "/users/"+id(user)+"/unlock", nil, writes)
}

func (c *Client) DisableUser(ctx context.Context, user string, writes ...Write) (UserDetail, error) {
	return send[UserDetail](ctx, c, http.MethodPost, "/users/"+id(user)+"/disable", nil, writes)
}

func (c *Client) EnableUser(ctx context.Context, user string, writes ...Write) (UserDetail, error) {
	return send[UserDetail](ctx, c, http.MethodPost, "/users/"+id(user)+"/enable", nil, writes)
}

// ResetMFA ends somebody's second factors. It wants the fresh proof of a person, so a
// program is refused with step_up.required.
func (c *Client) ResetMFA(ctx context.Context, user string, writes ...Write) (Reset, error) {
	return send[Reset](ctx, c, http.MethodPost, "/users/"+id(user)+"/reset-mfa", nil, writes)
}

// Sessions are where somebody is signed in, and UserRoles what they may do.
func (c *Client) Sessions(ctx context.Context, user string) (Page[Session], error) {
	return get[Page[Session]](ctx, c, "/users/"+id(user)+"/sessions", nil)
}

func (c *Client) UserRoles(ctx context.Context, user string) (Page[RoleHeld], error) {
	return get[Page[RoleHeld]](ctx, c, "/users/"+id(user)+"/roles", nil)
}

// Roles are who holds which role on a node and below, and the node's own roles.
func (c *Client) Roles(ctx context.Context, tenant string) (Roles, error) {
	return get[Roles](ctx, c, "/tenants/"+id(tenant)+"/roles", nil)
}

// EndSessions signs somebody out everywhere.
func (c *Client) EndSessions(ctx context.Context, user string, writes ...Write) (Count, error) {
	return send[Count](ctx, c, http.MethodDelete, "/users/"+id(user)+"/sessions", nil, writes)
}

// GrantRole gives somebody a role.
func (c *Client) GrantRole(ctx context.Context, user string, g Grant, writes ...Write) error {
	return c.Do(ctx, http.MethodPost, "/users/"+id(user)+"/roles", nil, g, nil, writes...)
}

// RevokeRole takes it.
func (c *Client) RevokeRole(ctx context.Context, user string, g Grant, writes ...Write) error {
	return c.Do(ctx, http.MethodDelete, "/users/"+id(user)+"/roles/"+id(g.Role), given("tenant", g.Tenant), nil, nil, writes...)
}

// Apps goes through the apps of a node, and ServiceAccounts through its service accounts.
func (c *Client) Apps(ctx context.Context, tenant string) iter.Seq2[App, error] {
	return each[App](ctx, c, "/apps", given("tenant", tenant))
}

func (c *Client) ServiceAccounts(ctx context.Context, tenant string) iter.Seq2[ServiceAccount, error] {
	return each[ServiceAccount](ctx, c, "/service-accounts", given("tenant", tenant))
}

// ServiceAccount is one service account.
func (c *Client) ServiceAccount(ctx context.Context, user string) (ServiceAccount, error) {
	return get[ServiceAccount](ctx, c, "/service-accounts/"+id(user), nil)
}

// CreateApp makes an app; its secret is in the answer, once.
func (c *Client) CreateApp(ctx context.Context, n NewApp, writes ...Write) (App, error) {
	return send[App](ctx, c, http.MethodPost, "/apps", n, writes)
}

// Events goes through the audit log, newest first.
func (c *Client) Events(ctx context.Context, q EventQuery) iter.Seq2[Event, error] {
	at := func(t time.Time) string {
		if t.IsZero() {
			return ""
		}
		return t.UTC().Format(time.RFC3339Nano)
	}
	return each[Event](ctx, c, "/audit", given("tenant", q.Tenant, "about", q.About, "event", q.Event, "result", q.Result, "since", at(q.Since), "until", at(q.Until)))
}

// Explain says what a sign-in would meet, and why.
func (c *Client) Explain(ctx context.Context, q ExplainQuery) (out Explanation, err error) {
	return send[Explanation](ctx, c, http.MethodPost, "/policy/explain", q, nil)
}

// Simulate says who would meet what if settings were changed.
func (c *Client) Simulate(ctx context.Context, q SimulateQuery) (Preview, error) {
	return send[Preview](ctx, c, http.MethodPost, "/policy/simulate", q, nil)
}

// Readiness is what somebody should look at before MFA is switched on.
func (c *Client) Readiness(ctx context.Context, tenant string) (Readiness, error) {
	return get[Readiness](ctx, c, "/readiness", given("tenant", tenant))
}
