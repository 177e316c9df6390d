package i18n_test

import (
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
	_ "time/tzdata" // the test must not depend on what the machine knows

	"golang.org/x/text/language"

	"sallyport/internal/core"
	"sallyport/internal/i18n"
)

// TestLanguagesAreThoseOfSettings: an organisation may choose what the catalogs
// speak, and nothing else.
func TestLanguagesAreThoseOfSettings(t *testing.T) {
	var tags []string
	for _, l := range i18n.Languages() {
		tags = append(tags, l.Tag)
	}
	if !slices.Equal(tags, core.Languages) {
		t.Errorf("catalogs speak %v, settings take %v", tags, core.Languages)
	}
}

func TestChoose(t *testing.T) {
	for _, c := range []struct {
		name                                                   string
		picked, profile, uiLocales, cookie, accept, tenant, is string
	}{
		{"nothing said", "", "", "", "", "", "", "en"},
		{"picked wins over all", "sv", "de", "fr", "fr", "fr", "fr", "sv"},
		{"then the profile", "", "de", "fr", "sv", "sv", "sv", "de"},
		{"then what the app asked for", "", "", "fr", "sv", "de", "de", "fr"},
		{"then the cookie", "", "", "", "sv", "de", "fr", "sv"},
		{"then the browser", "", "", "", "", "de-AT,de;q=0.9,en;q=0.8", "fr", "de"},
		{"then the organisation", "", "", "", "", "", "fr", "fr"},
		{"the first of several that is known", "", "", "ja fi sv fr", "", "", "", "sv"},
		{"a region is its language", "", "fr-CA", "", "", "", "", "fr"},
		{"an underscore from an import", "", "de_CH", "", "", "", "", "de"},
		{"Swiss German reads German", "", "gsw", "", "", "", "", "de"},
		{"Danish is not Swedish", "", "da", "", "", "", "de", "de"},
		{"Norwegian is not Swedish", "", "", "", "", "nb-NO,nb", "", "en"},
		{"the browser's order is by weight", "", "", "", "", "en;q=0.1, fr;q=0.9, ja", "", "fr"},
		{"refused by weight nought", "", "", "", "", "de;q=0, sv", "", "sv"},
		{"rubbish is passed over", "\x00", "???", "- -", "x-", ";;q=", "de", "de"},
		{"an endless header is passed over", "", "", "", "", strings.Repeat("fr,", 4000), "de", "de"},
		{"a star is nobody's wish", "", "", "", "", "*", "fr", "fr"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := i18n.Choose(c.picked, c.profile, c.uiLocales, c.cookie, c.accept, c.tenant).Tag(); got != c.is {
				t.Errorf("chose %s, want %s", got, c.is)
			}
		})
	}
}

func TestDates(t *testing.T) {
	at := time.Date(2025, 12, 14, 22, 5, 9, 0, time.UTC)
	first := time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC)
	paris := time.FixedZone("CET", 3600)
	for _, c := range []struct{ tag, date, first, moment string }{
		{"en", "14 December 2025", "1 March 2026", "14 December 2025, 23:05 (CET)"},
		{"de", "14. Dezember 2025", "1. März 2026", "14. Dezember 2025, 23:05 (CET)"},
		{"fr", "14 décembre 2025", "1er mars 2026", "14 décembre 2025 à 23:05 (CET)"},
		{"sv", "14 december 2025", "1 mars 2026", "14 december 2025 23:05 (CET)"},
	} {
		l := i18n.For(c.tag)
		for got, want := range map[string]string{
			l.Date(at, nil): c.date, l.Date(first, paris): c.first, l.DateTimeZone(at, paris): c.moment,
			l.Time(at, nil): "22:05", l.Clock(at, paris): "23:05:09",
		} {
			if got != want {
				t.Errorf("%s: %q, want %q", c.tag, got, want)
			}
		}
	}
	// Every month has a name of its own in every language.
	for _, l := range i18n.Languages() {
		seen := map[string]bool{}
		for m := time.January; m <= time.December; m++ {
			seen[i18n.For(l.Tag).Date(time.Date(2025, m, 5, 0, 0, 0, 0, time.UTC), nil)] = true
		}
		if len(seen) != 12 {
			t.Errorf("%s: %d different months", l.Tag, len(seen))
		}
	}
}

func TestDaysAreCalendarDays(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	// One in the morning, after the night in which the clock lost an hour.
	now := time.Date(2026, 3, 30, 1, 0, 0, 0, berlin)
	l := i18n.For("en")
	for _, c := range []struct {
		at   time.Time
		want string
	}{
		{now.Add(-30 * time.Minute), "today, 00:30"},
		{now.Add(-2 * time.Hour), "yesterday, 23:00"},
		{time.Date(2026, 3, 29, 0, 1, 0, 0, berlin), "yesterday, 00:01"},
		{time.Date(2026, 3, 28, 23, 59, 0, 0, berlin), "28 March 2026, 23:59"},
		{now.Add(25 * time.Hour), "31 March 2026, 02:00"},
	} {
		if got := l.When(c.at, now, berlin); got != c.want {
			t.Errorf("%s is %q, want %q", c.at, got, c.want)
		}
	}
	if got := i18n.For("sv").Capital(i18n.For("sv").Day(now, now, berlin)); got != "I dag" {
		t.Errorf("capital: %q", got)
	}
}

func TestPlurals(t *testing.T) {
	for _, c := range []struct {
		tag  string
		n    int
		want string
	}{
		{"en", 1, "1 of 10 codes left"}, {"en", 2, "2 of 10 codes left"}, {"en", 0, "0 of 10 codes left"},
		{"fr", 0, "0 code restant sur 10"}, {"fr", 1, "1 code restant sur 10"}, {"fr", 2, "2 codes restants sur 10"}, {"fr", 1_000_000, "1000000 codes restants sur 10"},
		{"de", 1, "Noch 1 von 10 Codes"}, {"sv", 3, "3 av 10 koder kvar"},
	} {
		if got := i18n.For(c.tag).T("recovery.left", map[string]any{"Count": c.n, "Total": "10"}); got != c.want {
			t.Errorf("%s %d: %q, want %q", c.tag, c.n, got, c.want)
		}
	}
}

func TestFaultSaysAsMuchAsIsKnown(t *testing.T) {
	l, at := i18n.For("en"), time.Date(2025, 12, 14, 14, 5, 0, 0, time.UTC)
	for _, c := range []struct {
		name, code   string
		params       map[string]any
		text, detail string
	}{
		{"plain mismatch", "factor.code_mismatch", nil, "wait for the next one", ""},
		{"mismatch with the time here", "factor.code_mismatch", map[string]any{"now": at}, "wait for the next one", "14:05:00"},
		{"slow phone", "factor.code_mismatch", map[string]any{"now": at, "drift_minutes": -1}, "", "about 1 minute slow"},
		{"fast phone", "factor.code_mismatch", map[string]any{"drift_minutes": int64(3)}, "", "about 3 minutes fast"},
		{"no drift worth a word", "factor.code_mismatch", map[string]any{"now": at, "drift_minutes": 0}, "", "14:05:00"},
		{"locked until", "factor.locked", map[string]any{"until": at}, "try again at 14:05", ""},
		{"locked until: codes of the app alone", "factor.locked", map[string]any{"until": at}, "Codes from your app are not checked", ""},
		{"locked until: recovery codes alone", "factor.locked", map[string]any{"until": at, "spare": true}, "try again at 14:05. Recovery codes are not checked", ""},
		{"locked, no time known", "factor.locked", nil, "some minutes", ""},
		{"limited", "rate.limited", map[string]any{"minutes": 1}, "in 1 minute.", ""},
		{"too short", "password.too_short", map[string]any{"min": 15}, "at least 15 characters", ""},
		{"a field with a name", "form.invalid", map[string]any{"field": "login"}, "Login", ""},
		{"a field without", "form.invalid", map[string]any{"field": "<script>"}, "one of the fields", ""},
		{"whose rule", "policy.locked", map[string]any{"by": "Nordwind"}, "A rule of Nordwind", ""},
		{"unheard of", "no.such.code", map[string]any{"until": at}, "check what you entered", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			said := l.Fault(c.code, c.params, nil)
			if !strings.Contains(said.Text, c.text) || said.Title == "" {
				t.Errorf("said %+v, want %q in the text", said, c.text)
			}
			if !strings.Contains(said.Detail, c.detail) || (c.detail == "") != (said.Detail == "") {
				t.Errorf("detail %q, want %q", said.Detail, c.detail)
			}
			if strings.Contains(said.Title+said.Text+said.Detail, "no value") {
				t.Errorf("unfilled: %+v", said)
			}
		})
	}
}

// Every refusal, in every language, with nothing known and with everything.
func TestNoFaultIsLeftUnfilled(t *testing.T) {
	full := map[string]any{"until": time.Now(), "minutes": 2, "now": time.Now(), "drift_minutes": 2, "min": 8, "max": 9, "field": "code", "by": "x", "days": 15}
	for id := range catalog(t, "en") {
		code, ok := strings.CutPrefix(id, "fault.")
		if !ok || strings.Contains(code, ":") {
			continue
		}
		for _, l := range i18n.Languages() {
			for _, params := range []map[string]any{nil, full} {
				said := i18n.For(l.Tag).Fault(code, params, nil)
				if all := said.Title + said.Text + said.Detail; strings.Contains(all, "no value") || strings.Contains(all, "{{") || said.Text == "" || strings.HasPrefix(said.Title, "fault_title.") {
					t.Errorf("%s %s: %+v", l.Tag, code, said)
				}
			}
		}
	}
}

// Pages are answered in many languages at once (B-51).
func TestLanguagesDoNotMix(t *testing.T) {
	var wait sync.WaitGroup
	for i := range 64 {
		wait.Go(func() {
			l := i18n.Languages()[i%4]
			want := map[string]string{"de": "Anmelden", "en": "Sign in", "fr": "Se connecter", "sv": "Logga in"}[l.Tag]
			for range 50 {
				if got := i18n.For(l.Tag).T("sign_in.title", nil); got != want {
					t.Errorf("%s says %q", l.Tag, got)
					return
				}
			}
		})
	}
	wait.Wait()
}

func TestUnknownLanguageAndMessage(t *testing.T) {
	if got := i18n.For("xx").Tag(); got != i18n.Default {
		t.Errorf("an unknown language speaks %s", got)
	}
	if got := (i18n.Lang{}).T("no.such.message", nil); got != "no.such.message" {
		t.Errorf("a missing message shows as %q", got)
	}
}

// A browser with a header of its own must not cost the making of a matcher each
// time: what is remembered of choices does not hold what is said only once.
func TestChoosingMakesNoMatcher(t *testing.T) {
	const header = "de-CH,de;q=0.9,en-US;q=0.8,en;q=0.7"
	var tags []language.Tag
	for _, l := range i18n.Languages() {
		tags = append(tags, language.Make(l.Tag))
	}
	making := testing.AllocsPerRun(20, func() { language.NewMatcher(tags) })
	if choosing := testing.AllocsPerRun(20, func() { i18n.Choose("", "", "", "", header, "") }); choosing >= making/2 {
		t.Errorf("a choice allocates %v times, making a matcher %v times", choosing, making)
	}
}
