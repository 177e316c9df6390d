package rollout

import (
	"context"
	"log/slog"
	"slices"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/core"
	"sallyport/internal/directory"
	"sallyport/internal/enrol"
	"sallyport/internal/outbox"
	"sallyport/internal/policy"
	"sallyport/internal/store"
)

// Service holds what the switch and its jobs need.
type Service struct {
	Store     store.Store
	Tree      *directory.Tree
	Directory *directory.Service
	Enrol     enrol.Room
	Post      *outbox.Post
	Log       *slog.Logger
	Now       func() time.Time
}

// Dry is the same service for a dry run: every refusal comes as it would, and
// nothing is written.
func (s *Service) Dry() *Service {
	out := s.On(store.Dry(s.Store))
	out.Directory = s.Directory.Dry()
	return out
}

// On is the same service on another view of its store.
func (s *Service) On(st store.Store) *Service {
	out := *s
	out.Store, out.Directory = st, s.Directory.On(st)
	return &out
}

// State is where an organisation's switch stands.
type State string

const (
	Enabled   State = "enabled"
	Disabling State = "disabling"
	Disabled  State = "disabled"
)

// Status is all that the switch, its bar and the words below it show.
type Status struct {
	// Organisation is whose switch it is: of a folder or unit, the one above.
	Organisation core.Tenant
	State        State
	Requirement  []core.Requirement // that holds
	// Progress counts the people of the node that was asked about.
	Progress directory.Progress
	// UpdateAllowed: the actor may turn the switch, here and now.
	UpdateAllowed bool
	// LockedBy is who demands that it stays on, if anybody.
	Locked   bool
	LockedBy core.Tenant
	// Inherited: the node has no switch of its own.
	Inherited bool
	// Since is when what is required began to be.
	Since time.Time
	// Began is when switching off began, and Done what it has taken away so far.
	Began time.Time
	Done  Counts
}

// Counts is what switching off takes away, and of how many people.
type Counts struct{ People, Apps, Codes, Browsers int }

func stateOf(e policy.Effective) State {
	switch {
	case e.Disabling():
		return Disabling
	case e.Settings.On():
		return Enabled
	}
	return Disabled
}

// Status tells where the switch of a node stands. Whoever may see the node may see
// that (decision 2).
func (s *Service) Status(ctx context.Context, id core.TenantID, by access.Actor) (Status, error) {
	at, eff, err := s.Tree.On(ctx, by, access.ViewTenants, id)
	if err != nil {
		return Status{}, err
	}
	out := Status{Organisation: eff.Organisation, State: stateOf(eff), Requirement: slices.Clone(eff.Settings.Requirement), Locked: eff.Locked,
		LockedBy: eff.LockedBy, Inherited: eff.Organisation.ID != id, Since: eff.Since}
	out.UpdateAllowed = !out.Inherited && !out.Locked && out.State != Disabling && by.Can(access.SwitchMFA, at)
	if out.Progress, err = s.Directory.Progress(ctx, id, by); err != nil || out.State != Disabling {
		return out, err
	}
	err = s.Store.View(ctx, id, func(r store.Reader) error {
		j, err := r.Job(eff.Organisation.ID, core.JobDisableMFA)
		if err != nil {
			return notThere(err)
		}
		out.Began, out.Done = j.CreatedAt, Counts{j.Doc.People, j.Doc.Apps, j.Doc.Codes, j.Doc.Browsers}
		return nil
	})
	return out, err
}
