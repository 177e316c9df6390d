//go:build soak

package e2e

import "testing"

// TestSoakKilledUnderLoad is TestKilledUnderLoad with the large number.
func TestSoakKilledUnderLoad(t *testing.T) { killLoop(t, 500) }
