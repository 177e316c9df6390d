package recovery

import (
	"context"
	"fmt"

	"sallyport/internal/access"
	"sallyport/internal/audit"
	"sallyport/internal/core"
	"sallyport/internal/outbox"
	"sallyport/internal/session"
	"sallyport/internal/store"
)

// ResetBrowser takes the trust from one browser of somebody: it is asked for a code
// again, the others are not (row ACR-18), and the sessions end that came by its trust. One that is not theirs is not found.
func (s *Service) ResetBrowser(ctx context.Context, id core.UserID, browser core.BrowserID, by access.Actor, c core.Client) error {
	u, eff, err := s.proved(ctx, id, by, access.Untrust)
	if err != nil {
		return err
	}
	err = s.Store.Update(ctx, u.Tenant, func(tx store.Tx) error {
		n, err := tx.Untrust(id, browser)
		if err != nil {
			return err
		}
		if n == 0 {
			return core.ErrNotFound
		}
		if err := tx.EndAttempts(id); err != nil {
			return err
		}
		if _, err := session.EndTrusting(tx, id, "", audit.Did(audit.SessionRevoked, by, string(id), c), browser); err != nil {
			return err
		}
		if err := tx.Append(audit.Count(audit.Did(audit.BrowsersUntrusted, by, string(id), c), "browsers", n)); err != nil {
			return err
		}
		return s.Post.Queue(tx, outbox.Message{Kind: core.MailBrowsersReset, To: u, Effective: eff, Client: c, Args: map[string]string{"by": by.Name()}})
	})
	if err != nil {
		return fmt.Errorf("reset a browser of %s: %w", id, err)
	}
	return nil
}
