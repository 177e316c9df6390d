package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/app"
	"sallyport/internal/core"
	"sallyport/internal/directory"
	"sallyport/internal/store"
)

type clientCmd struct {
	Create clientCreateCmd `cmd:"" help:"Make an API client; prints its secret once."`
	List   clientListCmd   `cmd:"" help:"List API clients: whose rights each has, until when, last used when and from where."`
	Show   clientShowCmd   `cmd:"" help:"Show an API client and when its secrets were used; never the secrets."`
	Change clientChangeCmd `cmd:"" help:"Change what is given, and nothing else."`
	Rotate clientRotateCmd `cmd:"" help:"Make a new secret, printed once; the old one goes on for a while."`
	Delete clientDeleteCmd `cmd:"" help:"End an API client and all its tokens."`
}

// clientFlags describe an API client. What is not given stays as it is, or has its
// default.
type clientFlags struct {
	Scope   []string `help:"Rights, several with commas, such as people.view; those that only look (tenants.view, people.view, audit.view) when not given." sep:","`
	For     []string `help:"Ids or names of the branches that it may see, at or below its own place; all of it when not given." sep:","`
	Access  string   `enum:",read,write" default:"" help:"read: it changes nothing (the default); write: it may."`
	Expires *string  `help:"When it ends: 2027-01-31 or an RFC 3339 time; a year from now when not given, two years at most." placeholder:"DATE"`
	Network []string `help:"From where it may come, an address or CIDR; several with commas; anywhere is no limit." placeholder:"CIDR" sep:","`
	Keys    string   `help:"File with the public keys (JSON Web Key Set) of one that signs and has no secret (private_key_jwt)." placeholder:"FILE"`
}

// clientWish is what of an API client was given.
type clientWish struct {
	Name     string     `json:"name,omitempty"`
	Owner    string     `json:"owner,omitempty"`
	Scopes   []string   `json:"scopes,omitempty"`
	For      []string   `json:"for,omitempty"`
	Write    *bool      `json:"write,omitempty"`
	Expires  *time.Time `json:"expires,omitempty"`
	Networks *[]string  `json:"networks,omitempty"`

	Keys json.RawMessage `json:"keys,omitempty"`
}

func (v clientFlags) wish(name string) (clientWish, error) {
	w := clientWish{Name: name, Scopes: v.Scope, For: v.For}
	f, err := facts{Expires: v.Expires, Network: v.Network}.in()
	if err != nil {
		return w, err
	}
	if f.Expires != nil && f.Expires.IsZero() {
		return w, usage("--expires: an API client has an end")
	}
	w.Expires, w.Networks = f.Expires, f.Networks
	if v.Access != "" {
		write := v.Access == "write"
		w.Write = &write
	}
	if v.Keys != "" {
		if w.Keys, err = os.ReadFile(v.Keys); err != nil {
			return w, fmt.Errorf("keys: %w", err)
		}
		if !json.Valid(w.Keys) {
			return w, usage("--keys: %s is no JSON", v.Keys)
		}
	}
	return w, nil
}

// over lays what was given over what an API client is.
func (w clientWish) over(ctx context.Context, h *app.House, a core.App) (directory.ClientWish, error) {
	d := a.Doc
	out := directory.ClientWish{Name: a.Name, Scopes: d.Scopes, Tenants: d.Tenants, Write: d.Client.Write, ExpiresAt: d.Client.ExpiresAt, Networks: d.Client.Networks, Keys: w.Keys}
	if w.Name != "" {
		out.Name = w.Name
	}
	if w.Owner != "" {
		u, err := found(ctx, h, w.Owner)
		if err != nil {
			return out, err
		}
		out.Owner = u.ID
	}
	if len(w.Scopes) > 0 {
		out.Scopes = w.Scopes
	}
	if w.Write != nil {
		out.Write = *w.Write
	}
	if w.Expires != nil {
		out.ExpiresAt = *w.Expires
	}
	if w.Networks != nil {
		out.Networks = *w.Networks
	}
	if len(w.For) > 0 {
		out.Tenants = nil
		for _, word := range w.For {
			t, err := h.Directory.FindTenant(ctx, word)
			if err != nil {
				return out, err
			}
			out.Tenants = append(out.Tenants, t.ID)
		}
	}
	return out, nil
}

type clientOut struct {
	ID         core.ClientID   `json:"client_id,omitempty"`
	Secret     string          `json:"client_secret,omitempty"`
	Until      *time.Time      `json:"old_secret_until,omitempty"`
	TokenURL   string          `json:"token_endpoint,omitempty"`
	Resource   string          `json:"resource,omitempty"`
	Tenant     core.TenantID   `json:"tenant,omitempty"`
	Name       string          `json:"name"`
	State      core.AppState   `json:"state"`
	Owner      core.UserID     `json:"owner"`
	OwnerLogin string          `json:"owner_login,omitempty"`
	Left       bool            `json:"owner_left,omitempty"`
	Auth       string          `json:"auth"`
	Scopes     []string        `json:"scopes"`
	Tenants    []core.TenantID `json:"tenants,omitempty"`
	ReadOnly   bool            `json:"read_only"`
	ExpiresAt  time.Time       `json:"expires_at"`
	Over       bool            `json:"over,omitempty"`
	Networks   []string        `json:"networks,omitempty"`
	LastUsed   *time.Time      `json:"last_used_at,omitempty"`
	UsedFrom   string          `json:"last_used_from,omitempty"`
	Secrets    []secretOut     `json:"secrets,omitempty"`
	DryRun     bool            `json:"dry_run,omitempty"`
}

func clientAnswer(ctx context.Context, h *app.House, a core.App) (clientOut, error) {
	o := clientOut{ID: a.ID, Tenant: a.Tenant, Name: a.Name, State: a.State, Owner: a.Owner, Auth: a.Doc.Auth, Scopes: a.Doc.Scopes, Tenants: a.Doc.Tenants,
		ReadOnly: !a.Doc.Client.Write, ExpiresAt: a.Doc.Client.ExpiresAt.UTC(), Over: a.Over(h.Clock.Now()), Networks: a.Doc.Client.Networks,
		LastUsed: someTime(a.UsedAt), UsedFrom: a.UsedFrom, TokenURL: h.BaseURL() + "/oauth2/token", Resource: h.BaseURL() + "/api/v1"}
	f := serviceFacts{Owner: a.Owner}
	err := nameOwner(ctx, h, &f)
	o.OwnerLogin = f.OwnerLogin
	return o, err
}

func (o clientOut) owner() string {
	return serviceFacts{Owner: o.Owner, OwnerLogin: o.OwnerLogin}.owner()
}

func (o clientOut) access() string {
	if o.ReadOnly {
		return "read"
	}
	return "write"
}

func (o clientOut) used() string {
	if o.LastUsed == nil {
		return "never"
	}
	return usedFrom(*o.LastUsed, o.UsedFrom)
}

// usedFrom is when something was last used and from where, as far as that is known.
func usedFrom(at time.Time, from string) string {
	if at.IsZero() || from == "" {
		return when(at)
	}
	return when(at) + " from " + plain(from)
}

func (o clientOut) good() string {
	switch {
	case o.Left:
		return "its owner has left"
	case o.State != core.AppActive:
		return string(o.State)
	}
	return serviceFacts{Expires: o.ExpiresAt, Over: o.Over}.until()
}

type clientCreateCmd struct {
	Name   string `required:"" help:"Its name, as people read it."`
	Owner  string `required:"" help:"Whose rights it gets: login or id of a person. It never has more than they have at the moment." placeholder:"LOGIN"`
	Tenant string `help:"Id or name of the node it belongs to; the platform when not given."`
	clientFlags
	dry
	sure
}

func (*clientCreateCmd) Help() string {
	return "It gets tokens at /oauth2/token with grant_type=client_credentials and calls the API with them. The secret is printed once, on stdout and alone, and kept nowhere: " +
		"only a hash of it is stored. With --json it is in client_secret. Every platform administrator is told."
}

type clientCreateIn struct {
	Tenant string     `json:"tenant,omitempty"`
	Wish   clientWish `json:"wish"`
	DryRun bool       `json:"dry_run,omitempty"`
}

func (v *clientCreateCmd) Run(s *shell) error {
	w, err := v.wish(v.Name)
	if err != nil {
		return err
	}
	w.Owner = v.Owner
	in := clientCreateIn{Tenant: v.Tenant, Wish: w, DryRun: true}
	o, err := one[clientOut](s, "client.create", how{}, in)
	if err != nil {
		return err
	}
	if v.DryRun {
		return s.result(o, func(out io.Writer) {
			fmt.Fprintf(out, "would create the API client %q of %s with rights of %s (%s): %s, %s\n", plain(o.Name), o.Tenant, o.owner(), o.access(), strings.Join(o.Scopes, " "), o.good())
		})
	}
	if err := s.confirm(v.Yes, "", "%s: this will make an API client that does what %s may, and tell every platform administrator.", plain(o.Name), o.owner()); err != nil {
		return err
	}
	in.DryRun = false
	if o, err = one[clientOut](s, "client.create", how{}, in); err != nil {
		return err
	}
	return s.result(o, func(out io.Writer) { s.secretOf(out, o) })
}

// secretOf prints a new secret, alone on stdout.
func (s *shell) secretOf(out io.Writer, o clientOut) {
	s.say("client id       %s", o.ID)
	s.say("token endpoint  %s", o.TokenURL)
	s.say("resource        %s", o.Resource)
	if o.Secret == "" {
		fmt.Fprintln(out, o.ID)
		return
	}
	s.say("its secret follows, once:")
	fmt.Fprintln(out, o.Secret)
}

func farClientCreate(ctx context.Context, h *app.House, in clientCreateIn, out *answers) error {
	at, err := nodeOr(ctx, h, in.Tenant)
	if err != nil {
		return err
	}
	w, err := in.Wish.over(ctx, h, core.App{})
	if err != nil {
		return err
	}
	service := h.Directory
	if in.DryRun {
		service = service.Dry()
	}
	a, secret, err := service.CreateClient(ctx, at.ID, w, access.Shell(), core.Client{})
	if err != nil {
		return err
	}
	if err := loud(ctx, h, changing{DryRun: in.DryRun}, "api-client create", a.Name, string(a.ID)); err != nil {
		return err
	}
	o, err := clientAnswer(ctx, h, a)
	if err != nil {
		return err
	}
	o.Secret = secret
	if o.DryRun = in.DryRun; o.DryRun {
		o.ID, o.Secret = "", ""
	}
	return out.Result(o)
}

type clientListCmd struct {
	Tenant string `help:"Id or name of a node: its API clients and those below it within its organisation; all when not given."`
}

func (v *clientListCmd) Run(s *shell) error {
	list := items[clientOut]{Items: []clientOut{}}
	if err := each(s, "client.list", how{}, appListIn{v.Tenant}, func(o clientOut) error { list.Items = append(list.Items, o); return nil }); err != nil {
		return err
	}
	err := s.result(list, func(w io.Writer) {
		t := table(w)
		fmt.Fprintln(t, "NAME\tOWNER\tACCESS\tGOOD\tLAST USED\tTENANT\tCLIENT ID")
		for _, o := range list.Items {
			fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", plain(o.Name), o.owner(), o.access(), o.good(), o.used(), o.Tenant, o.ID)
		}
		t.Flush()
	})
	if err == nil && len(list.Items) == 0 {
		s.next("sallyport api-client create --name NAME --owner LOGIN")
	}
	return err
}

func farClientList(ctx context.Context, h *app.House, in appListIn, out *answers) error {
	nodes, err := organisations(ctx, h, in.Tenant)
	if err != nil {
		return err
	}
	under := map[core.TenantID]bool{}
	for _, id := range nodes {
		under[id] = true
	}
	for after := core.ClientID(""); ; {
		list, err := h.Store.AllClients(ctx, after, 200)
		if err != nil || len(list) == 0 {
			return err
		}
		for _, a := range list {
			after = a.ID
			eff, err := h.Tree.Effective(ctx, a.Tenant)
			if err != nil {
				return err
			}
			if in.Tenant != "" && !under[a.Tenant] && !under[eff.Organisation.ID] {
				continue
			}
			if err := answerClient(ctx, h, a.ID, out); err != nil {
				return err
			}
		}
	}
}

func answerClient(ctx context.Context, h *app.House, id core.ClientID, out *answers) error {
	d, err := h.Directory.Client(ctx, id, access.Shell())
	if err != nil {
		return err
	}
	o, err := clientAnswer(ctx, h, d.Client)
	if err != nil {
		return err
	}
	o.Left = d.Left
	for _, k := range d.Secrets {
		o.Secrets = append(o.Secrets, secretOut{k.Mark(), k.Hint, k.CreatedAt.UTC(), someTime(k.ExpiresAt), someTime(k.LastUsedAt)})
	}
	return out.Result(o)
}

// clientID is an API client on the command line.
type clientID struct {
	Client string `arg:"" help:"Client id."`
}

type clientIn struct {
	Client  core.ClientID `json:"client"`
	Wish    clientWish    `json:"wish,omitzero"`
	Switch  string        `json:"switch,omitempty"`
	Overlap time.Duration `json:"overlap,omitempty"`
	DryRun  bool          `json:"dry_run,omitempty"`
}

type clientShowCmd struct{ clientID }

func (v *clientShowCmd) Run(s *shell) error {
	o, err := one[clientOut](s, "client.show", how{}, clientIn{Client: core.ClientID(v.Client)})
	if err != nil {
		return err
	}
	return s.result(o, func(w io.Writer) { showClient(w, o) })
}

func showClient(w io.Writer, o clientOut) {
	t := table(w)
	line := func(name, value string) {
		if value != "" {
			fmt.Fprintf(t, "%s\t%s\n", name, plain(value))
		}
	}
	line("name", o.Name)
	line("client id", string(o.ID))
	line("belongs to", string(o.Tenant))
	line("state", string(o.State))
	line("owner", o.owner())
	line("good", o.good())
	line("access", o.access())
	line("rights", strings.Join(o.Scopes, " "))
	var ids []string
	for _, id := range o.Tenants {
		ids = append(ids, string(id))
	}
	line("for", strings.Join(ids, " "))
	line("comes from", serviceFacts{Networks: o.Networks}.from())
	line("shows itself by", o.Auth)
	line("token endpoint", o.TokenURL)
	line("resource", o.Resource)
	line("last used", o.used())
	for _, k := range o.Secrets {
		until, used := "no end", "never used"
		if k.ExpiresAt != nil {
			until = "until " + when(*k.ExpiresAt)
		}
		if k.LastUsedAt != nil {
			used = "used " + when(*k.LastUsedAt)
		}
		line("secret …"+k.Hint, fmt.Sprintf("made %s, %s, %s", when(k.CreatedAt), until, used))
	}
	t.Flush()
}

func farClientShow(ctx context.Context, h *app.House, in clientIn, out *answers) error {
	return answerClient(ctx, h, in.Client, out)
}

type clientChangeCmd struct {
	clientID
	Name  string `help:"Another name."`
	State string `enum:",on,off" default:"" help:"off: none of its tokens count; on again."`
	clientFlags
	dry
	sure
}

func (v *clientChangeCmd) Run(s *shell) error {
	w, err := v.wish(v.Name)
	if err != nil {
		return err
	}
	in := clientIn{Client: core.ClientID(v.Client), Wish: w, Switch: v.State, DryRun: true}
	o, err := one[clientOut](s, "client.change", how{}, in)
	if err != nil {
		return err
	}
	if !v.DryRun {
		if err := s.confirm(v.Yes, "", "%s: this will change the API client, and tell every platform administrator.", plain(o.Name)); err != nil {
			return err
		}
		in.DryRun = false
		if o, err = one[clientOut](s, "client.change", how{}, in); err != nil {
			return err
		}
	}
	return s.result(o, func(w io.Writer) {
		if o.DryRun {
			fmt.Fprintln(w, "would be:")
		}
		showClient(w, o)
	})
}

func farClientChange(ctx context.Context, h *app.House, in clientIn, out *answers) error {
	had, err := h.Directory.Client(ctx, in.Client, access.Shell())
	if err != nil {
		return err
	}
	w, err := in.Wish.over(ctx, h, had.Client)
	if err != nil {
		return err
	}
	service := h.Directory
	if in.DryRun {
		service = service.Dry()
	}
	a := had.Client
	// What stays needs no right of anybody: an owner who lost one can still be stopped.
	if w.Name != a.Name || in.Wish.given() {
		if a, err = service.ChangeClient(ctx, in.Client, w, directory.AnyVersion, access.Shell(), core.Client{}); err != nil {
			return err
		}
	}
	if in.Switch != "" {
		on, err := service.SwitchClient(ctx, in.Client, in.Switch == "on", access.Shell(), core.Client{})
		if err != nil {
			return err
		}
		a.State = on.State
	}
	if err := loud(ctx, h, changing{DryRun: in.DryRun}, "api-client change", a.Name, string(a.ID)); err != nil {
		return err
	}
	o, err := clientAnswer(ctx, h, a)
	if err != nil {
		return err
	}
	o.DryRun = in.DryRun
	return out.Result(o)
}

func (w clientWish) given() bool {
	return len(w.Scopes) > 0 || len(w.For) > 0 || w.Write != nil || w.Expires != nil || w.Networks != nil || len(w.Keys) > 0
}

type clientRotateCmd struct {
	clientID
	Overlap time.Duration `default:"168h" help:"For how long the old secret goes on (${default}); 0s ends it now."`
	dry
}

func (v *clientRotateCmd) Run(s *shell) error {
	o, err := one[clientOut](s, "client.rotate", how{}, clientIn{Client: core.ClientID(v.Client), Overlap: v.Overlap, DryRun: v.DryRun})
	if err != nil {
		return err
	}
	return s.result(o, func(w io.Writer) {
		if o.DryRun {
			fmt.Fprintf(w, "would make a new secret for %q; the old one would end %s\n", plain(o.Name), when(*o.Until))
			return
		}
		s.say("the old secret ends %s; the new one follows, once:", when(*o.Until))
		fmt.Fprintln(w, o.Secret)
	})
}

func farClientRotate(ctx context.Context, h *app.House, in clientIn, out *answers) error {
	d, err := h.Directory.Client(ctx, in.Client, access.Shell())
	if err != nil {
		return err
	}
	service := h.Directory
	if in.DryRun {
		service = service.Dry()
	}
	secret, until, err := service.RotateClientSecret(ctx, in.Client, in.Overlap, access.Shell(), core.Client{})
	if err != nil {
		return err
	}
	if err := loud(ctx, h, changing{DryRun: in.DryRun}, "api-client rotate", d.Client.Name, string(in.Client)); err != nil {
		return err
	}
	o, err := clientAnswer(ctx, h, d.Client)
	if err != nil {
		return err
	}
	o.Secret, o.Until, o.DryRun = secret, someTime(until), in.DryRun
	if in.DryRun {
		o.Secret = ""
	}
	return out.Result(o)
}

type clientDeleteCmd struct {
	clientID
	dry
	sure
}

func (v *clientDeleteCmd) Run(s *shell) error {
	if !v.DryRun {
		had, err := one[clientOut](s, "client.show", how{}, clientIn{Client: core.ClientID(v.Client)})
		if err != nil {
			return err
		}
		if err := s.confirm(v.Yes, v.Client, "this ends the API client %q and all its tokens; it cannot be taken back", plain(had.Name)); err != nil {
			return err
		}
	}
	o, err := one[clientOut](s, "client.delete", how{}, clientIn{Client: core.ClientID(v.Client), DryRun: v.DryRun})
	if err != nil {
		return err
	}
	return s.result(o, func(w io.Writer) {
		if o.DryRun {
			fmt.Fprintf(w, "would delete the API client %q and end all its tokens\n", plain(o.Name))
			return
		}
		fmt.Fprintf(w, "%s: deleted\n", o.ID)
	})
}

func farClientDelete(ctx context.Context, h *app.House, in clientIn, out *answers) error {
	d, err := h.Directory.Client(ctx, in.Client, access.Shell())
	if err != nil {
		return err
	}
	service := h.Directory
	if in.DryRun {
		service = service.Dry()
	}
	if err := service.DeleteClient(ctx, in.Client, access.Shell(), core.Client{}); err != nil {
		return err
	}
	o, err := clientAnswer(ctx, h, d.Client)
	if err != nil {
		return err
	}
	if o.DryRun = in.DryRun; !in.DryRun {
		o.State = core.AppDeleted
	}
	return out.Result(o)
}

// serviceReplaceCmd is the way from a service account to an API client.
type serviceReplaceCmd struct {
	User  string        `arg:"" name:"login" help:"Login or id."`
	Name  string        `help:"Name of the API client; that of the account when not given."`
	Owner string        `help:"Whose rights the API client gets: who answers for the account when not given." placeholder:"LOGIN"`
	Quiet time.Duration `default:"720h" help:"For how long nobody may have used the account before it is stopped (${default})."`
	clientFlags
	dry
	sure
}

func (*serviceReplaceCmd) Help() string {
	return "Both work side by side. When nobody has used the account for as long as --quiet says, it is stopped; who answers for it is mailed before. Without --scope the API client " +
		"may what the account may, as far as its owner may it, too. The secret is printed once, on stdout and alone. To take it back: sallyport service-account keep."
}

type serviceReplaceIn struct {
	User   string        `json:"user"`
	Wish   clientWish    `json:"wish"`
	Quiet  time.Duration `json:"quiet"`
	DryRun bool          `json:"dry_run,omitempty"`
}

func (v *serviceReplaceCmd) Run(s *shell) error {
	w, err := v.wish(v.Name)
	if err != nil {
		return err
	}
	w.Owner = v.Owner
	in := serviceReplaceIn{User: v.User, Wish: w, Quiet: v.Quiet, DryRun: true}
	o, err := one[clientOut](s, "service.replace", how{}, in)
	if err != nil {
		return err
	}
	if v.DryRun {
		return s.result(o, func(out io.Writer) {
			fmt.Fprintf(out, "would create the API client %q with rights of %s (%s): %s; the account would be stopped after %s without use\n", plain(o.Name), o.owner(), o.access(), strings.Join(o.Scopes, " "), v.Quiet)
		})
	}
	if err := s.confirm(v.Yes, "", "%s: this will make an API client that takes its place, and tell every platform administrator.", plain(v.User)); err != nil {
		return err
	}
	in.DryRun = false
	if o, err = one[clientOut](s, "service.replace", how{}, in); err != nil {
		return err
	}
	return s.result(o, func(out io.Writer) { s.secretOf(out, o) })
}

func farServiceReplace(ctx context.Context, h *app.House, in serviceReplaceIn, out *answers) error {
	u, err := service(ctx, h, in.User)
	if err != nil {
		return err
	}
	w, err := in.Wish.over(ctx, h, core.App{})
	if err != nil {
		return err
	}
	journey := h.Directory
	if in.DryRun {
		journey = journey.Dry()
	}
	a, secret, err := journey.ReplaceService(ctx, u.ID, w, in.Quiet, access.Shell(), core.Client{})
	if err != nil {
		return err
	}
	if err := loud(ctx, h, changing{DryRun: in.DryRun}, "service-account replace", u.Login, string(u.ID)); err != nil {
		return err
	}
	o, err := clientAnswer(ctx, h, a)
	if err != nil {
		return err
	}
	o.Secret = secret
	if o.DryRun = in.DryRun; o.DryRun {
		o.ID, o.Secret = "", ""
	}
	return out.Result(o)
}

type serviceKeepCmd struct {
	oneAccount
	sure
}

func (*serviceKeepCmd) Help() string {
	return "Takes it back that an API client takes its place: the account goes on. The API client stays."
}

func (v *serviceKeepCmd) Run(s *shell) error {
	return s.change("service.keep", v.oneAccount, &v.sure, nil)
}

var keepService = userDeed{
	plan: func(ctx context.Context, h *app.House, u core.User, _ userIn, o *changed) error {
		if u.Kind != core.ServiceAccount {
			return core.NewFault(core.KindConflict, "service.not_one")
		}
		var had core.Service
		err := h.Store.View(ctx, u.Tenant, func(r store.Reader) (err error) { had, err = r.Service(u.ID); return err })
		if err != nil && !errors.Is(err, core.ErrNotFound) {
			return err
		}
		if had.Heir == "" {
			return core.NewFault(core.KindConflict, "service.not_replaced")
		}
		o.Changes = []string{fmt.Sprintf("let it go on beside the API client %s", had.Heir)}
		return nil
	},
	do: func(ctx context.Context, _ *app.House, j journeys, u core.User, _ userIn, _ *changed) error {
		return j.dir.KeepService(ctx, u.ID, access.Shell(), core.Client{})
	},
	loud: "service-account keep",
}
