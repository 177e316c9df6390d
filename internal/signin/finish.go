package signin

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"sallyport/internal/core"
	"sallyport/internal/enrol"
	"sallyport/internal/policy"
	"sallyport/internal/secret"
	"sallyport/internal/session"
	"sallyport/internal/store"
)

// day is how coarse last uses of accounts and browsers are written.
const day = 24 * time.Hour

// finishing is what the last step brings besides its proof.
type finishing struct {
	codes  []string      // new recovery codes in clear
	why    string        // why they are shown: "used", "enrolled"
	sheet  core.FactorID // whose setup key may be printed
	stored bool          // the attempt is a row, to be ended
}

// finish goes through the gate and ends the attempt.
func (s *Service) finish(tx store.Tx, a *core.Attempt, u core.User, factors []core.Factor, eff policy.Effective, f finishing, v Visitor) (Result, error) {
	// Codes that were shown and never confirmed as saved are no way out, nor is
	// having none: fresh ones.
	if len(f.codes) == 0 && enrol.Owed(factors, eff) && policy.LevelOf(a.Doc.Proofs).AtLeast(core.LevelMFA) {
		// A code that was shown may have been written down without an answer: whoever has
		// it learns that it is none any more (row N-30). Where there was none, the page
		// that shows the first one says it all.
		replaced := slices.ContainsFunc(factors, func(f core.Factor) bool { return f.Kind == core.FactorRecoveryCode && f.State == core.FactorConfirmed })
		var err error
		if factors, f.codes, err = s.Enrol.Renew(tx, u, factors, eff, replaced, v.Client); err != nil {
			return Result{}, err
		}
		f.why = "unsaved"
	}
	doc := core.SessionDoc{Recovered: a.Has(core.FactorRecoveryCode), MailProved: a.Doc.MailProved,
		Asleep: a.Doc.Asleep && !a.Doc.MailProved && !policy.LevelOf(a.Doc.Proofs).AtLeast(core.LevelMFA), LastBefore: u.LastSignInAt}
	if len(f.codes) > 0 {
		var err error
		if doc, err = s.Enrol.Hide(u, doc, f.codes, f.why, tx.Now()); err != nil {
			return Result{}, err
		}
	}
	if f.sheet != "" {
		doc.Sheet, doc.SheetUntil = f.sheet, tx.Now().Add(BetweenLife)
	}
	var err error
	out := Result{Step: StepDone, ReturnTo: a.Doc.ReturnTo}
	if doc.Browser, out.Device, err = s.meet(tx, u, a.Doc, doc.Asleep, v); err != nil {
		return Result{}, err
	}
	if doc.TrustUntil, err = s.asksTrust(tx, *a, u, factors, eff); err != nil {
		return Result{}, err
	}
	if out.Between = Waits(doc, tx.Now()); out.Between != BetweenNothing {
		doc.ReturnTo = a.Doc.ReturnTo
	}
	ask := session.Ask{User: u, Factors: factors, Effective: eff, Proofs: a.Doc.Proofs,
		Anew: a.Doc.Purpose == core.PurposeAdminLink, Skip: a.Doc.Skip, Client: v.Client, Doc: doc, App: appOf(a.Doc)}
	if !f.stored {
		// No attempt keeps what the link led to; the session does.
		ask.Click = session.Click{Mark: a.Doc.Click.Mark, Seal: func(o session.Opened) ([]byte, error) {
			return s.sealOutcome(a.Tenant, string(o.Session.ID), outcome{Token: o.Token, Device: out.Device, Between: out.Between})
		}}
	}
	opened, err := session.Open(tx, ask)
	if err != nil {
		return Result{}, err
	}
	out.Opened, u = &opened, opened.User
	wakes := !doc.Asleep && tx.Now().Sub(u.AwakeAt) > day
	if u.State == core.UserValidated || wakes || tx.Now().Sub(u.LastSignInAt) > day {
		u.State, u.LastSignInAt, u.ChangedAt = core.UserActive, tx.Now(), tx.Now()
		if wakes {
			u.AwakeAt = tx.Now()
		}
		if err := tx.UpdateUser(u); err != nil {
			return Result{}, err
		}
	}
	if f.stored {
		a.DoneAt = tx.Now()
		if len(a.Doc.Answer) > 0 {
			if a.Doc.Outcome, err = s.sealOutcome(a.Tenant, string(a.ID), outcome{Session: opened.Session, Token: opened.Token, Device: out.Device,
				ReturnTo: out.ReturnTo, Between: out.Between}); err != nil {
				return Result{}, err
			}
		}
		if err := tx.UpdateAttempt(*a); err != nil {
			return Result{}, fmt.Errorf("end attempt: %w", err)
		}
	}
	s.count("signin", "ok", string(opened.Session.Level))
	return out, nil
}

// sheetOf is the app whose setup key may be printed, if the organisation wants that.
func sheetOf(c enrol.Confirmed) core.FactorID {
	if c.Sheet {
		return c.Factor.ID
	}
	return ""
}

// asksTrust is until when the person may say whether to trust this browser: after
// a code of their own factor, where the organisation asks only in browsers that
// are not trusted (row ACR-15). A recovery code is no reason to trust: whoever
// types one has lost something.
func (s *Service) asksTrust(tx store.Tx, a core.Attempt, u core.User, factors []core.Factor, eff policy.Effective) (until time.Time, err error) {
	if a.Doc.NoTrust || a.Doc.Purpose != "" || a.Has(core.FactorRecoveryCode) || !slices.ContainsFunc(a.Doc.Proofs, policy.Second) {
		return until, nil
	}
	who, err := session.Who(tx, u, factors, eff)
	if err != nil {
		return until, err
	}
	if _, ok := policy.OffersTrust(who, eff); !ok {
		return until, nil
	}
	return tx.Now().Add(BetweenLife), nil
}

// meet makes this browser known to the person, with its own guess budget. It
// returns which one it is and, for a new one, the cookie to set.
func (s *Service) meet(tx store.Tx, u core.User, doc core.AttemptDoc, asleep bool, v Visitor) (id core.BrowserID, cookie string, err error) {
	if doc.KnownBrowser {
		if doc.Seen == "" {
			return doc.Browser, "", nil
		}
		if err := tx.SeenBrowser(doc.Seen, tx.Now(), v.Where(), asleep); !errors.Is(err, core.ErrNotFound) {
			return doc.Seen, "", err
		}
		// It was forgotten meanwhile: meet it again.
	}
	have, err := tx.Browsers(u.ID)
	if err != nil {
		return "", "", err
	}
	for _, b := range have {
		if v.has(b) {
			return b.ID, "", nil
		}
	}
	// Never a value that the browser brought: somebody may have planted it, and
	// would be known with it ever after (row B-26).
	fresh := secret.Token()
	if len(have) >= core.MaxBrowsers {
		oldest := have[0]
		for _, b := range have {
			if b.SeenAt.Before(oldest.SeenAt) {
				oldest = b
			}
		}
		if _, err := tx.DropBrowsers(u.ID, oldest.ID); err != nil {
			return "", "", err
		}
	}
	b := core.Browser{ID: core.BrowserID(secret.NewID(core.PrefixBrowser, tx.Now())), User: u.ID, Tenant: u.Tenant, Hash: secret.TokenHash(fresh),
		Agent: v.AgentShort(), Place: v.Where(), SeenAt: tx.Now(), CreateAt: tx.Now(), MetAsleep: asleep}
	return b.ID, v.with(fresh), tx.InsertBrowser(b)
}
