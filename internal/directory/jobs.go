package directory

import (
	"errors"

	"sallyport/internal/access"
	"sallyport/internal/core"
	"sallyport/internal/policy"
	"sallyport/internal/store"
)

// DocOf is who begins a job, as its end tells it.
func DocOf(by access.Actor, c core.Client) core.JobDoc {
	d := core.JobDoc{Actor: by.ID(), By: by.Name(), Keep: by.Session, Address: c.Where(), Request: c.Request}
	if by.Acting != nil {
		d.ActingIn, d.Reason = string(by.Acting.At.Tenant), by.Acting.Reason
	}
	return d
}

// BeginJob begins work on a node, of the transaction or below it. The same that is
// under way begins anew: what it went past may be different now.
func BeginJob(tx store.Tx, at core.TenantID, kind core.JobKind, d core.JobDoc) error {
	err := tx.InsertJob(core.Job{Tenant: at, Kind: kind, Doc: d, CreatedAt: tx.Now(), ChangedAt: tx.Now()})
	var same store.ErrDuplicate
	if !errors.As(err, &same) {
		return err
	}
	j, err := tx.Job(at, kind)
	if err != nil {
		return err
	}
	d.Everyone, d.Moved = d.Everyone || j.Doc.Everyone, d.Moved || j.Doc.Moved
	if j.Doc.Everyone && j.Doc.Keep != d.Keep {
		d.Keep = ""
	}
	j.Cursor, j.Doc = "", d
	return tx.UpdateJob(j)
}

// endsSessions reports whether what holds ends the sessions of those who are to
// set a second factor up (enforce_at).
func endsSessions(e policy.Effective) bool {
	return e.Settings.On() && !e.Disabling() && e.Settings.EnforceAt.Mode == core.EnforceRevokeNow
}

// enforce ends sessions where a change brings that about, in a job: an organisation
// may have a hundred thousand people. The lines end at the organisation.
func enforce(tx store.Tx, before, after []core.Tenant, by access.Actor, c core.Client) error {
	was, err := policy.Of(before)
	if err != nil {
		return err
	}
	is, err := policy.Of(after)
	if err != nil {
		return err
	}
	if !endsSessions(is) || endsSessions(was) && demandOf(was).same(demandOf(is)) {
		return nil
	}
	return BeginJob(tx, is.Organisation.ID, core.JobEndSessions, DocOf(by, c))
}
