package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"

	"sallyport/internal/access"
	"sallyport/internal/app"
	"sallyport/internal/roster"
)

type exportCmd struct {
	People exportPeopleCmd `cmd:"" help:"Write people as lines of JSON or as CSV."`
}

type exportPeopleCmd struct {
	Tenant string `help:"Node whose people are written, with those of the nodes below it: its id, its name, or the path of names that leads to it. All when not given."`
	Format string `enum:"csv,ndjson" default:"ndjson" help:"csv or ndjson (${default})."`
	To     string `help:"The new file; stdout when not given." placeholder:"FILE"`
}

func (*exportPeopleCmd) Help() string {
	return "No password, no key and no code is in it. sallyport import people takes it back."
}

type exportIn struct {
	Tenant string `json:"tenant,omitempty"`
}

type exportOut struct {
	*roster.Person
	Elsewhere int `json:"roles_elsewhere,omitempty"` // of the last answer, which has no person
}

func (v *exportPeopleCmd) Run(s *shell) (err error) {
	out := s.Out
	if v.To != "" {
		f, err := os.OpenFile(v.To, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if errors.Is(err, os.ErrExist) {
			return fmt.Errorf("%s exists already; nothing was changed", v.To)
		}
		if err != nil {
			return err
		}
		defer func() {
			if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
				_ = os.Remove(v.To)
			}
		}()
		out = f
	}
	buf := bufio.NewWriterSize(out, 1<<16)
	w, err := roster.NewWriter(buf, v.Format)
	if err != nil {
		return err
	}
	n, elsewhere := int64(0), 0
	err = each(s, "export.people", how{}, exportIn{v.Tenant}, func(p exportOut) error {
		if p.Person == nil {
			elsewhere = p.Elsewhere
			return nil
		}
		if n++; n%500 == 0 && v.To != "" {
			s.progress(progress{"people", n, 0})
		}
		return w.Write(*p.Person)
	})
	if err = errors.Join(err, w.Flush(), buf.Flush()); err != nil {
		return err
	}
	s.say("%s", count(int(n), "person", "people"))
	if elsewhere > 0 {
		s.say("left out: %s held on another node than their owner's", count(elsewhere, "role", "roles"))
	}
	return nil
}

func farExportPeople(ctx context.Context, h *app.House, in exportIn, out *answers) error {
	elsewhere, err := h.Roster.Export(ctx, in.Tenant, access.Shell(), func(p roster.Person) error { return out.Result(exportOut{Person: &p}) })
	if err != nil {
		return err
	}
	return out.Result(exportOut{Elsewhere: elsewhere})
}
