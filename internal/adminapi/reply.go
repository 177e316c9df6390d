package adminapi

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"sallyport/internal/core"
	"sallyport/internal/store"
)

const (
	// replyLife is how long the same request is answered and not done again.
	replyLife = 24 * time.Hour
	// replyBusy is how long a request may be under way. What takes longer was broken off.
	replyBusy = time.Minute

	keyHeader    = "Idempotency-Key"
	purposePrint = "api_request"
)

// Refusals of a key. What was broken off in the middle may have been done or not, and
// nobody can tell: it is never done a second time by itself.
var (
	errKeyReused  = core.Invalid("idempotency.key_reused", "field", keyHeader)
	errKeyRunning = core.NewFault(core.KindConflict, "idempotency.running")
	errKeyUnknown = core.NewFault(core.KindConflict, "idempotency.unknown")
)

// result is an answer as it is written, and kept for a repetition.
type result struct {
	Status int               `json:"status"`
	Header map[string]string `json:"header,omitempty"`
	Body   json.RawMessage   `json:"body,omitempty"`
}

// kept are the headers that belong to an answer.
var kept = []string{"ETag", "Location"}

// once does a request that has a key of its own, or gives the answer that it got before.
func (c *call) once(key string, body []byte, do func() (result, error)) (res result, again bool, err error) {
	if len(key) > 255 || !printable(key) {
		return res, false, badField("api.field_invalid", keyHeader)
	}
	mark := Mark(c.Kind, c.Client, c.Actor.ID(), key)
	asked := fmt.Appendf(nil, "%q %q %x ", c.r.Method, c.r.URL.RequestURI(), mark)
	asked = append(asked, body...)
	print, err := c.h.Ring.KeyedHash(purposePrint, asked)
	if err != nil {
		return res, false, err
	}
	st, tenant := c.h.Directory.Store, c.User.Tenant
	ctx := context.WithoutCancel(c.Context) // what is done is written down, whether anybody waits for it or not
	err = st.Update(ctx, tenant, func(tx store.Tx) error {
		now := tx.Now()
		return tx.BeginReply(core.Reply{Mark: mark, Tenant: tenant, Print: print, BusyUntil: now.Add(replyBusy), ExpiresAt: now.Add(replyLife)})
	})
	if errors.Is(err, store.ErrConflict) {
		res, err = c.answered(ctx, tenant, mark, asked)
		return res, err == nil, err
	}
	if err != nil {
		return res, false, err
	}
	res, err = do()
	if err != nil {
		// A refusal did nothing, so the request may be made again: with a fresh proof,
		// or when what stood in its way is gone.
		if _, refused := core.AsFault(err); refused {
			err = errors.Join(err, st.Update(ctx, tenant, func(tx store.Tx) error { return tx.DropReply(mark) }))
		}
		return res, false, err
	}
	plain, err := json.Marshal(res)
	if err != nil {
		return res, false, err
	}
	// An answer may hold what is shown once, so it is sealed.
	sealed, err := c.h.Ring.Seal(plain, "reply", string(mark))
	if err == nil {
		err = st.Update(ctx, tenant, func(tx store.Tx) error { return tx.EndReply(mark, sealed) })
	}
	return res, false, err
}

// Mark is what a key of a caller is kept by.
func Mark(kind CallerKind, client core.ClientID, actor, key string) []byte {
	sum := sha256.Sum256(fmt.Appendf(nil, "%q %q %q %q", kind, client, actor, key))
	return sum[:]
}

// answered is what a request with the same key got.
func (c *call) answered(ctx context.Context, tenant core.TenantID, mark, asked []byte) (res result, err error) {
	var r core.Reply
	var now time.Time
	err = c.h.Directory.Store.View(ctx, tenant, func(rd store.Reader) error {
		now = rd.Now()
		r, err = rd.Reply(mark)
		return err
	})
	switch {
	case errors.Is(err, core.ErrNotFound):
		return res, errKeyRunning // it was refused in this moment
	case err != nil:
		return res, err
	case !c.h.Ring.CheckKeyedHash(purposePrint, asked, r.Print):
		return res, errKeyReused
	case len(r.Answer) == 0 && now.Before(r.BusyUntil):
		return res, errKeyRunning
	case len(r.Answer) == 0:
		return res, errKeyUnknown
	}
	plain, err := c.h.Ring.Open(r.Answer, "reply", string(mark))
	if err != nil {
		return res, fmt.Errorf("open a kept answer: %w", err)
	}
	return res, json.Unmarshal(plain, &res)
}

func printable(s string) bool {
	for i := range len(s) {
		if s[i] < 0x20 || s[i] > 0x7e {
			return false
		}
	}
	return true
}
