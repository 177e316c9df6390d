package console

import (
	"encoding/csv"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"time"

	"sallyport/internal/audit"
	"sallyport/internal/core"
	"sallyport/internal/web"
)

func formatOf(f web.Form) (string, error) {
	switch f.Get("format") {
	case "", "csv", "json":
		return f.Get("format"), nil
	}
	return "", core.Invalid("form.invalid", "field", "format")
}

// cell is a value as a spreadsheet may have it. One that begins like a formula gets
// an apostrophe, or opening the file would run what somebody chose as their name.
func cell(s string) string {
	if s != "" && strings.ContainsRune("=+-@\t\r", rune(s[0])) {
		return "'" + s
	}
	return s
}

func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

// A sheet writes lines of a view as a file, one after the other.
type sheet interface {
	line(header, values []string, object any) error
	end() error
}

// newSheet begins a file. Nothing is written before the first line is there, so
// that a refusal can still be answered.
func newSheet(w http.ResponseWriter, format, name string) sheet {
	kind := "text/csv; charset=utf-8; header=present"
	if format == "json" {
		kind = "application/json; charset=utf-8"
	}
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Content-Disposition", `attachment; filename="`+name+"."+format+`"`)
	if format == "json" {
		return &jsonSheet{w: w}
	}
	return &csvSheet{w: csv.NewWriter(w)}
}

type csvSheet struct {
	w     *csv.Writer
	began bool
}

func (s *csvSheet) line(header, values []string, _ any) error {
	if !s.began {
		s.began = true
		if err := s.w.Write(header); err != nil {
			return err
		}
	}
	if values == nil {
		return nil
	}
	for i := range values {
		values[i] = cell(values[i])
	}
	return s.w.Write(values)
}

func (s *csvSheet) end() error { s.w.Flush(); return s.w.Error() }

type jsonSheet struct {
	w     io.Writer
	began bool
}

func (s *jsonSheet) line(_, values []string, object any) error {
	if values == nil {
		return nil
	}
	open := ",\n"
	if !s.began {
		s.began, open = true, `{"items":[`+"\n"
	}
	b, err := json.Marshal(object)
	if err != nil {
		return err
	}
	_, err = s.w.Write(append([]byte(open), b...))
	return err
}

func (s *jsonSheet) end() error {
	text := "\n]}\n"
	if !s.began {
		text = `{"items":[]}` + "\n"
	}
	_, err := io.WriteString(s.w, text)
	return err
}

var personColumns = []string{"id", "login", "name", "email", "tenant", "kind", "state", "mfa_status", "due_at", "methods", "roles", "flags", "last_sign_in_at"}

// personJSON is a person as the files have one; its keys are those of the columns.
type personJSON struct {
	ID           core.UserID       `json:"id"`
	Login        string            `json:"login"`
	Name         string            `json:"name"`
	Email        string            `json:"email,omitempty"`
	Tenant       core.TenantID     `json:"tenant"`
	Kind         core.UserKind     `json:"kind"`
	State        core.UserState    `json:"state"`
	MFAStatus    core.MFAStatus    `json:"mfa_status,omitempty"`
	DueAt        string            `json:"due_at,omitempty"`
	Methods      []core.FactorKind `json:"methods"`
	Roles        []string          `json:"roles"`
	Flags        []Flag            `json:"flags"`
	LastSignInAt string            `json:"last_sign_in_at,omitempty"`
}

// exportPeople writes every person of a filtered view. The status stands in it only
// while it is shown on the page (row ACR-09).
func (h *Handler) exportPeople(w http.ResponseWriter, r *http.Request, me Caller, q PeopleQuery, format string) error {
	q.Limit, q.Cursor = exported, ""
	var out sheet
	for {
		page, err := h.People.People(r.Context(), me, q)
		if err != nil {
			return err
		}
		if out == nil {
			out = newSheet(w, format, "people")
			if err := out.line(personColumns, nil, nil); err != nil {
				return err
			}
		}
		for _, row := range page.Rows {
			u := row.User
			p := personJSON{ID: u.ID, Login: u.Login, Name: u.Name, Email: u.Email, Tenant: u.Tenant, Kind: u.Kind, State: u.State, DueAt: stamp(row.DueAt),
				Methods: append([]core.FactorKind{}, row.Methods...), Roles: []string{}, Flags: append([]Flag{}, row.Flags...), LastSignInAt: stamp(u.LastSignInAt)}
			if page.Shown {
				p.MFAStatus = row.Status
			}
			for _, role := range row.Roles {
				name := string(role.Role)
				if role.Name != "" {
					name = role.Name
				}
				p.Roles = append(p.Roles, name)
			}
			values := []string{string(p.ID), p.Login, p.Name, p.Email, string(p.Tenant), string(p.Kind), string(p.State), string(p.MFAStatus), p.DueAt,
				joined(p.Methods), strings.Join(p.Roles, " "), joined(p.Flags), p.LastSignInAt}
			if err := out.line(personColumns, values, p); err != nil {
				return err
			}
		}
		if page.Next == "" {
			return out.end()
		}
		q.Cursor = page.Next
	}
}

func joined[T ~string](words []T) string {
	var out []string
	for _, w := range words {
		out = append(out, string(w))
	}
	return strings.Join(out, " ")
}

var entryColumns = []string{"at", "event", "actor", "actor_name", "acting_for", "target", "target_name", "result", "reason", "address", "request", "tenant", "position", "detail"}

// entryJSON is a line of the log as the files have one.
type entryJSON struct {
	At         string            `json:"at"`
	Event      string            `json:"event"`
	Actor      string            `json:"actor"`
	ActorName  string            `json:"actor_name,omitempty"`
	ActingFor  string            `json:"acting_for,omitempty"`
	Target     string            `json:"target,omitempty"`
	TargetName string            `json:"target_name,omitempty"`
	Result     string            `json:"result"`
	Reason     string            `json:"reason,omitempty"`
	Address    string            `json:"address,omitempty"`
	Request    string            `json:"request,omitempty"`
	Tenant     core.TenantID     `json:"tenant"`
	Detail     map[string]string `json:"detail,omitempty"`
	Position   int64             `json:"position,omitempty"`
}

func (h *Handler) exportEntries(w http.ResponseWriter, r *http.Request, me Caller, q AuditQuery, format string) error {
	q.Limit, q.Cursor = exported, ""
	var out sheet
	for {
		page, err := h.Audit.Entries(r.Context(), me, q)
		if err != nil {
			return err
		}
		if out == nil {
			out = newSheet(w, format, "audit")
			if err := out.line(entryColumns, nil, nil); err != nil {
				return err
			}
		}
		for _, e := range page.Entries {
			j := entryJSON{At: stamp(e.At), Event: e.Name, Actor: e.Actor, ActorName: e.ActorName, ActingFor: e.For, Target: e.Target, TargetName: e.TargetName,
				Result: e.Result, Reason: e.Reason, Address: e.Address, Request: e.Request, Tenant: e.Tenant, Detail: e.Detail, Position: e.Position}
			position := ""
			if e.Position > 0 {
				position = itoa(int(e.Position))
			}
			values := []string{j.At, j.Event, j.Actor, j.ActorName, j.ActingFor, j.Target, j.TargetName, j.Result, j.Reason, j.Address, j.Request, string(j.Tenant), position, audit.DetailCell(e.Event)}
			if err := out.line(entryColumns, values, j); err != nil {
				return err
			}
		}
		if page.Next == "" {
			return out.end()
		}
		q.Cursor = page.Next
	}
}
