package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync/atomic"
	"time"

	"sallyport/internal/app"
	"sallyport/internal/config"
)

// far is a verb's far half: what it does to a house.
type far[In any] func(ctx context.Context, h *app.House, in In, out *answers) error

// verb makes an app.Verb of a far half.
func verb[In any](fn far[In]) app.Verb { return half(fn) }

// half reads what a far half is asked, whatever it does it to: a house, or the API of a
// server elsewhere.
func half[On, In any](fn func(context.Context, On, In, *answers) error) func(context.Context, On, json.RawMessage, io.Writer) error {
	return func(ctx context.Context, h On, raw json.RawMessage, w io.Writer) error {
		var in In
		if len(raw) > 0 {
			if err := json.Unmarshal(raw, &in); err != nil {
				return fmt.Errorf("the server and the command line are of different versions: %w", err)
			}
		}
		out := json.NewEncoder(w)
		out.SetEscapeHTML(false)
		return fn(ctx, h, in, &answers{out})
	}
}

// answer is one line between the halves.
type answer struct {
	Result   json.RawMessage `json:"result,omitempty"`
	Progress *progress       `json:"progress,omitempty"`
	Said     string          `json:"said,omitempty"`
}

type progress struct {
	What  string `json:"what"`
	Done  int64  `json:"done"`
	Total int64  `json:"total"` // 0: not known
}

// answers is where a far half writes.
type answers struct{ out *json.Encoder }

// Result answers one thing; a list answers many.
func (a *answers) Result(v any) error {
	raw, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return a.out.Encode(answer{Result: raw})
}

// Progress tells how far long work is.
func (a *answers) Progress(what string, done, total int64) {
	_ = a.out.Encode(answer{Progress: &progress{what, done, total}}) // nobody waits for it
}

// Say tells whoever asked something beside the answer; programs do not read it.
func (a *answers) Say(text string) error { return a.out.Encode(answer{Said: text}) }

// how says how the house is opened when this process has to.
type how struct {
	hasher bool // passwords are hashed
	bare   bool // the store alone: no keys, no schema check
}

// each runs a verb and hands every result to fn.
func each[T any](s *shell, name string, h how, in any, fn func(T) error) error {
	raw, err := json.Marshal(in)
	if err != nil {
		return err
	}
	w := &splitter{line: func(b []byte) error {
		var a answer
		if err := json.Unmarshal(b, &a); err != nil {
			return fmt.Errorf("read the answer: %w", err)
		}
		if a.Progress != nil {
			s.progress(*a.Progress)
			return nil
		}
		if a.Said != "" {
			s.say("%s", plain(a.Said))
			return nil
		}
		var v T
		if err := json.Unmarshal(a.Result, &v); err != nil {
			return fmt.Errorf("read the answer: %w", err)
		}
		return fn(v)
	}}
	err = s.run(name, h, raw, w)
	s.progressEnd()
	if w.failed != nil {
		return w.failed
	}
	return err
}

// runner runs verbs where they belong. Several may run at once.
type runner struct {
	house *app.House // in this process, or nil
	verb  func(name string, in json.RawMessage, w io.Writer) error
}

// ask runs a verb that answers one thing.
func ask[T any](run runner, name string, in any) (out T, err error) {
	raw, err := json.Marshal(in)
	if err != nil {
		return out, err
	}
	got := false
	w := &splitter{line: func(b []byte) error {
		var a answer
		if err := json.Unmarshal(b, &a); err != nil || a.Result == nil {
			return err
		}
		got = true
		return json.Unmarshal(a.Result, &out)
	}}
	err = run.verb(name, raw, w)
	if w.failed != nil {
		err = w.failed
	}
	if err == nil && !got {
		err = errors.New("the verb gave no answer")
	}
	return out, err
}

// one runs a verb that answers one thing.
func one[T any](s *shell, name string, h how, in any) (T, error) {
	var out T
	got := false
	err := each(s, name, h, in, func(v T) error { out, got = v, true; return nil })
	if err == nil && !got {
		err = errors.New("the verb gave no answer")
	}
	return out, err
}

// run runs a verb where it belongs: over the API of --server, in the server that holds
// the folder, else here.
func (s *shell) run(name string, how how, in json.RawMessage, w io.Writer) error {
	return s.hold(how, func(run runner) error { return run.verb(name, in, w) })
}

// hold gives fn something to run verbs with, and keeps the house open between
// them where this process has to open it. fn may be called again when nothing of
// what it ran has begun.
func (s *shell) hold(how how, fn func(runner) error) error {
	if s.api != nil {
		return fn(runner{verb: s.over})
	}
	c, err := s.checked()
	if err != nil {
		return err
	}
	// Another verb may hold the folder for a moment, and a server for a moment
	// before it answers.
	deadline := time.Now().Add(10 * time.Second)
	for {
		h, err := s.open(c, how)
		if err == nil {
			defer h.Close()
			return fn(runner{h, func(name string, in json.RawMessage, w io.Writer) error { return Verbs()[name](s.ctx, h, in, w) }})
		}
		var held app.ErrHeld
		if !errors.As(err, &held) {
			return err
		}
		var began atomic.Bool
		err = fn(runner{verb: func(name string, in json.RawMessage, w io.Writer) error {
			err := app.CallServer(s.ctx, c.DataDir, name, in, w)
			if !errors.Is(err, app.ErrNoServer) {
				began.Store(true)
			}
			return err
		}})
		if began.Load() || !errors.Is(err, app.ErrNoServer) {
			return err
		}
		if time.Now().After(deadline) {
			return held
		}
		select {
		case <-s.ctx.Done():
			return s.ctx.Err()
		case <-time.After(50 * time.Millisecond):
		}
	}
}

func (s *shell) open(c config.Config, how how) (*app.House, error) {
	o := app.Options{Config: c, Log: s.logger(c), Who: "a sallyport verb", Existing: true, NoHasher: !how.hasher}
	if how.bare {
		return app.OpenBare(s.ctx, o)
	}
	return app.Open(s.ctx, o)
}

// splitter cuts what is written into lines.
type splitter struct {
	rest   []byte
	line   func([]byte) error
	failed error
}

func (w *splitter) Write(b []byte) (int, error) {
	if w.failed != nil {
		return 0, w.failed
	}
	w.rest = append(w.rest, b...)
	for {
		i := bytes.IndexByte(w.rest, '\n')
		if i < 0 {
			return len(b), nil
		}
		if w.failed = w.line(w.rest[:i]); w.failed != nil {
			return 0, w.failed
		}
		w.rest = w.rest[i+1:]
	}
}
