package audit

import (
	"bytes"
	"fmt"

	"sallyport/internal/core"
)

// Kinds of findings.
const (
	FoundDeleted    = "deleted"    // an event or a batch that was sealed is not there
	FoundChanged    = "changed"    // it is there and differs from what was sealed
	FoundInserted   = "inserted"   // it stands among sealed ones and was not sealed there
	FoundReordered  = "reordered"  // it is as it was sealed, at another place
	FoundLink       = "link"       // a batch does not follow the one before
	FoundSignature  = "signature"  // a batch was not signed by this instance
	FoundHead       = "head"       // the chain is not the one whose head was kept
	FoundUnreadable = "unreadable" // a line of an export
)

// Finding is one thing that is not as it was sealed.
type Finding struct {
	Kind     string `json:"kind"`
	Batch    int64  `json:"batch,omitempty"`
	Position int64  `json:"position,omitempty"`
	Seq      int64  `json:"seq,omitempty"` // the store's own number of the event
	Text     string `json:"text"`
}

// mostFindings bounds a report; Report.More counts the rest.
const mostFindings = 100

// Report is what a check found.
type Report struct {
	Instance string    `json:"instance,omitempty"`
	Keys     string    `json:"keys"` // fingerprint of the public keys that signatures were checked with
	Batches  int64     `json:"batches"`
	Events   int64     `json:"events"`   // sealed
	Unsealed int64     `json:"unsealed"` // not sealed yet: nothing is said about them
	Head     Head      `json:"head"`
	Findings []Finding `json:"findings"`
	More     int       `json:"more,omitempty"`
}

// OK reports whether everything is as it was sealed.
func (r Report) OK() bool { return len(r.Findings) == 0 }

// checker visits a chain and compares.
type checker struct {
	report Report
	verify func(data, signature []byte) error
	pinned *Head
	memory *Head           // what the store remembers; nil when nothing is known
	made   map[string]bool // tenants whose making was told

	now    core.Batch   // the batch whose events come
	events []core.Event // those in its reach, as they came
}

func (c *checker) find(f Finding) {
	if len(c.report.Findings) == mostFindings {
		c.report.More++
		return
	}
	c.report.Findings = append(c.report.Findings, f)
}

func (c *checker) batch(b core.Batch) error {
	c.close()
	c.report.Batches++
	if b.Number <= c.now.Number {
		c.find(Finding{Kind: FoundReordered, Batch: b.Number, Text: fmt.Sprintf("batch %d comes after batch %d", b.Number, c.now.Number)})
	}
	for n := c.now.Number + 1; n < b.Number && n <= c.now.Number+mostFindings; n++ {
		c.find(Finding{Kind: FoundDeleted, Batch: n, Text: fmt.Sprintf("batch %d is not there", n)})
	}
	if err := c.verify(batchBytes(b), b.Signature); err != nil {
		c.find(Finding{Kind: FoundSignature, Batch: b.Number, Text: fmt.Sprintf("batch %d is not as it was signed", b.Number)})
	}
	if follows := b.Number == c.now.Number+1; follows && c.now.Number == 0 {
		if b.First != 1 || len(b.Previous) != 0 {
			c.find(Finding{Kind: FoundLink, Batch: b.Number, Text: "the first batch speaks of one before it"})
		}
	} else if follows && (!bytes.Equal(b.Previous, batchHash(c.now)) || b.First != c.now.First+c.now.Count) {
		c.find(Finding{Kind: FoundLink, Batch: b.Number, Text: fmt.Sprintf("batch %d does not follow batch %d as that stands here", b.Number, c.now.Number)})
	}
	if m := c.memory; m != nil && m.Number > 0 && b.Number == m.Number && !bytes.Equal(batchHash(b), m.Hash) {
		c.find(Finding{Kind: FoundChanged, Batch: b.Number, Text: fmt.Sprintf("batch %d is not the one that the store remembers", b.Number)})
	}
	if c.pinned != nil && b.Number == c.pinned.Number && !bytes.Equal(batchHash(b), c.pinned.Hash) {
		c.find(Finding{Kind: FoundHead, Batch: b.Number, Text: fmt.Sprintf("batch %d is not the one whose head was kept: the chain was written anew", b.Number)})
	}
	c.now = b
	return nil
}

func (c *checker) event(e core.Event) error {
	c.note(e)
	c.events = append(c.events, e)
	c.report.Events++
	return nil
}

func (c *checker) unsealed(e core.Event) error {
	c.note(e)
	c.report.Unsealed++
	return nil
}

// end closes the report.
func (c *checker) end() Report {
	c.close()
	c.report.Head = headOf(c.now)
	c.remembered()
	if c.pinned != nil && c.now.Number < c.pinned.Number {
		c.find(Finding{Kind: FoundHead, Batch: c.pinned.Number, Text: fmt.Sprintf("the chain ends at batch %d, and the head that was kept is of batch %d: its end was cut off", c.now.Number, c.pinned.Number)})
	}
	if c.report.Findings == nil {
		c.report.Findings = []Finding{}
	}
	return c.report
}

// close compares the events in reach of the batch with what it sealed.
func (c *checker) close() {
	events := c.events
	c.events = nil
	b := c.now
	if b.Number == 0 {
		for _, e := range events {
			c.found(FoundInserted, b, e, "stands before the first batch")
		}
		return
	}
	hashes := make([][]byte, len(events))
	straight := int64(len(events)) == b.Count
	for i, e := range events {
		hashes[i] = eventHash(e)
		straight = straight && e.Position == b.First+int64(i) && e.Batch == b.Number
	}
	if straight && bytes.Equal(rootOf(b.Number, b.First, hashes), b.Root) {
		return
	}
	c.compare(b, events, hashes)
}

func (c *checker) found(kind string, b core.Batch, e core.Event, why string) {
	c.find(Finding{Kind: kind, Batch: b.Number, Position: e.Position, Seq: e.Seq,
		Text: fmt.Sprintf("event %d (%s) at position %d %s", e.Seq, e.Name, e.Position, why)})
}

// compare finds out, by the marks that the root carries, which events differ.
func (c *checker) compare(b core.Batch, events []core.Event, hashes [][]byte) {
	sealed := marks(b.Root, b.Count)
	if sealed == nil {
		c.find(Finding{Kind: FoundChanged, Batch: b.Number, Text: fmt.Sprintf("batch %d does not have the form of a sealed one, so nothing can be said about its events", b.Number)})
		return
	}
	before := len(c.report.Findings) + c.report.More
	place := make(map[string][]int, len(sealed)) // mark to the places that wait for it
	for i, m := range sealed {
		place[m] = append(place[m], i)
	}
	at := make([]int, len(events)) // the place an event was sealed at
	taken := make([]bool, len(sealed))
	claim := func(i int, exact bool) {
		for _, p := range place[string(hashes[i][:markBytes])] {
			if !taken[p] && (!exact || events[i].Position == b.First+int64(p)) {
				at[i], taken[p] = p, true
				return
			}
		}
	}
	for i := range events {
		at[i] = -1
		claim(i, true)
	}
	for i := range events {
		if at[i] < 0 {
			claim(i, false)
		}
	}
	for i, e := range events {
		own := e.Position - b.First // where it says that it stands
		switch {
		case at[i] >= 0 && int64(at[i]) != own:
			c.found(FoundReordered, b, e, fmt.Sprintf("was sealed at position %d", b.First+int64(at[i])))
		case at[i] >= 0 && i > 0 && e.Position < events[i-1].Position:
			c.found(FoundReordered, b, e, fmt.Sprintf("comes after position %d", events[i-1].Position))
		case at[i] >= 0 && e.Batch != b.Number:
			c.found(FoundChanged, b, e, fmt.Sprintf("says that it is of batch %d", e.Batch))
		case at[i] >= 0:
		case own >= 0 && own < b.Count && !taken[own]:
			taken[own] = true
			c.found(FoundChanged, b, e, "is not as it was sealed")
		default:
			c.found(FoundInserted, b, e, "was not sealed there")
		}
	}
	for p, is := range taken {
		if !is {
			c.find(Finding{Kind: FoundDeleted, Batch: b.Number, Position: b.First + int64(p), Text: fmt.Sprintf("the event at position %d is not there", b.First+int64(p))})
		}
	}
	if len(c.report.Findings)+c.report.More == before {
		c.find(Finding{Kind: FoundChanged, Batch: b.Number, Position: b.First,
			Text: fmt.Sprintf("among positions %d to %d something is not as it was sealed", b.First, b.First+b.Count-1)})
	}
}
