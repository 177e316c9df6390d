package roster

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/core"
	"sallyport/internal/directory"
	"sallyport/internal/secret"
	"sallyport/internal/store"
)

// Service holds what bringing people in and out needs.
type Service struct {
	Store store.Store
	Tree  *directory.Tree
	// Directory judges what a row says of a service account, as it does of one that is
	// made by hand.
	Directory *directory.Service
	Ring      *secret.Ring
	Hashes    Hashes
	Now       func() time.Time

	kept kept
}

// Hashes is told of imported password hashes: before they come in, and how many
// of each setting came.
type Hashes interface {
	Imported(ctx context.Context, st store.Store) error
	Add(counts map[string]int64)
}

// What to do with a row whose login somebody has already.
const (
	Skip   = "skip"
	Update = "update"
	Fail   = "fail"
)

// Options of an import.
type Options struct {
	Tenant      string `json:"tenant,omitempty"`   // for rows that name none
	Existing    string `json:"existing,omitempty"` // Skip when empty
	DropSecrets bool   `json:"drop_secrets,omitempty"`
	Strict      bool   `json:"strict,omitempty"`  // a bad row keeps its whole chunk out
	DryRun      bool   `json:"dry_run,omitempty"` // nothing is written
}

// Problem is what is wrong with one row of a chunk.
type Problem struct {
	Row   int // its place in the chunk, from 0
	Fault *core.Fault
}

// Outcome is what became of a chunk.
type Outcome struct {
	Created  int
	Existing int // there already, and left as they are
	Updated  int
	Problems []Problem
	Notes    map[string]int
	Hashes   map[string]int // by kind, of those created
	Apps     int
	// Marks are fingerprints of what a dry run would have taken, so that the same
	// login in a later chunk is noticed.
	Marks []Mark
}

// Mark is the fingerprint of a login or of an address that a row would take.
type Mark struct {
	Row     int
	Address bool
	Sum     uint64
}

var (
	errDryRun  = errors.New("a dry run")
	errStrict  = errors.New("a row is bad")
	errMoved   = errors.New("the tree has changed meanwhile")
	errAnother = errors.New("somebody else brings people in at the same time")
)

// tries is how often a chunk is begun anew because others change the tree or
// take its logins. They make progress each time.
const tries = 20

// Bring brings the people of a chunk in. Rows that are wrong are problems; an
// error means that nothing of the chunk came in.
func (s *Service) Bring(ctx context.Context, rows []Row, o Options, by access.Actor, c core.Client) (Outcome, error) {
	switch o.Existing {
	case "":
		o.Existing = Skip
	case Skip, Update, Fail:
	default:
		return Outcome{}, core.Invalid("import.existing_unknown")
	}
	anew := false
	for n := 0; ; n++ {
		index, err := s.places(ctx, anew)
		if err != nil {
			return Outcome{}, fmt.Errorf("import: %w", err)
		}
		run := &chunk{Service: s, index: index, o: o, by: by, client: c}
		out, err := run.bring(ctx, rows)
		if n < tries && (errors.Is(err, errMoved) || errors.Is(err, errAnother)) {
			anew = errors.Is(err, errMoved)
			continue
		}
		if err != nil {
			return Outcome{}, fmt.Errorf("import: %w", err)
		}
		return out, nil
	}
}

// Begin says where rows go that name no tenant, so that a wrong word is noticed
// before anything is read.
func (s *Service) Begin(ctx context.Context, o Options) (core.Tenant, error) {
	if o.Tenant == "" {
		return core.Tenant{}, nil
	}
	index, err := s.places(ctx, false)
	if err != nil {
		return core.Tenant{}, err
	}
	at, fault := index.find(o.Tenant)
	if fault != nil {
		return core.Tenant{}, fault.With("tenant", o.Tenant)
	}
	return at.tenant, nil
}

// chunk is one try at bringing rows in.
type chunk struct {
	*Service
	index  *places
	o      Options
	by     access.Actor
	client core.Client

	people []prepared
	met    met
}

// prepared is a row with what it says by itself.
type prepared struct {
	candidate
	ids    ids
	sealed []byte // the app's secret
	fault  *core.Fault
	// service is what is kept of a service account, or why it cannot be made: nothing
	// against one that is there already.
	service  core.Service
	unserved *core.Fault
}

// met is what the rows met in the store: made anew with every run of the
// transaction.
type met struct {
	refused  map[int]*core.Fault
	existing map[int]store.Owner // no user: another row of the chunk
	came     []int
}

// ids are made before the rows are written, in their order, so that the rows of
// a chunk lie side by side in the tables.
type ids struct{ user, factor string }

func (k *chunk) bring(ctx context.Context, rows []Row) (Outcome, error) {
	if err := k.prepare(ctx, rows); err != nil {
		return Outcome{}, err
	}
	if k.o.Strict && k.bad() {
		return k.outcome(), nil
	}
	hashed := slices.ContainsFunc(k.people, func(p prepared) bool { return p.hashed && p.fault == nil })
	if hashed && !k.o.DryRun {
		if err := k.Hashes.Imported(ctx, k.Store); err != nil {
			return Outcome{}, err
		}
	}
	err := k.Store.Bulk(ctx, k.write)
	var taken store.ErrDuplicate
	switch {
	case errors.Is(err, errDryRun):
	case errors.Is(err, errStrict):
		k.met.came = nil
		return k.outcome(), nil
	case errors.As(err, &taken) && taken.What == "login":
		return Outcome{}, errAnother // between the question and the insert
	case err != nil:
		return Outcome{}, err
	}
	out := k.outcome()
	if hashed && !k.o.DryRun {
		counts := map[string]int64{}
		for _, i := range k.met.came {
			if p := &k.people[i]; p.hashed {
				counts[p.hash.Setting()]++
			}
		}
		k.Hashes.Add(counts)
	}
	if k.o.Existing == Update {
		if err := k.update(ctx, &out); err != nil {
			return Outcome{}, err
		}
	}
	return out, nil
}

// prepare checks every row for itself, on all cores: reading names and sealing
// keys takes about as long as the store does.
func (k *chunk) prepare(ctx context.Context, rows []Row) error {
	k.people = make([]prepared, len(rows))
	type answer struct {
		at    *place
		fault *core.Fault
	}
	found := map[string]answer{"": {nil, core.Invalid("import.tenant_missing")}}
	for i, row := range rows {
		name := row.Tenant
		if name == "" {
			name = k.o.Tenant
		}
		a, asked := found[name]
		if !asked {
			a.at, a.fault = k.index.find(name)
			found[name] = a
		}
		at, fault := a.at, a.fault
		if fault != nil {
			k.people[i].fault = fault
			continue
		}
		k.people[i].at = at
		if err := at.ask(ctx, k.Tree); err != nil {
			return err
		}
	}
	users, factors := k.names(core.PrefixUser, len(rows)), k.names(core.PrefixFactor, len(rows))
	share := max(1, (len(rows)+runtime.GOMAXPROCS(0)-1)/runtime.GOMAXPROCS(0))
	var wait sync.WaitGroup
	failed := make(chan error, len(rows)/share+1)
	for from := 0; from < len(rows); from += share {
		wait.Go(func() {
			for i := from; i < min(from+share, len(rows)); i++ {
				p := &k.people[i]
				if p.fault != nil {
					continue
				}
				p.ids = ids{users[i], factors[i]}
				if err := k.one(ctx, p, rows[i]); err != nil {
					failed <- err
					return
				}
			}
		})
	}
	wait.Wait()
	close(failed)
	return <-failed
}

// names makes ids that sort in the order of the rows.
func (k *chunk) names(prefix string, n int) []string {
	out := make([]string, n)
	now := k.Now()
	for i := range out {
		out[i] = secret.NewID(prefix, now)
	}
	slices.Sort(out)
	return out
}

func (k *chunk) one(ctx context.Context, p *prepared, row Row) error {
	c, err := check(row, p.at, k.o, k.by)
	p.candidate = c
	if err != nil {
		fault, ok := core.AsFault(err)
		if !ok {
			return err
		}
		p.fault = fault
		return nil
	}
	if p.user.Kind == core.ServiceAccount {
		if err := k.serve(ctx, p, row); err != nil {
			return err
		}
	}
	if len(p.app.secret) > 0 {
		p.sealed, err = k.Ring.Seal(p.app.secret, string(p.user.Tenant), "factor", p.ids.factor)
	}
	return err
}

// address is what must be free in the organisation; empty where nothing must.
func (p *prepared) address() store.Address {
	if !p.eff.Settings.UniqueEmail || p.user.EmailKey == "" {
		return store.Address{}
	}
	return store.Address{Organisation: p.eff.Organisation.ID, EmailKey: p.user.EmailKey}
}

func (k *chunk) bad() bool {
	return slices.ContainsFunc(k.people, func(p prepared) bool { return p.fault != nil })
}

// write is the transaction. It may run again.
func (k *chunk) write(tx store.BulkTx) error {
	k.met = met{refused: map[int]*core.Fault{}, existing: map[int]store.Owner{}}
	used := map[*place]bool{}
	var keys []string
	for i := range k.people {
		if p := &k.people[i]; p.fault == nil {
			used[p.at] = true
			keys = append(keys, p.user.LoginKey)
		}
	}
	if len(keys) == 0 {
		return nil
	}
	gone, err := moved(tx, used)
	if err != nil {
		return err
	}
	if gone {
		return errMoved
	}
	if err := k.sort(tx, keys); err != nil {
		return err
	}
	switch {
	case k.o.Strict && len(k.met.refused) > 0:
		return errStrict
	case k.o.DryRun:
		return errDryRun
	case len(k.met.came) == 0:
		return nil
	}
	people := make([]store.Newcomer, len(k.met.came))
	for n, i := range k.met.came {
		people[n] = k.people[i].newcomer(tx.Now())
	}
	slices.SortFunc(people, func(a, b store.Newcomer) int { return strings.Compare(a.User.LoginKey, b.User.LoginKey) })
	if err := tx.Insert(people); err != nil {
		return err
	}
	if err := k.arrived(tx, people); err != nil {
		return err
	}
	taken, err := tx.Hold(k.addresses())
	if err == nil && len(taken) > 0 {
		err = errAnother
	}
	return err
}

// addresses are those that the people who come must have to themselves.
func (k *chunk) addresses() map[store.Address]core.UserID {
	out := make(map[store.Address]core.UserID, len(k.met.came))
	for _, i := range k.met.came {
		if a := k.people[i].address(); a.EmailKey != "" {
			out[a] = core.UserID(k.people[i].ids.user)
		}
	}
	return out
}

// sort tells who is there already, who cannot come and who comes. Of two rows
// with one login the first comes, and the other meets it there; of two with one
// address in an organisation the other cannot come.
func (k *chunk) sort(tx store.BulkTx, keys []string) error {
	var ask []store.Address
	for i := range k.people {
		if p := &k.people[i]; p.fault == nil {
			ask = append(ask, p.address())
		}
	}
	// Addresses first. Asked the other way round, who was brought in by somebody else
	// meanwhile would seem to hold an address of their own against themselves.
	taken, err := tx.Addresses(ask)
	if err != nil {
		return err
	}
	owners, err := tx.Logins(keys)
	if err != nil {
		return err
	}
	seen := map[string]bool{}
	for i := range k.people {
		p := &k.people[i]
		if p.fault != nil {
			continue
		}
		owner, there := owners[p.user.LoginKey]
		there = there || seen[p.user.LoginKey]
		seen[p.user.LoginKey] = true
		switch a := p.address(); {
		case there && k.o.Existing == Fail:
			k.met.refused[i] = core.NewFault(core.KindConflict, "user.login_taken")
		case there:
			k.met.existing[i] = owner
		case p.unserved != nil:
			k.met.refused[i] = p.unserved
		case taken[a]:
			k.met.refused[i] = core.NewFault(core.KindConflict, "user.email_taken")
		default:
			if a.EmailKey != "" {
				taken[a] = true
			}
			k.met.came = append(k.met.came, i)
		}
	}
	return nil
}

// newcomer is one person who comes in with a chunk.
func (p *prepared) newcomer(now time.Time) store.Newcomer {
	u := p.user
	u.ID, u.CreatedAt, u.ChangedAt, u.PlacedAt = core.UserID(p.ids.user), now, now, now
	if u.State != core.UserInvited {
		u.ValidatedAt = now
	}
	a := store.Newcomer{User: u}
	if u.Kind == core.ServiceAccount {
		kept := p.service
		kept.User, kept.CreatedAt = u.ID, now
		a.Service = &kept
	}
	if p.hashed {
		a.Password = core.Password{Hash: p.hash.Stored(), MustChange: p.mustChange, SetAt: now}
	}
	if len(p.sealed) > 0 {
		a.Factors = []core.Factor{p.factor(u.ID, now)}
	}
	for _, r := range p.roles {
		a.Roles = append(a.Roles, core.RoleGrant{User: u.ID, Tenant: u.Tenant, Role: r, At: now})
	}
	return a
}

// factor is the imported app: confirmed, since codes of it were asked for
// elsewhere. A recovery code comes with the next sign-in (enrol.Owed).
func (p *prepared) factor(owner core.UserID, now time.Time) core.Factor {
	return core.Factor{ID: core.FactorID(p.ids.factor), Tenant: p.user.Tenant, User: owner, Kind: core.FactorTOTP, State: core.FactorConfirmed,
		Secret: p.sealed, CreatedAt: now, ConfirmedAt: now, Doc: core.FactorDoc{Digits: p.app.digits, Period: 30, Skew: p.eff.Settings.TOTP.Skew,
			Algorithm: "SHA1", Issuer: p.eff.Name(), Account: p.user.Login, Source: sourceImport}}
}

const sourceImport = "import"

// outcome counts.
func (k *chunk) outcome() Outcome {
	out := Outcome{Created: len(k.met.came), Notes: map[string]int{}, Hashes: map[string]int{}}
	for i := range k.people {
		fault := k.people[i].fault
		if fault == nil {
			fault = k.met.refused[i]
		}
		if fault != nil {
			out.Problems = append(out.Problems, Problem{i, fault})
		}
	}
	if k.o.Existing != Update {
		out.Existing = len(k.met.existing)
	}
	for _, i := range k.met.came {
		p := &k.people[i]
		for _, n := range p.notes {
			out.Notes[n]++
		}
		if p.hashed {
			out.Hashes[p.hash.Kind()]++
		}
		if len(p.sealed) > 0 {
			out.Apps++
		}
		if !k.o.DryRun {
			continue
		}
		out.Marks = append(out.Marks, Mark{i, false, sum(p.user.LoginKey)})
		if a := p.address(); a.EmailKey != "" {
			out.Marks = append(out.Marks, Mark{i, true, sum(string(a.Organisation), a.EmailKey)})
		}
	}
	return out
}

func sum(words ...string) uint64 {
	h := fnv.New64a()
	for _, w := range words {
		_, _ = h.Write([]byte(w + "\x00"))
	}
	return h.Sum64()
}
