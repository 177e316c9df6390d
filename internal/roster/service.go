package roster

import (
	"context"
	"errors"
	"strings"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/core"
	"sallyport/internal/directory"
	"sallyport/internal/policy"
)

// serve reads who answers for a service account, and why it is there. Without either it
// could sign in from nowhere, and nobody would know what it is for.
func (k *chunk) serve(ctx context.Context, p *prepared, row Row) error {
	var err error
	if p.service, err = k.facts(ctx, p, row); err == nil {
		return nil
	}
	fault, ok := core.AsFault(err)
	if !ok {
		return err
	}
	p.unserved = fault
	return nil
}

func (k *chunk) facts(ctx context.Context, p *prepared, row Row) (core.Service, error) {
	login := strings.TrimSpace(row.Owner)
	switch {
	case login == "" || strings.TrimSpace(row.Reason) == "":
		return core.Service{}, core.NewFault(core.KindInvalid, "import.service_account")
	case !k.by.Can(access.Convert, p.at.at):
		return core.Service{}, core.ErrForbidden
	case !policy.MayHoldServiceAccounts(p.eff, p.at.at.Kind):
		return core.Service{}, core.NewFault(core.KindForbidden, "service.not_here")
	case p.user.State == core.UserInvited:
		return core.Service{}, core.NewFault(core.KindConflict, "service.pending")
	}
	f := directory.ServiceFacts{Reason: row.Reason, Networks: strings.FieldsFunc(row.Networks, func(r rune) bool { return strings.ContainsRune(" ,;\t", r) })}
	owner, err := k.Directory.FindUser(ctx, login)
	switch _, unknown := core.AsFault(err); {
	case unknown || errors.Is(err, core.ErrNotFound):
		return core.Service{}, core.Invalid("service.owner_unknown")
	case err != nil:
		return core.Service{}, err
	}
	f.Owner = owner.ID
	if text := strings.TrimSpace(row.ExpiresAt); text != "" {
		if f.ExpiresAt, err = time.Parse(time.RFC3339, text); err != nil {
			day, err := time.ParseInLocation(time.DateOnly, text, p.eff.Zone())
			if err != nil {
				return core.Service{}, core.Invalid("import.expires_at")
			}
			f.ExpiresAt = day.AddDate(0, 0, 1) // to the end of that day
		}
	}
	return k.Directory.ServiceFrom(ctx, f, k.by, p.at.at)
}
