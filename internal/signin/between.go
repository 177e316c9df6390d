package signin

import (
	"context"
	"time"

	"sallyport/internal/core"
	"sallyport/internal/store"
)

// Between names a page that stands between a sign-in and where it leads. The
// session exists already, and every other path is open.
type Between string

const (
	BetweenNothing Between = ""
	BetweenCodes   Between = "recovery-code" // new recovery codes, until they are said to be saved
	BetweenTrust   Between = "trust-browser" // whether this browser is to be trusted
)

// BetweenLife is for how long such a page waits for its answer.
const BetweenLife = 15 * time.Minute

// Waits is the page that is next to be answered.
func Waits(d core.SessionDoc, now time.Time) Between {
	switch {
	case len(d.Reveal) > 0 && now.Before(d.RevealUntil):
		return BetweenCodes
	case now.Before(d.TrustUntil):
		return BetweenTrust
	}
	return BetweenNothing
}

// Onward is where an answered page leads: to the next one, or where the person was
// going; empty for the start.
type Onward struct {
	Between  Between
	ReturnTo string
}

func onward(d core.SessionDoc, now time.Time) Onward {
	if b := Waits(d, now); b != BetweenNothing {
		return Onward{Between: b}
	}
	return Onward{ReturnTo: d.ReturnTo}
}

// answer is what pages that stand between have in common: fn takes the answer in
// and clears its question. A question that waits no more was answered already: the
// second request of a click goes where the first one went.
func (s *Service) answer(ctx context.Context, me Self, asked Between, fn func(store.Tx, *core.SessionDoc, core.User, []core.Factor) error) (out Onward, err error) {
	err = s.own(ctx, me, func(tx store.Tx, sess core.Session, u core.User, factors []core.Factor) error {
		out = Onward{}
		if !asks(sess.Doc, asked, tx.Now()) {
			if tx.Now().Sub(sess.Doc.AnsweredAt) < clickLife {
				out = onward(sess.Doc, tx.Now())
			}
			return nil
		}
		doc := sess.Doc
		if err := fn(tx, &doc, u, factors); err != nil {
			return err
		}
		doc.AnsweredAt = tx.Now()
		out = onward(doc, tx.Now())
		sess.Doc = doc
		if err := tx.UpdateSession(sess); err != nil {
			return err
		}
		return tx.Changed(core.ChangeSession, string(sess.ID))
	})
	return out, err
}

// asks reports whether a question is open, whichever comes first.
func asks(d core.SessionDoc, b Between, now time.Time) bool {
	switch b {
	case BetweenCodes:
		return len(d.Reveal) > 0 && now.Before(d.RevealUntil)
	case BetweenTrust:
		return now.Before(d.TrustUntil)
	}
	return false
}
