package signin

import (
	"context"
	"slices"
	"time"

	"sallyport/internal/audit"
	"sallyport/internal/core"
	"sallyport/internal/enrol"
	"sallyport/internal/store"
)

// Between names a page that stands between a sign-in and where it leads. The
// session exists already, and every other path is open.
type Between string

const (
	BetweenNothing Between = ""
	BetweenCodes   Between = "recovery-code" // new recovery codes, until they are said to be saved
	BetweenSheet   Between = "setup-key"     // the sheet with the setup key, served once
	BetweenTrust   Between = "trust-browser" // whether this browser is to be trusted
)

// BetweenLife is for how long such a page waits for its answer.
const BetweenLife = 15 * time.Minute

// Waits is the page that is next to be answered.
func Waits(d core.SessionDoc, now time.Time) Between {
	switch {
	case len(d.Reveal) > 0 && now.Before(d.RevealUntil):
		return BetweenCodes
	case d.Sheet != "" && now.Before(d.SheetUntil):
		return BetweenSheet
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

// Onward is where a session goes from a page that has nothing to ask.
func (s *Service) Onward(d core.SessionDoc) Onward { return onward(d, s.Now()) }

func onward(d core.SessionDoc, now time.Time) Onward {
	if b := Waits(d, now); b != BetweenNothing {
		return Onward{Between: b}
	}
	return Onward{ReturnTo: d.ReturnTo}
}

// answer is what pages that stand between have in common: fn takes the answer in
// and clears its question. A question that waits no more was answered already: the
// second request of a click goes where the first one went, and is not the first.
func (s *Service) answer(ctx context.Context, me Self, asked Between, fn func(store.Tx, *core.SessionDoc, core.User, []core.Factor) error) (out Onward, first bool, err error) {
	err = s.own(ctx, me, func(tx store.Tx, sess core.Session, u core.User, factors []core.Factor) error {
		out, first = Onward{}, false
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
		out, first = onward(doc, tx.Now()), true
		sess.Doc = doc
		if err := tx.UpdateSession(sess); err != nil {
			return err
		}
		return tx.Changed(core.ChangeSession, string(sess.ID))
	})
	return out, first, err
}

// Sheet serves the setup key of the app that this session set up, once: whoever
// asks again, in another tab or from the history, finds it gone. The key comes from
// the app's own sealed secret, so nothing keeps a second copy (row ACR-13).
func (s *Service) Sheet(ctx context.Context, me Self) (sheet enrol.Setup, ok bool, err error) {
	found := false
	_, first, err := s.answer(ctx, me, BetweenSheet, func(tx store.Tx, doc *core.SessionDoc, u core.User, factors []core.Factor) error {
		found = false
		id := doc.Sheet
		doc.Sheet, doc.SheetUntil = "", time.Time{}
		i := slices.IndexFunc(factors, func(f core.Factor) bool { return f.ID == id && f.State == core.FactorConfirmed })
		if i < 0 {
			return nil // it ended meanwhile
		}
		plain, err := s.Enrol.Open(factors[i])
		if err != nil {
			return err
		}
		sheet, found = enrol.Setup{Factor: factors[i], Secret: plain, Params: enrol.ParamsOf(factors[i].Doc)}, true
		return tx.Append(audit.Note(audit.By(audit.MFASheetShown, u.ID, me.Client), "factor", string(id)))
	})
	return sheet, first && found && err == nil, err
}

// asks reports whether a question is open, whichever comes first.
func asks(d core.SessionDoc, b Between, now time.Time) bool {
	switch b {
	case BetweenCodes:
		return len(d.Reveal) > 0 && now.Before(d.RevealUntil)
	case BetweenSheet:
		return d.Sheet != "" && now.Before(d.SheetUntil)
	case BetweenTrust:
		return now.Before(d.TrustUntil)
	}
	return false
}
