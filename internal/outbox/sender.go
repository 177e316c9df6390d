package outbox

import (
	"context"
	"fmt"
	"net/mail"
	"time"
)

// Outgoing is a mail in words, ready to be handed over.
type Outgoing struct {
	MessageID string // without angle brackets; the same at every try
	From      mail.Address
	To        string // one bare address
	Lang      string
	Subject   string
	Text      string
	HTML      string
	Date      time.Time
}

// Sender hands mails to a server. An error is a *Refusal when the server said
// something about this mail; any other means that the server could not be
// worked with, whatever the mail.
type Sender interface {
	Send(ctx context.Context, m Outgoing) error
	// Rest tells that nothing is left to send for now.
	Rest()
}

// Refusal is a server's no to one mail.
type Refusal struct {
	Permanent bool
	Code      int    // 550
	Enhanced  string // 5.1.1
	Text      string // what the server said, addresses shortened
}

func (r *Refusal) Error() string {
	if r.Enhanced != "" {
		return fmt.Sprintf("%d %s: %s", r.Code, r.Enhanced, r.Text)
	}
	return fmt.Sprintf("%d: %s", r.Code, r.Text)
}
