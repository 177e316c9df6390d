package oidc_test

import (
	"encoding/base64"
	"io"
	"net/http"
	"strings"
	"testing"

	"sallyport/internal/core"
	"sallyport/internal/testkit/house"
)

// What the provider costs, client and server in one process: a token of an app's own,
// and asking about it.
func BenchmarkTokens(b *testing.B) {
	for _, alg := range core.AppAlgs {
		b.Run(alg, func(b *testing.B) {
			h := house.Open(b, "sqlite")
			c := newApp(b, h, h.Root.ID, func(d *core.AppDoc) {
				d.Grants, d.Scopes, d.Alg = []string{core.GrantCode, core.GrantClient}, []string{"read"}, alg
			})
			b.Run("client credentials", func(b *testing.B) { posts(b, c, "/oauth2/token", house.Form("grant_type", "client_credentials")) })
			token := c.good(c.post("/oauth2/token", "grant_type", "client_credentials")).str("access_token")
			b.Run("introspection", func(b *testing.B) { posts(b, c, "/oauth2/introspect", house.Form("token", token)) })
		})
	}
}

func posts(b *testing.B, c *client, path, form string) {
	header := "Basic " + base64.StdEncoding.EncodeToString([]byte(string(c.app.ID)+":"+c.secret))
	tr := &http.Transport{MaxIdleConnsPerHost: 64}
	defer tr.CloseIdleConnections()
	hc := &http.Client{Transport: tr}
	b.ReportAllocs()
	b.SetParallelism(8)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			req, err := http.NewRequest(http.MethodPost, c.h.URL+path, strings.NewReader(form))
			if err != nil {
				b.Error(err)
				return
			}
			req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			req.Header.Set("Authorization", header)
			resp, err := hc.Do(req)
			if err != nil {
				b.Error(err)
				return
			}
			_, _ = io.Copy(io.Discard, resp.Body)
			resp.Body.Close()
			if resp.StatusCode != http.StatusOK {
				b.Errorf("status %d", resp.StatusCode)
				return
			}
		}
	})
}
