package secret

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/crypto/argon2"
)

// cheap keeps tests quick; what depends on the real cost uses DefaultCost.
func cheap() Cost { return Cost{MemoryKiB: 64, Time: 1, Lanes: 1} }

func newHasher(t testing.TB, o HasherOptions) *Hasher {
	t.Helper()
	if o.Cost == (Cost{}) {
		o.Cost = cheap()
	}
	h, err := NewHasher(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(h.Close)
	return h
}

func mustHash(t *testing.T, h *Hasher, password string) string {
	t.Helper()
	s, err := h.Hash(t.Context(), Lane{}, password)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func check(t *testing.T, h *Hasher, stored, password string) (ok, rehash bool) {
	t.Helper()
	ok, rehash, err := h.Check(t.Context(), Lane{}, stored, password)
	if err != nil {
		t.Fatal(err)
	}
	return ok, rehash
}

// W-04
func TestDefaultCostIsInTheHash(t *testing.T) {
	h := newHasher(t, HasherOptions{Cost: DefaultCost()})
	stored := mustHash(t, h, "correct horse battery staple")
	if !strings.HasPrefix(stored, "$argon2id$v=19$m=19456,t=2,p=1$") {
		t.Errorf("stored as %s", stored)
	}
	if ok, rehash := check(t, h, stored, "correct horse battery staple"); !ok || rehash {
		t.Errorf("right password: ok %v, rehash %v", ok, rehash)
	}
	if ok, _ := check(t, h, stored, "correct horse battery stapl"); ok {
		t.Error("a wrong password was accepted")
	}
	if mustHash(t, h, "correct horse battery staple") == stored {
		t.Error("two hashes share a salt")
	}
}

// What another program's library wrote is understood.
func TestForeignPHC(t *testing.T) {
	h := newHasher(t, HasherOptions{})
	salt := []byte("somesaltsomesalt")
	p := phc{cost: Cost{MemoryKiB: 128, Time: 3, Lanes: 2}, salt: salt, tag: argon2.IDKey([]byte("pw"), salt, 3, 128, 2, 24)}
	if ok, rehash := check(t, h, p.String(), "pw"); !ok || !rehash {
		t.Errorf("ok %v, rehash %v", ok, rehash)
	}
}

// N-17, B-52: every byte counts, also the 73rd, at which bcrypt stops reading.
func TestWholePasswordCounts(t *testing.T) {
	h := newHasher(t, HasherOptions{})
	base := strings.Repeat("a", 72)
	stored := mustHash(t, h, base+"b")
	for _, wrong := range []string{base + "c", base, base + "bb"} {
		if ok, _ := check(t, h, stored, wrong); ok {
			t.Errorf("%d characters: accepted", len(wrong))
		}
	}
	long := strings.Repeat("x", MaxPasswordBytes-1)
	if ok, _ := check(t, h, mustHash(t, h, long+"y"), long+"z"); ok {
		t.Error("the 1024th byte does not count")
	}
}

// N-16: how an accent is composed does not matter.
func TestPasswordIsNormalised(t *testing.T) {
	h := newHasher(t, HasherOptions{})
	composed, decomposed := "caf\u00e9 au lait", "cafe\u0301 au lait"
	if ok, _ := check(t, h, mustHash(t, h, composed), decomposed); !ok {
		t.Error("decomposed input is refused")
	}
	if ok, _ := check(t, h, mustHash(t, h, decomposed), composed); !ok {
		t.Error("composed input is refused")
	}
	if ok, _ := check(t, h, mustHash(t, h, "ﬁsh"), "fish"); ok {
		t.Error("a compatibility character was folded: that is not NFC")
	}
	// A script that grows in NFC: within the bound as typed, so it works.
	grows := strings.Repeat("\u0958", MaxPasswordBytes/3)
	if ok, _ := check(t, h, mustHash(t, h, grows), grows); !ok {
		t.Error("a password that grows in NFC is refused")
	}
}

// B-52: ten megabytes are refused before any hashing, for names that exist and
// names that do not.
func TestHugePasswordIsNotHashed(t *testing.T) {
	h := newHasher(t, HasherOptions{Workers: 1})
	free := occupy(t, h)
	defer free()
	huge := strings.Repeat("p", 10<<20)
	if _, err := h.Hash(t.Context(), Lane{}, huge); !errors.Is(err, ErrPasswordTooLong) {
		t.Errorf("Hash: %v", err)
	}
	if _, _, err := h.Check(t.Context(), Lane{}, h.Dummy(), huge); !errors.Is(err, ErrPasswordTooLong) {
		t.Errorf("Check: %v", err)
	}
	if _, err := h.Hash(t.Context(), Lane{}, strings.Repeat("p", MaxPasswordBytes+1)); !errors.Is(err, ErrPasswordTooLong) {
		t.Errorf("1025 bytes: %v", err)
	}
}

// N-20: the cost is kept with the hash, and a change of cost asks for a new one.
func TestRehashOnChangedCost(t *testing.T) {
	old := newHasher(t, HasherOptions{})
	stored := mustHash(t, old, "pw")
	dearer := newHasher(t, HasherOptions{Cost: Cost{MemoryKiB: 128, Time: 1, Lanes: 1}})
	if ok, rehash := check(t, dearer, stored, "pw"); !ok || !rehash {
		t.Errorf("right password: ok %v, rehash %v", ok, rehash)
	}
	if ok, rehash := check(t, dearer, stored, "no"); ok || rehash {
		t.Errorf("wrong password: ok %v, rehash %v", ok, rehash)
	}
	again := mustHash(t, dearer, "pw")
	if ok, rehash := check(t, dearer, again, "pw"); !ok || rehash {
		t.Errorf("new hash: ok %v, rehash %v", ok, rehash)
	}
	// The other way round: a hash that asks for more memory than today's.
	if ok, rehash := check(t, old, again, "pw"); !ok || !rehash {
		t.Errorf("lowered cost: ok %v, rehash %v", ok, rehash)
	}
}

func TestDummyMatchesNothing(t *testing.T) {
	h := newHasher(t, HasherOptions{})
	p, err := parsePHC(h.Dummy())
	if err != nil || p.cost != h.Cost() {
		t.Fatalf("the dummy costs %+v, %v", p.cost, err)
	}
	for _, password := range []string{"", "password", "correct horse"} {
		if ok, rehash := check(t, h, h.Dummy(), password); ok || rehash {
			t.Errorf("%q: ok %v, rehash %v", password, ok, rehash)
		}
	}
	// Even a tag that somebody found by chance.
	p.tag = argon2.IDKey([]byte("pw"), p.salt, p.cost.Time, p.cost.MemoryKiB, p.cost.Lanes, uint32(len(p.tag)))
	h.dummy = p.String()
	if ok, _ := check(t, h, h.Dummy(), "pw"); ok {
		t.Error("the dummy was matched")
	}
}

func TestUnknownHashForms(t *testing.T) {
	h := newHasher(t, HasherOptions{})
	good := mustHash(t, h, "pw")
	for name, s := range map[string]string{
		"empty":             "",
		"bcrypt":            "$2a$10$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy",
		"argon2i":           strings.Replace(good, "argon2id", "argon2i", 1),
		"older version":     strings.Replace(good, "v=19", "v=16", 1),
		"no version":        strings.Replace(good, "v=19$", "", 1),
		"leading zero":      strings.Replace(good, "m=64", "m=064", 1),
		"plus sign":         strings.Replace(good, "m=64", "m=+64", 1),
		"too much memory":   strings.Replace(good, "m=64", "m=4194304", 1),
		"overflow":          strings.Replace(good, "m=64", "m=4294967360", 1),
		"too many passes":   strings.Replace(good, "t=1", "t=4000", 1),
		"no pass":           strings.Replace(good, "t=1", "t=0", 1),
		"no lane":           strings.Replace(good, "p=1", "p=0", 1),
		"other order":       strings.Replace(good, "m=64,t=1", "t=1,m=64", 1),
		"one more setting":  strings.Replace(good, "p=1", "p=1,q=1", 1),
		"padding":           good + "=",
		"trailing newline":  good + "\n",
		"one more part":     good + "$",
		"short salt":        "$argon2id$v=19$m=64,t=1,p=1$c2FsdA$" + good[strings.LastIndex(good, "$")+1:],
		"no tag":            good[:strings.LastIndex(good, "$")+1],
		"longer than known": good + strings.Repeat("A", 400),
	} {
		if _, _, err := h.Check(t.Context(), Lane{}, s, "pw"); !errors.Is(err, ErrHashFormat) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// occupy holds a hasher's only worker until the returned function is called.
func occupy(t *testing.T, h *Hasher) (free func()) {
	t.Helper()
	started, hold := make(chan struct{}), make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		_ = h.Do(context.Background(), Lane{Source: "occupied"}, func() { close(started); <-hold })
	})
	<-started
	return func() { close(hold); wg.Wait() }
}

// waitFor yields until so many are in the queue.
func waitFor(h *Hasher, n int) {
	for {
		known, others := h.Waiting()
		if known+others == n {
			return
		}
		runtime.Gosched()
	}
}

// A flood from one source delays an asker from another by two hashes at most.
func TestFloodWaitsForItself(t *testing.T) {
	h := newHasher(t, HasherOptions{Workers: 1})
	free := occupy(t, h)
	var mu sync.Mutex
	var order []string
	var wg sync.WaitGroup
	ask := func(source string) {
		wg.Go(func() {
			err := h.Do(t.Context(), Lane{Source: source}, func() {
				mu.Lock()
				order = append(order, source)
				mu.Unlock()
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	for range 300 {
		ask("flood")
	}
	waitFor(h, 300)
	ask("other")
	waitFor(h, 301)
	free()
	wg.Wait()
	for i, s := range order {
		if s == "other" {
			if i > 2 {
				t.Errorf("the other source waited for %d hashes", i)
			}
			return
		}
	}
	t.Error("the other source was never served")
}

func TestBusyAtTheBound(t *testing.T) {
	h := newHasher(t, HasherOptions{Workers: 1, PerSource: 5, Waiting: 8})
	free := occupy(t, h)
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			_, _, err := h.Check(t.Context(), Lane{Source: fmt.Sprint(i / 4)}, h.Dummy(), "pw")
			if err != nil {
				t.Error(err)
			}
		})
	}
	waitFor(h, 8)
	var busy ErrBusy
	if _, err := h.Hash(t.Context(), Lane{Source: "0"}, "pw"); !errors.As(err, &busy) {
		t.Fatalf("beyond the bound: %v", err)
	}
	if busy.RetryAfter < time.Second || busy.RetryAfter > time.Minute || busy.RetryAfter%time.Second != 0 {
		t.Errorf("retry after %s", busy.RetryAfter)
	}
	free()
	wg.Wait()
	if _, err := h.Hash(t.Context(), Lane{Source: "0"}, "pw"); err != nil {
		t.Errorf("after the crowd: %v", err)
	}
}

func TestDroppedToMakeRoom(t *testing.T) {
	h := newHasher(t, HasherOptions{Workers: 1, PerSource: 5, Waiting: 5})
	free := occupy(t, h)
	failed := make(chan error, 5)
	for range 5 {
		go func() { failed <- h.Do(context.Background(), Lane{Source: "flood"}, func() {}) }()
	}
	waitFor(h, 5)
	served := make(chan error, 1)
	go func() { served <- h.Do(context.Background(), Lane{Source: "other"}, func() {}) }()
	var busy ErrBusy
	if err := <-failed; !errors.As(err, &busy) {
		t.Errorf("the flood's newest asker: %v", err)
	}
	free()
	if err := <-served; err != nil {
		t.Errorf("the newcomer: %v", err)
	}
	for range 4 {
		if err := <-failed; err != nil {
			t.Errorf("the flood's other askers: %v", err)
		}
	}
}

// Who goes away leaves the queue and does not take a turn.
func TestCancelledAskerLeaves(t *testing.T) {
	h := newHasher(t, HasherOptions{Workers: 1})
	free := occupy(t, h)
	ctx, cancel := context.WithCancel(t.Context())
	gone := make(chan error)
	ran := false
	go func() { gone <- h.Do(ctx, Lane{Source: "a"}, func() { ran = true }) }()
	waitFor(h, 1)
	cancel()
	if err := <-gone; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	waitFor(h, 0)
	free()
	if err := h.Do(t.Context(), Lane{}, func() {}); err != nil {
		t.Error(err)
	}
	if ran {
		t.Error("the work of somebody who left was done")
	}
	if err := h.Do(ctx, Lane{}, func() {}); !errors.Is(err, context.Canceled) {
		t.Errorf("already gone on arrival: %v", err)
	}
}

func TestDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, err := NewHasher(HasherOptions{Cost: cheap(), Workers: 1, Wait: 3 * time.Second})
		if err != nil {
			t.Fatal(err)
		}
		defer h.Close()
		free := occupy(t, h)
		start := time.Now()
		err = h.Do(t.Context(), Lane{Source: "a"}, func() {})
		var busy ErrBusy
		if !errors.As(err, &busy) || time.Since(start) != 3*time.Second {
			t.Errorf("after %s: %v", time.Since(start), err)
		}
		if known, others := h.Waiting(); known+others != 0 {
			t.Error("who gave up still waits")
		}
		free()
	})
}

func TestCloseAnswersThoseWhoWait(t *testing.T) {
	h, err := NewHasher(HasherOptions{Cost: cheap(), Workers: 1})
	if err != nil {
		t.Fatal(err)
	}
	free := occupy(t, h)
	waiting := make(chan error)
	go func() { waiting <- h.Do(context.Background(), Lane{}, func() {}) }()
	waitFor(h, 1)
	closed := make(chan struct{})
	go func() { h.Close(); close(closed) }()
	if err := <-waiting; !errors.Is(err, ErrClosed) {
		t.Errorf("got %v", err)
	}
	free()
	<-closed
	h.Close() // again is no harm
	if _, err := h.Hash(t.Context(), Lane{}, "pw"); !errors.Is(err, ErrClosed) {
		t.Errorf("after closing: %v", err)
	}
}

func TestPanicBelongsToTheCaller(t *testing.T) {
	h := newHasher(t, HasherOptions{Workers: 1})
	defer func() {
		if recover() != "boom" {
			t.Error("the panic did not come through")
		}
		if err := h.Do(t.Context(), Lane{}, func() {}); err != nil {
			t.Errorf("the worker is gone: %v", err)
		}
	}()
	_ = h.Do(t.Context(), Lane{}, func() { panic("boom") })
}

func TestHasherOptionsAreChecked(t *testing.T) {
	for _, o := range []HasherOptions{
		{Cost: Cost{MemoryKiB: 4, Time: 1, Lanes: 1}},
		{Cost: Cost{MemoryKiB: 64, Time: 0, Lanes: 1}},
		{Cost: Cost{MemoryKiB: 1 << 30, Time: 1, Lanes: 1}},
		{Cost: Cost{MemoryKiB: 64, Time: 1, Lanes: 200}},
		{Workers: -1},
		{Wait: -time.Second},
	} {
		if h, err := NewHasher(o); err == nil {
			h.Close()
			t.Errorf("%+v was accepted", o)
		}
	}
}

func FuzzParsePHC(f *testing.F) {
	f.Add("$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$KGW63wcAW9rLtNrnBHjEeY0R0mQjVBsBUTxTqpgX9Zo")
	f.Add("$argon2id$v=19$m=4294967295,t=4294967295,p=255$$")
	f.Add("$argon2id$v=19$m=,t=,p=$AA$AA")
	f.Add("$2b$12$abcdefghijklmnopqrstuv")
	f.Fuzz(func(t *testing.T, s string) {
		p, err := parsePHC(s)
		if err != nil {
			return
		}
		if p.String() != s {
			t.Errorf("%q is read as %q", s, p)
		}
		if p.cost.Validate() != nil || len(p.salt) < minSaltBytes || len(p.tag) < minTagBytes {
			t.Errorf("%q was accepted", s)
		}
	})
}

// BenchmarkThousandWaiting reports the largest resident size while a thousand
// sign-ins wait for a hash of the default cost (P6), and hashes a second.
func BenchmarkThousandWaiting(b *testing.B) {
	h := newHasher(b, HasherOptions{Cost: DefaultCost()})
	largest := 0
	for b.Loop() {
		done := make(chan struct{})
		var wg sync.WaitGroup
		for i := range 1000 {
			wg.Go(func() {
				if _, _, err := h.Check(b.Context(), Lane{Source: fmt.Sprint(i % 40)}, h.Dummy(), "some password"); err != nil {
					b.Error(err)
				}
			})
		}
		go func() { wg.Wait(); close(done) }()
		for tick := time.NewTicker(50 * time.Millisecond); ; <-tick.C {
			largest = max(largest, residentKiB())
			select {
			case <-done:
				tick.Stop()
			default:
				continue
			}
			break
		}
	}
	b.ReportMetric(float64(largest)/1024, "MiB-resident")
	b.ReportMetric(1000*float64(b.N)/b.Elapsed().Seconds(), "hashes/s")
}

func residentKiB() (kib int) {
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	for _, line := range strings.Split(string(text), "\n") {
		if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			_, _ = fmt.Sscan(rest, &kib)
		}
	}
	return kib
}
