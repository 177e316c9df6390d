package console_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"sallyport/internal/console"
	"sallyport/internal/core"
	"sallyport/internal/testkit/need"
)

func snippetApp(auth string) core.App {
	return core.App{ID: "ap_01j0000000000000000000000", Name: `Ledger "; rm -rf /`, Doc: core.AppDoc{Auth: auth, Grants: []string{core.GrantCode},
		RedirectURIs: []string{"https://ledger.example.com/cb?a=b&c=d"}}}
}

func snippets(t *testing.T, auth string) map[string]string {
	t.Helper()
	all, err := console.Snippets(snippetApp(auth), "https://id.example.org")
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	for _, s := range all {
		out[s.Name] = s.Text
	}
	return out
}

// Every snippet has the app's values in it and no secret: that stays in the
// environment, under a name. What the app is called stands in none of them.
func TestSnippetsAreFilledIn(t *testing.T) {
	secret := snippets(t, core.AppSecret)
	if len(secret) != len(console.SnippetNames) {
		t.Errorf("there are %d of %d", len(secret), len(console.SnippetNames))
	}
	for name, text := range secret {
		client := !strings.Contains("caddy nginx traefik envoy", name)
		if !strings.Contains(text, "id.example.org") || client != strings.Contains(text, "ap_01j0000000000000000000000") || client != strings.Contains(text, "SALLYPORT_CLIENT_SECRET") {
			t.Errorf("%s:\n%s", name, text)
		}
		for _, bad := range []string{"{{", "rm -rf", "<no value>", "&#", "&amp;", `\u0026`} {
			if strings.Contains(text, bad) {
				t.Errorf("%s has %q in it:\n%s", name, bad, text)
			}
		}
	}
	for name, path := range map[string]string{"caddy": "/forward-auth", "traefik": "/forward-auth", "nginx": "/auth-request", "envoy": "/ext-authz"} {
		if !strings.Contains(secret[name], path) {
			t.Errorf("%s does not ask %s", name, path)
		}
	}
	for name, text := range snippets(t, core.AppPublic) {
		if strings.Contains(text, "SALLYPORT_CLIENT_SECRET") {
			t.Errorf("%s of an app without a secret has one:\n%s", name, text)
		}
	}
	key := snippets(t, core.AppKey)
	if key["go"] != "" || !strings.Contains(key["node"], "PrivateKeyJwt") {
		t.Errorf("an app with a key has %v", key)
	}
}

// Each language is checked by its own tool, where it is on the machine; in CI it is.
func TestSnippetsAreWellFormed(t *testing.T) {
	for _, auth := range []string{core.AppSecret, core.AppPublic, core.AppKey} {
		all := snippets(t, auth)
		check := func(name, file string, command func(path string) []string) {
			text, there := all[name]
			if !there {
				return
			}
			t.Run(name+" "+auth, func(t *testing.T) {
				path := filepath.Join(t.TempDir(), file)
				if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
				args := command(path)
				if out, err := exec.CommandContext(t.Context(), args[0], args[1:]...).CombinedOutput(); err != nil {
					t.Errorf("%v: %v\n%s\n%s", args, err, out, text)
				}
			})
		}
		tool := func(name string) string {
			path, err := exec.LookPath(name)
			if err != nil && need.CI() {
				t.Errorf("%s is not installed: its snippets were not checked", name)
			}
			return path
		}
		if node := tool("node"); node != "" {
			check("node", "app.mjs", func(path string) []string { return []string{node, "--check", path} })
		}
		if python := tool("python3"); python != "" {
			check("python", "app.py", func(path string) []string { return []string{python, "-m", "py_compile", path} })
		}
		if caddy := tool("caddy"); caddy != "" {
			check("caddy", "Caddyfile", func(path string) []string {
				return []string{caddy, "adapt", "--adapter", "caddyfile", "--config", path}
			})
		}
		if nginx := tool("nginx"); nginx != "" {
			// It looks names up, and there are none to be had here.
			all["nginx"] = strings.ReplaceAll(all["nginx"], "https://id.example.org", "http://127.0.0.1:9")
			check("nginx", "site.conf", func(path string) []string {
				main := filepath.Join(filepath.Dir(path), "nginx.conf")
				conf := "pid " + main + ".pid; events {} http { access_log off; server { listen 127.0.0.1:1; include " + path + "; } }"
				if err := os.WriteFile(main, []byte(conf), 0o600); err != nil {
					t.Fatal(err)
				}
				return []string{nginx, "-t", "-c", main, "-p", filepath.Dir(path)}
			})
		}
		const modules = "/usr/lib/apache2/modules/"
		if _, err := os.Stat(modules + "mod_auth_openidc.so"); err != nil {
			if need.CI() {
				t.Errorf("Apache's module is not installed: %v", err)
			}
		} else {
			check("apache", "site.conf", func(path string) []string {
				main := filepath.Join(filepath.Dir(path), "apache.conf")
				conf := "ServerName 127.0.0.1\nListen 127.0.0.1:1\nErrorLog /dev/stderr\n"
				for _, name := range []string{"mpm_event", "authn_core", "authz_core", "authz_user", "auth_openidc"} {
					conf += "LoadModule " + name + "_module " + modules + "mod_" + name + ".so\n"
				}
				if err := os.WriteFile(main, []byte(conf+"Include "+path+"\n"), 0o600); err != nil {
					t.Fatal(err)
				}
				return []string{"/usr/sbin/apache2", "-t", "-d", filepath.Dir(path), "-f", main}
			})
		}
		for _, name := range []string{"java", "traefik", "envoy"} {
			if text, there := all[name]; there {
				var doc map[string]any
				if err := yaml.Unmarshal([]byte(text), &doc); err != nil || len(doc) == 0 {
					t.Errorf("%s is no YAML: %v\n%s", name, err, text)
				}
			}
		}
	}
}

// The Go snippet compiles, with the libraries that the project's own tests use.
func TestTheGoSnippetCompiles(t *testing.T) {
	if testing.Short() {
		t.Skip("it runs the compiler")
	}
	root := need.Root(t)
	for _, auth := range []string{core.AppSecret, core.AppPublic} {
		dir, err := os.MkdirTemp(filepath.Join(root, "internal", "console"), "_snippet")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { os.RemoveAll(dir) })
		if err := os.WriteFile(filepath.Join(dir, "main.go"), []byte(snippets(t, auth)["go"]), 0o600); err != nil {
			t.Fatal(err)
		}
		cmd := exec.CommandContext(t.Context(), "go", "vet", "./"+filepath.Base(dir))
		cmd.Dir = filepath.Dir(dir)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", auth, err, out)
		}
	}
}
