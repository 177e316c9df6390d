package app_test

import (
	"testing"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/core"
	"sallyport/internal/directory"
	"sallyport/internal/testkit/house"
)

// Row ACR-22: an API client that stopped working, or is about to, is a finding.
func TestDoctorFindsProgramsThatEnd(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		org := h.Organisation("Huber", "self-service", "")
		h.Enrolled(org, "other@example.com", core.CustomerAdmin)
		owner := h.Enrolled(org, "owner@example.com", core.CustomerAdmin)
		for _, w := range []directory.ClientWish{{Name: "Long"}, {Name: "Brief", ExpiresAt: h.Clock.Now().Add(20 * 24 * time.Hour)}} {
			w.Owner = owner.ID
			if _, _, err := h.Directory.CreateClient(t.Context(), org.ID, w, access.Shell(), core.Client{}); err != nil {
				t.Fatal(err)
			}
		}
		want(t, diagnose(t, h, "programs"))
		h.Clock.Advance(10 * 24 * time.Hour)
		want(t, diagnose(t, h, "programs"), "Brief", "ends ")
		h.Clock.Advance(11 * 24 * time.Hour)
		want(t, diagnose(t, h, "programs"), "Brief", "ended ")
		if err := h.Directory.Disable(t.Context(), owner.ID, access.Shell(), core.Client{}); err != nil {
			t.Fatal(err)
		}
		h.Settle()
		want(t, diagnose(t, h, "programs"), "Brief", "Long", "its owner cannot sign in")
	})
}
