package mailtest

import (
	"io"
	"log"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-smtp"
)

// Scripted is a server that answers as a test decides, for the faults that a
// well-kept server does not show on demand.
type Scripted struct {
	Addr string

	mu     sync.Mutex
	answer func(verb, address string) error
	took   []string
}

// Say makes an answer: 450, "4.2.1", "Try later".
func Say(code int, enhanced [3]int, text string) error {
	return &smtp.SMTPError{Code: code, EnhancedCode: smtp.EnhancedCode(enhanced), Message: text}
}

// StartScripted starts one. answer is asked at "MAIL", "RCPT" and "DATA" with
// the address; nil takes it.
func StartScripted(t testing.TB, answer func(verb, address string) error) *Scripted {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &Scripted{Addr: l.Addr().String(), answer: answer}
	server := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return &scriptedSession{s: s}, nil }))
	server.Domain = "localhost"
	server.ReadTimeout, server.WriteTimeout = time.Minute, time.Minute
	server.ErrorLog = log.New(io.Discard, "", 0)
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = server.Serve(l)
	}()
	t.Cleanup(func() {
		server.Close()
		<-done
	})
	return s
}

// Answer changes what it answers from now on.
func (s *Scripted) Answer(answer func(verb, address string) error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answer = answer
}

// Took are the whole messages that it accepted.
func (s *Scripted) Took() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string{}, s.took...)
}

// URL is a mail.smtp_url that leads here.
func (s *Scripted) URL() string { return "smtp://" + s.Addr + "?tls=none&timeout=5s" }

func (s *Scripted) ask(verb, address string) error {
	s.mu.Lock()
	answer := s.answer
	s.mu.Unlock()
	if answer == nil {
		return nil
	}
	return answer(verb, address)
}

type scriptedSession struct {
	s  *Scripted
	to string
}

func (x *scriptedSession) Reset()        {}
func (x *scriptedSession) Logout() error { return nil }
func (x *scriptedSession) Mail(from string, _ *smtp.MailOptions) error {
	return x.s.ask("MAIL", from)
}
func (x *scriptedSession) Rcpt(to string, _ *smtp.RcptOptions) error {
	x.to = to
	return x.s.ask("RCPT", to)
}
func (x *scriptedSession) Data(r io.Reader) error {
	raw, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	if err := x.s.ask("DATA", x.to); err != nil {
		return err
	}
	x.s.mu.Lock()
	defer x.s.mu.Unlock()
	x.s.took = append(x.s.took, string(raw))
	return nil
}
