package e2e

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"math"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"

	"sallyport/internal/testkit/program"
)

// What an app does with the tokens of one sign-in: it shows the code (nth 0) or the
// refresh token that came as the nth.
type shown struct {
	family int
	nth    int
}

// What came of it. Nobody knows when the node was killed before its answer came.
type outcome int

const (
	granted outcome = iota
	refusedGrant
	unknown
)

// sold is a family as the rules have it: how many tokens it has given, and whether
// something that was used up was shown again, which ends it.
type sold struct {
	last  int // the newest refresh token; 0 before the code was used
	used  bool
	ended bool
}

// tokenRules are the sentences of O-06 and O-07 as one thing after another: a code is
// good once, a refresh token is good once and only while it is the newest, and what is
// shown a second time ends everything. An answer that never came may have been either,
// and may have been given at any later time, or never.
var tokenRules = porcupine.Model{
	Partition: func(history []porcupine.Operation) [][]porcupine.Operation {
		by := map[int][]porcupine.Operation{}
		for _, o := range history {
			by[o.Input.(shown).family] = append(by[o.Input.(shown).family], o)
		}
		var out [][]porcupine.Operation
		for _, o := range by {
			out = append(out, o)
		}
		return out
	},
	Init: func() any { return sold{} },
	Step: func(state, input, output any) (bool, any) {
		s, in, out := state.(sold), input.(shown), output.(outcome)
		grant := false
		switch {
		case s.ended:
		case in.nth == 0 && !s.used:
			grant, s.used, s.last = true, true, 1
		case in.nth > 0 && in.nth == s.last:
			grant, s.last = true, s.last+1
		default:
			s.ended = true
		}
		return out == unknown || (out == granted) == grant, s
	},
}

// The judge can say no: histories that break each of the sentences are found out, and
// their lawful neighbours are not.
func TestTheJudgeOfHistoriesCanSayNo(t *testing.T) {
	op := func(from, to int64, nth int, out outcome) porcupine.Operation {
		return porcupine.Operation{Input: shown{0, nth}, Output: out, Call: from, Return: to}
	}
	for _, row := range []struct {
		name    string
		history []porcupine.Operation
		lawful  bool
	}{
		{"one after another", []porcupine.Operation{op(1, 2, 0, granted), op(3, 4, 1, granted), op(5, 6, 2, granted)}, true},
		{"of two at once one gets it", []porcupine.Operation{op(1, 2, 0, granted), op(3, 8, 1, granted), op(4, 7, 1, refusedGrant), op(9, 10, 2, refusedGrant)}, true},
		{"both get it", []porcupine.Operation{op(1, 2, 0, granted), op(3, 8, 1, granted), op(4, 7, 1, granted)}, false},
		{"a code twice", []porcupine.Operation{op(1, 4, 0, granted), op(2, 3, 0, granted)}, false},
		{"a code again, and the tokens go on", []porcupine.Operation{op(1, 2, 0, granted), op(3, 4, 0, refusedGrant), op(5, 6, 1, granted)}, false},
		{"reuse, and the family goes on", []porcupine.Operation{op(1, 2, 0, granted), op(3, 4, 1, granted), op(5, 6, 1, refusedGrant), op(7, 8, 2, granted)}, false},
		{"nothing was wrong, and it is refused", []porcupine.Operation{op(1, 2, 0, granted), op(3, 4, 1, refusedGrant)}, false},
		{"a kill lost the answer, and the retry ends it", []porcupine.Operation{op(1, 2, 0, granted), op(3, math.MaxInt64, 1, unknown), op(5, 6, 1, refusedGrant)}, true},
		{"a kill came before anything was written", []porcupine.Operation{op(1, 2, 0, granted), op(3, math.MaxInt64, 1, unknown), op(5, 6, 1, granted)}, true},
	} {
		if got := porcupine.CheckOperations(tokenRules, row.history); got != row.lawful {
			t.Errorf("%s: %v", row.name, got)
		}
	}
}

// counter is an app that shows its tokens at two nodes and writes down what came.
type counter struct {
	t      *testing.T
	client *http.Client
	id     string
	secret string
	nodes  [2]atomic.Pointer[string]
	began  time.Time

	mu      sync.Mutex
	history []porcupine.Operation
	count   [3]int
}

const (
	countersReturn   = "http://127.0.0.1:9001/callback"
	countersVerifier = "a-verifier-of-forty-three-characters-or-more-123"
)

// show presents a token at a node, and returns the one that came for it.
func (c *counter) show(node int, in shown, text string) (string, outcome) {
	form := url.Values{"client_id": {c.id}, "client_secret": {c.secret}, "grant_type": {"refresh_token"}, "refresh_token": {text}}
	if in.nth == 0 {
		form = url.Values{"client_id": {c.id}, "client_secret": {c.secret}, "grant_type": {"authorization_code"}, "code": {text},
			"redirect_uri": {countersReturn}, "code_verifier": {countersVerifier}}
	}
	o := porcupine.Operation{Input: in, Call: time.Since(c.began).Nanoseconds()}
	next, out := "", unknown
	resp, err := c.client.PostForm(*c.nodes[node].Load()+"/oauth2/token", form)
	if refused := (*net.OpError)(nil); errors.As(err, &refused) && refused.Op == "dial" {
		return "", unknown // nobody was there, so it was never shown
	}
	if err == nil {
		var v struct {
			Refresh string `json:"refresh_token"`
			Error   string `json:"error"`
		}
		err = json.NewDecoder(resp.Body).Decode(&v)
		resp.Body.Close()
		switch {
		case err != nil: // killed in the midst of its answer
		case resp.StatusCode == http.StatusOK && v.Refresh != "":
			next, out = v.Refresh, granted
		case resp.StatusCode == http.StatusBadRequest && v.Error == "invalid_grant":
			out = refusedGrant
		case resp.StatusCode != http.StatusServiceUnavailable:
			c.t.Errorf("status %d, %q", resp.StatusCode, v.Error)
		}
	}
	o.Return = time.Since(c.began).Nanoseconds()
	if out == unknown {
		o.Return = math.MaxInt64
	}
	o.Output = out
	c.mu.Lock()
	defer c.mu.Unlock()
	c.history = append(c.history, o)
	c.count[out]++
	return next, out
}

// code is a new sign-in of somebody who has a session; "" when the node was killed.
func (c *counter) code(node int, cookies []*http.Cookie) string {
	sum := sha256.Sum256([]byte(countersVerifier))
	q := url.Values{"client_id": {c.id}, "redirect_uri": {countersReturn}, "response_type": {"code"}, "scope": {"openid"}, "state": {"s"},
		"code_challenge": {base64.RawURLEncoding.EncodeToString(sum[:])}, "code_challenge_method": {"S256"}}
	req, err := http.NewRequest(http.MethodGet, *c.nodes[node].Load()+"/oauth2/authorize?"+q.Encode(), nil)
	if err != nil {
		c.t.Error(err)
		return ""
	}
	for _, k := range cookies {
		req.AddCookie(k)
	}
	resp, err := c.client.Do(req)
	if err != nil {
		return ""
	}
	resp.Body.Close()
	to, err := url.Parse(resp.Header.Get("Location"))
	if err != nil || !strings.HasPrefix(to.String(), countersReturn) {
		if resp.StatusCode != http.StatusServiceUnavailable {
			c.t.Errorf("no code: status %d to %q", resp.StatusCode, to)
		}
		return ""
	}
	return to.Query().Get("code")
}

// life is one family from its code to its end: most steps are one app's with one
// token, one of them is a race of several for the same one, at both nodes, and at the
// end an old token is shown. An answer that a kill took is asked for again elsewhere.
func (c *counter) life(family, steps int, code string) {
	text, nth := code, 0
	spent := code
	for step := range steps {
		runners := 1
		if step == family%steps {
			runners = 3
		}
		next := make([]string, runners)
		var race sync.WaitGroup
		for i := range runners {
			race.Go(func() {
				at := (family + step + i) % 2
				var out outcome
				if next[i], out = c.show(at, shown{family, nth}, text); out == unknown {
					next[i], _ = c.show(1-at, shown{family, nth}, text)
				}
			})
		}
		race.Wait()
		got := ""
		for _, n := range next {
			if n != "" {
				got = n
			}
		}
		if got == "" {
			break
		}
		spent, text, nth = text, got, nth+1
	}
	// What was used up, and after it the newest that there is: the one ends the other.
	if nth > 0 {
		c.show(family%2, shown{family, nth - 1}, spent)
		c.show(1-family%2, shown{family, nth}, text)
	}
}

// TestHistoriesOfTokens: codes and refresh tokens are shown to two nodes on one
// PostgreSQL at the same time, while the nodes are killed in turn and begin again. What
// was answered, whenever it was, is what one after another by the rules could have come
// to (rows O-06, O-07, Q-01).
func TestHistoriesOfTokens(t *testing.T) {
	const kills, people, steps = 3, 4, 8
	s := newSite(t, "postgres")
	node := func() *program.Process { return s.serve() }
	nodes := [2]*program.Process{node(), node()}
	s.run("", "tenant", "create", "--name", "Load", "--preset", "self-service")
	out := s.run("", "app", "create", "--json", "--name", "Counter", "--consent", "none", "--redirect-uri", countersReturn)
	var made struct {
		ID     string `json:"client_id"`
		Secret string `json:"client_secret"`
	}
	if err := json.Unmarshal([]byte(out), &made); err != nil || made.Secret == "" {
		t.Fatalf("app create: %v: %s", err, out)
	}
	c := &counter{t: t, id: made.ID, secret: made.Secret, began: time.Now(), client: &http.Client{Timeout: 30 * time.Second,
		Transport: &http.Transport{MaxIdleConnsPerHost: 32}, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
	defer c.client.CloseIdleConnections()
	for i := range nodes {
		c.nodes[i].Store(&nodes[i].URL)
	}
	var work sync.WaitGroup
	stop := make(chan struct{})
	var families atomic.Int64
	for i := range people {
		login := string(rune('a'+i)) + "@example.com"
		s.account(login, "Load")
		v := newVisit(t, nodes[0])
		v.submit(v.get("/sign-in", "sign-in"), "account", "login", login, "password", phrase)
		cookies := v.Cookies()
		work.Go(func() {
			for at := i; ; at++ {
				select {
				case <-stop:
					return
				default:
				}
				if code := c.code(at%2, cookies); code != "" {
					c.life(int(families.Add(1)), steps, code)
				}
			}
		})
	}
	done := func() int { c.mu.Lock(); defer c.mu.Unlock(); return len(c.history) }
	for n := range kills {
		// In the midst of the work of each round, wherever that is.
		for want := done() + 80; done() < want && !t.Failed(); {
			time.Sleep(time.Millisecond)
		}
		at := n % 2
		nodes[at].Kill()
		nodes[at] = node()
		c.nodes[at].Store(&nodes[at].URL)
	}
	for want := done() + 80; done() < want && !t.Failed(); {
		time.Sleep(time.Millisecond)
	}
	close(stop)
	work.Wait()
	s.run("", "audit", "verify")

	result, info := porcupine.CheckOperationsVerbose(tokenRules, c.history, time.Minute)
	if result != porcupine.Ok {
		file := t.TempDir() + "/histories.html"
		if err := porcupine.VisualizePath(tokenRules, info, file); err == nil {
			t.Logf("drawn in %s", file)
		}
		t.Errorf("the history is %s", result)
		for _, part := range tokenRules.Partition(c.history) {
			if !porcupine.CheckOperations(tokenRules, part) {
				t.Errorf("not lawful: %+v", part)
			}
		}
	}
	if c.count[granted] < 50 || c.count[refusedGrant] < 20 || families.Load() < people {
		t.Errorf("too little happened: %v of %d families", c.count, families.Load())
	}
	t.Logf("%d families, %d granted, %d refused, %d unknown, %d kills", families.Load(), c.count[granted], c.count[refusedGrant], c.count[unknown], kills)
}
