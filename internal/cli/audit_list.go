package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/app"
	"sallyport/internal/audit"
	"sallyport/internal/core"
	"sallyport/internal/store"
)

type auditListCmd struct {
	Tenant string `help:"Id or name of a node: its log and that of what is below it within its organisation; when not given, the platform, and with --about also the organisations that it belongs to." placeholder:"NAME"`
	About  string `help:"Only what this account did or what was done to it: login or id; or the id of anything else." placeholder:"LOGIN"`
	Event  string `help:"Only events whose name begins with this, for example user.mfa." placeholder:"NAME"`
	Result string `enum:",ok,refused" default:"" help:"Only ok or refused."`
	Since  string `help:"Only from here on: 7d, 12h, a day like 2027-01-31 or an RFC 3339 time." placeholder:"TIME"`
	Until  string `help:"Only before this." placeholder:"TIME"`
	Limit  int    `default:"100" help:"At most this many, newest first (${default}); 0 is all."`
	Format string `enum:"table,csv,json" default:"table" help:"table, csv or json (${default})."`
}

func (*auditListCmd) Help() string {
	return "The log as the console shows and filters it. audit tail follows it, audit export writes all of it with its chain."
}

type auditListIn struct {
	Tenant string        `json:"tenant,omitempty"`
	About  string        `json:"about,omitempty"`
	Event  string        `json:"event,omitempty"`
	Result string        `json:"result,omitempty"`
	Since  time.Time     `json:"since,omitzero"`
	Ago    time.Duration `json:"ago,omitempty"` // instead of Since
	Until  time.Time     `json:"until,omitzero"`
	Limit  int           `json:"limit"`
}

// entryOut is a line of the log with names for the ids that it holds.
type entryOut struct {
	audit.Line
	ActorName  string `json:"actor_name,omitempty"`
	TargetName string `json:"target_name,omitempty"`
	ActingFor  string `json:"acting_for,omitempty"`
}

var entryColumns = []string{"at", "event", "actor", "actor_name", "acting_for", "target", "target_name", "result", "reason", "address", "request", "tenant", "position", "detail"}

func (e entryOut) cells() []string {
	position := ""
	if e.Position > 0 {
		position = fmt.Sprint(e.Position)
	}
	return []string{instant(e.At), e.Name, e.Actor, e.ActorName, e.ActingFor, e.Target, e.TargetName, e.Result, e.Reason, e.Address, e.Request, string(e.Tenant), position, audit.DetailCell(core.Event{Detail: e.Detail})}
}

func (v *auditListCmd) Run(s *shell) error {
	in := auditListIn{Tenant: v.Tenant, About: v.About, Event: v.Event, Result: v.Result, Limit: v.Limit}
	var err error
	if in.Since, in.Ago, err = sinceOf("--since", v.Since); err != nil {
		return err
	}
	var ago time.Duration
	if in.Until, ago, err = sinceOf("--until", v.Until); err != nil {
		return err
	}
	switch {
	case ago != 0:
		return usage("--until: %q is no day and no time", v.Until)
	case v.Limit < 0:
		return usage("--limit must not be negative")
	case v.Format == "csv" && s.JSON:
		return usage("--format csv and --json are two things; give one of them")
	}
	if v.Format == "csv" {
		out, err := newSheet(s.Out, entryColumns)
		if err != nil {
			return err
		}
		if err := each(s, "audit.list", how{}, in, func(e entryOut) error { return out.line(e.cells()) }); err != nil {
			return err
		}
		return out.end()
	}
	s.JSON = s.JSON || v.Format == "json"
	list := items[entryOut]{Items: []entryOut{}}
	if err := each(s, "audit.list", how{}, in, func(e entryOut) error { list.Items = append(list.Items, e); return nil }); err != nil {
		return err
	}
	return s.result(list, func(w io.Writer) {
		for _, e := range list.Items {
			fmt.Fprintln(w, eventLine(e.Line))
		}
		if v.Limit > 0 && len(list.Items) == v.Limit {
			s.say("only the newest %d are shown; --limit shows more", v.Limit)
		}
	})
}

// sinceOf reads an instant, or how long ago one is.
func sinceOf(flag, text string) (at time.Time, ago time.Duration, err error) {
	if text == "" {
		return at, 0, nil
	}
	if at, err = time.Parse(time.DateOnly, text); err == nil {
		return at, 0, nil
	}
	if at, err = time.Parse(time.RFC3339, text); err == nil {
		return at, 0, nil
	}
	var d core.Duration
	if err := d.UnmarshalText([]byte(text)); err != nil || d <= 0 {
		return at, 0, usage("%s: %q is neither a time like 7d, a day like 2027-01-31 nor a time like 2027-01-31T18:00:00Z", flag, text)
	}
	return time.Time{}, time.Duration(d), nil
}

func farAuditList(ctx context.Context, h *app.House, in auditListIn, out *answers) error {
	q := store.EventsQuery{Since: in.Since, Until: in.Until, Name: in.Event, Result: in.Result, About: in.About}
	if in.Ago > 0 {
		q.Since = h.Clock.Now().Add(-in.Ago)
	}
	var who core.User
	if in.About != "" {
		// A login is looked up; what is none may be an id of something else.
		u, err := h.Directory.FindUser(ctx, in.About)
		switch _, unknown := core.AsFault(err); {
		case err == nil:
			who, q.About = u, string(u.ID)
		case !unknown:
			return err
		case !strings.Contains(in.About, "_"):
			return core.NewFault(core.KindNotFound, "user.unknown").With("user", in.About)
		}
	}
	logs, err := logsOf(ctx, h, in.Tenant, in.About, who)
	if err != nil {
		return err
	}
	var found []core.Event
	for _, id := range logs {
		if found, err = entriesOf(ctx, h, id, q, in.Limit, found); err != nil {
			return err
		}
	}
	slices.SortStableFunc(found, func(a, b core.Event) int { return cmp.Or(b.At.Compare(a.At), cmp.Compare(b.Seq, a.Seq)) })
	if in.Limit > 0 && len(found) > in.Limit {
		found = found[:in.Limit]
	}
	names := namer{h: h, known: map[string]string{}}
	for _, e := range found {
		o := entryOut{Line: audit.LineOf(e)}
		for to, id := range map[*string]string{&o.ActorName: e.Actor, &o.TargetName: e.Target, &o.ActingFor: e.Detail[audit.DetailActingIn]} {
			if *to, err = names.of(ctx, id); err != nil {
				return err
			}
		}
		if err := out.Result(o); err != nil {
			return err
		}
	}
	if in.Tenant != "" || in.About == "" {
		return nil
	}
	where := make([]string, len(logs))
	for i, id := range logs {
		if where[i], err = nameOf(ctx, h, id); err != nil {
			return err
		}
	}
	return out.Say("looked in the log of " + strings.Join(where, ", ") + "; what stands in the log of another organisation comes with --tenant")
}

// logsOf are the nodes whose logs are read: the one that was named; else of an account
// its organisation and those in which it holds a role, of a node its organisation, and
// the platform.
func logsOf(ctx context.Context, h *app.House, tenant, about string, who core.User) ([]core.TenantID, error) {
	t, err := nodeOr(ctx, h, tenant)
	if err != nil || tenant != "" || about == "" {
		return []core.TenantID{t.ID}, err
	}
	var nodes []core.TenantID
	switch {
	case who.ID != "":
		nodes = append(nodes, who.Tenant)
		roles, err := h.Store.RolesOf(ctx, who.ID)
		if err != nil {
			return nil, err
		}
		for _, g := range roles {
			nodes = append(nodes, g.Tenant)
		}
	case strings.HasPrefix(about, core.PrefixTenant+"_"):
		nodes = append(nodes, core.TenantID(about))
	}
	var logs []core.TenantID
	for _, id := range nodes {
		e, err := h.Tree.Effective(ctx, id)
		if errors.Is(err, core.ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if !slices.Contains(logs, e.Organisation.ID) {
			logs = append(logs, e.Organisation.ID)
		}
	}
	if !slices.Contains(logs, t.ID) {
		logs = append(logs, t.ID)
	}
	return logs, nil
}

// entriesOf adds what one log has, newest first, at most limit; 0 is all.
func entriesOf(ctx context.Context, h *app.House, id core.TenantID, q store.EventsQuery, limit int, found []core.Event) ([]core.Event, error) {
	shown := 0
	for {
		q.Limit = 500
		if limit > 0 {
			q.Limit = min(500, limit-shown)
		}
		events, next, err := h.Directory.Events(ctx, id, q, access.Shell())
		if err != nil {
			return found, err
		}
		found, shown = append(found, events...), shown+len(events)
		if q.After = next; next == "" || limit > 0 && shown >= limit {
			return found, nil
		}
	}
}

// namer puts names to ids of people and of nodes; of others, and of whoever was
// erased, there is none.
type namer struct {
	h     *app.House
	known map[string]string
}

func (n namer) of(ctx context.Context, id string) (name string, err error) {
	if name, known := n.known[id]; known {
		return name, nil
	}
	switch prefix, _, _ := strings.Cut(id, "_"); {
	case prefix == core.PrefixUser:
		var u core.User
		if u, err = n.h.Store.FindUser(ctx, core.UserID(id)); err == nil && u.State != core.UserDeleted {
			name = u.Name
		}
	case prefix == core.PrefixTenant:
		name, err = nameOf(ctx, n.h, core.TenantID(id))
	}
	if errors.Is(err, core.ErrNotFound) {
		err = nil
	}
	n.known[id] = name
	return name, err
}
