package e2e

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	"math/big"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sallyport/internal/testkit/program"
)

// TestServeOverItsOwnCertificate: with certificate files and no proxy, the pages
// come over TLS alone, with a cookie that no other way is given.
func TestServeOverItsOwnCertificate(t *testing.T) {
	dir := t.TempDir()
	cert, key := certificate(t, dir)
	_, port, _ := strings.Cut(program.FreeAddr(t), ":")
	addr, base := "127.0.0.1:"+port, "https://localhost:"+port
	s := &site{t: t, dir: dir, env: []string{"SALLYPORT_LISTEN=" + addr, "SALLYPORT_LISTEN_OPS=" + program.FreeAddr(t), "SALLYPORT_PUBLIC_URL=" + base, "SALLYPORT_TLS_CERT_FILE=" + filepath.Join(dir, "cert.pem"), "SALLYPORT_TLS_KEY_FILE=" + key}}
	s.run("", "init", "--yes")
	s.run("", "tenant", "create", "--name", "Ringwerk", "--preset", "self-service")
	s.account("tls@example.com", "Ringwerk")
	p := program.Start(t, s.options(), "serve", "--json", "--data", filepath.Join(dir, "data"))
	p.AwaitReady(t, 0)
	if p.URL != base {
		t.Errorf("it says that it answers at %s", p.URL)
	}
	trusted := x509.NewCertPool()
	trusted.AddCert(cert)
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: trusted}},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.PostForm(base+"/sign-in", url.Values{"login": {"tls@example.com"}, "password": {phrase}})
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusSeeOther || resp.Header.Get("Location") != "/account/" || !strings.HasPrefix(resp.Header.Get("Strict-Transport-Security"), "max-age=") {
		t.Errorf("sign-in over TLS: status %d to %q, HSTS %q", resp.StatusCode, resp.Header.Get("Location"), resp.Header.Get("Strict-Transport-Security"))
	}
	var session *http.Cookie
	for _, c := range resp.Cookies() {
		if !strings.HasPrefix(c.Name, "__Host-") || !c.Secure || !c.HttpOnly {
			t.Errorf("the cookie %s", c)
		}
		if c.Name == "__Host-sallyport" {
			session = c
		}
	}
	if session == nil {
		t.Fatal("no session")
	}
	req, err := http.NewRequest(http.MethodGet, base+"/account/", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.AddCookie(session)
	if resp, err = client.Do(req); err != nil {
		t.Fatal(err)
	}
	body, _ := io.ReadAll(resp.Body)
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusOK || !strings.Contains(string(body), `data-page="account"`) {
		t.Errorf("the account over TLS: status %d", resp.StatusCode)
	}
	// In the clear nothing is answered but that this is the wrong way.
	if resp, err := client.Get("http://" + addr + "/sign-in"); err == nil {
		_ = resp.Body.Close()
		if resp.StatusCode != http.StatusBadRequest || len(resp.Cookies()) > 0 {
			t.Errorf("in the clear: status %d", resp.StatusCode)
		}
	}
	old := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: trusted, MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}}}
	if resp, err := old.Get(base + "/sign-in"); err == nil {
		_ = resp.Body.Close()
		t.Error("TLS 1.1 is spoken")
	}
	if _, errs, code := program.Run(t, s.options(), "", "healthcheck"); code != 0 {
		t.Errorf("healthcheck: exit %d: %s", code, errs)
	}
}

// certificate writes a certificate for localhost that signs itself.
func certificate(t *testing.T, dir string) (cert *x509.Certificate, keyFile string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{"localhost"}, NotBefore: time.Now().Add(-time.Hour),
		NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	if cert, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	keyFile = filepath.Join(dir, "key.pem")
	for file, block := range map[string]*pem.Block{filepath.Join(dir, "cert.pem"): {Type: "CERTIFICATE", Bytes: der}, keyFile: {Type: "PRIVATE KEY", Bytes: secret}} {
		if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return cert, keyFile
}
