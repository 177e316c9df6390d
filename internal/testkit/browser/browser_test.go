package browser

import (
	"fmt"
	"image/png"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// site has a form, a page that says what was sent, and a page with known
// faults.
func site(t *testing.T) string {
	mux := http.NewServeMux()
	page := func(w http.ResponseWriter, status int, name, body string) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("Content-Security-Policy", "default-src 'none'; form-action 'self'")
		w.WriteHeader(status)
		fmt.Fprintf(w, `<!doctype html><html lang="en"><head><title>%s</title></head><body><main data-page="%s"><h1>%s</h1>%s</main></body></html>`, name, name, name, body)
	}
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) {
		http.SetCookie(w, &http.Cookie{Name: "seen", Value: "yes"})
		page(w, 200, "form", `<form method="post"><label for="c">Code</label> <input id="c" name="code"><button>Send</button></form><p id="lang">`+r.Header.Get("Accept-Language")+`</p>`)
	})
	mux.HandleFunc("POST /{$}", func(w http.ResponseWriter, r *http.Request) {
		page(w, 422, "refused", `<p role="alert" data-code="x.y">no to `+r.FormValue("code")+`</p>`)
	})
	mux.HandleFunc("GET /faulty", func(w http.ResponseWriter, r *http.Request) {
		page(w, 200, "faulty", `<form><input name="a"><button></button></form><script>document.title = "ran"</script>`)
	})
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return s.URL
}

func TestPageIsDrivenAsAPersonWould(t *testing.T) {
	url := site(t)
	b := Open(t)
	p := b.Page()
	p.Language("sv-SE,sv")
	p.Goto(url)
	p.Expect("form")
	if got := p.Text("#lang"); !strings.HasPrefix(got, "sv-SE") {
		t.Errorf("asked for %q", got)
	}
	p.Fill("[name=code]", "something else")
	p.Fill("[name=code]", "123 456")
	p.Press("main form button")
	p.Expect("refused")
	if p.Status() != 422 || p.Attr("[role=alert]", "data-code") != "x.y" || p.Text("[role=alert]") != "no to 123 456" {
		t.Errorf("%d %q", p.Status(), p.Text("[role=alert]"))
	}
	if p.Has("[data-setup-key]") || !p.Has("main") {
		t.Error("Has is wrong")
	}
	if c := p.Cookies(url); len(c) != 1 || c[0].Value != "yes" {
		t.Errorf("cookies %v", c)
	}
	if c := b.Page().Cookies(url); len(c) != 0 {
		t.Errorf("another person has the cookies %v", c)
	}
	for _, r := range p.Requests() {
		if !strings.HasPrefix(r, url) {
			t.Errorf("asked %s", r)
		}
	}
	p.Accessible()
	if c := p.Complaints(); len(c) != 0 {
		t.Errorf("complaints %v", c)
	}
}

func TestAxeAndPolicyBreachesAreSeen(t *testing.T) {
	p := Open(t).Page()
	p.Goto(site(t) + "/faulty")
	found := p.Axe()
	for _, rule := range []string{"label", "button-name"} {
		if !slices.ContainsFunc(found, func(v Violation) bool { return v.ID == rule && len(v.Nodes) > 0 }) {
			t.Errorf("%s was not found in %v", rule, found)
		}
	}
	if len(p.Complaints()) == 0 {
		t.Error("the blocked script was not noticed")
	}
}

func TestPicturesShowLightDarkAndSize(t *testing.T) {
	p := Open(t).Page()
	p.Size(320, 600)
	p.Dark(true)
	p.Goto(site(t))
	if !Eval[bool](p, `matchMedia("(prefers-color-scheme: dark)").matches`) {
		t.Error("it is not dark")
	}
	file := filepath.Join(t.TempDir(), "pictures", "form.png")
	p.Picture(file)
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	picture, err := png.Decode(f)
	if err != nil || picture.Bounds().Dx() != 320 {
		t.Errorf("%v, %v", picture.Bounds(), err)
	}
	p.PictureOf("h1", file, 2)
}

func TestFormsWorkWithScriptsOff(t *testing.T) {
	p := Open(t).Page()
	p.NoScripts()
	p.Goto(site(t))
	p.Fill("[name=code]", "1")
	p.Press("button")
	p.Expect("refused")
}
