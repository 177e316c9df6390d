package outbox

import (
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/emersion/go-message"
	_ "github.com/emersion/go-message/charset" // other people's mails come in other charsets
	gomessagemail "github.com/emersion/go-message/mail"
	"github.com/emersion/go-smtp"
)

// Received is a mail that arrived, decoded.
type Received struct {
	To      string    `json:"to"`
	From    string    `json:"from"`
	Subject string    `json:"subject"`
	Text    string    `json:"text"`
	HTML    string    `json:"html"`
	At      time.Time `json:"at"`
	Header  Header    `json:"-"`
	Raw     string    `json:"-"`
}

// Header gives single header fields of a received mail.
type Header interface{ Get(name string) string }

// Inbox is an SMTP server on loopback that keeps the newest mails in memory.
// demo shows it, so that what is seen there really went over SMTP.
type Inbox struct {
	now      func() time.Time
	server   *smtp.Server
	listener net.Listener
	addr     string
	done     chan struct{}

	mu    sync.Mutex
	mails []Received // newest last
}

const (
	inboxKeeps   = 500
	inboxBiggest = 1 << 20
)

// OpenInbox listens on addr, which must be on loopback: it takes mail for
// anybody and shows it to whoever asks.
func OpenInbox(addr string, now func() time.Time) (*Inbox, error) {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, fmt.Errorf("inbox: %w", err)
	}
	if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return nil, fmt.Errorf("inbox: %s is not on loopback", addr)
	}
	listener, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("inbox: %w", err)
	}
	in := &Inbox{now: now, listener: listener, addr: listener.Addr().String(), done: make(chan struct{})}
	in.server = smtp.NewServer(in)
	in.server.Domain = "localhost"
	in.server.MaxMessageBytes = inboxBiggest
	in.server.MaxRecipients = 20
	in.server.MaxLineLength = 4000
	in.server.ReadTimeout = time.Minute
	in.server.WriteTimeout = time.Minute
	in.server.EnableSMTPUTF8 = true
	// It would write to stderr that somebody hung up.
	in.server.ErrorLog = log.New(io.Discard, "", 0)
	go func() {
		defer close(in.done)
		_ = in.server.Serve(listener) // ends when Close closes the listener
	}()
	return in, nil
}

// Addr is where it listens, host:port.
func (i *Inbox) Addr() string { return i.addr }

// URL is a mail.smtp_url that leads here.
func (i *Inbox) URL() string { return "smtp://" + i.addr + "?tls=none" }

// List gives the mails to an address, newest first; all when to is empty.
func (i *Inbox) List(to string) []Received {
	i.mu.Lock()
	defer i.mu.Unlock()
	out := []Received{}
	for n := len(i.mails) - 1; n >= 0; n-- {
		if to == "" || strings.EqualFold(i.mails[n].To, to) {
			out = append(out, i.mails[n])
		}
	}
	return out
}

// Close stops listening and ends what is connected.
func (i *Inbox) Close() error {
	err := i.server.Close()
	// A server that was ended before it began to serve knows no listener to close.
	_ = i.listener.Close()
	<-i.done
	return err
}

// NewSession is called by the server for each connection.
func (i *Inbox) NewSession(*smtp.Conn) (smtp.Session, error) {
	return &inboxSession{inbox: i}, nil
}

type inboxSession struct {
	inbox *Inbox
	from  string
	to    []string
}

func (s *inboxSession) Reset()        { s.from, s.to = "", nil }
func (s *inboxSession) Logout() error { return nil }

func (s *inboxSession) Mail(from string, _ *smtp.MailOptions) error {
	s.from = from
	return nil
}

func (s *inboxSession) Rcpt(to string, _ *smtp.RcptOptions) error {
	s.to = append(s.to, to)
	return nil
}

func (s *inboxSession) Data(r io.Reader) error {
	raw, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	m, err := Decode(string(raw))
	if err != nil {
		return &smtp.SMTPError{Code: 554, EnhancedCode: smtp.EnhancedCode{5, 6, 0}, Message: "The message cannot be read"}
	}
	m.At = s.inbox.now()
	if m.From == "" {
		m.From = s.from
	}
	s.inbox.mu.Lock()
	defer s.inbox.mu.Unlock()
	for _, to := range s.to {
		m.To = to
		s.inbox.mails = append(s.inbox.mails, m)
	}
	if extra := len(s.inbox.mails) - inboxKeeps; extra > 0 {
		s.inbox.mails = append([]Received{}, s.inbox.mails[extra:]...)
	}
	return nil
}

// Decode reads a message as it travelled. To and At are the receiver's to fill.
func Decode(raw string) (Received, error) {
	reader, err := gomessagemail.CreateReader(strings.NewReader(raw))
	if err != nil && !message.IsUnknownCharset(err) {
		return Received{}, err
	}
	defer reader.Close()
	m := Received{Raw: raw, Header: &reader.Header}
	m.Subject, _ = reader.Header.Subject()
	if from, err := reader.Header.AddressList("From"); err == nil && len(from) > 0 {
		m.From = from[0].String()
	}
	for {
		part, err := reader.NextPart()
		if errors.Is(err, io.EOF) {
			return m, nil
		}
		if err != nil && !message.IsUnknownCharset(err) {
			return m, err
		}
		inline, ok := part.Header.(*gomessagemail.InlineHeader)
		if !ok {
			continue
		}
		body, err := io.ReadAll(io.LimitReader(part.Body, inboxBiggest))
		if err != nil {
			return m, err
		}
		switch kind, _, _ := inline.ContentType(); kind {
		case "text/plain":
			m.Text += string(body)
		case "text/html":
			m.HTML += string(body)
		}
	}
}
