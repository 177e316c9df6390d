package web

import (
	"context"
	"net/http"
	"net/url"
	"sync"
	"time"

	"sallyport/internal/i18n"
)

// langKept is how long a browser remembers the language that was picked.
const langKept = 365 * 24 * time.Hour

// bound is the language of a request and what it is chosen by. The choice is made
// when somebody asks, since an answer without words needs none.
type bound struct {
	wishes
	query  url.Values
	known  *choices
	told   bool // who reads, by WithLanguage
	chosen bool
	lang   i18n.Lang
}

// wishes are all that the choice of a language looks at.
type wishes struct{ picked, profile, uiLocales, accept, tenantDefault string }

// choices remembers what was chosen. Parsing and matching the wishes costs more
// than everything else that a session check does, and the browsers of a
// house say few different things.
type choices struct {
	mu   sync.RWMutex
	kept map[wishes]i18n.Lang
}

const (
	choicesKept = 1000
	longWish    = 200 // what nobody's browser says is not worth a place
)

func newChoices() *choices { return &choices{kept: map[wishes]i18n.Lang{}} }

func (c *choices) choose(w wishes) i18n.Lang {
	choose := func() i18n.Lang {
		return i18n.Choose(w.picked, w.profile, w.uiLocales, "", w.accept, w.tenantDefault)
	}
	if c == nil || len(w.picked)+len(w.profile)+len(w.uiLocales)+len(w.accept)+len(w.tenantDefault) > longWish {
		return choose()
	}
	c.mu.RLock()
	lang, ok := c.kept[w]
	c.mu.RUnlock()
	if ok {
		return lang
	}
	lang = choose()
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.kept) >= choicesKept {
		// Somebody invents headers. Beginning anew costs the others one choice each.
		clear(c.kept)
	}
	c.kept[w] = lang
	return lang
}

// Lang is the language that this request is answered in.
func Lang(ctx context.Context) i18n.Lang {
	b := &requestOf(ctx).language
	if !b.chosen {
		b.lang, b.chosen = b.known.choose(b.wishes), true
	}
	return b.lang
}

// T says a message in the request's language; pairs are its arguments by name.
func T(ctx context.Context, id string, pairs ...any) string {
	return Lang(ctx).T(id, args(pairs))
}

func args(pairs []any) map[string]any {
	if len(pairs) == 0 {
		return nil
	}
	out := make(map[string]any, len(pairs)/2)
	for i := 0; i+1 < len(pairs); i += 2 {
		name, _ := pairs[i].(string)
		out[name] = pairs[i+1]
	}
	return out
}

// bindLanguage notes what the request itself says of its language, and remembers
// a pick (?lang=sv). Only a GET can pick: a form goes where it goes.
func bindLanguage(w http.ResponseWriter, r *http.Request, own *request, c Cookies, known *choices) {
	b := bound{wishes: wishes{accept: r.Header.Get("Accept-Language")}, known: known}
	if tag := c.Get(r, LangCookie); i18n.Known(tag) {
		// The cookie is only ever set by a pick, so it is one: it stays the language
		// on the pages after, whatever the profile says. Changing the profile clears it.
		b.picked = tag
	}
	if r.URL.RawQuery != "" {
		b.query = r.URL.Query()
	}
	if r.Method == http.MethodGet || r.Method == http.MethodHead {
		if tag := b.query.Get("lang"); i18n.Known(tag) {
			b.picked = tag
			c.Set(w, LangCookie, tag, langKept)
		}
	}
	own.language = b
}

// WithLanguage tells who reads and at whose door: the language of the profile,
// what the app asked for, and the organisation's own come into the order they
// belong in. Any of them may be empty.
func WithLanguage(r *http.Request, profile, uiLocales, tenantDefault string) *http.Request {
	own, ours := r.Context().Value(requestKey{}).(*request)
	if !ours {
		own = &request{}
		r = r.WithContext(context.WithValue(r.Context(), requestKey{}, own))
	}
	b := &own.language
	b.profile, b.uiLocales, b.tenantDefault, b.told, b.chosen = profile, uiLocales, tenantDefault, true, false
	return r
}

// goesAlong are the parts of a query that say where the person was going. Others
// stay behind: what came in an address by mistake, a password even, is not written
// into the page again.
var goesAlong = []string{"return_to", "next", "tenant", "login_hint", "inputmode", "sent", "resent", "to"}

// langHref is the address of this page in another language.
func langHref(ctx context.Context, tag string) string {
	q := url.Values{}
	query := requestOf(ctx).language.query
	for _, name := range goesAlong {
		if values, there := query[name]; there {
			q[name] = values
		}
	}
	q.Set("lang", tag)
	return "?" + q.Encode()
}
