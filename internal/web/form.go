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

// Form is what was filled in: each field at most once, valid UTF-8, without
// control characters. A field that was not sent is empty.
type Form struct{ values map[string]string }

// Get is the field's value, or "".
func (f Form) Get(name string) string { return f.values[name] }

// Has reports whether the field was sent at all, as a ticked box is.
func (f Form) Has(name string) bool { _, ok := f.values[name]; return ok }

// ParseForm reads the fields of a posted form. Only the names in allowed are
// looked at; everything else is left unread, so that what a browser extension
// adds does no harm. A field that comes twice is refused: which of the two is
// meant cannot be known (B-16).
func ParseForm(w http.ResponseWriter, r *http.Request, allowed ...string) (Form, error) {
	form := Form{values: map[string]string{}}
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
	for name, given := range values {
		if !slices.Contains(allowed, name) {
			continue
		}
		if len(given) != 1 || !plain(given[0]) {
			return form, core.Invalid("form.invalid", "field", name)
		}
		form.values[name] = given[0]
	}
	return form, nil
}

// plain reports whether text can be what a person typed into a line.
func plain(text string) bool {
	return utf8.ValidString(text) && !strings.ContainsFunc(text, unicode.IsControl)
}

var errTooLarge = core.NewFault(core.KindTooLarge, "form.too_large")
