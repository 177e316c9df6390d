package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"sallyport/internal/app"
	"sallyport/internal/core"
	"sallyport/internal/ident"
	"sallyport/internal/secret"
)

type mailCmd struct {
	Test mailTestCmd `cmd:"" help:"Send a test mail now and say what the mail server answered."`
}

type mailTestCmd struct {
	To     string `required:"" help:"Where to." placeholder:"EMAIL"`
	Locale string `default:"en" enum:"${languages_enum}" help:"Language: ${languages} (${default})."`
	dry
}

type mailTestIn struct {
	To     string `json:"to"`
	Locale string `json:"locale"`
	DryRun bool   `json:"dry_run,omitempty"`
}

type mailTested struct {
	To     string `json:"to"`
	Server string `json:"server"`
	OK     bool   `json:"ok"`
	DryRun bool   `json:"dry_run,omitempty"`
}

func (v *mailTestCmd) Run(s *shell) error {
	o, err := one[mailTested](s, "mail.test", how{}, mailTestIn{v.To, v.Locale, v.DryRun})
	if err != nil {
		return err
	}
	if err := s.result(o, func(w io.Writer) {
		if v.DryRun {
			fmt.Fprintf(w, "%s answers and takes us; would send a test mail to %s\n", o.Server, o.To)
			return
		}
		fmt.Fprintf(w, "%s took the mail to %s\n", o.Server, o.To)
	}); err != nil || v.DryRun {
		return err
	}
	s.next("look into that mailbox, the folder for unwanted mail too; then: sallyport doctor")
	return nil
}

func farMailTest(ctx context.Context, h *app.House, in mailTestIn, out *answers) error {
	to, err := ident.ParseAddress(in.To)
	if err != nil {
		return err
	}
	if h.Sender == nil {
		return errors.New("no mail server is configured; set mail.smtp_url and mail.from")
	}
	o := mailTested{To: to.String(), Server: h.MailServer(), OK: true, DryRun: in.DryRun}
	if in.DryRun {
		if err := h.Sender.Check(ctx); err != nil {
			return err
		}
		return out.Result(o)
	}
	worker, err := h.Worker(h.BaseURL())
	if err != nil {
		return err
	}
	now := h.Clock.Now()
	m := core.Mail{ID: core.MailID(secret.NewID(core.PrefixMail, now)), Kind: core.MailTest, To: to.String(), Locale: in.Locale}
	mail, err := worker.Renderer.Render(m, core.MailBody{At: now}, now)
	if err != nil {
		return err
	}
	// Past the queue, because the answer is what is asked for.
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	defer h.Sender.Rest()
	if err := h.Sender.Send(ctx, mail); err != nil {
		return fmt.Errorf("%s did not take the mail: %w", o.Server, err)
	}
	return out.Result(o)
}
