package app_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/app"
	"sallyport/internal/config"
	"sallyport/internal/core"
	"sallyport/internal/directory"
	"sallyport/internal/store"
	"sallyport/internal/testkit/house"
)

// diagnose runs one check and returns what it found.
func diagnose(t *testing.T, h *house.House, check string) string {
	t.Helper()
	var out []string
	ran := 0
	err := h.Doctor(t.Context(), []string{check}, nil, func(d app.Diagnosis) error {
		ran++
		if d.Name != check || d.OK != (len(d.Findings) == 0) {
			t.Errorf("%+v", d)
		}
		out = append(out, d.Findings...)
		return nil
	})
	if err != nil || ran != 1 {
		t.Fatalf("%s ran %d times: %v", check, ran, err)
	}
	return strings.Join(out, "\n")
}

func want(t *testing.T, got string, pieces ...string) {
	t.Helper()
	if len(pieces) == 0 && got != "" {
		t.Errorf("found beside the point: %s", got)
	}
	for _, p := range pieces {
		if !strings.Contains(got, p) {
			t.Errorf("not found: %q in %q", p, got)
		}
	}
}

// Decision 7.6: everybody who must sign in has an exit, or the doctor says who
// has none.
func TestDoctorFindsWhoIsStuck(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		org := h.Organisation("Ringwerk", "self-service", "")
		admin := h.Enrolled(org, "admin@example.com", core.CustomerAdmin)
		lena := h.Enrolled(org, "lena@example.com")
		late, _ := h.Invite(org, "late@example.com")
		die := func(p *house.Person, codes bool) {
			h.Change(p.Tenant, func(tx store.Tx) error {
				for _, f := range p.Factors() {
					if f.Kind == core.FactorRecoveryCode && !codes {
						continue
					}
					f.Budget.Consecutive = core.DeadAt
					if err := tx.UpdateFactor(f); err != nil {
						return err
					}
				}
				return nil
			})
		}
		want(t, diagnose(t, h, "stuck"))
		die(lena, false) // the recovery code is left
		want(t, diagnose(t, h, "stuck"))
		die(lena, true) // the administrator can reset it
		want(t, diagnose(t, h, "stuck"))
		h.Change(org.ID, func(tx store.Tx) error { _, err := tx.SupersedeTokens(late.ID, core.TokenInvitation); return err })
		want(t, diagnose(t, h, "stuck"))
		die(admin, true) // who could help cannot sign in; the admin's own exit is the admin link
		got := diagnose(t, h, "stuck")
		want(t, got, "lena@example.com", "the second factor is dead", "late@example.com", "the invitation is over")
		if strings.Contains(got, "admin@example.com") {
			t.Errorf("the admin link was not counted: %s", got)
		}
		// Somebody whose own role was made here may reset, and so may not who lost theirs.
		role, err := h.Directory.MakeRole(t.Context(), directory.NewRole{Tenant: org.ID, Base: core.Helpdesk, Name: "Second line", Rights: []string{"people.view", "people.reset_mfa"}}, access.System(), core.Client{})
		must(t, err)
		nora := h.Enrolled(org, "nora@example.com")
		must(t, h.Directory.GrantRole(t.Context(), nora.ID, role.ID, org.ID, access.System(), core.Client{}))
		if got := diagnose(t, h, "stuck"); strings.Contains(got, "lena@example.com") || !strings.Contains(got, "late@example.com") {
			t.Errorf("with a custom role that may reset, and not invite: %s", got)
		}
		die(nora, true)
		want(t, diagnose(t, h, "stuck"), "lena@example.com", "nora@example.com", "late@example.com")
		// The first line helps plain people, and nobody who holds a right.
		h.Enrolled(org, "hana@example.com", core.Helpdesk)
		if got := diagnose(t, h, "stuck"); !strings.Contains(got, "nora@example.com") || strings.Contains(got, "lena@example.com") || strings.Contains(got, "late@example.com") {
			t.Errorf("with a first line: %s", got)
		}
		// Where a second factor is required and none is offered that works here.
		bare, _ := h.Invite(org, "bare@example.com")
		h.Change(org.ID, func(tx store.Tx) error {
			at, err := tx.Tenant()
			if err != nil {
				return err
			}
			at.Settings = core.SettingsDoc(`{"requirement":["organization"],"factors":["passkey"]}`) // written by another release
			if err := tx.UpdateTenant(at); err != nil {
				return err
			}
			u, err := tx.User(bare.ID)
			if err != nil {
				return err
			}
			u.State = core.UserValidated
			return tx.UpdateUser(u)
		})
		want(t, diagnose(t, h, "stuck"), "bare@example.com", "none can be set up here")
	})
}

func TestDoctorChecksBackupMailAndHash(t *testing.T) {
	h := house.Open(t, "sqlite")
	want(t, diagnose(t, h, "hash"), "hash.insecure_fast is on")
	want(t, diagnose(t, h, "mail"))
	want(t, diagnose(t, h, "backup")) // the store is young
	h.Clock.Advance(24 * time.Hour)
	if err := h.Doctor(t.Context(), []string{"backup"}, nil, func(d app.Diagnosis) error {
		if !d.OK || d.Detail != "never, and the store is 1 day old" {
			t.Errorf("a young store without a backup: %+v", d)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	h.Clock.Advance(2 * 24 * time.Hour)
	want(t, diagnose(t, h, "backup"), "there was never one, and the store is 3 days old")
	if _, err := h.Backup(t.Context(), filepath.Join(t.TempDir(), "b"), nil); err != nil {
		t.Fatal(err)
	}
	want(t, diagnose(t, h, "backup"))
	h.Clock.Advance(3 * 24 * time.Hour)
	want(t, diagnose(t, h, "backup"), "the last one is 72h0m0s old")
	for _, check := range []string{"store", "migrations", "keys", "clock"} {
		want(t, diagnose(t, h, check))
	}
	h.House.Config.Encryption.KeyFile += ".gone"
	want(t, diagnose(t, h, "keys"), "does not exist")
	// Nobody configured a mail server.
	sender := h.House.Sender
	h.House.Sender = nil
	want(t, diagnose(t, h, "mail"))
	h.House.Config.PublicURL = "https://login.example.com"
	want(t, diagnose(t, h, "mail"), "people reach this server at https://login.example.com, and no mail server is configured")
	h.House.Config.PublicURL = ""
	h.Change(h.Root.ID, func(tx store.Tx) error {
		return tx.QueueMail(core.Mail{ID: "ml_waits", Tenant: h.Root.ID, Kind: core.MailReset, State: core.MailQueued, NextAt: tx.Now().Add(time.Hour), ExpiresAt: tx.Now().Add(time.Hour)})
	})
	want(t, diagnose(t, h, "mail"), "1 mail waits, and no mail server is configured")
	h.House.Sender = sender
	// The mail server goes away.
	if err := h.Inbox.Close(); err != nil {
		t.Fatal(err)
	}
	want(t, diagnose(t, h, "mail"), "127.0.0.1:", "connect")
}

func TestDoctorChecksAddressAndCertificate(t *testing.T) {
	h := house.Open(t, "sqlite")
	want(t, diagnose(t, h, "url"))
	c := &h.House.Config
	set := func(name string, from, until time.Duration) {
		c.TLS.CertFile, c.TLS.KeyFile = certificate(t, name, from, until)
		c.PublicURL = "https://login.example.com"
		h.House.URL = c.PublicURL
	}
	set("login.example.com", -time.Hour, 90*24*time.Hour)
	want(t, diagnose(t, h, "url"))
	set("login.example.com", -time.Hour, 3*24*time.Hour)
	want(t, diagnose(t, h, "url"), "the certificate ends on")
	set("login.example.com", -2*time.Hour, -time.Hour)
	want(t, diagnose(t, h, "url"), "the certificate ended on")
	set("login.example.com", time.Hour, 90*24*time.Hour)
	want(t, diagnose(t, h, "url"), "the certificate begins on")
	set("other.example.com", -time.Hour, 90*24*time.Hour)
	want(t, diagnose(t, h, "url"), "not for login.example.com")
	c.TLS, c.TrustedProxies = config.TLS{}, nil
	want(t, diagnose(t, h, "url"), "neither tls.cert_file nor trusted_proxies is set")
	c.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0")}
	want(t, diagnose(t, h, "url"), "trusted_proxies has 0.0.0.0/0")
	c.Hash.Time = 0
	want(t, diagnose(t, h, "config"), "hash.time")
}

// certificate writes one that signs itself.
func certificate(t *testing.T, name string, from, until time.Duration) (cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name},
		NotBefore: time.Now().Add(from), NotAfter: time.Now().Add(until)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	for file, block := range map[string]*pem.Block{cert: {Type: "CERTIFICATE", Bytes: der}, key: {Type: "PRIVATE KEY", Bytes: secret}} {
		if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return cert, key
}

// An administrator who came last from outside the networks of their organisation is
// found, and nobody is where none are set or all come from within.
func TestDoctorFindsAdministratorsOutside(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		org := h.Organisation("Fenced", "self-service", "")
		admin := h.Enrolled(org, "ina@fenced.example", core.CustomerAdmin)
		h.Person(org, "plain@fenced.example")
		r := h.Raw("203.0.113.5")
		admin.Enter(r)
		want(t, diagnose(t, h, "networks"))
		h.Settings(org.ID, `{"login_networks":["203.0.113.0/24"]}`)
		h.Settle()
		want(t, diagnose(t, h, "networks"))
		h.Settings(org.ID, `{"login_networks":["198.51.100.0/24"]}`)
		h.Settle()
		want(t, diagnose(t, h, "networks"), "ina@fenced.example", "outside the networks of Fenced")
	})
}
