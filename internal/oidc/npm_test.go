package oidc_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"sallyport/internal/core"
	"sallyport/internal/testkit/house"
	"sallyport/internal/testkit/need"
)

// npmClient starts a program of testdata/npm with what it has to know, and does the
// browser's part of what it asks for. It returns the steps that it says it has done.
func npmClient(t *testing.T, script string, args any, browser func(map[string]string) string) []string {
	t.Helper()
	node := need.Tool(t, "node")
	modules := filepath.Join(need.Root(t), ".cache", "npm", "node_modules")
	if _, err := os.Stat(filepath.Join(modules, strings.TrimSuffix(script, ".mjs"))); err != nil {
		need.Missing(t, strings.TrimSuffix(script, ".mjs"))
	}
	raw, err := json.Marshal(args)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), node, filepath.Join("testdata", "npm", script), string(raw))
	var said bytes.Buffer
	cmd.Stderr = &said
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var steps []string
	for lines := bufio.NewScanner(out); lines.Scan(); {
		var asked map[string]string
		if err := json.Unmarshal(lines.Bytes(), &asked); err != nil {
			t.Errorf("not asked for: %s", lines.Text())
			continue
		}
		if step := asked["done"]; step != "" {
			steps = append(steps, step)
			continue
		}
		answer, err := json.Marshal(map[string]string{"url": browser(asked)})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := in.Write(append(answer, '\n')); err != nil {
			t.Error(err)
		}
	}
	if err := cmd.Wait(); err != nil { // it ends with what it could not believe
		t.Fatalf("%s after %q: %v\n%s", script, steps, err, said.String())
	}
	return steps
}

// What openid-client (npm) thinks of the whole: code with PKCE, refresh, a pushed
// request, a key with a nonce, a device, acting for a person, sign-out. It checks
// signatures, names, nonces and hashes as its author thinks right (rows O-15, C-03, V-01,
// X-01, D-02, L-02).
func TestOpenIDClientOfNPM(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		const api = "https://first.example.org/api"
		_, in, server := inside(t, h, func(d *core.AppDoc) {
			d.Grants = []string{core.GrantCode, core.GrantRefresh, core.GrantClient}
			d.Scopes, d.Resources = []string{"read", "write"}, []string{api}
		})
		bound := newApp(t, h, h.Root.ID, func(d *core.AppDoc) { d.Proof = core.ProofNonce })
		tv := newApp(t, h, h.Root.ID, func(d *core.AppDoc) { device(d); d.Auth = core.AppPublic })
		acting := newApp(t, h, h.Root.ID, between)
		type who struct {
			ID     core.AppID `json:"id"`
			Secret string     `json:"secret,omitempty"`
		}
		args := map[string]any{"issuer": h.URL, "callback": callback, "bye": "https://app.example.org/bye", "api": api,
			"modules": filepath.Join(need.Root(t), ".cache", "npm"), "skew": int64(h.Clock.Now().Sub(time.Now()) / time.Second),
			"server": who{server.app.ID, server.secret}, "bound": who{bound.app.ID, bound.secret}, "device": who{tv.app.ID, ""}, "acting": who{acting.app.ID, acting.secret}}
		steps := npmClient(t, "openid-client.mjs", args, func(asked map[string]string) string {
			for what, text := range asked {
				switch what {
				case "visit", "leave":
					a := in.Get(strings.TrimPrefix(text, h.URL))
					if !strings.HasPrefix(a.Location, "https://app.example.org/") {
						t.Errorf("%s leads to %q, page %q, fault %q", what, a.Location, a.Page(), a.Fault())
					}
					return a.Location
				case "device", "deny":
					page := confirm(t, in, text)
					in.Post("/device/answer", "request", page.Hidden("request"), "go", map[string]string{"device": "allow", "deny": "deny"}[what])
				}
			}
			return ""
		})
		if want := []string{"code, refresh", "par", "client credentials", "dpop", "device", "exchange", "logout"}; !slices.Equal(steps, want) {
			t.Errorf("it went %q of %q", steps, want)
		}
	})
}

// What oauth4webapi (npm) thinks of it, a call for each message: both documents of
// discovery, a pushed request and a code of a public app with a key, userinfo, refresh,
// reuse, and an access token as a server with an API checks it (rows C-06, O-14, O-19).
func TestOAuth4WebAPIOfNPM(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		_, in, page := inside(t, h, func(d *core.AppDoc) { d.Auth = core.AppPublic })
		server := newApp(t, h, h.Root.ID, nil)
		args := map[string]any{"issuer": h.URL, "callback": callback, "modules": filepath.Join(need.Root(t), ".cache", "npm"), "skew": int64(h.Clock.Now().Sub(time.Now()) / time.Second),
			"page": map[string]core.AppID{"id": page.app.ID}, "token": server.good(server.exchange(server.code(in))).str("access_token")}
		steps := npmClient(t, "oauth4webapi.mjs", args, func(asked map[string]string) string {
			a := in.Get(strings.TrimPrefix(asked["visit"], h.URL))
			if !strings.HasPrefix(a.Location, callback) {
				t.Errorf("%v leads to %q, page %q, fault %q", asked, a.Location, a.Page(), a.Fault())
			}
			return a.Location
		})
		if want := []string{"discovery", "par, code, dpop", "userinfo, refresh, access token", "reuse"}; !slices.Equal(steps, want) {
			t.Errorf("it went %q of %q", steps, want)
		}
	})
}
