package secret

import "container/list"

// Lane says who is waiting for a hash.
type Lane struct {
	// Source groups askers who should wait for each other rather than for
	// anybody else: a /24 or /64 network.
	Source string
	// Known is set when the browser completed a full sign-in of this person
	// before.
	Known bool
}

// queue decides who is next. It knows nothing of time, threads or hashing.
//
//	known ──┬─ source ─ job job job        three turns of four while both wait,
//	        └─ source ─ job                inside: round robin over the sources
//	others ─┬─ source ─ job job
//	        └─ source ─ job job job job
type queue struct {
	known, others class
	perSource     int // jobs that one source may have waiting
	perClass      int // jobs that may wait in each class
	knownTurns    int // given to known in a row while others waited
}

// knownShare is how many turns in a row the known get before the others get one.
const knownShare = 3

type class struct {
	turns   list.List // of *source, each with at least one job
	sources map[string]*source
	waiting int
}

type source struct {
	name string
	jobs list.List // of *job
	turn *list.Element
}

// job is one piece of work. Its fields belong to the queue while it waits.
type job struct {
	lane   Lane
	place  *list.Element // in its source's jobs; nil when it does not wait
	source *source
	run    func(*worker)
	done   chan struct{} // closed when run returned or the job was dropped
	// Both are set before done is closed and read after.
	ran  bool // run returned
	busy bool // dropped to make room
}

func newQueue(perSource, perClass int) *queue {
	q := &queue{perSource: perSource, perClass: perClass}
	q.known.sources = make(map[string]*source)
	q.others.sources = make(map[string]*source)
	return q
}

func (q *queue) class(l Lane) *class {
	if l.Known {
		return &q.known
	}
	return &q.others
}

// add puts j at the end of its source's line. When the class is full, the
// newest job of the longest line makes room for a source that has fewer
// waiting, so that a flood pushes out only itself; that job is returned as
// dropped. When nobody has more, j itself is refused.
func (q *queue) add(j *job) (dropped *job, ok bool) {
	c := q.class(j.lane)
	s := c.sources[j.lane.Source]
	have := 0
	if s != nil {
		have = s.jobs.Len()
	}
	if have >= q.perSource {
		return nil, false
	}
	if c.waiting >= q.perClass {
		longest := c.longest()
		if longest == nil || longest.jobs.Len() <= have+1 {
			return nil, false
		}
		dropped = longest.jobs.Back().Value.(*job)
		q.remove(dropped)
	}
	if s == nil {
		s = &source{name: j.lane.Source}
		c.sources[s.name] = s
		s.turn = c.turns.PushBack(s)
	}
	j.source = s
	j.place = s.jobs.PushBack(j)
	c.waiting++
	return dropped, true
}

func (c *class) longest() *source {
	var longest *source
	for e := c.turns.Front(); e != nil; e = e.Next() {
		if s := e.Value.(*source); longest == nil || s.jobs.Len() > longest.jobs.Len() {
			longest = s
		}
	}
	return longest
}

// next takes out the job whose turn it is, or returns nil.
func (q *queue) next() *job {
	c := &q.known
	switch {
	case q.known.waiting == 0:
		c = &q.others
	case q.others.waiting == 0:
		q.knownTurns = 0
	case q.knownTurns == knownShare:
		c = &q.others
		q.knownTurns = 0
	default:
		q.knownTurns++
	}
	front := c.turns.Front()
	if front == nil {
		return nil
	}
	s := front.Value.(*source)
	j := s.jobs.Front().Value.(*job)
	c.turns.MoveToBack(front)
	q.remove(j)
	return j
}

// remove takes j out; it reports whether j was still waiting.
func (q *queue) remove(j *job) bool {
	if j.place == nil {
		return false
	}
	c := q.class(j.lane)
	s := j.source
	s.jobs.Remove(j.place)
	j.place, j.source = nil, nil
	c.waiting--
	if s.jobs.Len() == 0 {
		c.turns.Remove(s.turn)
		delete(c.sources, s.name)
	}
	return true
}
