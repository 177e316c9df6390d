package app_test

import (
	"testing"
	"time"

	"sallyport/internal/app"
	"sallyport/internal/testkit/house"
)

// The clock of a demo's new store may begin in the past and be wound to the present;
// that of one that was used goes on where it stood.
func TestTheDemosClockNeverGoesBack(t *testing.T) {
	for _, engine := range house.Engines {
		t.Run(engine, func(t *testing.T) {
			o := fresh(t, engine)
			o.Demo, o.Who = true, "demo"
			for i, c := range []struct{ wind, want time.Duration }{{10 * time.Minute, -20 * time.Minute}, {25 * time.Minute, 5 * time.Minute}, {0, 5 * time.Minute}} {
				h, err := app.Open(t.Context(), o)
				if err != nil {
					t.Fatal(err)
				}
				if err := h.SetBack(t.Context(), 30*time.Minute); err != nil {
					t.Fatal(err)
				}
				if err := h.Wind(t.Context(), c.wind); err != nil {
					t.Fatal(err)
				}
				if got := h.Clock.Offset(); got != c.want {
					t.Errorf("start %d: the clock stands at %v, want %v", i+1, got, c.want)
				}
				h.Close()
			}
		})
	}
}
