package bench

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/app"
	"sallyport/internal/core"
	"sallyport/internal/directory"
)

// tokenApp is an app whose tokens are measured.
type tokenApp struct {
	alg, id, secret string
}

// tokenReturn is where people are sent back to. Nobody listens there: the code is read
// out of the address.
const tokenReturn = "http://127.0.0.1:9001/callback"

// tokenVerifier is the same for all codes, for what it is good for is not measured.
const tokenVerifier = "a-verifier-of-forty-three-characters-or-more-123"

// registerTokens makes an app for each algorithm that is measured.
func registerTokens(ctx context.Context, h *app.House, root core.TenantID) (out []tokenApp, err error) {
	for _, alg := range []string{core.AlgES256, core.AlgEdDSA} {
		a, secret, err := h.Directory.CreateApp(ctx, root, directory.AppWish{Name: "Ledger " + alg, Doc: core.AppDoc{Auth: core.AppSecret, Alg: alg, FirstParty: true, Scopes: []string{"read"},
			RedirectURIs: []string{tokenReturn}, Grants: []string{core.GrantCode, core.GrantClient}}}, access.System(), core.Client{})
		if err != nil {
			return nil, err
		}
		out = append(out, tokenApp{alg, string(a.ID), secret})
	}
	return out, nil
}

// form is what an app posts, with its own secret.
func (a tokenApp) form(pairs ...string) string {
	q := url.Values{"client_id": {a.id}, "client_secret": {a.secret}}
	for i := 0; i+1 < len(pairs); i += 2 {
		q.Set(pairs[i], pairs[i+1])
	}
	return q.Encode()
}

// token asks for one and reads it. It is for what comes before a run.
func (a tokenApp) token(ctx context.Context, addr string, pairs ...string) (string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+addr+"/oauth2/token", strings.NewReader(a.form(pairs...)))
	if err != nil {
		return "", err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	var v struct {
		Access string `json:"access_token"`
	}
	if err != nil || json.Unmarshal(body, &v) != nil || v.Access == "" {
		return "", errors.Join(fmt.Errorf("no token: status %d, %.200s", resp.StatusCode, body), err)
	}
	return v.Access, nil
}

// personal is a token of somebody who is signed in.
func (a tokenApp) personal(ctx context.Context, addr, session string) (string, error) {
	sum := sha256.Sum256([]byte(tokenVerifier))
	one := dial(addr, 30*time.Second)
	defer one.close()
	q := url.Values{"client_id": {a.id}, "redirect_uri": {tokenReturn}, "response_type": {"code"}, "scope": {"openid profile email"}, "state": {"s"},
		"code_challenge": {base64.RawURLEncoding.EncodeToString(sum[:])}, "code_challenge_method": {"S256"}}
	got, err := one.do("GET", "/oauth2/authorize?"+q.Encode(), session, "")
	if err != nil {
		return "", err
	}
	to, err := url.Parse(got.location)
	if err != nil || to.Query().Get("code") == "" {
		return "", fmt.Errorf("no code: status %d to %.120q", got.status, got.location)
	}
	return a.token(ctx, addr, "grant_type", core.GrantCode, "code", to.Query().Get("code"), "redirect_uri", tokenReturn, "code_verifier", tokenVerifier)
}

// bareSignature signs with the library's own code and nothing around it.
func bareSignature(alg string) (func() func(), error) {
	text := []byte(strings.Repeat("x", 600)) // as long as a token
	if alg == core.AlgEdDSA {
		_, key, err := ed25519.GenerateKey(rand.Reader)
		return func() func() { return func() { ed25519.Sign(key, text) } }, err
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	return func() func() {
		return func() {
			sum := sha256.Sum256(text)
			if _, err := ecdsa.SignASN1(rand.Reader, key, sum[:]); err != nil {
				panic(err) // the key is good, and there is no other reason
			}
		}
	}, err
}

// together is the rate of two things of which each uses the whole machine for itself.
func together(a, b float64) float64 { return 1 / (1/a + 1/b) }

// asking is one kind of request whose answers are counted.
type asking struct {
	id, work     string
	method, path string
	form         string
	bearer       string
	limit        float64 // per second
	of           string  // what the limit is made of
	goal         float64 // per second, 0 for none
}

// tokens measures what apps ask of the provider, beside a bare answer and, where
// something is signed, a bare signature.
func (b *Bench) tokens(ctx context.Context, r *running, c *crowd) (err error) {
	signed, err := sessions(ctx, r, c, 1)
	if err != nil {
		return err
	}
	// On PostgreSQL a second node serves the same store, beside the first and under its
	// name.
	nodes := []*running{r}
	if r.site.name == "postgres" {
		also := r.site
		if also.public, err = issuer(ctx, r.addr); err != nil {
			return err
		}
		second, err := b.serve(also)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, second.stop()) }()
		nodes = append(nodes, second)
	}
	bare := b.limits.bare.rate()
	var all []asking
	for _, a := range r.site.apps {
		sign, err := bareSignature(a.alg)
		if err != nil {
			return err
		}
		rate := hashRate(time.Second, sign)
		goal := 12_000.0
		if a.alg == core.AlgEdDSA {
			goal = 18_000
		}
		all = append(all, asking{id: "P5", work: "client-credentials tokens, " + a.alg, method: "POST", path: "/oauth2/token", form: a.form("grant_type", core.GrantClient),
			limit: together(bare, rate), of: fmt.Sprintf("bare net/http and a bare signature, %s", perSecond(rate)), goal: goal})
	}
	a := r.site.apps[0]
	own, err := a.token(ctx, r.addr, "grant_type", core.GrantClient)
	if err != nil {
		return err
	}
	hers, err := a.personal(ctx, r.addr, signed[0])
	if err != nil {
		return err
	}
	const plain = "bare net/http"
	all = append(all,
		asking{id: "P5", work: "introspection of an app's token", method: "POST", path: "/oauth2/introspect", form: a.form("token", own), limit: bare, of: plain, goal: 25_000},
		asking{id: "P5", work: "introspection of a person's token", method: "POST", path: "/oauth2/introspect", form: a.form("token", hers), limit: bare, of: plain},
		asking{id: "P5", work: "userinfo", method: "GET", path: "/oauth2/userinfo", bearer: hers, limit: bare, of: plain},
		asking{id: "P5", work: "discovery", method: "GET", path: "/.well-known/openid-configuration", limit: bare, of: plain})
	for _, k := range all {
		if err := b.asked(ctx, nodes[:1], k); err != nil {
			return fmt.Errorf("%s: %w", k.work, err)
		}
	}
	if len(nodes) == 1 {
		return nil
	}
	look := asking{id: "P4", work: "session checks", method: "GET", path: checkPath, limit: bare, of: plain}
	for _, k := range append([]asking{look}, all...) {
		k.work += ", two nodes"
		// Both are on this machine: what is seen is what the second costs, not what it
		// would bring on a machine of its own.
		k.goal = 0
		cookie := ""
		if k.id == "P4" {
			cookie = signed[0]
		}
		if err := b.askedWith(ctx, nodes, k, cookie); err != nil {
			return fmt.Errorf("%s: %w", k.work, err)
		}
	}
	return nil
}

func (b *Bench) asked(ctx context.Context, nodes []*running, k asking) error {
	return b.askedWith(ctx, nodes, k, "")
}

// askedWith measures one kind of request; clients take turns among the nodes.
func (b *Bench) askedWith(ctx context.Context, nodes []*running, k asking, cookie string) error {
	const at = 8
	conns := make([]*client, at)
	for i := range conns {
		conns[i] = dial(nodes[i%len(nodes)].addr, 30*time.Second)
		conns[i].bearer = k.bearer
		if public := nodes[i%len(nodes)].site.public; public != "" {
			conns[i].host = strings.TrimPrefix(public, "http://")
		}
	}
	defer closeAll(conns)
	each := func(i int) error {
		if k.id == "P4" {
			return check(conns[i], cookie)
		}
		a, err := conns[i].do(k.method, k.path, cookie, k.form)
		if err == nil && (a.status != http.StatusOK || a.body < leastAnswer) {
			err = fmt.Errorf("status %d, %d bytes", a.status, a.body)
		}
		return err
	}
	cpu := func() (total time.Duration, err error) {
		for _, n := range nodes {
			one, err := treeCPU(n.pid())
			if err != nil {
				return 0, err
			}
			total += one
		}
		return total, nil
	}
	if _, err := (load{clients: at, most: 2000, limit: time.Second}).run(ctx, each); err != nil {
		return err
	}
	got, used, err := perOp(ctx, load{clients: at, most: 1 << 30, limit: 3 * time.Second}, cpu, each)
	if err != nil {
		return err
	}
	row := Row{ID: k.id, Work: k.work + ", 8 clients, " + place(nodes[0].site.name, b.Small), Limit: perSecond(k.limit) + " (" + k.of + ")",
		Ours: fmt.Sprintf("%s, %s CPU", perSecond(got.rate()), us(used)), Ratio: fmt.Sprintf("%.2f", got.rate()/k.limit)}
	if k.goal > 0 {
		row.Goal, row.Reached = "≥ "+perSecond(k.goal), reached(got.rate() >= k.goal)
	}
	b.row(row)
	return nil
}

// leastAnswer is how much is in an answer that is one: {"active":false} is not.
const leastAnswer = 60

// issuer is the address that a server goes by.
func issuer(ctx context.Context, addr string) (string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+addr+"/.well-known/openid-configuration", nil)
	if err != nil {
		return "", err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	var v struct {
		Issuer string `json:"issuer"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&v); err != nil || v.Issuer == "" {
		return "", errors.Join(fmt.Errorf("no discovery: status %d", resp.StatusCode), err)
	}
	return v.Issuer, nil
}
