package console

import (
	"context"
	"net/url"
	"slices"
	"time"

	"sallyport/internal/core"
)

// AuditQuery asks for a part of what happened in a branch.
type AuditQuery struct {
	Tenant core.TenantID
	About  string // a person by login or id, or a request's id
	Family string // one of EventFamilies; empty: all
	Result string // "ok" or "refused"; empty: both
	Since  int    // days back; 0: from the beginning
	Cursor string
	Limit  int
}

// EventFamilies are the beginnings of events' names by which the log is filtered.
var EventFamilies = []string{"signin.", "session.", "user.", "user.mfa.", "user.browser.", "role.", "tenant.", "policy.", "support.", "service_account."}

// auditDays are the spans that the filter offers.
var auditDays = []int{1, 7, 30, 90}

func (q AuditQuery) with(change func(*AuditQuery), format string) string {
	q.Cursor = ""
	if change != nil {
		change(&q)
	}
	v := url.Values{}
	since := ""
	if q.Since > 0 {
		since = itoa(q.Since)
	}
	for name, value := range map[string]string{"q": q.About, "event": q.Family, "result": q.Result, "days": since, "cursor": written(q.Cursor), "format": format} {
		if value != "" {
			v.Set(name, value)
		}
	}
	path := tenantPath(q.Tenant, "/audit")
	if len(v) == 0 {
		return path
	}
	return path + "?" + v.Encode()
}

// Entry is a line of the log, with names for the ids that it holds.
type Entry struct {
	core.Event
	ActorName  string // empty: nobody's account, and Actor says what
	TargetName string
	// For is the organisation whose administrator the actor acted as, or nothing.
	For    string
	Sealed bool
}

// AuditList is a page of the log, newest first.
type AuditList struct {
	Entries []Entry
	Next    string
	// Chain is what is known of the chain of seals: how many entries are in it, and
	// whether that was found to hold. Checked is zero when nobody looked.
	Sealed  int64
	Checked time.Time
	Broken  bool
}

// Audit is what the pages of the log need.
type Audit interface {
	Entries(ctx context.Context, by Caller, q AuditQuery) (AuditList, error)
}

// AuditPage is the log of a branch.
type AuditPage struct {
	Page
	Query AuditQuery
	List  AuditList
}

// about is the family that an event is shown under: the longest that fits.
func knownFamily(f string) bool { return f == "" || slices.Contains(EventFamilies, f) }
