package cli

import (
	"io"
)

type configCmd struct {
	Check configCheckCmd `cmd:"" help:"Say whether serve would take it."`
	Print configPrintCmd `cmd:"" help:"Print every value, secrets masked."`
}

type configCheckCmd struct{}

func (*configCheckCmd) Run(s *shell) error {
	c, err := s.load(nil)
	if err != nil {
		return err
	}
	if err := c.CheckServe(); err != nil {
		return err
	}
	err = s.result(map[string]bool{"ok": true}, func(w io.Writer) { _, _ = io.WriteString(w, "the configuration is right\n") })
	s.next("sallyport doctor")
	return err
}

type configPrintCmd struct {
	Origin bool `help:"Say where each value came from."`
}

func (v *configPrintCmd) Run(s *shell) error {
	c, err := s.load(nil)
	if err != nil {
		return err
	}
	origins := s.origin
	if !v.Origin {
		origins = nil
	}
	if s.JSON {
		return s.json(c.Values(origins))
	}
	return c.Print(s.Out, origins)
}
