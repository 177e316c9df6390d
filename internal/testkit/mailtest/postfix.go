package mailtest

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"sallyport/internal/outbox"
	"sallyport/internal/testkit/need"
)

// Postfix is a private mail server. It takes mail for every address, but says
// "550 5.1.1" to unknown@… and "450 4.2.1" to later@….
type Postfix struct {
	Addr string // host:port
	CA   []byte // its self-made certificate, PEM

	dir string
}

// StartPostfix starts one. It offers STARTTLS with a certificate that nobody
// vouches for.
func StartPostfix(t testing.TB) *Postfix {
	t.Helper()
	postfix := need.Tool(t, "postfix")
	if os.Geteuid() != 0 {
		need.Missing(t, "being root, which postfix wants,")
	}
	// Not t.TempDir: the delivering process is another user and must get in.
	dir, err := os.MkdirTemp("", "postfix")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	p := &Postfix{dir: dir}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p.Addr = l.Addr().String()
	l.Close()
	p.configure(t)

	etc := filepath.Join(dir, "etc")
	// It creates the queue's folders with the owners that postfix wants.
	if out, err := exec.Command(postfix, "-c", etc, "check").CombinedOutput(); err != nil {
		t.Fatalf("postfix check: %v\n%s\n%s", err, out, p.log())
	}
	daemons, err := exec.Command(need.Tool(t, "postconf"), "-c", etc, "-h", "daemon_directory").Output()
	if err != nil {
		t.Fatal(err)
	}
	master := exec.Command(filepath.Join(strings.TrimSpace(string(daemons)), "master"), "-c", etc, "-s")
	// With -s it makes a session of its own; what it starts ends with its group.
	var said bytes.Buffer
	master.Stdout, master.Stderr = &said, &said
	if err := master.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- master.Wait() }()
	t.Cleanup(func() {
		_ = syscall.Kill(-master.Process.Pid, syscall.SIGTERM)
		select {
		case <-ended:
		case <-time.After(5 * time.Second):
			_ = syscall.Kill(-master.Process.Pid, syscall.SIGKILL)
			<-ended
		}
		if t.Failed() {
			t.Logf("postfix said:\n%s", p.log())
		}
	})
	for deadline := time.Now().Add(20 * time.Second); ; {
		conn, err := net.Dial("tcp", p.Addr)
		if err == nil {
			conn.Close()
			return p
		}
		select {
		case err := <-ended:
			ended <- err
			t.Fatalf("postfix ended: %v\n%s%s", err, said.String(), p.log())
		case <-time.After(10 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			t.Fatalf("postfix does not answer: %v\n%s", err, p.log())
		}
	}
}

func (p *Postfix) configure(t testing.TB) {
	t.Helper()
	write := func(name, text string) string {
		path := filepath.Join(p.dir, name)
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for _, d := range []string{"etc", "spool", "lib", "log", "mail"} {
		if err := os.Mkdir(filepath.Join(p.dir, d), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod(p.dir, 0o755); err != nil {
		t.Fatal(err)
	}
	const nobody = 65534
	if err := os.Chown(filepath.Join(p.dir, "mail"), nobody, nobody); err != nil {
		t.Fatal(err)
	}
	owner, err := user.Lookup("postfix")
	if err != nil {
		t.Fatal(err)
	}
	uid, err := strconv.Atoi(owner.Uid)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(filepath.Join(p.dir, "lib"), uid, -1); err != nil {
		t.Fatal(err)
	}
	cert, key := selfMade(t)
	p.CA = cert
	certFile, keyFile := write("etc/cert.pem", string(cert)), write("etc/key.pem", string(key))
	everywhere := write("etc/domains", "/./ OK\n")
	refuse := write("etc/refuse", "/^unknown@/ 550 5.1.1 User unknown\n/^later@/ 450 4.2.1 Try again later\n")
	write("etc/main.cf", fmt.Sprintf(`compatibility_level = 3.6
queue_directory = %[1]s/spool
data_directory = %[1]s/lib
maillog_file = %[1]s/log/mail.log
maillog_file_prefixes = %[1]s/log
myhostname = mail.example.org
mydestination =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
virtual_mailbox_domains = regexp:%[2]s
virtual_mailbox_base = %[1]s/mail
virtual_mailbox_maps = static:all/
virtual_uid_maps = static:65534
virtual_gid_maps = static:65534
alias_maps =
local_recipient_maps =
smtpd_recipient_restrictions = check_recipient_access regexp:%[3]s, permit
smtpd_tls_security_level = may
smtpd_tls_cert_file = %[4]s
smtpd_tls_key_file = %[5]s
smtpd_tls_received_header = yes
smtpd_peername_lookup = no
`, p.dir, everywhere, refuse, certFile, keyFile))
	// What a delivery over SMTP to a mailbox needs, nothing in a chroot.
	write("etc/master.cf", p.Addr+` inet n - n - - smtpd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
proxymap unix - - n - - proxymap
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
virtual unix - n n - - virtual
anvil unix - - n - 1 anvil
postlog unix-dgram n - n - 1 postlogd
`)
}

func (p *Postfix) log() string {
	text, _ := os.ReadFile(filepath.Join(p.dir, "log", "mail.log"))
	return string(text)
}

// URL is a mail.smtp_url that leads here; add "?tls=required" and the like.
func (p *Postfix) URL() string { return "smtp://" + p.Addr }

// Await waits until n mails to an address lie in the mailbox and returns them,
// oldest first.
func (p *Postfix) Await(t testing.TB, to string, n int) []outbox.Received {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); ; {
		got := p.Mails(t, to)
		if len(got) >= n {
			return got
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d mails to %s arrived, want %d", len(got), to, n)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// Mails are those to an address that were delivered so far.
func (p *Postfix) Mails(t testing.TB, to string) []outbox.Received {
	t.Helper()
	// Maildir: a mail is there when it is in new/, whole or not at all.
	files, err := filepath.Glob(filepath.Join(p.dir, "mail", "all", "new", "*"))
	if err != nil {
		t.Fatal(err)
	}
	var out []outbox.Received
	for _, f := range files {
		raw, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		m, err := outbox.Decode(string(raw))
		if err != nil {
			t.Fatalf("a delivered mail cannot be read: %v\n%s", err, raw)
		}
		if m.To = m.Header.Get("Delivered-To"); m.To == to {
			out = append(out, m)
		}
	}
	return out
}

func selfMade(t testing.TB) (cert, key []byte) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "mail.example.org"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := x509.MarshalECPrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: raw})
}
