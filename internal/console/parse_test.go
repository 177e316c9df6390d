package console

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/core"
	"sallyport/internal/i18n"
	"sallyport/internal/policy"
	"sallyport/internal/web"
)

func formOf(t *testing.T, query string, names ...string) web.Form {
	t.Helper()
	f, err := web.ParseQuery(httptest.NewRequest(http.MethodGet, "/?"+query, nil), names...)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// What a spreadsheet would run is text to it.
func TestCellsAreNoFormulas(t *testing.T) {
	for in, want := range map[string]string{"": "", "Anna": "Anna", "=1+1": "'=1+1", "+49": "'+49", "-": "'-", "@x": "'@x", "\tx": "'\tx", "\r=x": "'\r=x", "a=b": "a=b", "Ö": "Ö"} {
		if got := cell(in); got != want {
			t.Errorf("%q is %q, want %q", in, got, want)
		}
	}
}

// A share is whole only when nobody is missing, and nothing only when nobody is
// there.
func TestPercentIsHonest(t *testing.T) {
	for _, c := range []struct {
		counts Counts
		want   int
	}{
		{Counts{}, 0}, {Counts{Enabled: 1}, 100}, {Counts{Enabled: 999, SetupRequired: 1}, 99}, {Counts{Enabled: 1, SetupRequired: 999}, 1},
		{Counts{SetupRequired: 3}, 0}, {Counts{Enabled: 1, SetupRequired: 1}, 50}, {Counts{Enabled: 1, Service: 7, Federated: 3, Inactive: 2}, 100},
	} {
		if got := c.counts.Percent(); got != c.want {
			t.Errorf("%+v: %d, want %d", c.counts, got, c.want)
		}
	}
}

func TestNumbersAreGrouped(t *testing.T) {
	for in, want := range map[int]string{0: "0", 999: "999", 1234: "1234", 12345: "12\u202f345", 1234567: "1\u202f234\u202f567"} {
		if got := number(in); got != want {
			t.Errorf("%d is %q", in, got)
		}
	}
}

// A name counts as typed whatever the blanks and however its accents are made; any
// other letter does not, nor does nothing.
func TestTypedNames(t *testing.T) {
	for typed, want := range map[string]bool{"Bäckerei Huber": true, "  Bäckerei   Huber ": true, "Ba\u0308ckerei Huber": true, "bäckerei huber": false, "Bäckerei": false, "": false, "Backerei Huber": false} {
		if confirmed(typed, "Bäckerei Huber") != want {
			t.Errorf("%q: %v", typed, !want)
		}
	}
	if confirmed("", "") {
		t.Error("no name is no confirmation")
	}
}

// A day counts to its end, where the organisation is.
func TestEndOfADay(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	for day, want := range map[string]string{"2026-03-28": "2026-03-28T23:00:00Z", "2026-03-29": "2026-03-29T22:00:00Z"} {
		at, err := endOf(day, berlin)
		if err != nil || at.UTC().Format(time.RFC3339) != want {
			t.Errorf("%s ends %v, %v", day, at.UTC(), err)
		}
		if back := typedService(Service{Expires: at}, berlin).Expires; back != day {
			t.Errorf("%s comes back as %s", day, back)
		}
	}
	if at, err := endOf("", berlin); err != nil || !at.IsZero() {
		t.Error("no day has an end")
	}
	for _, bad := range []string{"soon", "2026-02-30", "1026-01-01", "9999-01-01", "2026-1-1"} {
		if _, err := endOf(bad, nil); err == nil {
			t.Errorf("%s is a day", bad)
		}
	}
}

// Whatever a place in a list holds comes back as it was; what somebody made up is
// refused.
func TestCursorsTravel(t *testing.T) {
	for _, at := range []string{"", "a", "name\x00tn_1", "\xff\x00\xfe", "ö&=?#"} {
		q := PeopleQuery{Tenant: "tn_1", Cursor: ""}
		u, err := url.Parse(q.address(func(q *PeopleQuery) { q.Cursor = at }))
		if err != nil {
			t.Fatal(err)
		}
		got, err := cursorOf(formOf(t, u.RawQuery, "cursor"))
		if err != nil || got != at {
			t.Errorf("%q comes back as %q, %v", at, got, err)
		}
	}
	if _, err := cursorOf(formOf(t, "cursor=%25", "cursor")); err == nil {
		t.Error("nonsense is a place")
	}
}

// A version that is no number is stale; AnyVersion cannot be typed.
func TestVersionsOfForms(t *testing.T) {
	for typed, want := range map[string]int64{"0": 0, "7": 7, "": -2, "-1": -2, "x": -2, "9e9": -2} {
		if got := versionOf(formOf(t, "version="+typed, "version")); got != want {
			t.Errorf("%q is %d", typed, got)
		}
	}
}

func TestWhatIsWanted(t *testing.T) {
	for _, c := range []struct {
		words []string
		want  int
		ok    bool
	}{{nil, 0, true}, {[]string{"organization"}, 1, true}, {[]string{"organization", "per_user"}, 2, true}, {[]string{"everybody"}, 0, false}} {
		set, err := wanted(c.words)
		if (err == nil) != c.ok || len(set) != c.want {
			t.Errorf("%v: %v, %v", c.words, set, err)
		}
	}
}

// What a form changes is said and nothing else: a page of values that was saved as it
// stood says nothing.
func TestChangesOfAForm(t *testing.T) {
	doc := core.SettingsDoc(`{"invitation_days":3,"session":{"idle":"20m"}}`)
	set, err := doc.Over(core.DefaultSettings())
	if err != nil {
		t.Fatal(err)
	}
	loose, err := core.SettingsDoc(`{"challenge":"always"}`).Over(policy.Loosest())
	if err != nil {
		t.Fatal(err)
	}
	own := SettingsView{Which: OwnSettings, Doc: doc, Settings: set}
	locks := SettingsView{Which: LockSettings, Doc: core.SettingsDoc(`{"challenge":"always"}`), Settings: loose}
	for name, c := range map[string]struct {
		view  SettingsView
		query string
		want  string
	}{
		"nothing was sent":             {own, "", `{}`},
		"as it stands":                 {own, "invitation_days=3&session_idle=20m", `{}`},
		"one number":                   {own, "invitation_days=4", `{"invitation_days":4}`},
		"one half of a key":            {own, "session_max=12h", `{"session":{"idle":"20m","max":"12h"}}`},
		"one rule of two":              {own, "lockout_factor_limit=4", `{"lockout":{"factor":{"limit":4,"window":"15m","period":"5m","growth":"1h"}}}`},
		"a box was cleared":            {own, "has=recovery", `{"recovery":[]}`},
		"boxes that are not there":     {own, "recovery=recovery_sheet", `{}`},
		"back to the default":          {own, "default=invitation_days&invitation_days=9", `{"invitation_days":null}`},
		"the default of what is none":  {own, "default=challenge", `{}`},
		"the requirement has a switch": {own, "has=requirement&requirement=organization", `{}`},
		"a lock as it stands":          {locks, "set=challenge&challenge=always", `{}`},
		"a lock is taken off":          {locks, "challenge=always", `{"challenge":null}`},
		"another lock":                 {locks, "set=challenge&challenge=always&set=session&session_idle=10m", `{"session":{"idle":"10m","max":"30d"}}`},
		"what cannot be locked":        {locks, "set=challenge&challenge=always&set=display_name&display_name=x", `{}`},
	} {
		got, err := changeOf(c.view, formOf(t, c.query, settingsFields...))
		if err != nil || string(got) != c.want {
			t.Errorf("%s: %s, %v; want %s", name, got, err, c.want)
		}
	}
	for _, bad := range []string{"invitation_days=x", "session_idle=soon", "login_networks=home", "totp_digits=six", "lockout_factor_window=-"} {
		if _, err := changeOf(own, formOf(t, bad, settingsFields...)); err == nil {
			t.Errorf("%s is taken", bad)
		}
	}
}

// Every right can be read by who gives it away: none is shown by its name for
// programs.
func TestRightsHaveWords(t *testing.T) {
	for _, l := range i18n.Languages() {
		for _, right := range access.Permissions {
			if id := "right." + string(right); !i18n.For(l.Tag).Has(id) {
				t.Errorf("%s has no %s", l.Tag, id)
			}
		}
	}
}
