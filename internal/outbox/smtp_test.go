package outbox_test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"

	"sallyport/internal/core"
	"sallyport/internal/outbox"
	"sallyport/internal/testkit/mailtest"
)

// Delivery to a server that nobody here wrote.
func TestPostfixTakesOurMail(t *testing.T) {
	postfix := mailtest.StartPostfix(t)
	h := newHouse(t)
	var done settled
	w := h.worker(smtpTo(t, postfix.URL()))
	w.Settled = done.note
	m := h.message(core.MailInvitation, person("anna@example.org", "de"))
	h.queue(m)
	want(t, "report", h.pass(w), outbox.Report{Sent: 1})
	got := postfix.Await(t, "anna@example.org", 1)[0]
	if !strings.Contains(got.Text, base+m.Path) || !strings.Contains(got.HTML, base+m.Path) || got.Subject != "Ihre Einladung zu Bäckerei Huber" {
		t.Errorf("%q\n%s", got.Subject, got.Text)
	}
	// STARTTLS was offered and taken, though nobody vouches for the certificate.
	if !strings.Contains(got.Header.Get("Received"), "TLS") {
		t.Errorf("it travelled in the clear: %s", got.Header.Get("Received"))
	}
	want(t, "return path", got.Header.Get("Return-Path"), "<no-reply@example.com>")

	h.notices(1, "unknown@example.org")
	want(t, "unknown", h.pass(w), outbox.Report{Failed: 1})
	if e := done.last().LastError; !strings.HasPrefix(e, "550 5.1.1: ") || strings.Contains(e, "unknown@") {
		t.Errorf("kept as %q", e)
	}
	h.notices(1, "later@example.org")
	want(t, "later", h.pass(w), outbox.Report{Deferred: 1})
	want(t, "waiting", h.waiting(), 1)
}

// A promise of TLS is kept or nothing is sent.
func TestRequiredTLSRefusesAnUnknownCertificate(t *testing.T) {
	postfix := mailtest.StartPostfix(t)
	h := newHouse(t)
	w := h.worker(smtpTo(t, postfix.URL()+"?tls=required"))
	h.notices(1, "anna@example.org")
	if r, err := w.Pass(t.Context()); err == nil || r.Sent+r.Failed != 0 {
		t.Errorf("%+v, %v", r, err)
	}
	if !strings.Contains(fmt.Sprint(smtpTo(t, postfix.URL()+"?tls=required").Check(t.Context())), "certificate") {
		t.Error("Check does not say that it is the certificate")
	}
	plain := mailtest.StartScripted(t, nil)
	if err := smtpTo(t, "smtp://"+plain.Addr+"?tls=required").Check(t.Context()); err == nil {
		t.Error("a server without STARTTLS was accepted")
	}
	if err := smtpTo(t, postfix.URL()).Check(t.Context()); err != nil {
		t.Error(err)
	}
}

// B-16: a list of addresses is no address.
func TestOneMailHasOneRecipient(t *testing.T) {
	h := newHouse(t)
	server := mailtest.StartScripted(t, nil)
	w := h.worker(smtpTo(t, server.URL()))
	for _, to := range []string{"a@example.org,mallory@example.net", "a@example.org mallory@example.net", "Anna <a@example.org>", "a@example.org\r\nRCPT TO:<m@example.net>", "a"} {
		h.notices(1, to)
		want(t, fmt.Sprintf("%q", to), h.pass(w), outbox.Report{Failed: 1})
	}
	want(t, "accepted", len(server.Took()), 0)
}

// The connection is kept within a pass; a server that closes it meanwhile costs
// nothing.
func TestAConnectionThatWasClosedIsOpenedAgain(t *testing.T) {
	h := newHouse(t)
	in, err := outbox.OpenInbox("127.0.0.1:0", h.clock.Now)
	if err != nil {
		t.Fatal(err)
	}
	s := smtpTo(t, in.URL())
	out := outbox.Outgoing{MessageID: "1@example.com", To: "anna@example.org", Lang: "en", Subject: "s", Text: "t", HTML: "<p>t</p>", Date: h.clock.Now()}
	out.From.Address = "no-reply@example.com"
	if err := s.Send(t.Context(), out); err != nil {
		t.Fatal(err)
	}
	addr := in.Addr()
	if err := in.Close(); err != nil {
		t.Fatal(err)
	}
	again, err := outbox.OpenInbox(addr, h.clock.Now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { again.Close() })
	if err := s.Send(t.Context(), out); err != nil {
		t.Fatal(err)
	}
	want(t, "arrived", len(again.List("")), 1)
}

type withPassword struct{ smtp.Session }

func (withPassword) AuthMechanisms() []string { return []string{sasl.Plain} }
func (withPassword) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, password string) error {
		if user != "sallyport" || password != "p@ss:word" {
			return errors.New("wrong")
		}
		return nil
	}), nil
}

func TestThePasswordIsSentAndAWrongOneIsOurTrouble(t *testing.T) {
	in := openInbox(t, time.Now)
	server := smtp.NewServer(smtp.BackendFunc(func(c *smtp.Conn) (smtp.Session, error) {
		s, err := in.NewSession(c)
		return withPassword{s}, err
	}))
	server.AllowInsecureAuth = true
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go server.Serve(l)
	defer server.Close()
	h := newHouse(t)
	h.notices(1, "anna@example.org")
	if _, err := h.worker(smtpTo(t, "smtp://sallyport:wrong@"+l.Addr().String())).Pass(t.Context()); err == nil {
		t.Error("a wrong password passed")
	}
	want(t, "waiting", h.waiting(), 1)
	h.clock.Advance(time.Minute)
	want(t, "report", h.pass(h.worker(smtpTo(t, "smtp://sallyport:p%40ss%3Aword@"+l.Addr().String()))), outbox.Report{Sent: 1})
	want(t, "arrived", len(in.List("")), 1)
}

func TestInboxKeepsTheNewestAndTakesOnlyLoopback(t *testing.T) {
	h := newHouse(t)
	in := openInbox(t, h.clock.Now)
	s := smtpTo(t, in.URL())
	for i := range 510 {
		out := outbox.Outgoing{MessageID: fmt.Sprint(i, "@example.com"), To: "anna@example.org", Lang: "en", Subject: fmt.Sprint("Zahl ", i, " ä"), Text: "t", HTML: "<p>t</p>", Date: h.clock.Now()}
		out.From.Address = "no-reply@example.com"
		if err := s.Send(t.Context(), out); err != nil {
			t.Fatal(err)
		}
	}
	all := in.List("ANNA@example.org")
	want(t, "kept", len(all), 500)
	want(t, "newest", all[0].Subject, "Zahl 509 ä")
	want(t, "oldest", all[499].Subject, "Zahl 10 ä")
	want(t, "somebody else's", len(in.List("otto@example.org")), 0)
	for _, addr := range []string{"0.0.0.0:0", ":0", "192.0.2.1:25", "example.com:25", "nonsense"} {
		if in, err := outbox.OpenInbox(addr, time.Now); err == nil {
			in.Close()
			t.Errorf("it listens on %q", addr)
		}
	}
}

func send(addr, from string, to []string, body io.Reader) error {
	c, err := smtp.Dial(addr)
	if err != nil {
		return err
	}
	defer c.Close()
	return c.SendMail(from, to, body)
}

func TestInboxRefusesWhatIsTooBigAndReadsForeignMail(t *testing.T) {
	in := openInbox(t, time.Now)
	if err := send(in.Addr(), "a@example.com", []string{"b@example.org"}, strings.NewReader("Subject: big\r\n\r\n"+strings.Repeat("x\r\n", 1<<19))); err == nil {
		t.Error("a mail of more than 1 MiB was taken")
	}
	if err := send(in.Addr(), "a@example.com", []string{"b@example.org", "c@example.org"},
		strings.NewReader("Subject: =?iso-8859-1?q?Gr=FC=DFe?=\r\nContent-Type: text/plain; charset=iso-8859-1\r\n\r\nSch\xf6n\r\n")); err != nil {
		t.Fatal(err)
	}
	got := in.List("c@example.org")
	if len(got) != 1 || got[0].Subject != "Grüße" || strings.TrimSpace(got[0].Text) != "Schön" || got[0].From != "a@example.com" {
		t.Errorf("%+v", got)
	}
}

func TestMaskAddress(t *testing.T) {
	for in, out := range map[string]string{"anna@example.org": "a…@example.org", "a@example.org": "…@example.org", "": "…", "änne@example.org": "ä…@example.org", "nobody": "…"} {
		want(t, in, outbox.MaskAddress(in), out)
	}
}
