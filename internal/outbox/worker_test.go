package outbox_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"sallyport/internal/core"
	"sallyport/internal/outbox"
	"sallyport/internal/store"
	"sallyport/internal/testkit/mailtest"
)

// DS-22: a mail goes out exactly when its deed happened.
func TestAMailIsQueuedWithTheDeedOrNotAtAll(t *testing.T) {
	h := newHouse(t)
	failed := errors.New("the deed failed after the mail was queued")
	err := h.store.Update(t.Context(), "tn_p", func(tx store.Tx) error {
		if err := h.post.Queue(tx, h.message(core.MailMFADisabled, person("anna@example.org", "en"))); err != nil {
			return err
		}
		return failed
	})
	if !errors.Is(err, failed) {
		t.Fatal(err)
	}
	want(t, "waiting", h.waiting(), 0)
	h.notices(1, "anna@example.org")
	want(t, "waiting", h.waiting(), 1)
}

func TestQueueRefusesWhatCouldNeverBeSent(t *testing.T) {
	h := newHouse(t)
	for name, m := range map[string]outbox.Message{
		"unknown kind":         {Kind: "newsletter", To: person("a@example.org", "")},
		"link without path":    {Kind: core.MailReset, To: person("a@example.org", ""), Until: h.clock.Now().Add(time.Hour)},
		"link without its end": {Kind: core.MailReset, To: person("a@example.org", ""), Path: "/reset/x"},
	} {
		if err := h.store.Update(t.Context(), "tn_p", func(tx store.Tx) error { return h.post.Queue(tx, m) }); err == nil {
			t.Errorf("%s was queued", name)
		}
	}
	h.queue(h.message(core.MailPasswordChanged, person("", "en"))) // a service account without an address
	want(t, "waiting", h.waiting(), 0)
}

// What a mail says is not readable in the store's file, before it left and after.
func TestTheLinkIsSealedAtRestAndWipedWhenSent(t *testing.T) {
	h := newHouse(t)
	in := openInbox(t, h.clock.Now)
	m := h.message(core.MailReset, person("anna@example.org", "en"))
	h.queue(m)
	token := strings.TrimPrefix(m.Path, "/reset/")
	readable := func() bool {
		for _, f := range []string{h.path, h.path + "-wal"} {
			raw, err := os.ReadFile(f)
			if err != nil && !os.IsNotExist(err) {
				t.Fatal(err)
			}
			if strings.Contains(string(raw), token) {
				return true
			}
		}
		return false
	}
	if readable() {
		t.Error("the waiting link is readable in the file")
	}
	var done settled
	w := h.worker(smtpTo(t, in.URL()))
	w.Settled = done.note
	h.pass(w)
	if !strings.Contains(in.List("")[0].Text, token) {
		t.Error("the mail came without its link")
	}
	if readable() || len(done.last().Body) != 0 {
		t.Error("the sent link is still kept")
	}
	if strings.Contains(h.log.String(), token) || strings.Contains(h.log.String(), "anna@") {
		t.Errorf("the log says too much: %s", h.log)
	}
}

func TestABodyMovedToAnotherMailDoesNotOpen(t *testing.T) {
	h := newHouse(t)
	in := openInbox(t, h.clock.Now)
	h.queue(h.message(core.MailReset, person("anna@example.org", "en")))
	claimed, err := h.store.ClaimMail(t.Context(), h.clock.Now(), time.Minute, 1)
	if err != nil || len(claimed) != 1 {
		t.Fatal(claimed, err)
	}
	// Somebody who can write the table sends Anna's link to themselves.
	stolen := claimed[0]
	stolen.ID, stolen.To, stolen.LeaseUntil = "ml_other", "mallory@example.net", time.Time{}
	if err := h.store.Update(t.Context(), "tn_p", func(tx store.Tx) error { return tx.QueueMail(stolen) }); err != nil {
		t.Fatal(err)
	}
	r := h.pass(h.worker(smtpTo(t, in.URL())))
	want(t, "report", r, outbox.Report{Failed: 1})
	want(t, "arrived", len(in.List("")), 0)
}

func TestALinkIsNeverSentAfterItDied(t *testing.T) {
	h := newHouse(t)
	in := openInbox(t, h.clock.Now)
	h.queue(h.message(core.MailReset, person("anna@example.org", "en"))) // two hours
	h.notices(1, "anna@example.org")                                     // three days
	h.clock.Advance(2 * time.Hour)
	r := h.pass(h.worker(smtpTo(t, in.URL())))
	want(t, "report", r, outbox.Report{Sent: 1, Expired: 1})
	h.notices(1, "anna@example.org")
	h.clock.Advance(72 * time.Hour)
	want(t, "report", h.pass(h.worker(smtpTo(t, in.URL()))), outbox.Report{Expired: 1})
	want(t, "arrived", len(in.List("")), 1)
}

func TestWhatTheServerSaysDecides(t *testing.T) {
	h := newHouse(t)
	server := mailtest.StartScripted(t, func(verb, address string) error {
		switch {
		case verb == "RCPT" && strings.HasPrefix(address, "unknown"):
			return mailtest.Say(550, [3]int{5, 1, 1}, "No such user <"+address+"> here, see https://mail.example/help?u="+address)
		case verb == "DATA" && strings.HasPrefix(address, "spam"):
			return mailtest.Say(554, [3]int{5, 7, 1}, "Looks like spam")
		case verb == "RCPT" && strings.HasPrefix(address, "grey"):
			return mailtest.Say(451, [3]int{4, 7, 1}, "Greylisted")
		}
		return nil
	})
	var done settled
	w := h.worker(smtpTo(t, server.URL()))
	w.Settled = done.note

	h.notices(1, "unknown@example.org")
	want(t, "unknown", h.pass(w), outbox.Report{Failed: 1})
	if got := done.last(); !strings.HasPrefix(got.LastError, "550 5.1.1: ") || strings.Contains(got.LastError, "unknown@") || strings.Contains(got.LastError, "https:") || got.Attempts != 1 {
		t.Errorf("kept as %+v", got)
	}
	h.notices(1, "spam@example.org")
	want(t, "spam", h.pass(w), outbox.Report{Failed: 1})

	// "Not now" is tried again later and later, never sooner.
	h.notices(1, "grey@example.org")
	for i, wait := range []time.Duration{time.Minute, 3 * time.Minute, 10 * time.Minute, 30 * time.Minute} {
		want(t, fmt.Sprintf("try %d", i+1), h.pass(w), outbox.Report{Deferred: 1})
		h.clock.Advance(wait - time.Second)
		want(t, "too early", h.pass(w), outbox.Report{})
		h.clock.Advance(time.Second)
	}
	server.Answer(nil)
	want(t, "let in", h.pass(w), outbox.Report{Sent: 1})
	want(t, "tries", done.last().Attempts, 5)
	want(t, "accepted", len(server.Took()), 1)
}

// B-25: the mail server's trouble delays mail and nothing else.
func TestAServerThatIsDownCostsNoTryAndNoMail(t *testing.T) {
	h := newHouse(t)
	down := mailtest.StartScripted(t, nil)
	sender := smtpTo(t, strings.Replace(down.URL(), down.Addr, "127.0.0.1:1", 1))
	var done settled
	w := h.worker(sender)
	w.Settled = done.note
	for i := range 5 {
		h.notices(1, fmt.Sprintf("p%d@example.org", i))
	}
	for range 20 {
		if r, err := w.Pass(t.Context()); err == nil || !strings.Contains(err.Error(), "left alone") || r.Deferred == 0 {
			t.Fatalf("%+v, %v", r, err)
		}
		want(t, "a pass while the server is left alone", h.pass(w), outbox.Report{})
		h.clock.Advance(time.Minute)
	}
	want(t, "waiting", h.waiting(), 5)
	w.Sender = smtpTo(t, down.URL())
	want(t, "after it is back", h.pass(w), outbox.Report{Sent: 5})
	want(t, "tries", done.last().Attempts, 1)

	// The same when the server answers but refuses us, not the mail.
	down.Answer(func(verb, _ string) error {
		if verb == "MAIL" {
			return mailtest.Say(550, [3]int{5, 7, 1}, "You may not send from here")
		}
		return nil
	})
	h.notices(1, "q@example.org")
	if r, err := w.Pass(t.Context()); err == nil || r.Failed != 0 {
		t.Errorf("%+v, %v", r, err)
	}
	want(t, "waiting", h.waiting(), 1)
}

func TestNoAddressGetsMoreThanItsCap(t *testing.T) {
	h := newHouse(t)
	in := openInbox(t, h.clock.Now)
	w := h.worker(smtpTo(t, in.URL()))
	h.notices(15, "Anna@example.org")
	h.notices(10, "anna@EXAMPLE.org") // the same mailbox, whatever the case
	h.notices(1, "other@example.org")
	want(t, "first", h.pass(w), outbox.Report{Sent: 11, Deferred: 15})
	h.clock.Advance(59 * time.Minute)
	want(t, "within the hour", h.pass(w), outbox.Report{})
	h.clock.Advance(time.Minute)
	want(t, "second hour", h.pass(w), outbox.Report{Sent: 10, Deferred: 5})
	h.clock.Advance(time.Hour)
	want(t, "third hour", h.pass(w), outbox.Report{Sent: 5})
	want(t, "arrived", len(in.List("")), 26)
}

// N-33, A-05: news of a changed password or factor waits neither for the hour of an
// address that others have filled, nor behind what was queued before it. A flood of
// one kind of news holds back nothing but more of that kind, and it too has an end.
func TestAlarmsWaitBehindNothingThatOthersCauseN33(t *testing.T) {
	h := newHouse(t)
	in := openInbox(t, h.clock.Now)
	w := h.worker(smtpTo(t, in.URL()))
	to := "anna@example.org"
	var order []core.MailKind
	w.Settled = func(m core.Mail) {
		if m.To == to && m.State == core.MailSent {
			order = append(order, m.Kind)
		}
	}
	queue := func(n int, kinds ...core.MailKind) {
		for range n {
			for _, kind := range kinds {
				h.queue(h.message(kind, person(to, "en")))
			}
		}
	}
	// The address's hour is full, and more waits for the next.
	queue(15, core.MailInvitation)
	want(t, "invitations", h.pass(w), outbox.Report{Sent: 10, Deferred: 5})
	alarms := []core.MailKind{core.MailMFAEnabled, core.MailMFADisabled, core.MailFactorReset, core.MailFactorReplaced, core.MailRecoveryCodeUsed, core.MailRecoveryCodeMade,
		core.MailPasswordChanged, core.MailFactorDead, core.MailAdminLinkUsed, core.MailMFAResetOwn, core.MailMFACleared, core.MailBrowserTrusted, core.MailBrowsersForgot, core.MailBrowsersReset,
		core.MailLocalShell, core.MailEmailAsked, core.MailEmailChanged, core.MailAccountDeleted, core.MailConverted, core.MailPassMade, core.MailAdminInvited, core.MailMFASwitchedOff, core.MailActing}
	queue(1, alarms...)
	want(t, "alarms in a full hour", h.pass(w), outbox.Report{Sent: len(alarms)})
	// They cost the others nothing either, and the others' cap stands.
	queue(1, core.MailTest)
	want(t, "no alarm", h.pass(w), outbox.Report{Deferred: 1})

	// Somebody who has the account makes one kind of news all the time.
	queue(20, core.MailBrowsersForgot)
	want(t, "a flood", h.pass(w), outbox.Report{Sent: 9, Deferred: 11})
	queue(1, core.MailPasswordChanged)
	want(t, "another kind", h.pass(w), outbox.Report{Sent: 1})

	// In an hour with room for all, alarms go first though they were queued last.
	h.clock.Advance(3 * time.Hour)
	for range 2 {
		h.pass(w)
		h.clock.Advance(time.Hour)
	}
	h.clock.Advance(time.Hour)
	want(t, "waiting", h.waiting(), 0)
	for i := range 60 {
		h.queue(h.message(core.MailInvitation, person(fmt.Sprintf("new%d@example.org", i), "en")))
	}
	queue(1, core.MailInvitation, core.MailFactorReset)
	order = nil
	var first core.MailKind
	settled := w.Settled
	w.Settled = func(m core.Mail) {
		if first == "" {
			first = m.Kind
		}
		settled(m)
	}
	h.pass(w)
	want(t, "first of all", first, core.MailFactorReset)
	want(t, "to the address", order, []core.MailKind{core.MailFactorReset, core.MailInvitation})
}

// an administrator of one organisation cannot hold back what another says to
// the same mailbox.
func TestAFloodOfOneOrganisationHoldsBackNoOtherA05(t *testing.T) {
	h := newHouse(t)
	in := openInbox(t, h.clock.Now)
	w := h.worker(smtpTo(t, in.URL()))
	other := core.Tenant{ID: "tn_q", Organisation: "tn_q", Parent: "tn_p", Path: "/tn_p/tn_q/", Kind: core.Customer, State: core.TenantActive, Name: "Nordwind", Settings: core.SettingsDoc(`{}`)}
	if err := h.store.Update(t.Context(), "tn_p", func(tx store.Tx) error { return tx.InsertTenant(other) }); err != nil {
		t.Fatal(err)
	}
	h.notices(12, "anna@example.org")
	if err := h.store.Update(t.Context(), "tn_q", func(tx store.Tx) error {
		return h.post.Queue(tx, h.message(core.MailPasswordChanged, person("anna@example.org", "en")))
	}); err != nil {
		t.Fatal(err)
	}
	want(t, "report", h.pass(w), outbox.Report{Sent: 11, Deferred: 2})
}

// Who is not signed in cannot fill a mailbox, nor keep the news of what really
// happened from it.
func TestAStrangerCannotFloodAnybody(t *testing.T) {
	h := newHouse(t)
	in := openInbox(t, h.clock.Now)
	w := h.worker(smtpTo(t, in.URL()))
	for range 100 {
		h.queue(h.message(core.MailReset, person("anna@example.org", "en")))
	}
	want(t, "waiting", h.waiting(), 5)
	h.notices(3, "anna@example.org")
	want(t, "report", h.pass(w), outbox.Report{Sent: 8})
	// When their links die, not later, the next may come.
	h.clock.Advance(time.Hour)
	h.queue(h.message(core.MailReset, person("anna@example.org", "en")))
	want(t, "an hour later", h.pass(w), outbox.Report{Sent: 1})
}

// A-05, W-03: each kind that a stranger can cause has a share of its own, so that
// the one that needs nothing but a login silences none of the others, and news of
// what really happened costs nobody a link.
func TestAShareIsTheKindsOwnA05(t *testing.T) {
	h := newHouse(t)
	anna := person("anna@example.org", "en")
	queued := func(kind core.MailKind, inside bool, to core.User) bool {
		t.Helper()
		before := h.waiting()
		m := h.message(kind, to)
		m.Inside = inside
		h.queue(m)
		return h.waiting() > before
	}
	fill := func(kind core.MailKind, most int) {
		t.Helper()
		n := 0
		for range 30 {
			if queued(kind, false, anna) {
				n++
			}
		}
		want(t, "thirty times "+string(kind), n, most)
	}
	h.notices(20, anna.Email)
	fill(core.MailReset, 5)
	fill(core.MailEnrolProof, 5)
	fill(core.MailFirstLock, 4)
	fill(core.MailWrongCode, 4)
	for range 5 {
		if !queued(core.MailFactorDead, false, anna) || !queued(core.MailFirstLock, true, anna) {
			t.Error("news of somebody with the password is dropped")
		}
	}
	// Another account of the same mailbox has had none of its own yet, up to what the
	// mailbox takes at all.
	for i := range 5 {
		other := anna
		other.ID = core.UserID(fmt.Sprintf("us_other%d", i))
		want(t, fmt.Sprintf("account %d", i), queued(core.MailReset, false, other), true)
		want(t, fmt.Sprintf("account %d again", i), queued(core.MailReset, false, other), false)
	}
	other := anna
	other.ID = "us_more"
	want(t, "one account too many", queued(core.MailReset, false, other), false)
	h.clock.Advance(time.Hour + time.Second)
	want(t, "an hour later", queued(core.MailReset, false, anna), true)
}

// Whoever makes a link learns whether its mail goes.
func TestAnOfferSaysWhetherItGoes(t *testing.T) {
	h := newHouse(t)
	offer := func(m outbox.Message) (queued bool) {
		t.Helper()
		if err := h.store.Update(t.Context(), "tn_p", func(tx store.Tx) (err error) { queued, err = h.post.Offer(tx, m); return err }); err != nil {
			t.Fatal(err)
		}
		return queued
	}
	for i := range 7 {
		want(t, fmt.Sprintf("offer %d", i), offer(h.message(core.MailReset, person("anna@example.org", "en"))), i < 5)
	}
	want(t, "without an address", offer(h.message(core.MailReset, person("", "en"))), false)
	want(t, "waiting", h.waiting(), 5)
}

// kill -9 between claim and note: the lease runs out and the next worker sends.
func TestAKilledWorkersMailsAreSentByTheNext(t *testing.T) {
	h := newHouse(t)
	in := openInbox(t, h.clock.Now)
	h.notices(3, "anna@example.org")
	if got, err := h.store.ClaimMail(t.Context(), h.clock.Now(), 2*time.Minute, 20); err != nil || len(got) != 3 {
		t.Fatal(got, err)
	}
	w := h.worker(smtpTo(t, in.URL()))
	want(t, "while claimed", h.pass(w), outbox.Report{})
	h.clock.Advance(2*time.Minute + time.Second)
	want(t, "after", h.pass(w), outbox.Report{Sent: 3})
	want(t, "arrived", len(in.List("")), 3)
}

func TestOnlyOneNodeWorksAndAnotherTakesOver(t *testing.T) {
	h := newHouse(t)
	in := openInbox(t, h.clock.Now)
	one, two := h.worker(smtpTo(t, in.URL())), h.worker(smtpTo(t, in.URL()))
	two.Node = "two"
	h.notices(1, "a@example.org")
	want(t, "one", h.pass(one), outbox.Report{Sent: 1})
	h.notices(1, "b@example.org")
	want(t, "two beside it", h.pass(two), outbox.Report{})
	h.clock.Advance(21 * time.Second)
	want(t, "two after it fell silent", h.pass(two), outbox.Report{Sent: 1})
	want(t, "one comes back", h.pass(one), outbox.Report{})

	// A node that stops in order hands over at once.
	stopped, stop := context.WithCancel(t.Context())
	stop()
	two.Run(stopped)
	h.notices(1, "c@example.org")
	want(t, "one after two stopped", h.pass(one), outbox.Report{Sent: 1})
}

// forgetful is a store that does not take the first note.
type forgetful struct {
	outbox.Queue
	fail int
}

func (f *forgetful) SettleMail(ctx context.Context, m core.Mail) error {
	if f.fail > 0 {
		f.fail--
		return store.ErrDown
	}
	return f.Queue.SettleMail(ctx, m)
}

func TestAMailIsNotDoubledWhenTheStoreFailsAfterSending(t *testing.T) {
	h := newHouse(t)
	in := openInbox(t, h.clock.Now)
	w := h.worker(smtpTo(t, in.URL()))
	w.Queue = &forgetful{h.store, 2}
	h.notices(1, "anna@example.org")
	for range 2 {
		if _, err := w.Pass(t.Context()); !errors.Is(err, store.ErrDown) {
			t.Fatal(err)
		}
		h.clock.Advance(3 * time.Minute)
	}
	want(t, "when it is back", h.pass(w), outbox.Report{Sent: 1})
	want(t, "arrived", len(in.List("")), 1)
	want(t, "waiting", h.waiting(), 0)
}

// Stopping finishes the mail in hand and notes it, and leaves the others.
func TestStoppingLosesNothing(t *testing.T) {
	h := newHouse(t)
	ctx, stop := context.WithCancel(t.Context())
	server := mailtest.StartScripted(t, nil)
	server.Answer(func(verb, _ string) error {
		if verb == "DATA" {
			stop()
		}
		return nil
	})
	w := h.worker(smtpTo(t, server.URL()))
	h.notices(3, "anna@example.org")
	var over sync.WaitGroup
	over.Go(func() { w.Run(ctx) })
	over.Wait()
	want(t, "accepted", len(server.Took()), 1)
	want(t, "waiting", h.waiting(), 2)
	h.clock.Advance(3 * time.Minute) // the claim on the others runs out
	server.Answer(nil)
	want(t, "next start", h.pass(w), outbox.Report{Sent: 2})
}

func TestRunDeliversWhatIsQueuedMeanwhile(t *testing.T) {
	h := newHouse(t)
	in := openInbox(t, h.clock.Now)
	w := h.worker(smtpTo(t, in.URL()))
	w.Every = time.Hour // only the bell
	arrived := make(chan core.Mail, 10)
	w.Settled = func(m core.Mail) { arrived <- m }
	ctx, stop := context.WithCancel(t.Context())
	var over sync.WaitGroup
	over.Go(func() { w.Run(ctx) })
	defer over.Wait()
	defer stop()
	h.notices(1, "anna@example.org")
	w.Wake()
	select {
	case <-arrived:
	case <-time.After(20 * time.Second):
		t.Fatal("it did not wake")
	}
	want(t, "arrived", len(in.List("anna@example.org")), 1)
}

func TestWithoutAServerMailsWait(t *testing.T) {
	h := newHouse(t)
	h.notices(1, "anna@example.org")
	w := h.worker(nil)
	w.Sender = nil
	want(t, "report", h.pass(w), outbox.Report{})
	want(t, "waiting", h.waiting(), 1)
}
