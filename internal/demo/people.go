package demo

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"sallyport/internal/access"
	"sallyport/internal/core"
	"sallyport/internal/directory"
)

// Everybody in the demo counts once, administrators too: those of the bakery with
// its branch, and seven elsewhere.
const (
	atHuber = 41
	inAll   = atHuber + 7
)

// The people of Bäckerei Huber, the first of them at the bakery itself, the others
// at Filiale Süd. Who has a role there is named in staff.
var bakers = strings.Split("Anna Huber,Martin Huber,Hanna Brandl,Georg Auer,Tobias Reiter,Lena Maier,Josef Wimmer,Sabine Lechner,Stefan Gruber,"+
	"Monika Bauer,Florian Steiner,Katharina Egger,Andreas Hofer,Birgit Haas,Markus Fuchs,Elisabeth Wolf,Daniel Berger,Christine Moser,Thomas Pichler,"+
	"Ursula Schmid,Michael Winkler,Andrea Köhler,Lukas Baumann,Renate Vogl,Simon Kaiser,Heike Lang,Alexander Roth,Gabriele Keller,Felix Brunner,"+
	"Doris Schuster,Maximilian Ott,Julia Frank,Paul Seidl", ",")

var branch = strings.Split("Sofie Bachmann,Emil Krause,Nadja Horvat,Aylin Demir,Peter Zeller,Rosa Conti,Jakub Nowak,Vera Lindinger", ",")

var staff = map[string]core.Role{"Martin Huber": core.CustomerAdmin, "Hanna Brandl": core.Helpdesk, "Georg Auer": core.Auditor}

// Two words apart make a password that nobody else has.
var (
	loaves = []string{"Roggenlaib", "Mohnzopf", "Kürbisweckerl", "Nussecke", "Butterbreze", "Dinkelstange", "Hefekranz"}
	places = []string{"unter dem Apfelbaum", "auf der Fensterbank", "im Weidenkorb", "neben der Kaffeemühle", "vor der Backstube", "hinter dem Rathaus"}
)

var latin = strings.NewReplacer("ä", "ae", "ö", "oe", "ü", "ue", "ß", "ss", " ", ".")

// arrive has the people of the bakery accept their invitations. From then on each
// signs in with a password alone.
func (s *stage) arrive() (string, error) {
	s.bakery = map[string]*guest{}
	for i, name := range slices.Concat(bakers, branch) {
		at := s.customer
		if i >= len(bakers) {
			at = s.unit
		}
		word := latin.Replace(strings.ToLower(name))
		g, err := s.enters(part{tenant: at, name: name, login: word + s.mark, mail: word + "@baeckerei-huber.example", lang: "de",
			password: loaves[i%len(loaves)] + " " + places[i/len(loaves)], role: staff[name], preset: managed})
		if err != nil {
			return "", err
		}
		s.bakery[name] = g
	}
	if len(s.bakery) != atHuber {
		return "", fmt.Errorf("%d people came, not %d", len(s.bakery), atHuber)
	}
	return fmt.Sprintf("%d of %d people accept their invitations, %d of them at %s; they sign in with a password alone", atHuber, inAll, len(branch), s.unit.Name), nil
}

// part is somebody to be invited.
type part struct {
	tenant   core.Tenant
	name     string
	login    string // empty: the address
	mail     string
	lang     string
	password string
	role     core.Role
	enrol    bool
	preset   string
}

// enters takes one person from the invitation to a finished sign-in, page by page.
func (s *stage) enters(r part) (*guest, error) {
	g := s.guest(r.name, r.mail, r.lang, r.password)
	g.login = cmp.Or(r.login, g.login) // it need not be the address
	n := directory.NewUser{Tenant: r.tenant.ID, Login: r.login, Email: g.mail, Name: r.name, Locale: r.lang}
	if r.role != "" {
		n.Roles = []core.Role{r.role}
	}
	in, err := s.house.Directory.Invite(s.ctx, n, access.System(), core.Client{})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", r.name, err)
	}
	g.id = in.User.ID
	g.open(in.Path, "invitation")
	if !r.enrol {
		g.send("account", "new_password", g.password)
	} else {
		p, err := g.Submit(g.at, "new_password", g.password)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", r.name, err)
		}
		if g.at = p; p.Name == "setup-required" {
			g.send("enrol-totp")
		} else {
			g.open("/account/security/totp", "enrol-totp")
		}
		g.finish()
	}
	g.open("/account/", "account")
	g.known(r.preset)
	return g, g.err
}

// finish scans the code of the page and answers whatever stands between it and the
// account: a recovery code to save, a sheet, a browser to trust or not.
func (g *guest) finish() {
	if g.err != nil {
		return
	}
	g.key = g.at.Of("data-setup-key")
	if g.used, g.err = g.d.code(g.key); g.err == nil {
		g.at, g.err = g.Submit(g.at, "code", g.used)
	}
	g.between("no")
}

// between answers the pages that may stand between a sign-in and where it leads.
func (g *guest) between(trust string) {
	for g.err == nil {
		switch g.at.Name {
		case "recovery-code":
			g.recovery = g.at.Of("data-recovery-code")
			g.at, g.err = g.Submit(g.at, "saved", "yes")
		case "setup-key-sheet":
			g.at, g.err = g.Submit(g.at)
		case "trust-browser":
			g.at, g.err = g.Submit(g.at, "trust", trust)
		default:
			return
		}
	}
	g.told()
}

// others are those whom no step has met yet.
func (s *stage) others() (string, error) {
	for _, r := range []part{
		{tenant: s.self, name: "Claire Moreau", mail: "claire.moreau@ringwerk.example", lang: "fr", password: "Le pain du matin est chaud", preset: self},
		{tenant: s.self, name: "Astrid Berg", mail: "astrid.berg@ringwerk.example", lang: "sv", password: "Blåbär i den gröna skogen", enrol: true, preset: self},
		{tenant: s.self, name: "Owen Clarke", mail: "owen.clarke@ringwerk.example", lang: "en", password: "An owl in the apple orchard", enrol: true, preset: self},
	} {
		if _, err := s.enters(r); err != nil {
			return "", err
		}
	}
	// Who administers the bakery does not wait to be asked.
	for _, name := range []string{"Martin Huber", "Georg Auer"} {
		g := s.bakery[name]
		g.leaves()
		g.asks("setup-required")
		g.send("enrol-totp")
		g.finish()
		g.open("/account/", "account")
		if g.err != nil {
			return "", g.err
		}
	}
	s.opens(doorPartner, s.eva)
	s.opens(doorCustomer, s.bakery["Martin Huber"])
	s.opens(doorPerson, s.bakery["Sofie Bachmann"])
	bar, err := s.bar()
	if err != nil {
		return "", err
	}
	d := s.Demo
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.people) != inAll {
		return "", fmt.Errorf("%d people are there, not %d", len(d.people), inAll)
	}
	return fmt.Sprintf("%d people in all, each signed in today; %s", len(d.people), bar), nil
}
