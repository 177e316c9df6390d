package web

import (
	"context"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"sallyport/internal/core"
	"sallyport/internal/i18n"
)

// Page is what every page knows besides its own matter. Each page's struct
// embeds it.
type Page struct {
	Org    Org
	Zone   *time.Location // the organisation's; nil is UTC
	Now    time.Time
	Fault  error  // why the form comes back, shown above it
	Flash  string // what just worked: the tail of a catalog id
	Person string // whose account it is, for the bar of account pages
}

// Acting says for whom somebody acts. It stands above every page while that
// lasts.
type Acting struct {
	Person       string // who acts
	From         string // the organisation that they come from
	Organisation string // whose administrator they act as
	Left         time.Duration
	Reason       string
	EndAction    string
}

// minutesLeft is rounded up: the last minute is one.
func (a *Acting) minutesLeft() int { return max(0, int((a.Left+time.Minute-1)/time.Minute)) }

// WithActing tells that whoever reads the answer to this request acts elsewhere:
// every page says so, that of an error too. It returns the context that knows it.
func WithActing(ctx context.Context, a *Acting) context.Context {
	own, ours := ctx.Value(requestKey{}).(*request)
	if !ours {
		own = &request{}
		ctx = context.WithValue(ctx, requestKey{}, own)
	}
	own.acting = a
	return ctx
}

// Org is the organisation at whose door the person stands.
type Org struct {
	Name string
	App  string // the app that asked, if one did
}

// Hidden is a field that travels with a form unseen.
type Hidden struct{ Name, Value string }

// QR is a code to scan, as the path of its dark modules in a square of Size
// modules. Path and Size include the quiet zone of four modules on each side.
type QR struct {
	Path string
	Size int
}

func (p Page) Date(ctx context.Context, t time.Time) string { return Lang(ctx).Date(t, p.Zone) }

func (p Page) DateTime(ctx context.Context, t time.Time) string { return Lang(ctx).DateTime(t, p.Zone) }

func (p Page) Time(ctx context.Context, t time.Time) string { return Lang(ctx).Time(t, p.Zone) }

// When says a moment inside a sentence, Day the day alone.
func (p Page) When(ctx context.Context, t time.Time) string { return Lang(ctx).When(t, p.Now, p.Zone) }

func (p Page) Day(ctx context.Context, t time.Time) string { return Lang(ctx).Day(t, p.Now, p.Zone) }

// orgName is what the door says when no organisation is known yet.
func (p Page) orgName() string {
	if p.Org.Name == "" {
		return "Sallyport"
	}
	return p.Org.Name
}

// initials are the two letters of the organisation's tile.
func initials(name string) string {
	var out []rune
	for _, word := range strings.FieldsFunc(name, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }) {
		r, _ := utf8.DecodeRuneInString(word)
		out = append(out, unicode.ToUpper(r))
		if len(out) == 2 {
			break
		}
	}
	return string(out)
}

// MaskMail shows enough of an address to be recognised by its owner and not
// enough to be written to: "a•••r@example.com".
func MaskMail(address string) string {
	at := strings.LastIndex(address, "@")
	if at < 1 {
		return ""
	}
	name := []rune(address[:at])
	masked := string(name[0]) + "•••"
	if len(name) > 3 {
		masked += string(name[len(name)-1])
	}
	return masked + address[at:]
}

// said puts a refusal into the words of a page.
func (p Page) said(ctx context.Context) (i18n.Said, string) {
	return saidOf(ctx, p.Fault, p.Zone)
}

// Said puts another refusal than the page's own into one sentence.
func (p Page) Said(ctx context.Context, err error) string {
	said, _ := saidOf(ctx, err, p.Zone)
	return said.Text
}

func saidOf(ctx context.Context, err error, zone *time.Location) (i18n.Said, string) {
	f := publicFault(err)
	return Lang(ctx).Fault(f.Code, faultParams(f), zone), f.Code
}

func faultParams(f *core.Fault) map[string]any {
	params := map[string]any{}
	for k, v := range f.Params {
		params[k] = v
	}
	if f.RetryAfter > 0 {
		// Rounded up: who comes back at the minute that was said must not be early.
		params["minutes"] = int((f.RetryAfter + time.Minute - 1) / time.Minute)
	}
	return params
}

// Wrong reports whether the refusal is about this field.
func (p Page) Wrong(field string) bool {
	f, ok := core.AsFault(p.Fault)
	if !ok {
		return false
	}
	if named, _ := f.Params["field"].(string); named != "" {
		return named == field
	}
	if key, _ := f.Params["key"].(string); key != "" {
		// A setting's key, and a dot for each part of its value: the field says it with
		// an underscore.
		return strings.ReplaceAll(key, ".", "_") == field
	}
	switch {
	case f.Code == "password.wrong_current":
		return field == "password"
	case f.Code == "factor.locked", f.Code == "factor.dead":
		return false
	case strings.HasPrefix(f.Code, "factor."):
		return field == "code"
	case strings.HasPrefix(f.Code, "password."):
		return field == "new_password"
	case f.Code == "saved.required":
		return field == "saved"
	case strings.HasPrefix(f.Code, "support.reason_"):
		return field == "reason"
	case f.Code == "name.invalid":
		return field == "name"
	case strings.HasPrefix(f.Code, "email."), f.Code == "user.email_taken":
		return field == "email"
	case strings.HasPrefix(f.Code, "login."), f.Code == "user.login_taken":
		return field == "login"
	}
	return false
}
