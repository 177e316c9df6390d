package directory

import (
	"context"
	"errors"
	"fmt"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/audit"
	"sallyport/internal/core"
	"sallyport/internal/secret"
	"sallyport/internal/store"
)

// SecretOverlap is for how long the old secret of an app goes on beside a new one
// where nobody says otherwise, and SecretOverlapMost at most.
const (
	SecretOverlap     = 7 * 24 * time.Hour
	SecretOverlapMost = 90 * 24 * time.Hour
)

// AppDetail is an app as its page shows it.
type AppDetail struct {
	App     core.App
	Owner   access.Place
	Secrets []core.AppSecretRow
}

// CreateApp makes an app of a node. The secret is told once and never again; it is
// empty where the app can keep none.
func (s *Service) CreateApp(ctx context.Context, at core.TenantID, w AppWish, by access.Actor, c core.Client) (a core.App, secretText string, err error) {
	owner, _, err := s.Tree.On(ctx, by, access.ManageApps, at)
	if err != nil {
		return a, "", err
	}
	if w, err = s.checkApp(ctx, owner, w); err != nil {
		return a, "", err
	}
	err = s.Store.Update(ctx, owner.Tenant, func(tx store.Tx) error {
		if own, err := tx.Tenant(); err != nil || own.State != core.TenantActive {
			return errors.Join(core.NewFault(core.KindConflict, "tenant.parent_inactive"), err)
		}
		a = core.App{ID: core.AppID(secret.NewID(core.PrefixApp, tx.Now())), Tenant: owner.Tenant, Name: w.Name, State: core.AppActive, Doc: w.Doc,
			CreatedAt: tx.Now(), ChangedAt: tx.Now()}
		if err := tx.InsertApp(a); err != nil {
			return err
		}
		if err := setHosts(tx, a); err != nil {
			return err
		}
		if a.Proxied() {
			// Nobody kept it, but that its hosts are nobody's.
			if err := tx.Changed(core.ChangeApp, string(a.ID)); err != nil {
				return err
			}
		}
		if a.Doc.Auth == core.AppSecret {
			if secretText, err = newAppSecret(tx, a); err != nil {
				return err
			}
		}
		return tx.Append(audit.Note(audit.Did(audit.AppCreated, by, string(a.ID), c), "auth", a.Doc.Auth))
	})
	if err != nil {
		return core.App{}, "", fmt.Errorf("create app: %w", err)
	}
	return a, secretText, nil
}

// checkApp checks a wish, also against where the app stands.
func (s *Service) checkApp(ctx context.Context, owner access.Place, w AppWish) (AppWish, error) {
	w, err := s.cleanApp(w)
	if err != nil {
		return w, err
	}
	if len(w.Doc.Keys) > 0 {
		if err := secret.CheckPublicKeys(w.Doc.Keys); err != nil {
			return w, invalidApp("keys")
		}
	}
	if err := s.checkTenants(ctx, owner, w.Doc.Tenants); err != nil || s.Signs == nil {
		return w, err
	}
	return w, s.Signs(ctx, core.App{Doc: w.Doc}.SignedWith())
}

// newAppSecret makes a secret in the caller's transaction.
func newAppSecret(tx store.Tx, a core.App) (string, error) {
	text := secret.Token()
	return text, tx.InsertAppSecret(core.AppSecretRow{Hash: secret.TokenHash(text), App: a.ID, Tenant: a.Tenant, Hint: text[len(text)-4:], CreatedAt: tx.Now()})
}

// own finds an app that the actor may change. One that they may not is not found.
func (s *Service) own(ctx context.Context, id core.AppID, by access.Actor) (core.App, access.Place, error) {
	a, _, err := s.Store.FindApp(ctx, id)
	if err == nil && (a.State == core.AppDeleted || a.IsClient()) {
		err = core.ErrNotFound
	}
	if err != nil {
		return core.App{}, access.Place{}, plainly(err)
	}
	owner, _, err := s.Tree.On(ctx, by, access.ManageApps, a.Tenant)
	return a, owner, err
}

// App is one app with what its page shows.
func (s *Service) App(ctx context.Context, id core.AppID, by access.Actor) (AppDetail, error) {
	a, owner, err := s.own(ctx, id, by)
	if err != nil {
		return AppDetail{}, err
	}
	d := AppDetail{Owner: owner}
	err = s.Store.View(ctx, a.Tenant, func(r store.Reader) (err error) {
		if d.App, err = r.App(id); err == nil {
			d.Secrets, err = r.AppSecrets(id)
		}
		return err
	})
	return d, plainly(err)
}

// AppsOf lists the apps of a node, a page a call.
func (s *Service) AppsOf(ctx context.Context, at core.TenantID, p store.Page, by access.Actor) (apps []core.App, next string, err error) {
	if _, _, err := s.Tree.On(ctx, by, access.ManageApps, at); err != nil {
		return nil, "", err
	}
	err = s.Store.View(ctx, at, func(r store.Reader) (err error) {
		apps, next, err = r.Apps(p)
		return err
	})
	return apps, next, err
}

// changeApp runs a change of an app on what the store has of it.
func (s *Service) changeApp(ctx context.Context, id core.AppID, by access.Actor, fn func(store.Tx, *core.App) (core.Event, error)) (core.App, error) {
	a, _, err := s.own(ctx, id, by)
	if err != nil {
		return core.App{}, err
	}
	var out core.App
	err = s.Store.Update(ctx, a.Tenant, func(tx store.Tx) error {
		now, err := tx.App(id)
		if err != nil {
			return err
		}
		if now.State == core.AppDeleted {
			return core.ErrNotFound
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
		return tx.Changed(core.ChangeApp, string(id))
	})
	if err != nil {
		return core.App{}, fmt.Errorf("change app %s: %w", id, plainly(err))
	}
	return out, nil
}

// ChangeApp replaces what is set of an app. An app does not become one that can keep
// no secret, nor the other way round: that is another app.
func (s *Service) ChangeApp(ctx context.Context, id core.AppID, w AppWish, by access.Actor, c core.Client) (core.App, error) {
	a, owner, err := s.own(ctx, id, by)
	if err != nil {
		return core.App{}, err
	}
	if w.Doc.Auth == "" {
		w.Doc.Auth = a.Doc.Auth
	}
	if w.Doc.Auth != a.Doc.Auth {
		return core.App{}, invalidApp("auth")
	}
	if w, err = s.checkApp(ctx, owner, w); err != nil {
		return core.App{}, err
	}
	return s.changeApp(ctx, id, by, func(tx store.Tx, a *core.App) (core.Event, error) {
		a.Name, a.Doc = w.Name, w.Doc
		return audit.Did(audit.AppChanged, by, string(id), c), setHosts(tx, *a)
	})
}

// SwitchApp stops an app, or lets it go on: while it is stopped nobody signs in to it
// and none of its tokens count.
func (s *Service) SwitchApp(ctx context.Context, id core.AppID, on bool, by access.Actor, c core.Client) (core.App, error) {
	return s.changeApp(ctx, id, by, func(_ store.Tx, a *core.App) (core.Event, error) {
		a.State = core.AppDisabled
		if on {
			a.State = core.AppActive
		}
		return audit.Note(audit.Did(audit.AppChanged, by, string(id), c), "state", string(a.State)), nil
	})
}

// RotateAppSecret makes a new secret, told once. The one before goes on for a while,
// so that the app can be given the new one without a gap; with no overlap it ends now.
func (s *Service) RotateAppSecret(ctx context.Context, id core.AppID, overlap time.Duration, by access.Actor, c core.Client) (secretText string, until time.Time, err error) {
	if overlap < 0 || overlap > SecretOverlapMost {
		return "", until, core.Invalid("app.overlap", "days", int(SecretOverlapMost/(24*time.Hour)))
	}
	_, err = s.changeApp(ctx, id, by, func(tx store.Tx, a *core.App) (e core.Event, err error) {
		if a.Doc.Auth != core.AppSecret {
			return e, invalidApp("auth")
		}
		until = tx.Now().Add(overlap)
		if _, err := tx.ExpireAppSecrets(id, until); err != nil {
			return e, err
		}
		secretText, err = newAppSecret(tx, *a)
		return audit.Note(audit.Did(audit.AppSecretMade, by, string(id), c), "old_until", until.UTC().Format(time.RFC3339)), err
	})
	return secretText, until, err
}

// DeleteApp ends an app with all its tokens. Its id is never used again.
func (s *Service) DeleteApp(ctx context.Context, id core.AppID, by access.Actor, c core.Client) error {
	_, err := s.changeApp(ctx, id, by, func(tx store.Tx, a *core.App) (core.Event, error) {
		a.State, a.DeletedAt = core.AppDeleted, tx.Now()
		_, err := tx.ExpireAppSecrets(id, tx.Now())
		return audit.Did(audit.AppDeleted, by, string(id), c), errors.Join(err, setHosts(tx, *a))
	})
	return err
}
