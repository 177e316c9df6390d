package app

import (
	"context"
	"net/http"
	"runtime"
	"strconv"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"sallyport/internal/access"
	"sallyport/internal/audit"
	"sallyport/internal/core"
	"sallyport/internal/secret"
	"sallyport/internal/web"
)

// Version is the program's; the linker sets it for a release.
var Version = "devel"

// Metrics are the counters of one process. No label holds a person, a mail or a
// tenant.
type Metrics struct {
	registry  *prometheus.Registry
	requests  *prometheus.CounterVec
	took      *prometheus.HistogramVec
	signins   *prometheus.CounterVec
	factors   *prometheus.CounterVec
	enrolment *prometheus.CounterVec
	offsets   *prometheus.CounterVec
	limited   *prometheus.CounterVec
	mails     *prometheus.CounterVec
	delay     prometheus.Histogram
	enrolling prometheus.Histogram
	ops       *prometheus.HistogramVec
	recovered prometheus.Counter
	house     *House
	// lines keeps the two series of each route and status: finding them by their
	// labels costs more than counting.
	lines sync.Map
}

type (
	answered struct {
		pattern string
		status  int
	}
	line struct {
		count prometheus.Counter
		took  prometheus.Observer
	}
)

// NewMetrics registers everything that a house counts.
func NewMetrics(h *House) *Metrics {
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: "sallyport_" + name, Help: help}, labels)
	}
	m := &Metrics{registry: prometheus.NewRegistry(), house: h,
		requests:  counter("http_requests_total", "Answered requests.", "route", "method", "code"),
		took:      prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "sallyport_http_request_duration_seconds", Help: "Time to the answer.", Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10}}, []string{"route"}),
		signins:   counter("signin_attempts_total", "Sign-ins, by what became of them.", "result", "reason"),
		factors:   counter("second_factor_attempts_total", "Second factors shown.", "method", "result", "reason"),
		enrolment: counter("enrolments_total", "Second factors set up.", "method", "result"),
		offsets:   counter("totp_accepted_offset_total", "Accepted codes by their time step against ours.", "step"),
		limited:   counter("rate_limited_total", "Requests slowed down.", "scope"),
		mails:     counter("email_sent_total", "Mails by kind and what became of them.", "kind", "result"),
		delay:     prometheus.NewHistogram(prometheus.HistogramOpts{Name: "sallyport_email_delivery_seconds", Help: "From queued to handed over.", Buckets: []float64{.1, .5, 1, 5, 15, 60, 300, 1800, 7200}}),
		recovered: prometheus.NewCounter(prometheus.CounterOpts{Name: "sallyport_recovery_used_total", Help: "Recovery codes used."}),
	}
	m.enrolling = prometheus.NewHistogram(prometheus.HistogramOpts{Name: "sallyport_enrolment_duration_seconds", Help: "From a setup key to its first right code.", Buckets: []float64{15, 30, 60, 120, 300, 600, 1800}})
	m.ops = prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "sallyport_store_op_seconds", Help: "Time of a transaction, with waiting and running again.", Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 5}}, []string{"op"})
	build := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "sallyport_build_info", Help: "Always 1; the labels tell the build."}, []string{"version", "go_version"})
	build.WithLabelValues(Version, runtime.Version()).Set(1)
	m.registry.MustRegister(build, m.requests, m.took, m.signins, m.factors, m.enrolment, m.offsets, m.limited, m.mails, m.delay, m.recovered, m.enrolling, m.ops,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), gauges{h})
	return m
}

// Count hears from sign-in what an answer was.
func (m *Metrics) Count(what, result, reason string) {
	switch what {
	case "signin":
		if result == "ok" {
			reason = ""
		}
		m.signins.WithLabelValues(result, reason).Inc()
	case "second_factor":
		m.factors.WithLabelValues(string(core.FactorTOTP), result, reason).Inc()
	case "recovery":
		m.recovered.Inc()
		m.factors.WithLabelValues(string(core.FactorRecoveryCode), result, reason).Inc()
	case "enrolment":
		m.enrolment.WithLabelValues(string(core.FactorTOTP), result).Inc()
	case "enrolment_took":
		if d, err := time.ParseDuration(result); err == nil {
			m.enrolling.Observe(d.Seconds())
		}
	case "totp_offset":
		m.offsets.WithLabelValues(result).Inc()
	case "rate_limited":
		m.limited.WithLabelValues(result).Inc()
	}
}

// Request hears of every answered request.
func (m *Metrics) Request(w web.Watched) {
	key := answered{w.Pattern, w.Status}
	l, ok := m.lines.Load(key)
	if !ok {
		method, route, named := cut(w.Pattern)
		if !named {
			method, route = "", "none"
		}
		l, _ = m.lines.LoadOrStore(key, line{m.requests.WithLabelValues(route, method, strconv.Itoa(w.Status)), m.took.WithLabelValues(route)})
	}
	l.(line).count.Inc()
	l.(line).took.Observe(w.Took.Seconds())
}

func cut(pattern string) (method, route string, ok bool) {
	for i := range len(pattern) {
		if pattern[i] == ' ' {
			return pattern[:i], pattern[i+1:], true
		}
	}
	return "", pattern, pattern != ""
}

// Mail hears of every mail that is settled.
func (m *Metrics) Mail(mail core.Mail) {
	m.mails.WithLabelValues(string(mail.Kind), mail.State).Inc()
	if mail.State == core.MailSent {
		m.delay.Observe(mail.SentAt.Sub(mail.CreatedAt).Seconds())
	}
}

// Handler serves /metrics.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
}

// gauges are read when somebody asks.
type gauges struct{ h *House }

var (
	descUsers  = prometheus.NewDesc("sallyport_users", "Accounts by where they stand towards a second factor.", []string{"state"}, nil)
	descQueue  = prometheus.NewDesc("sallyport_email_queue_depth", "Mails that wait.", nil, nil)
	descSkew   = prometheus.NewDesc("sallyport_clock_skew_seconds", "The database's clock against this machine's.", nil, nil)
	descBackup = prometheus.NewDesc("sallyport_backup_last_success_timestamp_seconds", "When the last backup was finished; 0 is never.", nil, nil)
	descWait   = prometheus.NewDesc("sallyport_password_queue_depth", "Sign-ins that wait for their password hash.", []string{"lane"}, nil)
	descLive   = prometheus.NewDesc("sallyport_sessions_remembered", "Live sessions in this node's memory.", nil, nil)
	descKey    = prometheus.NewDesc("sallyport_signing_key_age_seconds", "Age of the key that signs the audit chain.", nil, nil)
	descChain  = prometheus.NewDesc("sallyport_audit_chain_ok", "1 while the audit chain ends where the store remembers that it does.", nil, nil)
	descAudit  = prometheus.NewDesc("sallyport_audit_sealed_position", "Events sealed into the audit chain.", nil, nil)
)

func (g gauges) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{descUsers, descQueue, descSkew, descBackup, descWait, descLive, descAudit, descKey, descChain} {
		ch <- d
	}
}

func (g gauges) Collect(ch chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
	defer cancel()
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	gauge(descSkew, g.h.Clock.Skew().Seconds())
	gauge(descLive, float64(g.h.Checker.Live()))
	if g.h.Hasher != nil {
		known, others := g.h.Hasher.Waiting()
		gauge(descWait, float64(known), "known")
		gauge(descWait, float64(others), "others")
	}
	st := g.h.Store
	if st == nil {
		return
	}
	g.users(ctx, gauge)
	if n, _, err := st.MailQueue(ctx); err == nil {
		gauge(descQueue, float64(n))
	}
	if b, err := st.LastBatch(ctx); err == nil {
		gauge(descAudit, float64(max(0, b.First+b.Count-1)))
	}
	if g.h.Ring != nil {
		if ok, err := audit.Sound(ctx, st, g.h.Ring); err == nil {
			v := 0.0
			if ok {
				v = 1
			}
			gauge(descChain, v)
		}
	}
	if rows, err := st.LoadKeys(ctx); err == nil {
		for _, r := range rows {
			if r.Purpose == secret.PurposeSign {
				gauge(descKey, g.h.Clock.Now().Sub(r.ChangedAt).Seconds())
			}
		}
	}
	if at, err := g.h.BackupAt(ctx); err == nil {
		v := 0.0
		if !at.IsZero() {
			v = float64(at.Unix())
		}
		gauge(descBackup, v)
	}
}

// users reads the counters that the bars of the console read: a scrape costs by the
// number of organisations, not of people.
func (g gauges) users(ctx context.Context, gauge func(*prometheus.Desc, float64, ...string)) {
	if g.h.Directory == nil {
		return
	}
	root, err := g.h.Tree.Root(ctx)
	if err != nil {
		return
	}
	p, _, err := g.h.Directory.Branch(ctx, root, access.System())
	if err != nil {
		return
	}
	for state, n := range map[string]int{"active": p.Enabled, "setup_required": p.SetupRequired, "off": p.Disabled,
		"exempt": p.Service + p.NotApplicable, "pending": p.Pending, "inactive": p.Inactive} {
		gauge(descUsers, float64(n), state)
	}
}

// metaBackup is where the store notes its last backup.
const metaBackup = "backup_at"

// BackupAt is when the last backup was finished, zero for never.
func (h *House) BackupAt(ctx context.Context) (time.Time, error) {
	text, err := h.Store.Meta(ctx, metaBackup)
	if err != nil || text == "" {
		return time.Time{}, err
	}
	return time.Parse(time.RFC3339, text)
}
