package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"time"

	"sallyport/internal/app"
	"sallyport/internal/audit"
	"sallyport/internal/secret"
)

type backupCmd struct {
	Create  backupCreateCmd  `cmd:"" help:"Write a sealed copy of the store while it is in use."`
	Verify  backupVerifyCmd  `cmd:"" help:"Open a backup wholly, restore it on trial, count and check it."`
	Restore backupRestoreCmd `cmd:"" help:"Fill an empty store from a backup."`
}

type backupOut struct {
	File     string    `json:"file"`
	Name     string    `json:"name"`
	Instance string    `json:"instance"`
	Engine   string    `json:"engine"`
	Schema   int64     `json:"schema"`
	Epoch    int64     `json:"epoch"`
	At       time.Time `json:"at"`
	DryRun   bool      `json:"dry_run,omitempty"`
}

func backupAnswer(file string, i app.BackupInfo) backupOut {
	return backupOut{File: file, Name: i.Name, Instance: i.Instance, Engine: i.Engine, Schema: i.Schema, Epoch: i.Epoch, At: i.At}
}

// aloud is said whenever a backup is made or used.
const aloud = "A backup without its master key opens nothing: keep a copy of %s, with all its lines, apart from the backups."

type backupCreateCmd struct {
	To string `required:"" help:"The new file." placeholder:"FILE"`
	dry
}

type backupCreateIn struct {
	To     string `json:"to"`
	DryRun bool   `json:"dry_run,omitempty"`
}

func (v *backupCreateCmd) Run(s *shell) error {
	to, err := filepath.Abs(v.To) // a server that does the work has another working directory
	if err != nil {
		return err
	}
	if err := absent(to); err != nil {
		return err
	}
	o, err := one[backupOut](s, "backup.create", how{}, backupCreateIn{to, v.DryRun})
	if err != nil {
		return err
	}
	if err := s.result(o, func(w io.Writer) {
		if v.DryRun {
			fmt.Fprintf(w, "would write a sealed copy of %q (%s, schema %d) to %s\n", plain(o.Name), o.Engine, o.Schema, o.File)
			return
		}
		fmt.Fprintln(w, o.File)
	}); err != nil || v.DryRun {
		return err
	}
	s.say(aloud, s.loaded.Encryption.KeyFile)
	s.next("sallyport backup verify %s", v.To)
	return nil
}

func farBackupCreate(ctx context.Context, h *app.House, in backupCreateIn, out *answers) error {
	if in.DryRun {
		info, err := h.DescribeBackup(ctx)
		if err != nil {
			return err
		}
		o := backupAnswer(in.To, info)
		o.DryRun = true
		return out.Result(o)
	}
	info, err := h.Backup(ctx, in.To, out.Progress)
	if err != nil {
		return err
	}
	return out.Result(backupAnswer(in.To, info))
}

type backupVerifyCmd struct {
	File    string `arg:"" help:"The backup."`
	KeyFile string `help:"The master key file; encryption.key_file when not given." placeholder:"FILE"`
	Scratch string `help:"Folder for the trial, with room for the store; the backup's own when not given." placeholder:"DIR"`
}

type backupVerified struct {
	backupOut
	OK      bool         `json:"ok"`
	Tenants int          `json:"tenants"`
	Users   int64        `json:"users"`
	Audit   audit.Report `json:"audit"`
}

func (v *backupVerifyCmd) Run(s *shell) error {
	c, err := s.checked()
	if err != nil {
		return err
	}
	if v.KeyFile != "" {
		c.Encryption.KeyFile = v.KeyFile
	}
	b, err := app.OpenBackup(v.File)
	if err != nil {
		return err
	}
	defer b.Close()
	master, err := secret.LoadMaster(c.Encryption.KeyFile)
	if err != nil {
		return err
	}
	if v.Scratch == "" {
		v.Scratch = filepath.Dir(v.File)
	}
	found, err := b.Verify(s.ctx, master, v.Scratch, s.report)
	s.progressEnd()
	if err != nil {
		return fmt.Errorf("%s: %w", v.File, err)
	}
	o := backupVerified{backupOut: backupAnswer(v.File, found.Info), OK: found.Audit.OK(), Tenants: found.Tenants, Users: found.Users, Audit: found.Audit}
	if err := s.result(o, func(w io.Writer) {
		fmt.Fprintf(w, "%s\n  of %q (%s), made %s\n  schema %d from %s, epoch %d\n  %s, %s, %d sealed events in the audit log\n",
			plain(o.File), plain(o.Name), o.Instance, when(o.At), o.Schema, o.Engine, o.Epoch, count(o.Tenants, "tenant", "tenants"), count(int(o.Users), "account", "accounts"), o.Audit.Events)
		showAudit(s, w, o.Audit)
	}); err != nil {
		return err
	}
	s.say(aloud, c.Encryption.KeyFile)
	if !o.OK {
		return errFindings
	}
	s.next("keep it elsewhere, without the master key; restore with: sallyport backup restore %s", v.File)
	return nil
}

func (s *shell) report(what string, done, total int64) { s.progress(progress{what, done, total}) }

type backupRestoreCmd struct {
	File string `arg:"" help:"The backup."`
	sure
	dry
}

func (*backupRestoreCmd) Help() string {
	return "Only into an empty store: an empty data_dir, or an empty database. Everybody is signed out, and codes and links from before are dead, because they may have been used since. " +
		"The master key file of the backup's time has to be in its place."
}

func (v *backupRestoreCmd) Run(s *shell) error {
	c, err := s.checked()
	if err != nil {
		return err
	}
	b, err := app.OpenBackup(v.File)
	if err != nil {
		return err
	}
	defer b.Close()
	if err := b.MayRestore(s.ctx, c); err != nil {
		return err
	}
	where := c.DataDir
	if !app.Embedded(c) {
		where = "the database of store.dsn"
	}
	o := backupAnswer(v.File, b.Info)
	if o.DryRun = v.DryRun; v.DryRun {
		return s.result(o, func(w io.Writer) {
			fmt.Fprintf(w, "would restore %q, as it was %s, into %s, and end every session, sign-in and link of that time\n", plain(o.Name), when(o.At), where)
		})
	}
	if b.Info.Name == "" && !v.Yes {
		return errors.New("the backup is of a store without a platform; restore it with --yes")
	}
	if err := s.confirm(v.Yes, b.Info.Name, "This restores %q, as it was %s, into %s.", plain(o.Name), when(o.At), where); err != nil {
		return err
	}
	err = b.Restore(s.ctx, c, s.logger(c), s.report)
	s.progressEnd()
	if err != nil {
		return err
	}
	if err := s.result(o, func(w io.Writer) {
		fmt.Fprintf(w, "restored %q, as it was %s, into %s\n", plain(o.Name), when(o.At), where)
	}); err != nil {
		return err
	}
	s.say("Every session, sign-in and link of that time has ended; people sign in anew.")
	s.next("sallyport doctor%s, then sallyport serve", s.given())
	return nil
}
