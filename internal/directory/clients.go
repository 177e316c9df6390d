package directory

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/audit"
	"sallyport/internal/core"
	"sallyport/internal/policy"
	"sallyport/internal/secret"
	"sallyport/internal/store"
)

// ClientWish is what somebody asks of an API client.
type ClientWish struct {
	Name string
	// Owner is whose rights it gets: the actor's, and only the operator names another.
	Owner core.UserID
	// Keys are the public keys of one that signs and has no secret.
	Keys []byte
	// Scopes are rights, those that only look when none is given; Tenants are branches
	// at or below its place, its place when none is given.
	Scopes    []string
	Tenants   []core.TenantID
	Write     bool
	ExpiresAt time.Time // core.ClientLife from now when zero
	Networks  []string
}

// ClientDetail is an API client as its page shows it.
type ClientDetail struct {
	Client  core.App
	Place   access.Place
	Secrets []core.AppSecretRow
	// Owner is whose rights it has; Left, that nothing is left of them.
	Owner core.User
	Left  bool
}

func invalidClient(field string) *core.Fault { return core.Invalid("client.invalid", "field", field) }

// ParseNetworks reads addresses and CIDR, and writes them all in one way.
func ParseNetworks(given []string) ([]string, error) {
	var out []string
	for _, n := range given {
		p, err := netip.ParsePrefix(strings.TrimSpace(n))
		if err != nil {
			a, err := netip.ParseAddr(strings.TrimSpace(n))
			if err != nil {
				return nil, core.Invalid("service.network_invalid", "network", shown(n))
			}
			p = netip.PrefixFrom(a.Unmap(), a.Unmap().BitLen())
		}
		out = append(out, p.Masked().String())
	}
	slices.Sort(out)
	return slices.Compact(out), nil
}

// Near reports whether an address is in one of the networks; in none where one of them
// cannot be read, and everywhere when there are none.
func Near(networks []string, from netip.Addr) bool {
	near := len(networks) == 0
	for _, n := range networks {
		p, err := netip.ParsePrefix(n)
		if err != nil {
			return false
		}
		near = near || p.Contains(from.Unmap())
	}
	return near
}

// checkClient checks a wish against where the client belongs and what who lends it
// may do: nobody lends a right that they lack.
func (s *Service) checkClient(ctx context.Context, at access.Place, w ClientWish, lender access.Actor) (ClientWish, error) {
	name, err := cleanName(w.Name)
	if err != nil {
		return w, err
	}
	w.Name = name
	if w.Networks, err = ParseNetworks(w.Networks); err != nil {
		return w, err
	}
	now := s.Now()
	if w.ExpiresAt.IsZero() {
		w.ExpiresAt = now.Add(core.ClientLife)
	}
	if !w.ExpiresAt.After(now) || w.ExpiresAt.After(now.Add(core.ClientLifeMost)) {
		return w, core.Invalid("client.expiry", "days", int(core.ClientLifeMost/(24*time.Hour)))
	}
	if len(w.Keys) > 0 {
		if len(w.Keys) > appKeysLong {
			return w, invalidClient("keys")
		}
		if err := secret.CheckPublicKeys(w.Keys); err != nil {
			return w, invalidClient("keys")
		}
	}
	if len(w.Tenants) > appTenants || len(w.Networks) > 100 {
		return w, core.Invalid("app.too_many")
	}
	branches := []access.Place{at}
	if len(w.Tenants) > 0 {
		branches = nil
	}
	for _, id := range w.Tenants {
		p, err := s.Tree.Place(ctx, id)
		if err != nil || !below(p, at) {
			return w, core.Invalid("client.tenant", "tenant", shown(string(id)))
		}
		branches = append(branches, p)
	}
	may := func(p access.Permission) bool {
		return !slices.ContainsFunc(branches, func(b access.Place) bool { return !lender.Can(p, b) })
	}
	if len(w.Scopes) == 0 {
		for _, p := range access.Reading {
			if may(p) {
				w.Scopes = append(w.Scopes, string(p))
			}
		}
	}
	slices.Sort(w.Scopes)
	w.Scopes = slices.Compact(w.Scopes)
	for _, scope := range w.Scopes {
		switch p := access.Permission(scope); {
		case slices.Contains(access.Lendable, p) && may(p):
		case slices.Contains(access.Permissions, p) && !slices.Contains(access.Lendable, p):
			return w, core.NewFault(core.KindForbidden, "client.scope_never").With("scope", scope)
		case slices.Contains(access.Permissions, p):
			return w, core.NewFault(core.KindForbidden, "client.scope_lacking").With("scope", scope)
		default:
			return w, invalidClient("scopes")
		}
	}
	if len(w.Scopes) == 0 {
		return w, core.NewFault(core.KindForbidden, "client.scope_lacking").With("scope", string(access.ViewTenants))
	}
	return w, nil
}

func (w ClientWish) over(d core.AppDoc) core.AppDoc {
	d.Grants = []string{core.GrantClient}
	d.Scopes, d.Tenants = w.Scopes, w.Tenants
	d.Client = core.ClientDoc{Write: w.Write, ExpiresAt: w.ExpiresAt, Networks: w.Networks}
	return d
}

// clientOwner is whose rights a new client gets: the actor's own. Otherwise somebody
// could have a secret that does what they may not do themselves.
func (s *Service) clientOwner(ctx context.Context, at access.Place, asked core.UserID, by access.Actor) (core.User, access.Actor, error) {
	if !by.IsShell() {
		if asked != "" && asked != by.User.ID {
			return core.User{}, by, core.NewFault(core.KindForbidden, "client.owner_other")
		}
		return by.User, by, nil
	}
	if asked == "" {
		return core.User{}, by, core.Invalid("service.owner_required")
	}
	u, err := s.Store.FindUser(ctx, asked)
	if errors.Is(err, core.ErrNotFound) || err == nil && (u.Kind != core.Person || !canSignIn(u)) {
		return u, by, core.Invalid("service.owner_unknown")
	}
	if err != nil {
		return u, by, err
	}
	lender, err := s.Tree.lent(ctx, u, at, "")
	return u, lender, err
}

// CreateClient makes an API client of a node (row ACR-22). The secret is told once and
// never again; it is empty where the client signs.
func (s *Service) CreateClient(ctx context.Context, at core.TenantID, w ClientWish, by access.Actor, c core.Client) (a core.App, secretText string, err error) {
	run, err := s.newClient(ctx, at, w, by, c)
	if err != nil {
		return a, "", err
	}
	err = s.Store.Update(ctx, at, func(tx store.Tx) error { a, secretText, err = run(tx); return err })
	if err != nil {
		return core.App{}, "", fmt.Errorf("create api client: %w", err)
	}
	return a, secretText, nil
}

// newClient is what CreateClient does in its transaction. It lends out somebody's
// rights for as long as the client lives, so it asks for the proof that they could be
// asked for themselves; an API client can give none, and so makes no other.
func (s *Service) newClient(ctx context.Context, at core.TenantID, w ClientWish, by access.Actor, c core.Client) (func(store.Tx) (core.App, string, error), error) {
	place, eff, err := s.Tree.On(ctx, by, access.ManageApps, at)
	if err != nil {
		return nil, err
	}
	owner, lender, err := s.clientOwner(ctx, place, w.Owner, by)
	if err != nil {
		return nil, err
	}
	if w, err = s.checkClient(ctx, place, w, lender); err != nil {
		return nil, err
	}
	if err := s.Prove(ctx, by, eff); err != nil {
		return nil, err
	}
	return func(tx store.Tx) (a core.App, text string, err error) {
		if own, err := tx.Tenant(); err != nil || own.State != core.TenantActive {
			return a, "", errors.Join(core.NewFault(core.KindConflict, "tenant.parent_inactive"), err)
		}
		a = core.App{ID: core.AppID(secret.NewID(core.PrefixApp, tx.Now())), Tenant: place.Tenant, Kind: core.AppClient, Owner: owner.ID, Name: w.Name,
			State: core.AppActive, Doc: w.over(core.AppDoc{Auth: core.AppSecret}), CreatedAt: tx.Now(), ChangedAt: tx.Now()}
		if len(w.Keys) > 0 {
			a.Doc.Auth, a.Doc.Keys = core.AppKey, w.Keys
		}
		if err := tx.InsertApp(a); err != nil {
			return a, "", err
		}
		if a.Doc.Auth == core.AppSecret {
			if text, err = newAppSecret(tx, a); err != nil {
				return a, "", err
			}
		}
		return a, text, tx.Append(noteClient(audit.Did(audit.ClientCreated, by, string(a.ID), c), a))
	}, nil
}

func noteClient(e core.Event, a core.App) core.Event {
	writes := "no"
	if a.Doc.Client.Write {
		writes = "yes"
	}
	e = audit.Note(e, "owner", string(a.Owner))
	e = audit.Note(e, "scopes", strings.Join(a.Doc.Scopes, " "))
	e = audit.Note(e, "writes", writes)
	return audit.Note(e, "until", a.Doc.Client.ExpiresAt.UTC().Format(time.RFC3339))
}

// ownClient finds an API client that the actor may see and stop. One that they may not
// is not found.
func (s *Service) ownClient(ctx context.Context, id core.ClientID, by access.Actor) (core.App, access.Place, policy.Effective, error) {
	a, _, err := s.Store.FindApp(ctx, id)
	if err == nil && (a.State == core.AppDeleted || !a.IsClient()) {
		err = core.ErrNotFound
	}
	if err != nil {
		return core.App{}, access.Place{}, policy.Effective{}, plainly(err)
	}
	place, eff, err := s.Tree.On(ctx, by, access.ManageApps, a.Tenant)
	return a, place, eff, err
}

// mayWield refuses who lacks a right that the client has: with its secret they would
// have it.
func (s *Service) mayWield(ctx context.Context, a core.App, place access.Place, by access.Actor) error {
	branches := a.Doc.Tenants
	if len(branches) == 0 {
		branches = []core.TenantID{place.Tenant}
	}
	for _, id := range branches {
		p, err := s.Tree.Place(ctx, id)
		if errors.Is(err, core.ErrNotFound) {
			continue
		}
		if err != nil {
			return err
		}
		for _, scope := range a.Doc.Scopes {
			if !by.Can(access.Permission(scope), p) {
				return core.NewFault(core.KindForbidden, "client.scope_lacking").With("scope", scope)
			}
		}
	}
	return nil
}

// Client is one API client with what its page shows.
func (s *Service) Client(ctx context.Context, id core.ClientID, by access.Actor) (ClientDetail, error) {
	a, place, _, err := s.ownClient(ctx, id, by)
	if err != nil {
		return ClientDetail{}, err
	}
	d := ClientDetail{Client: a, Place: place}
	err = s.Store.View(ctx, a.Tenant, func(r store.Reader) (err error) {
		if d.Client, err = r.App(id); err == nil {
			d.Secrets, err = r.AppSecrets(id)
		}
		return err
	})
	if err != nil {
		return d, plainly(err)
	}
	if d.Owner, err = s.Store.FindUser(ctx, a.Owner); err != nil && !errors.Is(err, core.ErrNotFound) {
		return d, err
	}
	_, err = s.Tree.StandIn(ctx, d.Client, nil)
	if d.Left = errors.Is(err, ErrOwnerGone); d.Left {
		err = nil
	}
	return d, err
}

// ClientsOf lists the API clients of a node, a page a call.
func (s *Service) ClientsOf(ctx context.Context, at core.TenantID, p store.Page, by access.Actor) (clients []core.App, next string, err error) {
	if _, _, err := s.Tree.On(ctx, by, access.ManageApps, at); err != nil {
		return nil, "", err
	}
	err = s.Store.View(ctx, at, func(r store.Reader) (err error) {
		clients, next, err = r.Clients(p)
		return err
	})
	return clients, next, err
}

// AnyVersion stands for no version that somebody looked at.
const AnyVersion = int64(-1)

// changeClient runs a change of an API client on what the store has of it.
func (s *Service) changeClient(ctx context.Context, a core.App, seen int64, fn func(store.Tx, *core.App) (core.Event, error)) (out core.App, err error) {
	err = s.Store.Update(ctx, a.Tenant, func(tx store.Tx) error {
		now, err := tx.App(a.ID)
		if err != nil {
			return err
		}
		if now.State == core.AppDeleted {
			return core.ErrNotFound
		}
		if seen != AnyVersion && seen != now.Version {
			return core.NewFault(core.KindStale, "form.stale")
		}
		e, err := fn(tx, &now)
		if err != nil {
			return err
		}
		now.ChangedAt = tx.Now()
		if err := tx.UpdateApp(now); err != nil {
			return err
		}
		now.Version++
		out = now
		if err := tx.Append(e); err != nil {
			return err
		}
		return tx.Changed(core.ChangeApp, string(a.ID))
	})
	if err != nil {
		return core.App{}, fmt.Errorf("change api client %s: %w", a.ID, plainly(err))
	}
	return out, nil
}

// ChangeClient sets scopes, branches, end, networks and whether it may change things.
// What it would have then, the actor must have, and its owner too; keys stay where
// none are given.
func (s *Service) ChangeClient(ctx context.Context, id core.ClientID, w ClientWish, seen int64, by access.Actor, c core.Client) (core.App, error) {
	a, place, eff, err := s.ownClient(ctx, id, by)
	if err != nil {
		return core.App{}, err
	}
	if w.Owner != "" && w.Owner != a.Owner {
		return core.App{}, core.NewFault(core.KindForbidden, "client.owner_other")
	}
	if (len(w.Keys) > 0) != (a.Doc.Auth == core.AppKey) && len(w.Keys) > 0 {
		return core.App{}, invalidClient("keys")
	}
	if err := s.mayWield(ctx, a, place, by); err != nil {
		return core.App{}, err
	}
	if w, err = s.checkClient(ctx, place, w, by); err != nil {
		return core.App{}, err
	}
	if err := s.Prove(ctx, by, eff); err != nil {
		return core.App{}, err
	}
	return s.changeClient(ctx, a, seen, func(_ store.Tx, a *core.App) (core.Event, error) {
		a.Name, a.Doc = w.Name, w.over(a.Doc)
		if len(w.Keys) > 0 {
			a.Doc.Keys = w.Keys
		}
		return noteClient(audit.Did(audit.ClientChanged, by, string(id), c), *a), nil
	})
}

// SwitchClient stops an API client, or lets it go on. Whoever may see it may stop it.
func (s *Service) SwitchClient(ctx context.Context, id core.ClientID, on bool, by access.Actor, c core.Client) (core.App, error) {
	a, place, eff, err := s.ownClient(ctx, id, by)
	if err != nil {
		return core.App{}, err
	}
	if on {
		err = s.mayWield(ctx, a, place, by)
		if err == nil {
			err = s.Prove(ctx, by, eff)
		}
		if err != nil {
			return core.App{}, err
		}
	}
	return s.changeClient(ctx, a, AnyVersion, func(_ store.Tx, a *core.App) (core.Event, error) {
		a.State = core.AppDisabled
		if on {
			a.State = core.AppActive
		}
		return audit.Note(audit.Did(audit.ClientChanged, by, string(id), c), "state", string(a.State)), nil
	})
}

// RotateClientSecret makes a new secret, told once; the one before goes on for a while.
func (s *Service) RotateClientSecret(ctx context.Context, id core.ClientID, overlap time.Duration, by access.Actor, c core.Client) (secretText string, until time.Time, err error) {
	if overlap < 0 || overlap > SecretOverlapMost {
		return "", until, core.Invalid("app.overlap", "days", int(SecretOverlapMost/(24*time.Hour)))
	}
	a, place, eff, err := s.ownClient(ctx, id, by)
	if err != nil {
		return "", until, err
	}
	if err := s.mayWield(ctx, a, place, by); err != nil {
		return "", until, err
	}
	if a.Doc.Auth != core.AppSecret {
		return "", until, invalidClient("auth")
	}
	if err := s.Prove(ctx, by, eff); err != nil {
		return "", until, err
	}
	_, err = s.changeClient(ctx, a, AnyVersion, func(tx store.Tx, a *core.App) (e core.Event, err error) {
		until = tx.Now().Add(overlap)
		if _, err := tx.ExpireAppSecrets(id, until); err != nil {
			return e, err
		}
		secretText, err = newAppSecret(tx, *a)
		return audit.Note(audit.Did(audit.ClientSecretMade, by, string(id), c), "old_until", until.UTC().Format(time.RFC3339)), err
	})
	return secretText, until, err
}

// DeleteClient ends an API client with all its tokens. Its id is never used again.
func (s *Service) DeleteClient(ctx context.Context, id core.ClientID, by access.Actor, c core.Client) error {
	a, _, _, err := s.ownClient(ctx, id, by)
	if err != nil {
		return err
	}
	_, err = s.changeClient(ctx, a, AnyVersion, func(tx store.Tx, a *core.App) (core.Event, error) {
		a.State, a.DeletedAt = core.AppDeleted, tx.Now()
		_, err := tx.ExpireAppSecrets(id, tx.Now())
		return audit.Did(audit.ClientDeleted, by, string(id), c), err
	})
	return err
}
