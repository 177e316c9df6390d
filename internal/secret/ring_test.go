package secret

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"
)

// shelf is a RingStore in memory. It counts reads and can be told to fail.
type shelf struct {
	mu    sync.Mutex
	rows  map[string]KeyRow
	reads int
	fail  error
}

func newShelf() *shelf { return &shelf{rows: make(map[string]KeyRow)} }

func (s *shelf) LoadKeys(context.Context) ([]KeyRow, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reads++
	if s.fail != nil {
		return nil, s.fail
	}
	var out []KeyRow
	for _, r := range s.rows {
		out = append(out, r)
	}
	return out, nil
}

func (s *shelf) SaveKey(_ context.Context, row KeyRow, ifVersion int64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.rows[row.Purpose].Version != ifVersion {
		return ErrRingChanged
	}
	s.rows[row.Purpose] = row
	return nil
}

// hands is a clock moved by hand.
type hands struct {
	mu sync.Mutex
	at time.Time
}

func newHands() *hands { return &hands{at: time.Date(2027, 3, 1, 8, 0, 0, 0, time.UTC)} }

func (h *hands) now() time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.at
}

func (h *hands) advance(d time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.at = h.at.Add(d)
}

func master(t *testing.T, lines ...byte) Master {
	t.Helper()
	var text strings.Builder
	for _, l := range lines {
		text.WriteString(masterLine(l) + "\n")
	}
	m, err := ParseMaster(text.String())
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func openRing(t *testing.T, s RingStore, m Master, clock *hands) *Ring {
	t.Helper()
	r, err := OpenRing(t.Context(), s, m, clock.now)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestSealIsBoundToItsRecord(t *testing.T) {
	r := openRing(t, newShelf(), master(t, 'a'), newHands())
	sealed, err := r.Seal([]byte("seed"), "ten_1", "factor", "fac_1")
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(sealed, []byte("seed")) {
		t.Fatal("the sealed value shows its content")
	}
	plain, err := r.Open(sealed, "ten_1", "factor", "fac_1")
	if err != nil || string(plain) != "seed" {
		t.Fatalf("got %q, %v", plain, err)
	}
	for name, bind := range map[string][]string{
		"other tenant":     {"ten_2", "factor", "fac_1"},
		"other kind":       {"ten_1", "client", "fac_1"},
		"other record":     {"ten_1", "factor", "fac_2"},
		"parts run over":   {"ten_1factor", "", "fac_1"},
		"a part missing":   {"ten_1", "factor"},
		"an empty one too": {"ten_1", "factor", "fac_1", ""},
		"nothing":          nil,
	} {
		if _, err := r.Open(sealed, bind...); !errors.Is(err, ErrSealed) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for i := range sealed {
		changed := bytes.Clone(sealed)
		changed[i] ^= 1
		if _, err := r.Open(changed, "ten_1", "factor", "fac_1"); !errors.Is(err, ErrSealed) {
			t.Fatalf("byte %d changed and it opened", i)
		}
	}
	for _, short := range [][]byte{nil, {1}, {1, 0, 0, 0, 0}, sealed[:20]} {
		if _, err := r.Open(short, "ten_1", "factor", "fac_1"); !errors.Is(err, ErrSealed) {
			t.Errorf("%x: %v", short, err)
		}
	}
}

func TestRingIsTheSameAfterReopening(t *testing.T) {
	s, m, clock := newShelf(), master(t, 'a'), newHands()
	r := openRing(t, s, m, clock)
	sealed, _ := r.Seal([]byte("x"), "b")
	hashed, _ := r.KeyedHash("recovery", []byte("code"))
	signed, _ := r.Sign([]byte("batch"))

	again := openRing(t, s, m, clock)
	if plain, err := again.Open(sealed, "b"); err != nil || string(plain) != "x" {
		t.Errorf("open: %q, %v", plain, err)
	}
	if !again.CheckKeyedHash("recovery", []byte("code"), hashed) {
		t.Error("the keyed hash is not recognised")
	}
	if err := again.Verify([]byte("batch"), signed); err != nil {
		t.Error(err)
	}
	if len(s.rows) != 3 {
		t.Errorf("%d rows", len(s.rows))
	}
}

func TestKeyedHash(t *testing.T) {
	r := openRing(t, newShelf(), master(t, 'a'), newHands())
	h, err := r.KeyedHash("recovery", []byte("code"))
	if err != nil || len(h) != 37 {
		t.Fatalf("%d bytes, %v", len(h), err)
	}
	if r.CheckKeyedHash("pass", []byte("code"), h) {
		t.Error("purposes are not kept apart")
	}
	if r.CheckKeyedHash("recover", []byte("ycode"), h) {
		t.Error("purpose and data run into each other")
	}
	if r.CheckKeyedHash("recovery", []byte("codf"), h) || r.CheckKeyedHash("recovery", []byte("code"), h[:36]) || r.CheckKeyedHash("recovery", []byte("code"), nil) {
		t.Error("a wrong hash was accepted")
	}
	other := openRing(t, newShelf(), master(t, 'a'), newHands())
	h2, _ := other.KeyedHash("recovery", []byte("code"))
	if bytes.Equal(h[5:], h2[5:]) {
		t.Error("the hash does not depend on the ring's key: a dump alone could be guessed against")
	}
}

func TestRotateKeepsWhatWasMade(t *testing.T) {
	s, m, clock := newShelf(), master(t, 'a'), newHands()
	r := openRing(t, s, m, clock)
	sealed, _ := r.Seal([]byte("x"), "b")
	hashed, _ := r.KeyedHash("p", []byte("d"))
	signed, _ := r.Sign([]byte("m"))
	publicBefore := r.PublicKeys()

	clock.advance(time.Hour)
	for _, purpose := range purposes() {
		if err := r.Rotate(t.Context(), purpose); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := r.Open(sealed, "b"); err != nil {
		t.Error("an old sealed value no longer opens")
	}
	if !r.CheckKeyedHash("p", []byte("d"), hashed) {
		t.Error("an old keyed hash is no longer recognised")
	}
	if err := r.Verify([]byte("m"), signed); err != nil {
		t.Error("an old signature is no longer good")
	}
	newHash, _ := r.KeyedHash("p", []byte("d"))
	if bytes.Equal(newHash, hashed) {
		t.Error("the new key is not used")
	}
	both, err := r.KeyedHashes("p", []byte("d"))
	if err != nil || len(both) != 2 || !bytes.Equal(both[0], newHash) || !bytes.Equal(both[1], hashed) {
		t.Errorf("KeyedHashes gave %d hashes, %v", len(both), err)
	}
	newSigned, _ := r.Sign([]byte("m"))
	if err := VerifyWith(publicBefore, []byte("m"), newSigned); !errors.Is(err, ErrSignature) {
		t.Errorf("the old public keys verify the new signature: %v", err)
	}

	list, err := r.List(t.Context())
	if err != nil || len(list) != 6 {
		t.Fatalf("%d keys, %v", len(list), err)
	}
	for i := 0; i < len(list); i += 2 {
		old, young := list[i], list[i+1]
		if old.Purpose != young.Purpose || old.Primary || !young.Primary ||
			young.MadeAt.Sub(old.MadeAt) != time.Hour || old.Status != "enabled" || old.WrappedBy != 1 {
			t.Errorf("listed %+v and %+v", old, young)
		}
	}
	if err := r.Rotate(t.Context(), "nothing"); err == nil {
		t.Error("an unknown purpose was rotated")
	}
}

func TestPublicKeysVerifyOffline(t *testing.T) {
	r := openRing(t, newShelf(), master(t, 'a'), newHands())
	signed, err := r.Sign([]byte("root"))
	if err != nil {
		t.Fatal(err)
	}
	public := r.PublicKeys()
	if bytes.Contains(public, []byte("Private")) {
		t.Fatal("the public keys hold a private one")
	}
	if err := VerifyWith(public, []byte("root"), signed); err != nil {
		t.Error(err)
	}
	if err := VerifyWith(public, []byte("rood"), signed); !errors.Is(err, ErrSignature) {
		t.Errorf("altered data: %v", err)
	}
	signed[len(signed)-1] ^= 1
	if err := VerifyWith(public, []byte("root"), signed); !errors.Is(err, ErrSignature) {
		t.Errorf("altered signature: %v", err)
	}
	if err := VerifyWith([]byte("{}"), []byte("root"), signed); err == nil || errors.Is(err, ErrSignature) {
		t.Errorf("no keys at all: %v", err)
	}
}

func TestTwoNodesOpenAtOnce(t *testing.T) {
	s, m, clock := newShelf(), master(t, 'a'), newHands()
	const nodes = 8
	rings := make([]*Ring, nodes)
	var wg sync.WaitGroup
	for i := range rings {
		wg.Go(func() {
			r, err := OpenRing(t.Context(), s, m, clock.now)
			if err != nil {
				t.Error(err)
				return
			}
			rings[i] = r
		})
	}
	wg.Wait()
	if t.Failed() {
		return
	}
	for i, r := range rings {
		sealed, err := r.Seal([]byte("x"))
		if err != nil {
			t.Fatal(err)
		}
		for k, other := range rings {
			if _, err := other.Open(sealed); err != nil {
				t.Fatalf("node %d cannot open what node %d sealed", k, i)
			}
		}
	}
}

func TestRotationsOfTwoNodesBothStay(t *testing.T) {
	s, m, clock := newShelf(), master(t, 'a'), newHands()
	a, b := openRing(t, s, m, clock), openRing(t, s, m, clock)
	var wg sync.WaitGroup
	for _, r := range []*Ring{a, b} {
		wg.Go(func() {
			if err := r.Rotate(t.Context(), PurposeSeal); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	list, err := a.List(t.Context())
	if err != nil || len(list) != 5 {
		t.Fatalf("%d keys, want 3 to seal and 2 others; %v", len(list), err)
	}
}

func TestUnknownKeyIDIsReadOnce(t *testing.T) {
	s, m, clock := newShelf(), master(t, 'a'), newHands()
	a, b := openRing(t, s, m, clock), openRing(t, s, m, clock)
	if err := a.Rotate(t.Context(), PurposeSeal); err != nil {
		t.Fatal(err)
	}
	sealed, _ := a.Seal([]byte("x"))
	before := s.reads
	if plain, err := b.Open(sealed); err != nil || string(plain) != "x" {
		t.Fatalf("the other node's new key: %q, %v", plain, err)
	}
	if s.reads != before+1 {
		t.Errorf("%d reads for one new key", s.reads-before)
	}

	// Somebody outside sends values with made-up ids: one read a second.
	before = s.reads
	for i := range 100 {
		if _, err := b.Open([]byte{1, 9, 9, 9, byte(i), 0, 0, 0}); !errors.Is(err, ErrSealed) {
			t.Fatal(err)
		}
	}
	if s.reads != before {
		t.Errorf("%d reads within the second", s.reads-before)
	}
	clock.advance(time.Second)
	for i := range 100 {
		b.CheckKeyedHash("p", nil, []byte{1, 9, 9, 9, byte(i), 0, 0, 0})
	}
	if s.reads != before+1 {
		t.Errorf("%d reads in the next second", s.reads-before)
	}

	// A store that is away takes nothing from what is known.
	clock.advance(time.Second)
	s.fail = errors.New("away")
	if _, err := b.Open([]byte{1, 9, 9, 9, 9, 0}); !errors.Is(err, ErrSealed) {
		t.Error(err)
	}
	if _, err := b.Open(sealed); err != nil {
		t.Error(err)
	}
}

func TestMasterIsChangedInTwoSteps(t *testing.T) {
	s, clock := newShelf(), newHands()
	r := openRing(t, s, master(t, 'a'), clock)
	sealed, _ := r.Seal([]byte("x"))

	both := openRing(t, s, master(t, 'b', 'a'), clock) // add
	n, err := both.Rewrap(t.Context())
	if err != nil || n != 3 {
		t.Fatalf("rewrapped %d, %v", n, err)
	}
	if n, err := both.Rewrap(t.Context()); err != nil || n != 0 {
		t.Errorf("rewrapped %d again, %v", n, err)
	}
	if _, err := r.List(t.Context()); !errors.Is(err, ErrWrongMaster) {
		t.Errorf("the node with the old file: %v", err)
	}

	only := openRing(t, s, master(t, 'b'), clock) // retire
	if plain, err := only.Open(sealed); err != nil || string(plain) != "x" {
		t.Errorf("after the change: %q, %v", plain, err)
	}
}

func TestWrongMaster(t *testing.T) {
	s, clock := newShelf(), newHands()
	openRing(t, s, master(t, 'a'), clock)
	before := len(s.rows)
	_, err := OpenRing(t.Context(), s, master(t, 'z'), clock.now)
	if !errors.Is(err, ErrWrongMaster) || !strings.Contains(err.Error(), "this master key opens nothing in this store") {
		t.Errorf("got %v", err)
	}
	if len(s.rows) != before {
		t.Error("a ring that cannot be opened was written to")
	}
	// One row wrapped by a line that is gone must not be replaced by a new key.
	row := s.rows[PurposeHash]
	openRing(t, newShelf(), master(t, 'y'), clock)
	stray := newShelf()
	openRing(t, stray, master(t, 'y'), clock)
	s.rows[PurposeHash] = stray.rows[PurposeHash]
	if _, err := OpenRing(t.Context(), s, master(t, 'a'), clock.now); err == nil || errors.Is(err, ErrWrongMaster) || !strings.Contains(err.Error(), "keys for hash") {
		t.Errorf("one foreign row: %v", err)
	}
	s.rows[PurposeHash] = row
	// A wrapped row cannot stand in for another purpose.
	swapped := s.rows[PurposeSeal]
	swapped.Purpose = PurposeHash
	s.rows[PurposeHash] = swapped
	if _, err := OpenRing(t.Context(), s, master(t, 'a'), clock.now); err == nil {
		t.Error("the sealing keys were taken for hash keys")
	}
	if _, err := OpenRing(t.Context(), newShelf(), Master{}, clock.now); err == nil {
		t.Error("a ring was opened without master key")
	}
}

// N-25: nothing in the stored rows shows a key.
func TestRowsShowNoKey(t *testing.T) {
	s := newShelf()
	openRing(t, s, master(t, 'a'), newHands())
	for purpose, row := range s.rows {
		if bytes.Contains(row.Wrapped, []byte("keyset")) || bytes.Contains(row.Wrapped, []byte("googleapis")) {
			t.Errorf("the row for %s is not wrapped", purpose)
		}
	}
}

func BenchmarkSeal(b *testing.B) {
	r, err := OpenRing(b.Context(), newShelf(), func() Master { m, _ := ParseMaster(masterLine('a')); return m }(), newHands().now)
	if err != nil {
		b.Fatal(err)
	}
	doc := bytes.Repeat([]byte("x"), 100)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := r.Seal(doc, "ten_1", "factor", "fac_1"); err != nil {
			b.Fatal(err)
		}
	}
}
