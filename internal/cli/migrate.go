package cli

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"time"

	"sallyport/internal/app"
	"sallyport/internal/store"
)

type migrateCmd struct {
	Plan    migratePlanCmd    `cmd:"" help:"List migrations that wait."`
	Up      migrateUpCmd      `cmd:"" help:"Apply them; a sealed backup is made first."`
	History migrateHistoryCmd `cmd:"" help:"List migrations that were applied."`
}

type migrationOut struct {
	Version   int64     `json:"version"`
	Name      string    `json:"name"`
	AppliedAt time.Time `json:"applied_at,omitzero"`
}

type migratePlanCmd struct{}

func (*migratePlanCmd) Run(s *shell) error {
	list, err := migrations(s, false)
	if err != nil {
		return err
	}
	if err := s.result(list, func(w io.Writer) {
		if len(list.Items) == 0 {
			fmt.Fprintln(w, "nothing waits: the store is up to date")
		}
		for _, m := range list.Items {
			fmt.Fprintf(w, "%d %s\n", m.Version, m.Name)
		}
	}); err != nil {
		return err
	}
	if len(list.Items) > 0 {
		s.next("sallyport migrate up")
	}
	return nil
}

type migrateHistoryCmd struct{}

func (*migrateHistoryCmd) Run(s *shell) error {
	list, err := migrations(s, true)
	if err != nil {
		return err
	}
	return s.result(list, func(w io.Writer) {
		t := table(w)
		for _, m := range list.Items {
			fmt.Fprintf(t, "%d\t%s\t%s\n", m.Version, m.Name, when(m.AppliedAt))
		}
		t.Flush()
	})
}

// migrations lists those that were applied, or those that wait.
func migrations(s *shell, applied bool) (items[migrationOut], error) {
	list := items[migrationOut]{Items: []migrationOut{}}
	err := each(s, "migrate.list", how{bare: true}, struct{}{}, func(m migrationOut) error {
		if m.AppliedAt.IsZero() != applied {
			list.Items = append(list.Items, m)
		}
		return nil
	})
	return list, err
}

func farMigrations(ctx context.Context, h *app.House, _ struct{}, out *answers) error {
	list, err := h.Store.Migrations(ctx)
	if err != nil {
		return err
	}
	for _, m := range list {
		if err := out.Result(migrationOut(m)); err != nil {
			return err
		}
	}
	return nil
}

type migrateUpCmd struct {
	Backup   string `help:"Where the backup goes; beside the data folder when not given." placeholder:"FILE"`
	NoBackup bool   `help:"Make none."`
	dry
}

type migrateUpIn struct {
	Backup string `json:"backup,omitempty"`
}

type migratedOut struct {
	Applied []migrationOut `json:"applied"`
	Backup  string         `json:"backup,omitempty"`
	DryRun  bool           `json:"dry_run,omitempty"`
}

func (v *migrateUpCmd) Run(s *shell) error {
	waiting, err := migrations(s, false)
	if err != nil {
		return err
	}
	done, err := migrations(s, true)
	if err != nil {
		return err
	}
	if v.DryRun || len(waiting.Items) == 0 {
		o := migratedOut{Applied: waiting.Items, DryRun: v.DryRun}
		return s.result(o, func(w io.Writer) {
			if len(o.Applied) == 0 {
				fmt.Fprintln(w, "nothing waits: the store is up to date")
			}
			for _, m := range o.Applied {
				fmt.Fprintf(w, "would apply %d %s\n", m.Version, m.Name)
			}
		})
	}
	in := migrateUpIn{}
	if !v.NoBackup && len(done.Items) > 0 {
		if in.Backup, err = v.backupFile(s, done.Items[len(done.Items)-1].Version); err != nil {
			return err
		}
	}
	o, err := one[migratedOut](s, "migrate.up", how{bare: true}, in)
	if err != nil {
		return err
	}
	if err := s.result(o, func(w io.Writer) {
		for _, m := range o.Applied {
			fmt.Fprintf(w, "applied %d %s\n", m.Version, m.Name)
		}
	}); err != nil {
		return err
	}
	if o.Backup != "" {
		s.say("the store as it was before: %s", o.Backup)
	}
	s.next("sallyport serve")
	return nil
}

func (v *migrateUpCmd) backupFile(s *shell, version int64) (string, error) {
	file := v.Backup
	if file == "" {
		c, err := s.checked()
		if err != nil {
			return "", err
		}
		file = filepath.Join(filepath.Dir(filepath.Clean(c.DataDir)), fmt.Sprintf("sallyport-before-migration-from-%d-%s.backup", version, time.Now().UTC().Format("20060102T150405Z")))
	}
	return filepath.Abs(file)
}

func farMigrateUp(ctx context.Context, h *app.House, in migrateUpIn, out *answers) error {
	o := migratedOut{Applied: []migrationOut{}}
	var taken *app.BackupInfo
	blank, err := h.Store.Blank(ctx)
	if err != nil {
		return err
	}
	if in.Backup != "" && !blank { // nothing to lose, and perhaps no key to seal it with
		info, err := h.TakeBackup(ctx, in.Backup, out.Progress)
		if err != nil {
			return fmt.Errorf("no migration was applied, because the backup before it failed: %w", err)
		}
		o.Backup, taken = in.Backup, &info
	}
	err = h.Store.Migrate(ctx, func(m store.Migration) { o.Applied = append(o.Applied, migrationOut(m)) })
	if err != nil {
		return err
	}
	if taken != nil {
		if err := h.NoteBackup(ctx, *taken); err != nil {
			return err
		}
	}
	return out.Result(o)
}
