package demo

import (
	"fmt"

	"sallyport/internal/access"
	"sallyport/internal/core"
	"sallyport/internal/directory"
)

// role is a person to be made at the end of the walk.
type role struct {
	tenant   *core.Tenant
	name     string
	mail     string
	locale   string
	password string
	roles    []core.Role
	enrol    bool
	preset   string
}

// everybody makes the people that are there to be tried: each accepted an
// invitation, signed in, and owes nothing.
func (s *stage) everybody() (string, error) {
	const self = "self-service"
	list := []role{
		{tenant: &s.self, name: "Jonas Weber", mail: "jonas.weber@ringwerk.example", locale: "de", password: "Regen auf dem alten Dach", preset: self},
		{tenant: &s.self, name: "Claire Moreau", mail: "claire.moreau@ringwerk.example", locale: "fr", password: "Le pain du matin est chaud", preset: self},
		{tenant: &s.self, name: "Erik Lund", mail: "erik.lund@ringwerk.example", locale: "sv", password: "Sju sorters kakor och kaffe", preset: self},
		{tenant: &s.self, name: "Grace Hill", mail: "grace.hill@ringwerk.example", locale: "en", password: "Seven boats on a quiet lake", preset: self},
		{tenant: &s.self, name: "Mia Sommer", mail: "mia.sommer@ringwerk.example", locale: "de", password: "Der lange Zug nach Norden", enrol: true, preset: self},
		{tenant: &s.self, name: "Paul Girard", mail: "paul.girard@ringwerk.example", locale: "fr", password: "Trois chats sur le balcon", enrol: true, preset: self},
		{tenant: &s.self, name: "Astrid Berg", mail: "astrid.berg@ringwerk.example", locale: "sv", password: "Blåbär i den gröna skogen", enrol: true, preset: self},
		{tenant: &s.self, name: "Owen Clarke", mail: "owen.clarke@ringwerk.example", locale: "en", password: "An owl in the apple orchard", enrol: true, preset: self},
		{tenant: &s.self, name: "Helga Krämer", mail: "helga.kraemer@ringwerk.example", locale: "de", password: "Hinter dem Deich liegt das Meer", roles: []core.Role{core.CustomerAdmin}, enrol: true, preset: self},
		{tenant: &s.self, name: "Ida Nyström", mail: "ida.nystrom@ringwerk.example", locale: "sv", password: "Två lampor lyser i hamnen", roles: []core.Role{core.Helpdesk}, enrol: true, preset: self},
		{tenant: &s.platform, name: "Petra Vogt", mail: "petra.vogt@sallyport.example", locale: "en", password: "Copper kettles on the shelf", roles: []core.Role{core.PlatformAdmin}, enrol: true},
		{tenant: &s.platform, name: "Louis Arnaud", mail: "louis.arnaud@sallyport.example", locale: "fr", password: "Une lettre sans timbre bleu", roles: []core.Role{core.Auditor}, enrol: true},
		{tenant: &s.partner, name: "Eva Nordmann", mail: "eva.nordmann@nordwind.example", locale: "de", password: "Wolken ziehen gegen Osten", roles: []core.Role{core.PartnerAdmin}, enrol: true},
		{tenant: &s.customer, name: "Anna Huber", mail: "anna.huber@baeckerei-huber.example", locale: "de", password: "Brezen um fünf Uhr früh", roles: []core.Role{core.CustomerAdmin}, enrol: true},
	}
	enrolled := 0
	for _, r := range list {
		if err := s.person(r); err != nil {
			return "", fmt.Errorf("%s: %w", r.name, err)
		}
		if r.enrol {
			enrolled++
		}
	}
	return fmt.Sprintf("%d people signed in, %d of them with two factors", len(list)+1, enrolled), nil
}

// person takes one person from the invitation to a finished sign-in, page by
// page.
func (s *stage) person(r role) error {
	in, err := s.house.Directory.Invite(s.ctx, directory.NewUser{Tenant: r.tenant.ID, Email: s.mail(r.mail), Name: r.name, Locale: r.locale, Roles: r.roles},
		access.System(), core.Client{})
	if err != nil {
		return err
	}
	v := NewVisitor(s.base, r.locale)
	p, err := v.Get(in.Path)
	if err == nil {
		err = p.Expect("invitation")
	}
	if err != nil {
		return err
	}
	if p, err = v.Submit(p, "new_password", r.password); err != nil {
		return err
	}
	if p.Name == "setup-required" {
		if p, err = v.Submit(p); err != nil {
			return err
		}
	} else if r.enrol {
		if err := p.Expect("account"); err != nil {
			return err
		}
		if p, err = v.Get("/account/security/totp"); err != nil {
			return err
		}
	}
	if r.enrol {
		if err := p.Expect("enrol-totp"); err != nil {
			return err
		}
		code, err := s.code(p.Of("data-setup-key"))
		if err != nil {
			return err
		}
		if p, err = v.Submit(p, "code", code); err == nil {
			err = p.Expect("recovery-code")
		}
		if err != nil {
			return err
		}
		if p, err = v.Submit(p, "saved", "yes"); err != nil {
			return err
		}
	}
	if p, err = v.Get("/account/"); err == nil {
		err = p.Expect("account")
	}
	s.remember(in.User.ID, r.password, r.preset)
	return err
}

func (d *Demo) remember(id core.UserID, password, preset string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.people = append(d.people, cast{id, password, preset})
}
