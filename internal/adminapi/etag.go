package adminapi

import (
	"strconv"
	"strings"

	"sallyport/internal/core"
	"sallyport/internal/store"
)

// errStale says that what was looked at is another by now.
var errStale = core.NewFault(core.KindStale, "form.stale")

// tag says which version was answered.
func (c *call) tag(version int64) { c.w.Header().Set("ETag", `"`+strconv.FormatInt(version, 10)+`"`) }

// match reads If-Match into a question that is asked in the transaction of the change;
// nil where nothing is asked. Without the header the newest version is changed: an
// operator's script that knows what it wants need not look first.
func (c *call) match() (func(store.Reader) error, error) {
	all := c.r.Header.Values("If-Match")
	if len(all) == 0 || len(all) == 1 && strings.TrimSpace(all[0]) == "*" {
		return nil, nil
	}
	var wanted []int64
	for tag := range strings.SplitSeq(strings.Join(all, ","), ",") {
		text, ok := strings.CutPrefix(strings.TrimSpace(tag), `"`)
		text, end := strings.CutSuffix(text, `"`)
		n, err := strconv.ParseInt(text, 10, 64)
		if ok && end && err == nil && strconv.FormatInt(n, 10) == text {
			wanted = append(wanted, n)
		}
		// A tag that is none of ours matches nothing: that is stale, and no mistake.
	}
	fits := func(version int64, err error) error {
		if err != nil {
			return err
		}
		for _, n := range wanted {
			if n == version {
				return nil
			}
		}
		return errStale
	}
	switch c.op.Of {
	case "tenant":
		id := c.tenant()
		return func(r store.Reader) error {
			line, err := r.LineOf(id)
			if err != nil {
				return err
			}
			return fits(line[len(line)-1].Version, nil)
		}, nil
	case "user":
		id := c.user()
		return func(r store.Reader) error { u, err := r.User(id); return fits(u.Version, err) }, nil
	case "app":
		id := c.app()
		return func(r store.Reader) error { a, err := r.App(id); return fits(a.Version, err) }, nil
	case "role":
		id := c.role()
		return func(r store.Reader) error { x, err := r.CustomRole(id); return fits(x.Version, err) }, nil
	}
	return nil, core.Invalid("api.no_if_match")
}
