package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/core"
	"sallyport/internal/directory"
	"sallyport/internal/store"
	"sallyport/internal/web"
)

// protectedName is the app behind the demo's own little reverse proxy.
const protectedName = "A page that knows nothing of sign-in"

// protectedHeaders are those that its proxy hands on.
var protectedHeaders = []string{"Remote-User", "Remote-Name", "Remote-Email", "Remote-Groups", "Remote-Tenant", "Remote-Acr"}

var checkClient = &http.Client{Timeout: 10 * time.Second, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}

// getProtected does what Caddy does before an app: it asks the check about the
// request, over HTTP, and shows the page only to whom that lets pass.
func (d *Demo) getProtected(w http.ResponseWriter, r *http.Request) error {
	ask, err := http.NewRequestWithContext(r.Context(), http.MethodGet, d.base+"/forward-auth", nil)
	if err != nil {
		return err
	}
	ask.Header = r.Header.Clone()
	for _, hop := range []string{"Connection", "Accept-Encoding"} {
		ask.Header.Del(hop)
	}
	for name, value := range map[string]string{"X-Forwarded-Method": r.Method, "X-Forwarded-Proto": "http", "X-Forwarded-Host": r.Host, "X-Forwarded-Uri": r.RequestURI} {
		ask.Header[name] = []string{value}
	}
	said, err := checkClient.Do(ask)
	if err != nil {
		return err
	}
	defer said.Body.Close()
	if said.StatusCode == http.StatusOK {
		p := ProtectedPage{Page: web.Page{Now: d.house.Clock.Now()}}
		for _, name := range protectedHeaders {
			p.Headers = append(p.Headers, Told{name, said.Header.Get(name)})
		}
		return web.Render(w, r, http.StatusOK, Protected(p))
	}
	for _, name := range []string{"Location", "Set-Cookie", "Www-Authenticate", "Content-Type", "Content-Language"} {
		if v := said.Header[name]; len(v) > 0 {
			w.Header()[name] = v
		}
	}
	w.WriteHeader(said.StatusCode)
	_, err = io.Copy(w, io.LimitReader(said.Body, 64<<10))
	return err
}

// register makes the demo's two apps, or gives them the port of this run.
func (d *Demo) register(ctx context.Context) error {
	_, port, _ := strings.Cut(strings.TrimPrefix(d.base, "http://"), ":")
	hosts := []string{"localhost:" + port, "127.0.0.1:" + port}
	small := core.AppDoc{Auth: core.AppPublic, Grants: []string{core.GrantCode, core.GrantRefresh, core.GrantDevice}, FirstParty: true}
	for _, h := range hosts {
		small.RedirectURIs = append(small.RedirectURIs, "http://"+h+appCallback)
		small.LogoutURIs = append(small.LogoutURIs, "http://"+h+appPath)
	}
	if _, err := d.registerAs(ctx, directory.AppWish{Name: protectedName, Doc: core.AppDoc{Auth: core.AppProxied, Proxy: &core.AppProxy{Hosts: hosts}}}); err != nil {
		return err
	}
	id, err := d.registerAs(ctx, directory.AppWish{Name: relyingName, Doc: small})
	if err == nil {
		d.app.registered(id)
	}
	return err
}

// registerAs makes an app of the platform, or changes the one that has its name and kind.
func (d *Demo) registerAs(ctx context.Context, w directory.AppWish) (core.AppID, error) {
	root, err := d.house.Tree.Root(ctx)
	if err != nil {
		return "", err
	}
	apps, _, err := d.house.Directory.AppsOf(ctx, root, store.Page{Limit: 200}, access.Shell())
	if err != nil {
		return "", err
	}
	for _, a := range apps {
		if a.Name == w.Name && a.Doc.Auth == w.Doc.Auth && a.State == core.AppActive {
			a, err := d.house.Directory.ChangeApp(ctx, a.ID, w, access.Shell(), core.Client{})
			return a.ID, err
		}
	}
	a, _, err := d.house.Directory.CreateApp(ctx, root, w, access.Shell(), core.Client{})
	return a.ID, err
}

// forwardAuth: somebody who is signed in opens a page on another host name, which
// lets them in by a ticket and without a question; a stranger is sent to the door, a
// program is told, and who says who they are is refused.
func (s *stage) forwardAuth() (string, error) {
	far := strings.Replace(s.base, "localhost", "127.0.0.1", 1)
	if far == s.base {
		far = strings.Replace(s.base, "127.0.0.1", "localhost", 1)
	}
	visit := func(v *Visitor, headers ...string) (Page, error) {
		req, err := http.NewRequest(http.MethodGet, far+"/demo/protected", nil)
		if err != nil {
			return Page{}, err
		}
		for i := 0; i+1 < len(headers); i += 2 {
			req.Header.Set(headers[i], headers[i+1])
		}
		return v.do(req)
	}
	georg := s.bakery["Georg Auer"]
	in, err := visit(georg.Visitor, "Accept", "text/html")
	if err == nil {
		err = in.Expect("demo-protected")
	}
	if err == nil && !strings.Contains(in.Text, georg.login) {
		err = errors.New("the page was not told who asks")
	}
	if err != nil {
		return "", err
	}
	out, err := visit(NewVisitor(s.base, "en"), "Accept", "text/html")
	if err == nil {
		err = out.Expect("sign-in")
	}
	if err != nil {
		return "", fmt.Errorf("a stranger: %w", err)
	}
	for what, headers := range map[int][]string{http.StatusUnauthorized: {"Accept", "application/json"}, http.StatusBadRequest: {"Remote_User", georg.login}} {
		p, err := visit(NewVisitor(s.base, "en"), headers...)
		if err != nil {
			return "", err
		}
		if p.Status != what {
			return "", fmt.Errorf("%v is answered with %d, not %d", headers, p.Status, what)
		}
	}
	return "Georg is known on another host name by a ticket; a stranger is asked, a program told 401, a claimed Remote_User refused", nil
}
