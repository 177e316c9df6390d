package sqlite

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"

	"sallyport/internal/store/sqlstore/db"
)

// groupSize bounds how many transactions share a commit, so that the first of
// them does not wait for ever.
const groupSize = 16

// writer owns the one connection that writes.
type writer struct {
	conn *conn
	// coming counts those who are about to take mu. Whoever holds mu leaves the
	// commit to them when there are any.
	coming atomic.Int64
	mu     sync.Mutex
	group  *group // the open transaction, if there is one
	closed bool
	wide   int // more commits until the connection is narrowed again
}

// A connection that brings in people by the thousand touches pages all over the
// indexes. With the room that is right for a sign-in it would read the same ones
// again for every chunk, and move them from the log into the file after each.
const (
	wideFor  = 100 // commits of others
	wideRoom = "PRAGMA cache_size = -32768"
	wideLog  = "PRAGMA wal_autocheckpoint = 4000"
)

var narrowed = []string{"PRAGMA cache_size = -2000", "PRAGMA wal_autocheckpoint = 1000", "PRAGMA shrink_memory"}

// widen gives the connection room. Whoever calls it is inside write.
func (w *writer) widen() error {
	if w.wide == 0 {
		for _, s := range []string{wideRoom, wideLog} {
			if err := w.conn.do(s); err != nil {
				return err
			}
		}
	}
	w.wide = wideFor
	return nil
}

// narrow takes the room back once the chunks have stopped coming. A server
// commits every second or so, so that is a minute or two later.
func (w *writer) narrow() error {
	if w.wide == 0 {
		return nil
	}
	if w.wide--; w.wide > 0 {
		return nil
	}
	for _, s := range narrowed {
		if err := w.conn.do(s); err != nil {
			return err
		}
	}
	return nil
}

// group is a transaction that several functions share.
type group struct {
	size int
	done chan struct{} // closed when err is known
	err  error
}

// write runs fn in a transaction that it may share with others who came at the
// same time. What fn did is kept and durable when write returns nil, and undone
// when fn returned an error or panicked; the others do not notice.
func (w *writer) write(ctx context.Context, fn func(db.DBTX) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return w.wait(w.enter(fn, false))
}

// writeAlone is write in a group of its own. A savepoint under a long transaction
// keeps a journal of its statements, and each statement would walk it.
func (w *writer) writeAlone(ctx context.Context, fn func(db.DBTX) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return w.wait(w.enter(fn, true))
}

func (w *writer) wait(g *group, err error) error {
	if err != nil {
		return err
	}
	<-g.done
	return g.err
}

// enter runs fn and returns the group whose commit decides.
func (w *writer) enter(fn func(db.DBTX) error, alone bool) (g *group, err error) {
	w.coming.Add(1)
	w.mu.Lock()
	w.coming.Add(-1)
	defer w.mu.Unlock()
	if w.closed {
		return nil, errClosed
	}
	if alone && w.group != nil {
		w.commit()
	}
	first := w.group == nil
	if first {
		if err := w.narrow(); err != nil {
			return nil, err
		}
		if err := w.conn.do("BEGIN IMMEDIATE"); err != nil {
			return nil, err
		}
		w.group = &group{done: make(chan struct{})}
	} else if err := w.conn.do("SAVEPOINT one"); err != nil {
		w.abandon(err)
		return nil, err
	}
	g = w.group
	kept := false
	// In a defer, because fn may panic or end its goroutine.
	defer func() {
		if !kept {
			w.undo(first)
		}
		w.settle(alone)
	}()
	if err := fn(w.conn); err != nil {
		return nil, err
	}
	if !first {
		if err := w.conn.do("RELEASE one"); err != nil {
			return nil, err
		}
	}
	kept = true
	return g, nil
}

// undo takes back what the last function did. When even that fails, the engine
// has ended the transaction by itself and everybody's rows are gone.
func (w *writer) undo(first bool) {
	if first {
		w.abandon(nil)
		return
	}
	err := w.conn.do("ROLLBACK TO one")
	if err == nil {
		err = w.conn.do("RELEASE one")
	}
	if err != nil {
		w.abandon(fmt.Errorf("%w: %w", errLost, err))
	}
}

// settle commits unless somebody comes who will.
func (w *writer) settle(alone bool) {
	g := w.group
	if g == nil {
		return
	}
	g.size++
	if !alone && w.coming.Load() > 0 && g.size < groupSize && !w.closed {
		return
	}
	w.commit()
}

func (w *writer) commit() {
	g := w.group
	if err := w.conn.do("COMMIT"); err != nil {
		w.abandon(err)
		return
	}
	w.group = nil
	close(g.done)
}

// abandon rolls everything back and tells those who wait for the commit.
func (w *writer) abandon(why error) {
	g := w.group
	w.group = nil
	// Fails when the engine has rolled back already, which is as good.
	_ = w.conn.do("ROLLBACK")
	g.err = why
	close(g.done)
}

func (w *writer) close() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.closed = true
	if w.group != nil {
		w.settle(true)
	}
	return w.conn.close()
}
