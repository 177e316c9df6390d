package e2e

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/core"
	"sallyport/internal/directory"
	"sallyport/internal/testkit/browser"
	"sallyport/internal/testkit/house"
	"sallyport/internal/testkit/need"
	"sallyport/internal/testkit/program"
)

// configured is a configuration as the handbook has it, with other addresses.
func configured(t *testing.T, kind string, swap ...string) string {
	t.Helper()
	page, err := os.ReadFile(filepath.Join(need.Root(t), "docs", "reverse-proxy.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, ok := strings.Cut(string(page), "```"+kind+"\n")
	text, _, ok2 := strings.Cut(rest, "```")
	if !ok || !ok2 {
		t.Fatalf("the handbook has no %s", kind)
	}
	for i := 0; i+1 < len(swap); i += 2 {
		if !strings.Contains(text, swap[i]) {
			t.Fatalf("the handbook's %s has no %q", kind, swap[i])
		}
		text = strings.ReplaceAll(text, swap[i], swap[i+1])
	}
	return text
}

// upstream is an app that knows nothing of sign-in: it shows what it was told.
func upstream(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		fmt.Fprintf(w, `<!DOCTYPE html><html lang="en"><head><title>App</title><link rel="icon" href="data:,"></head><body><main data-page="app"><p id="user">%s</p><p id="acr">%s</p><p id="path">%s</p>`,
			strings.Join(r.Header["Remote-User"], "|"), strings.Join(r.Header["Remote-Acr"], "|"), r.RequestURI)
		for name, values := range r.Header {
			if strings.Contains(name, "_") || strings.HasPrefix(name, "Remote") {
				fmt.Fprintf(w, "<p>%s: %q</p>", name, values)
			}
		}
		fmt.Fprint(w, `<a id="out" href="/logout">out</a></main></body></html>`)
	})}
	t.Cleanup(func() { server.Close() })
	go func() { _ = server.Serve(l) }()
	return l.Addr().String()
}

// run starts a proxy and waits until it listens.
func run(t *testing.T, addr, name string, args ...string) {
	t.Helper()
	cmd := exec.Command(name, args...)
	out, err := os.Create(filepath.Join(t.TempDir(), "out"))
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stdout, cmd.Stderr = out, out
	home := t.TempDir()
	cmd.Env = append(os.Environ(), "HOME="+home, "XDG_DATA_HOME="+home, "XDG_CONFIG_HOME="+home)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { _ = cmd.Wait(); close(ended) }()
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM) // of the three, Apache takes its children along at this alone
		select {
		case <-ended:
		case <-time.After(5 * time.Second):
			_ = cmd.Process.Kill()
			<-ended
		}
		if t.Failed() {
			said, _ := os.ReadFile(out.Name())
			t.Logf("%s said:\n%s", name, said)
		}
	})
	for until := time.Now().Add(20 * time.Second); time.Now().Before(until); {
		c, err := net.DialTimeout("tcp", addr, time.Second)
		if err == nil {
			_ = c.Close()
			return
		}
		select {
		case <-ended:
			said, _ := os.ReadFile(out.Name())
			t.Fatalf("%s ended: %s", name, said)
		case <-time.After(20 * time.Millisecond):
		}
	}
	t.Fatalf("%s does not listen", name)
}

// proxies are Caddy and nginx before an app, on two host names, configured as the
// handbook says.
func proxies(t *testing.T, h *house.House) (caddy, nginx string) {
	t.Helper()
	caddyBin, nginxBin := need.Tool(t, "caddy"), need.Tool(t, "nginx")
	check, app := strings.TrimPrefix(h.URL, "http://"), upstream(t)
	at, at2 := program.FreeAddr(t), program.FreeAddr(t)
	_, port, _ := strings.Cut(at, ":")
	_, port2, _ := strings.Cut(at2, ":")
	caddy, nginx = "wiki.localhost:"+port, "files.localhost:"+port2
	check = strings.Replace(check, "localhost", "127.0.0.1", 1)

	dir := t.TempDir()
	file := filepath.Join(dir, "Caddyfile")
	conf := "{\n\tadmin off\n\tauto_https off\n}\n" + configured(t, "caddyfile", "wiki.example.com", "http://"+caddy, "127.0.0.1:8080", check, "127.0.0.1:9000", app)
	if err := os.WriteFile(file, []byte(conf), 0o600); err != nil {
		t.Fatal(err)
	}
	run(t, at, caddyBin, "run", "--config", file, "--adapter", "caddyfile")

	dir = t.TempDir()
	file = filepath.Join(dir, "nginx.conf")
	conf = "daemon off;\nerror_log stderr;\npid " + dir + "/pid;\nworker_processes 1;\n"
	if os.Geteuid() == 0 {
		conf += "user root;\n"
	}
	conf += "events {}\nhttp {\naccess_log off;\n"
	for _, temp := range []string{"client_body", "proxy", "fastcgi", "uwsgi", "scgi"} {
		conf += temp + "_temp_path " + dir + "/" + temp + ";\n"
	}
	conf += configured(t, "nginx", "listen 443 ssl;", "listen "+at2+";", "files.example.com", "files.localhost", "127.0.0.1:8080", check, "127.0.0.1:9000", app) + "}\n"
	if err := os.WriteFile(file, []byte(conf), 0o600); err != nil {
		t.Fatal(err)
	}
	run(t, at2, nginxBin, "-p", dir, "-c", file)
	return caddy, nginx
}

func registered(t *testing.T, h *house.House, host string) core.App {
	t.Helper()
	a, _, err := h.Directory.CreateApp(t.Context(), h.Root.ID, directory.AppWish{Name: "App " + host[:4], Doc: core.AppDoc{Auth: core.AppProxied, Proxy: &core.AppProxy{
		Hosts: []string{host}, LogoutPath: "/logout", Rules: []core.PathRule{{Path: "/admin", Level: core.LevelMFA}, {Path: "/status", Public: true}}}}}, access.Shell(), core.Client{})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// TestAppsBehindRealProxies: Chromium signs in through Caddy, opens the app behind
// nginx on another host name without being asked again, and is out at both after it
// signed out at one.
func TestAppsBehindRealProxies(t *testing.T) {
	h := house.Open(t, "sqlite")
	caddy, nginx := proxies(t, h)
	registered(t, h, caddy)
	registered(t, h, nginx)
	anna := h.Enrolled(h.Organisation("Bakery", "self-service", ""), "anna@example.com")
	p := browser.Open(t).Page()
	for i, host := range []string{caddy, nginx, caddy} {
		first, second := host, nginx
		if host == nginx {
			second = caddy
		}
		p.Goto("http://" + first + "/page?q=1")
		if i == 0 || p.Name() == "sign-in" {
			p.Expect("sign-in")
			p.Fill("input[name=login]", anna.Login)
			p.Fill("input[name=password]", anna.Password)
			p.Press("main form button[type=submit]")
			p.Expect("code")
			p.Fill("input[name=code]", anna.Fresh())
			p.Press("main form button[type=submit]")
		}
		p.Expect("app")
		if got := p.Text("#user"); got != anna.Login || p.Text("#acr") != "urn:sallyport:mfa" || p.Text("#path") != "/page?q=1" || p.URL() != "http://"+first+"/page?q=1" {
			t.Fatalf("%s: %q %q %q at %s", first, got, p.Text("#acr"), p.Text("#path"), p.URL())
		}
		p.Goto("http://" + second + "/admin")
		p.Expect("app")
		if got := p.Text("#user"); got != anna.Login || p.URL() != "http://"+second+"/admin" {
			t.Fatalf("%s: %q at %s", second, got, p.URL())
		}
		p.Press("#out")
		p.Expect("signed-out")
		for _, at := range []string{first, second} {
			p.Goto("http://" + at + "/")
			p.Expect("sign-in")
		}
	}
}

// TestSpoofingBehindRealProxiesB31 is O-11, B-30, B-31 and B-32 through Caddy and nginx: what
// reaches the app is what the check said, and nothing that a client sent opens it.
func TestSpoofingBehindRealProxiesB31(t *testing.T) {
	h := house.Open(t, "sqlite")
	caddy, nginx := proxies(t, h)
	registered(t, h, caddy)
	registered(t, h, nginx)
	wire := func(host, request string) (int, string, http.Header) {
		t.Helper()
		_, port, _ := strings.Cut(host, ":")
		c, err := net.Dial("tcp", "127.0.0.1:"+port)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		_ = c.SetDeadline(time.Now().Add(20 * time.Second))
		fmt.Fprintf(c, "%s\r\nConnection: close\r\n\r\n", request)
		resp, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil {
			t.Fatalf("%s %q: %v", host, request, err)
		}
		defer resp.Body.Close()
		b, _ := io.ReadAll(resp.Body)
		return resp.StatusCode, string(b), resp.Header
	}
	for _, host := range []string{caddy, nginx} {
		status, body, _ := wire(host, "GET /status HTTP/1.1\r\nHost: "+host)
		if status != 200 || !strings.Contains(body, `<p id="user"></p>`) {
			t.Fatalf("%s: what is for everybody: %d %s", host, status, body)
		}
		status, _, header := wire(host, "GET /x HTTP/1.1\r\nHost: "+host+"\r\nAccept: text/html")
		if status != 302 || !strings.HasPrefix(header.Get("Location"), h.URL+"/proxied/continue?request=") || !strings.HasPrefix(header.Get("Set-Cookie"), "sallyport-begun=") {
			t.Errorf("%s: a browser: %d to %q, %v", host, status, header.Get("Location"), header["Set-Cookie"])
		}
		if status, _, _ := wire(host, "GET /x HTTP/1.1\r\nHost: "+host); status != 401 {
			t.Errorf("%s: a program: %d", host, status)
		}
		for _, line := range []string{"X-Forwarded-Uri: /status", "X-Forwarded-Host: evil.example", "X-Forwarded-Method: OPTIONS", "X-Original-URL: http://" + host + "/status", "X-Original-Method: GET",
			"X-Rewrite-URL: /status", "Remote-User: admin", "Remote_User: admin", "X_Forwarded_Uri: /status", "X-Forwarded-For: 127.0.0.1", "Forwarded: for=127.0.0.1;host=" + host,
			"User-Agent: GoogleHC/1.0", "Connection: X-Forwarded-Uri, X-Forwarded-Host", "Connection: X-Original-URL", "Cookie: sallyport-host=x", "Authorization: Bearer x"} {
			if status, body, _ := wire(host, "GET /x HTTP/1.1\r\nHost: "+host+"\r\n"+line); status == 200 {
				t.Errorf("%s: %s opens the app: %s", host, line, body)
			}
			// At what is for everybody it gets through at most as nobody.
			status, body, _ := wire(host, "GET /status HTTP/1.1\r\nHost: "+host+"\r\n"+line)
			if status == 200 && (!strings.Contains(body, `<p id="user"></p>`) || strings.Contains(body, "admin")) {
				t.Errorf("%s: %s reaches the app: %s", host, line, body)
			}
		}
		for _, target := range []string{"/status/../x", "/status/%2e%2e/x", "/status%2f..%2fx", "//status/../x", "/status/..;/x", "/status;/../x", "/x/../status/../x", "/%2e/x", "/Status", "/x?/status", "/x%3f/../status",
			"http://" + host + "/x", "http://evil.example/status"} {
			status, body, _ := wire(host, "GET "+target+" HTTP/1.1\r\nHost: "+host)
			if status == 200 && strings.Contains(body, `data-page="app"`) && !strings.Contains(body, `<p id="path">/status`) {
				t.Errorf("%s: %s is open: %s", host, target, body)
			}
		}
		for _, method := range []string{"POST", "DELETE", "OPTIONS", "PROPFIND", "TRACE", "CONNECT", "get", "X"} {
			if status, _, _ := wire(host, method+" /x HTTP/1.1\r\nHost: "+host+"\r\nContent-Length: 0"); status == 200 {
				t.Errorf("%s: %s opens the app", host, method)
			}
		}
	}
}
