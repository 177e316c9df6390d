package core

import (
	"net/netip"
	"time"
)

// DeviceState is where a device stands that waits to be let in: "pending", "allowed"
// or "denied".
type DeviceState string

const (
	DevicePending DeviceState = "pending"
	DeviceAllowed DeviceState = "allowed"
	DeviceDenied  DeviceState = "denied"
)

// Device is something without a keyboard, or without a browser, that waits for a
// person to let it in from another one (RFC 8628).
type Device struct {
	ID     DeviceID
	Tenant TenantID // the app's
	App    AppID
	Code   []byte // a keyed hash of what the person types
	State  DeviceState
	Doc    DeviceDoc
	// FamilyTenant and Family are what the device gets once it is allowed; the tenant
	// is the person's.
	FamilyTenant TenantID
	Family       FamilyID
	// Wait is how long it must leave between two questions.
	Wait      time.Duration
	CreatedAt time.Time
	PolledAt  time.Time // zero: it never asked
	ExpiresAt time.Time
}

// DeviceDoc is what a device asked for, and from where.
type DeviceDoc struct {
	Scopes    []string `json:"scopes,omitempty"`
	Resources []string `json:"resources,omitempty"`
	// Levels are those that the app would like, Must those of which one has to be.
	Levels  []Level    `json:"levels,omitempty"`
	Must    []Level    `json:"must,omitempty"`
	Address netip.Addr `json:"address,omitzero"`
	Agent   string     `json:"agent,omitempty"`
}

// Open reports whether somebody may still answer.
func (d Device) Open(now time.Time) bool {
	return d.State == DevicePending && now.Before(d.ExpiresAt)
}
