package store

import (
	"context"

	"sallyport/internal/core"
)

// When is a store whose first change goes through only where check lets it: the
// question is asked in the transaction of the change, so that nothing comes in between.
// It serves one deed of one caller.
func When(s Store, check func(Reader) error) Store { return &when{Store: s, check: check} }

type when struct {
	Store
	check func(Reader) error
	past  bool
}

func (w *when) Update(ctx context.Context, tenant core.TenantID, fn func(Tx) error) error {
	if w.past {
		return w.Store.Update(ctx, tenant, fn)
	}
	err := w.Store.Update(ctx, tenant, func(tx Tx) error {
		if err := w.check(tx); err != nil {
			return err
		}
		return fn(tx)
	})
	w.past = err == nil
	return err
}
