package directory

import (
	"context"
	"fmt"
	"slices"

	"sallyport/internal/access"
	"sallyport/internal/audit"
	"sallyport/internal/core"
	"sallyport/internal/policy"
	"sallyport/internal/store"
)

// AppCounts is who would notice if an app were gone.
type AppCounts struct {
	People  int // who use it, wherever they are
	Lately  int // of them in the last 90 days
	Selects int // organisations that ask for a second factor to open it
}

// AppCounts counts who uses an app.
func (s *Service) AppCounts(ctx context.Context, id core.AppID, by access.Actor) (n AppCounts, err error) {
	a, owner, err := s.own(ctx, id, by)
	if err != nil {
		return n, err
	}
	if n.People, n.Lately, err = s.Store.AppPeople(ctx, id, s.Now().Add(-policy.AppRecently)); err != nil {
		return n, fmt.Errorf("who uses %s: %w", id, err)
	}
	// An app of a node is selected by the organisation of that node and by no other.
	home, ok := owner.Own()
	if owner.Kind != core.Platform && ok {
		e, err := s.Tree.Effective(ctx, a.Tenant)
		if err == nil && slices.Contains(e.Settings.SelectedApps, id) && home.Path != "" {
			n.Selects = 1
		}
		return n, plainly(err)
	}
	all, err := s.Store.AllTenants(ctx)
	if err != nil {
		return n, err
	}
	for _, t := range all {
		if !t.Kind.IsOrganisation() || t.State == core.TenantDeleted {
			continue
		}
		e, err := s.Tree.Effective(ctx, t.ID)
		if err != nil {
			return n, err
		}
		if slices.Contains(e.Settings.SelectedApps, id) {
			n.Selects++
		}
	}
	return n, nil
}

// RetireAppSecret ends one secret now, when nothing uses it any more. The last one
// that is good is not ended so: an app that shows itself by a secret would have none.
func (s *Service) RetireAppSecret(ctx context.Context, id core.AppID, mark string, by access.Actor, c core.Client) error {
	_, err := s.changeApp(ctx, id, by, func(tx store.Tx, a *core.App) (e core.Event, err error) {
		all, err := tx.AppSecrets(id)
		if err != nil {
			return e, err
		}
		var gone *core.AppSecretRow
		left := 0
		for i, k := range all {
			switch {
			case !k.Good(tx.Now()):
			case mark != "" && k.Mark() == mark:
				gone = &all[i]
			default:
				left++
			}
		}
		switch {
		case gone == nil:
			return e, core.ErrNotFound
		case left == 0:
			return e, core.NewFault(core.KindConflict, "app.last_secret")
		}
		e = audit.Note(audit.Did(audit.AppSecretEnded, by, string(id), c), "ends_in", gone.Hint)
		return e, tx.EndAppSecret(id, gone.Hash)
	})
	return err
}

// Reachable reports whether somebody of an organisation could reach the level that an
// app asks for.
func Reachable(a core.App, e policy.Effective) bool { return policy.Reachable(e, a.Doc.RequiredLevel) }
