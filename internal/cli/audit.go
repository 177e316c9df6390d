package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"sallyport/internal/app"
	"sallyport/internal/audit"
	"sallyport/internal/core"
)

type auditCmd struct {
	Verify auditVerifyCmd `cmd:"" help:"Check the chain, of the store or of an export."`
	Tail   auditTailCmd   `cmd:"" help:"Show the newest events."`
	List   auditListCmd   `cmd:"" help:"List events by who, what and when."`
	Export auditExportCmd `cmd:"" help:"Write the whole log with its chain, as lines of JSON."`
}

type auditVerifyCmd struct {
	File string `help:"Check this export instead of the store; needs nothing else." placeholder:"FILE"`
	Head string `help:"A head that was kept elsewhere (audit.head in the log): alone shows a store that was put back to an earlier day." placeholder:"HEAD"`
}

func (*auditVerifyCmd) Help() string {
	return "Names every event or batch that was deleted, changed, inserted or moved, and says how many are not sealed yet. Exit 3 when there is anything to name. " +
		"A whole store that was put back to an earlier day, and a chain written anew by somebody who has the master key, agree with themselves: only --head shows these."
}

type auditVerifyIn struct {
	Head *audit.Head `json:"head,omitempty"`
}

func (v *auditVerifyCmd) Run(s *shell) error {
	in := auditVerifyIn{}
	if v.Head != "" {
		head, err := audit.ParseHead(v.Head)
		if err != nil {
			return usage("--head: %v", err)
		}
		in.Head = &head
	}
	var r audit.Report
	var err error
	if v.File != "" {
		r, err = verifyFile(v.File, in.Head)
	} else {
		r, err = one[audit.Report](s, "audit.verify", how{}, in)
	}
	if err != nil {
		return err
	}
	if err := s.result(r, func(w io.Writer) { showAudit(s, w, r) }); err != nil {
		return err
	}
	if !r.OK() {
		return errFindings
	}
	s.say("head %s", r.Head)
	s.next("keep the head elsewhere; a later check takes it with --head")
	return nil
}

func verifyFile(path string, head *audit.Head) (audit.Report, error) {
	f, err := os.Open(path)
	if err != nil {
		return audit.Report{}, err
	}
	defer f.Close()
	return audit.Verify(f, head)
}

func showAudit(s *shell, w io.Writer, r audit.Report) {
	for _, f := range r.Findings {
		fmt.Fprintf(w, "%s  %s\n", s.paint(w, red, f.Kind), plain(f.Text))
	}
	if r.More > 0 {
		fmt.Fprintf(w, "… and %d more\n", r.More)
	}
	word := s.paint(w, green, "as sealed")
	if !r.OK() {
		word = s.paint(w, red, count(len(r.Findings)+r.More, "finding", "findings"))
	}
	fmt.Fprintf(w, "audit log: %s; %s in %s, %d not sealed yet\n", word, count(int(r.Events), "event", "events"), count(int(r.Batches), "batch", "batches"), r.Unsealed)
}

func farAuditVerify(ctx context.Context, h *app.House, in auditVerifyIn, out *answers) error {
	r, err := audit.VerifyStore(ctx, h.Store, h.Ring, in.Head, out.Progress)
	if err != nil {
		return err
	}
	return out.Result(r)
}

type auditTailCmd struct {
	N      int    `short:"n" default:"20" help:"How many (${default})."`
	Follow bool   `short:"f" help:"Go on showing new ones."`
	User   string `help:"Only those by or about this account: login or id." placeholder:"LOGIN"`
}

type auditTailIn struct {
	User  string `json:"user,omitempty"`
	After int64  `json:"after,omitempty"`
	Last  int    `json:"last,omitempty"` // instead of After: only the newest so many
}

func (v *auditTailCmd) Run(s *shell) error {
	if v.N < 0 {
		return usage("-n must not be negative")
	}
	in := auditTailIn{User: v.User, Last: v.N}
	for {
		err := each(s, "audit.tail", how{}, in, func(l audit.Line) error {
			in.After = max(in.After, l.Seq)
			if l.Name == "" {
				return nil // only says where the log ends
			}
			if s.JSON {
				return s.json(l)
			}
			_, err := fmt.Fprintln(s.Out, eventLine(l))
			return err
		})
		if err != nil || !v.Follow {
			return err
		}
		in.Last = -1
		select {
		case <-s.ctx.Done():
			return nil
		case <-time.After(500 * time.Millisecond):
		}
	}
}

// eventLine is an event on one line.
func eventLine(l audit.Line) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s  %-8s %-28s by %s", l.At.UTC().Format("2006-01-02T15:04:05Z"), l.Result, l.Name, l.Actor)
	add := func(name, value string) {
		if value != "" {
			fmt.Fprintf(&b, " %s=%s", name, value)
		}
	}
	if l.Target != l.Actor {
		add("target", l.Target)
	}
	add("reason", l.Reason)
	add("from", l.Address)
	for _, p := range params(detail(l.Detail)) {
		fmt.Fprintf(&b, " %s", strings.Replace(p, " ", "=", 1))
	}
	return plain(b.String())
}

func detail(d map[string]string) map[string]any {
	out := map[string]any{}
	for k, v := range d {
		out[k] = v
	}
	return out
}

func farAuditTail(ctx context.Context, h *app.House, in auditTailIn, out *answers) error {
	var of core.UserID
	if in.User != "" {
		u, err := found(ctx, h, in.User)
		if err != nil {
			return err
		}
		of = u.ID
	}
	const page = 500
	var keep []core.Event
	after := in.After
	if in.Last >= 0 && of == "" {
		// Numbers have few gaps: so far before the end there are enough.
		end, err := lastSeq(ctx, h)
		if err != nil {
			return err
		}
		after = max(0, end-int64(in.Last)*2-page)
	}
	for {
		events, err := h.Store.EventsAfter(ctx, after, page)
		if err != nil {
			return err
		}
		for _, e := range events {
			after = e.Seq
			if of == "" || e.Target == string(of) || e.Actor == string(of) {
				keep = append(keep, e)
			}
		}
		if in.Last >= 0 && len(keep) > in.Last {
			keep = keep[len(keep)-in.Last:]
		}
		if len(events) < page {
			break
		}
	}
	for _, e := range keep {
		if err := out.Result(audit.LineOf(e)); err != nil {
			return err
		}
	}
	return out.Result(audit.Line{Seq: after})
}

// lastSeq is about where the log ends: the newest sealed event, or later.
func lastSeq(ctx context.Context, h *app.House) (int64, error) {
	b, err := h.Store.LastBatch(ctx)
	if err != nil || b.Number == 0 {
		return 0, err
	}
	events, err := h.Store.SealedEvents(ctx, b.First+b.Count-1, 1)
	if err != nil || len(events) == 0 {
		return 0, err
	}
	return events[0].Seq, nil
}

type auditExportCmd struct {
	To string `help:"The new file; stdout when not given." placeholder:"FILE"`
}

func (v *auditExportCmd) Run(s *shell) (err error) {
	w := s.Out
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
		w = f
	}
	buf := bufio.NewWriterSize(w, 1<<16)
	if err := each(s, "audit.export", how{}, struct{}{}, func(line string) error {
		_, err := buf.WriteString(line + "\n")
		return err
	}); err != nil {
		return err
	}
	if err := buf.Flush(); err != nil {
		return err
	}
	if v.To != "" {
		s.next("sallyport audit verify --file %s", v.To)
	}
	return nil
}

func farAuditExport(ctx context.Context, h *app.House, _ struct{}, out *answers) error {
	return audit.Export(ctx, h.Store, h.Ring, &splitter{line: func(b []byte) error { return out.Result(string(b)) }})
}
