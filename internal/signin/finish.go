package signin

import (
	"errors"
	"fmt"
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
	codes  []string // new recovery codes in clear
	why    string   // why they are shown: "used", "enrolled"
	stored bool     // the attempt is a row, to be ended
}

// finish goes through the gate and ends the attempt.
func (s *Service) finish(tx store.Tx, a *core.Attempt, u core.User, factors []core.Factor, eff policy.Effective, f finishing, v Visitor) (Result, error) {
	// Codes that were shown and never confirmed as saved are no way out, nor is
	// having none: fresh ones.
	if len(f.codes) == 0 && enrol.Owed(factors, eff) && policy.LevelOf(a.Doc.Proofs).AtLeast(core.LevelMFA) {
		var err error
		if factors, f.codes, err = s.Enrol.Renew(tx, u, factors, eff, false, v.Client); err != nil {
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
		doc.ReturnTo = a.Doc.ReturnTo
	}
	out := Result{Step: StepDone, ReturnTo: a.Doc.ReturnTo, Reveal: len(f.codes) > 0}
	var err error
	if out.Device, err = s.meet(tx, u, a.Doc, doc.Asleep, v); err != nil {
		return Result{}, err
	}
	ask := session.Ask{User: u, Factors: factors, Effective: eff, Proofs: a.Doc.Proofs,
		Anew: a.Doc.Purpose == core.PurposeAdminLink, Client: v.Client, Doc: doc}
	if !f.stored {
		// No attempt keeps what the link led to; the session does.
		ask.Click = session.Click{Mark: a.Doc.Click.Mark, Seal: func(o session.Opened) ([]byte, error) {
			return s.sealOutcome(a.Tenant, string(o.Session.ID), outcome{Token: o.Token, Device: out.Device, Reveal: out.Reveal})
		}}
	}
	opened, err := session.Open(tx, ask)
	if err != nil {
		return Result{}, err
	}
	out.Opened = &opened
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
				ReturnTo: out.ReturnTo, Reveal: out.Reveal}); err != nil {
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

// meet makes this browser known to the person, with its own guess budget.
func (s *Service) meet(tx store.Tx, u core.User, doc core.AttemptDoc, asleep bool, v Visitor) (device string, err error) {
	if doc.KnownBrowser {
		if doc.Seen == "" {
			return "", nil
		}
		if err := tx.SeenBrowser(doc.Seen, tx.Now(), asleep); !errors.Is(err, core.ErrNotFound) {
			return "", err
		}
		// It was forgotten meanwhile: meet it again.
	}
	have, err := tx.Browsers(u.ID)
	if err != nil {
		return "", err
	}
	if v.Device != "" {
		for _, b := range have {
			if secret.Equal(b.Hash, secret.TokenHash(v.Device)) {
				return "", nil
			}
		}
	}
	// Never the value that the browser brought: somebody may have planted it, and
	// would be known with it ever after (row B-26).
	device = secret.Token()
	if len(have) >= core.MaxBrowsers {
		oldest := have[0]
		for _, b := range have {
			if b.SeenAt.Before(oldest.SeenAt) {
				oldest = b
			}
		}
		if _, err := tx.DropBrowsers(u.ID, oldest.ID); err != nil {
			return "", err
		}
	}
	return device, tx.InsertBrowser(core.Browser{ID: core.BrowserID(secret.NewID(core.PrefixBrowser, tx.Now())), User: u.ID, Tenant: u.Tenant, Hash: secret.TokenHash(device),
		Agent: v.AgentShort(), SeenAt: tx.Now(), CreateAt: tx.Now(), MetAsleep: asleep})
}
