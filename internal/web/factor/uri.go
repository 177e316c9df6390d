package factor

import (
	"strings"

	"github.com/a-h/templ"
)

// otpauth lets exactly one scheme through that the template's own rule for
// links would refuse: the one that opens an authenticator app on this device.
func otpauth(uri string) templ.SafeURL {
	if !strings.HasPrefix(uri, "otpauth://totp/") {
		return templ.URL(uri)
	}
	return templ.SafeURL(uri)
}
