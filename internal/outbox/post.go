package outbox

import (
	"encoding/json"
	"fmt"
	"time"

	"sallyport/internal/core"
	"sallyport/internal/policy"
	"sallyport/internal/secret"
	"sallyport/internal/store"
)

// Sealer is the part of the key ring that closes.
type Sealer interface {
	Seal(plain []byte, bind ...string) ([]byte, error)
}

// Opener is the part of the key ring that opens.
type Opener interface {
	Open(sealed []byte, bind ...string) ([]byte, error)
}

// Post queues mails.
type Post struct {
	Ring Sealer
	// PerAddressHour is the cap of one address; see Worker.
	PerAddressHour int
}

// Message is a mail to be queued.
type Message struct {
	Kind      core.MailKind
	To        core.User // the account it is about; goes to its address
	Address   string    // another address to go to instead, such as a former one
	Effective policy.Effective
	// Path is the local path of a link, token and all. The public address is put
	// before it when the mail is sent, from the configuration and never from a
	// request (row B-30).
	Path   string
	Until  time.Time         // when the link dies
	Args   map[string]string // more words for the text, by kind
	Client core.Client       // where it happened, for notices
	// Inside: whoever caused it had shown the right password. No stranger can, so it
	// is kept to no share.
	Inside bool
}

// Queue writes the mail in the transaction of the deed. An account without an
// address is told nothing, and a mail that a stranger caused is dropped when
// too many of its kind go to the address already; neither is an error, because
// the deed stands either way.
func (p *Post) Queue(tx store.Tx, m Message) error {
	_, err := p.Offer(tx, m)
	return err
}

// Offer is Queue for who must know whether the mail goes: no link is worth making
// for a mail that is dropped.
func (p *Post) Offer(tx store.Tx, m Message) (queued bool, err error) {
	k, ok := kindOf(m.Kind)
	if !ok {
		return false, fmt.Errorf("queue mail: unknown kind %q", m.Kind)
	}
	if k.link && (m.Path == "" || m.Until.IsZero()) {
		return false, fmt.Errorf("queue mail: %s without a link or its end", m.Kind)
	}
	now := tx.Now()
	to := m.Address
	if to == "" {
		to = m.To.Email
	}
	if to == "" {
		return false, nil
	}
	if k.share > 0 && !m.Inside && p.PerAddressHour > 0 {
		n, own, err := tx.MailsTo(to, m.Kind, m.To.ID, now.Add(-time.Hour))
		if err != nil {
			return false, fmt.Errorf("queue mail %s: %w", m.Kind, err)
		}
		if n >= p.atMost(k, own) {
			return false, nil
		}
	}
	out := core.Mail{
		ID: core.MailID(secret.NewID(core.PrefixMail, now)), Tenant: tx.TenantID(), User: m.To.ID, Kind: m.Kind, To: to, Locale: locale(m),
		State: core.MailQueued, NextAt: now, CreatedAt: now, ExpiresAt: now.Add(newsLives),
	}
	if k.link {
		out.ExpiresAt = m.Until
	}
	if k.alarm {
		out.NextAt = now.Add(-alarmHead)
	}
	plain, err := json.Marshal(core.MailBody{
		Name: m.To.Name, Organisation: m.Effective.Name(), FromName: m.Effective.Settings.MailFromName, Path: m.Path, Args: m.args(),
		At: now, TimeZone: m.Effective.Settings.TimeZone, Until: m.Until, Agent: m.Client.AgentShort(), Address: m.Client.Where(),
	})
	if err != nil {
		return false, fmt.Errorf("queue mail %s: %w", m.Kind, err)
	}
	if out.Body, err = p.Ring.Seal(plain, bind(out)...); err != nil {
		return false, fmt.Errorf("queue mail %s: %w", m.Kind, err)
	}
	return true, tx.QueueMail(out)
}

// atMost is how many mails of a kind an address gets in an hour: the kind's part,
// so that the rest is left for news of what really happened. An account that had
// none of its own yet is not put off for another that shares its mailbox.
func (p *Post) atMost(k kind, own int) int {
	if own == 0 {
		return p.PerAddressHour
	}
	return (p.PerAddressHour + k.share - 1) / k.share
}

// args adds the login, which every mail may name: one mailbox may have several
// accounts.
func (m Message) args() map[string]string {
	args := map[string]string{"login": m.To.Login}
	for name, v := range m.Args {
		args[name] = v
	}
	return args
}

func locale(m Message) string {
	if m.To.Locale != "" {
		return m.To.Locale
	}
	return m.Effective.Settings.Locale
}

// bind ties a sealed body to its row: moved to another row it does not open.
func bind(m core.Mail) []string {
	return []string{"mail", string(m.Tenant), string(m.ID), string(m.Kind), m.To}
}

func openBody(ring Opener, m core.Mail) (core.MailBody, error) {
	var b core.MailBody
	plain, err := ring.Open(m.Body, bind(m)...)
	if err != nil {
		return b, err
	}
	return b, json.Unmarshal(plain, &b)
}
