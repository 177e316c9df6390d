package cli

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"runtime/debug"
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

// Bounds of a chunk. A thousand people hold the one writer of the embedded store
// for about a twentieth of a second.
const (
	chunkRows  = 1000
	chunkBytes = 8 << 20
	// chunksAtOnce is how many are under way: one is checked while the one before
	// it is written.
	chunksAtOnce = 2
)

// importReport is the result of an import.
type importReport struct {
	Read     int64            `json:"read"`
	Created  int64            `json:"created"`
	Existing int64            `json:"existing"`
	Updated  int64            `json:"updated"`
	Refused  int64            `json:"refused"`
	Skipped  int64            `json:"skipped"` // entries that are no people
	Hashes   map[string]int64 `json:"password_hashes"`
	Apps     int64            `json:"authenticator_apps"`
	Notes    map[string]int64 `json:"notes"`
	Problems []problemShown   `json:"problems"`
	More     int64            `json:"problems_more"` // that are not listed
	DryRun   bool             `json:"dry_run"`
}

type problemShown struct {
	Where   string         `json:"where"`
	Code    string         `json:"code"`
	Params  map[string]any `json:"params,omitempty"`
	Message string         `json:"message"`
}

// problemsListed bounds what JSON lists; in words all are told as they come.
const problemsListed = 100_000

// importer is one run.
type importer struct {
	s      *shell
	run    runner
	o      roster.Options
	total  int64
	report importReport
	flying []*flight
	logins map[uint64]bool // of a dry run
	mails  map[uint64]bool
}

// flight is a chunk under way.
type flight struct {
	rows   []roster.Row
	unread []unread
	wants  map[string]bool
	out    importOut
	err    error
	done   chan struct{}
}

// unread is a row that could not be read: it is told in its place.
type unread struct {
	after int // so many rows of its chunk
	bad   roster.BadRow
}

// errStopped ends a strict import.
var errStopped = errors.New("stopped at a row that was refused, because of --strict")

// bringIn reads all rows and brings them in by the chunk.
func (s *shell) bringIn(r roster.Reader, total int64, o roster.Options) error {
	i := &importer{s: s, o: o, total: total, logins: map[uint64]bool{}, mails: map[uint64]bool{}, report: importReport{
		Hashes: map[string]int64{}, Notes: map[string]int64{}, Problems: []problemShown{}, DryRun: o.DryRun}}
	began := false
	err := s.hold(how{}, func(run runner) error {
		i.run = run
		at, err := ask[tenantOut](run, "import.begin", o)
		if err != nil {
			return err
		}
		if at.Name != "" {
			s.say("into %s (%s)", plain(at.Name), at.ID)
		}
		began = true
		if run.house != nil {
			// A process that does nothing else: some memory for a sixth of its time.
			defer debug.SetGCPercent(debug.SetGCPercent(400))
		}
		return i.all(r)
	})
	s.progressEnd()
	if !began {
		return err
	}
	if told := s.result(i.report, i.show); err == nil {
		err = told
	}
	if err != nil {
		if !o.DryRun && i.report.Created+i.report.Updated > 0 {
			s.say("what is told above came in; run it again to go on")
		}
		return err
	}
	if i.report.Refused > 0 {
		return errFindings
	}
	if o.DryRun {
		s.next("the same without --dry-run")
	}
	return nil
}

func (i *importer) all(r roster.Reader) error {
	next := &flight{wants: map[string]bool{}}
	size := 0
	for {
		row, err := r.Next()
		var bad roster.BadRow
		var skipped roster.Skipped
		switch {
		case errors.As(err, &bad):
			i.report.Read++
			if i.o.Strict {
				i.refuse(bad.Where, bad.Fault)
				return errors.Join(i.land(0), errStopped)
			}
			next.unread = append(next.unread, unread{len(next.rows), bad})
			if len(next.unread) < chunkRows {
				continue
			}
		case errors.As(err, &skipped):
			i.report.Skipped++
			i.report.Notes[skipped.Note]++
			continue
		case errors.Is(err, io.EOF):
			return errors.Join(i.launch(next), i.land(0))
		case err != nil:
			return errors.Join(i.launch(next), i.land(0), err)
		default:
			i.report.Read++
			next.rows = append(next.rows, row)
			for _, word := range []string{row.Login, row.Email} {
				if word = strings.ToLower(strings.TrimSpace(word)); word != "" {
					next.wants[word] = true
				}
			}
			size += len(row.Name) + len(row.PasswordHash) + len(row.TOTPSecret) + 100
			if len(next.rows) < chunkRows && size < chunkBytes {
				continue
			}
		}
		if err := i.launch(next); err != nil {
			return errors.Join(i.land(0), err)
		}
		next, size = &flight{wants: map[string]bool{}}, 0
	}
}

// launch sends a chunk off when there is room. One that wants a login or an
// address of a chunk under way waits for it, so that the first of a file is the
// one that gets it.
func (i *importer) launch(f *flight) error {
	if len(f.rows)+len(f.unread) == 0 {
		return nil
	}
	room := chunksAtOnce - 1
	for _, other := range i.flying {
		for word := range f.wants {
			if other.wants[word] {
				room = 0
			}
		}
	}
	if i.o.Strict {
		room = 0
	}
	if err := i.land(room); err != nil {
		return err
	}
	f.done = make(chan struct{})
	i.flying = append(i.flying, f)
	go func() {
		defer close(f.done)
		if len(f.rows) == 0 {
			return
		}
		in := importIn{f.rows, i.o}
		if i.run.house != nil {
			// Between two halves in one process a thousand rows need not become text.
			f.out, f.err = importPeople(i.s.ctx, i.run.house, in)
			return
		}
		f.out, f.err = ask[importOut](i.run, "import.people", in)
	}()
	return nil
}

// land waits until at most so many chunks are under way, and counts what came of
// the others, in their order.
func (i *importer) land(most int) error {
	var errs []error
	for len(i.flying) > most {
		f := i.flying[0]
		i.flying = i.flying[1:]
		<-f.done
		if f.err != nil {
			errs = append(errs, f.err)
			most = 0
			continue
		}
		i.count(f)
		if i.o.Strict && len(f.out.Problems) > 0 {
			errs = append(errs, errStopped)
		}
	}
	if len(errs) > 0 {
		return errs[0] // the others met the same
	}
	return nil
}

func (i *importer) count(f *flight) {
	r, out := &i.report, f.out
	problems := out.Problems
	if i.o.DryRun {
		problems = append(problems, i.again(&out)...)
		slices.SortStableFunc(problems, func(a, b wireProblem) int { return a.Row - b.Row })
	}
	r.Created += int64(out.Created)
	r.Existing += int64(out.Existing)
	r.Updated += int64(out.Updated)
	r.Apps += int64(out.Apps)
	for k, n := range out.Hashes {
		r.Hashes[k] += int64(n)
	}
	for k, n := range out.Notes {
		r.Notes[k] += int64(n)
	}
	for _, p := range problems {
		for len(f.unread) > 0 && f.unread[0].after <= p.Row {
			i.refuse(f.unread[0].bad.Where, f.unread[0].bad.Fault)
			f.unread = f.unread[1:]
		}
		i.refuse(f.rows[p.Row].Where, &core.Fault{Kind: p.Kind, Code: p.Code, Params: p.Params})
	}
	for _, u := range f.unread {
		i.refuse(u.bad.Where, u.bad.Fault)
	}
	i.s.progress(progress{"people", r.Created + r.Existing + r.Updated + r.Refused, i.total})
}

// again finds what a dry run would have met in an earlier chunk, had that been
// written.
func (i *importer) again(out *importOut) (problems []wireProblem) {
	there := -1 // the row whose login was there: it takes no address either
	for _, m := range out.Marks {
		seen := i.logins
		if m.Address {
			seen = i.mails
		}
		switch {
		case m.Row == there:
		case !seen[m.Sum]:
			seen[m.Sum] = true
		case m.Address:
			out.Created--
			problems = append(problems, wireProblem{Row: m.Row, Kind: core.KindConflict, Code: "user.email_taken"})
		default:
			there = m.Row
			out.Created--
			if i.o.Existing == roster.Fail {
				problems = append(problems, wireProblem{Row: m.Row, Kind: core.KindConflict, Code: "user.login_taken"})
			} else {
				out.Existing++
			}
		}
	}
	return problems
}

// refuse tells of a row that does not come in.
func (i *importer) refuse(where string, f *core.Fault) {
	r := &i.report
	r.Refused++
	if i.s.JSON {
		if len(r.Problems) < problemsListed {
			r.Problems = append(r.Problems, problemShown{where, f.Code, f.Params, inWords(f)})
		} else {
			r.More++
		}
		return
	}
	i.s.progressHide()
	i.s.say("%s: %s", plain(where), inWords(f))
}

func (i *importer) show(w io.Writer) {
	r, would := i.report, ""
	if r.DryRun {
		would = "would be "
	}
	t := table(w)
	row := func(name string, n int64) { fmt.Fprintf(t, "%s\t%d\n", name, n) }
	row("read", r.Read)
	row(would+"created", r.Created)
	row("there already", r.Existing)
	if r.Updated > 0 {
		row(would+"updated", r.Updated)
	}
	row("refused", r.Refused)
	if r.Skipped > 0 {
		row("no people", r.Skipped)
	}
	row("authenticator apps", r.Apps)
	for _, k := range slices.Sorted(maps.Keys(r.Hashes)) {
		row("passwords by "+k, r.Hashes[k])
	}
	for _, k := range slices.Sorted(maps.Keys(r.Notes)) {
		row(noteWords(k), r.Notes[k])
	}
	_ = t.Flush()
}

// noteWords says what rows came in without.
func noteWords(note string) string {
	words := map[string]string{
		"locale.left_out":                      "language not spoken here, left out",
		"federated.secrets_left_out":           "password or app of federated people, left out",
		"service_account.app_left_out":         "app of a service account, left out",
		"totp.short":                           "apps with a key below 128 bits",
		"totp.more_than_one":                   "further apps of somebody, left out",
		"totp.left_out":                        "apps that cannot be taken, left out",
		"password_hash.left_out":               "passwords that cannot be taken, left out",
		"keycloak.other_credential":            "credentials of other kinds, left out",
		"keycloak.federated_with_password":     "federated people who keep their password",
		"keycloak.service_account_of_a_client": "service accounts of clients, left out",
	}
	if w := words[note]; w != "" {
		return w
	}
	return note
}

type exportCmd struct {
	People exportPeopleCmd `cmd:"" help:"Write people as lines of JSON or as CSV."`
}

type exportPeopleCmd struct {
	Tenant string `help:"Node whose people are written, with those of the nodes below it: its id, its name, or the path of names that leads to it. All when not given."`
	Format string `enum:"csv,ndjson" default:"ndjson" help:"csv or ndjson (${default})."`
	To     string `help:"The new file; stdout when not given." placeholder:"FILE"`
}

func (*exportPeopleCmd) Help() string {
	return "No password, no key and no code is in it. sallyport import people takes it back."
}

type exportIn struct {
	Tenant string `json:"tenant,omitempty"`
}

type exportOut struct {
	*roster.Person
	Elsewhere int `json:"roles_elsewhere,omitempty"` // of the last answer, which has no person
}

func (v *exportPeopleCmd) Run(s *shell) (err error) {
	out := s.Out
	if v.To != "" {
		f, err := os.OpenFile(v.To, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if errors.Is(err, os.ErrExist) {
			return fmt.Errorf("%s exists already; nothing was changed", v.To)
		}
		if err != nil {
			return err
		}
		defer func() {
			if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
				_ = os.Remove(v.To)
			}
		}()
		out = f
	}
	buf := bufio.NewWriterSize(out, 1<<16)
	w, err := roster.NewWriter(buf, v.Format)
	if err != nil {
		return err
	}
	n, elsewhere := int64(0), 0
	err = each(s, "export.people", how{}, exportIn{v.Tenant}, func(p exportOut) error {
		if p.Person == nil {
			elsewhere = p.Elsewhere
			return nil
		}
		if n++; n%500 == 0 && v.To != "" {
			s.progress(progress{"people", n, 0})
		}
		return w.Write(*p.Person)
	})
	if err = errors.Join(err, w.Flush(), buf.Flush()); err != nil {
		return err
	}
	s.say("%s", count(int(n), "person", "people"))
	if elsewhere > 0 {
		s.say("left out: %s held on another node than their owner's", count(elsewhere, "role", "roles"))
	}
	return nil
}

func farExportPeople(ctx context.Context, h *app.House, in exportIn, out *answers) error {
	elsewhere, err := h.Roster.Export(ctx, in.Tenant, access.Shell(), func(p roster.Person) error { return out.Result(exportOut{Person: &p}) })
	if err != nil {
		return err
	}
	return out.Result(exportOut{Elsewhere: elsewhere})
}
