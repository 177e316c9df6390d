package audit

import (
	"context"
	"fmt"
	"math"

	"sallyport/internal/core"
	"sallyport/internal/store"
)

// Progress tells how far long work is; total 0 is not known.
type Progress func(what string, done, total int64)

// visitor takes what a store or an export holds, in the order of the chain: a
// batch, then the events in its reach, the next batch, and at the end what is not
// sealed yet.
type visitor interface {
	batch(core.Batch) error
	event(core.Event) error
	unsealed(core.Event) error
}

const walkPage = 500

// walk goes through a store as it is, tampered with or not, while it is written
// to.
func walk(ctx context.Context, st store.Store, v visitor, progress Progress) error {
	w := &walker{ctx: ctx, st: st, visitor: v, progress: progress, number: 1, position: math.MinInt64}
	if last, err := st.LastBatch(ctx); err != nil {
		return fmt.Errorf("read the audit chain: %w", err)
	} else if last.Number > 0 {
		w.total = last.First + last.Count - 1
	}
	for {
		if err := w.sealed(); err != nil {
			return fmt.Errorf("read the audit chain: %w", err)
		}
		rest, err := w.open()
		if err != nil {
			return fmt.Errorf("read the audit log: %w", err)
		}
		last, err := st.LastBatch(ctx)
		if err != nil {
			return fmt.Errorf("read the audit chain: %w", err)
		}
		if last.Number >= w.number {
			continue // some of the rest was sealed meanwhile and comes in its place
		}
		for _, e := range rest {
			if err := v.unsealed(e); err != nil {
				return err
			}
		}
		return nil
	}
}

type walker struct {
	visitor
	ctx      context.Context
	st       store.Store
	progress Progress
	number   int64 // of the next batch
	position int64 // from which events were not visited yet
	done     int64
	total    int64
	ahead    []core.Event
}

// sealed visits all batches from where it stands, and the events in their reach.
func (w *walker) sealed() error {
	for {
		batches, err := w.st.Batches(w.ctx, w.number, walkPage)
		if err != nil {
			return err
		}
		for _, b := range batches {
			if err := w.batch(b); err != nil {
				return err
			}
			w.number = b.Number + 1
			if err := w.events(b.First + b.Count); err != nil {
				return err
			}
		}
		if len(batches) > 0 {
			continue
		}
		// Sealed events that no batch reaches: there are none in an honest store,
		// but a batch that was made in this moment may be theirs.
		if e, ok, err := w.peek(); err != nil || !ok {
			return err
		} else if again, err := w.st.Batches(w.ctx, w.number, 1); err != nil {
			return err
		} else if len(again) == 0 {
			w.ahead = w.ahead[1:]
			if err := w.event(e); err != nil {
				return err
			}
		}
	}
}

// events visits those before a position.
func (w *walker) events(before int64) error {
	for {
		e, ok, err := w.peek()
		if err != nil || !ok || e.Position >= before {
			return err
		}
		w.ahead = w.ahead[1:]
		if err := w.event(e); err != nil {
			return err
		}
		if w.done++; w.progress != nil && w.done%1000 == 0 {
			w.progress("audit log", w.done, w.total)
		}
	}
}

func (w *walker) peek() (core.Event, bool, error) {
	if len(w.ahead) == 0 {
		var err error
		if w.ahead, err = w.st.SealedEvents(w.ctx, w.position, walkPage); err != nil || len(w.ahead) == 0 {
			return core.Event{}, false, err
		}
		w.position = w.ahead[len(w.ahead)-1].Position + 1
	}
	return w.ahead[0], true, nil
}

// open reads what is not sealed yet.
func (w *walker) open() (out []core.Event, err error) {
	first, err := w.st.Unsealed(w.ctx, 1)
	if err != nil || len(first) == 0 {
		return nil, err
	}
	after := first[0].Seq - 1
	for {
		page, err := w.st.EventsAfter(w.ctx, after, walkPage)
		if err != nil {
			return nil, err
		}
		for _, e := range page {
			after = e.Seq
			if e.Batch == 0 {
				out = append(out, e)
			}
		}
		if len(page) < walkPage {
			return out, nil
		}
	}
}
