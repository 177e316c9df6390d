package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sallyport/internal/testkit/need"
	"sallyport/internal/testkit/program"
)

// disk is a disk of the test's own that can fail as real ones do: a file behind a
// loop device with ext4 on it. A remount to read-only would be refused while the
// server has files open; an error of the file system is not.
type disk struct {
	t      testing.TB
	device string
	dir    string
}

func newDisk(t testing.TB) *disk {
	t.Helper()
	if os.Geteuid() != 0 {
		need.Missing(t, "root, to make a disk")
	}
	if _, err := os.Stat("/dev/loop-control"); err != nil {
		need.Missing(t, "the loop device")
	}
	work := t.TempDir()
	image := filepath.Join(work, "image")
	d := &disk{t: t, dir: filepath.Join(work, "disk")}
	if err := os.Mkdir(d.dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(image, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(image, 64<<20); err != nil {
		t.Fatal(err)
	}
	d.tool("mkfs.ext4", "-q", image)
	d.device = d.tool("losetup", "--find", "--show", image)
	t.Cleanup(func() { d.tool("losetup", "--detach", d.device) })
	d.mount()
	t.Cleanup(d.unmount)
	return d
}

func (d *disk) mount() {
	d.t.Helper()
	mount(d.t, "-t", "ext4", "-o", "errors=remount-ro", d.device, d.dir)
}

func (d *disk) unmount() {
	d.t.Helper()
	d.tool("umount", d.dir)
}

// fail has the file system meet an error, at which the kernel makes it read-only
// under everybody's hands.
func (d *disk) fail() {
	d.t.Helper()
	if err := os.WriteFile("/sys/fs/ext4/"+filepath.Base(d.device)+"/trigger_fs_error", []byte("1"), 0); err != nil {
		need.Missing(d.t, "a kernel that can make an error of ext4: "+err.Error())
	}
}

// freeze makes files unchangeable, for those too who have them open; the undo.
func (d *disk) freeze(files ...string) (thaw func()) {
	d.t.Helper()
	for i, f := range files {
		files[i] = filepath.Join(d.dir, f)
	}
	d.tool("chattr", append([]string{"+i"}, files...)...)
	return func() { d.tool("chattr", append([]string{"-i"}, files...)...) }
}

func (d *disk) tool(name string, args ...string) string {
	d.t.Helper()
	out, err := exec.Command(need.Tool(d.t, name), args...).CombinedOutput()
	if err != nil {
		d.t.Errorf("%s %s: %v: %s", name, strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(string(out))
}

// TestDiskTurnsReadOnlyUnderTheServer: it refuses clearly and says so on /readyz,
// goes on answering what needs no writing, and has lost nothing. Files that may be
// written again are written again, with nobody's help; a disk that failed is
// mounted anew and the server started on it.
func TestDiskTurnsReadOnlyUnderTheServer(t *testing.T) {
	d := newDisk(t)
	s := &site{t: t, dir: d.dir}
	s.run("", "init", "--yes")
	p := s.serve()
	s.run("", "tenant", "create", "--name", "Ringwerk", "--preset", "self-service")
	s.account("disk@example.com", "Ringwerk")
	v := newVisit(t, p)
	v.submit(v.get("/sign-in", "sign-in"), "account", "login", "disk@example.com", "password", phrase)

	refuses := func() {
		t.Helper()
		w := newVisit(t, p)
		page, err := w.Submit(w.get("/sign-in", "sign-in"), "login", "disk@example.com", "password", phrase)
		if err != nil || page.Status != 503 || page.Fault != "unavailable" {
			t.Errorf("status %d, page %q, fault %q, %v", page.Status, page.Name, page.Fault, err)
		}
		if status, body := fetch(t, p.Ops+"/readyz"); status != 503 || !strings.Contains(body, `"name":"store","ok":false`) {
			t.Errorf("readyz: %d %s", status, body)
		}
		if status, _ := fetch(t, p.Ops+"/livez"); status != 200 {
			t.Errorf("livez: %d", status)
		}
		v.get("/account/", "account")
	}
	thaw := d.freeze("data/sallyport.db", "data/sallyport.db-wal")
	refuses()
	thaw()
	awaitReady(t, p)
	w := newVisit(t, p)
	w.submit(w.get("/sign-in", "sign-in"), "account", "login", "disk@example.com", "password", phrase)

	d.fail()
	refuses()
	if code := p.Stop(t); code != 0 {
		t.Errorf("asked to end, it ended with %d", code)
	}
	d.unmount()
	d.mount()
	p = s.serve()
	awaitReady(t, p)
	for _, old := range []*visit{v, w} { // nothing was lost
		old.Move(p.URL)
		old.get("/account/", "account")
	}
	w = newVisit(t, p)
	w.submit(w.get("/sign-in", "sign-in"), "account", "login", "disk@example.com", "password", phrase)
	s.run("", "audit", "verify")
}

// awaitReady waits until /readyz says yes.
func awaitReady(t testing.TB, p *program.Process) {
	t.Helper()
	until := time.Now().Add(20 * time.Second)
	for {
		status, body := fetch(t, p.Ops+"/readyz")
		if status == 200 {
			return
		}
		if time.Now().After(until) {
			t.Fatalf("not ready again: %s", body)
		}
		time.Sleep(50 * time.Millisecond)
	}
}
