package directory

import (
	"context"

	"sallyport/internal/access"
	"sallyport/internal/core"
	"sallyport/internal/store"
)

// What somebody should look at before a second factor is asked of everybody.
const (
	FindingNoWayIn  = "no_way_in"            // neither a factor nor a password nor an address
	FindingPending  = "pending_validation"   // have not accepted their invitation
	FindingShared   = "shared_address"       // somebody of another organisation has the same address
	FindingPassword = "password_integration" // programs that come in with a password
)

// clashesLooked bounds how many shared addresses are counted.
const clashesLooked = 1000

// Readiness counts them on a node and below it within its organisation. The numbers are
// those of the lists; what there is nothing of is left out.
func (s *Service) Readiness(ctx context.Context, id core.TenantID, by access.Actor) (out []Effect, err error) {
	_, eff, err := s.Tree.On(ctx, by, access.ViewPeople, id)
	if err != nil {
		return nil, err
	}
	err = s.Store.View(ctx, id, func(r store.Reader) error {
		out = nil
		add := func(e Effect) {
			if e.Count > 0 {
				out = append(out, e)
			}
		}
		stuck, err := r.WithoutEntry()
		if err != nil {
			return err
		}
		add(Effect{What: FindingNoWayIn, Count: stuck})
		n, err := r.Counts()
		if err != nil {
			return err
		}
		for _, x := range []struct {
			what     string
			standing core.Standing
		}{{FindingPending, core.StandingPending}, {FindingPassword, core.StandingService}} {
			e := Effect{What: x.what, Count: n[x.standing]}
			if e.First, err = first(r, x.standing); err != nil {
				return err
			}
			add(e)
		}
		same, err := r.Clashes(eff.Organisation.ID, clashesLooked)
		shared := Effect{What: FindingShared, Count: len(same)}
		for _, u := range same {
			if len(shared.First) < firstNames {
				shared.First = append(shared.First, Named{u.ID, u.Login, u.Name})
			}
		}
		add(shared)
		return err
	})
	return out, err
}
