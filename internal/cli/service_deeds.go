package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"sallyport/internal/access"
	"sallyport/internal/app"
	"sallyport/internal/core"
	"sallyport/internal/directory"
	"sallyport/internal/store"
)

type serviceChangeCmd struct {
	oneAccount
	sure
	facts
}

func (v *serviceChangeCmd) Run(s *shell) error {
	f, err := v.facts.in()
	if err != nil {
		return err
	}
	if f == (factsIn{}) {
		return usage("say what to change: --owner, --reason, --expires or --network")
	}
	return s.changeService("service.change", v.oneAccount, v.sure, &f)
}

func (s *shell) changeService(verb string, v oneAccount, ask sure, f *factsIn) error {
	return s.do(write{verb: verb, dry: v.dry, sure: &ask, in: func(c changing) any { return userIn{User: v.User, changing: c, Facts: f} },
		next: func(c changed) string { return "sallyport service-account show " + c.Login }})
}

// kept are the facts of a service account, and what they would be.
func kept(ctx context.Context, h *app.House, u core.User, in userIn) (had core.Service, f directory.ServiceFacts, err error) {
	if u.Kind != core.ServiceAccount {
		return had, f, core.NewFault(core.KindConflict, "service.not_one")
	}
	err = h.Store.View(ctx, u.Tenant, func(r store.Reader) (err error) { had, err = r.Service(u.ID); return err })
	if err != nil && !errors.Is(err, core.ErrNotFound) {
		return had, f, err
	}
	f, err = in.Facts.over(ctx, h, had)
	return had, f, err
}

var changeService = userDeed{
	plan: func(ctx context.Context, h *app.House, u core.User, in userIn, o *changed) error {
		had, f, err := kept(ctx, h, u, in)
		if err != nil {
			return err
		}
		say := func(changed bool, format string, args ...any) {
			if changed {
				o.Changes = append(o.Changes, fmt.Sprintf(format, args...))
			}
		}
		want := serviceFacts{Owner: f.Owner, Expires: f.ExpiresAt, Networks: f.Networks}
		if err := nameOwner(ctx, h, &want); err != nil {
			return err
		}
		say(f.Owner != had.Owner, "make %s answer for it", want.owner())
		say(f.Reason != had.Reason, "say that it exists for %q", f.Reason)
		say(!f.ExpiresAt.Equal(had.ExpiresAt), "let it go on, %s", want.until())
		say(strings.Join(f.Networks, ",") != strings.Join(had.Networks, ","), "let it come from %s", want.from())
		return nil
	},
	do: func(ctx context.Context, h *app.House, j journeys, u core.User, in userIn, _ *changed) error {
		_, f, err := kept(ctx, h, u, in)
		if err == nil {
			_, err = j.dir.ChangeService(ctx, u.ID, f, access.Shell(), core.Client{})
		}
		return err
	},
	loud: "service-account change",
}

type serviceConvertCmd struct {
	oneAccount
	sure
}

func (*serviceConvertCmd) Help() string {
	return "A second factor that it had is asked for again; where one is required and there is none, the next sign-in asks to set it up. To the other side: sallyport user convert."
}

func (v *serviceConvertCmd) Run(s *shell) error {
	return s.change("service.convert", v.oneAccount, &v.sure, nil)
}

var convertService = userDeed{
	plan: func(_ context.Context, _ *app.House, u core.User, _ userIn, o *changed) error {
		if u.Kind != core.ServiceAccount {
			return core.NewFault(core.KindConflict, "service.not_one")
		}
		o.Changes = []string{"make it a person's account", "ask it for a second factor where one is required", "tell the person"}
		return nil
	},
	do: func(ctx context.Context, _ *app.House, j journeys, u core.User, _ userIn, _ *changed) error {
		_, err := j.dir.MarkRegular(ctx, u.ID, access.Shell(), core.Client{})
		return err
	},
	loud: "service-account convert",
}

type serviceDeleteCmd struct {
	oneAccount
	sure
}

func (v *serviceDeleteCmd) Run(s *shell) error {
	return s.deleteAccount("service.delete", v.oneAccount, v.sure)
}

var deleteService = userDeed{
	plan: func(ctx context.Context, h *app.House, u core.User, in userIn, o *changed) error {
		if u.Kind != core.ServiceAccount {
			return core.NewFault(core.KindConflict, "service.not_one")
		}
		return deleteUser.plan(ctx, h, u, in, o)
	},
	do:   deleteUser.do,
	loud: "service-account delete",
}
