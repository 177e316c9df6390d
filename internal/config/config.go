package config

import (
	"net/netip"
	"time"
)

// Config is the whole configuration of one process. The tags are its
// documentation: key is the name in the file, default the built-in value, doc
// what the operator reads, secret keeps a value out of everything printed.
type Config struct {
	Listen          string         `key:"listen" default:"127.0.0.1:8080" doc:"Address and port of the pages and the API."`
	ListenOps       string         `key:"listen_ops" default:"127.0.0.1:8090" doc:"Address and port of /livez, /readyz and /metrics. Empty opens none."`
	PublicURL       string         `key:"public_url" doc:"The address people see, for example https://login.example.com. Links in mails begin with it. Empty means http://localhost and the port, which only loopback may have."`
	TrustedProxies  []netip.Prefix `key:"trusted_proxies" doc:"Networks of the reverse proxies whose X-Forwarded-For is believed, for example 10.0.0.0/8. In the environment separated by commas."`
	DataDir         string         `key:"data_dir" default:"./data" doc:"Folder of the embedded store, its lock and its socket. A relative path counts from the folder that the program is started in; init writes it in full."`
	AutoMigrate     bool           `key:"auto_migrate" default:"false" doc:"Bring an older store up to date at start. Otherwise start refuses and names the command."`
	ShutdownTimeout time.Duration  `key:"shutdown_timeout" default:"10s" doc:"How long running requests may go on after the signal to stop."`

	TLS        TLS
	Store      Store
	Encryption Encryption
	Mail       Mail
	Locale     Locale
	Log        Log
	RateLimit  RateLimit
	Hash       Hash
	Backup     Backup
	Metrics    Metrics
	Outgoing   Outgoing
}

type Outgoing struct {
	Networks []netip.Prefix `key:"outgoing.networks" doc:"Networks besides public addresses that requests to apps may reach, for example 10.0.0.0/8: an app that is told that a sign-in is over. In the environment separated by commas."`
}

type TLS struct {
	CertFile string `key:"tls.cert_file" doc:"Certificate chain in PEM. Set it together with tls.key_file to serve HTTPS without a proxy."`
	KeyFile  string `key:"tls.key_file" doc:"Private key of the certificate, in PEM."`
}

type Store struct {
	DSN string `key:"store.dsn" secret:"true" doc:"postgres://user:password@host/database for PostgreSQL; several hosts are allowed. Empty means the embedded store in data_dir."`
}

type Encryption struct {
	KeyFile string `key:"encryption.key_file" doc:"File of the master key that opens the stored secrets. It must lie outside data_dir, so that a copy of the folder opens nothing. Empty means the data folder's name with .key, beside it."`
}

type Mail struct {
	SMTPURL        string `key:"mail.smtp_url" secret:"true" doc:"Mail server: smtp://user:password@host:587, or smtps:// for TLS from the first byte. ?tls=required, opportunistic or none decides about STARTTLS. Empty: mails wait."`
	From           string `key:"mail.from" doc:"Sender of all mails, for example Sign-in <no-reply@example.com>."`
	PerAddressHour int    `key:"mail.per_address_hour" default:"10" doc:"At most this many mails to one address within an hour; more wait their turn. News of changed passwords, factors and rights are counted for themselves, each kind up to the same number."`
}

type Locale struct {
	Default string `key:"locale.default" default:"en" doc:"Language when nothing else decides: en, de, fr or sv."`
}

type Log struct {
	Level  string `key:"log.level" default:"info" doc:"debug, info, warn or error."`
	Format string `key:"log.format" default:"json" doc:"json or text."`
}

type RateLimit struct {
	FailuresPerSource int           `key:"ratelimit.failures_per_source" default:"300" doc:"Failed sign-ins that one network (/24, or /64 of IPv6) may have within ratelimit.window. Right ones do not count."`
	Window            time.Duration `key:"ratelimit.window" default:"15m" doc:"The time that ratelimit.failures_per_source is counted over."`
	APIRequests       int           `key:"ratelimit.api_requests" default:"1200" doc:"Requests to the JSON API that each caller may make within a minute, on each node."`
}

type Hash struct {
	Workers      int  `key:"hash.workers" default:"0" doc:"Password hashes at the same time. 0 means one for each core."`
	MemoryKiB    int  `key:"hash.memory_kib" default:"19456" doc:"Argon2id memory of one password hash. Raising it is safe: passwords are hashed anew at the next sign-in."`
	Time         int  `key:"hash.time" default:"2" doc:"Argon2id passes."`
	Parallelism  int  `key:"hash.parallelism" default:"1" doc:"Argon2id lanes."`
	InsecureFast bool `key:"hash.insecure_fast" default:"false" doc:"Allows password hashes weaker than 19456 KiB and 2 passes, for measuring everything but the hash. Never with real passwords; doctor reports it."`
}

type Backup struct {
	MaxAge time.Duration `key:"backup.max_age" default:"2d" doc:"doctor reports a finding when the last backup is older. 0 never does."`
}

type Metrics struct {
	Enabled bool `key:"metrics.enabled" default:"true" doc:"Serve /metrics on the ops listener."`
}

// Field describes one key to people.
type Field struct {
	Key     string
	Env     string // its name in the environment; secrets have Env_FILE too
	Default string
	Doc     string
	Secret  bool
}

// Fields lists every key in the order of the struct.
func Fields() []Field {
	var out []Field
	for _, f := range fields() {
		out = append(out, f.Field)
	}
	return out
}
