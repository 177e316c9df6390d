package bench

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"time"
)

// place says where a row was measured.
func place(engine string, people int) string {
	name := "SQLite FULL"
	if engine == "postgres" {
		name = "PostgreSQL"
	}
	return fmt.Sprintf("%s, %s people", name, thousands(people))
}

func thousands(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// small measures at few people: everything.
func (b *Bench) small(ctx context.Context, engine string) error {
	fast, err := phcOf(ctx, fastCost)
	if err != nil {
		return err
	}
	if engine == "sqlite" && b.wants("statements") {
		counts, err := b.countSQLite(ctx)
		if err != nil {
			return fmt.Errorf("count statements: %w", err)
		}
		b.statements(engine, counts.Known, counts.Fresh)
	}
	// Each part has a store of its own: codes of one are not used up by another.
	for _, part := range []struct {
		name string
		run  func(context.Context, *running, *crowd) error
	}{{"steps", b.steps}, {"sign-ins", b.crowdIn}, {"checks", b.checks}, {"proxied", b.proxied}, {"tokens", b.tokens}} {
		if !b.wants(part.name) {
			continue
		}
		s, crowds, err := b.site(ctx, engine, fastCost, hashed{b.Small, fast})
		if err != nil {
			return err
		}
		s.proxied = part.name == "proxied"
		if err := b.served(s, func(r *running) error { return part.run(ctx, r, crowds[0]) }); err != nil {
			return err
		}
	}
	if engine == "postgres" && b.wants("statements") {
		s, crowds, err := b.site(ctx, engine, fastCost, hashed{b.Small, fast})
		if err != nil {
			return err
		}
		var known, fresh counted
		if err := b.served(s, func(r *running) (err error) {
			known, fresh, err = b.countPostgres(ctx, r, crowds[0])
			return err
		}); err != nil {
			return fmt.Errorf("count statements: %w", err)
		}
		b.statements(engine, known, fresh)
	}
	return b.storm(ctx, engine)
}

// wants reports whether a part is to be run.
func (b *Bench) wants(part string) bool { return len(b.Only) == 0 || slices.Contains(b.Only, part) }

// served runs fn beside the program.
func (b *Bench) served(s site, fn func(*running) error) error {
	r, err := b.serve(s)
	if err != nil {
		return err
	}
	err = fn(r)
	return errors.Join(err, r.stop())
}

func (b *Bench) statements(engine string, known, fresh counted) {
	for _, c := range []struct {
		who string
		counted
	}{{"from a known browser", known}, {"from a new browser", fresh}} {
		n := c.Reads + c.Writes
		b.row(Row{ID: "P8", Work: "statements of a full sign-in " + c.who + ", " + place(engine, b.Small), Limit: "—",
			Ours:  fmt.Sprintf("%.0f (%.0f reading, %.0f writing; %.0f BEGIN and COMMIT besides)", n, c.Reads, c.Writes, c.Control),
			Ratio: "—", Goal: "≤ 8", Reached: reached(n < 8.5)})
		b.Say("   %v", c.Lines)
	}
	b.row(Row{ID: "P8", Work: "durable commits of a full sign-in, " + place(engine, b.Small), Limit: "—",
		Ours: fmt.Sprintf("%.1f", known.Durable), Ratio: "—", Goal: "≤ 2", Reached: reached(known.Durable < 2.5)})
}

// steps measures the two steps of a sign-in each for itself.
func (b *Bench) steps(ctx context.Context, r *running, c *crowd) error {
	if err := b.warm(ctx, r, c, 60); err != nil {
		return err
	}
	const at = 8
	conns := dialAll(r.addr, at)
	defer closeAll(conns)
	n := min(len(c.people), 2000)
	visits := make([]*visit, n)
	for i := range visits {
		visits[i] = &visit{p: c.someone(), known: true}
	}
	var mu sync.Mutex
	next := 0
	take := func() *visit {
		mu.Lock()
		defer mu.Unlock()
		if next == n {
			return nil
		}
		next++
		return visits[next-1]
	}
	l := load{clients: at, most: n, limit: 30 * time.Second}
	_, password, err := perOp(ctx, l, r.cpu, func(i int) error { return take().password(conns[i]) })
	if err != nil {
		return err
	}
	next = 0
	second, code, err := perOp(ctx, l, r.cpu, func(i int) error { _, err := take().code(conns[i]); return err })
	if err != nil {
		return err
	}
	where := place(r.site.name, b.Small)
	b.row(Row{ID: "P1", Work: "the password step without its hash, " + where, Limit: "—", Ours: ms(password-b.limits.fast) + " CPU", Ratio: "—"})
	b.row(Row{ID: "P1", Work: "the code step alone, " + where, Limit: "—", Ours: fmt.Sprintf("%s CPU, %s", ms(code), perSecond(second.rate())), Ratio: "—"})
	return nil
}

// warm signs some people in, so that nothing is read or prepared for the first
// time while it is measured.
func (b *Bench) warm(ctx context.Context, r *running, c *crowd, n int) error {
	conns := dialAll(r.addr, 8)
	defer closeAll(conns)
	_, err := load{clients: 8, most: n, limit: 20 * time.Second}.run(ctx, func(i int) error {
		_, err := signIn(conns[i], c.someone(), true)
		return err
	})
	return err
}

// crowdIn measures full sign-ins with the cheap hash.
func (b *Bench) crowdIn(ctx context.Context, r *running, c *crowd) error {
	return b.signIns(ctx, r, c, b.Small, 5*time.Second)
}

func (b *Bench) signIns(ctx context.Context, r *running, c *crowd, people int, d time.Duration) error {
	if err := b.warm(ctx, r, c, 100); err != nil {
		return err
	}
	where := place(r.site.name, people)
	conns := dialAll(r.addr, clients)
	defer closeAll(conns)
	in := func(i int) error { _, err := signIn(conns[i], c.someone(), true); return err }
	few, fewCPU, err := perOp(ctx, load{clients: 4, most: len(c.people) * 8 / 10, limit: d}, r.cpu, in)
	if err != nil {
		return err
	}
	database := func() (time.Duration, error) {
		if r.site.name != "postgres" {
			return 0, nil
		}
		return b.clusterCPU()
	}
	before, err := database()
	if err != nil {
		return err
	}
	many, cpu, err := perOp(ctx, load{clients: clients, most: len(c.people) * 8 / 10, limit: d}, r.cpu, in)
	if err != nil {
		return err
	}
	after, err := database()
	if err != nil {
		return err
	}
	share := ""
	if after > before {
		share = ", of it the database " + ms((after-before)/time.Duration(many.done))
	}
	goal := 600 * time.Microsecond
	if r.site.name == "postgres" {
		goal = 1200 * time.Microsecond
	}
	each := cpu - b.limits.fast
	least := 2*b.limits.bareCPU + 2*b.limits.commit[r.site.name]
	b.row(Row{ID: "P1", Work: "everything but the hash of a full sign-in, 32 clients, " + where, Limit: ms(least) + " (two bare answers, two bare commits)",
		Ours: ms(each) + " CPU" + share, Ratio: ratio(float64(each), float64(least)), Goal: "≤ " + ms(goal), Reached: reached(each <= goal)})
	// With few at a time nobody shares a commit, and Go's threads go to sleep and wake
	// in between, which costs too.
	b.row(Row{ID: "P1", Work: "the same, 4 clients, " + where, Limit: ms(least), Ours: fmt.Sprintf("%s CPU, %s", ms(fewCPU-b.limits.fast), perSecond(few.rate())),
		Ratio: ratio(float64(fewCPU-b.limits.fast), float64(least))})
	b.row(Row{ID: "P2", Work: "sign-ins, hash negligible, 32 clients, " + where, Limit: "—",
		Ours: fmt.Sprintf("%s, p99 %s", perSecond(many.rate()), ms(many.quantile(.99))), Ratio: "—",
		Goal: "≥ 2,000/s", Reached: reached(many.rate() >= 2000)})
	return nil
}

// sessions signs n people in and returns their cookies.
func sessions(ctx context.Context, r *running, c *crowd, n int) ([]string, error) {
	conns := dialAll(r.addr, 8)
	defer closeAll(conns)
	var mu sync.Mutex
	var out []string
	_, err := load{clients: 8, most: n, limit: 20 * time.Second}.run(ctx, func(i int) error {
		s, err := signIn(conns[i], c.someone(), true)
		if err == nil {
			mu.Lock()
			out = append(out, s)
			mu.Unlock()
		}
		return err
	})
	return out, err
}

// checks measures session checks at full speed, and a rendered page for
// comparison.
func (b *Bench) checks(ctx context.Context, r *running, c *crowd) error {
	return b.checksAt(ctx, r, c, b.Small, true)
}

func (b *Bench) checksAt(ctx context.Context, r *running, c *crowd, people int, more bool) error {
	tokens, err := sessions(ctx, r, c, 64)
	if err != nil {
		return err
	}
	conns := dialAll(r.addr, 8)
	defer closeAll(conns)
	turn := make([]int, len(conns))
	own := func() (time.Duration, error) { return treeCPU(r.pid()) }
	l := load{clients: 8, most: 1 << 30, limit: 3 * time.Second}
	each := func(i int) error {
		turn[i]++
		return check(conns[i], tokens[(i+turn[i]*8)%len(tokens)])
	}
	if _, err := (load{clients: 8, most: 2000, limit: time.Second}).run(ctx, each); err != nil {
		return err
	}
	got, cpu, err := perOp(ctx, l, own, each)
	if err != nil {
		return err
	}
	where := place(r.site.name, people)
	share := got.rate() / b.limits.bare.rate()
	b.row(Row{ID: "P4", Work: "session check (GET " + checkPath + "), server's CPU, " + where, Limit: us(b.limits.bareCPU) + " (bare net/http)",
		Ours: us(cpu), Ratio: ratio(float64(b.limits.bareCPU), float64(cpu)), Goal: "≤ 25 µs", Reached: reached(cpu <= 25*time.Microsecond)})
	b.row(Row{ID: "P4", Work: "session checks, 8 clients, " + where, Limit: perSecond(b.limits.bare.rate()) + " (bare net/http)",
		Ours: perSecond(got.rate()), Ratio: fmt.Sprintf("%.2f", share), Goal: "ratio ≥ 0.6", Reached: reached(share >= .6)})
	if !more {
		return nil
	}
	page, cpu, err := perOp(ctx, load{clients: 8, most: 1 << 30, limit: 2 * time.Second}, own, func(i int) error {
		a, err := conns[i].do("GET", "/account/profile", tokens[i], "")
		if err == nil && a.status != 200 {
			err = fmt.Errorf("status %d", a.status)
		}
		return err
	})
	if err != nil {
		return err
	}
	b.row(Row{ID: "P4", Work: "a whole page behind a session (GET /account/profile), " + where, Limit: "—", Ours: us(cpu) + " CPU, " + perSecond(page.rate()), Ratio: "—"})
	// Half of the people, so that the codes of this moment last.
	walk, cpu, err := perOp(ctx, load{clients: 4, most: len(c.people) / 2, limit: 3 * time.Second}, r.cpu, func(i int) error {
		return withPages(conns[i], c.someone())
	})
	if err != nil {
		return err
	}
	b.row(Row{ID: "P1", Work: "full sign-in with the three pages that a browser fetches, " + where, Limit: "—",
		Ours: fmt.Sprintf("%s CPU (4 clients, %s)", ms(cpu-b.limits.fast), perSecond(walk.rate())), Ratio: "—"})
	return nil
}

// storm measures with the real hash, in a store of its own.
func (b *Bench) storm(ctx context.Context, engine string) error {
	phc, err := phcOf(ctx, realCost)
	if err != nil {
		return err
	}
	s, crowds, err := b.site(ctx, engine, realCost, hashed{b.Small, phc})
	if err != nil {
		return err
	}
	if b.wants("storm") {
		if err := b.served(s, func(r *running) error { return b.stormAt(ctx, r, crowds[0], b.Small, 8*time.Second) }); err != nil {
			return err
		}
	}
	if !b.wants("memory") {
		return nil
	}
	if err := b.served(s, func(r *running) error { return b.waiting(ctx, r, crowds[0]) }); err != nil {
		return err
	}
	return b.starts(s, b.Small)
}

func (b *Bench) stormAt(ctx context.Context, r *running, c *crowd, people int, d time.Duration) error {
	tokens, err := sessions(ctx, r, c, 16)
	if err != nil {
		return err
	}
	where := place(r.site.name, people)
	conns := dialAll(r.addr, clients)
	defer closeAll(conns)
	probes := dialAll(r.addr, 4)
	defer closeAll(probes)
	in := func(i int) error { _, err := signIn(conns[i], c.someone(), true); return err }
	sign := load{clients: clients, most: 1 << 20, limit: d}
	// Each check begins at its time, whatever the ones before it took: 200 a second.
	look := load{clients: len(probes), most: 1 << 20, limit: d, pace: 20 * time.Millisecond}
	probe := func(i int) error { return check(probes[i], tokens[i]) }
	quiet, err := look.run(ctx, probe)
	if err != nil {
		return err
	}
	// Right before, because the machine is not the same all day.
	l := limits{library: hashRate(2*time.Second, libraryHash(realCost)), own: hashRate(2*time.Second, ownHash(realCost))}
	alone, err := sign.run(ctx, in)
	if err != nil {
		return err
	}
	var storm, beside result
	var stormErr, besideErr error
	var wait sync.WaitGroup
	wait.Add(2)
	go func() { defer wait.Done(); storm, stormErr = sign.run(ctx, in) }()
	go func() { defer wait.Done(); beside, besideErr = look.run(ctx, probe) }()
	wait.Wait()
	if err := errors.Join(stormErr, besideErr); err != nil {
		return err
	}
	for _, bare := range []struct {
		who  string
		rate float64
	}{{"golang.org/x/crypto", l.library}, {"the program's own code", l.own}} {
		share := alone.rate() / bare.rate
		b.row(Row{ID: "P2", Work: "sign-ins, real hash, 32 clients, " + where, Limit: fmt.Sprintf("%.1f bare hashes/s of %s", bare.rate, bare.who),
			Ours: perSecond(alone.rate()), Ratio: fmt.Sprintf("%.2f", share), Goal: "ratio ≥ 0.90", Reached: reached(share >= .9)})
	}
	p99 := alone.quantile(.99)
	b.row(Row{ID: "P2", Work: "p99 of a sign-in, real hash, 32 clients, " + where, Limit: ms(time.Duration(float64(clients)/l.own*float64(time.Second))) + " (32 bare hashes)",
		Ours: ms(p99), Ratio: "—", Goal: "≤ 0.7 s", Reached: reached(p99 <= 700*time.Millisecond)})
	b.row(Row{ID: "P3", Work: "p99 of a session check, quiet, " + where, Limit: "—", Ours: fmt.Sprintf("%s (p50 %s)", ms(quiet.quantile(.99)), ms(quiet.quantile(.5))), Ratio: "—"})
	worst := beside.quantile(.99)
	b.row(Row{ID: "P3", Work: "the same while 32 clients sign in, " + where, Limit: ms(quiet.quantile(.99)) + " (quiet)",
		Ours: fmt.Sprintf("%s (p50 %s)", ms(worst), ms(beside.quantile(.5))), Ratio: ratio(float64(worst), float64(quiet.quantile(.99))), Goal: "≤ 3 ms", Reached: reached(worst <= 3*time.Millisecond)})
	kept := storm.rate() / alone.rate()
	b.row(Row{ID: "P3", Work: "sign-ins beside those checks, " + where, Limit: perSecond(alone.rate()) + " (without them)",
		Ours: perSecond(storm.rate()), Ratio: fmt.Sprintf("%.2f", kept), Goal: "ratio ≥ 0.90", Reached: reached(kept >= .9)})
	return nil
}

// waiting measures memory while sign-ins wait for their hash.
func (b *Bench) waiting(ctx context.Context, r *running, c *crowd) error {
	const many = 1000
	if len(c.people) < many {
		return nil
	}
	conns := dialAll(r.addr, many)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	done := make(chan struct{})
	go func() {
		defer close(done)
		// They are cut off below, which is the error that ends them.
		_, _ = load{clients: many, most: many, limit: time.Minute}.run(ctx, func(i int) error {
			v := visit{p: c.people[i], known: true}
			return v.password(conns[i])
		})
	}()
	var most int64
	depth := 0.0
	for start := time.Now(); time.Since(start) < 4*time.Second; time.Sleep(10 * time.Millisecond) {
		used, err := resident(r.pid())
		if err != nil {
			return err
		}
		most = max(most, used)
		if depth > 0 || time.Since(start) < 1500*time.Millisecond {
			continue
		}
		word, err := r.gauge(`sallyport_password_queue_depth{lane="known"}`)
		if err == nil {
			depth, err = strconv.ParseFloat(word, 64)
		}
		if err != nil {
			return err
		}
	}
	cancel()
	for _, c := range conns {
		if c.conn != nil {
			_ = c.conn.Close()
		}
	}
	<-done
	b.row(Row{ID: "P6", Work: "memory with 1,000 sign-ins sent at once, " + place(r.site.name, b.Small), Limit: mib(2*19<<20) + " (two hashes)",
		Ours: fmt.Sprintf("%s (%.0f still waited after 1.5 s)", mib(most), depth), Ratio: ratio(float64(most), 2*19<<20), Goal: "≤ 128 MiB", Reached: reached(most <= 128<<20)})
	return nil
}

// starts measures the time from start to ready, and memory at rest.
func (b *Bench) starts(s site, people int) error {
	var took []time.Duration
	for range 15 {
		err := b.served(s, func(r *running) error {
			took = append(took, r.ready)
			time.Sleep(100 * time.Millisecond) // let it say its first words
			return nil
		})
		if err != nil {
			return err
		}
	}
	slices.Sort(took)
	median := took[len(took)/2]
	r := Row{ID: "P6", Work: "start to ready, median of 15, " + place(s.name, people), Limit: "—",
		Ours: fmt.Sprintf("%s (%s to %s)", ms(median), ms(took[0]), ms(took[len(took)-1])), Ratio: "—"}
	if s.name == "sqlite" {
		r.Goal, r.Reached = "≤ 20 ms", reached(median <= 20*time.Millisecond)
	}
	b.row(r)
	return b.served(s, func(r *running) error {
		time.Sleep(3 * time.Second)
		used, err := resident(r.pid())
		if err != nil {
			return err
		}
		b.row(Row{ID: "P6", Work: "memory at rest, " + place(s.name, people), Limit: "—", Ours: mib(used), Ratio: "—", Goal: "≤ 25 MiB", Reached: reached(used <= 25<<20)})
		return nil
	})
}

// large measures again among many people what must not depend on their number.
func (b *Bench) large(ctx context.Context, engine string) error {
	fast, err := phcOf(ctx, fastCost)
	if err != nil {
		return err
	}
	phc, err := phcOf(ctx, realCost)
	if err != nil {
		return err
	}
	s, crowds, err := b.site(ctx, engine, fastCost, hashed{b.Large * 9 / 10, fast}, hashed{b.Large / 10, phc})
	if err != nil {
		return err
	}
	err = b.served(s, func(r *running) error {
		if b.wants("sign-ins") {
			if err := b.signIns(ctx, r, crowds[0], b.Large, 5*time.Second); err != nil {
				return err
			}
		}
		if !b.wants("checks") {
			return nil
		}
		return b.checksAt(ctx, r, crowds[0], b.Large, false)
	})
	if err != nil {
		return err
	}
	s.costs = realCost
	if b.wants("storm") {
		if err := b.served(s, func(r *running) error { return b.stormAt(ctx, r, crowds[1], b.Large, 5*time.Second) }); err != nil {
			return err
		}
	}
	if !b.wants("memory") {
		return nil
	}
	return b.starts(s, b.Large)
}
