package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"sallyport/internal/app"
	"sallyport/internal/config"
)

type doctorCmd struct {
	List  bool     `help:"List the checks and run none."`
	Check []string `name:"run" help:"Run only this check; several with commas or by giving it again." placeholder:"CHECK" sep:","`
}

func (*doctorCmd) Help() string { return "Exit 0 when all is well, 3 when there are findings." }

type doctorIn struct {
	Run []string `json:"run,omitempty"`
}

type doctorOut struct {
	OK     bool            `json:"ok"`
	Checks []app.Diagnosis `json:"checks"`
}

func (v *doctorCmd) Run(s *shell) error {
	var names []string
	for _, c := range app.DoctorChecks() {
		names = append(names, c[0])
	}
	if v.List {
		return s.result(names, func(w io.Writer) {
			t := table(w)
			for _, c := range app.DoctorChecks() {
				fmt.Fprintf(t, "%s\t%s\n", c[0], c[1])
			}
			t.Flush()
		})
	}
	for _, name := range v.Check {
		if !slices.Contains(names, name) {
			return usage("there is no check %q%s; there are %s", name, didYouMean(name, names), strings.Join(names, ", "))
		}
	}
	o := doctorOut{OK: true, Checks: []app.Diagnosis{}}
	take := func(d app.Diagnosis) error {
		o.OK = o.OK && d.OK
		o.Checks = append(o.Checks, d)
		if !s.JSON {
			s.progressEnd()
			s.diagnosis(d)
		}
		return nil
	}
	if err := s.examine(doctorIn{v.Check}, &o, take); err != nil {
		return err
	}
	if s.JSON {
		if err := s.json(o); err != nil {
			return err
		}
	}
	if !o.OK {
		return errFindings
	}
	s.next("sallyport serve%s, or when it runs: sallyport backup create --to FILE", s.given())
	return nil
}

// examine runs the checks. What keeps a store from being opened is itself a
// finding, so the examination goes on with less.
func (s *shell) examine(in doctorIn, o *doctorOut, take func(app.Diagnosis) error) error {
	if _, err := s.checked(); err != nil {
		var problems config.Problems
		if !errors.As(err, &problems) {
			return err
		}
		d := app.Diagnosis{Name: "config", Findings: []string{}}
		for _, p := range problems {
			d.Findings = append(d.Findings, p.String())
		}
		return take(d)
	}
	err := each(s, "doctor", how{}, in, take)
	if err == nil || len(o.Checks) > 0 || s.ctx.Err() != nil {
		return err
	}
	if bare := each(s, "doctor", how{bare: true}, in, take); bare == nil {
		for _, d := range o.Checks {
			if !d.OK {
				return nil // it was found where it belongs
			}
		}
	}
	return take(app.Diagnosis{Name: "open", Findings: []string{inWords(err)}})
}

func (s *shell) diagnosis(d app.Diagnosis) {
	word := s.paint(s.Out, green, "ok")
	if !d.OK {
		word = s.paint(s.Out, red, "finding")
	}
	fmt.Fprintf(s.Out, "%-10s %s  %s\n", d.Name, word, plain(d.Detail))
	for _, f := range d.Findings {
		fmt.Fprintf(s.Out, "           - %s\n", plain(f))
	}
}

func farDoctor(ctx context.Context, h *app.House, in doctorIn, out *answers) error {
	return h.Doctor(ctx, in.Run, out.Progress, func(d app.Diagnosis) error { return out.Result(d) })
}
