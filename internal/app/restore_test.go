package app_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sallyport/internal/app"
	"sallyport/internal/config"
	"sallyport/internal/core"
	"sallyport/internal/testkit/house"
	"sallyport/internal/testkit/pgtest"
)

// what was ended, spent or made between the backup and its restoring does
// not come back to life. From each engine into each.
func TestRestoreRevivesNothing(t *testing.T) {
	for _, from := range house.Engines {
		for _, to := range house.Engines {
			t.Run(from+" to "+to, func(t *testing.T) {
				t.Parallel()
				restoreDrill(t, from, to)
			})
		}
	}
}

func restoreDrill(t *testing.T, from, to string) {
	h := house.Open(t, from)
	org := h.Organisation("Ringwerk", "self-service", "")
	p := h.Enrolled(org, "lena@example.com")
	open, ended := h.Raw("192.0.2.1"), h.Raw("192.0.2.2")
	p.Enter(open)
	h.Person(org, "emil@example.com").Enter(ended)
	if err := h.Recovery.Ask(t.Context(), p.Login, core.Client{}); err != nil {
		t.Fatal(err)
	}
	reset := h.Link(p.Login, "/reset/")
	_, invitation := h.Invite(org, "new@example.com")

	file := filepath.Join(t.TempDir(), "b")
	info, err := h.Backup(t.Context(), file, nil)
	if err != nil {
		t.Fatal(err)
	}
	if info.Engine != h.Store.Engine() || info.Name != "Test Platform" || info.Instance == "" || info.Epoch != 0 {
		t.Errorf("the header says %+v", info)
	}
	ended.Post("/sign-out")
	if ended.Inside() || !open.Inside() {
		t.Fatal("before the loss: one session is open and one ended")
	}
	// Two steps ahead of the machine's clock by now, as far as any code is ever taken.
	spent := p.Fresh()
	lastly := h.Raw("192.0.2.4")
	if a := lastly.Post(p.Attempt(lastly), "code", spent); !a.In() {
		t.Fatalf("the code was not taken: %q", a.Fault())
	}
	offset := h.Clock.Offset()

	// The machine is lost; file and master key are not.
	dir := filepath.Join(t.TempDir(), "data")
	dsn := ""
	if to == "postgres" {
		dsn = pgtest.Database(t)
	}
	c := h.Config
	c.DataDir, c.Store.DSN = dir, dsn
	b, err := app.OpenBackup(file)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	if err := b.MayRestore(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	if err := b.Restore(t.Context(), c, h.Log, nil); err != nil {
		t.Fatal(err)
	}
	if err := b.MayRestore(t.Context(), c); err == nil || !strings.Contains(err.Error(), "holds a store") {
		t.Errorf("a second time: %v", err)
	}
	again := house.OpenAt(t, dir, dsn, func(o *config.Config) { o.Encryption.KeyFile = h.Config.Encryption.KeyFile })
	again.Clock.Advance(offset)
	for name, r := range map[string]*house.Raw{"open": open, "ended": ended, "made after the backup": lastly} {
		if r.At(again).Inside() {
			t.Errorf("the session that was %s lives", name)
		}
	}
	q := p.In(again)
	r := again.Raw("192.0.2.5")
	if a := r.Post(q.Attempt(r), "code", spent); a.In() {
		t.Error("a code that was spent after the backup was taken again")
	}
	for _, path := range []string{reset, invitation} {
		if a := again.Raw("192.0.2.6").Get(path); a.Page() == "reset" || a.Page() == "invitation" {
			t.Errorf("the link %.14s… from before is still good: page %q", path, a.Page())
		}
	}
	// Nobody is locked out for it: the next codes work.
	r = again.Raw("192.0.2.7")
	again.Clock.Advance(2 * 30e9)
	if a := q.Enter(r); !a.In() {
		t.Errorf("the next code: %q", a.Fault())
	}
}

// A backup that fails leaves nothing behind, and nothing is overwritten.
func TestBackupAppearsWholeOrNotAtAll(t *testing.T) {
	h := house.Open(t, "sqlite")
	dir := t.TempDir()
	file := filepath.Join(dir, "b")
	if err := os.WriteFile(file, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := h.Backup(t.Context(), file, nil); err == nil {
		t.Error("a file was overwritten")
	}
	if b, _ := os.ReadFile(file); string(b) != "mine" {
		t.Errorf("the file is now %q", b)
	}
	if _, err := h.Backup(t.Context(), filepath.Join(dir, "nowhere", "b"), nil); err == nil {
		t.Error("a backup into no folder went well")
	}
	if left, _ := os.ReadDir(dir); len(left) != 1 {
		t.Errorf("left behind: %v", left)
	}
	if at, err := h.BackupAt(t.Context()); err != nil || !at.IsZero() {
		t.Errorf("a backup that failed is noted as one of %v (%v)", at, err)
	}
}

// What a killed backup or restore left in the data folder is a copy of the store
// in clear: the next process that takes the folder removes it.
func TestCopiesOfKilledProcessesAreRemoved(t *testing.T) {
	h, restart := house.Restartable(t, "sqlite")
	for _, name := range []string{".sallyport-backup-1", ".sallyport-restore-2"} {
		if err := os.MkdirAll(filepath.Join(h.Config.DataDir, name), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(h.Config.DataDir, name, "copy"), []byte("names"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	h = restart()
	left, err := filepath.Glob(filepath.Join(h.Config.DataDir, ".sallyport-*"))
	if err != nil || len(left) > 0 {
		t.Errorf("left: %v (%v)", left, err)
	}
}
