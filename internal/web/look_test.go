package web_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sallyport/internal/i18n"
	"sallyport/internal/web"
)

// TestLook writes every page in every language as files, for whoever wants to
// look at them: SALLYPORT_LOOK=/some/folder go test -run TestLook ./internal/web
func TestLook(t *testing.T) {
	dir := os.Getenv("SALLYPORT_LOOK")
	if dir == "" {
		t.Skip("SALLYPORT_LOOK names no folder to write the pages to")
	}
	assets := map[string]string{}
	for _, name := range []string{"app.css", "app.js", "favicon.svg"} {
		body, err := os.ReadFile(filepath.Join("assets", name))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), body, 0o644); err != nil {
			t.Fatal(err)
		}
		assets[web.Asset(name)] = name
	}
	for _, l := range i18n.Languages() {
		for _, s := range samples(t) {
			html := draw(t, s.page, l.Tag)
			for from, to := range assets {
				html = strings.ReplaceAll(html, from, to)
			}
			if err := os.WriteFile(filepath.Join(dir, s.name+"."+l.Tag+".html"), []byte(html), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
}
