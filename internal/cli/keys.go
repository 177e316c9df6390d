package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/app"
	"sallyport/internal/audit"
	"sallyport/internal/core"
	"sallyport/internal/secret"
	"sallyport/internal/store"
)

type keysCmd struct {
	List   keysListCmd   `cmd:"" help:"List the keys of the ring; never the keys themselves."`
	Rotate keysRotateCmd `cmd:"" help:"Make new keys, or wrap the ring by a new master key."`
}

type keyOut struct {
	Purpose   string    `json:"purpose"`
	ID        string    `json:"id"`
	Primary   bool      `json:"primary"`
	Status    string    `json:"status"`
	MadeAt    time.Time `json:"made_at"`
	WrappedBy int       `json:"wrapped_by_line"`
}

type keysListCmd struct{}

func (*keysListCmd) Run(s *shell) error {
	list := items[keyOut]{Items: []keyOut{}}
	if err := each(s, "keys.list", how{}, struct{}{}, func(k keyOut) error { list.Items = append(list.Items, k); return nil }); err != nil {
		return err
	}
	return s.result(list, func(w io.Writer) { showKeys(w, list.Items) })
}

func showKeys(w io.Writer, keys []keyOut) {
	t := table(w)
	fmt.Fprintln(t, "PURPOSE\tKEY\tMADE\tUSE\tMASTER KEY LINE")
	for _, k := range keys {
		use := "opens and checks what is older"
		if k.Primary {
			use = "in use"
		}
		switch {
		case k.Status == "waiting":
			use = "published; signs within the hour"
		case k.Status != "enabled":
			use = k.Status
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%d\n", k.Purpose, k.ID, when(k.MadeAt), use, k.WrappedBy)
	}
	t.Flush()
}

func farKeysList(ctx context.Context, h *app.House, _ struct{}, out *answers) error {
	keys, err := h.Ring.List(ctx)
	if err != nil {
		return err
	}
	for _, k := range keys {
		if err := out.Result(keyAnswer(k)); err != nil {
			return err
		}
	}
	return nil
}

func keyAnswer(k secret.KeyInfo) keyOut {
	return keyOut{Purpose: k.Purpose, ID: k.ID, Primary: k.Primary, Status: k.Status, MadeAt: k.MadeAt, WrappedBy: k.WrappedBy}
}

type keysRotateCmd struct {
	Purpose string `enum:",seal,hash,sign,tokens" default:"" help:"Only seal, hash, sign or tokens; all when not given."`
	Rewrap  bool   `help:"Make no new keys; wrap the ring by the first line of the master key file."`
	dry
}

func (*keysRotateCmd) Help() string {
	return "New keys are used from now on, by every node, without a restart; older ones go on opening and checking what they made. " +
		"Keys for tokens of apps are published first and sign an hour later, so that no app meets a token that it cannot check; they also change by themselves every 90 days. " +
		"The master key changes in two steps: put a new line in front of the file and restart, then run keys rotate --rewrap; after that the old line can go. Backups made before need the old line."
}

type keysRotateIn struct {
	Purposes []string `json:"purposes,omitempty"`
	Rewrap   bool     `json:"rewrap,omitempty"`
}

type keysRotated struct {
	Rotated   []string `json:"rotated"`
	Rewrapped int      `json:"rewrapped"`
	Keys      []keyOut `json:"keys,omitempty"`
	DryRun    bool     `json:"dry_run,omitempty"`
}

func (v *keysRotateCmd) Run(s *shell) error {
	if v.Rewrap && v.Purpose != "" {
		return usage("--rewrap wraps the whole ring; leave --purpose away")
	}
	in := keysRotateIn{Rewrap: v.Rewrap}
	if !v.Rewrap {
		in.Purposes = []string{secret.PurposeSeal, secret.PurposeHash, secret.PurposeSign, purposeTokens}
		if v.Purpose != "" {
			in.Purposes = []string{v.Purpose}
		}
	}
	if v.DryRun {
		return v.plan(s, in)
	}
	o, err := one[keysRotated](s, "keys.rotate", how{}, in)
	if err != nil {
		return err
	}
	if err := s.result(o, func(w io.Writer) { showKeys(w, o.Keys) }); err != nil {
		return err
	}
	if v.Rewrap {
		s.say("%s wrapped anew; every line of the master key file but the first can go", count(o.Rewrapped, "keyset was", "keysets were"))
	}
	s.next("sallyport backup create --to FILE   (older backups lack the new keys)")
	return nil
}

func (v *keysRotateCmd) plan(s *shell, in keysRotateIn) error {
	o := keysRotated{Rotated: in.Purposes, DryRun: true}
	wrapped := map[string]bool{}
	if err := each(s, "keys.list", how{}, struct{}{}, func(k keyOut) error {
		if k.WrappedBy != 1 {
			wrapped[k.Purpose] = true
		}
		return nil
	}); err != nil {
		return err
	}
	if in.Rewrap {
		o.Rewrapped = len(wrapped)
	}
	return s.result(o, func(w io.Writer) {
		for _, p := range o.Rotated {
			fmt.Fprintf(w, "would make a new key for %s and use it from then on\n", p)
		}
		if in.Rewrap {
			fmt.Fprintf(w, "would wrap %s by the first line of the master key file\n", count(o.Rewrapped, "keyset", "keysets"))
		}
	})
}

// purposeTokens is all keys that sign tokens of apps, whatever the algorithm.
const purposeTokens = "tokens"

func rotate(ctx context.Context, h *app.House, purpose string) error {
	if purpose != purposeTokens {
		return h.Ring.Rotate(ctx, purpose)
	}
	for _, alg := range h.Ring.TokenAlgs() {
		if err := h.Ring.RotateTokens(ctx, alg); err != nil {
			return err
		}
	}
	return nil
}

func farKeysRotate(ctx context.Context, h *app.House, in keysRotateIn, out *answers) error {
	o := keysRotated{Rotated: []string{}}
	if in.Rewrap {
		// By the file as this process read it: wrapping by a line that it does not
		// know would do nothing, and a line that only it knows would lock others out.
		changed, err := h.MasterFileChanged()
		if err == nil && changed {
			err = errors.New("the master key file has changed since the server started; restart the server, then run this again")
		}
		if err != nil {
			return err
		}
		n, err := h.Ring.Rewrap(ctx)
		if err != nil {
			return err
		}
		o.Rewrapped = n
	}
	for _, p := range in.Purposes {
		if err := rotate(ctx, h, p); err != nil {
			return err
		}
		o.Rotated = append(o.Rotated, p)
	}
	root, err := h.Directory.Platform(ctx)
	if err != nil && !errors.Is(err, core.ErrNotFound) {
		return err
	}
	if err == nil {
		err = h.Store.Update(ctx, root.ID, func(tx store.Tx) error {
			e := audit.On(audit.KeysRotated, access.Shell().ID(), string(root.ID), core.Client{})
			for _, p := range o.Rotated {
				e = audit.Note(e, p, "rotated")
			}
			return tx.Append(audit.Count(e, "rewrapped", o.Rewrapped))
		})
		if err != nil {
			return fmt.Errorf("the keys are changed, but the audit log could not say so: %w", err)
		}
	}
	keys, err := h.Ring.List(ctx)
	if err != nil {
		return err
	}
	for _, k := range keys {
		o.Keys = append(o.Keys, keyAnswer(k))
	}
	return out.Result(o)
}
