package audit

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"sallyport/internal/core"
	"sallyport/internal/secret"
	"sallyport/internal/store"
)

const (
	sealEvery = time.Second
	sealLease = 10 * time.Second
	sealName  = "audit-seal"
	// sealAtOnce bounds a batch, so that one transaction stays short.
	sealAtOnce = 1000
	headEvery  = time.Minute
)

// Sealer links committed events into the chain.
type Sealer struct {
	Store store.Store
	Ring  *secret.Ring
	Now   func() time.Time
	Node  string // who holds the lease
	Log   *slog.Logger
}

// Run seals every second, while no other node does, until ctx ends.
func (s *Sealer) Run(ctx context.Context) {
	tick := time.NewTicker(sealEvery)
	defer tick.Stop()
	var told Head
	var toldAt time.Time
	trouble := ""
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		head, err := s.turn(ctx)
		switch {
		case err == nil:
			trouble = ""
		case ctx.Err() != nil:
			return
		case err.Error() != trouble: // the same trouble is told once, not at every tick
			trouble = err.Error()
			s.Log.Error("audit events are not being sealed", "event", "audit.seal_failed", "error", trouble)
		}
		if head.Number > told.Number && time.Since(toldAt) >= headEvery {
			told, toldAt = head, time.Now()
			s.Log.Info("head of the audit chain", "event", "audit.head", "head", head.String())
		}
	}
}

// turn seals what there is, if it is this node's turn, and says where the chain
// ends.
func (s *Sealer) turn(ctx context.Context) (Head, error) {
	mine, err := s.Store.Lease(ctx, sealName, s.Node, s.Now(), sealLease)
	if err != nil || !mine {
		return Head{}, err
	}
	if _, err := s.Seal(ctx); err != nil {
		return Head{}, err
	}
	last, err := s.Store.LastBatch(ctx)
	return headOf(last), err
}

// Seal links all events that are committed and belong to no batch, in the order
// of their insertion. It returns how many. Two that seal at once do no harm: the
// number of a batch can be taken once.
func (s *Sealer) Seal(ctx context.Context) (n int, err error) {
	for {
		events, err := s.Store.Unsealed(ctx, sealAtOnce)
		if err != nil {
			return n, fmt.Errorf("seal the audit log: %w", err)
		}
		if len(events) == 0 {
			return n, nil
		}
		last, err := s.Store.LastBatch(ctx)
		if err != nil {
			return n, fmt.Errorf("seal the audit log: %w", err)
		}
		end, err := s.end(ctx, last)
		if err != nil {
			return n, fmt.Errorf("seal the audit log: %w", err)
		}
		b, seqs, err := s.link(end, events)
		if err != nil {
			return n, fmt.Errorf("seal the audit log: %w", err)
		}
		head, err := remember(headOf(b), s.Ring.Sign)
		if err != nil {
			return n, fmt.Errorf("seal the audit log: %w", err)
		}
		err = s.Store.SealBatch(ctx, b, seqs, head)
		if errors.Is(err, store.ErrConflict) {
			return n, nil // another node was faster; what it left comes with the next turn
		}
		if err != nil {
			return n, fmt.Errorf("seal the audit log: %w", err)
		}
		n += len(events)
	}
}

// end is where the chain goes on: behind the newest batch, or behind the one that
// the store remembers when that is gone. Else the next batch would take its number
// and nobody would see that one is missing.
func (s *Sealer) end(ctx context.Context, last core.Batch) (Head, error) {
	text, err := s.Store.Meta(ctx, store.MetaAuditHead)
	if err != nil {
		return Head{}, err
	}
	memory, err := recall(text, s.Ring.Verify)
	if err != nil {
		s.Log.Error("what the store remembers of its audit chain cannot be believed", "event", "audit.memory", "error", err.Error())
	}
	if memory.Number > last.Number {
		return memory, nil
	}
	return headOf(last), nil
}

// link makes the batch of events that follows an end. Positions begin at 1.
func (s *Sealer) link(last Head, events []core.Event) (core.Batch, []int64, error) {
	b := core.Batch{Number: last.Number + 1, First: last.Position + 1, Previous: last.Hash, Count: int64(len(events)), At: s.Now().UTC().Truncate(time.Microsecond)}
	seqs := make([]int64, len(events))
	hashes := make([][]byte, len(events))
	for i, e := range events {
		seqs[i], hashes[i] = e.Seq, eventHash(e)
	}
	b.Root = rootOf(b.Number, b.First, hashes)
	var err error
	b.Signature, err = s.Ring.Sign(batchBytes(b))
	return b, seqs, err
}
