package audit

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"sallyport/internal/core"
	"sallyport/internal/store"
)

// The store remembers, beside its chain, where that ended when it was last sealed,
// signed like a batch. Somebody who deletes the end of the log, or all of it, must
// also put back an older memory, which they must have kept; and sealing goes on
// behind the remembered end, so that the gap stays. Only a head that was kept
// elsewhere shows a whole store that was put back to an earlier day.

const formHead = "sallyport audit head 1"

var errMemory = errors.New("it was not signed by this instance")

func headBytes(h Head) []byte {
	var c canonical
	c.text(formHead)
	c.text(h.String())
	return c
}

// remember is the head as the store keeps it.
func remember(h Head, sign func([]byte) ([]byte, error)) (string, error) {
	signature, err := sign(headBytes(h))
	if err != nil {
		return "", err
	}
	return h.String() + " " + base64.StdEncoding.EncodeToString(signature), nil
}

// recall reads what remember wrote; "" is the head of a store that was never
// sealed.
func recall(text string, verify func(data, signature []byte) error) (Head, error) {
	if text == "" {
		return Head{}, nil
	}
	word, rest, _ := strings.Cut(text, " ")
	h, err := ParseHead(word)
	if err != nil {
		return Head{}, err
	}
	signature, err := base64.StdEncoding.DecodeString(rest)
	if err != nil || verify(headBytes(h), signature) != nil {
		return Head{}, errMemory
	}
	return h, nil
}

// recollect takes what the store remembered before its chain was walked.
func (c *checker) recollect(text string) {
	h, err := recall(text, c.verify)
	if err != nil {
		c.find(Finding{Kind: FoundSignature, Text: fmt.Sprintf("what the store remembers of the end of its chain cannot be believed: %v", err)})
		return
	}
	c.memory = &h
}

// remembered compares the chain's end with the memory of it.
func (c *checker) remembered() {
	if c.memory == nil {
		return
	}
	switch m := *c.memory; {
	case m.Number == 0 && c.now.Number > 0:
		c.find(Finding{Kind: FoundDeleted, Text: "the store does not remember where its chain ends: that was taken away, so more may be missing"})
	case m.Number > c.now.Number:
		c.find(Finding{Kind: FoundDeleted, Batch: m.Number, Position: m.Position,
			Text: fmt.Sprintf("the store remembers batch %d and %d sealed events, and the chain ends at batch %d: its end was cut off", m.Number, m.Position, c.now.Number)})
	}
}

// foundless names the tenants that exist and whose making no event tells: each is
// made with an event in the same transaction.
func foundless(ctx context.Context, st store.Store, c *checker) error {
	all, err := st.AllTenants(ctx)
	if err != nil {
		return err
	}
	for _, t := range all {
		if !c.made[string(t.ID)] {
			c.find(Finding{Kind: FoundDeleted, Text: fmt.Sprintf("tenant %s exists, and no event tells that it was made", t.ID)})
		}
	}
	return nil
}

func (c *checker) note(e core.Event) {
	if e.Name == TenantCreated {
		if c.made == nil {
			c.made = map[string]bool{}
		}
		c.made[e.Target] = true
	}
}
