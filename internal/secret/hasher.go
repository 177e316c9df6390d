package secret

import (
	"context"
	"errors"
	"fmt"
	"math"
	"runtime"
	"sync"
	"time"

	"sallyport/internal/secret/argon"
)

// HasherOptions: every zero value stands for its default.
type HasherOptions struct {
	Cost      Cost          // DefaultCost
	Workers   int           // hashes at once; the processors that Go may use
	PerSource int           // waiting per source; 1024
	Waiting   int           // waiting at all, for known browsers and for others each; 4096
	Wait      time.Duration // longest wait before ErrBusy; 15 s
	Idle      time.Duration // how long an unused worker keeps its memory; 20 s
}

// ErrBusy says that the queue in front of the hash is too long.
type ErrBusy struct {
	RetryAfter time.Duration
}

func (e ErrBusy) Error() string {
	return fmt.Sprintf("too many passwords wait to be checked, retry in %s", e.RetryAfter)
}

// ErrClosed is what Hash and Check answer after Close.
var ErrClosed = errors.New("the password hasher is closed")

// Hasher hashes passwords, a few at once, and lets nobody wait behind a crowd.
//
// On Linux each worker is a thread of lower priority and GOMAXPROCS is raised by
// their number: otherwise a hash would hold one of Go's processors for the ten
// milliseconds that the scheduler grants it, and everybody else's request would
// wait that long; now the kernel runs the waiting request first.
//
// Memory: each worker holds the memory of one hash (19 MiB by default) outside
// Go's heap from its first hash until it was unused for Idle. Those who wait
// hold a few kilobytes each. So nothing needs tuning for the hashes' sake; a
// memory limit (GOMEMLIMIT) that is set should be the container's, less
// Workers times 19 MiB.
type Hasher struct {
	options HasherOptions
	dummy   string

	mu      sync.Mutex
	queue   *queue // guarded by mu
	closed  bool   // guarded by mu
	wake    chan struct{}
	stop    chan struct{}
	workers sync.WaitGroup
}

// NewHasher starts the workers. Close ends them.
func NewHasher(o HasherOptions) (*Hasher, error) {
	if o.Cost == (Cost{}) {
		o.Cost = DefaultCost()
	}
	if err := o.Cost.Validate(); err != nil {
		return nil, err
	}
	if o.Workers == 0 {
		// GOMAXPROCS follows a container's limit, NumCPU the machine.
		o.Workers = min(runtime.GOMAXPROCS(0), runtime.NumCPU())
	}
	if o.PerSource == 0 {
		o.PerSource = 1024
	}
	if o.Waiting == 0 {
		o.Waiting = 4096
	}
	if o.Wait == 0 {
		o.Wait = 15 * time.Second
	}
	if o.Idle == 0 {
		o.Idle = 20 * time.Second
	}
	if o.Workers < 0 || o.PerSource < 0 || o.Waiting < 0 || o.Wait < 0 || o.Idle < 0 {
		return nil, errors.New("password hasher: no option may be negative")
	}
	h := &Hasher{
		options: o,
		dummy:   phc{cost: o.Cost, salt: Random(saltBytes), tag: Random(tagBytes)}.String(),
		queue:   newQueue(o.PerSource, o.Waiting),
		wake:    make(chan struct{}, o.Workers),
		stop:    make(chan struct{}),
	}
	runtime.GOMAXPROCS(runtime.GOMAXPROCS(0) + o.Workers)
	for range o.Workers {
		h.workers.Add(1)
		go h.work()
	}
	return h, nil
}

// Close ends the workers after what they are doing; who still waits gets
// ErrClosed.
func (h *Hasher) Close() {
	h.mu.Lock()
	if h.closed {
		h.mu.Unlock()
		return
	}
	h.closed = true
	for j := h.queue.next(); j != nil; j = h.queue.next() {
		close(j.done)
	}
	h.mu.Unlock()
	close(h.stop)
	h.workers.Wait()
	runtime.GOMAXPROCS(max(1, runtime.GOMAXPROCS(0)-h.options.Workers))
}

// Cost is what new hashes take.
func (h *Hasher) Cost() Cost { return h.options.Cost }

// Waiting is the number of askers in the queue: known browsers, then others.
func (h *Hasher) Waiting() (known, others int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.queue.known.waiting, h.queue.others.waiting
}

// Dummy is a hash of today's cost that no password matches. Checking against it
// makes an unknown name cost what a known one does.
func (h *Hasher) Dummy() string { return h.dummy }

// Hash returns the PHC string of the password under a new salt.
func (h *Hasher) Hash(ctx context.Context, lane Lane, password string) (string, error) {
	plain, err := canonical(password)
	if err != nil {
		return "", err
	}
	p := phc{cost: h.options.Cost, salt: Random(saltBytes)}
	err = h.do(ctx, lane, func(w *worker) { p.tag = w.tag(plain, p, tagBytes) })
	if err != nil {
		return "", err
	}
	return p.String(), nil
}

// Check reports whether the password is the one that was hashed, and whether
// it should be hashed again because today's cost is another or because the hash
// was imported. rehash is only ever true beside ok.
func (h *Hasher) Check(ctx context.Context, lane Lane, stored, password string) (ok, rehash bool, err error) {
	plain, err := canonical(password)
	if err != nil {
		return false, false, err
	}
	if setting, encoded, imported := cutImported(stored); imported {
		return h.checkImported(ctx, lane, setting, encoded, password, string(plain))
	}
	p, err := parsePHC(stored)
	if err != nil {
		return false, false, err
	}
	var tag []byte
	if err := h.do(ctx, lane, func(w *worker) { tag = w.tag(plain, p, len(p.tag)) }); err != nil {
		return false, false, err
	}
	ok = Equal(tag, p.tag) && stored != h.dummy
	return ok, ok && p.cost != h.options.Cost, nil
}

// Do runs other costly work, such as checking an imported hash of another kind,
// in the same queue and on the same threads. A panic of work is the caller's.
func (h *Hasher) Do(ctx context.Context, lane Lane, work func()) error {
	var trouble any
	err := h.do(ctx, lane, func(*worker) {
		defer func() { trouble = recover() }()
		work()
	})
	if err == nil && trouble != nil {
		panic(trouble)
	}
	return err
}

// do waits for a turn and for the work to end. A caller who gives up while the
// work runs leaves it running: what run writes is then nobody's.
func (h *Hasher) do(ctx context.Context, lane Lane, run func(*worker)) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	j := &job{lane: lane, run: run, done: make(chan struct{})}
	h.mu.Lock()
	if h.closed {
		h.mu.Unlock()
		return ErrClosed
	}
	dropped, added := h.queue.add(j)
	busy := h.busy(lane)
	h.mu.Unlock()
	if dropped != nil {
		dropped.busy = true
		close(dropped.done)
	}
	if !added {
		return busy
	}
	select {
	case h.wake <- struct{}{}:
	default: // every worker has been told already and will find it
	}

	deadline := time.NewTimer(h.options.Wait)
	defer deadline.Stop()
	for {
		select {
		case <-j.done:
			return h.outcome(j)
		case <-ctx.Done():
			if h.leave(j) {
				return ctx.Err()
			}
			select {
			case <-j.done: // dropped or finished in this moment
				return h.outcome(j)
			default:
				return ctx.Err()
			}
		case <-deadline.C:
			if h.leave(j) {
				return busy
			}
			// It is being hashed: a moment more. The timer does not fire again.
		}
	}
}

func (h *Hasher) outcome(j *job) error {
	switch {
	case j.busy:
		h.mu.Lock()
		defer h.mu.Unlock()
		return h.busy(j.lane)
	case !j.ran:
		return ErrClosed
	}
	return nil
}

func (h *Hasher) leave(j *job) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.queue.remove(j)
}

// busy estimates when the line in front of this lane will be gone. It errs on
// the long side: a default hash takes 12 to 40 ms.
func (h *Hasher) busy(lane Lane) ErrBusy {
	const usual = 30 * time.Millisecond
	cost := float64(h.options.Cost.MemoryKiB) * float64(h.options.Cost.Time) / float64(DefaultCost().MemoryKiB*DefaultCost().Time)
	each := float64(usual) * cost / float64(h.options.Workers)
	seconds := math.Ceil(float64(h.queue.class(lane).waiting) * each / float64(time.Second))
	return ErrBusy{RetryAfter: time.Duration(min(max(seconds, 1), 60)) * time.Second}
}

// worker is one hashing thread.
type worker struct {
	cost    Cost
	scratch argon.Scratch
}

func (h *Hasher) work() {
	defer h.workers.Done()
	// Never unlocked: the thread ends with the goroutine, so that no other work
	// inherits its low priority.
	runtime.LockOSThread()
	lowerPriority()
	w := &worker{cost: h.options.Cost}
	defer w.scratch.Release()
	idle := time.NewTimer(h.options.Idle)
	defer idle.Stop()
	for {
		h.mu.Lock()
		j := h.queue.next()
		h.mu.Unlock()
		if j != nil {
			j.run(w)
			j.ran = true
			close(j.done)
			continue
		}
		idle.Reset(h.options.Idle)
		select {
		case <-h.stop:
			return
		case <-h.wake:
		case <-idle.C:
			w.scratch.Release()
			select {
			case <-h.stop:
				return
			case <-h.wake:
			}
		}
	}
}

// tag computes the hash. A stored hash that asks for more than today's cost gets
// memory of its own for the moment.
func (w *worker) tag(password []byte, p phc, length int) []byte {
	scratch := &w.scratch
	if p.cost.MemoryKiB > w.cost.MemoryKiB {
		scratch = new(argon.Scratch)
		defer scratch.Release()
	}
	return scratch.Key(password, p.salt, nil, nil, p.cost.Time, p.cost.MemoryKiB, p.cost.Lanes, uint32(length))
}
