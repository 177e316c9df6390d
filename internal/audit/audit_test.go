package audit_test

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sallyport/internal/audit"
	"sallyport/internal/core"
	"sallyport/internal/secret"
	"sallyport/internal/store"
	"sallyport/internal/store/sqlite"
)

// log is a store with a sealed audit log, and its file.
type log struct {
	store  store.Store
	ring   *secret.Ring
	sealer *audit.Sealer
	root   core.TenantID
	file   string
	now    time.Time
}

type ringStore struct{ store.Store }

func (r ringStore) LoadKeys(ctx context.Context) ([]secret.KeyRow, error) {
	rows, err := r.Store.LoadKeys(ctx)
	out := make([]secret.KeyRow, len(rows))
	for i, k := range rows {
		out[i] = secret.KeyRow(k)
	}
	return out, err
}

func (r ringStore) SaveKey(ctx context.Context, row secret.KeyRow, ifVersion int64) error {
	err := r.Store.SaveKey(ctx, store.KeyRow(row), ifVersion)
	if errors.Is(err, store.ErrConflict) {
		return secret.ErrRingChanged
	}
	return err
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// newLog makes a log of batches with the given numbers of events.
func newLog(t *testing.T, batches ...int) *log {
	t.Helper()
	dir := t.TempDir()
	l := &log{file: filepath.Join(dir, "s.db"), root: "tn_root", now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}
	now := func() time.Time { return l.now }
	var err error
	l.store, err = sqlite.Open(t.Context(), l.file, sqlite.Options{Now: now})
	must(t, err)
	t.Cleanup(func() { l.store.Close() })
	must(t, l.store.Migrate(t.Context(), nil))
	must(t, l.store.SetMeta(t.Context(), "instance", "in_test"))
	master, err := secret.CreateMaster(filepath.Join(dir, "key"))
	must(t, err)
	l.ring, err = secret.OpenRing(t.Context(), ringStore{l.store}, master, now)
	must(t, err)
	l.sealer = &audit.Sealer{Store: l.store, Ring: l.ring, Now: now, Node: "nd_test", Log: slog.New(slog.NewTextHandler(io.Discard, nil))}
	for _, n := range batches {
		l.add(t, n)
		sealed, err := l.sealer.Seal(t.Context())
		must(t, err)
		if sealed != n {
			t.Fatalf("%d events were sealed, want %d", sealed, n)
		}
	}
	return l
}

func (l *log) add(t *testing.T, n int) {
	t.Helper()
	for i := range n {
		l.now = l.now.Add(time.Second)
		must(t, l.store.Update(t.Context(), l.root, func(tx store.Tx) error {
			e := audit.On(audit.SignInFailed, "us_actor", fmt.Sprintf("us_%d", i), core.Client{})
			return tx.Append(audit.Count(audit.Note(e, "why", "wrong"), "n", i))
		}))
	}
}

// exec changes the file behind the store's back.
func (l *log) exec(t *testing.T, statements ...string) {
	t.Helper()
	db, err := sql.Open("sqlite", l.file+"?_pragma=busy_timeout(5000)")
	must(t, err)
	defer db.Close()
	for _, s := range statements {
		res, err := db.Exec(s)
		must(t, err)
		if n, _ := res.RowsAffected(); n == 0 {
			t.Fatalf("%s changed nothing", s)
		}
	}
}

func (l *log) check(t *testing.T, pinned *audit.Head) audit.Report {
	t.Helper()
	r, err := audit.VerifyStore(t.Context(), l.store, l.ring, pinned, nil)
	must(t, err)
	// An export says the same as the store, whatever was done to it.
	x, err := audit.Verify(strings.NewReader(l.export(t)), pinned)
	must(t, err)
	if a, b := texts(r), texts(x); a != b {
		t.Errorf("the store says\n%s\nand its export\n%s", a, b)
	}
	return r
}

func (l *log) export(t *testing.T) string {
	t.Helper()
	var b bytes.Buffer
	must(t, audit.Export(t.Context(), l.store, l.ring, &b))
	return b.String()
}

func texts(r audit.Report) string {
	var b strings.Builder
	for _, f := range r.Findings {
		fmt.Fprintf(&b, "%s: %s\n", f.Kind, f.Text)
	}
	return b.String()
}

func TestAnHonestLogIsAsSealed(t *testing.T) {
	l := newLog(t, 3, 1, 700)
	l.add(t, 2)
	r := l.check(t, nil)
	if !r.OK() || r.Batches != 3 || r.Events != 704 || r.Unsealed != 2 || r.Head.Number != 3 || r.Head.Position != 704 || r.Instance != "in_test" {
		t.Errorf("%+v", r)
	}
	if r := l.check(t, &r.Head); !r.OK() {
		t.Errorf("with its own head: %s", texts(r))
	}
	empty := newLog(t)
	if r := empty.check(t, nil); !r.OK() || r.Events != 0 || r.Head.Number != 0 {
		t.Errorf("empty: %+v", r)
	}
}

// Each way of tampering with the rows themselves is named, with the very event.
func TestTamperingInTheStoreIsNamed(t *testing.T) {
	for _, c := range []struct {
		name string
		do   []string
		want []string // pieces that the findings have, in any order
		only string   // all findings are of these kinds
	}{
		{"deleted", []string{`DELETE FROM audit_events WHERE position = 5`},
			[]string{"deleted: the event at position 5 is not there"}, "deleted"},
		{"actor changed", []string{`UPDATE audit_events SET actor = 'us_other' WHERE position = 2`},
			[]string{"changed: event 2 (signin.failed) at position 2 is not as it was sealed"}, "changed"},
		{"time changed", []string{`UPDATE audit_events SET at = at + 1 WHERE position = 7`},
			[]string{"changed: event 7"}, "changed"},
		{"detail changed", []string{`UPDATE audit_events SET detail = replace(detail, 'wrong', 'right') WHERE position = 7`},
			[]string{"changed: event 7"}, "changed"},
		{"refusal made a success", []string{`UPDATE audit_events SET name = 'signin.succeeded' WHERE position = 9`},
			[]string{"changed: event 9"}, "changed"},
		{"inserted behind", []string{`INSERT INTO audit_events (at, name, tenant_id, actor, target, result, reason, address, request, session_id, detail, batch, position)
			VALUES (1, 'signin.succeeded', 'tn_root', 'us_x', 'us_x', 'ok', '', '', '', '', '', 3, 11)`},
			[]string{"inserted: event 11 (signin.succeeded) at position 11 was not sealed there"}, "inserted"},
		{"inserted between", []string{`UPDATE audit_events SET position = -position WHERE position > 5`, `UPDATE audit_events SET position = 1 - position WHERE position < 0`,
			`INSERT INTO audit_events (at, name, tenant_id, actor, target, result, reason, address, request, session_id, detail, batch, position)
			VALUES (1, 'signin.succeeded', 'tn_root', 'us_x', 'us_x', 'ok', '', '', '', '', '', 2, 6)`},
			[]string{"inserted: event 11 (signin.succeeded) at position 6", "at position 7 was sealed at position 6"}, "inserted reordered deleted changed"},
		{"swapped", []string{`UPDATE audit_events SET position = -1 WHERE position = 5`, `UPDATE audit_events SET position = 5 WHERE position = 6`, `UPDATE audit_events SET position = 6 WHERE position = -1`},
			[]string{"reordered: event 6 (signin.failed) at position 5 was sealed at position 6", "reordered: event 5 (signin.failed) at position 6 was sealed at position 5"}, "reordered"},
		{"unsealed", []string{`UPDATE audit_events SET batch = 0, position = 0 WHERE position = 3`},
			[]string{"deleted: the event at position 3 is not there"}, "deleted"},
		{"another batch's", []string{`UPDATE audit_events SET batch = 1 WHERE position = 8`},
			[]string{"changed: event 8 (signin.failed) at position 8 says that it is of batch 1"}, "changed"},
		{"batch deleted with its events", []string{`DELETE FROM audit_batches WHERE number = 2`, `DELETE FROM audit_events WHERE batch = 2`},
			[]string{"deleted: batch 2 is not there"}, "deleted"},
		{"batch deleted alone", []string{`DELETE FROM audit_batches WHERE number = 2`},
			[]string{"deleted: batch 2 is not there", "inserted: event 4"}, "deleted inserted"},
		{"batch changed", []string{`UPDATE audit_batches SET at = at + 1000000 WHERE number = 2`},
			[]string{"signature: batch 2 is not as it was signed", "link: batch 3 does not follow batch 2"}, "signature link"},
		{"signature of another", []string{`UPDATE audit_batches SET signature = (SELECT signature FROM audit_batches WHERE number = 1) WHERE number = 2`},
			[]string{"signature: batch 2", "link: batch 3"}, "signature link"},
		{"root cut", []string{`UPDATE audit_batches SET root = substr(root, 1, 32) WHERE number = 2`},
			[]string{"signature: batch 2", "changed: batch 2 does not have the form of a sealed one"}, "signature link changed"},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := newLog(t, 3, 5, 2)
			l.exec(t, c.do...)
			r := l.check(t, nil)
			got := texts(r)
			for _, piece := range c.want {
				if !strings.Contains(got, piece) {
					t.Errorf("not named: %q in\n%s", piece, got)
				}
			}
			for _, f := range r.Findings {
				if !strings.Contains(c.only, f.Kind) {
					t.Errorf("named beside the point: %s: %s", f.Kind, f.Text)
				}
			}
		})
	}
}

// What is cut off shows, however much: the store remembers its end, in a form
// that only this instance can sign.
func TestWhatTheStoreRemembers(t *testing.T) {
	const cut = `DELETE FROM audit_events WHERE batch = 3`
	for _, c := range []struct {
		name string
		do   []string
		want string
	}{
		{"the end cut off", []string{cut, `DELETE FROM audit_batches WHERE number = 3`},
			"deleted: the store remembers batch 3 and 10 sealed events, and the chain ends at batch 2: its end was cut off"},
		{"everything deleted", []string{`DELETE FROM audit_events`, `DELETE FROM audit_batches`}, "and the chain ends at batch 0"},
		{"its memory too", []string{cut, `DELETE FROM audit_batches WHERE number = 3`, `DELETE FROM meta WHERE key = 'audit_head'`},
			"deleted: the store does not remember where its chain ends"},
		{"its memory forged", []string{cut, `DELETE FROM audit_batches WHERE number = 3`, `UPDATE meta SET value = replace(value, '3:10:', '2:8:') WHERE key = 'audit_head'`},
			"signature: what the store remembers"},
	} {
		l := newLog(t, 3, 5, 2)
		sound := func(want bool) {
			t.Helper()
			if got, err := audit.Sound(t.Context(), l.store, l.ring); err != nil || got != want {
				t.Errorf("%s: sound %v, %v", c.name, got, err)
			}
		}
		sound(true)
		l.exec(t, c.do...)
		sound(false)
		if got := texts(l.check(t, nil)); !strings.Contains(got, c.want) {
			t.Errorf("%s: not named: %q in\n%s", c.name, c.want, got)
		}
		if c.name == "its memory forged" || c.name == "its memory too" {
			continue
		}
		// Sealing goes on behind the gap.
		l.add(t, 1)
		_, err := l.sealer.Seal(t.Context())
		must(t, err)
		if got := texts(l.check(t, nil)); !strings.Contains(got, "deleted: batch 3 is not there") {
			t.Errorf("%s, and sealed on: %s", c.name, got)
		}
	}
}

// A tenant whose making no event tells shows an emptied log, memory and all.
func TestATenantWithoutItsEvent(t *testing.T) {
	l := newLog(t)
	must(t, l.store.Update(t.Context(), l.root, func(tx store.Tx) error {
		if err := tx.InsertTenant(core.Tenant{ID: l.root, Organisation: l.root, Path: "/tn_root/", Kind: core.Platform, Mode: core.Production,
			State: core.TenantActive, Name: "Root", CreatedAt: l.now, ChangedAt: l.now}); err != nil {
			return err
		}
		return tx.Append(audit.On(audit.TenantCreated, core.ActorSystem, string(l.root), core.Client{}))
	}))
	verify := func() string {
		t.Helper()
		r, err := audit.VerifyStore(t.Context(), l.store, l.ring, nil, nil)
		must(t, err)
		return texts(r)
	}
	if got := verify(); got != "" {
		t.Errorf("not sealed yet: %s", got)
	}
	_, err := l.sealer.Seal(t.Context())
	must(t, err)
	if got := verify(); got != "" {
		t.Errorf("sealed: %s", got)
	}
	l.exec(t, `DELETE FROM audit_events`, `DELETE FROM audit_batches`, `DELETE FROM meta WHERE key = 'audit_head'`)
	if got := verify(); got != "deleted: tenant tn_root exists, and no event tells that it was made\n" {
		t.Errorf("emptied: %q", got)
	}
}

// A store that was put back to an earlier day, and a chain written anew by somebody
// who has the keys, show only against a head that was kept elsewhere.
func TestAKeptHeadShowsWhatTheChainAloneCannot(t *testing.T) {
	l := newLog(t, 3, 5)
	memory, err := l.store.Meta(t.Context(), store.MetaAuditHead)
	must(t, err)
	l.add(t, 2)
	_, err = l.sealer.Seal(t.Context())
	must(t, err)
	head := l.check(t, nil).Head
	was, err := l.store.Meta(t.Context(), store.MetaAuditHead)
	must(t, err)
	must(t, l.store.SetMeta(t.Context(), store.MetaAuditHead, memory))
	l.exec(t, `DELETE FROM audit_events WHERE batch = 3`, `DELETE FROM audit_batches WHERE number = 3`)
	if was == memory {
		t.Error("the third batch is not remembered")
	}
	if r := l.check(t, nil); !r.OK() {
		t.Errorf("without the head nothing should show: %s", texts(r))
	}
	if got := texts(l.check(t, &head)); !strings.Contains(got, "head: the chain ends at batch 2, and the head that was kept is of batch 3") {
		t.Errorf("cut off: %q", got)
	}
	// The end comes back, with other events and right signatures.
	l.add(t, 2)
	_, err = l.sealer.Seal(t.Context())
	must(t, err)
	if r := l.check(t, nil); !r.OK() {
		t.Errorf("written anew, without the head: %s", texts(r))
	}
	if got := texts(l.check(t, &head)); !strings.Contains(got, "head: batch 3 is not the one whose head was kept") {
		t.Errorf("written anew: %q", got)
	}
	text, err := head.MarshalText()
	must(t, err)
	again, err := audit.ParseHead(string(text))
	if err != nil || again.String() != head.String() {
		t.Errorf("%s reads back as %s (%v)", text, again, err)
	}
	for _, bad := range []string{"", "1:2", "1:2:zz", "x:2:" + strings.Repeat("00", 32), "1:2:" + strings.Repeat("00", 31), "-1:2:" + strings.Repeat("00", 32)} {
		if _, err := audit.ParseHead(bad); err == nil {
			t.Errorf("%q was taken for a head", bad)
		}
	}
}

// An export is checked from itself alone: no store, no master key.
func TestTamperingInAnExportIsNamed(t *testing.T) {
	l := newLog(t, 3, 5, 2)
	l.add(t, 1)
	honest := l.export(t)
	if r, err := audit.Verify(strings.NewReader(honest), nil); err != nil || !r.OK() || r.Unsealed != 1 || r.Events != 10 {
		t.Fatalf("honest: %+v, %v", r, err)
	}
	lines := strings.SplitAfter(strings.TrimSuffix(honest, "\n"), "\n")
	lines[len(lines)-1] += "\n"
	// 0 header, 1 batch, 2-4 events, 5 batch, 6-10 events, 11 batch, 12-13 events, 14 unsealed, 15 end
	for _, c := range []struct {
		name string
		do   func([]string) []string
		want string
	}{
		{"line deleted", func(l []string) []string { return append(l[:7:7], l[8:]...) }, "deleted: the event at position 5 is not there"},
		{"line changed", func(l []string) []string { l[8] = strings.Replace(l[8], "us_actor", "us_other", 1); return l }, "changed: event 6 (signin.failed) at position 6 is not as it was sealed"},
		{"line doubled", func(l []string) []string { return append(l[:9:9], l[8:]...) }, "inserted: event 6"},
		{"lines swapped", func(l []string) []string { l[7], l[8] = l[8], l[7]; return l }, "reordered: event 5 (signin.failed) at position 5 comes after position 6"},
		{"positions swapped", func(l []string) []string {
			l[7], l[8] = strings.Replace(l[8], `"position":6`, `"position":5`, 1), strings.Replace(l[7], `"position":5`, `"position":6`, 1)
			return l
		}, "reordered: event 6 (signin.failed) at position 5 was sealed at position 6"},
		{"batch line deleted", func(l []string) []string { return append(l[:5:5], l[6:]...) }, "deleted: batch 2 is not there"},
		{"batches swapped", func(l []string) []string { l[5], l[11] = l[11], l[5]; return l }, "reordered: batch 2 comes after batch 3"},
		{"end cut off", func(l []string) []string { return l[:13] }, "deleted: the export has no end: it was cut off"},
		{"behind the end", func(l []string) []string { return append(l, l[14]) }, "inserted: line 17 stands behind the end"},
		{"unsealed taken away", func(l []string) []string { return append(l[:14:14], l[15]) }, "changed: the export has 3 batches, 10 events and 0 unsealed ones"},
		{"no JSON", func(l []string) []string { l[8] = "hello\n"; return l }, "unreadable: line 9 cannot be read"},
		{"unknown member", func(l []string) []string { l[8] = strings.Replace(l[8], "{", `{"also":1,`, 1); return l }, "unreadable: line 9 cannot be read"},
		{"other keys", func(l []string) []string {
			other := newLog(t, 1).export(t)
			l[0], _, _ = strings.Cut(other, "\n")
			l[0] += "\n"
			return l
		}, "signature: batch 1 is not as it was signed"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, err := audit.Verify(strings.NewReader(strings.Join(c.do(append([]string(nil), lines...)), "")), nil)
			must(t, err)
			if got := texts(r); !strings.Contains(got, c.want) {
				t.Errorf("not named: %q in\n%s", c.want, got)
			}
		})
	}
	for _, bad := range []string{"", "hello", "{}\n", `{"type":"batch"}`, lines[1]} {
		if _, err := audit.Verify(strings.NewReader(bad), nil); !errors.Is(err, audit.ErrNoExport) {
			t.Errorf("%.20q was taken for an export (%v)", bad, err)
		}
	}
}

// Two sealers on one store: every event is sealed once and the chain holds.
func TestSealersBesideEachOther(t *testing.T) {
	l := newLog(t)
	l.add(t, 30)
	other := *l.sealer
	other.Node = "nd_other"
	done := make(chan error, 2)
	for _, s := range []*audit.Sealer{l.sealer, &other} {
		go func() {
			_, err := s.Seal(t.Context())
			done <- err
		}()
	}
	for range 2 {
		must(t, <-done)
	}
	_, err := l.sealer.Seal(t.Context())
	must(t, err)
	if r := l.check(t, nil); !r.OK() || r.Events != 30 {
		t.Errorf("%+v", r)
	}
}

// Keys that were rotated away still verify what they signed.
func TestRotatedKeysStillVerify(t *testing.T) {
	l := newLog(t, 2)
	must(t, l.ring.Rotate(t.Context(), secret.PurposeSign))
	l.add(t, 2)
	_, err := l.sealer.Seal(t.Context())
	must(t, err)
	if r := l.check(t, nil); !r.OK() || r.Batches != 2 {
		t.Errorf("%+v", r)
	}
}

// Run seals while its context lives, and only where the lease is held.
func TestRunSealsAndTellsTheHead(t *testing.T) {
	l := newLog(t)
	l.add(t, 2)
	var out safe
	l.sealer.Log = slog.New(slog.NewJSONHandler(&out, nil))
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { l.sealer.Run(ctx); close(ended) }()
	deadline := time.Now().Add(20 * time.Second)
	for !strings.Contains(out.String(), "audit.head") && time.Now().Before(deadline) {
		<-time.After(20 * time.Millisecond)
	}
	stop()
	<-ended
	r := l.check(t, nil)
	var line struct{ Event, Head string }
	_ = json.Unmarshal([]byte(strings.SplitN(out.String(), "\n", 2)[0]), &line)
	if r.Events != 2 || line.Event != "audit.head" || line.Head != r.Head.String() {
		t.Errorf("report %+v, log %q", r, out.String())
	}
	// Another node has the lease: this one leaves the events alone.
	l.add(t, 1)
	ok, err := l.store.Lease(t.Context(), "audit-seal", "nd_other", l.now.Add(time.Hour), time.Hour)
	must(t, err)
	if !ok {
		t.Fatal("the lease was not to be had")
	}
	l.now = l.now.Add(time.Hour)
	ctx, stop = context.WithTimeout(t.Context(), 2500*time.Millisecond)
	defer stop()
	l.sealer.Run(ctx)
	if r := l.check(t, nil); r.Unsealed != 1 {
		t.Errorf("%d are not sealed, want 1", r.Unsealed)
	}
}

// Whatever a file holds, it is refused or reported on; nothing else happens.
func FuzzVerify(f *testing.F) {
	f.Add([]byte(""))
	f.Add([]byte(`{"type":"header","format":1,"instance":"in","public_keys":{}}` + "\n" + `{"type":"batch","number":1,"first":1,"count":-1,"root":"AA==","at":"2026-01-01T00:00:00Z","signature":""}` + "\n"))
	f.Add([]byte(`{"type":"header","format":1,"instance":"in","public_keys":null}` + "\n" + `{"type":"batch","number":9223372036854775807,"first":9223372036854775807,"count":9223372036854775807,"at":"2026-01-01T00:00:00Z"}` + "\n" + `{"type":"event","position":-9223372036854775808,"seq":1,"at":"2026-01-01T00:00:00Z"}` + "\n" + `{"type":"end"}`))
	f.Add([]byte(`{"type":"header","format":1,"instance":"in","public_keys":null}` + "\n" + `{"type":"batch","number":1,"first":1,"count":4611686018427387904,"root":"` + strings.Repeat("A", 43) + `=","at":"2026-01-01T00:00:00Z"}` + "\n" + `{"type":"end"}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := audit.Verify(bytes.NewReader(b), &audit.Head{Number: 1})
		if err == nil && r.OK() {
			t.Errorf("%q was taken for a log with a batch", b)
		}
	})
}
