package cli

import (
	"sallyport/internal/demo"
)

type demoCmd struct {
	Once   bool   `help:"End after the walk; exit 0 only if every step held."`
	Listen string `help:"Address and port of the pages." placeholder:"ADDR"`
}

func (*demoCmd) Help() string {
	return "Serves on loopback with invented people and a mail server of its own. The data vanishes at the end unless --data names a folder for it."
}

func (v *demoCmd) Run(s *shell) error {
	keep := s.Data != ""
	more := map[string]string{"listen": v.Listen, "listen_ops": "127.0.0.1:0"}
	if v.Listen == "" && v.Once {
		more["listen"] = "127.0.0.1:0"
	}
	c, err := s.load(more)
	if err != nil {
		return err
	}
	if err := c.Check(); err != nil {
		return err
	}
	if !c.ListensOnLoopback() {
		return usage("the demo listens on loopback only; %s can be reached from other machines", c.Listen)
	}
	c.PublicURL, c.TLS.CertFile, c.TLS.KeyFile = "", "", ""
	if !keep {
		c.DataDir, c.Encryption.KeyFile = "", ""
	}
	return demo.Run(s.ctx, demo.Options{Config: c, Log: s.logger(c), Once: v.Once, JSON: s.JSON, Out: s.Out, Err: s.Err, Verbs: Verbs()})
}
