package adminapi

import (
	"encoding/base64"
	"net/url"
	"strconv"

	"sallyport/internal/core"
	"sallyport/internal/secret"
	"sallyport/internal/store"
)

// Bounds of a page.
const (
	pageLimit = 50
	pageMost  = 200
	cursorMax = 2048
)

// Sealer seals what leaves the house and comes back.
type Sealer interface {
	Seal(plain []byte, bind ...string) ([]byte, error)
	Open(sealed []byte, bind ...string) ([]byte, error)
	KeyedHash(purpose string, data []byte) ([]byte, error)
	CheckKeyedHash(purpose string, data, stored []byte) bool
}

var _ Sealer = (*secret.Ring)(nil)

var errCursor = core.Invalid("api.cursor_invalid", "field", "cursor")

// bound is what a cursor is good for: the same question of the same caller. Else one
// would say where somebody stands in a list that its holder may not see.
func (c *call) bound() []string {
	q := c.r.URL.Query()
	q.Del("cursor")
	q.Del("limit")
	return []string{"cursor", string(c.Kind), string(c.Client), c.Actor.ID(), c.op.ID, c.r.URL.Path, url.Values(q).Encode()}
}

// page reads limit and cursor.
func (c *call) page() (store.Page, error) {
	p := store.Page{Limit: pageLimit}
	if text := c.query("limit"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > pageMost {
			return p, core.Invalid("api.field_invalid", "field", "limit")
		}
		p.Limit = n
	}
	text := c.query("cursor")
	if text == "" {
		return p, nil
	}
	after, err := openCursor(c.h.Ring, text, c.bound())
	p.After = after
	return p, err
}

func openCursor(ring Sealer, text string, bound []string) (string, error) {
	if len(text) > cursorMax {
		return "", errCursor
	}
	sealed, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil {
		return "", errCursor
	}
	plain, err := ring.Open(sealed, bound...)
	if err != nil || len(plain) == 0 {
		return "", errCursor
	}
	return string(plain), nil
}

// next seals the place where the next page begins.
func (c *call) next(after string) (string, error) {
	if after == "" {
		return "", nil
	}
	sealed, err := c.h.Ring.Seal([]byte(after), c.bound()...)
	return base64.RawURLEncoding.EncodeToString(sealed), err
}
