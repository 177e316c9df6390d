package outbox

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"sallyport/internal/core"
	"sallyport/internal/store"
)

// Queue is what a worker needs of the store. SettleMail takes a mail with the
// LeaseUntil that it was claimed with, and answers store.ErrConflict when that
// claim is over.
type Queue interface {
	ClaimMail(ctx context.Context, now time.Time, lease time.Duration, limit int) ([]core.Mail, error)
	SettleMail(ctx context.Context, m core.Mail) error
	Lease(ctx context.Context, name, holder string, now time.Time, d time.Duration) (bool, error)
}

// Worker delivers what is due. Many nodes may run one each; a lease in the
// store lets one of them work, so that the cap of an address is one number and
// not one for each node.
type Worker struct {
	Queue    Queue
	Ring     Opener
	Renderer Renderer
	// Sender is nil while no mail server is configured: mails wait.
	Sender Sender
	// PerAddressHour is how many mails an address gets within an hour, and how many
	// of each kind of alarm beside them; the rest waits for its turn. 0 is no cap.
	PerAddressHour int
	Now            func() time.Time
	Log            *slog.Logger
	// Node names this process in the lease. Where only one process can have the
	// store it is best a constant: after a crash the lease is then its own.
	Node string
	// Every is how long Run waits between two looks at the queue.
	Every time.Duration
	// Settled, when set, is told of every mail that was sent, failed or expired.
	Settled func(core.Mail)

	once sync.Once
	wake chan struct{}

	mu        sync.Mutex // one pass at a time; all below is its own
	leader    time.Time  // we hold the lease until then
	hold      time.Time  // the server is not tried before then
	stumbles  int        // times in a row that the server could not be worked with
	pace      map[string][]time.Time
	delivered map[core.MailID]core.Mail // sent, but the store did not take the note yet
}

const (
	leaseName = "outbox"
	leaseFor  = 20 * time.Second
	// claimFor is how long a claimed mail is ours. Sending one takes seconds; what
	// is not begun with sendAtMost left is left for the next claim.
	claimFor   = 2 * time.Minute
	claimLimit = 20
	sendAtMost = 45 * time.Second
	settleWait = 5 * time.Second
)

// Report counts what became of the mails of a pass.
type Report struct {
	Sent, Failed, Expired, Deferred int
}

// Wake makes Run look at the queue now.
func (w *Worker) Wake() {
	select {
	case w.bell() <- struct{}{}:
	default:
	}
}

func (w *Worker) bell() chan struct{} {
	w.once.Do(func() { w.wake = make(chan struct{}, 1) })
	return w.wake
}

// Run delivers until ctx ends; the mail in hand is finished and noted.
func (w *Worker) Run(ctx context.Context) {
	tick := time.NewTicker(max(w.Every, 10*time.Millisecond))
	defer tick.Stop()
	defer w.giveUp(ctx)
	bell := w.bell()
	quiet := ""
	for {
		_, err := w.Pass(ctx)
		switch {
		case err == nil:
			quiet = ""
		case ctx.Err() != nil:
			return
		case err.Error() != quiet: // the same trouble is told once, not at every tick
			quiet = err.Error()
			w.Log.Warn("mail waits", "event", "mail.waits", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-bell:
		}
	}
}

// Pass delivers what is due now and returns when nothing is. Only one pass runs
// at a time.
func (w *Worker) Pass(ctx context.Context) (Report, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	var report Report
	if w.Sender == nil || w.Now().Before(w.hold) {
		return report, nil
	}
	defer w.Sender.Rest()
	if w.pace == nil {
		w.pace, w.delivered = map[string][]time.Time{}, map[core.MailID]core.Mail{}
	}
	for ctx.Err() == nil {
		if ok, err := w.lead(ctx); err != nil || !ok {
			return report, err
		}
		claimed := w.Now()
		mails, err := w.Queue.ClaimMail(ctx, claimed, claimFor, claimLimit)
		if err != nil {
			return report, fmt.Errorf("claim mail: %w", err)
		}
		if len(mails) == 0 {
			return report, nil
		}
		for _, m := range mails {
			if ctx.Err() != nil {
				return report, ctx.Err()
			}
			if !w.Now().Before(claimed.Add(claimFor - sendAtMost)) {
				continue // too late to finish; whoever claims it next will
			}
			if err := w.one(ctx, m, &report); err != nil {
				return report, err
			}
		}
		if w.Now().Before(w.hold) {
			return report, fmt.Errorf("the mail server is left alone until %s", w.hold.UTC().Format(time.TimeOnly))
		}
	}
	return report, ctx.Err()
}

// lead takes or renews the lease, well before it ends.
func (w *Worker) lead(ctx context.Context) (bool, error) {
	now := w.Now()
	if now.Before(w.leader.Add(-leaseFor / 2)) {
		return true, nil
	}
	ok, err := w.Queue.Lease(ctx, leaseName, w.Node, now, leaseFor)
	if err != nil {
		return false, fmt.Errorf("outbox lease: %w", err)
	}
	if ok {
		w.leader = now.Add(leaseFor)
	}
	return ok, nil
}

// giveUp hands the lease back, so that another node need not wait for its end.
func (w *Worker) giveUp(ctx context.Context) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.Now().Before(w.leader) {
		return
	}
	w.leader = time.Time{}
	leaving, cancel := context.WithTimeout(context.WithoutCancel(ctx), settleWait)
	defer cancel()
	if _, err := w.Queue.Lease(leaving, leaseName, w.Node, w.Now(), 0); err != nil {
		w.Log.Warn("the outbox lease is not handed back; it ends by itself", "event", "mail.lease", "error", err)
	}
}

// one delivers a claimed mail and notes what became of it.
func (w *Worker) one(ctx context.Context, m core.Mail, report *Report) error {
	now := w.Now()
	if sent, ok := w.delivered[m.ID]; ok {
		sent.LeaseUntil = m.LeaseUntil
		return w.settle(ctx, sent, report)
	}
	if !m.ExpiresAt.IsZero() && !now.Before(m.ExpiresAt) {
		m.State = core.MailExpired
		return w.settle(ctx, m, report)
	}
	if now.Before(w.hold) { // the server failed earlier in this batch
		m.NextAt = w.hold
		return w.settle(ctx, m, report)
	}
	if next := w.turn(m, now); next.After(now) {
		m.NextAt = next
		return w.settle(ctx, m, report)
	}
	out, err := w.words(m, now)
	if err != nil {
		// Its text cannot be opened or made: trying again would not help.
		m.State, m.LastError = core.MailFailed, masked(err.Error(), m.To)
		return w.settle(ctx, m, report)
	}
	sending, cancel := context.WithTimeout(ctx, sendAtMost)
	err = w.Sender.Send(sending, out)
	cancel()
	var no *Refusal
	switch {
	case err == nil:
		m.Attempts++
		m.State, m.SentAt, m.LastError = core.MailSent, w.Now(), ""
		w.stumbles = 0
		w.count(m, m.SentAt)
		w.delivered[m.ID] = m
	case errors.As(err, &no):
		m.Attempts++
		m.LastError = masked(no.Error(), m.To)
		w.stumbles = 0
		if no.Permanent {
			m.State = core.MailFailed
		} else {
			m.NextAt = w.Now().Add(retryAfter(m.Attempts))
		}
	default:
		// The server, not the mail: everything waits, and this is no attempt.
		w.stumbles++
		w.hold = w.Now().Add(holdFor(w.stumbles))
		m.NextAt, m.LastError = w.hold, masked(err.Error(), m.To)
		if ctx.Err() != nil {
			// We are the ones who stopped.
			w.hold, m.NextAt, w.stumbles = time.Time{}, w.Now(), 0
		}
	}
	return w.settle(ctx, m, report)
}

func (w *Worker) words(m core.Mail, now time.Time) (Outgoing, error) {
	body, err := openBody(w.Ring, m)
	if err != nil {
		return Outgoing{}, err
	}
	return w.Renderer.Render(m, body, now)
}

// settle notes what became of a mail, also when the process is about to stop.
func (w *Worker) settle(ctx context.Context, m core.Mail, report *Report) error {
	noting, cancel := context.WithTimeout(context.WithoutCancel(ctx), settleWait)
	defer cancel()
	if m.State != core.MailQueued {
		m.Body = nil // it held a link perhaps; nobody needs it any more
	}
	switch err := w.Queue.SettleMail(noting, m); {
	case errors.Is(err, store.ErrConflict):
		// Our claim had run out and another worker has it now; its note counts.
		w.Log.Warn("mail was claimed by another worker meanwhile", "event", "mail.claim_lost", "mail", m.ID, "kind", m.Kind, "state", m.State)
		return nil
	case err != nil:
		return fmt.Errorf("note what became of mail %s: %w", m.ID, err)
	}
	delete(w.delivered, m.ID)
	switch m.State {
	case core.MailSent:
		report.Sent++
	case core.MailFailed:
		report.Failed++
	case core.MailExpired:
		report.Expired++
	default:
		report.Deferred++
		return nil
	}
	w.tell(m)
	return nil
}

func (w *Worker) tell(m core.Mail) {
	line := []any{"event", "mail." + m.State, "mail", m.ID, "kind", m.Kind, "tenant", m.Tenant, "attempts", m.Attempts}
	if m.State == core.MailFailed {
		w.Log.Warn("mail failed", append(line, "error", m.LastError)...)
	} else {
		w.Log.Info("mail "+m.State, line...)
	}
	if w.Settled != nil {
		w.Settled(m)
	}
}

// purse names what a mail is counted against. An alarm has that of its kind and of
// the organisation it comes from: whoever floods a mailbox holds back nothing but
// more of the same, and nothing of another organisation.
func purse(m core.Mail) string {
	to := strings.ToLower(m.To)
	if k, ok := kindOf(m.Kind); ok && k.alarm {
		return to + "\x00" + string(m.Kind) + "\x00" + string(m.Tenant)
	}
	return to
}

// turn is when a mail may go to its address.
func (w *Worker) turn(m core.Mail, now time.Time) time.Time {
	if w.PerAddressHour <= 0 {
		return now
	}
	key := purse(m)
	var kept []time.Time
	for _, at := range w.pace[key] {
		if now.Sub(at) < time.Hour {
			kept = append(kept, at)
		}
	}
	if len(kept) == 0 {
		delete(w.pace, key)
		return now
	}
	w.pace[key] = kept
	if len(kept) < w.PerAddressHour {
		return now
	}
	return kept[len(kept)-w.PerAddressHour].Add(time.Hour)
}

// mostPaced bounds the memory that the caps take.
const mostPaced = 50_000

func (w *Worker) count(m core.Mail, at time.Time) {
	if len(w.pace) >= mostPaced {
		for key, times := range w.pace {
			if at.Sub(times[len(times)-1]) >= time.Hour {
				delete(w.pace, key)
			}
		}
	}
	key := purse(m)
	w.pace[key] = append(w.pace[key], at)
}

// retryAfter grows with the tries that the server answered with "not now".
// Greylisting lets a mail in after a minute or a few.
func retryAfter(attempts int) time.Duration {
	waits := []time.Duration{time.Minute, 3 * time.Minute, 10 * time.Minute, 30 * time.Minute, time.Hour, 2 * time.Hour, 4 * time.Hour}
	return waits[min(max(attempts, 1), len(waits))-1]
}

// holdFor is short: a mail server that restarts is back in seconds, and one try
// costs one connection whatever waits.
func holdFor(stumbles int) time.Duration {
	waits := []time.Duration{2 * time.Second, 5 * time.Second, 15 * time.Second, 30 * time.Second, time.Minute}
	return waits[min(max(stumbles, 1), len(waits))-1]
}
