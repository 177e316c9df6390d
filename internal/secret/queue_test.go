package secret

import (
	"fmt"
	"testing"

	"pgregory.net/rapid"
)

func put(t *testing.T, q *queue, l Lane) *job {
	t.Helper()
	j := &job{lane: l}
	if _, ok := q.add(j); !ok {
		t.Fatalf("%v was refused", l)
	}
	return j
}

func TestSourcesTakeTurns(t *testing.T) {
	q := newQueue(100, 1000)
	for range 50 {
		put(t, q, Lane{Source: "flood"})
	}
	b1, b2 := put(t, q, Lane{Source: "b"}), put(t, q, Lane{Source: "b"})
	c := put(t, q, Lane{Source: "c"})
	var order []string
	for range 6 {
		j := q.next()
		order = append(order, j.lane.Source)
		if len(order) == 2 && j != b1 || len(order) == 5 && j != b2 || len(order) == 3 && j != c {
			t.Error("within a source, who came first is not first")
		}
	}
	if got, want := fmt.Sprint(order), "[flood b c flood b flood]"; got != want {
		t.Errorf("order %s, want %s", got, want)
	}
}

func TestKnownGoFirstButDoNotStarve(t *testing.T) {
	q := newQueue(100, 1000)
	for range 20 {
		put(t, q, Lane{Source: "crowd"})
		put(t, q, Lane{Source: "office", Known: true})
	}
	known := 0
	for range 20 {
		if q.next().lane.Known {
			known++
		}
	}
	if known != 15 {
		t.Errorf("%d of 20 turns went to known browsers, want 15", known)
	}
}

func TestSourceBound(t *testing.T) {
	q := newQueue(3, 1000)
	for range 3 {
		put(t, q, Lane{Source: "a"})
	}
	if _, ok := q.add(&job{lane: Lane{Source: "a"}}); ok {
		t.Error("a fourth job of the source was taken")
	}
	put(t, q, Lane{Source: "b"})
	put(t, q, Lane{Source: "a", Known: true}) // the other class counts for itself
}

func TestFullClassMakesRoomFromTheLongestLine(t *testing.T) {
	q := newQueue(100, 10)
	var last *job
	for range 9 {
		last = put(t, q, Lane{Source: "flood"})
	}
	put(t, q, Lane{Source: "b"})
	dropped, ok := q.add(&job{lane: Lane{Source: "c"}})
	if !ok || dropped != last {
		t.Fatalf("taken %v, dropped %v, want the flood's newest", ok, dropped)
	}
	if _, ok := q.add(&job{lane: Lane{Source: "flood"}}); ok {
		t.Error("the flood pushed somebody out")
	}
	if q.others.waiting != 10 {
		t.Errorf("%d waiting", q.others.waiting)
	}
	// A crowd of single askers: nobody has more than another, so the newcomer
	// is refused.
	q = newQueue(100, 4)
	for _, s := range []string{"a", "b", "c", "d"} {
		put(t, q, Lane{Source: s})
	}
	if _, ok := q.add(&job{lane: Lane{Source: "e"}}); ok {
		t.Error("a fifth asker was taken")
	}
}

// Whatever happens, the counts are right, no bound is passed, nothing is lost
// and nothing comes out twice.
func TestQueueKeepsCount(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		perSource, perClass := rapid.IntRange(1, 5).Draw(t, "perSource"), rapid.IntRange(1, 12).Draw(t, "perClass")
		q := newQueue(perSource, perClass)
		waiting := make(map[*job]bool)
		for range rapid.IntRange(0, 200).Draw(t, "steps") {
			switch rapid.IntRange(0, 3).Draw(t, "step") {
			case 0, 1:
				j := &job{lane: Lane{Source: rapid.SampledFrom([]string{"a", "b", "c", "d"}).Draw(t, "source"), Known: rapid.Bool().Draw(t, "known")}}
				dropped, ok := q.add(j)
				if dropped != nil {
					if !ok || !waiting[dropped] || dropped.lane.Known != j.lane.Known {
						t.Fatal("dropped a job for nothing, or one that did not wait there")
					}
					delete(waiting, dropped)
				}
				if ok {
					waiting[j] = true
				}
			case 2:
				j := q.next()
				if (j == nil) != (len(waiting) == 0) {
					t.Fatalf("next gave %v with %d waiting", j, len(waiting))
				}
				if j != nil && !waiting[j] {
					t.Fatal("a job came out twice")
				}
				delete(waiting, j)
			case 3:
				for j := range waiting {
					if !q.remove(j) || q.remove(j) {
						t.Fatal("remove does not tell whether the job waited")
					}
					delete(waiting, j)
					break
				}
			}
			known, others := 0, 0
			for j := range waiting {
				if j.lane.Known {
					known++
				} else {
					others++
				}
			}
			if q.known.waiting != known || q.others.waiting != others || known > perClass || others > perClass {
				t.Fatalf("counts %d and %d, want %d and %d of %d", q.known.waiting, q.others.waiting, known, others, perClass)
			}
			for _, c := range []*class{&q.known, &q.others} {
				if c.turns.Len() != len(c.sources) {
					t.Fatalf("%d turns for %d sources", c.turns.Len(), len(c.sources))
				}
			}
		}
	})
}
