package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"sallyport/internal/access"
	"sallyport/internal/app"
	"sallyport/internal/core"
	"sallyport/internal/roster"
)

type importCmd struct {
	People   importPeopleCmd   `cmd:"" help:"Bring people in from lines of JSON or from CSV."`
	Keycloak importKeycloakCmd `cmd:"" help:"Bring people in from the export of a Keycloak realm."`
}

// importing are the flags of every import.
type importing struct {
	Existing     string `enum:"skip,update,fail" default:"skip" help:"What to do with a login that is there already: skip, update or fail (${default})."`
	DropUnusable bool   `help:"Bring people in without a password hash or an authenticator app that cannot be taken; otherwise their row is refused."`
	Strict       bool   `help:"Stop at the first row that is refused."`
	dry
}

func (v importing) options(tenant string) roster.Options {
	return roster.Options{Tenant: tenant, Existing: v.Existing, DropSecrets: v.DropUnusable, Strict: v.Strict, DryRun: v.DryRun}
}

type importPeopleCmd struct {
	File   string   `arg:"" help:"The file; - is stdin." name:"file"`
	Tenant string   `help:"Organisation of rows that name none: its id, its name, or the path of names that leads to it."`
	Map    []string `help:"Which of our columns one of theirs is; OURS is - to leave it out. Can be given several times." placeholder:"THEIRS=OURS" sep:"none"`
	Format string   `enum:",ndjson,csv" default:"" help:"ndjson or csv; told by how the file begins when not given."`
	importing
}

func (*importPeopleCmd) Help() string {
	return "Columns: " + strings.Join(roster.Columns(), ", ") + ". Nobody is mailed. A run that was broken off goes on when it is run again: " +
		"who is there already is skipped. Rows that are refused are told on stderr with their number and the reason, and the others come in all the same; the exit code is 3 then."
}

func (v *importPeopleCmd) Run(s *shell) error {
	mapping, err := roster.ParseMapping(v.Map)
	if err != nil {
		return usage("--map: %v", err)
	}
	in, total, done, err := s.peopleFile(v.File)
	if err != nil {
		return err
	}
	defer done()
	r, err := roster.NewReader(in, v.Format, mapping)
	if err != nil {
		return usage("%s: %v", v.File, err)
	}
	return s.bringIn(r, total, v.options(v.Tenant))
}

// peopleFile opens a file of people. Its lines are counted, for the bar.
func (s *shell) peopleFile(name string) (in io.Reader, total int64, done func(), err error) {
	if name == "-" {
		return s.reader(), 0, func() {}, nil
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, 0, nil, err
	}
	if info, err := f.Stat(); err == nil && info.Mode().IsRegular() && terminal(s.Err) {
		buf := make([]byte, 1<<18)
		for {
			n, err := f.Read(buf)
			total += int64(bytes.Count(buf[:n], []byte("\n")))
			if err != nil {
				break
			}
		}
		if _, err := f.Seek(0, io.SeekStart); err != nil {
			_ = f.Close()
			return nil, 0, nil, err
		}
	}
	return f, total, func() { _ = f.Close() }, nil
}

type importKeycloakCmd struct {
	Files  []string `arg:"" help:"REALM-realm.json and REALM-users-N.json, or the folder they are in." name:"file"`
	Tenant string   `required:"" help:"Organisation that the people come into: its id, its name, or the path of names that leads to it."`
	importing
}

func (*importKeycloakCmd) Help() string {
	return "Reads what `kc.sh export` wrote: login, address, name, language, state, password and authenticator app of each user. " +
		"Roles, groups and clients stay behind. The export of the admin console has no people in it."
}

func (v *importKeycloakCmd) Run(s *shell) error {
	files, err := keycloakFiles(v.Files)
	if err != nil {
		return err
	}
	r := &keycloakReader{files: files}
	defer r.close()
	return s.bringIn(r, 0, v.options(v.Tenant))
}

// keycloakFiles lists the files that have people in them.
func keycloakFiles(names []string) (out []string, err error) {
	for _, name := range names {
		info, err := os.Stat(name)
		if err != nil {
			return nil, err
		}
		if !info.IsDir() {
			out = append(out, name)
			continue
		}
		users, _ := filepath.Glob(filepath.Join(name, "*-users-*.json")) // the pattern is good
		if len(users) == 0 {
			users, _ = filepath.Glob(filepath.Join(name, "*-realm.json"))
		}
		if len(users) == 0 {
			return nil, fmt.Errorf("%s has no file REALM-users-N.json or REALM-realm.json", name)
		}
		out = append(out, users...)
	}
	// The realm's own file has no people when they stand in files of their own.
	if slices.ContainsFunc(out, isUsersFile) {
		out = slices.DeleteFunc(out, func(name string) bool { return strings.HasSuffix(name, "-realm.json") })
	}
	return out, nil
}

func isUsersFile(name string) bool { return strings.Contains(filepath.Base(name), "-users-") }

// keycloakReader reads one file after the other.
type keycloakReader struct {
	files []string
	open  *os.File
	in    roster.Reader
}

func (k *keycloakReader) Next() (roster.Row, error) {
	for {
		if k.in == nil {
			if len(k.files) == 0 {
				return roster.Row{}, io.EOF
			}
			f, err := os.Open(k.files[0])
			if err != nil {
				return roster.Row{}, err
			}
			k.open = f
			if k.in, err = roster.NewKeycloak(f, filepath.Base(k.files[0])); err != nil {
				return roster.Row{}, err
			}
			k.files = k.files[1:]
		}
		row, err := k.in.Next()
		if !errors.Is(err, io.EOF) {
			return row, err
		}
		k.close()
	}
}

func (k *keycloakReader) close() {
	if k.open != nil {
		_ = k.open.Close()
	}
	k.open, k.in = nil, nil
}

// importIn is a chunk on its way to the house.
type importIn struct {
	Rows    []roster.Row   `json:"rows"`
	Options roster.Options `json:"options"`
}

// importOut is what became of it.
type importOut struct {
	Created  int            `json:"created"`
	Existing int            `json:"existing"`
	Updated  int            `json:"updated"`
	Problems []wireProblem  `json:"problems,omitempty"`
	Notes    map[string]int `json:"notes,omitempty"`
	Hashes   map[string]int `json:"hashes,omitempty"`
	Apps     int            `json:"apps"`
	Marks    []roster.Mark  `json:"marks,omitempty"`
}

type wireProblem struct {
	Row    int            `json:"row"`
	Kind   core.Kind      `json:"kind"`
	Code   string         `json:"code"`
	Params map[string]any `json:"params,omitempty"`
}

func farImportBegin(ctx context.Context, h *app.House, o roster.Options, out *answers) error {
	t, err := h.Roster.Begin(ctx, o)
	if err != nil {
		return err
	}
	return out.Result(tenantAnswer(t))
}

func farImportPeople(ctx context.Context, h *app.House, in importIn, out *answers) error {
	res, err := importPeople(ctx, h, in)
	if err != nil {
		return err
	}
	return out.Result(res)
}

func importPeople(ctx context.Context, h *app.House, in importIn) (importOut, error) {
	o, err := h.Roster.Bring(ctx, in.Rows, in.Options, access.Shell(), core.Client{})
	if err != nil {
		return importOut{}, err
	}
	res := importOut{Created: o.Created, Existing: o.Existing, Updated: o.Updated, Notes: o.Notes, Hashes: o.Hashes, Apps: o.Apps, Marks: o.Marks}
	for _, p := range o.Problems {
		res.Problems = append(res.Problems, wireProblem{p.Row, p.Fault.Kind, p.Fault.Code, p.Fault.Params})
	}
	return res, nil
}
