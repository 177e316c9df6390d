package app

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/audit"
	"sallyport/internal/config"
	"sallyport/internal/core"
	"sallyport/internal/secret"
	"sallyport/internal/store"
	"sallyport/internal/store/postgres"
	"sallyport/internal/store/sqlite"
)

// Backup is an opened backup file.
type Backup struct {
	Info  BackupInfo
	file  *os.File
	front []byte // all that stands before the sealed part
}

// OpenBackup reads a backup's header, which needs no key.
func OpenBackup(path string) (_ *Backup, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			_ = f.Close()
		}
	}()
	front := make([]byte, len(backupMagic)+4)
	if _, err := io.ReadFull(f, front); err != nil || string(front[:len(backupMagic)]) != backupMagic {
		return nil, fmt.Errorf("%s: %w", path, ErrNoBackup)
	}
	n := binary.BigEndian.Uint32(front[len(backupMagic):])
	if n > longestHeader {
		return nil, fmt.Errorf("%s: %w", path, ErrNoBackup)
	}
	head := make([]byte, n)
	if _, err := io.ReadFull(f, head); err != nil {
		return nil, fmt.Errorf("%s breaks off in its header", path)
	}
	b := &Backup{file: f, front: append(front, head...)}
	if err := json.Unmarshal(head, &b.Info); err != nil {
		return nil, fmt.Errorf("%s: %w", path, ErrNoBackup)
	}
	if b.Info.Format != backupFormat {
		return nil, fmt.Errorf("%s was written in format %d, this program knows %d", path, b.Info.Format, backupFormat)
	}
	return b, nil
}

// Close closes the file.
func (b *Backup) Close() { _ = b.file.Close() }

// open writes the store's copy into dir. It fails when a single byte of the file
// differs.
func (b *Backup) open(ctx context.Context, master secret.Master, dir string, report Report) (path string, err error) {
	// The clock of a ring dates new keys; this one makes none.
	ring, err := secret.OpenRing(ctx, headerRing(b.Info.Keys), master, func() time.Time { return b.Info.At })
	if err != nil {
		return "", err
	}
	key, err := ring.Open(b.Info.SealedKey, b.Info.bind()...)
	if err != nil {
		return "", fmt.Errorf("the header of the backup was changed: %w", err)
	}
	cipher, err := backupCipher(key)
	if err != nil {
		return "", err
	}
	if _, err := b.file.Seek(int64(len(b.front)), io.SeekStart); err != nil {
		return "", err
	}
	r, err := cipher.NewDecryptingReader(b.file, b.front)
	if err != nil {
		return "", err
	}
	path = filepath.Join(dir, "copy")
	out, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return "", err
	}
	size := int64(0)
	if info, err := b.file.Stat(); err == nil {
		size = info.Size()
	}
	err = pump(ctx, out, r, "opening", size, report)
	if err != nil && ctx.Err() == nil {
		err = fmt.Errorf("the backup was changed or breaks off: %w", err)
	}
	return path, errors.Join(err, out.Close())
}

// headerRing lends the key ring the rows of a backup's header.
type headerRing []backupRow

func (r headerRing) LoadKeys(context.Context) ([]secret.KeyRow, error) {
	out := make([]secret.KeyRow, len(r))
	for i, k := range r {
		out[i] = secret.KeyRow(k)
	}
	return out, nil
}

func (headerRing) SaveKey(context.Context, secret.KeyRow, int64) error {
	return errors.New("the header of the backup lacks a key")
}

// Verified is what a whole check of a backup found.
type Verified struct {
	Info    BackupInfo
	Tenants int
	Users   int64
	Audit   audit.Report
}

// Verify opens a backup wholly: it restores it on trial into a folder that goes away,
// counts, and checks the audit chain with the keys that came with it.
func (b *Backup) Verify(ctx context.Context, master secret.Master, beside string, report Report) (v Verified, err error) {
	v.Info = b.Info
	dir, err := makeScratch(beside, "verify")
	if err != nil {
		return v, err
	}
	defer dir.Remove()
	plain, err := b.open(ctx, master, dir.Path, report)
	if err != nil {
		return v, err
	}
	if report != nil {
		report("restoring on trial", 0, 0)
	}
	db := filepath.Join(dir.Path, "trial.db")
	if err := sqlite.RestoreFile(ctx, plain, db); err != nil {
		return v, err
	}
	now := func() time.Time { return b.Info.At }
	st, err := sqlite.Open(ctx, db, sqlite.Options{Now: now})
	if err != nil {
		return v, err
	}
	defer func() { err = errors.Join(err, st.Close()) }()
	ring, err := secret.OpenRing(ctx, ringStore{st}, master, now)
	if err != nil {
		return v, err
	}
	tenants, err := st.AllTenants(ctx)
	if err != nil {
		return v, err
	}
	v.Tenants = len(tenants)
	counts, err := st.CountUsers(ctx)
	if err != nil {
		return v, err
	}
	for _, c := range counts {
		v.Users += c.Count
	}
	v.Audit, err = audit.VerifyStore(ctx, st, ring, nil, report)
	return v, err
}

// MayRestore says what stands against restoring into the store that the
// configuration names, before anything is asked or changed.
func (b *Backup) MayRestore(ctx context.Context, c config.Config) error {
	if _, err := secret.LoadMaster(c.Encryption.KeyFile); err != nil {
		return err
	}
	if err := b.schemaFits(ctx); err != nil {
		return err
	}
	if Embedded(c) {
		return emptyFolder(c.DataDir)
	}
	st, err := postgres.Open(ctx, c.Store.DSN, postgres.Options{Now: now})
	if err != nil {
		return err
	}
	defer st.Close()
	list, err := st.Migrations(ctx)
	if err != nil || len(list) == 0 || list[0].AppliedAt.IsZero() {
		return err
	}
	if root, err := platform(ctx, st); err != nil || root.ID != "" {
		return errors.Join(err, errors.New("the database of store.dsn holds a store; a backup is restored into an empty one only"))
	}
	return nil
}

// schemaFits asks an empty store of this program which schemas it knows.
func (b *Backup) schemaFits(ctx context.Context) error {
	dir, err := makeScratch(os.TempDir(), "schema")
	if err != nil {
		return err
	}
	defer dir.Remove()
	st, err := sqlite.Open(ctx, filepath.Join(dir.Path, storeFile), sqlite.Options{Now: now})
	if err != nil {
		return err
	}
	defer st.Close()
	list, err := st.Migrations(ctx)
	if err != nil {
		return err
	}
	if ours := list[len(list)-1].Version; b.Info.Schema > ours {
		return fmt.Errorf("%w: the backup's schema is version %d, this program knows up to %d", store.ErrNewerSchema, b.Info.Schema, ours)
	}
	return nil
}

func emptyFolder(dir string) error {
	if _, err := os.Lstat(filepath.Join(dir, storeFile)); !errors.Is(err, fs.ErrNotExist) {
		return errors.Join(err, fmt.Errorf("%s holds a store; a backup is restored into an empty data_dir only", dir))
	}
	return nil
}

// Restore fills the empty store that the configuration names. What was spent or
// ended since the backup stays so: the store's epoch is raised before it can
// serve.
func (b *Backup) Restore(ctx context.Context, c config.Config, log *slog.Logger, report Report) (err error) {
	master, err := secret.LoadMaster(c.Encryption.KeyFile)
	if err != nil {
		return err
	}
	if w := master.Warning(); w != "" {
		log.Warn(w, "event", "keys.master_file")
	}
	if !Embedded(c) {
		return b.restorePostgres(ctx, c, master, report)
	}
	release, err := lock(c.DataDir, "sallyport backup restore")
	if err != nil {
		return err
	}
	defer release()
	target := filepath.Join(c.DataDir, storeFile)
	if err := emptyFolder(c.DataDir); err != nil {
		return err
	}
	dir, err := makeScratch(c.DataDir, "restore")
	if err != nil {
		return err
	}
	defer dir.Remove()
	plain, err := b.open(ctx, master, dir.Path, report)
	if err != nil {
		return err
	}
	if report != nil {
		report("restoring", 0, 0)
	}
	// Everything is done on a store that nobody can serve yet; the last step
	// gives it its name.
	half := filepath.Join(dir.Path, storeFile)
	if err := sqlite.RestoreFile(ctx, plain, half); err != nil {
		return err
	}
	st, err := sqlite.Open(ctx, half, sqlite.Options{Now: now})
	if err != nil {
		return err
	}
	if err := errors.Join(b.raise(ctx, st), st.Close()); err != nil {
		return err
	}
	if err := os.Rename(half, target); err != nil {
		return err
	}
	return syncFolder(c.DataDir)
}

func now() time.Time { return (&Clock{}).Now() }

// restorePostgres cannot hide the store until the epoch is raised, as a rename
// does for the embedded one: no server may be started on the database before this
// has ended well.
func (b *Backup) restorePostgres(ctx context.Context, c config.Config, master secret.Master, report Report) error {
	dir, err := makeScratch(os.TempDir(), "restore")
	if err != nil {
		return err
	}
	defer dir.Remove()
	plain, err := b.open(ctx, master, dir.Path, report)
	if err != nil {
		return err
	}
	if report != nil {
		report("restoring", 0, 0)
	}
	if err := postgres.Restore(ctx, c.Store.DSN, plain); err != nil {
		return err
	}
	st, err := postgres.Open(ctx, c.Store.DSN, postgres.Options{Now: now})
	if err != nil {
		return err
	}
	return errors.Join(b.raise(ctx, st), st.Close())
}

// raise ends what could have been spent since the backup, and says so in the
// audit log.
func (b *Backup) raise(ctx context.Context, st store.Store) error {
	at, err := st.Clock(ctx)
	if err != nil {
		return err
	}
	if err := st.RaiseEpoch(ctx, at); err != nil {
		return fmt.Errorf("the backup is restored, but its epoch could not be raised; empty the store and restore again: %w", err)
	}
	root, err := platform(ctx, st)
	if err != nil || root.ID == "" {
		return err
	}
	return st.Update(ctx, root.ID, func(tx store.Tx) error {
		e := audit.On(audit.BackupRestored, access.Shell().ID(), string(root.ID), core.Client{})
		e = audit.Note(e, "backup_at", b.Info.At.Format(time.RFC3339))
		return tx.Append(audit.Note(e, "schema", strconv.FormatInt(b.Info.Schema, 10)))
	})
}
