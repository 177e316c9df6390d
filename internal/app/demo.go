package app

import (
	"context"
	"fmt"
	"time"

	"sallyport/internal/secret"
)

// What a demo keeps in its own store. Nothing here is for a real one: serve
// refuses a store that bears the mark.
const (
	metaDemo      = "demo"       // the mark
	metaDemoClock = "demo_clock" // how far the clock was moved by hand
	metaDemoKey   = "demo_key"   // the master key of a demo on PostgreSQL
)

// Wind moves a demo's clock forward and keeps where it stands, so that the clock
// of a store that is used again does not go back.
func (h *House) Wind(ctx context.Context, by time.Duration) error {
	h.Clock.Advance(by)
	return h.Store.SetMeta(ctx, metaDemoClock, h.Clock.Offset().String())
}

// SetBack lets the clock of a demo's new store begin in the past, so that it can be
// wound and still end at the present. A store that was wound stays as it is: its
// clock never goes back.
func (h *House) SetBack(ctx context.Context, by time.Duration) error {
	text, err := h.Store.Meta(ctx, metaDemoClock)
	if err != nil || text != "" {
		return err
	}
	return h.Wind(ctx, -by)
}

// wound moves the clock to where an earlier demo on this store left it.
func (h *House) wound(ctx context.Context) error {
	text, err := h.Store.Meta(ctx, metaDemoClock)
	if err != nil || text == "" {
		return err
	}
	by, err := time.ParseDuration(text)
	if err != nil {
		return fmt.Errorf("the demo's clock: %w", err)
	}
	h.Clock.Advance(by)
	return nil
}

// demoMaster is the master key of a demo on a database. Its data is invented and
// its folder may be gone tomorrow, so the key stands where nobody else's would:
// in the store itself. Several demos may share the database.
func (h *House) demoMaster(ctx context.Context) (secret.Master, error) {
	text, err := h.Store.Meta(ctx, metaDemoKey)
	if err != nil {
		return secret.Master{}, err
	}
	if text == "" {
		text = secret.MasterText()
		if err := h.Store.SetMeta(ctx, metaDemoKey, text); err != nil {
			return secret.Master{}, err
		}
	}
	return secret.ParseMaster(text)
}
