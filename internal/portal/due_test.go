package portal_test

import (
	"strings"
	"testing"
	"time"

	"sallyport/internal/testkit/house"
)

// Who may still put the setup off reads on the security page until when: where grace
// runs, with the skips that are left, and where somebody is new.
func TestTheSecurityPageSaysUntilWhen(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		for name, settings := range map[string]string{
			"grace": `{"requirement":["organization"],"new_user_window":{"days":0},"enforce_at":{"grace":{"days":10,"skips":3}}}`,
			"new":   `{"requirement":["organization"],"new_user_window":{"days":5}}`,
		} {
			org := h.Organisation(name, "", settings)
			p := h.Person(org, "anna@"+name+".example")
			r := h.Raw("")
			a := p.Knock(r)
			if !a.In() {
				a = r.Post(a.Location, "go", "skip")
			}
			page := r.Get(security)
			if page.Page() != "security" {
				t.Fatalf("%s: page %q, to %q", name, page.Page(), page.Location)
			}
			until := p.User().ValidatedAt.AddDate(0, 0, 5)
			if name == "grace" {
				until = h.Clock.Now().Add(10 * 24 * time.Hour)
			}
			if day := until.UTC().Format("2 January 2006"); !strings.Contains(page.Text(), day) {
				t.Errorf("%s: the page does not say %s:\n%s", name, day, page.Text())
			}
		}
	})
}
