package app

import (
	"context"
	"errors"
	"fmt"
	"time"

	"sallyport/internal/core"
	"sallyport/internal/directory"
)

// endsSoon is how long before its end an API client is a finding: time enough to make
// another and give it to its program.
const endsSoon = 14 * 24 * time.Hour

// mostPrograms is how many are named.
const mostPrograms = 20

// programs looks for API clients that stopped working, or are about to, without
// anybody having stopped them.
func (x examination) programs(ctx context.Context, d *Diagnosis) error {
	tree := directory.NewTree(x.h.Store, func() bool { return false })
	now, seen, more := x.h.Clock.Now(), 0, 0
	found := func(format string, args ...any) {
		if len(d.Findings) >= mostPrograms {
			more++
			return
		}
		d.find(format, args...)
	}
	for after := core.ClientID(""); ; {
		list, err := x.h.Store.AllClients(ctx, after, 200)
		if err != nil {
			return err
		}
		if len(list) == 0 {
			break
		}
		for _, a := range list {
			after = a.ID
			if a.State != core.AppActive {
				continue
			}
			seen++
			_, err := tree.StandIn(ctx, a, nil)
			switch end := a.Doc.Client.ExpiresAt; {
			case errors.Is(err, directory.ErrOwnerGone):
				found("the API client %q (%s) may do nothing any more: its owner cannot sign in or has left; make another, or delete it: sallyport api-client delete %s", a.Name, a.ID, a.ID)
			case err != nil:
				return err
			case a.Over(now):
				found("the API client %q (%s) ended %s; give it more time: sallyport api-client change %s --expires DATE", a.Name, a.ID, end.UTC().Format(time.DateOnly), a.ID)
			case now.Add(endsSoon).After(end):
				found("the API client %q (%s) ends %s; give it more time: sallyport api-client change %s --expires DATE", a.Name, a.ID, end.UTC().Format(time.DateOnly), a.ID)
			}
		}
	}
	if d.Detail = fmt.Sprintf("%d API clients", seen); more > 0 {
		d.find("and %d more", more)
	}
	return nil
}
