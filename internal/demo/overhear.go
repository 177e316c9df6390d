package demo

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/url"
	"time"

	"sallyport/internal/store"
)

// overhear keeps people.json true when somebody tries a change of password: a
// hash cannot be read back, so the demo listens to its own forms. Only here, and
// only for the people that it made up itself.
func (d *Demo) overhear(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPost || r.ContentLength <= 0 || r.ContentLength > 64<<10 {
			next.ServeHTTP(w, r)
			return
		}
		body, err := io.ReadAll(io.LimitReader(r.Body, 64<<10))
		if err != nil {
			http.Error(w, http.StatusText(http.StatusBadRequest), http.StatusBadRequest)
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		fields, err := url.ParseQuery(string(body))
		typed := fields.Get("new_password")
		if err != nil || typed == "" {
			next.ServeHTTP(w, r)
			return
		}
		before := d.passwordsSetAt(r.Context())
		next.ServeHTTP(w, r)
		d.mu.Lock()
		defer d.mu.Unlock()
		for i, c := range d.people {
			if at, ok := d.setAt(r.Context(), c); ok && !at.Equal(before[i]) {
				d.people[i].password = typed
			}
		}
	})
}

func (d *Demo) passwordsSetAt(ctx context.Context) []time.Time {
	d.mu.Lock()
	defer d.mu.Unlock()
	out := make([]time.Time, len(d.people))
	for i, c := range d.people {
		out[i], _ = d.setAt(ctx, c)
	}
	return out
}

// setAt is when a person's password was set; not ok when nobody can tell.
func (d *Demo) setAt(ctx context.Context, c cast) (at time.Time, ok bool) {
	u, err := d.house.Store.FindUser(ctx, c.user)
	if err != nil {
		return at, false
	}
	err = d.house.Store.View(ctx, u.Tenant, func(r store.Reader) error {
		p, err := r.Password(u.ID)
		at = p.SetAt
		return err
	})
	return at, err == nil
}
