package cli

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"runtime/debug"
	"slices"
	"strings"

	"sallyport/internal/core"
	"sallyport/internal/roster"
)

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
		"email.left_out":                       "new addresses of people who have signed in here, left out",
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
