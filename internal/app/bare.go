package app

import (
	"context"
	"time"

	"sallyport/internal/secret"
)

// OpenBare opens the store and the clock and nothing else: no schema is brought
// up, no key is read. It is for looking at a store that Open may refuse.
func OpenBare(ctx context.Context, o Options) (_ *House, err error) {
	h := &House{Config: o.Config, Log: o.Log, Clock: &Clock{}, Node: secret.NewID("nd", time.Now())}
	if h.Store, h.release, err = OpenStore(ctx, o, h.Clock.Now); err != nil {
		return nil, err
	}
	if h.Store.Engine() == "postgres" {
		if err := h.Clock.Measure(ctx, h.Store.Clock); err != nil {
			h.Close()
			return nil, err
		}
	}
	return h, nil
}
