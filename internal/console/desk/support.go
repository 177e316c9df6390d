package desk

import (
	"context"

	"sallyport/internal/access"
	"sallyport/internal/console"
	"sallyport/internal/core"
	"sallyport/internal/directory"
	"sallyport/internal/session"
	"sallyport/internal/support"
	"sallyport/internal/web"
)

// endAction is the form of the banner.
const endAction = "/admin/acting/end"

// Banner is what stands above every page of a session that acts for an
// organisation, else nil.
func (d *Desk) Banner(ctx context.Context, cur session.Current) (*web.Acting, error) {
	b, acts, err := d.Support.Banner(ctx, cur)
	if err != nil || !acts {
		return nil, err
	}
	return &web.Acting{Person: b.Who, From: b.From, Organisation: b.Organisation, Left: b.Until.Sub(d.Now()), Reason: b.Reason, EndAction: endAction}, nil
}

// ActingIn lists who acts in a tenant or below it now: whoever may close it or read
// its log sees it, and so does nobody else.
func (d *Desk) ActingIn(ctx context.Context, by console.Caller, tenant core.TenantID) ([]console.Acting, error) {
	all, err := d.Support.Acting(ctx, tenant, by.Actor)
	if err != nil {
		return nil, err
	}
	return d.acting(ctx, by, tenant, all)
}

func (d *Desk) acting(ctx context.Context, by console.Caller, tenant core.TenantID, all []support.Live) (out []console.Acting, err error) {
	at, err := d.Directory.Tree.Place(ctx, tenant)
	if err != nil {
		return nil, err
	}
	for _, l := range all {
		a := console.Acting{Session: l.Session, Person: console.Who{ID: l.User.ID, Name: l.User.Name, Login: l.User.Login}, From: l.From,
			Reason: l.Reason, Since: l.Since, Until: l.Until, MayEnd: by.Actor.Can(access.SupportAccess, at)}
		if l.In != tenant {
			if a.In, err = d.tenantName(ctx, l.In); err != nil {
				return nil, err
			}
		}
		out = append(out, a)
	}
	return out, nil
}

// previewAccess says whom closing support access throws out. Opening it is asked
// about its proof only when it is done.
func (d *Desk) previewAccess(ctx context.Context, by console.Caller, tenant core.TenantID, open bool) (e console.Effect, err error) {
	if open {
		_, _, err = d.Support.CheckAccess(ctx, tenant, true, by.Actor)
		if isStepUp(err) {
			err = nil
		}
		return e, err
	}
	out, err := d.Support.PlanClose(ctx, tenant, by.Actor)
	if err != nil {
		return e, err
	}
	l := console.EffectLine{What: directory.EffectSessions, Count: len(out)}
	for _, x := range out {
		l.First = append(l.First, console.Who{ID: x.User.ID, Name: x.User.Name, Login: x.User.Login})
	}
	if l.Count > 0 {
		e.Lines = append(e.Lines, l)
	}
	return e, nil
}

func (d *Desk) setAccess(ctx context.Context, by console.Caller, tenant core.TenantID, open bool) error {
	_, err := d.Support.SetAccess(ctx, tenant, open, by.Actor, by.Client)
	return err
}

// Act begins to act in an organisation.
func (d *Desk) Act(ctx context.Context, by console.Caller, tenant core.TenantID, reason string) (session.Opened, error) {
	return d.Support.Begin(ctx, by.Current, tenant, reason, by.Client)
}

// EndAct goes back to one's own session.
func (d *Desk) EndAct(ctx context.Context, by console.Caller) (session.Opened, error) {
	return d.Support.End(ctx, by.Current, by.Client)
}

// EndActing ends what somebody else does there.
func (d *Desk) EndActing(ctx context.Context, by console.Caller, tenant core.TenantID, id core.SessionID) error {
	return d.Support.EndOne(ctx, tenant, id, by.Actor, by.Client)
}

func isStepUp(err error) bool {
	f, ok := core.AsFault(err)
	return ok && f.Code == core.ErrStepUp.Code
}
