package sallyport

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
)

// Auth shows who asks.
type Auth interface {
	sign(ctx context.Context, c *Client, r *http.Request) error
	// forget drops what was refused; true where another can be had.
	forget() bool
}

// Basic is the login and password of a service account.
func Basic(login, password string) Auth { return basic{login, password} }

type basic struct{ login, password string }

func (b basic) sign(_ context.Context, _ *Client, r *http.Request) error {
	r.SetBasicAuth(b.login, b.password)
	return nil
}

func (basic) forget() bool { return false }

// Token is an access token that somebody else fetched.
func Token(token string) Auth { return bearer(token) }

type bearer string

func (b bearer) sign(_ context.Context, _ *Client, r *http.Request) error {
	r.Header.Set("Authorization", "Bearer "+string(b))
	return nil
}

func (bearer) forget() bool { return false }

// ClientCredentials fetches tokens for an API client, and another before one ends.
func ClientCredentials(id, secret string, scopes ...string) Auth {
	return &credentials{id: id, secret: secret, scopes: scopes, now: time.Now}
}

type credentials struct {
	id, secret string
	scopes     []string
	now        func() time.Time
	mu         sync.Mutex
	token      string
	until      time.Time
}

func (a *credentials) forget() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.token = ""
	return true
}

func (a *credentials) sign(ctx context.Context, c *Client, r *http.Request) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.token == "" || !a.now().Before(a.until) {
		if err := a.fetch(ctx, c); err != nil {
			return err
		}
	}
	r.Header.Set("Authorization", "Bearer "+a.token)
	return nil
}

func (a *credentials) fetch(ctx context.Context, c *Client) error {
	form := url.Values{"grant_type": {"client_credentials"}, "resource": {c.base + "/api/v1"}}
	if len(a.scopes) > 0 {
		form.Set("scope", strings.Join(a.scopes, " "))
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.base+"/oauth2/token", strings.NewReader(form.Encode()))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	// RFC 6749 2.3.1: both are form-encoded before they are put together.
	req.SetBasicAuth(url.QueryEscape(a.id), url.QueryEscape(a.secret))
	resp, err := c.http.Do(req)
	if err != nil {
		return fmt.Errorf("fetch a token: %w", err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err != nil {
		return fmt.Errorf("fetch a token: %w", err)
	}
	var answer struct {
		Token   string `json:"access_token"`
		Expires int    `json:"expires_in"`
		Error   string `json:"error"`
		About   string `json:"error_description"`
	}
	if json.Unmarshal(b, &answer) != nil || resp.StatusCode != http.StatusOK || answer.Token == "" {
		if answer.Error == "" {
			answer.Error = "http." + fmt.Sprint(resp.StatusCode)
		}
		return &Error{Status: resp.StatusCode, Code: answer.Error, Title: "No token was given", Detail: answer.About}
	}
	// Half a minute early, so that none ends on its way.
	a.token, a.until = answer.Token, a.now().Add(max(0, time.Duration(answer.Expires)*time.Second-30*time.Second))
	return nil
}
