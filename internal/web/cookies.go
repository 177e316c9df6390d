package web

import (
	"net/http"
	"time"
)

// Cookie names one of the few cookies there are. The name on the wire is
// longer when the product is reached over https.
type Cookie string

const (
	SessionCookie Cookie = "sallyport"         // the session
	AttemptCookie Cookie = "sallyport-attempt" // the sign-in under way
	DeviceCookie  Cookie = "sallyport-device"  // a browser that finished a full sign-in before
	LangCookie    Cookie = "sallyport-lang"    // the language that was picked
	DoneCookie    Cookie = "sallyport-done"    // what was just done, for the next page to say once
	HostCookie    Cookie = "sallyport-host"    // on the host of an app behind a proxy: the sign-in to it
	BegunCookie   Cookie = "sallyport-begun"   // there too: which browser went to sign in
)

// Cookies writes and reads them. The __Host- prefix and Secure hold together:
// a browser drops the one without the other, and plain http on loopback can
// have neither.
type Cookies struct{ https bool }

// NewCookies takes whether people reach the product over https.
func NewCookies(https bool) Cookies { return Cookies{https} }

// Name is the cookie's name on the wire.
func (c Cookies) Name(which Cookie) string {
	if c.https {
		return "__Host-" + string(which)
	}
	return string(which)
}

// Set writes a cookie. A life of zero makes one that ends with the browser.
func (c Cookies) Set(w http.ResponseWriter, which Cookie, value string, life time.Duration) {
	http.SetCookie(w, c.cookie(which, value, int(life.Seconds())))
}

// Clear takes a cookie away.
func (c Cookies) Clear(w http.ResponseWriter, which Cookie) {
	http.SetCookie(w, c.cookie(which, "", -1))
}

func (c Cookies) cookie(which Cookie, value string, age int) *http.Cookie {
	return &http.Cookie{
		Name: c.Name(which), Value: value, MaxAge: age,
		Path: "/", HttpOnly: true, Secure: c.https, SameSite: http.SameSiteLaxMode,
	}
}

// Get reads a cookie, or nothing. Two cookies of one name that differ are
// nothing as well: one of them was planted by a neighbour on a longer path, and
// which one cannot be told.
func (c Cookies) Get(r *http.Request, which Cookie) string {
	found := ""
	for _, k := range r.CookiesNamed(c.Name(which)) {
		if found != "" && k.Value != found {
			return ""
		}
		found = k.Value
	}
	return found
}
