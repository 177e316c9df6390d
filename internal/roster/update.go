package roster

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"sallyport/internal/access"
	"sallyport/internal/audit"
	"sallyport/internal/core"
	"sallyport/internal/directory"
	"sallyport/internal/store"
)

// update brings accounts that are there already up to what their rows say.
//
// It takes over name, language and further roles. Address, password, app and
// whether somebody signs in elsewhere it takes over only for who has never signed
// in here: whoever has, has a mailbox and secrets of their own by now, and another
// address is confirmed by its owner. It moves nobody, changes no kind and no state,
// and takes nothing away; the verbs that do have guards that a list has not.
func (k *chunk) update(ctx context.Context, out *Outcome) error {
	byTenant := map[core.TenantID][]int{}
	for _, i := range slices.Sorted(maps.Keys(k.met.existing)) {
		p := &k.people[i]
		owner := k.met.existing[i]
		if owner.User == "" { // the first row of this login came with this chunk
			if k.o.DryRun {
				out.Existing++
				continue
			}
			l, err := k.Store.FindLogin(ctx, p.user.LoginKey, nil)
			if errors.Is(err, core.ErrNotFound) {
				continue // and was refused
			}
			if err != nil {
				return err
			}
			owner = store.Owner{User: l.User.ID, Tenant: l.User.Tenant}
			k.met.existing[i] = owner
		}
		fault, err := k.mayUpdate(ctx, p, owner)
		if err != nil {
			return err
		}
		if fault != nil {
			out.Problems = append(out.Problems, Problem{i, fault})
			continue
		}
		byTenant[owner.Tenant] = append(byTenant[owner.Tenant], i)
	}
	for _, tenant := range slices.Sorted(maps.Keys(byTenant)) {
		if err := k.updateIn(ctx, tenant, byTenant[tenant], out); err != nil {
			return err
		}
	}
	slices.SortFunc(out.Problems, func(a, b Problem) int { return a.Row - b.Row })
	return nil
}

func (k *chunk) mayUpdate(ctx context.Context, p *prepared, owner store.Owner) (*core.Fault, error) {
	if owner.Tenant != p.user.Tenant {
		return core.NewFault(core.KindConflict, "import.other_tenant"), nil
	}
	u := core.User{ID: owner.User, Tenant: owner.Tenant}
	err := k.Tree.MayActOn(ctx, k.by, access.ChangePeople, u)
	if err == nil && (p.hashed || len(p.sealed) > 0) {
		// Another password or app is what a reset is, and more.
		err = k.Tree.MayActOn(ctx, k.by, access.ResetMFA, u)
	}
	fault, refused := core.AsFault(err)
	if refused && fault.Kind != core.KindUnavailable {
		return fault, nil
	}
	return nil, err
}

// updateIn updates people of one tenant in one transaction.
func (k *chunk) updateIn(ctx context.Context, tenant core.TenantID, rows []int, out *Outcome) error {
	var updated, same int
	var problems []Problem
	notes := map[string]int{}
	hashes := map[string]int64{}
	err := k.Store.Update(ctx, tenant, func(tx store.Tx) error {
		updated, same, problems = 0, 0, nil
		clear(notes)
		clear(hashes)
		for _, i := range rows {
			p := &k.people[i]
			change, left, err := k.updateOne(tx, p, k.met.existing[i].User)
			if fault, ok := core.AsFault(err); ok && fault.Kind != core.KindUnavailable {
				problems = append(problems, Problem{i, fault})
				continue
			}
			switch {
			case err != nil:
				return fmt.Errorf("update %s: %w", k.met.existing[i].User, err)
			case change == "":
				same++
			default:
				updated++
			}
			if p.hashed && strings.Contains(change, "password") {
				hashes[p.hash.Setting()]++
			}
			for _, n := range append(left, p.notes...) {
				notes[n]++
			}
		}
		switch {
		case k.o.DryRun:
			return errDryRun
		case k.o.Strict && len(problems) > 0:
			return errStrict
		}
		return nil
	})
	if err != nil && !errors.Is(err, errDryRun) && !errors.Is(err, errStrict) {
		return err
	}
	if errors.Is(err, errStrict) {
		updated, same = 0, 0
	} else if err == nil && len(hashes) > 0 {
		k.Hashes.Add(hashes)
	}
	out.Updated += updated
	out.Existing += same
	out.Problems = append(out.Problems, problems...)
	for n, count := range notes {
		out.Notes[n] += count
	}
	return nil
}

// updateOne says what it changed, in words, and what it left alone. A fault leaves
// everything as it was: all of them are found before anything is written.
func (k *chunk) updateOne(tx store.Tx, p *prepared, id core.UserID) (said string, left []string, err error) {
	u, err := tx.User(id)
	if err != nil {
		return "", nil, err
	}
	if u.Kind != p.user.Kind {
		return "", nil, core.NewFault(core.KindConflict, "import.other_kind")
	}
	if err := k.stillMay(tx, p, id); err != nil {
		return "", nil, err
	}
	never := u.LastSignInAt.IsZero() && (u.State == core.UserInvited || u.State == core.UserValidated || u.State == core.UserDisabled)
	moves := p.user.Email != "" && p.user.Email != u.Email
	if moves && p.user.EmailKey != u.EmailKey && p.eff.Settings.UniqueEmail {
		taken, err := tx.EmailTaken(p.eff.Organisation.ID, p.user.EmailKey, u.ID)
		if err != nil {
			return "", nil, err
		}
		if taken {
			return "", nil, core.NewFault(core.KindConflict, "user.email_taken")
		}
	}
	var change []string
	set := func(what string, to *string, value string) {
		if value != "" && *to != value {
			*to = value
			change = append(change, what)
		}
	}
	if p.saidName {
		set("name", &u.Name, p.user.Name)
	}
	switch {
	case moves && never:
		u.EmailKey = p.user.EmailKey
		set("email", &u.Email, p.user.Email)
	case moves:
		left = append(left, noteEmail)
	}
	set("locale", &u.Locale, p.user.Locale)
	if never && p.saidFederated && u.Federated != p.user.Federated {
		u.Federated = p.user.Federated
		change = append(change, "federated")
	}
	if len(change) > 0 {
		u.ChangedAt = tx.Now()
		if err := tx.UpdateUser(u); err != nil {
			return "", nil, err
		}
		if err := tx.Changed(core.ChangeUser, string(id)); err != nil {
			return "", nil, err
		}
	}
	granted, err := k.grant(tx, p, id)
	if err != nil {
		return "", nil, err
	}
	if granted {
		change = append(change, "roles")
		if err := tx.Changed(core.ChangeUser, string(id)); err != nil {
			return "", nil, err
		}
	}
	if never {
		for _, step := range []func(store.Tx, *prepared, core.UserID) (string, error){k.newPassword, k.newApp} {
			what, err := step(tx, p, id)
			if err != nil {
				return "", nil, err
			}
			if what != "" {
				change = append(change, what)
			}
		}
	}
	if len(change) == 0 {
		return "", left, nil
	}
	said = strings.Join(change, " ")
	return said, left, tx.Append(audit.Note(audit.On(audit.UserUpdated, k.by.ID(), string(id), k.client), "fields", said))
}

// stillMay asks in the transaction, where somebody imports who is no operator: their
// roles and those of the person are read behind one lock, so that nobody acts on who
// was put above them meanwhile, and nobody gives a role to themselves (row B-39).
func (k *chunk) stillMay(tx store.Tx, p *prepared, id core.UserID) error {
	if k.by.User.ID == "" {
		return nil
	}
	if id == k.by.User.ID && p.saidRoles {
		return core.NewFault(core.KindConflict, "user.yourself")
	}
	theirs, err := tx.RolesHeldBy(id)
	if err != nil {
		return err
	}
	mine, err := tx.RolesHeldBy(k.by.User.ID)
	if err != nil {
		return err
	}
	held, err := directory.GrantsIn(tx, theirs)
	if err != nil {
		return err
	}
	now := k.by
	if now.Grants, err = directory.GrantsIn(tx, mine); err != nil {
		return err
	}
	if !now.MayActOn(held) || !now.Can(access.ChangePeople, p.at.at) {
		return core.ErrForbidden
	}
	for _, r := range p.roles {
		if p.saidRoles && !now.MayGrant(access.Grant{Role: r, At: p.at.at}) {
			return core.ErrForbidden
		}
	}
	return nil
}

func (k *chunk) grant(tx store.Tx, p *prepared, id core.UserID) (bool, error) {
	if !p.saidRoles {
		return false, nil
	}
	has, err := tx.Roles(id)
	if err != nil {
		return false, err
	}
	granted := false
	for _, r := range p.roles {
		if slices.ContainsFunc(has, func(g core.RoleGrant) bool { return g.Role == r && g.Tenant == p.user.Tenant }) {
			continue
		}
		if err := tx.Grant(core.RoleGrant{User: id, Tenant: p.user.Tenant, Role: r, At: tx.Now()}); err != nil {
			return false, err
		}
		if granted = true; r == core.RoleUser {
			continue
		}
		if err := tx.Append(audit.Note(audit.On(audit.RoleGranted, k.by.ID(), string(id), k.client), "role", string(r))); err != nil {
			return false, err
		}
	}
	return granted, nil
}

func (k *chunk) newPassword(tx store.Tx, p *prepared, id core.UserID) (string, error) {
	if !p.hashed {
		return "", nil
	}
	had, err := tx.Password(id)
	if err != nil && !errors.Is(err, core.ErrNotFound) {
		return "", err
	}
	now := core.Password{Hash: p.hash.Stored(), MustChange: p.mustChange, SetAt: had.SetAt}
	if had == now {
		return "", nil
	}
	now.SetAt = tx.Now()
	return "password", tx.SetPassword(id, now)
}

// newApp replaces an app of which no code was ever accepted here.
func (k *chunk) newApp(tx store.Tx, p *prepared, id core.UserID) (string, error) {
	if len(p.sealed) == 0 {
		return "", nil
	}
	has, err := tx.Factors(id)
	if err != nil {
		return "", err
	}
	f := p.factor(id, tx.Now())
	for _, old := range has {
		if old.Kind != core.FactorTOTP {
			continue
		}
		plain, err := k.Ring.Open(old.Secret, string(old.Tenant), "factor", string(old.ID))
		if err != nil {
			return "", err
		}
		if old.State == core.FactorConfirmed && bytes.Equal(plain, p.app.secret) && old.Doc.Digits == f.Doc.Digits {
			return "", nil
		}
		old.State, old.RevokedAt, old.RevokedWhy, old.Secret, old.Handle = core.FactorRevoked, tx.Now(), "replaced", nil, ""
		if err := tx.UpdateFactor(old); err != nil {
			return "", err
		}
	}
	return "app", tx.InsertFactor(f)
}
