package config

import (
	"crypto/tls"
	"errors"
	"net"
	"net/mail"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"golang.org/x/net/idna"

	"sallyport/internal/i18n"
)

// Floors of the password hash (decided for the product, RFC 9106 and the usual
// advice behind it) and ceilings that keep a typing mistake from taking all
// memory.
const (
	leastMemoryKiB = 19456
	leastTime      = 2
	mostMemoryKiB  = 1 << 20
	mostTime       = 16
	mostLanes      = 16
	mostWorkers    = 256
)

// derive fills what follows from other keys and brings paths and addresses
// into one form.
func (c *Config) derive() {
	c.PublicURL = strings.TrimRight(c.PublicURL, "/")
	if c.DataDir != "" {
		c.DataDir = filepath.Clean(c.DataDir)
	}
	if c.Encryption.KeyFile == "" && c.DataDir != "" {
		dir := c.DataDir
		// "." and ".." have no name to put .key behind.
		if base := filepath.Base(dir); base == "." || base == ".." {
			if abs, err := filepath.Abs(dir); err == nil {
				dir = abs
			}
		}
		c.Encryption.KeyFile = dir + ".key"
	}
}

// ListensOnLoopback reports whether only this machine can reach the main
// listener.
func (c Config) ListensOnLoopback() bool {
	host, _, err := splitListen(c.Listen)
	return err == nil && isLoopback(host)
}

// OwnTLS reports whether the main listener speaks TLS itself.
func (c Config) OwnTLS() bool { return c.TLS.CertFile != "" && c.TLS.KeyFile != "" }

// Secure reports whether people reach us over HTTPS; cookies depend on it.
func (c Config) Secure() bool { return strings.HasPrefix(c.PublicURL, "https://") }

// BaseURL is the public address without a slash at its end. bound is where the
// main listener really is, for when nothing was configured.
func (c Config) BaseURL(bound net.Addr) string {
	if c.PublicURL != "" {
		return c.PublicURL
	}
	scheme := "http"
	if c.OwnTLS() {
		scheme = "https"
	}
	_, port, err := net.SplitHostPort(bound.String())
	if err != nil {
		return scheme + "://localhost"
	}
	return scheme + "://localhost:" + port
}

// Check finds everything that is wrong with the values, whatever the verb. The
// error is Problems.
func (c Config) Check() error {
	var p Problems
	c.checkListeners(&p)
	c.checkPublicURL(&p)
	c.checkTLS(&p)
	c.checkStore(&p)
	c.checkMail(&p)
	c.checkNumbers(&p)
	return p.orNil()
}

// CheckServe adds what `serve` asks for: people must be able to reach it over
// HTTPS unless it can only be reached from this machine.
func (c Config) CheckServe() error {
	var p Problems
	if err := c.Check(); err != nil {
		p = err.(Problems)
	}
	if _, _, err := splitListen(c.Listen); err != nil || c.ListensOnLoopback() {
		return p.orNil() // who can reach it is not known before it can be read
	}
	switch {
	case c.PublicURL == "":
		p.add("public_url", "must be set to the https:// address people use, because listen (%s) can be reached from other machines; or set listen to 127.0.0.1:8080", c.Listen)
	case !c.Secure():
		p.add("public_url", "must begin with https://, because listen (%s) can be reached from other machines", c.Listen)
	}
	if !c.OwnTLS() && len(c.TrustedProxies) == 0 {
		p.add("tls.cert_file", "set tls.cert_file and tls.key_file, or list the proxy that speaks HTTPS in trusted_proxies")
	}
	return p.orNil()
}

func (c Config) checkListeners(p *Problems) {
	_, port, err := splitListen(c.Listen)
	if err != nil {
		p.add("listen", "%q %v", c.Listen, err)
	}
	if c.ListenOps == "" {
		return
	}
	_, opsPort, opsErr := splitListen(c.ListenOps)
	if opsErr != nil {
		p.add("listen_ops", "%q %v", c.ListenOps, opsErr)
	}
	if err == nil && opsErr == nil && c.Listen == c.ListenOps && port != 0 && opsPort != 0 {
		p.add("listen_ops", "is the same as listen; the ops listener needs a port of its own")
	}
}

func (c Config) checkPublicURL(p *Problems) {
	if c.PublicURL == "" {
		return
	}
	u, err := url.Parse(c.PublicURL)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Hostname() == "" {
		p.add("public_url", "%q is not an address such as https://login.example.com", c.PublicURL)
		return
	}
	if u.User != nil || u.Path != "" || u.RawQuery != "" || u.Fragment != "" || strings.HasSuffix(c.PublicURL, "#") || strings.HasSuffix(c.PublicURL, "?") {
		p.add("public_url", "must be scheme and host only, such as %s://%s", u.Scheme, u.Host)
	}
	if name := u.Hostname(); !strings.Contains(name, ":") {
		// Browsers send the ASCII form of a name, without a dot at its end.
		if ascii, err := idna.Lookup.ToASCII(name); err != nil || strings.HasSuffix(name, ".") {
			p.add("public_url", "%q is not the name of a host", name)
		} else if !strings.EqualFold(ascii, name) {
			p.add("public_url", "must have the name of the host as browsers send it: %s", ascii)
		}
	}
	if port := u.Port(); port != "" {
		if n, err := strconv.Atoi(port); err != nil || n < 1 || n > 65535 {
			p.add("public_url", "has a port that is not between 1 and 65535")
		}
	}
	if u.Scheme == "http" && !isLoopback(u.Hostname()) {
		p.add("public_url", "must begin with https://; http is for localhost only, because cookies would travel unprotected")
	}
	if u.Scheme == "http" && c.OwnTLS() {
		p.add("public_url", "begins with http:// but tls.cert_file is set; write https://")
	}
}

func (c Config) checkTLS(p *Problems) {
	switch {
	case c.TLS.CertFile == "" && c.TLS.KeyFile == "":
	case c.TLS.CertFile == "":
		p.add("tls.cert_file", "must be set too when tls.key_file is")
	case c.TLS.KeyFile == "":
		p.add("tls.key_file", "must be set too when tls.cert_file is")
	default:
		if _, err := tls.LoadX509KeyPair(c.TLS.CertFile, c.TLS.KeyFile); err != nil {
			p.add("tls.cert_file", "cannot be used with tls.key_file: %v", err)
		}
	}
}

func (c Config) checkStore(p *Problems) {
	if c.DataDir == "" {
		p.add("data_dir", "must name a folder")
	}
	if dsn := c.Store.DSN; dsn != "" && !strings.HasPrefix(dsn, "postgres://") && !strings.HasPrefix(dsn, "postgresql://") {
		p.add("store.dsn", "must begin with postgres://, or be empty for the embedded store")
	} else if dsn != "" {
		// Read as the store will read it. The parser's own words may quote the password.
		if _, err := pgx.ParseConfig(dsn); err != nil {
			p.add("store.dsn", "cannot be read: %s", dsnTrouble(dsn))
		}
	}
	if c.DataDir == "" || c.Encryption.KeyFile == "" {
		return
	}
	if inside(c.DataDir, c.Encryption.KeyFile) {
		p.add("encryption.key_file", "%s lies inside data_dir; put it elsewhere, or a copy of the folder opens every secret in it", c.Encryption.KeyFile)
	}
	if info, err := os.Stat(c.Encryption.KeyFile); err == nil && info.IsDir() {
		p.add("encryption.key_file", "%s is a folder; name a file", c.Encryption.KeyFile)
	}
}

// dsnTrouble says what is wrong with a DSN and quotes nothing of it.
func dsnTrouble(dsn string) string {
	_, err := url.Parse(dsn)
	var escape url.EscapeError
	switch {
	case errors.As(err, &escape):
		return "a % is not followed by two hexadecimal digits; in a password write % as %25"
	case err != nil && strings.Contains(err.Error(), "invalid port"):
		return "the port is not a number; in a password write : as %3A, / as %2F and @ as %40"
	case err != nil:
		return "it does not look like postgres://user:password@host/database"
	}
	return "a port, or an option behind the ? such as sslmode, has a value that is not known"
}

// inside compares whole paths, with the links of what exists resolved: a link
// into the folder is inside it.
func inside(dir, file string) bool {
	dir, file = resolved(dir), resolved(file)
	rel, err := filepath.Rel(dir, file)
	return err == nil && rel != ".." && !strings.HasPrefix(rel, ".."+string(filepath.Separator))
}

func resolved(path string) string {
	abs, err := filepath.Abs(path)
	if err != nil {
		return filepath.Clean(path)
	}
	var rest []string
	for at := abs; ; at = filepath.Dir(at) {
		if real, err := filepath.EvalSymlinks(at); err == nil {
			slices.Reverse(rest)
			return filepath.Join(append([]string{real}, rest...)...)
		}
		if at == filepath.Dir(at) {
			return abs
		}
		rest = append(rest, filepath.Base(at))
	}
}

func (c Config) checkMail(p *Problems) {
	if c.Mail.From != "" {
		if _, err := mail.ParseAddress(c.Mail.From); err != nil {
			p.add("mail.from", "%q is not an address such as no-reply@example.com or Sign-in <no-reply@example.com>", c.Mail.From)
		}
	}
	if c.Mail.SMTPURL != "" {
		if _, err := ParseSMTP(c.Mail.SMTPURL); err != nil {
			p.add("mail.smtp_url", "%v", err)
		}
		if c.Mail.From == "" {
			p.add("mail.from", "must be set when mail.smtp_url is; it is the sender of every mail")
		}
	}
}

func (c Config) checkNumbers(p *Problems) {
	between := func(key string, n, least, most int) {
		if n < least || n > most {
			p.add(key, "%d is not between %d and %d", n, least, most)
		}
	}
	span := func(key string, d, least, most time.Duration) {
		if d < least || d > most {
			p.add(key, "%v is not between %v and %v", d, least, most)
		}
	}
	memory, passes := leastMemoryKiB, leastTime
	if c.Hash.InsecureFast {
		memory, passes = 8*max(1, c.Hash.Parallelism), 1
	}
	between("hash.workers", c.Hash.Workers, 0, mostWorkers)
	between("hash.memory_kib", c.Hash.MemoryKiB, memory, mostMemoryKiB)
	between("hash.time", c.Hash.Time, passes, mostTime)
	between("hash.parallelism", c.Hash.Parallelism, 1, mostLanes)
	between("mail.per_address_hour", c.Mail.PerAddressHour, 1, 1000)
	between("ratelimit.failures_per_source", c.RateLimit.FailuresPerSource, 1, 1_000_000)
	between("ratelimit.api_requests", c.RateLimit.APIRequests, 1, 1_000_000)
	span("ratelimit.window", c.RateLimit.Window, time.Second, 24*time.Hour)
	span("shutdown_timeout", c.ShutdownTimeout, 0, 10*time.Minute)
	span("backup.max_age", c.Backup.MaxAge, 0, 10*365*24*time.Hour)

	if !i18n.Known(c.Locale.Default) {
		p.add("locale.default", "%q is not one of %s", c.Locale.Default, strings.Join(languages(), ", "))
	}
	if !slices.Contains([]string{"debug", "info", "warn", "error"}, c.Log.Level) {
		p.add("log.level", "%q is not one of debug, info, warn, error", c.Log.Level)
	}
	if !slices.Contains([]string{"json", "text"}, c.Log.Format) {
		p.add("log.format", "%q is not json or text", c.Log.Format)
	}
}

func languages() []string {
	var out []string
	for _, l := range i18n.Languages() {
		out = append(out, l.Tag)
	}
	return out
}
