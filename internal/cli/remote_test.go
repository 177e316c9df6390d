package cli

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"sallyport/internal/core"
	"sallyport/pkg/sallyport"
)

// Every verb goes over the API or says that it does not: before it reads anything, and
// with the exit code of usage.
func TestEveryVerbGoesOverOrRefuses(t *testing.T) {
	var all []string
	for _, leaf := range leaves(t) {
		verb := verbOf(leaf)
		all = append(all, verb)
		s := &shell{common: &common{Server: "https://id.example.com"}}
		err := s.reach(verb)
		switch {
		case slices.Contains(ofNoServer, verb):
			if err != nil {
				t.Errorf("%s: %v", verb, err)
			}
		case exitOf(err) != exitUsage:
			t.Errorf("%s: %v", verb, err)
		case slices.Contains(goesOver, verb) != strings.Contains(err.Error(), "--client-secret-file"):
			t.Errorf("%s: %v", verb, err)
		case !slices.Contains(goesOver, verb) && !strings.Contains(err.Error(), verb+" works on the server's own machine only"):
			t.Errorf("%s: %v", verb, err)
		}
	}
	for _, verb := range append(slices.Clone(goesOver), ofNoServer...) {
		if !slices.Contains(all, verb) {
			t.Errorf("there is no verb %q", verb)
		}
	}
}

// What goes over stands for a far half of the same name, and no other does.
func TestRemotesAreVerbs(t *testing.T) {
	for name := range remotes() {
		if Verbs()[name] == nil {
			t.Errorf("%s is no far half", name)
		}
		if name == "job.finish" { // what some begin, and no verb of its own
			continue
		}
		verb := strings.Replace(strings.ReplaceAll(name, ".", " "), "service ", "service-account ", 1)
		if !slices.Contains(goesOver, verb) {
			t.Errorf("%s goes over the API, and no verb says so", name)
		}
	}
}

func TestSafeAddress(t *testing.T) {
	for address, safe := range map[string]bool{
		"https://id.example.com": true, "http://localhost:8443": true, "http://127.0.0.1": true, "http://[::1]:8443": true,
		"http://id.example.com": false, "http://10.0.0.1": false, "http://localhost.example.com": false, "http://0.0.0.0": false, "http://%zz": false,
	} {
		if err := safeAddress(address); (err == nil) != safe || err != nil && exitOf(err) != exitUsage {
			t.Errorf("%s: %v", address, err)
		}
	}
}

// What goes on at the server is waited for, and nothing that the API does not tell.
func TestTheEndOfAJobIsWaitedFor(t *testing.T) {
	asked := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if asked++; asked < 2 {
			fmt.Fprint(w, `{"status":"disabling","disabling_since":"2027-01-31T10:00:00Z"}`)
			return
		}
		fmt.Fprint(w, `{"status":"disabled"}`)
	}))
	defer server.Close()
	c, err := sallyport.New(server.URL, sallyport.Token("x"))
	if err != nil {
		t.Fatal(err)
	}
	s := &shell{ctx: t.Context(), common: &common{}, api: c}
	for kind, want := range map[core.JobKind]int{core.JobDisableMFA: 2, core.JobEndSessions: 0} {
		asked = 0
		if _, err := one[struct{}](s, "job.finish", how{}, jobIn{"tn_1", kind}); err != nil || asked != want {
			t.Errorf("%s: %v, asked %d times", kind, err, asked)
		}
	}
}

// A refusal of the server ends the program as the same refusal does on its own machine.
func TestFaultsFromTheAPI(t *testing.T) {
	for _, c := range []struct {
		err  sallyport.Error
		kind core.Kind
		exit int
		says string
	}{
		{sallyport.Error{Status: 403, Code: "forbidden", Title: "Not allowed", Detail: "You may not."}, core.KindForbidden, exitPolicy, "Not allowed. You may not. (forbidden)"},
		{sallyport.Error{Status: 409, Code: "policy.locked", Detail: "Locked."}, core.KindConflict, exitPolicy, "Locked. (policy.locked)"},
		{sallyport.Error{Status: 403, Code: "step_up.required"}, core.KindForbidden, exitPolicy, "without --server (step_up.required)"},
		{sallyport.Error{Status: 412, Code: "form.stale", Detail: "Changed."}, core.KindStale, exitFailed, "Changed. (form.stale)"},
		{sallyport.Error{Status: 422, Code: "name.invalid", Detail: "\x1b[31mNo.", Field: "name"}, core.KindInvalid, exitFailed, "·[31mNo. (name.invalid, field name)"},
		{sallyport.Error{Status: 502, Code: "http.502", Title: "Bad Gateway"}, core.KindInternal, exitFailed, "Bad Gateway (http.502)"},
	} {
		err := fromAPI(&c.err)
		f, ok := core.AsFault(err)
		if !ok || f.Kind != c.kind || f.Code != c.err.Code || exitOf(err) != c.exit || !strings.Contains(inWords(err), c.says) || asJSON(err)["code"] != c.err.Code {
			t.Errorf("%+v: %v, exit %d, %q", c.err, f, exitOf(err), inWords(err))
		}
	}
	if plain := errors.New("no route to host"); fromAPI(plain) != plain {
		t.Error("what is no refusal stays what it is")
	}
}
