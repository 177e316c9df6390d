package core

import "time"

// Reply is what was answered to a request that has a key of its own (Idempotency-Key),
// so that the same request sent again is answered and not done again.
type Reply struct {
	Mark   []byte // a hash of who asked and of their key
	Tenant TenantID
	Print  []byte // a keyed hash of what was asked
	// Answer is sealed; it is empty while the request is under way.
	Answer []byte
	// BusyUntil is when a request that is still under way was broken off.
	BusyUntil time.Time
	ExpiresAt time.Time
}
