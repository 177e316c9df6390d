package cli

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"sallyport/internal/core"
	"sallyport/internal/directory"
	"sallyport/internal/policy"
	"sallyport/pkg/sallyport"
)

// The far halves below answer what the API answers: it has the names that near halves
// read, and what they do not read they leave out.

// lost reports whether the API knows nothing by an id, or shows nothing.
func lost(err error) bool { return errors.Is(err, &sallyport.Error{Code: core.ErrNotFound.Code}) }

// apiNode finds a node by its id or name, as FindTenant does, among those that the
// client may see.
func apiNode(ctx context.Context, c *sallyport.Client, word string) (t sallyport.Tenant, version int64, err error) {
	read := func(id string) error {
		var tag string
		if err := c.Do(ctx, http.MethodGet, "/tenants/"+url.PathEscape(id), nil, nil, &t, sallyport.Tag(&tag)); err != nil {
			return err
		}
		version, err = versionIn(tag)
		return err
	}
	if strings.HasPrefix(word, core.PrefixTenant+"_") {
		if err := read(word); !lost(err) {
			return t, version, err
		}
	}
	var hits []string
	for n, err := range c.Tenants(ctx, sallyport.TenantQuery{Name: word}) {
		if err != nil {
			return t, 0, err
		}
		if directory.Confirmed(word, n.Name) {
			hits = append(hits, n.ID)
		}
	}
	switch len(hits) {
	case 1:
		return t, version, read(hits[0])
	case 0:
		return t, 0, core.NewFault(core.KindNotFound, "tenant.unknown").With("tenant", word)
	}
	return t, 0, core.Invalid("tenant.ambiguous", "tenant", word, "count", len(hits))
}

// versionIn reads the version that an ETag names.
func versionIn(tag string) (int64, error) {
	n, err := strconv.ParseInt(strings.Trim(tag, `"`), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("the answer has no version: ETag %q", tag)
	}
	return n, nil
}

// held holds a change to what somebody looked at before they said yes.
func (c changing) held() []sallyport.Write {
	if c.Seen == nil {
		return nil
	}
	return []sallyport.Write{sallyport.IfMatch(strconv.Quote(strconv.FormatInt(*c.Seen, 10)))}
}

// foretold takes over what the API says that a change would do.
func (c *changed) foretold(p sallyport.Preview) {
	for _, e := range p.Effects {
		one := effect{What: e.What, Count: e.Count}
		if e.DueAt != nil {
			one.DueAt = *e.DueAt
		}
		for _, n := range e.First {
			one.First = append(one.First, who{core.UserID(n.ID), n.Login, n.Name})
		}
		c.Effects = append(c.Effects, one)
	}
	for _, d := range p.Settings {
		c.Settings = append(c.Settings, policy.Difference{Key: d.Key, From: d.From, To: d.To, Way: policy.Direction(d.Way)})
	}
	c.Confirm = p.Confirm
}

// branchOver are the nodes that fit, children right behind their parent.
func branchOver(ctx context.Context, c *sallyport.Client, q sallyport.TenantQuery) ([]sallyport.Tenant, error) {
	if q.Under != "" {
		top, _, err := apiNode(ctx, c, q.Under)
		if err != nil {
			return nil, err
		}
		q.Under = top.ID
	}
	var all []sallyport.Tenant
	for t, err := range c.Tenants(ctx, q) {
		if err != nil {
			return nil, err
		}
		all = append(all, t)
	}
	// A path sorts behind that of the node above, and in front of that node's next sibling.
	slices.SortFunc(all, func(a, b sallyport.Tenant) int { return strings.Compare(a.Path, b.Path) })
	return all, nil
}

func apiTenantList(ctx context.Context, c *sallyport.Client, in tenantListIn, out *answers) error {
	all, err := branchOver(ctx, c, sallyport.TenantQuery{Under: in.Under, Name: in.Name, Kind: string(in.Kind), Mode: string(in.Mode), State: string(in.State), Requirement: in.Requirement})
	if err != nil {
		return err
	}
	for _, t := range all {
		if err := out.Result(t); err != nil {
			return err
		}
	}
	return nil
}

// apiDeed is a change of a node over the API: what it would do as far as the program
// says it itself, and the request, which says the rest in a dry run.
type apiDeed struct {
	plan func(ctx context.Context, c *sallyport.Client, t sallyport.Tenant, in *nodeIn, o *changed) error
	do   func(ctx context.Context, c *sallyport.Client, t sallyport.Tenant, in nodeIn, w ...sallyport.Write) error
	// then looks at the effects of a plan, nil: nothing more to say.
	then func(ctx context.Context, c *sallyport.Client, t sallyport.Tenant, o *changed) error
}

func apiTenant(x apiDeed) func(context.Context, *sallyport.Client, nodeIn, *answers) error {
	return func(ctx context.Context, c *sallyport.Client, in nodeIn, out *answers) error {
		t, version, err := apiNode(ctx, c, in.Tenant)
		if err != nil {
			return err
		}
		o := changed{ID: t.ID, Name: t.Name, Changes: []string{}, Version: version, DryRun: in.DryRun}
		if err := x.plan(ctx, c, t, &in, &o); err != nil {
			return err
		}
		if len(o.Changes) == 0 {
			return out.Result(o)
		}
		var p sallyport.Preview
		if err := x.do(ctx, c, t, in, append(in.held(), sallyport.DryRun(&p))...); err != nil {
			return err
		}
		o.foretold(p)
		if x.then != nil {
			if err := x.then(ctx, c, t, &o); err != nil {
				return err
			}
		}
		if !in.DryRun {
			if err := x.do(ctx, c, t, in, in.held()...); err != nil {
				return err
			}
		}
		return out.Result(o)
	}
}

var apiRename = apiDeed{
	plan: func(_ context.Context, _ *sallyport.Client, t sallyport.Tenant, in *nodeIn, o *changed) error {
		name, err := directory.CleanName(in.Name)
		if err == nil && name != t.Name {
			o.Changes = []string{fmt.Sprintf("name it %q", name)}
		}
		return err
	},
	do: func(ctx context.Context, c *sallyport.Client, t sallyport.Tenant, in nodeIn, w ...sallyport.Write) error {
		_, err := c.ChangeTenant(ctx, t.ID, sallyport.TenantChange{Name: &in.Name}, w...)
		return err
	},
}

func apiMFAStatus(ctx context.Context, c *sallyport.Client, in tenantIn, out *answers) error {
	t, _, err := apiNode(ctx, c, in.Tenant)
	if err != nil {
		return err
	}
	m, err := c.MFA(ctx, t.ID)
	if err != nil {
		return err
	}
	return out.Result(m)
}

func apiMFAList(ctx context.Context, c *sallyport.Client, in tenantIn, out *answers) error {
	all, err := branchOver(ctx, c, sallyport.TenantQuery{Under: in.Tenant})
	if err != nil {
		return err
	}
	var list []sallyport.MFA
	for _, t := range all {
		if !core.TenantKind(t.Kind).IsOrganisation() {
			continue
		}
		m, err := c.MFA(ctx, t.ID)
		if err != nil {
			return err
		}
		list = append(list, m)
	}
	// The longest way first; else as they stand in the tree.
	slices.SortStableFunc(list, func(a, b sallyport.MFA) int { return cmp.Compare(b.Setup, a.Setup) })
	for _, m := range list {
		if err := out.Result(m); err != nil {
			return err
		}
	}
	return nil
}

var apiEnableMFA = apiDeed{
	plan: func(ctx context.Context, c *sallyport.Client, t sallyport.Tenant, in *nodeIn, o *changed) error {
		s, err := c.Settings(ctx, t.ID)
		if err != nil {
			return err
		}
		var own core.Tenant
		if s.ID == t.ID { // a unit has none of its own
			own.Settings = core.SettingsDoc(s.Document)
		}
		if in.Requirement, err = in.wants(own); err != nil {
			return err
		}
		doc, err := own.Settings.Over(core.DefaultSettings())
		if err == nil && !sameSet(doc.Requirement, in.Requirement) {
			o.Changes = []string{"ask for a second factor: " + requirementWords(in.Requirement)}
		}
		return err
	},
	do: func(ctx context.Context, c *sallyport.Client, t sallyport.Tenant, in nodeIn, w ...sallyport.Write) error {
		ch := sallyport.MFAChange{}
		for _, r := range in.Requirement {
			ch.Requirement = append(ch.Requirement, string(r))
		}
		_, err := c.SetMFA(ctx, t.ID, ch, w...)
		return err
	},
	then: func(ctx context.Context, c *sallyport.Client, t sallyport.Tenant, o *changed) error {
		m, err := c.MFA(ctx, t.ID)
		if err == nil {
			o.then(bars(m.Counts))
		}
		return err
	},
}

// apiDisableMFA is refused to a program, in the words of step_up.required: even that is
// for the server to say.
var apiDisableMFA = apiDeed{
	plan: func(ctx context.Context, c *sallyport.Client, t sallyport.Tenant, _ *nodeIn, o *changed) error {
		m, err := c.MFA(ctx, t.ID)
		if err == nil && m.Status != "disabled" {
			o.Changes = []string{"switch MFA off for everybody there", "delete what they have set up"}
		}
		return err
	},
	do: func(ctx context.Context, c *sallyport.Client, t sallyport.Tenant, in nodeIn, w ...sallyport.Write) error {
		_, err := c.SetMFA(ctx, t.ID, sallyport.MFAChange{Confirm: in.Confirm}, w...)
		return err
	},
}

// apiJobFinish waits until MFA is off. When sessions are at their end the API does not
// tell, and the server goes on with it by itself.
func apiJobFinish(ctx context.Context, c *sallyport.Client, in jobIn, out *answers) error {
	for in.Kind == core.JobDisableMFA {
		m, err := c.MFA(ctx, string(in.Tenant))
		if err != nil {
			return err
		}
		if m.Disabling == nil {
			break
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(time.Second):
		}
	}
	return out.Result(struct{}{})
}

// apiFound finds the account that a verb names.
func apiFound(ctx context.Context, c *sallyport.Client, word string) (u sallyport.UserDetail, version int64, err error) {
	unknown := core.NewFault(core.KindNotFound, "user.unknown").With("user", word)
	hit, found, err := c.Find(ctx, word)
	if err == nil && !found {
		err = unknown
	}
	if err != nil {
		return u, 0, err
	}
	var tag string
	if err = c.Do(ctx, http.MethodGet, "/users/"+url.PathEscape(hit.ID), nil, nil, &u, sallyport.Tag(&tag)); lost(err) {
		err = unknown // it was deleted in this moment
	}
	if err == nil {
		version, err = versionIn(tag)
	}
	return u, version, err
}

func apiUserShow(ctx context.Context, c *sallyport.Client, in userIn, out *answers) error {
	u, _, err := apiFound(ctx, c, in.User)
	if err != nil {
		return err
	}
	return out.Result(u)
}

// apiOfUser lists what hangs on an account.
func apiOfUser[T any](list func(*sallyport.Client, context.Context, string) (sallyport.Page[T], error)) func(context.Context, *sallyport.Client, userIn, *answers) error {
	return func(ctx context.Context, c *sallyport.Client, in userIn, out *answers) error {
		u, _, err := apiFound(ctx, c, in.User)
		if err != nil {
			return err
		}
		p, err := list(c, ctx, u.ID)
		if err != nil {
			return err
		}
		for _, x := range p.Items {
			if err := out.Result(x); err != nil {
				return err
			}
		}
		return nil
	}
}

// apiRoleList answers the roles that ship as this program has them, and with a node who
// holds them there and the roles of its own.
func apiRoleList(ctx context.Context, c *sallyport.Client, in tenantIn, out *answers) error {
	var there sallyport.Roles
	if in.Tenant != "" {
		t, _, err := apiNode(ctx, c, in.Tenant)
		if err != nil {
			return err
		}
		if there, err = c.Roles(ctx, t.ID); err != nil {
			return err
		}
	}
	times := map[core.Role]int{}
	for _, h := range there.Holders {
		times[core.Role(h.Role.Role)]++
	}
	var custom []core.CustomRole
	for _, r := range there.Custom {
		custom = append(custom, core.CustomRole{ID: core.Role(r.ID), Name: r.Name, Base: core.Role(r.Base), Tenant: core.TenantID(r.Tenant), Rights: r.Rights})
	}
	return listRoles(custom, times, out)
}

// apiUser is a deed on an account: what it would do is said as on the server's machine.
// Nobody is told by mail that it was done on the local shell, since it was not.
func apiUser(x userDeed, do func(*sallyport.Client, context.Context, string, ...sallyport.Write) (sallyport.UserDetail, error)) func(context.Context, *sallyport.Client, userIn, *answers) error {
	return func(ctx context.Context, c *sallyport.Client, in userIn, out *answers) error {
		u, version, err := apiFound(ctx, c, in.User)
		if err != nil {
			return err
		}
		o := changed{ID: u.ID, Login: u.Login, Tenant: core.TenantID(u.Tenant), Changes: []string{}, Version: version, DryRun: in.DryRun}
		if err := x.plan(ctx, nil, core.User{State: core.UserState(u.State), Before: core.UserState(u.Before)}, in, &o); err != nil {
			return err
		}
		if len(o.Changes) == 0 {
			return out.Result(o)
		}
		var p sallyport.Preview
		w := in.held()
		if in.DryRun {
			w = append(w, sallyport.DryRun(&p))
		}
		if _, err := do(c, ctx, u.ID, w...); err != nil {
			return err
		}
		o.foretold(p)
		return out.Result(o)
	}
}

// listOver is an account of a list: without what only narrower lists have.
type listOver struct {
	sallyport.User
	Methods    []core.FactorKind `json:"methods,omitempty"`
	Roles      []core.Role       `json:"roles,omitempty"`
	Flags      []string          `json:"flags,omitempty"`
	LastSignIn string            `json:"last_sign_in_day,omitempty"`
}

func apiUserList(ctx context.Context, c *sallyport.Client, in userListIn, out *answers) error {
	nodes, err := peopleAt(ctx, c, in.Tenant)
	if err != nil {
		return err
	}
	var all []sallyport.User
	for _, id := range nodes {
		for u, err := range c.Users(ctx, id, sallyport.UserQuery{Status: string(in.Status), Search: in.Search}) {
			if err != nil {
				return err
			}
			all = append(all, u)
		}
	}
	if !in.narrowed() {
		slices.SortFunc(all, func(a, b sallyport.User) int { return strings.Compare(a.ID, b.ID) })
	}
	if in.After != "" {
		i := slices.IndexFunc(all, func(u sallyport.User) bool { return u.ID == string(in.After) })
		if i < 0 {
			return fmt.Errorf("%s is not in this list (any more); begin it anew without --cursor", in.After)
		}
		all = all[i+1:]
	}
	shown := 0
	for _, u := range all {
		if in.State != "" && u.State != string(in.State) {
			continue
		}
		row := listOver{User: u}
		if in.narrowed() {
			if row, err = rowOver(ctx, c, u); err != nil {
				return err
			}
		} else if row.DueAt = nil; !in.MFA {
			row.MFAStatus = ""
		}
		if err := out.Result(row); err != nil {
			return err
		}
		if shown++; in.Limit > 0 && shown >= in.Limit {
			return nil
		}
	}
	return nil
}

// peopleAt are the one node that a word names, or every organisation.
func peopleAt(ctx context.Context, c *sallyport.Client, word string) (out []string, err error) {
	if word != "" {
		t, _, err := apiNode(ctx, c, word)
		return []string{t.ID}, err
	}
	all, err := branchOver(ctx, c, sallyport.TenantQuery{})
	for _, t := range all {
		if core.TenantKind(t.Kind).IsOrganisation() {
			out = append(out, t.ID)
		}
	}
	return out, err
}

// rowOver looks up what a row has of an account besides the account.
func rowOver(ctx context.Context, c *sallyport.Client, u sallyport.User) (listOver, error) {
	o := listOver{User: u}
	d, err := c.User(ctx, u.ID)
	if err != nil {
		return o, err
	}
	o.LastSignIn = d.LastSignInDay
	for _, r := range d.Roles {
		if r.Role != string(core.RoleUser) { // everybody's, and no right
			o.Roles = append(o.Roles, core.Role(r.Role))
		}
	}
	flag := func(name string, yes bool) {
		if yes && !slices.Contains(o.Flags, name) {
			o.Flags = append(o.Flags, name)
		}
	}
	flag("password_locked", d.PasswordLockedUntil != nil)
	flag("factor_locked", d.CodesLockedUntil != nil)
	for _, f := range d.Factors {
		kind := core.FactorKind(f.Kind)
		if core.FactorState(f.State) != core.FactorConfirmed || kind == core.FactorRecoveryCode {
			continue
		}
		if !slices.Contains(o.Methods, kind) {
			o.Methods = append(o.Methods, kind)
		}
		flag("factor_locked", f.LockedUntil != nil)
		flag("factor_dead", f.Dead)
	}
	slices.SortFunc(o.Flags, func(a, b string) int { return -cmp.Compare(a, b) })
	return o, nil
}

func apiPolicyExplain(ctx context.Context, c *sallyport.Client, in policyExplainIn, out *answers) error {
	u, _, err := apiFound(ctx, c, in.User)
	if err != nil {
		return err
	}
	q := sallyport.ExplainQuery{User: u.ID, App: string(in.App), KnownBrowser: in.Known, TrustedBrowser: in.Trusted}
	if in.Address.IsValid() {
		q.Address = in.Address.String()
	}
	if !in.At.IsZero() {
		q.At = &in.At
	}
	x, err := c.Explain(ctx, q)
	if err != nil {
		return err
	}
	raw, err := json.Marshal(x)
	if err != nil {
		return err
	}
	o := policyExplained{ID: core.UserID(u.ID), Login: u.Login, Tenant: core.TenantID(u.Tenant)}
	if err := json.Unmarshal(raw, &o.Explanation); err != nil {
		return err
	}
	return out.Result(o)
}

// apiPolicyShow answers the settings in the order in which this program shows them.
func apiPolicyShow(ctx context.Context, c *sallyport.Client, in showIn, out *answers) error {
	if in.Which != ownSettings {
		return usage("the %s are shown on the server's own machine only", in.Which)
	}
	t, _, err := apiNode(ctx, c, in.Tenant)
	if err != nil {
		return err
	}
	s, err := c.Settings(ctx, t.ID)
	if err != nil {
		return err
	}
	known, err := policy.Values([]core.Tenant{{Kind: core.Platform}})
	if err != nil {
		return err
	}
	o := documentOut{ID: core.TenantID(s.ID), Name: s.Name, Document: core.SettingsDoc(s.Document)}
	for _, k := range known {
		v, there := s.Effective[k.Key]
		if !there {
			continue // the server is of another version
		}
		delete(s.Effective, k.Key)
		o.Values = append(o.Values, valueOver(k.Key, v, k.Lockable))
	}
	for _, key := range slices.Sorted(maps.Keys(s.Effective)) {
		o.Values = append(o.Values, valueOver(key, s.Effective[key], false))
	}
	return out.Result(o)
}

func valueOver(key string, v sallyport.Value, lockable bool) policy.Value {
	name := func(n *sallyport.Name) *policy.TenantName {
		if n == nil {
			return nil
		}
		return &policy.TenantName{ID: core.TenantID(n.ID), Name: n.Name}
	}
	o := policy.Value{Key: key, Value: v.Value, From: name(v.From), Locked: v.Locked, LockedBy: name(v.LockedBy), By: v.By, Lockable: lockable}
	if v.Since != nil {
		o.Since = *v.Since
	}
	return o
}

// accountOver is a service account with the login of whoever answers for it, where the
// client may see them.
type accountOver struct {
	sallyport.ServiceAccount
	OwnerLogin string `json:"owner_login,omitempty"`
}

func answerAccount(ctx context.Context, c *sallyport.Client, a sallyport.ServiceAccount, out *answers) error {
	o := accountOver{ServiceAccount: a}
	if a.Owner != "" {
		owner, err := c.User(ctx, a.Owner)
		if err != nil && !lost(err) {
			return err
		}
		o.OwnerLogin = owner.Login
	}
	return out.Result(o)
}

func apiServiceList(ctx context.Context, c *sallyport.Client, in userListIn, out *answers) error {
	nodes, err := peopleAt(ctx, c, in.Tenant)
	if err != nil {
		return err
	}
	for _, id := range nodes {
		for a, err := range c.ServiceAccounts(ctx, id) {
			if err != nil {
				return err
			}
			if err := answerAccount(ctx, c, a, out); err != nil {
				return err
			}
		}
	}
	return nil
}

func apiServiceShow(ctx context.Context, c *sallyport.Client, in userIn, out *answers) error {
	u, _, err := apiFound(ctx, c, in.User)
	if err != nil {
		return err
	}
	if core.UserKind(u.Kind) != core.ServiceAccount {
		return core.NewFault(core.KindConflict, "service.not_one")
	}
	a, err := c.ServiceAccount(ctx, u.ID)
	if err != nil {
		return err
	}
	return answerAccount(ctx, c, a, out)
}
