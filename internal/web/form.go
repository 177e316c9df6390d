package web

import (
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"sallyport/internal/core"
)

// MaxForm is the most bytes a form may have. The longest honest field, a
// password of 1024 bytes, takes three times that when it is escaped.
const MaxForm = 64 << 10

// Form is what was filled in: each field at most once, but for lists; valid
// UTF-8, without control characters. A field that was not sent is empty.
type Form struct {
	values map[string]string
	lists  map[string][]string
}

// Get is the field's value, or "".
func (f Form) Get(name string) string { return f.values[name] }

// Has reports whether the field was sent at all, as a ticked box is.
func (f Form) Has(name string) bool {
	_, ok := f.values[name]
	return ok || len(f.lists[name]) > 0
}

// All is every value of a field that may come again, as ticked boxes of one name
// do. Such a field is allowed as "name[]".
func (f Form) All(name string) []string { return f.lists[name] }

// MaxList is how often a field of a list may come at most.
const MaxList = 500

// ParseForm reads the fields of a posted form. Only the names in allowed are
// looked at; everything else is left unread, so that what a browser extension
// adds does no harm. A field that comes twice is refused: which of the two is
// meant cannot be known (B-16). Only a name that is allowed as "name[]" is a list
// and may come again.
func ParseForm(w http.ResponseWriter, r *http.Request, allowed ...string) (Form, error) {
	form := Form{values: map[string]string{}, lists: map[string][]string{}}
	if r.Method != http.MethodPost {
		return form, &statusFault{core.NewFault(core.KindInvalid, "method.not_allowed"), http.StatusMethodNotAllowed}
	}
	if r.ContentLength > MaxForm {
		return form, errTooLarge
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, MaxForm))
	if err != nil {
		var big *http.MaxBytesError
		if errors.As(err, &big) {
			return form, errTooLarge
		}
		// The sender went away or stumbled; there is nobody to blame on our side.
		return form, &statusFault{core.Invalid("form.invalid"), http.StatusBadRequest}
	}
	if len(body) == 0 {
		return form, nil
	}
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != "application/x-www-form-urlencoded" {
		return form, &statusFault{core.Invalid("form.invalid"), http.StatusUnsupportedMediaType}
	}
	values, err := url.ParseQuery(string(body))
	if err != nil {
		return form, &statusFault{core.Invalid("form.invalid"), http.StatusBadRequest}
	}
	return form, form.take(values, allowed)
}

// ParseQuery reads the fields of a form that was sent as an address: a search, a
// filter, a preview. The same is refused as in a posted one.
func ParseQuery(r *http.Request, allowed ...string) (Form, error) {
	form := Form{values: map[string]string{}, lists: map[string][]string{}}
	if r.URL.RawQuery == "" {
		return form, nil
	}
	if len(r.URL.RawQuery) > MaxForm {
		return form, errTooLarge
	}
	values, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return form, &statusFault{core.Invalid("form.invalid"), http.StatusBadRequest}
	}
	return form, form.take(values, allowed)
}

func (f Form) take(values url.Values, allowed []string) error {
	for name, given := range values {
		switch {
		case slices.Contains(allowed, name+"[]"):
			if len(given) > MaxList || slices.ContainsFunc(given, func(v string) bool { return !plain(v) }) {
				return core.Invalid("form.invalid", "field", name)
			}
			f.lists[name] = given
		case !slices.Contains(allowed, name):
		case len(given) != 1 || !plain(given[0]):
			return core.Invalid("form.invalid", "field", name)
		default:
			f.values[name] = given[0]
		}
	}
	return nil
}

// plain reports whether text can be what a person typed into a line.
func plain(text string) bool {
	return utf8.ValidString(text) && !strings.ContainsFunc(text, unicode.IsControl)
}

var errTooLarge = core.NewFault(core.KindTooLarge, "form.too_large")
