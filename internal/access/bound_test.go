package access

import (
	"slices"
	"testing"
	"time"

	"sallyport/internal/core"
)

// Row ACR-22, decision 7.8: what an API client may is what its owner may, less what it
// was not given; and nothing that asks for the proof of a person, whatever it was given.
func TestBoundsTakeAwayAndNeverAdd(t *testing.T) {
	line := []core.Tenant{{ID: "tn_p", Path: "/tn_p/", Kind: core.Platform}, {ID: "tn_c", Path: "/tn_p/tn_c/", Kind: core.Customer}, {ID: "tn_u", Path: "/tn_p/tn_c/tn_u/", Kind: core.Unit}}
	customer, unit, root := PlaceOf(line[:2]), PlaceOf(line), PlaceOf(line[:1])
	for _, role := range core.Roles {
		owner := Actor{User: core.User{ID: "us_o", Kind: core.Person}, Grants: []Grant{{Role: role, At: customer}}}
		for _, given := range [][]Permission{nil, Reading, Lendable, Permissions} {
			for _, write := range []bool{false, true} {
				for _, under := range [][]string{nil, {unit.Path}, {customer.Path}, {"/tn_p/tn_c"}, {""}} {
					by := owner
					by.Bound = &Bound{Client: "ap_1", Rights: given, Under: under, Write: write}
					for _, p := range Permissions {
						for _, at := range []Place{customer, unit, root, {}} {
							if !by.Can(p, at) {
								continue
							}
							if !owner.Can(p, at) || !slices.Contains(given, p) || slices.Contains(never, p) || !write && !slices.Contains(looking, p) || at.Path == customer.Path && !slices.Contains(under, customer.Path) {
								t.Errorf("%s, given %v in %v, writes %v: may %s at %s", role, given, under, write, p, at.Path)
							}
						}
					}
					if by.MayInviteFirst(customer) && !(owner.MayInviteFirst(customer) && write && slices.Contains(given, GrantRoles) && slices.Contains(under, customer.Path)) {
						t.Errorf("%s, given %v in %v: invites a first administrator", role, given, under)
					}
				}
			}
		}
	}
	// It has what it was given, where it was given it.
	owner := Actor{Grants: []Grant{{Role: core.CustomerAdmin, At: customer}}, Bound: &Bound{Rights: []Permission{Disable, ViewPeople}, Under: []string{unit.Path}, Write: true}}
	if !owner.Can(Disable, unit) || !owner.Can(ViewPeople, unit) || owner.Can(Disable, customer) || owner.Can(Invite, unit) {
		t.Error("not what it was given")
	}
	if owner.MayGrant(Grant{Role: core.Auditor, At: unit}) {
		t.Error("grants a role with more than it has")
	}
}

func TestProgramsProveNothing(t *testing.T) {
	now := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	fresh := []core.Proof{{Kind: core.FactorTOTP, At: now}}
	for name, by := range map[string]Actor{
		"an api client":     {Bound: &Bound{}, Proofs: fresh, Enrolled: true},
		"a service account": {User: core.User{Kind: core.ServiceAccount}, Proofs: fresh},
	} {
		f, ok := core.AsFault(by.Prove(now, false))
		if !ok || f.Code != core.ErrStepUp.Code || f.Params["method"] != AskPerson {
			t.Errorf("%s: %v", name, f)
		}
	}
	if err := (Actor{User: core.User{Kind: core.Person}, Proofs: fresh}).Prove(now, true); err != nil {
		t.Errorf("a person: %v", err)
	}
	for _, p := range never {
		if slices.Contains(Lendable, p) {
			t.Errorf("%s can be given", p)
		}
	}
	if len(Lendable)+len(never) != len(Permissions) {
		t.Error("a right is neither")
	}
}
