package signin

import (
	"context"
	"fmt"

	"sallyport/internal/access"
	"sallyport/internal/audit"
	"sallyport/internal/core"
	"sallyport/internal/policy"
	"sallyport/internal/store"
)

// ProveOwn takes the current code of somebody who comes with a token and so has no
// session to raise: it is a proof for the one request that it comes with. It spends the
// budget of the factor and is used once, like at the door. A recovery code is none here,
// for there is no page to show the new one on.
func (s *Service) ProveOwn(ctx context.Context, u core.User, typed string, v Visitor) (core.Proof, error) {
	if err := s.Limiter.Check(v.Source(), s.Now()); err != nil {
		return core.Proof{}, err
	}
	eff, err := s.Tree.Effective(ctx, u.Tenant)
	if err != nil {
		return core.Proof{}, err
	}
	var proof core.Proof
	var refused *core.Fault
	err = s.Store.Update(ctx, u.Tenant, func(tx store.Tx) error {
		refused = nil
		who, err := tx.User(u.ID)
		if err != nil {
			return err
		}
		factors, err := tx.Factors(u.ID)
		if err != nil {
			return err
		}
		if !policy.Enrolled(factors) {
			refused = core.ErrStepUp.With("method", access.AskEnrol)
			return nil
		}
		app, ok := shownBy(factors, strip(typed))
		if !ok {
			refused = core.ErrCodeMismatch
			return tx.Append(audit.Fail(audit.SecondFactorFailed, u.ID, refused.Code, v.Client))
		}
		shown, fault, err := s.checkTOTP(tx, who, factors, app, eff, strip(typed), false, v.Client)
		if err != nil || fault != nil {
			refused = fault
			return err
		}
		proof = shown.proof
		return tx.Append(audit.Note(audit.By(audit.StepUpSucceeded, u.ID, v.Client), "method", string(proof.Kind)))
	})
	if err != nil {
		return core.Proof{}, fmt.Errorf("prove: %w", err)
	}
	if refused != nil {
		s.Limiter.Fail(v.Source(), s.Now())
		s.count("second_factor", "refused", refused.Code)
		return core.Proof{}, refused
	}
	s.count("second_factor", "ok", "")
	return proof, nil
}
