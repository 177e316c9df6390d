package e2e

import (
	"strings"
	"testing"

	"sallyport/internal/testkit/house"
)

// TestStoppedAsSoonAsItServes: whoever reads the ready line may ask the server to
// end, also while it still looks up what to say about the first steps. Being asked
// to end is no failure.
func TestStoppedAsSoonAsItServes(t *testing.T) {
	for _, engine := range house.Engines {
		t.Run(engine, func(t *testing.T) {
			s := newSite(t, engine)
			if engine == "postgres" {
				s.block("roles") // where it looks for an administrator
			}
			p := s.serve()
			if code := p.Stop(t); code != 0 {
				t.Errorf("exit %d", code)
			}
			if said := p.Stderr(); strings.Contains(said, "serve.failed") || !strings.Contains(said, "serve.stopped") {
				t.Errorf("it said: %s", said)
			}
		})
	}
}
