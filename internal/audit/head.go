package audit

import (
	"bytes"
	"context"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"

	"sallyport/internal/core"
	"sallyport/internal/secret"
	"sallyport/internal/store"
)

// Head is the end of the chain at some moment. Whoever keeps one elsewhere can
// show later that nothing before it was taken away or written anew, even by
// somebody who has the store, the key ring and the master key.
type Head struct {
	Number   int64 // of the newest batch
	Position int64 // of the newest event in it
	Hash     []byte
}

func headOf(b core.Batch) Head {
	if b.Number == 0 {
		return Head{}
	}
	return Head{Number: b.Number, Position: b.First + b.Count - 1, Hash: batchHash(b)}
}

// String is the head as it is logged: "number:position:hash".
func (h Head) String() string {
	return fmt.Sprintf("%d:%d:%s", h.Number, h.Position, hex.EncodeToString(h.Hash))
}

// MarshalText and UnmarshalText carry the head in JSON.
func (h Head) MarshalText() ([]byte, error) { return []byte(h.String()), nil }

func (h *Head) UnmarshalText(b []byte) (err error) {
	*h, err = ParseHead(string(b))
	return err
}

// ParseHead reads what String wrote.
func ParseHead(s string) (Head, error) {
	parts := strings.Split(strings.TrimSpace(s), ":")
	if len(parts) == 3 {
		number, err1 := strconv.ParseInt(parts[0], 10, 64)
		position, err2 := strconv.ParseInt(parts[1], 10, 64)
		hash, err3 := hex.DecodeString(parts[2])
		if err1 == nil && err2 == nil && err3 == nil && number >= 0 && position >= 0 && (len(hash) == 32 || number == 0 && len(hash) == 0) {
			return Head{Number: number, Position: position, Hash: hash}, nil
		}
	}
	return Head{}, fmt.Errorf("%q is not a head of the audit chain; it looks like 12:345:<64 hexadecimal digits>", s)
}

// Sound reports whether the chain ends where the store remembers, signed, that it
// does: the quick part of what Verify finds, cheap enough to be asked each minute.
// A chain that nobody has sealed yet is sound.
func Sound(ctx context.Context, s store.Store, ring *secret.Ring) (bool, error) {
	// The two are written together and read one after the other, so a batch may
	// come between.
	for range 3 {
		text, err := s.Meta(ctx, store.MetaAuditHead)
		if err != nil {
			return false, err
		}
		last, err := s.LastBatch(ctx)
		if err != nil {
			return false, err
		}
		memory, err := recall(text, ring.Verify)
		if end := headOf(last); err == nil && memory.Number == end.Number && bytes.Equal(memory.Hash, end.Hash) {
			return true, nil
		}
	}
	return false, nil
}
