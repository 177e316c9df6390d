package demo

import (
	"errors"
	"fmt"
	"strings"

	"sallyport/internal/access"
	"sallyport/internal/core"
	"sallyport/internal/directory"
	"sallyport/internal/policy"
)

// tenants makes the tree: a partner with a customer and its branch, and an
// organisation for each other preset that can be applied.
func (s *stage) tenants() (string, error) {
	all, err := s.house.Store.AllTenants(s.ctx)
	if err != nil {
		return "", err
	}
	// A folder of an earlier demo is walked again beside what is in it, with
	// organisations and people of its own.
	for _, t := range all {
		if t.Kind == core.Platform {
			s.platform = t
		}
		if t.Kind == core.Partner {
			s.run++
		}
	}
	if s.run > 0 {
		s.mark = fmt.Sprint(s.run + 1)
	}
	create := func(into *core.Tenant, n directory.NewTenant, preset, own string) {
		if err != nil {
			return
		}
		if n.Settings, err = settings(preset, own); err == nil {
			*into, err = s.house.Directory.CreateTenant(s.ctx, n, access.System(), core.Client{})
		}
	}
	const berlin = `{"time_zone":"Europe/Berlin"}`
	if s.platform.ID == "" {
		create(&s.platform, directory.NewTenant{Kind: core.Platform, Name: "Sallyport Demo"}, "", berlin)
	}
	create(&s.partner, directory.NewTenant{Kind: core.Partner, Name: s.name("Nordwind MSP"), Parent: s.platform.ID}, "", berlin)
	// A customer is recommended to switch on and not forced: it begins without.
	create(&s.customer, directory.NewTenant{Kind: core.Customer, Name: s.name("Bäckerei Huber"), Parent: s.partner.ID, ManagedBy: core.ManagedByProvider},
		managed, `{"requirement":[],"locale":"de","time_zone":"Europe/Berlin"}`)
	create(&s.unit, directory.NewTenant{Kind: core.Unit, Name: s.name("Filiale Süd"), Parent: s.customer.ID}, "", "")
	create(&s.self, directory.NewTenant{Kind: core.Customer, Name: s.name("Ringwerk Telefonie"), Parent: s.platform.ID, ManagedBy: core.ManagedByProvider},
		self, `{"locale":"de","time_zone":"Europe/Berlin"}`)
	create(&s.wide, directory.NewTenant{Kind: core.Customer, Name: s.name("Sjöbergs Konferens"), Parent: s.platform.ID},
		wide, `{"requirement":["per_user"],"locale":"sv","time_zone":"Europe/Stockholm"}`)
	if err != nil {
		return "", err
	}
	partner, err := s.house.Tree.Effective(s.ctx, s.partner.ID)
	if err != nil {
		return "", err
	}
	if !partner.Locked || !partner.Settings.Requires(core.RequireOrganization) {
		return "", errors.New("the partner in production is not locked on")
	}
	unit, err := s.house.Tree.Effective(s.ctx, s.unit.ID)
	if err != nil {
		return "", err
	}
	if unit.Organisation.ID != s.customer.ID || len(unit.Settings.Requirement) > 0 {
		return "", errors.New("the branch does not stand as its customer does")
	}
	if err := s.register(s.ctx); err != nil {
		return "", err
	}
	return fmt.Sprintf("%s (partner, locked on) → %s (customer, %s, off) → %s (unit, inherits); %s (%s); %s (%s)",
		s.partner.Name, s.customer.Name, managed, s.unit.Name, s.self.Name, self, s.wide.Name, wide), nil
}

// The presets that organisations of the demo stand for.
const (
	managed = "managed-tenants"
	self    = "self-service"
	wide    = "organization-wide"
)

// settings are those of a preset, or none, with an organisation's own over them.
func settings(preset, own string) (core.SettingsDoc, error) {
	if preset == "" {
		return core.SettingsDoc(own), nil
	}
	doc, err := policy.Preset(preset)
	if err != nil {
		return nil, err
	}
	return doc.Merge(core.SettingsDoc(own))
}

// name, mail and word are those of this walk.
func (s *stage) name(n string) string {
	if s.mark == "" {
		return n
	}
	return n + " " + s.mark
}

func (s *stage) mail(address string) string {
	name, domain, _ := strings.Cut(address, "@")
	return name + s.mark + "@" + domain
}

// guest is somebody whose login is their address, at a browser that was never here.
func (s *stage) guest(name, mail, lang, password string) *guest {
	mail = s.mail(mail)
	return &guest{Visitor: NewVisitor(s.base, lang), d: s.Demo, name: name, login: mail, mail: mail, password: password}
}
