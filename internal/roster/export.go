package roster

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/core"
	"sallyport/internal/policy"
	"sallyport/internal/session"
	"sallyport/internal/store"
)

// Person is somebody as an export shows them: nothing of it is secret, and an
// import takes it back.
type Person struct {
	ID           core.UserID    `json:"id"`
	Login        string         `json:"login"`
	Email        string         `json:"email"`
	Name         string         `json:"name"`
	Tenant       string         `json:"tenant"` // path of names, or the id where two have one
	Kind         core.UserKind  `json:"kind"`
	Status       string         `json:"status"`
	Locale       string         `json:"locale"`
	Roles        []string       `json:"roles"` // on that node
	Federated    bool           `json:"federated"`
	MFA          core.MFAStatus `json:"mfa_status"`
	CreatedAt    time.Time      `json:"created_at"`
	LastSignInAt time.Time      `json:"last_sign_in_at,omitzero"`
}

// Export gives everybody of a node and of those below it to fn; of all nodes when
// it is named by nothing. It returns how many roles it left out because they are
// held on another node than their owner's.
func (s *Service) Export(ctx context.Context, name string, by access.Actor, fn func(Person) error) (elsewhere int, err error) {
	index, err := s.places(ctx, false)
	if err != nil {
		return 0, fmt.Errorf("export: %w", err)
	}
	from := index.byID[index.root]
	if name != "" {
		at, fault := index.find(name)
		if fault != nil {
			return 0, fault.With("tenant", name)
		}
		from = at
	}
	var below []core.Tenant
	err = s.Store.View(ctx, from.tenant.ID, func(r store.Reader) (err error) { below, err = r.Below(); return err })
	if err != nil {
		return 0, fmt.Errorf("export: %w", err)
	}
	for _, t := range below {
		at, err := s.Tree.Place(ctx, t.ID)
		if err != nil {
			return elsewhere, fmt.Errorf("export: %w", err)
		}
		if !by.Can(access.ViewPeople, at) {
			return elsewhere, core.NewFault(core.KindNotFound, "tenant.unknown")
		}
		n, err := s.exportNode(ctx, t.ID, index.pathOf(t.ID), fn)
		elsewhere += n
		if err != nil {
			return elsewhere, fmt.Errorf("export: %w", err)
		}
	}
	return elsewhere, nil
}

func (s *Service) exportNode(ctx context.Context, id core.TenantID, path string, fn func(Person) error) (elsewhere int, err error) {
	eff, err := s.Tree.Effective(ctx, id)
	if err != nil {
		return 0, err
	}
	const page = 500
	after := core.UserID("")
	for {
		var people []Person
		err := s.Store.View(ctx, id, func(r store.Reader) error {
			users, err := r.Users(after, page)
			if err != nil {
				return err
			}
			for _, u := range users {
				p, others, err := exported(r, u, path, eff)
				if err != nil {
					return err
				}
				elsewhere += others
				people = append(people, p)
			}
			return nil
		})
		if err != nil {
			return elsewhere, err
		}
		for _, p := range people {
			after = p.ID
			if err := fn(p); err != nil {
				return elsewhere, err
			}
		}
		if len(people) < page {
			return elsewhere, nil
		}
	}
}

func exported(r store.Reader, u core.User, path string, eff policy.Effective) (p Person, elsewhere int, err error) {
	p = Person{ID: u.ID, Login: u.Login, Email: u.Email, Name: u.Name, Tenant: path, Kind: u.Kind, Status: statusOf(u), Locale: u.Locale,
		Roles: []string{}, Federated: u.Federated, CreatedAt: u.CreatedAt, LastSignInAt: u.LastSignInAt}
	grants, err := r.Roles(u.ID)
	if err != nil {
		return p, 0, err
	}
	for _, g := range grants {
		if g.Tenant == u.Tenant {
			p.Roles = append(p.Roles, string(g.Role))
		} else {
			elsewhere++
		}
	}
	slices.Sort(p.Roles)
	factors, err := r.Factors(u.ID)
	if err != nil {
		return p, 0, err
	}
	who, err := session.Lately(r, policy.PersonOf(u, factors), u.ID, eff)
	if err != nil {
		return p, 0, err
	}
	p.MFA = policy.Status(who, eff)
	return p, elsewhere, nil
}

// statusOf is the word that an import knows.
func statusOf(u core.User) string {
	switch u.State {
	case core.UserInvited:
		return string(core.UserInvited)
	case core.UserDisabled:
		return string(core.UserDisabled)
	}
	return string(core.UserActive)
}

// Writer writes exported people.
type Writer interface {
	Write(Person) error
	Flush() error
}

// NewWriter writes lines of JSON or CSV.
func NewWriter(out io.Writer, format string) (Writer, error) {
	switch format {
	case FormatNDJSON:
		enc := json.NewEncoder(out)
		enc.SetEscapeHTML(false)
		return jsonWriter{enc}, nil
	case FormatCSV:
		w := csvWriter{csv.NewWriter(out)}
		return w, w.Writer.Write([]string{"login", "email", "name", "tenant", "kind", "status", "locale", "roles", "federated", "mfa_status", "created_at", "last_sign_in_at", "id"})
	}
	return nil, fmt.Errorf("there is no format %q", format)
}

type jsonWriter struct{ *json.Encoder }

func (w jsonWriter) Write(p Person) error { return w.Encode(p) }
func (w jsonWriter) Flush() error         { return nil }

type csvWriter struct{ *csv.Writer }

func (w csvWriter) Write(p Person) error {
	when := func(t time.Time) string {
		if t.IsZero() {
			return ""
		}
		return t.UTC().Format(time.RFC3339)
	}
	cells := []string{p.Login, p.Email, p.Name, p.Tenant, string(p.Kind), p.Status, p.Locale, strings.Join(p.Roles, " "), fmt.Sprint(p.Federated),
		string(p.MFA), when(p.CreatedAt), when(p.LastSignInAt), string(p.ID)}
	for i := range cells {
		cells[i] = guardedCell(cells[i])
	}
	return w.Writer.Write(cells)
}

func (w csvWriter) Flush() error {
	w.Writer.Flush()
	return w.Error()
}
