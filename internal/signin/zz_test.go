package signin_test

import (
	"testing"
	"sallyport/internal/testkit/house"
)

func TestSmoke(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		org := h.Organisation("Ring", "self-service", "")
		p := h.Enrolled(org, "anna@example.com")
		p.SignIn(h.Browser("198.51.100.1"))
	})
}
