//go:build soak

package e2e

import (
	"testing"

	"sallyport/internal/testkit/house"
)

// TestSoakKilledUnderLoad is TestKilledUnderLoad with the large number.
func TestSoakKilledUnderLoad(t *testing.T) { killLoop(t, 500) }

// TestSoakImportedPeople is TestImportedPeopleOfManyTenants with a million people
// of ten thousand organisations, on both stores.
func TestSoakImportedPeople(t *testing.T) {
	for _, engine := range house.Engines {
		t.Run(engine, func(t *testing.T) { importMany(t, engine, 1_000_000, 10_000) })
	}
}
