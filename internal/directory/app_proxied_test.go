package directory_test

import (
	"errors"
	"testing"

	"sallyport/internal/access"
	"sallyport/internal/core"
	"sallyport/internal/directory"
	"sallyport/internal/store"
	"sallyport/internal/testkit/house"
)

// An app behind a proxy: what may be asked of it, whose its hosts are, and that other
// nodes and this one know at once.
func TestAppsBehindProxies(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		wish := func(change func(*core.AppDoc)) directory.AppWish {
			d := core.AppDoc{Auth: core.AppProxied, Proxy: &core.AppProxy{Hosts: []string{"Wiki.example.com:443", "wiki.example.com"}, LogoutPath: "/out/", Rules: []core.PathRule{{Path: "/admin/", Level: core.LevelMFA}}}}
			if change != nil {
				change(&d)
			}
			return directory.AppWish{Name: "Wiki", Doc: d}
		}
		one, two := h.Organisation("One", "self-service", ""), h.Organisation("Two", "self-service", "")
		for code, change := range map[string]func(*core.AppDoc){
			"app.host_invalid":   func(d *core.AppDoc) { d.Proxy.Hosts = []string{"*.example.com"} },
			"app.path_invalid":   func(d *core.AppDoc) { d.Proxy.Rules[0].Path = "/a/../b" },
			"app.path_invalid ":  func(d *core.AppDoc) { d.Proxy.Rules[0].Path = "/.sallyport/x" },
			"app.path_invalid  ": func(d *core.AppDoc) { d.Proxy.LogoutPath = "/" },
			"app.invalid":        func(d *core.AppDoc) { d.Proxy.Rules[0].Public = true },
			"app.invalid ":       func(d *core.AppDoc) { d.Proxy.Hosts = nil },
			"app.invalid  ":      func(d *core.AppDoc) { d.RequiredLevel = core.LevelEmail },
			"app.proxied_only":   func(d *core.AppDoc) { d.RedirectURIs = []string{"https://wiki.example.com/cb"} },
			"app.too_many":       func(d *core.AppDoc) { d.Proxy.Hosts = make([]string, 21) },
		} {
			_, _, err := h.Directory.Dry().CreateApp(t.Context(), one.ID, wish(change), access.Shell(), core.Client{})
			f, ok := core.AsFault(err)
			for len(code) > 0 && code[len(code)-1] == ' ' {
				code = code[:len(code)-1]
			}
			if !ok || f.Code != code {
				t.Errorf("%s: %v", code, err)
			}
		}
		if _, err := h.Apps.At(t.Context(), "wiki.example.com"); !errors.Is(err, core.ErrNotFound) {
			t.Fatalf("a dry run made it: %v", err)
		}
		a, secret, err := h.Directory.CreateApp(t.Context(), one.ID, wish(nil), access.Shell(), core.Client{})
		if err != nil || secret != "" || len(a.Doc.Proxy.Hosts) != 1 || a.Doc.Proxy.Rules[0].Path != "/admin" || a.Doc.Proxy.LogoutPath != "/out" {
			t.Fatalf("%+v, %q, %v", a, secret, err)
		}
		at, err := h.Apps.At(t.Context(), "wiki.example.com")
		if err != nil || at.ID != a.ID {
			t.Fatalf("found at its host: %v", err)
		}
		_, _, err = h.Directory.CreateApp(t.Context(), two.ID, wish(nil), access.Shell(), core.Client{})
		if f, ok := core.AsFault(err); !ok || f.Code != "app.host_taken" {
			t.Errorf("a host of somebody else: %v", err)
		}
		if list, _, err := h.Directory.AppsOf(t.Context(), two.ID, store.Page{Limit: 10}, access.Shell()); err != nil || len(list) > 0 {
			t.Errorf("half an app is left: %v, %v", list, err)
		}
		moved := wish(func(d *core.AppDoc) { d.Proxy.Hosts = []string{"files.example.com"} })
		if _, err := h.Directory.ChangeApp(t.Context(), a.ID, moved, access.Shell(), core.Client{}); err != nil {
			t.Fatal(err)
		}
		if _, err := h.Apps.At(t.Context(), "wiki.example.com"); !errors.Is(err, core.ErrNotFound) {
			t.Errorf("a host that was given up: %v", err)
		}
		b, _, err := h.Directory.CreateApp(t.Context(), two.ID, wish(nil), access.Shell(), core.Client{})
		if err != nil {
			t.Fatal(err)
		}
		if err := h.Directory.DeleteApp(t.Context(), b.ID, access.Shell(), core.Client{}); err != nil {
			t.Fatal(err)
		}
		if _, _, err := h.Directory.CreateApp(t.Context(), one.ID, wish(nil), access.Shell(), core.Client{}); err != nil {
			t.Errorf("a host of an app that was deleted: %v", err)
		}
	})
}
