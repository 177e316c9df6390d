package audit

import (
	"crypto/sha256"
	"encoding/binary"
	"maps"
	"slices"
	"time"

	"sallyport/internal/core"
)

// What is hashed and signed. Every part is written so that it can be read in one
// way only: numbers as eight bytes, big-endian; texts and byte strings behind
// their length as such a number; times as microseconds since 1970. In front
// stands a word for what is hashed and the version of this form, so that no
// hash of one thing is ever the hash of another.
//
//	event   seq at name tenant actor target result reason address request
//	        session, the number of details, then each detail's key and value in
//	        the order of their keys. batch and position are not part of it: a
//	        place is said by where the event's hash stands in the root
//	root    batch number, first position, count, then the hash of each event in
//	        the order of their positions
//	batch   number first count root previous at; this is what gets signed
//	link    the batch as above and its signature: the next batch's previous
//
// The stored root is the hash (32 bytes), then the mark of each event: the first
// four bytes of its hash. Marks prove nothing that the hash does not; they let
// a report name the very event that differs.
const (
	formEvent = "sallyport audit event 1"
	formRoot  = "sallyport audit root 1"
	formBatch = "sallyport audit batch 1"
	formLink  = "sallyport audit link 1"

	markBytes = 4
)

type canonical []byte

func (c *canonical) number(n int64) { *c = binary.BigEndian.AppendUint64(*c, uint64(n)) }
func (c *canonical) bytes(b []byte) { c.number(int64(len(b))); *c = append(*c, b...) }
func (c *canonical) text(s string)  { c.number(int64(len(s))); *c = append(*c, s...) }

// instant: a time that was never set is 0, as the store keeps it.
func (c *canonical) instant(t time.Time) {
	if t.IsZero() {
		c.number(0)
		return
	}
	c.number(t.UnixMicro())
}

func (c canonical) sum() []byte {
	s := sha256.Sum256(c)
	return s[:]
}

// eventHash is the hash of one event, wherever it stands.
func eventHash(e core.Event) []byte {
	var c canonical
	c.text(formEvent)
	c.number(e.Seq)
	c.instant(e.At)
	for _, s := range []string{e.Name, string(e.Tenant), e.Actor, e.Target, e.Result, e.Reason, e.Address, e.Request, string(e.Session)} {
		c.text(s)
	}
	c.number(int64(len(e.Detail)))
	for _, k := range slices.Sorted(maps.Keys(e.Detail)) {
		c.text(k)
		c.text(e.Detail[k])
	}
	return c.sum()
}

// rootOf is what a batch keeps of its events: the hash over all, then the marks.
func rootOf(number, first int64, hashes [][]byte) []byte {
	var c canonical
	c.text(formRoot)
	c.number(number)
	c.number(first)
	c.number(int64(len(hashes)))
	for _, h := range hashes {
		c.bytes(h)
	}
	root := c.sum()
	for _, h := range hashes {
		root = append(root, h[:markBytes]...)
	}
	return root
}

// marks are the events' marks in a root, or nil when it is not one of count
// events.
func marks(root []byte, count int64) []string {
	rest := len(root) - sha256.Size
	if rest < 0 || rest%markBytes != 0 || int64(rest/markBytes) != count {
		return nil // count may be any number: somebody else wrote it
	}
	out := make([]string, count)
	for i := range out {
		at := sha256.Size + i*markBytes
		out[i] = string(root[at : at+markBytes])
	}
	return out
}

// batchBytes is what gets signed.
func batchBytes(b core.Batch) []byte {
	var c canonical
	c.text(formBatch)
	c.number(b.Number)
	c.number(b.First)
	c.number(b.Count)
	c.bytes(b.Root)
	c.bytes(b.Previous)
	c.instant(b.At)
	return c
}

// batchHash is the whole batch, signature and all: the next one's previous.
func batchHash(b core.Batch) []byte {
	var c canonical
	c.text(formLink)
	c.bytes(batchBytes(b))
	c.bytes(b.Signature)
	return c.sum()
}
