package policy_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"sallyport/internal/core"
	"sallyport/internal/policy"
)

// Who meets what, before anything is written.
func TestSimulate(t *testing.T) {
	line := tree(``, stamped(`{"requirement":["per_user"]}`, 9))
	person := func(id string, f ...core.Factor) policy.Subject {
		return policy.Subject{User: core.UserID(id), Login: id, Person: policy.Person{Kind: core.Person, State: core.UserActive, Factors: f, ValidatedAt: ago(90)}}
	}
	people := []policy.Subject{person("plain"), person("has", app), person("dead", dead)}
	for id, change := range map[string]func(*policy.Person){
		"service": func(p *policy.Person) { p.Kind = core.ServiceAccount }, "elsewhere": func(p *policy.Person) { p.Federated = true },
		"invited": func(p *policy.Person) { p.State = core.UserInvited }, "new": func(p *policy.Person) { p.ValidatedAt = ago(2) },
	} {
		s := person(id)
		change(&s.Person)
		people = append(people, s)
	}
	sim, err := policy.Simulate(line, core.SettingsDoc(`{"requirement":["organization"]}`), people, now)
	if err != nil {
		t.Fatal(err)
	}
	if want := (policy.Tally{People: 7, Exempt: 2, Pending: 1, Enrolled: 2, Asked: 1, MayWait: 1, NewlyDue: 2, Different: 3}); sim.Tally != want {
		t.Errorf("%+v, want %+v", sim.Tally, want)
	}
	if len(sim.Settings) != 1 || sim.Settings[0].Key != "requirement" || string(line[2].Settings) != stamped(`{"requirement":["per_user"]}`, 9) {
		t.Errorf("%+v", sim.Settings)
	}
	for _, x := range sim.Effects {
		if x.Login == "plain" && (x.Before != core.MFADisabled || x.After != core.MFASetupRequired || x.NextAfter != policy.Enrol || x.Way != policy.Tighter || x.Stuck) {
			t.Errorf("%+v", x)
		}
		if x.Login == "new" && !x.DueAt.Equal(now.AddDate(0, 0, 5)) {
			t.Errorf("%+v", x)
		}
	}
	if _, err := policy.Simulate(line, core.SettingsDoc(`{"factors":[]}`), people, now); !errors.Is(err, core.ErrNobodyCouldEnrol) {
		t.Errorf("%v", err)
	}
	// The other way round, and a lock that leaves somebody without an exit.
	was := tree(``, all)
	sim, err = policy.Compare(was, tree(``, off), people, now)
	if err != nil || sim.Tally.Released != 2 || sim.Tally.Free != 2 {
		t.Errorf("%+v, %v", sim.Tally, err)
	}
	sim, err = policy.Compare(tree(``, off), tree(`{"factors":["passkey"],"requirement":["organization"]}`, off), people[:1], now)
	if err != nil || sim.Tally.Stuck != 1 {
		t.Errorf("%+v, %v", sim.Tally, err)
	}
}

// The explanation is the decision, as data that keeps its names.
func TestExplain(t *testing.T) {
	e := holds(t, stamped(`{"requirement":["organization"],"login_networks":["192.0.2.0/24"],"enforce_at":{"grace":{"days":14,"skips":3}}}`, 4))
	x := policy.Explain(policy.Facts{Now: now, Person: policy.Person{Kind: core.Person, State: core.UserActive, HasMail: true, ValidatedAt: ago(90)}, Effective: e, Shown: policy.Shown{Proofs: proofs(pwd)}})
	got, err := json.Marshal(x)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"outcome":"may_skip"`, `"methods":["totp"]`, `"level":"password"`, `"mfa_status":"setup_required"`, `"required_by":{"id":"tn_c","name":"Customer"}`,
		`"required_since":"2026-03-10T12:00:00Z"`, `"due_at":"2026-03-24T12:00:00Z"`, `"skips_left":3`, `"mail_first":true`, `"exits":["enrol","skip"]`,
		`{"rule":"login_networks","applied":false,"why":"address_unknown"}`, `{"rule":"grace","applied":true,"why":"grace","from":{"id":"tn_c","name":"Customer"},"params":{"left":3,"until":"2026-03-24T12:00:00Z"}}`} {
		if !strings.Contains(string(got), want) {
			t.Errorf("%s, without %s", got, want)
		}
	}
	// With an address it is weighed like any.
	if x := policy.Explain(policy.Facts{Now: now, Person: policy.Person{Kind: core.Person}, Effective: e, Shown: policy.Shown{Proofs: proofs(pwd), Address: netip.MustParseAddr("198.51.100.1")}}); x.Outcome != policy.Refused || fmt.Sprint(x.Exits) != "[network]" {
		t.Errorf("%+v", x)
	}
}
