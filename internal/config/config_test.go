package config

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func write(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func load(t *testing.T, from Source) (Config, map[string]string, []Warning) {
	t.Helper()
	c, origins, warnings, err := Load(from)
	if err != nil {
		t.Fatalf("load: %v", err)
	}
	at := map[string]string{}
	for _, o := range origins {
		at[o.Key] = o.From
	}
	return c, at, warnings
}

func TestDefaultsPassTheirOwnCheck(t *testing.T) {
	c, from, warnings := load(t, Source{})
	if err := c.CheckServe(); err != nil {
		t.Fatal(err)
	}
	if c.Listen != "127.0.0.1:8080" || c.ListenOps != "127.0.0.1:8090" || c.Hash.MemoryKiB != 19456 || c.RateLimit.Window != 15*time.Minute ||
		c.Mail.PerAddressHour != 10 || !c.Metrics.Enabled || c.AutoMigrate || c.Backup.MaxAge != 48*time.Hour {
		t.Errorf("defaults: %+v", c)
	}
	if c.Encryption.KeyFile != "data.key" {
		t.Errorf("the key lies at %q", c.Encryption.KeyFile)
	}
	if len(from) != len(Fields()) || from["listen"] != "default" || len(warnings) != 0 {
		t.Errorf("origins %v, warnings %v", from, warnings)
	}
}

func TestEveryFieldIsDocumentedOnce(t *testing.T) {
	seen := map[string]bool{}
	for _, f := range Fields() {
		if f.Doc == "" || !strings.HasSuffix(f.Doc, ".") {
			t.Errorf("%s has no sentence of documentation", f.Key)
		}
		if seen[f.Key] || seen[f.Env] {
			t.Errorf("%s stands twice", f.Key)
		}
		seen[f.Key], seen[f.Env] = true, true
	}
}

func TestFlagsBeatEnvironmentBeatsFileBeatsDefault(t *testing.T) {
	file := write(t, "s.yaml", "listen: 127.0.0.1:1\ndata_dir: /srv/file\nlog.level: warn\nmail:\n  from: a@example.com\n")
	c, from, _ := load(t, Source{
		File:    file,
		Environ: []string{"SALLYPORT_LISTEN=127.0.0.1:2", "SALLYPORT_DATA_DIR=/srv/env", "SALLYPORT_LOCALE_DEFAULT=", "HOME=/root"},
		Flags:   map[string]string{"listen": "127.0.0.1:3"},
	})
	for _, row := range []struct{ key, got, want, from string }{
		{"listen", c.Listen, "127.0.0.1:3", "flag --listen"},
		{"data_dir", c.DataDir, "/srv/env", "environment SALLYPORT_DATA_DIR"},
		{"log.level", c.Log.Level, "warn", "file " + file},
		{"mail.from", c.Mail.From, "a@example.com", "file " + file},
		{"locale.default", c.Locale.Default, "en", "default"}, // an empty variable is not set
	} {
		if row.got != row.want || from[row.key] != row.from {
			t.Errorf("%s is %q from %q, want %q from %q", row.key, row.got, from[row.key], row.want, row.from)
		}
	}
	if c.Encryption.KeyFile != "/srv/env.key" {
		t.Errorf("the key lies at %q", c.Encryption.KeyFile)
	}
}

func TestFileFromTheEnvironmentAndDefaultFile(t *testing.T) {
	named, usual := write(t, "named.yaml", "log: {format: text}"), write(t, "usual.yaml", "log: {format: json}\nlog.level: debug")
	c, _, _ := load(t, Source{Environ: []string{"SALLYPORT_CONFIG=" + named}, DefaultFile: usual})
	if c.Log.Format != "text" || c.Log.Level != "info" {
		t.Errorf("%+v", c.Log)
	}
	c, _, _ = load(t, Source{DefaultFile: usual})
	if c.Log.Level != "debug" {
		t.Errorf("%+v", c.Log)
	}
	load(t, Source{DefaultFile: usual + ".not-there"})
	if _, _, _, err := Load(Source{File: usual + ".not-there"}); err == nil {
		t.Error("a named file that is missing was ignored")
	}
}

func TestSecretsFromFiles(t *testing.T) {
	secret := write(t, "dsn", "postgres://u:hunter2@db/sallyport\n")
	c, from, _ := load(t, Source{Environ: []string{"SALLYPORT_STORE_DSN_FILE=" + secret}})
	if c.Store.DSN != "postgres://u:hunter2@db/sallyport" || !strings.Contains(from["store.dsn"], secret) {
		t.Errorf("%q from %q", c.Store.DSN, from["store.dsn"])
	}
	c, _, _ = load(t, Source{File: write(t, "s.yaml", "store:\n  dsn_file: "+secret)})
	if c.Store.DSN == "" {
		t.Error("store.dsn_file in the file was ignored")
	}
	for name, environ := range map[string][]string{
		"both":    {"SALLYPORT_STORE_DSN=postgres://x", "SALLYPORT_STORE_DSN_FILE=" + secret},
		"missing": {"SALLYPORT_STORE_DSN_FILE=" + secret + ".no"},
		"empty":   {"SALLYPORT_STORE_DSN_FILE=" + write(t, "empty", "\n")},
		"folder":  {"SALLYPORT_STORE_DSN_FILE=" + t.TempDir()},
	} {
		if _, _, _, err := Load(Source{Environ: environ}); err == nil || !strings.Contains(err.Error(), "store.dsn") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestUnknownFileKeyIsAnErrorWithAHint(t *testing.T) {
	for text, hint := range map[string]string{
		"lisen: 127.0.0.1:1":                    "did you mean listen?",
		"mail:\n  smpt_url: x":                  "line 2; did you mean mail.smtp_url?",
		"smtp_url: x":                           "did you mean mail.smtp_url?",
		"hash:\n  memory: 20000":                "unknown key",
		"tls: {certfile: a}":                    "did you mean tls.cert_file?",
		"lockout: {limit: 3}":                   "unknown key",
		"mail: 5":                               "is a section",
		"locale: de":                            "its keys are locale.default",
		"listen: 127.0.0.1:1\n---\nlisen: 3":    "more than one document",
		"- listen":                              "must hold keys",
		"listen: [":                             "not valid YAML",
		"listen: a\nlisten: b":                  "listen: stands twice in",
		"mail:\n  from: a\n  from: b":           "in line 2 and in line 3; keep one",
		"mail.from: a@b.c\nmail: {from: a@b.c}": "stands twice",
		"? [a, b]\n: c":                         "YAML",
	} {
		_, _, _, err := Load(Source{File: write(t, "s.yaml", text)})
		var p Problems
		if !errors.As(err, &p) || !strings.Contains(err.Error(), hint) {
			t.Errorf("%q: %v, want %q", text, err, hint)
		}
	}
}

func TestUnknownEnvironmentNameIsAWarning(t *testing.T) {
	// Kubernetes puts these beside a service called sallyport.
	_, _, warnings := load(t, Source{Environ: []string{"SALLYPORT_SERVICE_HOST=10.0.0.1", "SALLYPORT_PORT=tcp://10.0.0.1:80", "SALLYPORT_LISTN=x", "OTHER=1"}})
	if len(warnings) != 3 {
		t.Fatalf("%v", warnings)
	}
	if !strings.Contains(warnings[0].Text, "SALLYPORT_LISTEN?") {
		t.Errorf("%+v", warnings[0])
	}
}

func TestFileWithSecretsThatOthersReadIsAWarning(t *testing.T) {
	file := write(t, "s.yaml", "mail: {smtp_url: 'smtp://u:p@mail.example.com', from: a@example.com}")
	if err := os.Chmod(file, 0o644); err != nil {
		t.Fatal(err)
	}
	_, _, warnings := load(t, Source{File: file})
	if len(warnings) != 1 || !strings.Contains(warnings[0].Text, "chmod 600") {
		t.Errorf("%v", warnings)
	}
}

func TestWrongValuesAreAllNamed(t *testing.T) {
	_, _, _, err := Load(Source{File: write(t, "s.yaml", `
hash: {time: two, insecure_fast: maybe}
ratelimit: {window: 15}
trusted_proxies: [10.0.0.0/8, everywhere]
listen: {a: b}
data_dir: "a\u0000b"
`)})
	for _, want := range []string{"hash.time", "hash.insecure_fast", "ratelimit.window", "everywhere", "listen.a", "data_dir"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("nothing about %s in:\n%v", want, err)
		}
	}
}

func TestProxyNetworks(t *testing.T) {
	c, _, _ := load(t, Source{Environ: []string{"SALLYPORT_TRUSTED_PROXIES=10.0.0.0/8, ::1,192.0.2.7"}})
	got := ""
	for _, p := range c.TrustedProxies {
		got += p.String() + " "
	}
	if got != "10.0.0.0/8 ::1/128 192.0.2.7/32 " {
		t.Errorf("%s", got)
	}
	if _, _, _, err := Load(Source{Environ: []string{"SALLYPORT_TRUSTED_PROXIES=10.1.2.3/8"}}); err == nil {
		t.Error("bits beyond the mask were accepted")
	}
}

func TestCheckServeWantsHTTPSUnlessOnLoopback(t *testing.T) {
	for name, row := range map[string]struct {
		env  []string
		want string // "" is fine
	}{
		"loopback":                     {nil, ""},
		"loopback six":                 {[]string{"SALLYPORT_LISTEN=[::1]:8080"}, ""},
		"all addresses, nothing else":  {[]string{"SALLYPORT_LISTEN=:8080"}, "public_url"},
		"http outside":                 {[]string{"SALLYPORT_LISTEN=:8080", "SALLYPORT_PUBLIC_URL=http://login.example.com"}, "public_url"},
		"http localhost, open":         {[]string{"SALLYPORT_LISTEN=0.0.0.0:8080", "SALLYPORT_PUBLIC_URL=http://localhost:8080"}, "public_url"},
		"https without a way":          {[]string{"SALLYPORT_LISTEN=:8080", "SALLYPORT_PUBLIC_URL=https://login.example.com"}, "tls.cert_file"},
		"https behind a listed proxy":  {[]string{"SALLYPORT_LISTEN=:8080", "SALLYPORT_PUBLIC_URL=https://login.example.com/", "SALLYPORT_TRUSTED_PROXIES=10.0.0.0/8"}, ""},
		"http for others, on loopback": {[]string{"SALLYPORT_PUBLIC_URL=http://login.example.com"}, "public_url"},
		"a name that browsers spell":   {[]string{"SALLYPORT_PUBLIC_URL=https://münchen.example"}, "xn--mnchen-3ya.example"},
		"a dot at the end":             {[]string{"SALLYPORT_PUBLIC_URL=https://login.example.com."}, "not the name of a host"},
		"a name that looks like it":    {[]string{"SALLYPORT_LISTEN=127.0.0.1.example.com:8080"}, "public_url"},
	} {
		c, _, _ := load(t, Source{Environ: row.env})
		err := c.CheckServe()
		if row.want == "" && err != nil || row.want != "" && (err == nil || !strings.Contains(err.Error(), row.want)) {
			t.Errorf("%s: %v, want %q", name, err, row.want)
		}
	}
}

func TestCheckNamesEachProblemAndWhatToDo(t *testing.T) {
	dir := t.TempDir()
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(dir, link); err != nil {
		t.Fatal(err)
	}
	for env, want := range map[string]string{
		"LISTEN=8080":                                              "host:port",
		"LISTEN=127.0.0.1:99999":                                   "port",
		"LISTEN_OPS=127.0.0.1:8080":                                "same as listen",
		"PUBLIC_URL=login.example.com":                             "https://login.example.com",
		"PUBLIC_URL=https://u:p@login.example":                     "scheme and host only",
		"PUBLIC_URL=https://login.example/path":                    "scheme and host only",
		"PUBLIC_URL=javascript:alert(1)":                           "is not an address",
		"TLS_CERT_FILE=/nowhere":                                   "tls.key_file",
		"STORE_DSN=mysql://u:hunter2@h/d":                          "postgres://",
		"ENCRYPTION_KEY_FILE=" + dir + "/x/key":                    "inside data_dir",
		"ENCRYPTION_KEY_FILE=" + link + "/key":                     "inside data_dir",
		"ENCRYPTION_KEY_FILE=/":                                    "is a folder",
		"MAIL_SMTP_URL=smtp://mail.example.com":                    "mail.from",
		"MAIL_SMTP_URL=http://h:hunter2@mail":                      "smtp://",
		"MAIL_SMTP_URL=smtp://a:hunter2%zz@mail":                   "special characters",
		"MAIL_SMTP_URL=smtp://a:hunter2@mail.example.com?tls=none": "without protection",
		"MAIL_SMTP_URL=smtp://a:hunter2@mail.example.com?tsl=none": "unknown part",
		"MAIL_FROM=nobody":                                         "mail.from",
		"MAIL_PER_ADDRESS_HOUR=0":                                  "mail.per_address_hour",
		"LOCALE_DEFAULT=pl":                                        "de, en, fr, sv",
		"LOG_LEVEL=loud":                                           "log.level",
		"LOG_FORMAT=xml":                                           "log.format",
		"HASH_MEMORY_KIB=19455":                                    "hash.memory_kib",
		"HASH_TIME=1":                                              "hash.time",
		"HASH_PARALLELISM=0":                                       "hash.parallelism",
		"HASH_WORKERS=-1":                                          "hash.workers",
		"RATELIMIT_FAILURES_PER_SOURCE=0":                          "ratelimit.failures_per_source",
		"RATELIMIT_WINDOW=0s":                                      "ratelimit.window",
		"SHUTDOWN_TIMEOUT=24h":                                     "shutdown_timeout",
	} {
		c, _, _ := load(t, Source{Environ: []string{"SALLYPORT_" + env}, Flags: map[string]string{"data_dir": dir}})
		err := c.Check()
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", env, err, want)
		}
		if err != nil && strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: the secret is in the error: %v", env, err)
		}
	}
}

func TestInsecureFastAllowsCheapHashesOnlyWhenSaid(t *testing.T) {
	c, _, _ := load(t, Source{Environ: []string{"SALLYPORT_HASH_MEMORY_KIB=64", "SALLYPORT_HASH_TIME=1", "SALLYPORT_HASH_INSECURE_FAST=true"}})
	if err := c.Check(); err != nil {
		t.Error(err)
	}
	c.Hash.InsecureFast = false
	if err := c.Check(); err == nil {
		t.Error("a cheap hash passed without the word")
	}
}

func TestSMTPAddress(t *testing.T) {
	for raw, want := range map[string]SMTP{
		"smtp://mail.example.com":                  {Host: "mail.example.com", Port: 587, STARTTLS: TLSOpportunistic, Timeout: 30 * time.Second},
		"smtp://u:p%40x@mail.example.com:25":       {Host: "mail.example.com", Port: 25, User: "u", Password: "p@x", STARTTLS: TLSRequired, Timeout: 30 * time.Second},
		"smtps://u:p@mail.example.com/?timeout=5s": {Host: "mail.example.com", Port: 465, User: "u", Password: "p", Implicit: true, STARTTLS: TLSRequired, Timeout: 5 * time.Second},
		"smtp://u:p@127.0.0.1:2525?tls=none":       {Host: "127.0.0.1", Port: 2525, User: "u", Password: "p", STARTTLS: TLSNone, Timeout: 30 * time.Second},
		"smtp://[::1]:25?tls=required":             {Host: "::1", Port: 25, STARTTLS: TLSRequired, Timeout: 30 * time.Second},
	} {
		if got, err := ParseSMTP(raw); err != nil || got != want {
			t.Errorf("%s: %+v, %v", raw, got, err)
		}
	}
	for _, raw := range []string{"", "smtp://", "smtp://:25", "smtp://h:0", "smtp://h:x", "smtp://u@h", "smtp://:p@h", "smtp://h/inbox", "smtp://h?tls=maybe", "smtp://h?tls=none&tls=required", "smtp://h?timeout=1ms", "smtp://h?timeout=1h", "smtp:h", "mail.example.com:25"} {
		if got, err := ParseSMTP(raw); err == nil {
			t.Errorf("%q was read as %+v", raw, got)
		}
	}
}

func TestPrintMasksSecretsAndReadsBack(t *testing.T) {
	c, origins, _, err := Load(Source{Environ: []string{
		"SALLYPORT_STORE_DSN=postgres://u:hunter2@db/x", "SALLYPORT_MAIL_SMTP_URL=smtp://u:hunter2@mail", "SALLYPORT_MAIL_FROM=Sign-in: #1 <a@example.com>",
		"SALLYPORT_TRUSTED_PROXIES=10.0.0.0/8,::1", "SALLYPORT_DATA_DIR=/srv/a b",
	}})
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := c.Print(&out, origins); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(out.String(), "hunter2") {
		t.Fatalf("a secret was printed:\n%s", out.String())
	}
	if !strings.Contains(out.String(), "listen: 127.0.0.1:8080  # default\n") || !strings.Contains(out.String(), "# environment SALLYPORT_STORE_DSN") {
		t.Errorf("%s", out.String())
	}
	again, _, _ := load(t, Source{File: write(t, "s.yaml", out.String())})
	again.Store, again.Mail.SMTPURL = c.Store, c.Mail.SMTPURL
	var a, b bytes.Buffer
	_, _ = c.Print(&a, nil), again.Print(&b, nil)
	if a.String() != b.String() {
		t.Errorf("read back differently:\n%s\n%s", a.String(), b.String())
	}
}

func TestTemplateIsAFileThatLoads(t *testing.T) {
	var out bytes.Buffer
	if err := Template(&out, map[string]string{"public_url": "https://login.example.com", "trusted_proxies": "10.0.0.0/8"}); err != nil {
		t.Fatal(err)
	}
	c, _, warnings := load(t, Source{File: write(t, "s.yaml", out.String())})
	if c.PublicURL != "https://login.example.com" || len(c.TrustedProxies) != 1 || len(warnings) != 0 {
		t.Errorf("%+v %v", c, warnings)
	}
	// Every commented line is a key, too: take the marks away and it still loads.
	var bare strings.Builder
	for line := range strings.Lines(out.String()) {
		if rest, ok := strings.CutPrefix(line, "# "); ok {
			if key, _, ok := strings.Cut(rest, ": "); ok && known(fields(), key) && key != "store.dsn" {
				line = rest
			}
		}
		bare.WriteString(line)
	}
	load(t, Source{File: write(t, "s.yaml", bare.String())})
	if err := Template(&out, map[string]string{"no.such": ""}); err == nil {
		t.Error("an unknown key was written")
	}
}

func FuzzFile(f *testing.F) {
	for _, seed := range []string{"listen: a", "mail:\n  from: x", "a: &a [*a]", "<<: {listen: b}", "? {a: b}\n: c", "\xff\xfe", "hash: {time: 1e9}", "listen: !!binary aGk="} {
		f.Add([]byte(seed))
	}
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, text []byte) {
		path := filepath.Join(dir, "s.yaml")
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		c, _, _, err := Load(Source{File: path})
		var p Problems
		if err != nil && !errors.As(err, &p) {
			t.Fatalf("%v is not Problems", err)
		}
		if err == nil {
			_ = c.CheckServe() // must not panic, whatever came in
		}
	})
}
