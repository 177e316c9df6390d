package outbox

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/mail"
	"strconv"
	"strings"
	"sync"

	gomail "github.com/wneessen/go-mail"
	gosmtp "github.com/wneessen/go-mail/smtp"

	"sallyport/internal/config"
)

// SMTP hands mails to one server and keeps the connection while there are more.
type SMTP struct {
	server config.SMTP
	client *gomail.Client

	mu   sync.Mutex
	conn *gosmtp.Client
	raw  net.Conn
}

// NewSMTP prepares a sender; nothing is dialled before the first mail. helo is
// the name we give ourselves, the host of the public address.
func NewSMTP(server config.SMTP, helo string) (*SMTP, error) {
	s := &SMTP{server: server}
	// Whether the name is checked: yes where TLS is promised, no where it only
	// replaces a plain connection.
	tlsConfig := &tls.Config{ServerName: server.Host, MinVersion: tls.VersionTLS12,
		InsecureSkipVerify: !server.Implicit && server.STARTTLS == config.TLSOpportunistic}
	policy := gomail.TLSOpportunistic
	switch {
	case server.Implicit, server.STARTTLS == config.TLSNone:
		policy = gomail.NoTLS
	case server.STARTTLS == config.TLSRequired:
		policy = gomail.TLSMandatory
	}
	options := []gomail.Option{
		gomail.WithPort(server.Port), gomail.WithTimeout(server.Timeout), gomail.WithTLSPolicy(policy), gomail.WithTLSConfig(tlsConfig),
		gomail.WithDialContextFunc(s.dialer(tlsConfig)),
	}
	if server.Implicit {
		options = append(options, gomail.WithSSL())
	}
	if helo != "" {
		options = append(options, gomail.WithHELO(helo))
	}
	if server.User != "" {
		kind := gomail.SMTPAuthAutoDiscover
		if ip := net.ParseIP(server.Host); server.Host == "localhost" || ip != nil && ip.IsLoopback() {
			kind = gomail.SMTPAuthPlainNoEnc // stays on this machine
		}
		options = append(options, gomail.WithSMTPAuth(kind), gomail.WithUsername(server.User), gomail.WithPassword(server.Password))
	}
	client, err := gomail.NewClient(server.Host, options...)
	if err != nil {
		return nil, fmt.Errorf("mail server: %w", err)
	}
	s.client = client
	return s, nil
}

// dialer remembers the bare connection: the client drops it unclosed when the
// greeting, STARTTLS or the password fails.
func (s *SMTP) dialer(tlsConfig *tls.Config) gomail.DialContextFunc {
	return func(ctx context.Context, network, _ string) (net.Conn, error) {
		address := net.JoinHostPort(s.server.Host, strconv.Itoa(s.server.Port))
		var conn net.Conn
		var err error
		if s.server.Implicit {
			conn, err = (&tls.Dialer{Config: tlsConfig}).DialContext(ctx, network, address)
		} else {
			conn, err = (&net.Dialer{}).DialContext(ctx, network, address)
		}
		if err == nil {
			s.raw = conn
		}
		return conn, err
	}
}

// Send delivers one mail.
func (s *SMTP) Send(ctx context.Context, m Outgoing) error {
	// One address and nothing else: a list here would mail somebody whom nobody
	// asked for (row B-16).
	parsed, err := mail.ParseAddress(m.To)
	if err != nil || parsed.Address != m.To {
		return &Refusal{Permanent: true, Code: 553, Enhanced: "5.1.3", Text: "not a mail address"}
	}
	msg, err := compose(m)
	if err != nil {
		return &Refusal{Permanent: true, Code: 553, Enhanced: "5.6.0", Text: masked(err.Error(), m.To)}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	kept := s.conn != nil
	if !kept {
		if err := s.dial(ctx); err != nil {
			return fmt.Errorf("connect to the mail server: %s", masked(err.Error(), m.To))
		}
	}
	err = s.client.SendWithSMTPClient(s.conn, msg)
	var why *gomail.SendError
	if kept && errors.As(err, &why) && why.Reason == gomail.ErrConnCheck {
		// The server closed an idle connection; that says nothing about the mail.
		s.drop()
		if err := s.dial(ctx); err != nil {
			return fmt.Errorf("connect to the mail server: %s", masked(err.Error(), m.To))
		}
		err = s.client.SendWithSMTPClient(s.conn, msg)
	}
	if err == nil {
		return nil
	}
	if msg.IsDelivered() {
		// Trouble came after the server took it over; to send again would double it.
		s.drop()
		return nil
	}
	if !errors.As(err, &why) {
		s.drop()
		return fmt.Errorf("mail server: %s", masked(err.Error(), m.To))
	}
	// The library repeats whom it was for and the message's id behind what the
	// server said.
	said, _, _ := strings.Cut(why.Error(), ", affected ")
	text := masked(said, m.To)
	code := why.ErrorCode()
	switch why.Reason {
	case gomail.ErrSMTPRcptTo, gomail.ErrSMTPData, gomail.ErrSMTPDataClose:
		if code == 421 || code < 400 {
			// The server is going away, or the line broke.
			s.drop()
			return fmt.Errorf("mail server: %s", text)
		}
		return &Refusal{Permanent: code >= 500, Code: code, Enhanced: why.EnhancedStatusCode(), Text: text}
	}
	// The sender, the password or the connection was refused: it is about us and
	// would be so for every mail.
	s.drop()
	return fmt.Errorf("mail server: %s", text)
}

// Check greets the server, with TLS and password as configured, and leaves.
func (s *SMTP) Check(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.drop()
	if err := s.dial(ctx); err != nil {
		return fmt.Errorf("connect to the mail server: %s", masked(err.Error(), ""))
	}
	s.drop()
	return nil
}

// Rest closes the connection.
func (s *SMTP) Rest() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.drop()
}

func (s *SMTP) dial(ctx context.Context) error {
	conn, err := s.client.DialToSMTPClientWithContext(ctx)
	if err != nil {
		if s.raw != nil {
			s.raw.Close()
			s.raw = nil
		}
		return err
	}
	s.conn = conn
	return nil
}

func (s *SMTP) drop() {
	if s.conn == nil {
		return
	}
	_ = s.client.CloseWithSMTPClient(s.conn) // a polite QUIT; what follows it does not matter
	if s.raw != nil {
		s.raw.Close()
	}
	s.conn, s.raw = nil, nil
}

// compose makes the message: plain text first, HTML beside it.
func compose(m Outgoing) (*gomail.Msg, error) {
	msg := gomail.NewMsg(gomail.WithNoDefaultUserAgent(), gomail.WithEncoding(gomail.EncodingQP))
	msg.FromMailAddress(&m.From)
	if err := msg.EnvelopeFrom(m.From.Address); err != nil {
		return nil, err
	}
	if err := msg.To(m.To); err != nil {
		return nil, err
	}
	msg.Subject(m.Subject)
	msg.SetDateWithValue(m.Date)
	msg.SetMessageIDWithValue(m.MessageID)
	// RFC 3834: no holiday notice shall answer, and answer again.
	msg.SetGenHeader("Auto-Submitted", "auto-generated")
	msg.SetGenHeader("X-Auto-Response-Suppress", "All")
	msg.SetGenHeader(gomail.HeaderContentLang, m.Lang)
	msg.SetBodyString(gomail.TypeTextPlain, m.Text)
	msg.AddAlternativeString(gomail.TypeTextHTML, m.HTML)
	return msg, nil
}
