package app

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/tink-crypto/tink-go/v2/streamingaead/subtle"

	"sallyport/internal/access"
	"sallyport/internal/audit"
	"sallyport/internal/core"
	"sallyport/internal/secret"
	"sallyport/internal/store"
)

// A backup file is
//
//	"SALLYPORT BACKUP\n"
//	length of the header, 4 bytes big-endian
//	the header, JSON in clear (BackupInfo)
//	the store's copy, sealed in segments of 1 MiB (AES-256-GCM under keys derived
//	by HKDF-SHA-256, the scheme of Tink's AES-GCM-HKDF streaming)
//
// All that stands before the sealed part is bound into it, so that no header can
// be put before another copy; a file that was cut off does not open either. The
// file has a key of its own, sealed by the key ring. The ring's rows stand in the
// header as the store keeps them, wrapped by the master key: with the file and
// the master key everything opens, and with the file alone nothing does.
const (
	backupMagic   = "SALLYPORT BACKUP\n"
	backupFormat  = 1
	backupSegment = 1 << 20
	backupKey     = 32
	longestHeader = 1 << 20
)

// BackupInfo is what a backup says of itself before it is opened.
type BackupInfo struct {
	Format    int         `json:"format"`
	Engine    string      `json:"engine"`
	Schema    int64       `json:"schema"`
	Instance  string      `json:"instance"`
	Name      string      `json:"name"` // of the platform
	Epoch     int64       `json:"epoch"`
	At        time.Time   `json:"at"`
	SealedKey []byte      `json:"sealed_key"`
	Keys      []backupRow `json:"keys"`
}

type backupRow struct {
	Purpose   string    `json:"purpose"`
	Version   int64     `json:"version"`
	Wrapped   []byte    `json:"wrapped"`
	ChangedAt time.Time `json:"changed_at"`
}

// ErrNoBackup says that a file is no backup of ours.
var ErrNoBackup = errors.New("this is not a backup of Sallyport")

// Report tells how far long work is; total 0 is not known.
type Report = audit.Progress

func backupCipher(key []byte) (*subtle.AESGCMHKDF, error) {
	return subtle.NewAESGCMHKDF(key, "SHA256", backupKey, backupSegment, 0)
}

func (i BackupInfo) bind() []string {
	return []string{"backup", i.Instance, strconv.FormatInt(i.At.UnixMicro(), 10)}
}

// Backup writes a sealed copy of the store to a new file while others go on, and
// notes that in the store.
func (h *House) Backup(ctx context.Context, file string, report Report) (BackupInfo, error) {
	info, err := h.TakeBackup(ctx, file, report)
	if err != nil {
		return info, err
	}
	return info, h.NoteBackup(ctx, info)
}

// TakeBackup writes the file and notes nothing: before migrations the store has the
// tables of an older program, and may be read only for what those had. The file
// appears whole or not at all.
func (h *House) TakeBackup(ctx context.Context, file string, report Report) (info BackupInfo, err error) {
	if _, err := os.Lstat(file); err == nil {
		return info, fmt.Errorf("%s exists already; a backup overwrites nothing", file)
	}
	if info, err = h.DescribeBackup(ctx); err != nil {
		return info, fmt.Errorf("backup: %w", err)
	}
	ring := h.Ring
	if ring == nil { // a bare house
		master, err := secret.LoadMaster(h.Config.Encryption.KeyFile)
		if err != nil {
			return info, err
		}
		if ring, err = secret.OpenRing(ctx, ringStore{h.Store}, master, h.Clock.Now); err != nil {
			return info, err
		}
	}
	rows, err := h.Store.LoadKeys(ctx)
	if err != nil {
		return info, fmt.Errorf("backup: %w", err)
	}
	for _, r := range rows {
		info.Keys = append(info.Keys, backupRow(r))
	}
	key := secret.Random(backupKey)
	if info.SealedKey, err = ring.Seal(key, info.bind()...); err != nil {
		return info, fmt.Errorf("backup: %w", err)
	}
	plain, err := h.copyStore(ctx, file, report)
	if err != nil {
		return info, err
	}
	defer plain.Close()
	if err := sealInto(ctx, file, info, key, plain, report); err != nil {
		return info, fmt.Errorf("backup: %w", err)
	}
	return info, nil
}

// DescribeBackup is what the header of a backup made now would say.
func (h *House) DescribeBackup(ctx context.Context) (BackupInfo, error) {
	i := BackupInfo{Format: backupFormat, Engine: h.Store.Engine(), At: h.Clock.Now()}
	list, err := h.Store.Migrations(ctx)
	if err != nil {
		return i, err
	}
	for _, m := range list {
		if !m.AppliedAt.IsZero() {
			i.Schema = max(i.Schema, m.Version)
		}
	}
	if i.Instance, err = h.Store.Meta(ctx, metaInstance); err != nil {
		return i, err
	}
	epoch, err := h.Store.Meta(ctx, "epoch")
	if err != nil {
		return i, err
	}
	if epoch != "" {
		if i.Epoch, err = strconv.ParseInt(epoch, 10, 64); err != nil {
			return i, fmt.Errorf("the epoch of the store: %w", err)
		}
	}
	if _, i.Name, err = h.Store.PlatformName(ctx); errors.Is(err, core.ErrNotFound) {
		err = nil
	}
	return i, err
}

func platform(ctx context.Context, st store.Store) (core.Tenant, error) {
	all, err := st.AllTenants(ctx)
	if err != nil {
		return core.Tenant{}, err
	}
	for _, t := range all {
		if t.Kind == core.Platform {
			return t, nil
		}
	}
	return core.Tenant{}, nil
}

// copyStore gives the store's own copy, which is sealed rows and clear names: it
// lies in a folder for this user only, of the embedded store itself where there
// is one, and has no name any more once it is whole.
func (h *House) copyStore(ctx context.Context, file string, report Report) (*os.File, error) {
	if report != nil {
		report("reading the store", 0, 0)
	}
	beside := filepath.Dir(file)
	if Embedded(h.Config) {
		beside = h.Config.DataDir
	}
	dir, err := makeScratch(beside, "backup")
	if err != nil {
		return nil, fmt.Errorf("backup: %w", err)
	}
	defer dir.Remove()
	path := filepath.Join(dir.Path, "copy")
	if err := h.Store.Backup(ctx, path); err != nil {
		return nil, err
	}
	return os.Open(path)
}

func sealInto(ctx context.Context, file string, info BackupInfo, key []byte, plain *os.File, report Report) (err error) {
	head, err := json.Marshal(info)
	if err != nil {
		return err
	}
	if len(head) > longestHeader {
		return errors.New("the header is too long")
	}
	front := append([]byte(backupMagic), binary.BigEndian.AppendUint32(nil, uint32(len(head)))...)
	front = append(front, head...)
	size, err := plain.Stat()
	if err != nil {
		return err
	}
	dir, err := makeScratch(filepath.Dir(file), "backup")
	if err != nil {
		return err
	}
	defer dir.Remove()
	half := filepath.Join(dir.Path, "sealed")
	out, err := os.OpenFile(half, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer out.Close() // closed already when all went well
	if _, err = out.Write(front); err != nil {
		return err
	}
	cipher, err := backupCipher(key)
	if err != nil {
		return err
	}
	w, err := cipher.NewEncryptingWriter(out, front)
	if err != nil {
		return err
	}
	if err = pump(ctx, w, plain, "sealing", size.Size(), report); err != nil {
		return err
	}
	if err = w.Close(); err != nil {
		return err
	}
	if err = out.Sync(); err != nil {
		return err
	}
	if err = out.Close(); err != nil {
		return err
	}
	// A link overwrites nothing, unlike a rename; not every file system has it.
	if err = os.Link(half, file); err != nil && !errors.Is(err, fs.ErrExist) {
		err = os.Rename(half, file)
	}
	if err != nil {
		return err
	}
	return syncFolder(filepath.Dir(file))
}

// pump copies and tells how far it is.
func pump(ctx context.Context, w io.Writer, r io.Reader, what string, total int64, report Report) error {
	buf := make([]byte, 1<<20)
	var done int64
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		n, err := r.Read(buf)
		if _, werr := w.Write(buf[:n]); werr != nil {
			return werr
		}
		done += int64(n)
		if report != nil {
			report(what, done, total)
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

func syncFolder(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// NoteBackup tells the store, and its audit log, of a backup that was taken.
func (h *House) NoteBackup(ctx context.Context, info BackupInfo) error {
	if err := h.Store.SetMeta(ctx, metaBackup, info.At.Format(time.RFC3339)); err != nil {
		return fmt.Errorf("the backup is whole, but the store could not note it: %w", err)
	}
	root, err := platform(ctx, h.Store)
	if err != nil || root.ID == "" {
		return err
	}
	err = h.Store.Update(ctx, root.ID, func(tx store.Tx) error {
		return tx.Append(audit.Note(audit.On(audit.BackupCompleted, access.Shell().ID(), string(root.ID), core.Client{}), "schema", strconv.FormatInt(info.Schema, 10)))
	})
	if err != nil {
		return fmt.Errorf("the backup is whole, but the store could not note it: %w", err)
	}
	return nil
}
