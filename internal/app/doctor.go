package app

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strconv"
	"time"

	"sallyport/internal/audit"
	"sallyport/internal/config"
	"sallyport/internal/outbox"
	"sallyport/internal/secret"
)

// Diagnosis is one check of the doctor. Findings say what is wrong and what to
// do about it.
type Diagnosis struct {
	Name     string   `json:"name"`
	OK       bool     `json:"ok"`
	Detail   string   `json:"detail,omitempty"`
	Findings []string `json:"findings"`
}

func (d *Diagnosis) find(format string, args ...any) {
	d.Findings = append(d.Findings, fmt.Sprintf(format, args...))
}

// examination is one run of the doctor. The house may be bare: what is missing
// is made here, so that its trouble is a finding and not an end.
type examination struct {
	h        *House
	progress audit.Progress
}

type check struct {
	name, about string
	run         func(examination, context.Context, *Diagnosis) error
}

var checks = []check{
	{"config", "the configuration is one that serve takes", examination.config},
	{"clock", "the clock runs forward and agrees with the database's", examination.clock},
	{"store", "the store reads and writes", examination.store},
	{"migrations", "no migration waits", examination.migrations},
	{"keys", "the master key opens the key ring, and nobody else reads its file", examination.keys},
	{"mail", "the mail server answers, and no mail waits for long", examination.mail},
	{"url", "people can reach the public address, and its certificate lasts", examination.url},
	{"backup", "the last backup is young enough", examination.backup},
	{"hash", "passwords are hashed at full strength", examination.hash},
	{"audit", "audit events are being sealed", examination.audit},
	{"programs", "every API client has an owner who is there, and time left", examination.programs},
	{"networks", "administrators came last from networks that let them in", examination.networks},
	{"stuck", "everybody who must sign in has a way to", examination.stuck},
}

// DoctorChecks lists the names of all checks with what they make sure of.
func DoctorChecks() [][2]string {
	out := make([][2]string, len(checks))
	for i, c := range checks {
		out[i] = [2]string{c.name, c.about}
	}
	return out
}

// Doctor runs the checks named, or all, and tells each as it is done.
func (h *House) Doctor(ctx context.Context, names []string, progress audit.Progress, tell func(Diagnosis) error) error {
	x := examination{h, progress}
	for _, c := range checks {
		if len(names) > 0 && !slices.Contains(names, c.name) {
			continue
		}
		d := Diagnosis{Name: c.name, Findings: []string{}}
		if err := x.within(ctx, c, &d); err != nil {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			d.find("%v", err)
		}
		d.OK = len(d.Findings) == 0
		if err := tell(d); err != nil {
			return err
		}
	}
	return nil
}

// within bounds a check, so that a server that never answers is a finding. The
// last one goes through everybody and takes its time.
func (x examination) within(ctx context.Context, c check, d *Diagnosis) error {
	if c.name != "stuck" {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, 20*time.Second)
		defer cancel()
	}
	return c.run(x, ctx, d)
}

func (x examination) config(_ context.Context, d *Diagnosis) error {
	err := x.h.Config.CheckServe()
	var problems config.Problems
	if errors.As(err, &problems) {
		for _, p := range problems {
			d.find("%s", p)
		}
		return nil
	}
	return err
}

func (x examination) clock(ctx context.Context, d *Diagnosis) error {
	here := time.Now()
	there, err := x.h.Store.Clock(ctx)
	if err != nil {
		return err
	}
	away := there.Sub(here)
	d.Detail = "here " + here.UTC().Format(time.RFC3339)
	if x.h.Store.Engine() != "sqlite" {
		d.Detail += fmt.Sprintf(", the database is %v away", away.Round(time.Millisecond))
		if away.Abs() > time.Second {
			d.find("this machine's clock is %v away from the database's; let both follow one time server (past %v a node is not ready)", away.Round(time.Millisecond), MaxSkew)
		}
	}
	last, err := x.h.Store.LastBatch(ctx)
	if err != nil {
		return nil // the schema may be older; its own check says so
	}
	if ahead := last.At.Sub(there.Add(x.h.Clock.Offset())); ahead > MaxSkew {
		d.find("the audit log was sealed %v ahead of now: the clock was set back, and codes of apps are refused until it is right", ahead.Round(time.Second))
	}
	return nil
}

func (x examination) store(ctx context.Context, d *Diagnosis) error {
	d.Detail = x.h.Store.Engine()
	return x.h.Store.Ping(ctx)
}

func (x examination) migrations(ctx context.Context, d *Diagnosis) error {
	list, err := x.h.Store.Migrations(ctx)
	if err != nil {
		return err
	}
	waiting := 0
	for _, m := range list {
		if m.AppliedAt.IsZero() {
			waiting++
		}
	}
	d.Detail = fmt.Sprintf("%d applied", len(list)-waiting)
	if waiting > 0 {
		d.find("%d wait; look with: sallyport migrate plan, apply with: sallyport migrate up", waiting)
	}
	return nil
}

// ring is the house's key ring, or one made for this look.
func (x examination) ring(ctx context.Context) (*secret.Ring, error) {
	if x.h.Ring != nil {
		return x.h.Ring, nil
	}
	master, err := secret.LoadMaster(x.h.Config.Encryption.KeyFile)
	if err != nil {
		return nil, err
	}
	return secret.OpenRing(ctx, ringStore{x.h.Store}, master, x.h.Clock.Now)
}

func (x examination) keys(ctx context.Context, d *Diagnosis) error {
	master, err := secret.LoadMaster(x.h.Config.Encryption.KeyFile)
	if err != nil {
		d.find("%v", err)
	} else if w := master.Warning(); w != "" {
		d.find("%s; run: chmod 600 %s", w, x.h.Config.Encryption.KeyFile)
	}
	ring, err := x.ring(ctx)
	if err != nil {
		return err
	}
	list, err := ring.List(ctx)
	if err != nil {
		return err
	}
	d.Detail = fmt.Sprintf("%d keys", len(list))
	for _, k := range list {
		if k.WrappedBy > 1 {
			d.find("keys for %s are still wrapped by line %d of the master key file; run: sallyport keys rotate --rewrap", k.Purpose, k.WrappedBy)
		}
	}
	if x.h.Ring != nil {
		if changed, err := x.h.MasterFileChanged(); err == nil && changed {
			d.find("the master key file has changed since the server started; restart the server")
		}
	}
	return nil
}

// MailServer names the configured mail server, without its password.
func (h *House) MailServer() string {
	if h.mailServer != "" {
		return h.mailServer
	}
	if s, err := config.ParseSMTP(h.Config.Mail.SMTPURL); err == nil {
		return mailAddress(s)
	}
	return ""
}

func mailAddress(s config.SMTP) string { return net.JoinHostPort(s.Host, strconv.Itoa(s.Port)) }

func (x examination) mail(ctx context.Context, d *Diagnosis) error {
	sender, err := x.sender()
	if err != nil {
		return err
	}
	waiting, oldest, err := x.h.Store.MailQueue(ctx)
	if err != nil {
		return err
	}
	d.Detail = fmt.Sprintf("%d waiting", waiting)
	if sender == nil {
		d.Detail = "no mail server is configured: mails wait; " + d.Detail
		if waiting > 0 {
			d.find("%s, and no mail server is configured: nobody gets them; set mail.smtp_url and mail.from", mails(waiting))
		}
		if x.h.Config.Secure() {
			d.find("people reach this server at %s, and no mail server is configured: nobody gets an invitation or a reset; set mail.smtp_url and mail.from", x.h.Config.PublicURL)
		}
		return nil
	}
	if err := sender.Check(ctx); err != nil {
		d.find("%s: %v", x.h.MailServer(), err)
	}
	const long = 15 * time.Minute
	if age := x.h.Clock.Now().Sub(oldest); waiting > 0 && age > long {
		d.find("%d mails wait, the oldest for %v; see mail.waits in the log, or try: sallyport mail test --to YOU", waiting, age.Round(time.Minute))
	}
	return nil
}

func mails(n int) string {
	if n == 1 {
		return "1 mail waits"
	}
	return fmt.Sprintf("%d mails wait", n)
}

func (x examination) sender() (*outbox.SMTP, error) {
	if x.h.Sender != nil || x.h.Config.Mail.SMTPURL == "" {
		return x.h.Sender, nil
	}
	server, err := config.ParseSMTP(x.h.Config.Mail.SMTPURL)
	if err != nil {
		return nil, err
	}
	return outbox.NewSMTP(server, "localhost")
}

func (x examination) url(_ context.Context, d *Diagnosis) error {
	c := x.h.Config
	d.Detail = x.h.BaseURL()
	u, err := url.Parse(d.Detail)
	if err != nil {
		return err
	}
	for _, p := range c.TrustedProxies {
		if p.Bits() == 0 {
			d.find("trusted_proxies has %s: anybody can pretend to come from anywhere; list your proxies only", p)
		}
	}
	if u.Scheme == "https" && !c.OwnTLS() && len(c.TrustedProxies) == 0 {
		d.find("public_url is https, and neither tls.cert_file nor trusted_proxies is set: everybody would seem to come from the proxy, and share its limits")
	}
	if !c.OwnTLS() {
		return nil
	}
	pair, err := tls.LoadX509KeyPair(c.TLS.CertFile, c.TLS.KeyFile)
	if err != nil {
		return fmt.Errorf("tls.cert_file: %w", err)
	}
	leaf, err := x509.ParseCertificate(pair.Certificate[0])
	if err != nil {
		return fmt.Errorf("tls.cert_file: %w", err)
	}
	const soon = 14 * 24 * time.Hour
	now := time.Now()
	d.Detail += ", certificate until " + leaf.NotAfter.UTC().Format(time.DateOnly)
	switch {
	case now.After(leaf.NotAfter):
		d.find("the certificate ended on %s", leaf.NotAfter.UTC().Format(time.DateOnly))
	case now.Before(leaf.NotBefore):
		d.find("the certificate begins on %s", leaf.NotBefore.UTC().Format(time.DateOnly))
	case leaf.NotAfter.Sub(now) < soon:
		d.find("the certificate ends on %s; renew it and restart", leaf.NotAfter.UTC().Format(time.DateOnly))
	}
	if err := leaf.VerifyHostname(u.Hostname()); err != nil {
		d.find("the certificate is not for %s: %v", u.Hostname(), err)
	}
	return nil
}

func (x examination) backup(ctx context.Context, d *Diagnosis) error {
	at, err := x.h.BackupAt(ctx)
	if err != nil {
		return err
	}
	most := x.h.Config.Backup.MaxAge
	now := x.h.Clock.Now()
	if at.IsZero() {
		since, err := x.storeSince(ctx)
		if err != nil {
			return err
		}
		age := now.Sub(since)
		d.Detail = "never, and the store is " + inDays(age) + " old"
		if most > 0 && age > most {
			d.find("there was never one, and the store is %s old (backup.max_age is %v); run: sallyport backup create --to FILE", inDays(age), most)
		}
		return nil
	}
	d.Detail = "last " + at.UTC().Format(time.RFC3339)
	if most > 0 && now.Sub(at) > most {
		d.find("the last one is %v old (backup.max_age is %v); run: sallyport backup create --to FILE", now.Sub(at).Round(time.Hour), most)
	}
	return nil
}

// storeSince is when the store was made: its first migration is older than anything
// in it, also where nobody has set up a platform yet.
func (x examination) storeSince(ctx context.Context) (time.Time, error) {
	all, err := x.h.Store.Migrations(ctx)
	if err != nil {
		return time.Time{}, err
	}
	since := x.h.Clock.Now()
	for _, m := range all {
		if !m.AppliedAt.IsZero() && m.AppliedAt.Before(since) {
			since = m.AppliedAt
		}
	}
	return since, nil
}

func inDays(d time.Duration) string {
	if n := int(d / (24 * time.Hour)); n != 1 {
		return fmt.Sprintf("%d days", n)
	}
	return "1 day"
}

func (x examination) hash(_ context.Context, d *Diagnosis) error {
	c := x.h.Config.Hash
	d.Detail = fmt.Sprintf("Argon2id, %d KiB, %d passes", c.MemoryKiB, c.Time)
	if c.InsecureFast {
		d.find("hash.insecure_fast is on: it is for measuring and never for real passwords; take it out")
	}
	return nil
}

func (x examination) audit(ctx context.Context, d *Diagnosis) error {
	last, err := x.h.Store.LastBatch(ctx)
	if err != nil {
		return err
	}
	d.Detail = fmt.Sprintf("%d events sealed", max(0, last.First+last.Count-1))
	open, err := x.h.Store.Unsealed(ctx, 1)
	if err != nil || len(open) == 0 || x.h.URL == "" {
		return err // without a server nobody seals
	}
	if age := x.h.Clock.Now().Sub(open[0].At); age > time.Minute {
		d.find("events wait for %v to be sealed; see audit.seal_failed in the log", age.Round(time.Second))
	}
	return nil
}
