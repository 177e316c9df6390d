package app

import (
	"context"
	"errors"
	"time"

	"sallyport/internal/core"
	"sallyport/internal/rollout"
	"sallyport/internal/store"
)

// Work that one node does for all, each under a lease of its own.
const (
	leaseTrials = "trials"
	leaseUpkeep = "upkeep"
	leaseTell   = "logouts"
	leaseRetire = "retire"
	leaseLife   = 30 * time.Second
)

// held takes a lease, and returns what renews it in the course of long work. The
// work stops where another node has it.
func (h *House) held(ctx context.Context, name string) (renew func(context.Context) error, mine bool, err error) {
	taken := h.Clock.Now()
	mine, err = h.Store.Lease(ctx, name, h.Node, taken, leaseLife)
	return func(ctx context.Context) error {
		now := h.Clock.Now()
		if age := now.Sub(taken); age >= 0 && age < leaseLife/3 {
			return ctx.Err()
		}
		mine, err := h.Store.Lease(ctx, name, h.Node, now, leaseLife)
		if err == nil && !mine {
			err = rollout.ErrStop
		}
		taken = now
		return err
	}, mine, err
}

// under does work under a lease, where no other node has it.
func (h *House) under(ctx context.Context, name string, work func(context.Context, func(context.Context) error) error) error {
	renew, mine, err := h.held(ctx, name)
	if err == nil && mine {
		err = work(ctx, renew)
	}
	if ctx.Err() != nil {
		return nil // the house closes
	}
	return err
}

// work goes on with jobs, where there are any.
func (h *House) work(ctx context.Context) {
	if err := h.jobs(ctx); err != nil {
		h.Log.Warn("a job does not get on; it is tried again", "event", "job.failed", "error", err.Error())
	}
}

func (h *House) jobs(ctx context.Context) error {
	if waiting, err := h.Rollout.Waiting(ctx); err != nil || !waiting {
		return nil // a store that is away is told of elsewhere
	}
	return h.under(ctx, rollout.Lease, func(ctx context.Context, renew func(context.Context) error) error {
		_, err := h.Rollout.Work(ctx, renew)
		return err
	})
}

// Finish goes on with the jobs for a while and says how far one of them is: what it
// has done, and how many people with a second factor it has before it. ended is set
// when there is no such job, not any more.
func (h *House) Finish(ctx context.Context, tenant core.TenantID, kind core.JobKind) (done core.JobDoc, left int, ended bool, err error) {
	if err := h.jobs(ctx); err != nil {
		return done, 0, false, err
	}
	err = h.Store.View(ctx, tenant, func(r store.Reader) error {
		j, err := r.Job(tenant, kind)
		if errors.Is(err, core.ErrNotFound) {
			ended = true
			return nil
		}
		if err != nil {
			return err
		}
		n, err := r.Counts()
		done, left = j.Doc, n[core.StandingEnrolled]
		return err
	})
	return done, left, ended, err
}

// tell tells apps that sign-ins are over, where there is somebody to tell.
func (h *House) tell(ctx context.Context) {
	if waiting, err := h.Teller.Waiting(ctx); err != nil || !waiting {
		return // a store that is away is told of elsewhere
	}
	if err := h.under(ctx, leaseTell, h.Teller.Tell); err != nil {
		h.Log.Warn("apps are not told that sign-ins are over; it is tried again", "event", "logout.stuck", "error", err.Error())
	}
}

// count writes down how many tokens API clients got from this node. What a node that
// is killed had not written is lost, a minute of counts at most.
func (h *House) count(ctx context.Context) {
	if err := h.Apps.Count(ctx); err != nil && ctx.Err() == nil {
		h.Log.Warn("tokens of API clients were not written down; they are counted the next time", "event", "client.uncounted", "error", err.Error())
	}
}

// retire stops service accounts whose place API clients took and that nobody uses.
func (h *House) retire(ctx context.Context) {
	err := h.under(ctx, leaseRetire, func(ctx context.Context, renew func(context.Context) error) error {
		warned, retired, err := h.Directory.RetireDue(ctx, renew)
		if warned+retired > 0 {
			h.Log.Info("service accounts that API clients replace were looked at", "event", "service.retiring", "warned", warned, "retired", retired)
		}
		return err
	})
	if err != nil {
		h.Log.Warn("a service account that an API client replaces was not stopped; it is tried again", "event", "service.stuck", "error", err.Error())
	}
}

func (h *House) endTrials(ctx context.Context) {
	err := h.under(ctx, leaseTrials, func(ctx context.Context, _ func(context.Context) error) error {
		n, err := h.Directory.ConvertDue(ctx)
		if n > 0 {
			h.Log.Info("trials became production", "event", "trial.converted", "count", n)
		}
		return err
	})
	if err != nil {
		h.Log.Warn("a trial that is over was not converted; it is tried again", "event", "trial.failed", "error", err.Error())
	}
}

func (h *House) upkeep(ctx context.Context) {
	err := h.under(ctx, leaseUpkeep, func(ctx context.Context, renew func(context.Context) error) error {
		n, err := h.Rollout.Erase(ctx, renew)
		if n > 0 {
			h.Log.Info("deleted tenants were erased", "event", "tenant.erased", "count", n)
		}
		if err != nil {
			return err
		}
		if _, err = h.Rollout.RecountDue(ctx, renew); err != nil {
			return err
		}
		made, err := h.Ring.RotateTokensDue(ctx)
		if made > 0 {
			h.Log.Info("keys for tokens were renewed; they sign within the hour", "event", "keys.tokens_renewed", "count", made)
		}
		return err
	})
	if err != nil {
		h.Log.Warn("erasing and recounting did not get through; they are tried again", "event", "upkeep.failed", "error", err.Error())
	}
}
