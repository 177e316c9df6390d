package bench

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// errSpent ends a client: nobody is left whose code was not used yet.
var errSpent = errors.New("everybody's codes of this moment are used")

// load is a closed loop: each client begins its next operation when the last one
// is answered.
type load struct {
	clients int
	most    int           // operations at all
	limit   time.Duration // no operation begins after this
	// pace is the time from one beginning to the next of a client; 0 waits for
	// nothing.
	pace time.Duration
}

// result is what came of a load.
type result struct {
	done  int
	took  time.Duration
	times []time.Duration // sorted
}

func (r result) rate() float64 { return float64(r.done) / r.took.Seconds() }

func (r result) quantile(q float64) time.Duration {
	if len(r.times) == 0 {
		return 0
	}
	return r.times[min(len(r.times)-1, int(q*float64(len(r.times))))]
}

// run drives op, which is told its client's number. Any error but errSpent ends
// the run: what is measured must be sign-ins, not refusals.
func (l load) run(ctx context.Context, op func(client int) error) (result, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var begun atomic.Int64
	var wait sync.WaitGroup
	times := make([][]time.Duration, l.clients)
	start := time.Now()
	for c := range l.clients {
		wait.Add(1)
		go func() {
			defer wait.Done()
			due := time.Now().Add(l.pace * time.Duration(c) / time.Duration(l.clients))
			for ctx.Err() == nil && begun.Add(1) <= int64(l.most) {
				if l.pace > 0 {
					time.Sleep(time.Until(due))
					due = due.Add(l.pace)
				}
				began := time.Now()
				if began.Sub(start) > l.limit {
					return
				}
				err := op(c)
				if errors.Is(err, errSpent) {
					return
				}
				if err != nil {
					cancel(err)
					return
				}
				times[c] = append(times[c], time.Since(began))
			}
		}()
	}
	wait.Wait()
	r := result{took: time.Since(start), times: slices.Concat(times...)}
	r.done = len(r.times)
	slices.Sort(r.times)
	if cause := context.Cause(ctx); cause != nil {
		return r, cause
	}
	if r.done == 0 {
		return r, errors.New("nothing was done")
	}
	return r, nil
}
