package rollout

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"sallyport/internal/audit"
	"sallyport/internal/core"
	"sallyport/internal/outbox"
	"sallyport/internal/policy"
	"sallyport/internal/session"
	"sallyport/internal/store"
)

// Lease is the name under which one node works at jobs.
const Lease = "jobs"

// batch is how many people one transaction of a job goes through: sign-ins wait for
// it where there is one writer.
const batch = 50

// heard is by when every node knows that an organisation is switching off, so that
// none of them lets anybody enrol from what it remembers.
const heard = 3 * time.Second

// ErrStop is what before returns to stop the work without an error.
var ErrStop = errors.New("no more work here")

// errPassed: another worker did this batch.
var errPassed = errors.New("done by another")

// Work goes on with the jobs that are under way, of every organisation, and returns
// how many batches it did; none left for now is 0. before is asked before each
// batch and may stop it (the lease is over); nil never does.
func (s *Service) Work(ctx context.Context, before func(context.Context) error) (batches int, err error) {
	var errs []error
	for last := (core.Job{}); ; {
		jobs, err := s.Store.AllJobs(ctx, last, 100)
		if err != nil || len(jobs) == 0 {
			return batches, errors.Join(append(errs, err)...)
		}
		for _, j := range jobs {
			last = j
			n, err := s.job(ctx, j, before)
			batches += n
			if errors.Is(err, ErrStop) {
				return batches, errors.Join(errs...)
			}
			if err != nil && !errors.Is(err, errPassed) {
				errs = append(errs, fmt.Errorf("%s of %s: %w", j.Kind, j.Tenant, err))
			}
			if ctx.Err() != nil {
				return batches, errors.Join(errs...)
			}
		}
	}
}

// Waiting reports whether there is a job at all.
func (s *Service) Waiting(ctx context.Context) (bool, error) {
	jobs, err := s.Store.AllJobs(ctx, core.Job{}, 1)
	return len(jobs) > 0, err
}

// place is how far a job has come: the nodes of the organisation in the order of
// their paths, and on one of them its people by id.
type place struct {
	path string
	user core.UserID
}

// done is behind every id.
const done core.UserID = "~"

func placeOf(cursor string) place {
	path, user, _ := strings.Cut(cursor, "|")
	return place{path, core.UserID(user)}
}

func (p place) cursor() string { return p.path + "|" + string(p.user) }

// job does what is left of one job, node by node.
func (s *Service) job(ctx context.Context, j core.Job, before func(context.Context) error) (n int, err error) {
	work, known := map[core.JobKind]worker{core.JobDisableMFA: s.wipe, core.JobEndSessions: s.signOut}[j.Kind]
	if !known {
		return 0, nil // a newer program's, which will do it
	}
	nodes, err := s.nodes(ctx, j.Tenant)
	if err != nil {
		return 0, err
	}
	at := placeOf(j.Cursor)
	for _, node := range nodes {
		if node.Path < at.path || node.Path == at.path && at.user == done {
			continue
		}
		if node.Path > at.path {
			at = place{node.Path, ""}
		}
		for at.user != done {
			if err := asked(ctx, before); err != nil {
				return n, err
			}
			if at, err = s.batch(ctx, j, node, at, work); err != nil {
				return n, err
			}
			n++
			j.Cursor = at.cursor()
		}
	}
	if err := asked(ctx, before); err != nil {
		return n, err
	}
	ended, err := s.end(ctx, j)
	if ended {
		n++
	}
	return n, err
}

// nodes are those whose people a job goes through, of a branch within its
// organisation: deleted ones too, for they may come back.
func (s *Service) nodes(ctx context.Context, id core.TenantID) (nodes []core.Tenant, err error) {
	err = s.Store.View(ctx, id, func(r store.Reader) error {
		own, err := r.Tenant()
		if err != nil {
			return err
		}
		below, err := r.Below()
		nodes = slices.DeleteFunc(below, func(t core.Tenant) bool { return t.Organisation != own.Organisation })
		return err
	})
	slices.SortFunc(nodes, func(a, b core.Tenant) int { return strings.Compare(a.Path, b.Path) })
	return nodes, err
}

// worker does to one person what a job is for, and counts it.
type worker func(tx store.Tx, d *core.JobDoc, u core.User, e policy.Effective) error

func (s *Service) batch(ctx context.Context, j core.Job, node core.Tenant, at place, work worker) (place, error) {
	var next place
	err := s.Store.Update(ctx, node.ID, func(tx store.Tx) error {
		now, err := tx.Job(j.Tenant, j.Kind)
		if errors.Is(err, core.ErrNotFound) || err == nil && now.Cursor != j.Cursor {
			return errPassed
		}
		if err != nil {
			return err
		}
		line, err := tx.Line()
		if err != nil {
			return err
		}
		e, err := policy.Of(line)
		if err != nil {
			return err
		}
		users, err := tx.Users(at.user, batch)
		if err != nil {
			return err
		}
		for _, u := range users {
			if err := work(tx, &now.Doc, u, e); err != nil {
				return fmt.Errorf("%s: %w", u.ID, err)
			}
		}
		next = place{node.Path, done}
		if len(users) == batch {
			next.user = users[batch-1].ID
		}
		now.Cursor = next.cursor()
		return tx.UpdateJob(now)
	})
	return next, err
}

// wipe takes a person's second factors, recovery codes, passes and trusted browsers,
// and tells them.
func (s *Service) wipe(tx store.Tx, d *core.JobDoc, u core.User, e policy.Effective) error {
	factors, err := tx.Factors(u.ID)
	if err != nil {
		return err
	}
	lost, err := s.Enrol.Wipe(tx, factors, "switched_off")
	if err != nil {
		return err
	}
	browsers, err := tx.Untrust(u.ID)
	if err != nil {
		return err
	}
	if _, err := tx.SupersedeTokens(u.ID, core.TokenPass); err != nil {
		return err
	}
	if lost.Apps+lost.Codes+browsers == 0 {
		return nil
	}
	// Whoever stands at the door with a code begins anew, and needs none.
	if err := tx.EndAttempts(u.ID); err != nil {
		return err
	}
	d.People, d.Apps, d.Codes, d.Browsers = d.People+1, d.Apps+lost.Apps, d.Codes+lost.Codes, d.Browsers+browsers
	if u.State != core.UserActive && u.State != core.UserValidated {
		return nil
	}
	return s.Post.Queue(tx, outbox.Message{Kind: core.MailMFASwitchedOff, To: u, Effective: e})
}

// signOut ends a person's sessions: everybody's, or of those alone who are to set a
// second factor up and cannot put it off.
func (s *Service) signOut(tx store.Tx, d *core.JobDoc, u core.User, e policy.Effective) error {
	if !d.Everyone {
		if u.State != core.UserActive && u.State != core.UserValidated {
			return nil
		}
		factors, err := tx.Factors(u.ID)
		if err != nil {
			return err
		}
		who, err := session.Who(tx, u, factors, e)
		if err != nil {
			return err
		}
		if st := policy.Standing(who, e, tx.Now()); st.Status != core.MFASetupRequired || tx.Now().Before(st.DueAt) {
			return nil
		}
	}
	if d.Moved {
		if _, err := tx.Untrust(u.ID); err != nil {
			return err
		}
	}
	why := session.WhyEnforced
	if d.Everyone {
		why = session.WhyRevoked
	}
	n, err := session.EndAll(tx, u.ID, why, told(audit.SessionRevoked, *d, string(u.ID)), d.Keep)
	d.Sessions += n
	if n > 0 {
		d.People++
	}
	return err
}

// told is an event of whoever began a job.
func told(name string, d core.JobDoc, target string) core.Event {
	e := core.Event{Name: name, Actor: d.Actor, Target: target, Result: audit.OK, Address: d.Address, Request: d.Request}
	if d.ActingIn != "" {
		e = audit.Note(audit.Note(e, audit.DetailActingIn, d.ActingIn), audit.DetailReason, d.Reason)
	}
	return e
}

// end closes a job that has gone through everybody; false when it has to go on, or
// to wait.
func (s *Service) end(ctx context.Context, j core.Job) (ended bool, err error) {
	left := false
	if j.Kind == core.JobDisableMFA {
		if s.Now().Sub(j.CreatedAt) < heard {
			return false, nil
		}
		// A look at everybody, before the transaction for which others wait.
		err := s.Store.View(ctx, j.Tenant, func(r store.Reader) error {
			l, err := r.Losses()
			left = l.People+l.Browsers > 0
			return err
		})
		if err != nil {
			return false, err
		}
	}
	err = s.Store.Update(ctx, j.Tenant, func(tx store.Tx) error {
		ended = false
		now, err := tx.Job(j.Tenant, j.Kind)
		if errors.Is(err, core.ErrNotFound) || err == nil && now.Cursor != j.Cursor {
			return errPassed
		}
		if err != nil {
			return err
		}
		if now.Kind == core.JobDisableMFA {
			ended, err = settle(tx, now, left)
		} else {
			ended, err = true, closeSessions(tx, now)
		}
		if err != nil || !ended {
			return err
		}
		return tx.EndJob(now)
	})
	return ended && err == nil, err
}

// settle ends the state disabling. Whoever came along meanwhile, from a node that
// was done or by a factor that a node let through which had not heard yet, makes
// the job begin anew.
func settle(tx store.Tx, j core.Job, left bool) (bool, error) {
	n, err := tx.Counts()
	if err != nil {
		return false, err
	}
	if left || n[core.StandingEnrolled] > 0 {
		j.Cursor = ""
		return false, tx.UpdateJob(j)
	}
	t, err := tx.Tenant()
	if err != nil {
		return false, err
	}
	t.MFAState, t.ChangedAt = core.MFASettled, tx.Now()
	if err := tx.UpdateTenant(t); err != nil {
		return false, err
	}
	e := told(audit.TenantMFADisabled, j.Doc, string(j.Tenant))
	for name, n := range map[string]int{"people": j.Doc.People, "apps": j.Doc.Apps, "codes": j.Doc.Codes, "browsers": j.Doc.Browsers} {
		e = audit.Count(e, name, n)
	}
	if err := tx.Append(e); err != nil {
		return false, err
	}
	return true, tx.Changed(core.ChangeTenant, string(j.Tenant))
}

func closeSessions(tx store.Tx, j core.Job) error {
	e := audit.Count(told(audit.SessionsEnded, j.Doc, string(j.Tenant)), "people", j.Doc.People)
	return tx.Append(audit.Count(e, "sessions", j.Doc.Sessions))
}
