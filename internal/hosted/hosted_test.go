package hosted_test

import (
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"sallyport/internal/core"
	"sallyport/internal/directory"
	"sallyport/internal/store"
	"sallyport/internal/testkit/house"
)

// Where the person was going survives a refusal and a change of the language after
// it; what came in the address by mistake is in no link.
func TestLanguageLinksCarryTheWay(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		org := h.Organisation("Ways", "self-service", "")
		p := h.Person(org, "anna@example.com")
		action := regexp.MustCompile(`<form method="post" action="([^"]*)"`)
		links := regexp.MustCompile(`href="(\?[^"]*lang=[^"]*)"`)
		unescape := func(s string) string { return strings.ReplaceAll(s, "&amp;", "&") }
		r := h.Raw("")
		page := r.Get("/sign-in?return_to=/account/profile&password=hunter2&token=abc")
		to := action.FindStringSubmatch(page.Body)
		if to == nil {
			t.Fatal("no form")
		}
		refused := r.Post(unescape(to[1]), "login", p.Login, "password", "wrong", "return_to", "/account/profile")
		for name, a := range map[string]house.Answer{"the door": page, "a refusal": refused, "a posted query": r.Post("/sign-in?return_to=/account/profile&password=hunter2&token=abc", "login", p.Login, "password", "wrong")} {
			found := links.FindAllStringSubmatch(a.Body, -1)
			if len(found) < 4 {
				t.Errorf("%s: %d links", name, len(found))
			}
			for _, l := range found {
				if !strings.Contains(l[1], "return_to=%2Faccount%2Fprofile") || strings.Contains(l[1], "hunter2") || strings.Contains(l[1], "token") {
					t.Errorf("%s: %s", name, l[1])
				}
			}
		}
		page = r.Get("/sign-in" + unescape(links.FindStringSubmatch(refused.Body)[1]))
		to = action.FindStringSubmatch(page.Body)
		if a := r.Post(unescape(to[1]), "login", p.Login, "password", p.Password); a.Location != "/account/profile" {
			t.Errorf("in, and to %q", a.Location)
		}
	})
}

// The language of a page: what was picked, then the person's own once it is known
// who stands there, then the browser's, then the organisation's.
func TestPagesSpeakThePersonsLanguage(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		org := h.Organisation("Langue", "self-service", `{"locale":"fr"}`)
		swede, path := h.Newcomer(directory.NewUser{Tenant: org.ID, Email: "erik@example.com", Locale: "sv"})
		browser := func(accept string) *house.Raw {
			r := h.Raw("")
			r.Header.Set("Accept-Language", accept)
			return r
		}
		lang := func(a house.Answer) string {
			if got := a.Header.Get("Content-Language"); !strings.Contains(a.Body, `<html lang="`+got+`"`) {
				t.Errorf("the header says %q, the page something else", got)
			} else {
				return got
			}
			return ""
		}
		r := browser("de")
		for _, c := range []struct {
			what string
			a    house.Answer
			want string
		}{
			{"the door, to whoever comes", r.Get("/sign-in"), "de"},
			{"the door, in a language nobody has", browser("ja").Get("/sign-in"), "en"},
			{"the door of an organisation, likewise", browser("ja").Get("/reset"), "en"},
			{"his own invitation", r.Get(path), "sv"},
			{"the door, picked", browser("de").Get("/sign-in?lang=fr"), "fr"},
			{"a language that does not exist", browser("de").Get("/sign-in?lang=xx"), "de"},
		} {
			if got := lang(c.a); got != c.want {
				t.Errorf("%s: %q, want %q", c.what, got, c.want)
			}
		}
		if a := r.Post(path, "new_password", house.Password); !a.In() {
			t.Fatal(a.Fault())
		}
		if got := lang(r.Get("/account/")); got != "sv" {
			t.Errorf("his account: %q", got)
		}
		if got := lang(r.Get("/account/?lang=en")); got != "en" {
			t.Errorf("picked: %q", got)
		}
		// Who has no language of their own and a browser that names none gets the
		// organisation's.
		_, other := h.Newcomer(directory.NewUser{Tenant: org.ID, Email: "claire@example.com"})
		if got := lang(browser("").Get(other)); got != "fr" {
			t.Errorf("the organisation's: %q", got)
		}
		if swede.Locale != "sv" {
			t.Error(swede.Locale)
		}
	})
}

// Mails are written in the person's language, whatever the browser that caused
// them speaks.
func TestMailsFollowThePerson(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		org := h.Organisation("Post", "self-service", `{"locale":"fr"}`)
		for locale, words := range map[string][2]string{
			"de": {"Ihre Einladung", "Zwei-Faktor-Authentifizierung ist aktiviert"}, "fr": {"Votre invitation", "à deux facteurs est activée"},
			"sv": {"Din inbjudan", "Tvåfaktorsautentisering är aktiverad"}, "en": {"Your invitation", "Two-factor authentication is on"}, "": {"Votre invitation", "à deux facteurs est activée"},
		} {
			mail := "x" + locale + "@example.com"
			u, path := h.Newcomer(directory.NewUser{Tenant: org.ID, Email: mail, Locale: locale})
			h.Mail(mail, words[0])
			r := h.Raw("")
			if a := r.Post(path, "new_password", house.Password); !a.In() {
				t.Fatal(a.Fault())
			}
			p := (&house.Person{ID: u.ID, Tenant: org.ID, Login: mail, Password: house.Password}).In(h)
			p.Key = r.Get("/account/security/totp").Of("data-setup-key")
			r.Post("/account/security/totp", "code", p.Code())
			h.Mail(mail, words[1])
		}
	})
}

// Unknown pages, somebody else's pages and unknown links: the same bytes, and
// nothing of who asks or what was asked for.
func TestNotFoundIsOnePage(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		org := h.Organisation("Same", "self-service", "")
		p := h.Enrolled(org, "anna@example.com")
		first := h.Raw("").Get("/nothing")
		inside := h.Raw("")
		p.Enter(inside)
		for _, a := range []house.Answer{h.Raw("").Get("/nothing/else?with=query"), inside.Get("/nothing"),
			inside.Get("/account/security/nothing"), h.Raw("").Get("/SIGN-IN"), h.Raw("").Get("/sign-in/../account/x")} {
			if a.Status == http.StatusTemporaryRedirect || a.Status == http.StatusMovedPermanently {
				continue // the path was cleaned
			}
			if a.Status != http.StatusNotFound || a.Body != first.Body {
				t.Errorf("status %d, other bytes than /nothing", a.Status)
			}
		}
	})
}

// Decision 7.6: a sign-in that is not this browser's has a way out, for whoever began
// another one in a second tab, finished it there, or comes back too late. It reads
// the same for one that never was, so no id tells a stranger whether it is one
// (decision 7.20).
func TestASignInThatIsNotOursHasAWayOut(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		p := h.Enrolled(h.Organisation("Tabs", "self-service", ""), "anna@example.com")
		r, stranger := h.Raw(""), h.Raw("")
		left := p.Attempt(r)
		foreign := p.Attempt(h.Raw(""))
		second := p.Attempt(r)
		never := "/sign-in/at_01jd0000000000000000000000/code"
		first := stranger.Get(never)
		if first.Status != http.StatusNotFound || first.Fault() != core.ErrAttemptUnknown.Code || !strings.Contains(first.Body, `href="/sign-in"`) {
			t.Fatalf("one that never was: status %d, fault %q", first.Status, first.Fault())
		}
		same := func(name string, a house.Answer) {
			t.Helper()
			if a.Status != first.Status || a.Body != first.Body || len(a.Set) > 0 {
				t.Errorf("%s: status %d, fault %q, sets %v", name, a.Status, a.Fault(), a.Set)
			}
		}
		for name, path := range map[string]string{"the first tab": left, "somebody else's": foreign, "none": never} {
			for who, b := range map[string]*house.Raw{"the second tab's browser": r, "a stranger": stranger} {
				same(name+" for "+who, b.Get(path))
				same(name+" for "+who+", with a code", b.Post(path, "code", p.Fresh()))
				same(name+" for "+who+", the attempt itself", b.Get(strings.TrimSuffix(path, "/code")))
				same(name+" for "+who+", another step", b.Post(strings.TrimSuffix(path, "code")+"setup-required", "go", "skip"))
				same(name+" for "+who+", a reset", b.Get(strings.TrimSuffix(path, "code")+"reset-mfa"))
			}
		}
		// The way out leads to the door, and the second tab was not held up.
		if a := r.Get("/sign-in"); a.Page() != "sign-in" {
			t.Errorf("the way out leads to %q", a.Page())
		}
		if a := r.Post(second, "code", p.Fresh()); !a.In() {
			t.Fatalf("the second tab: status %d, fault %q", a.Status, a.Fault())
		}
		same("the first tab, after the second signed in", r.Get(left))
		if a := r.Follow(r.Get("/sign-in")); a.Page() != "account" {
			t.Errorf("then the way out leads to %q", a.Page())
		}
		late := h.Raw("")
		page := p.Attempt(late)
		h.Clock.Advance(core.AttemptLife)
		if a := late.Get(page); a.Fault() != core.ErrAttemptExpired.Code {
			t.Errorf("too late: status %d, fault %q", a.Status, a.Fault())
		}
		late.Plant("sallyport-attempt", "") // the browser has dropped it by then
		same("too late, and the cookie is gone", late.Get(page))
	})
}

// Whoever is signed in reads errors in the language of their profile, wherever these
// come from, and what the browser says or somebody picks stands as on every page.
func TestErrorsSpeakTheProfilesLanguage(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		org := h.Organisation("Worte", "self-service", `{"locale":"sv"}`)
		u, path := h.Newcomer(directory.NewUser{Tenant: org.ID, Email: "anna@example.com", Locale: "de"})
		r := h.Raw("")
		if a := r.Post(path, "new_password", house.Password); !a.In() {
			t.Fatal(a.Fault())
		}
		lang := func(a house.Answer) string {
			_, rest, _ := strings.Cut(a.Body, `<html lang="`)
			word, _, _ := strings.Cut(rest, `"`)
			return word
		}
		other := func(r *house.Raw) *house.Raw {
			c := r.Clone()
			c.Header.Set("Origin", "https://elsewhere.example")
			return c
		}
		each := func(r *house.Raw, want string) {
			t.Helper()
			for name, a := range map[string]house.Answer{
				"no page": r.Get("/nothing"), "no page of the account": r.Get("/account/security/nothing"), "no page of administration": r.Get("/admin/nothing"),
				"another site's form": other(r).Post("/account/profile", "locale", "fr"), "another site's form at the door": other(r).Post("/sign-in", "login", "x"),
				"a method that is not": r.Post("/account/"), "a link that never was": r.Get("/reset/" + strings.Repeat("A", 43)),
			} {
				if a.Status < 400 || lang(a) != want {
					t.Errorf("%s: status %d in %q, want %q", name, a.Status, lang(a), want)
				}
			}
		}
		r.Header["Accept-Language"] = nil
		each(r, "de")
		r.Header["Accept-Language"] = []string{"fr"}
		each(r, "de")
		nobody := h.Raw("")
		nobody.Header["Accept-Language"] = nil
		each(nobody, "en")
		nobody.Header["Accept-Language"] = []string{"fr"}
		each(nobody, "fr")
		// Without a language of their own it is the browser's, then the organisation's.
		h.Change(org.ID, func(tx store.Tx) error {
			v, err := tx.User(u.ID)
			if err != nil {
				return err
			}
			v.Locale = ""
			if err := tx.UpdateUser(v); err != nil {
				return err
			}
			return tx.Changed(core.ChangeUser, string(v.ID))
		})
		h.Settle()
		each(r, "fr")
		r.Header["Accept-Language"] = nil
		each(r, "sv")
	})
}

// O-04: what was typed at the door goes to no other address.
func TestCredentialsAreNotSentOnO04(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		p := h.Person(h.Organisation("Clean", "self-service", ""), "anna@example.com")
		for _, path := range []string{"//sign-in", "/./sign-in", "/sign-in/../sign-in"} {
			a := h.Raw("").Post(path, "login", p.Login, "password", p.Password)
			if a.Status != http.StatusNotFound || a.Location != "" || len(a.Set) > 0 {
				t.Errorf("%s: status %d to %q, sets %v", path, a.Status, a.Location, a.Set)
			}
		}
	})
}

// The door, its hints and what stands open beside it.
func TestTheDoor(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		org := h.Organisation("Bäckerei Huber", "self-service", "")
		p := h.Person(org, "anna@example.com")
		door := h.Raw("").Get("/sign-in")
		if door.Status != http.StatusOK || door.Page() != "sign-in" || strings.Contains(door.Body, org.Name) {
			t.Errorf("status %d, page %q", door.Status, door.Page())
		}
		// N-21: what password managers need, and nothing that hinders them.
		for _, want := range []string{`name="login"`, `autocomplete="username`, `name="password"`, `autocomplete="current-password"`} {
			if !strings.Contains(door.Body, want) {
				t.Errorf("the door has no %s", want)
			}
		}
		if regexp.MustCompile(`(?i)on(paste|copy|cut|keydown|input)=|maxlength="[0-9]{1,2}"|<script>|<style|style="`).MatchString(door.Body) {
			t.Error("something hinders pasting, or is inline")
		}
		if a := h.Raw("").Get("/sign-in?tenant=" + string(org.ID)); !strings.Contains(a.Body, "Bäckerei Huber") {
			t.Error("?tenant= does not change the look")
		}
		if a := h.Raw("").Get("/sign-in?tenant=tn_none"); a.Status != http.StatusOK {
			t.Errorf("an unknown tenant: %d", a.Status)
		}
		if a := h.Raw("").Get("/sign-in?login_hint=anna%40example.com%22%3E%3Cscript%3E"); !strings.Contains(a.Body, "anna@example.com&#34;&gt;&lt;script&gt;") {
			t.Error("the hint is not there, or not escaped")
		}
		if a := h.Raw("").Get("/.well-known/change-password"); a.Status != http.StatusFound || a.Location != "/account/password" {
			t.Errorf("change-password: %d to %q", a.Status, a.Location)
		}
		r := h.Raw("")
		if a := r.Get("/"); a.Status != http.StatusOK || !strings.Contains(a.Body, `href="/sign-in"`) {
			t.Errorf("the start: %d", a.Status)
		}
		p.Enter(r)
		if a := r.Get("/"); !strings.Contains(a.Body, `href="/account/"`) {
			t.Error("the start does not lead inside")
		}
		if a := r.Get("/sign-in?return_to=/account/profile"); a.Location != "/account/profile" {
			t.Errorf("the door, from inside: to %q", a.Location)
		}
		if a := r.Get("/account"); a.Location != "/account/" {
			t.Errorf("/account: to %q", a.Location)
		}
		if a := h.Raw("").Get("/account/security?x=1"); a.Location != "/sign-in?return_to=%2Faccount%2Fsecurity%3Fx%3D1" {
			t.Errorf("from outside: to %q", a.Location)
		}
	})
}

// The page that asks for a code says what it wants and how things stand.
func TestTheCodePage(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		org := h.Organisation("Code", "self-service", "")
		p := h.Enrolled(org, "anna.summer@example.com")
		r := h.Raw("")
		page := p.Attempt(r)
		a := r.Get(page)
		for _, want := range []string{`name="code"`, `autocomplete="one-time-code"`, `inputmode="numeric"`, "a•••r@example.com"} {
			if !strings.Contains(a.Body, want) {
				t.Errorf("no %s", want)
			}
		}
		if b := r.Get(page + "?inputmode=text"); strings.Contains(b.Body, `inputmode="numeric"`) {
			t.Error("a recovery code cannot be typed on a phone")
		}
		for range 5 {
			a = r.Post(page, "code", p.Wrong())
		}
		until := p.Factor().Budget.LockedUntil.Add(time.Minute - 1).UTC().Format("15:04")
		if a.Status != http.StatusTooManyRequests || !strings.Contains(a.Body, until) && !strings.Contains(a.Body, "5 minutes") {
			t.Errorf("status %d: nothing says when", a.Status)
		}
		if b := r.Get(page); !strings.Contains(b.Body, until) {
			t.Errorf("a reload does not say %s", until)
		}
	})
}

// A link's page shows whose it is and until when; a GET changes nothing, a HEAD
// neither.
func TestLinkPages(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		org := h.Organisation("Shown", "self-service", "")
		boss := h.Enrolled(org, "boss@example.com", core.CustomerAdmin)
		in, err := h.Directory.Invite(t.Context(), directory.NewUser{Tenant: org.ID, Email: "anna@example.com", Name: "Anna"}, h.Actor(boss), core.Client{})
		if err != nil {
			t.Fatal(err)
		}
		a := h.Raw("").Get(in.Path)
		for _, want := range []string{"Shown", "Somebody", `autocomplete="new-password"`, `name="new_password"`, `autocomplete="username"`} {
			if !strings.Contains(a.Body, want) {
				t.Errorf("the invitation has no %q", want)
			}
		}
		if a.Page() != "invitation" {
			t.Errorf("page %q", a.Page())
		}
		for _, odd := range []string{"/invitation/", "/invitation/x/y", "/invitation/" + strings.Repeat("A", 5000), "/reset/%00", "/confirm/..%2f..%2fadmin"} {
			if b := h.Raw("").Get(odd); b.Status != http.StatusNotFound && b.Status != http.StatusBadRequest && b.Status >= 500 {
				t.Errorf("%.40s: %d", odd, b.Status)
			}
		}
		h.Clock.Advance(16 * 24 * time.Hour)
		if b := h.Raw("").Get(in.Path); b.Status != http.StatusConflict || b.Fault() != "invitation.expired" {
			t.Errorf("too late: status %d, fault %q", b.Status, b.Fault())
		}
	})
}
