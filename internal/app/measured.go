package app

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"sallyport/internal/core"
	"sallyport/internal/store"
)

// measured is a store whose transactions are timed, for the metrics.
type measured struct {
	store.Store
	view, update prometheus.Observer
	now          func() time.Time
}

func (m measured) View(ctx context.Context, tenant core.TenantID, fn func(store.Reader) error) error {
	began := m.now()
	err := m.Store.View(ctx, tenant, fn)
	m.view.Observe(m.now().Sub(began).Seconds())
	return err
}

func (m measured) Update(ctx context.Context, tenant core.TenantID, fn func(store.Tx) error) error {
	began := m.now()
	err := m.Store.Update(ctx, tenant, fn)
	m.update.Observe(m.now().Sub(began).Seconds())
	return err
}
