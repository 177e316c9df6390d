package core

import "time"

// Event is one line of the audit log. It holds ids, never names, addresses or
// anything secret, so that a person can be erased (decision 7.13).
type Event struct {
	Seq    int64 // the store's own order of insertion
	At     time.Time
	Name   string // dotted: "signin.succeeded"
	Tenant TenantID
	// Actor is who did it: a user's id, "local-shell" or "system".
	Actor    string
	Target   string // id of what it was done to, often a user
	Result   string // "ok" or "refused"
	Reason   string // a fault code or a word, when refused
	Address  string // where from, without a port
	Request  string
	Session  SessionID
	Detail   map[string]string
	Batch    int64 // 0 until sealed
	Position int64
}

// Actors that are nobody's account.
const (
	ActorShell  = "local-shell"
	ActorSystem = "system"
)

// Batch is a sealed run of events: a link of the chain.
type Batch struct {
	Number    int64
	First     int64 // position of its first event
	Count     int64
	Root      []byte // hash over its events in their positions
	Previous  []byte // the batch before, hashed whole
	At        time.Time
	Signature []byte
}

// ChangeKind types a line of the change feed.
type ChangeKind string

const (
	ChangeSession    ChangeKind = "session" // key: session id
	ChangeUser       ChangeKind = "user"    // key: user id: all its sessions are to be read anew
	ChangeTenant     ChangeKind = "tenant"  // key: tenant id: its settings and state
	ChangeKeys       ChangeKind = "keys"    // the key ring
	ChangeApp        ChangeKind = "app"     // key: app id
	ChangeEverything ChangeKind = "everything"
)

// Change is a line of the feed by which every node learns what was taken away.
type Change struct {
	Seq  int64
	Kind ChangeKind
	Key  string
	At   time.Time
}
