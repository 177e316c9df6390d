package proxycheck

import (
	"errors"
	"html"
	"net/http"
	"strings"

	"sallyport/internal/core"
	"sallyport/internal/directory"
	"sallyport/internal/i18n"
	"sallyport/internal/secret"
	"sallyport/internal/session"
	"sallyport/internal/web"
)

// said are the values of the identity headers, made once for a person.
type said [len(identity)][]string

func saidOf(h *session.Hosted, path string) any {
	u := h.User
	return &said{{plain(u.Login)}, {plain(u.Name)}, {plain(u.Email)}, {strings.Join(h.RolesAt(path), ",")}, {string(u.Tenant)}, {h.Session.Level.ACR()}}
}

// plain keeps a value to one line.
func plain(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return -1
		}
		return r
	}, s)
}

// pass lets a request through. All headers are said each time, empty ones too: a
// proxy writes over what a client sent only with what it gets from us.
func pass(w http.ResponseWriter, s *said) int {
	h := w.Header()
	for i := range identity {
		h[identity[i]] = s[i]
	}
	h["Cache-Control"] = noStore
	w.WriteHeader(http.StatusOK)
	return http.StatusOK
}

var noStore = []string{"no-store"}

// redirect sends a browser elsewhere. nginx knows only a 401, from which its own
// configuration makes the redirect.
func redirect(w http.ResponseWriter, a asked, to string) int {
	keep(w.Header())
	w.Header().Set("Location", to)
	status := http.StatusFound
	if a.way == authRequest {
		status = http.StatusUnauthorized
	}
	w.WriteHeader(status)
	return status
}

// keep are the headers of what may end up in a browser. The app's host is not ours:
// nothing is said about it that would outlive this answer.
func keep(h http.Header) {
	h["Cache-Control"] = noStore
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'")
}

// ask has a person show who they are, or more: a browser is sent to where that is
// done, a program is told (RFC 9470).
func (h *Handler) ask(w http.ResponseWriter, r *http.Request, a asked, app *directory.Registered, need core.Level, token bool) (int, error) {
	if a.browses(r.Header) && !token {
		to, err := h.begin(w, r, a, app, need)
		if err != nil {
			return 0, err
		}
		return redirect(w, a, to), core.ErrNoSession
	}
	challenge := `Bearer realm="` + a.host + `"`
	if token {
		challenge += `, error="invalid_token"`
	}
	fault := core.ErrNoSession
	if need != core.LevelNone {
		challenge = strings.Replace(challenge, "invalid_token", "insufficient_user_authentication", 1) + `, acr_values="` + need.ACR() + `"`
	}
	w.Header().Set("WWW-Authenticate", challenge)
	h.page(w, r, http.StatusUnauthorized, fault)
	return http.StatusUnauthorized, fault
}

// refuse says no. The proxy hands it to whoever asked.
func (h *Handler) refuse(w http.ResponseWriter, r *http.Request, at way, err error) int {
	status := web.Status(err)
	switch {
	case status == http.StatusUnprocessableEntity:
		status = http.StatusBadRequest
	case errors.Is(err, core.ErrNoSession):
		status = http.StatusUnauthorized
	}
	if at == authRequest && status < 500 {
		status = http.StatusForbidden // nginx makes a 500 of everything that it does not know
	}
	f, ok := core.AsFault(err)
	if !ok || f.Kind == core.KindInternal {
		f = core.NewFault(core.KindInternal, "internal")
	}
	h.page(w, r, status, f)
	return status
}

// page says a refusal in the browser's language, with nothing that would have to be
// fetched from the app's host.
func (h *Handler) page(w http.ResponseWriter, r *http.Request, status int, f *core.Fault) {
	keep(w.Header())
	l := i18n.Choose("", "", "", "", r.Header.Get("Accept-Language"), "")
	words := l.Fault(f.Code, f.Params, nil)
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Language", l.Tag())
	w.WriteHeader(status)
	_, _ = w.Write([]byte("<!doctype html><html lang=\"" + l.Tag() + "\"><meta charset=\"utf-8\"><title>" + html.EscapeString(words.Title) +
		"</title><main data-page=\"error\"><h1>" + html.EscapeString(words.Title) + "</h1><p role=\"alert\" data-code=\"" + html.EscapeString(f.Code) + "\">" +
		html.EscapeString(words.Text) + "</p></main></html>\n"))
}

// begun is what the browser that begins is given, to be known by when it comes back.
// One that has it already keeps it: it may begin in two windows at once.
func begun(w http.ResponseWriter, r *http.Request, a asked) []byte {
	cookies := web.NewCookies(a.https)
	mark := cookies.Get(r, web.BegunCookie)
	if len(mark) != 43 {
		mark = secret.Token()
		cookies.Set(w, web.BegunCookie, mark, askedLife)
	}
	return secret.TokenHash(mark)
}
