package recovery_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/core"
	"sallyport/internal/directory"
	"sallyport/internal/store"
	"sallyport/internal/testkit/house"
)

// ask asks for a reset and returns how many reset mails each address has then.
func ask(h *house.House, word string) {
	h.T.Helper()
	if a := h.Raw("").Post("/reset", "login", word); a.Status != http.StatusSeeOther || a.Location != "/reset?sent=1" {
		h.T.Errorf("%.60q: status %d to %q, fault %q", word, a.Status, a.Location, a.Fault())
	}
}

func links(h *house.House, to string) (n int) {
	h.Mails(to)
	for _, m := range h.Inbox.List(to) {
		if strings.Contains(m.Text, "/reset/") {
			n++
		}
	}
	return n
}

// B-16 (CVE-2023-7028), B-28, B-29: whatever is typed, mail goes to the stored
// address only, and lists, arrays and look-alikes find nobody.
func TestMailGoesToTheStoredAddressOnlyB28(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		org := h.Organisation("Stored", "self-service", "")
		p := h.Person(org, "anna@example.com")
		for _, word := range []string{
			"anna@example.com,eve@evil.example", "anna@example.com;eve@evil.example", "anna@example.com eve@evil.example", "anna@example.com\u00a0eve@evil.example",
			"eve@evil.example,anna@example.com", `["anna@example.com","eve@evil.example"]`, `{"login":"anna@example.com"}`, "<anna@example.com>", "Anna <anna@example.com>",
			"anna@example.com@evil.example", "anna@evil.example@example.com", `"anna@example.com"@evil.example`, "anna%example.com@evil.example",
			"anna@example.com.", "anna@example.com%0aBcc:eve@evil.example", "anna@examp1e.com", "anna@exаmple.com", "anńa@example.com", "anna@example.com\u200b", "ann\u0131a@example.com",
			"nobody@example.com", "'; DROP TABLE users; --", strings.Repeat("a", 5000) + "@example.com",
		} {
			ask(h, word)
		}
		if n := links(h, ""); n != 0 {
			for _, m := range h.Inbox.List("") {
				t.Logf("%s: %s", m.To, m.Subject)
			}
			t.Errorf("%d reset mails for words that are nobody's", n)
		}
		for i, word := range []string{"anna@example.com", "ANNA@EXAMPLE.COM", " anna@example.com ", "ａnna@example.com", "anna＠example.com"} {
			h.Clock.Advance(time.Hour)
			ask(h, word)
			if n := links(h, "anna@example.com"); n != i+1 {
				t.Errorf("%q: %d mails, want %d", word, n, i+1)
			}
		}
		for _, m := range h.Inbox.List("") {
			if m.To != p.Login {
				t.Errorf("mail to %q: %s", m.To, m.Subject)
			}
		}
		for _, body := range []string{"login=anna%40example.com&login=eve%40evil.example", "login%5B%5D=anna%40example.com", "login%5B0%5D=a&login%5B1%5D=b", "", "login="} {
			if a := h.Raw("").Do(http.MethodPost, "/reset", "application/x-www-form-urlencoded", body); a.Status != 422 {
				t.Errorf("%q: status %d to %q", body, a.Status, a.Location)
			}
		}
		if a := h.Raw("").Do(http.MethodPost, "/reset", "application/json", `{"login":["anna@example.com","eve@evil.example"]}`); a.Status < 400 || a.Status >= 500 {
			t.Errorf("JSON: status %d", a.Status)
		}
	})
}

// asking tells nothing: known, unknown, pending, disabled and federated get
// the same answer, and only who can use a link gets one.
func TestAskingTellsNothingA06(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		org := h.Organisation("Quiet", "self-service", "")
		h.Person(org, "anna@example.com")
		h.Invite(org, "pending@example.com")
		off, away := h.Person(org, "off@example.com"), h.Person(org, "away@example.com")
		if err := h.Directory.Disable(t.Context(), off.ID, access.System(), core.Client{}); err != nil {
			t.Fatal(err)
		}
		h.Change(org.ID, func(tx store.Tx) error {
			u, err := tx.User(away.ID)
			if err != nil {
				return err
			}
			u.Federated = true
			return tx.UpdateUser(u)
		})
		first := ""
		for login, mails := range map[string]int{"anna@example.com": 1, "pending@example.com": 0, "off@example.com": 0, "away@example.com": 0, "nobody@example.com": 0} {
			a := h.Raw("").Post("/reset", "login", login)
			a.Header.Del("Date")
			face := fmt.Sprint(a.Status, a.Header, a.Body)
			if first == "" {
				first = face
			}
			if face != first {
				t.Errorf("%s: %s\nand another: %s", login, face, first)
			}
			if n := links(h, login); n != mails {
				t.Errorf("%s got %d links", login, n)
			}
		}
	})
}

// Decision 3: a mailbox may have several accounts; the mail names the login that
// each link is for, and a login finds its own account only.
func TestAMailboxOfSeveralAccounts(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		for i, name := range []string{"One", "Two", "Three"} {
			org := h.Organisation(name, "self-service", "")
			u, path := h.Newcomer(directory.NewUser{Tenant: org.ID, Login: fmt.Sprintf("anna.%d", i), Email: "anna@example.com"})
			if a := h.Raw("").Post(path, "new_password", house.Password); !a.In() {
				t.Fatalf("%s: %s", u.Login, a.Fault())
			}
		}
		h.Clock.Advance(2 * time.Hour) // the invitations count for what one address may get
		ask(h, "anna@example.com")
		if n := links(h, "anna@example.com"); n != 3 {
			t.Errorf("%d links for three accounts", n)
		}
		for i := range 3 {
			h.Mail("anna@example.com", fmt.Sprintf("anna.%d", i))
		}
		h.Clock.Advance(2 * time.Hour)
		ask(h, "anna.1")
		if n := links(h, "anna@example.com"); n != 4 {
			t.Errorf("%d links after asking for one login", n)
		}
	})
}

// Decision 3: a word that is somebody's login and the address of others finds them
// all, wherever the login's own mail goes, and each account once.
func TestAnAddressThatIsALoginToo(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		for i, u := range []directory.NewUser{
			{Login: "eve@mail.example", Email: "eve@mail.example"},
			{Login: "eve.second", Email: "eve@mail.example"},
			{Login: "bob@mail.example", Email: "elsewhere@mail.example"},
			{Login: "bob.second", Email: "bob@mail.example"},
		} {
			u.Tenant = h.Organisation(fmt.Sprintf("Org %d", i), "self-service", "").ID
			_, path := h.Newcomer(u)
			if a := h.Raw("").Post(path, "new_password", house.Password); !a.In() {
				t.Fatalf("%s: %s", u.Login, a.Fault())
			}
		}
		h.Clock.Advance(2 * time.Hour) // the invitations count for what one address may get
		ask(h, "eve@mail.example")
		if n := links(h, "eve@mail.example"); n != 2 {
			t.Errorf("%d links for two accounts", n)
		}
		h.Mail("eve@mail.example", "eve.second")
		ask(h, "bob@mail.example")
		if mine, others := links(h, "bob@mail.example"), links(h, "elsewhere@mail.example"); mine != 1 || others != 1 {
			t.Errorf("%d links to the address, %d to whose login it is", mine, others)
		}
	})
}

// B-30, DS-08: no header of a request gets into a link.
func TestPoisonedHeadersNeverReachAMailB30(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		org := h.Organisation("Poison", "self-service", "")
		p := h.Person(org, "anna@example.com")
		for i, poison := range []map[string]string{
			{"X-Forwarded-Host": "evil.example"}, {"X-Forwarded-Server": "evil.example", "X-Host": "evil.example", "X-Original-Host": "evil.example"},
			{"Forwarded": "host=evil.example;proto=http;for=1.2.3.4"}, {"X-Forwarded-Proto": "gopher", "X-Forwarded-Scheme": "gopher"}, {"X-Forwarded-Port": "poisonedport"},
			{"X-Forwarded-Prefix": "/evil", "X-Original-Url": "/evil", "X-Rewrite-Url": "/evil"}, {"Origin": h.URL, "Referer": "https://evil.example/"},
		} {
			h.Clock.Advance(time.Hour)
			r := h.Raw("")
			for k, v := range poison {
				r.Header.Set(k, v)
			}
			if a := r.Post("/reset", "login", p.Login); a.Status != http.StatusSeeOther || a.Location != "/reset?sent=1" {
				t.Errorf("%v: status %d to %q", poison, a.Status, a.Location)
			}
			if n := links(h, p.Login); n != i+1 {
				t.Errorf("%v: %d mails", poison, n)
			}
		}
		for _, host := range []string{"evil.example", "evil.example:80", "localhost.evil.example", "127.0.0.1.evil.example", "localhost@evil.example"} {
			r := h.Raw("")
			r.Header.Set("Host", host)
			for _, a := range []house.Answer{r.Post("/reset", "login", p.Login), r.Get("/sign-in"), r.Get("/")} {
				if a.Status != http.StatusMisdirectedRequest && a.Status != http.StatusBadRequest {
					t.Errorf("Host %s: status %d to %q", host, a.Status, a.Location)
				}
			}
		}
		for _, m := range h.Inbox.List("") {
			for _, word := range []string{"evil.example", "/evil", "gopher:", "poisonedport"} { // long enough not to be met in a random token
				if strings.Contains(m.Raw, word) {
					t.Errorf("%q holds %q, which a request said", m.Subject, word)
				}
			}
			for _, word := range strings.Fields(m.Text) {
				if strings.Contains(word, "/reset/") && !strings.HasPrefix(strings.TrimLeft(word, "<("), h.URL+"/reset/") {
					t.Errorf("a link is %q", word)
				}
			}
		}
	})
}

// An address gets only so many mails that a stranger caused, and the answer does
// not show it.
func TestOneAddressIsNotFlooded(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		org := h.Organisation("Flood", "self-service", "")
		h.Person(org, "anna@example.com")
		h.Clock.Advance(2 * time.Hour)
		for range 30 {
			ask(h, "anna@example.com")
		}
		if n := links(h, "anna@example.com"); n < 1 || n > 5 {
			t.Errorf("%d mails for thirty questions", n)
		}
	})
}

// paths are the reset links in an address's mails, newest first.
func paths(h *house.House, to string) (out []string) {
	h.Mails(to)
	for _, m := range h.Inbox.List(to) {
		for _, word := range strings.Fields(m.Text) {
			if path, ours := strings.CutPrefix(word, h.URL); ours && strings.HasPrefix(path, "/reset/") {
				out = append(out, path)
			}
		}
	}
	return out
}

// A-02, decision 7.6: a stranger who goes on asking takes no link from its owner. Every
// link that was mailed works for its hour, a mail that is dropped leaves no link
// behind, and the first password that is set ends them all.
func TestAskingAgainTakesNoLinkAwayA02(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		org := h.Organisation("Taken", "self-service", "")
		p := h.Person(org, "anna@example.com")
		h.Clock.Advance(2 * time.Hour)
		for range 12 {
			ask(h, p.Login)
		}
		sent := paths(h, p.Login)
		if len(sent) != 5 {
			t.Fatalf("%d mails for twelve questions", len(sent))
		}
		h.View(p.Tenant, func(r store.Reader) error {
			tokens, err := r.Tokens(p.ID, core.TokenReset)
			if len(tokens) != len(sent) {
				t.Errorf("%d links for %d mails", len(tokens), len(sent))
			}
			return err
		})
		for i, link := range sent {
			if a := h.Raw("").Get(link); a.Status != http.StatusOK {
				t.Errorf("link %d: status %d, fault %q", i, a.Status, a.Fault())
			}
		}
		// From now on somebody asks every minute. Whenever the owner looks, there is a
		// mail whose link works.
		good := func() bool {
			for _, link := range paths(h, p.Login)[:1] {
				if h.Raw("").Get(link).Status == http.StatusOK {
					return true
				}
			}
			return false
		}
		for minute := 1; minute <= 130; minute++ {
			h.Clock.Advance(time.Minute)
			ask(h, p.Login)
			if (minute%20 == 0 || minute >= 58 && minute <= 62) && !good() {
				t.Errorf("after %d minutes the newest mail has no good link", minute)
			}
		}
		all := paths(h, p.Login)
		if len(all) > 20 {
			t.Errorf("%d mails in two hours", len(all))
		}
		if a := h.Raw("").Post(all[1], "new_password", "Another long pass phrase"); !a.In() {
			t.Errorf("the link before the newest: status %d, fault %q", a.Status, a.Fault())
		}
		if a := h.Raw("").Get(all[0]); a.Fault() != "reset.superseded" {
			t.Errorf("after another one was used: status %d, fault %q", a.Status, a.Fault())
		}
	})
}

// Decision 3: who asks for one account leaves the others of its mailbox their links.
func TestOneAccountDoesNotPutOffAnother(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		for i := range 3 {
			org := h.Organisation(fmt.Sprintf("Org %d", i), "self-service", "")
			u, path := h.Newcomer(directory.NewUser{Tenant: org.ID, Login: fmt.Sprintf("anna.%d", i), Email: "anna@example.com"})
			if a := h.Raw("").Post(path, "new_password", house.Password); !a.In() {
				t.Fatalf("%s: %s", u.Login, a.Fault())
			}
		}
		h.Clock.Advance(2 * time.Hour)
		for range 12 {
			ask(h, "anna.0")
		}
		n := links(h, "anna@example.com")
		ask(h, "anna.1")
		ask(h, "anna.2")
		if got := links(h, "anna@example.com"); got != n+2 {
			t.Errorf("%d links after asking for the others, %d before", got, n)
		}
	})
}

// Decision 7.8, row N-27: an administrator's reset ends the factors, the sessions,
// the sign-ins under way and the known browsers, and the person is told.
func TestAnAdministratorsReset(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		org := h.Organisation("Helped", "self-service", "")
		p := h.Enrolled(org, "anna@example.com")
		inside, under := h.Raw(""), h.Raw("")
		p.Enter(inside)
		page := p.Attempt(under)
		lost, err := h.Recovery.ResetMFA(t.Context(), p.ID, access.Shell(), core.Client{})
		if err != nil || lost.Apps != 1 || lost.Codes != 1 {
			t.Fatalf("%+v, %v", lost, err)
		}
		h.Settle()
		if inside.Inside() {
			t.Error("a session lives on")
		}
		if a := under.Post(page, "code", p.Fresh()); a.Fault() != core.ErrAttemptExpired.Code {
			t.Errorf("a sign-in under way goes on: status %d to %q, fault %q", a.Status, a.Location, a.Fault())
		}
		if len(p.Browsers()) > 0 || p.Status() != core.MFADisabled {
			t.Errorf("%d known browsers, status %s", len(p.Browsers()), p.Status())
		}
		if a := p.Knock(h.Raw("")); !a.In() {
			t.Errorf("the next sign-in leads to %q, fault %q", a.Location, a.Fault())
		}
		h.Mail(p.Login, "Your second factor was reset")
		if again, err := h.Recovery.ResetMFA(t.Context(), p.ID, access.Shell(), core.Client{}); err != nil || again.Apps+again.Codes > 0 {
			t.Errorf("once more: %+v, %v", again, err)
		}
	})
}

// Decision 3: nobody resets who holds a right that they lack; who is elsewhere is
// not found.
func TestWhoMayReset(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		org, other := h.Organisation("Mine", "self-service", ""), h.Organisation("Other", "self-service", "")
		user, boss, helper := h.Enrolled(org, "user@example.com"), h.Enrolled(org, "boss@example.com", core.CustomerAdmin), h.Enrolled(org, "help@example.com", core.Helpdesk)
		stranger := h.Enrolled(other, "stranger@example.com", core.CustomerAdmin)
		for _, c := range []struct {
			name string
			by   access.Actor
			on   *house.Person
			want error
		}{
			{"helpdesk without a proof", h.Actor(helper), user, core.ErrStepUp},
			{"helpdesk on a user", h.Proven(helper), user, nil},
			{"helpdesk on an administrator", h.Actor(helper), boss, core.ErrForbidden},
			{"helpdesk on helpdesk", h.Actor(helper), helper, core.ErrForbidden},
			{"a user on a user", h.Actor(user), user, core.ErrNotFound},
			{"somebody from elsewhere", h.Actor(stranger), user, core.ErrNotFound},
			{"administrator on helpdesk", h.Proven(boss), helper, nil},
			{"nobody", access.Actor{}, user, core.ErrNotFound},
			{"the shell on an administrator", access.Shell(), boss, nil},
		} {
			before := len(c.on.Factors())
			_, err := h.Recovery.ResetMFA(t.Context(), c.on.ID, c.by, core.Client{})
			if !errors.Is(err, c.want) || (c.want == nil) != (err == nil) {
				t.Errorf("%s: %v, want %v", c.name, err, c.want)
			}
			if c.want != nil && len(c.on.Factors()) != before {
				t.Errorf("%s: refused, and done", c.name)
			}
		}
	})
}

// What the shell did is mailed to every administrator of the platform who can
// read it.
func TestOperatorsAreTold(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		one := h.Enrolled(h.Root, "one@example.com", core.PlatformAdmin)
		two := h.Enrolled(h.Root, "two@example.com", core.PlatformAdmin)
		gone := h.Enrolled(h.Root, "gone@example.com", core.PlatformAdmin)
		h.Invite(h.Root, "pending@example.com", core.PlatformAdmin)
		if err := h.Directory.Disable(t.Context(), gone.ID, access.System(), core.Client{}); err != nil {
			t.Fatal(err)
		}
		if err := h.Recovery.TellOperators(t.Context(), "user_reset_mfa", one.Login); err != nil {
			t.Fatal(err)
		}
		for _, p := range []*house.Person{one, two} {
			h.Mail(p.Login, "server’s shell")
		}
		for _, to := range []string{gone.Login, "pending@example.com"} {
			for _, subject := range h.Mails(to) {
				if strings.Contains(subject, "shell") {
					t.Errorf("%s was told", to)
				}
			}
		}
	})
}
