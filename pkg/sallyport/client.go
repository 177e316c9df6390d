package sallyport

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Client asks one server. It is safe for concurrent use.
type Client struct {
	base  string
	auth  Auth
	http  *http.Client
	tries int
	wait  func(context.Context, time.Duration) error
}

// Option changes a client while it is made.
type Option func(*Client)

// WithHTTPClient sends requests through another client than http.DefaultClient.
func WithHTTPClient(c *http.Client) Option { return func(x *Client) { x.http = c } }

// WithTries says how often a request is made at most; 4 where nobody says. A write is
// made again with the same Idempotency-Key, so it is done once.
func WithTries(n int) Option { return func(x *Client) { x.tries = max(1, n) } }

// WithWait waits between tries in another way.
func WithWait(fn func(context.Context, time.Duration) error) Option {
	return func(x *Client) { x.wait = fn }
}

// New makes a client of the server at an address such as https://id.example.com.
func New(server string, auth Auth, options ...Option) (*Client, error) {
	u, err := url.Parse(server)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return nil, fmt.Errorf("%q is no address of a server, such as https://id.example.com", server)
	}
	c := &Client{base: strings.TrimRight(u.String(), "/"), auth: auth, http: http.DefaultClient, tries: 4, wait: wait}
	for _, o := range options {
		o(c)
	}
	return c, nil
}

func wait(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

// Error is a refusal. Code is stable, such as "step_up.required"; Detail is for people,
// in the language that was asked for.
type Error struct {
	Status     int           `json:"status"`
	Code       string        `json:"code"`
	Title      string        `json:"title"`
	Detail     string        `json:"detail"`
	Field      string        `json:"field"`
	Request    string        `json:"request"`
	RetryAfter time.Duration `json:"-"`
}

func (e *Error) Error() string {
	text := fmt.Sprintf("%d %s", e.Status, e.Code)
	if e.Field != "" {
		text += " (" + e.Field + ")"
	}
	if e.Detail != "" {
		text += ": " + e.Detail
	}
	return text
}

// Is makes errors.Is compare by code.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t.Code == e.Code
}

// CodeOf is the code of a refusal in an error chain, or "".
func CodeOf(err error) string {
	var e *Error
	if errors.As(err, &e) {
		return e.Code
	}
	return ""
}

// Write says more about a change.
type Write func(*request)

// IfMatch holds a change to the version whose ETag was looked at.
func IfMatch(tag string) Write { return func(r *request) { r.match = tag } }

// DryRun refuses what would be refused and does nothing; Preview is filled in.
func DryRun(into *Preview) Write {
	return func(r *request) { r.query.Set("dry_run", "true"); r.preview = into }
}

// WithKey sends a key of the caller's own in the place of one that is made up, so that a
// program that starts anew does nothing twice.
func WithKey(key string) Write { return func(r *request) { r.key = key } }

// Tag keeps the ETag of what is answered, for IfMatch.
func Tag(into *string) Write { return func(r *request) { r.tag = into } }

type request struct {
	method, path string
	query        url.Values
	body         any
	key, match   string
	preview      *Preview
	tag          *string
}

// Do sends any request and reads its answer into out, unless that is nil.
func (c *Client) Do(ctx context.Context, method, path string, query url.Values, body, out any, writes ...Write) error {
	r := request{method: method, path: path, query: url.Values{}, body: body}
	for k, v := range query {
		r.query[k] = v
	}
	if method != http.MethodGet {
		r.key = rand.Text()
	}
	for _, w := range writes {
		w(&r)
	}
	if r.preview != nil {
		out = r.preview
	}
	var sent []byte
	if body != nil {
		var err error
		if sent, err = json.Marshal(body); err != nil {
			return err
		}
	}
	fresh := false
	for try := 1; ; try++ {
		pause, err := c.once(ctx, r, sent, out)
		var refused *Error
		isRefusal := errors.As(err, &refused)
		switch {
		case err == nil:
			return nil
		case isRefusal && refused.Status == http.StatusUnauthorized && !fresh && c.auth.forget():
			fresh = true // the token ended: another is fetched, once
			continue
		case try >= c.tries || ctx.Err() != nil || isRefusal && !again(refused):
			return err
		}
		if pause == 0 {
			pause = time.Duration(1<<(try-1)) * 200 * time.Millisecond
		}
		if err := c.wait(ctx, pause); err != nil {
			return err
		}
	}
}

// again reports whether the same request may go through in a while.
func again(e *Error) bool {
	return e.Status == http.StatusTooManyRequests || e.Status == http.StatusBadGateway || e.Status == http.StatusServiceUnavailable || e.Status == http.StatusGatewayTimeout ||
		e.Code == "idempotency.running"
}

// answerMost bounds what is read of an answer.
const answerMost = 32 << 20

func (c *Client) once(ctx context.Context, r request, sent []byte, out any) (pause time.Duration, err error) {
	address := c.base + "/api/v1" + r.path
	if len(r.query) > 0 {
		address += "?" + r.query.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, r.method, address, bytes.NewReader(sent))
	if err != nil {
		return 0, err
	}
	if r.body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if r.key != "" {
		req.Header.Set("Idempotency-Key", r.key)
	}
	if r.match != "" {
		req.Header.Set("If-Match", r.match)
	}
	if err := c.auth.sign(ctx, c, req); err != nil {
		return 0, err
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(io.LimitReader(resp.Body, answerMost))
	if err != nil {
		return 0, err
	}
	if resp.StatusCode >= 300 {
		return refusal(resp, b)
	}
	if r.tag != nil {
		*r.tag = resp.Header.Get("ETag")
	}
	if out == nil || resp.StatusCode == http.StatusNoContent {
		return 0, nil
	}
	if err := json.Unmarshal(b, out); err != nil {
		return 0, fmt.Errorf("%s %s: the answer is not readable: %w", r.method, r.path, err)
	}
	return 0, nil
}

func refusal(resp *http.Response, b []byte) (time.Duration, error) {
	e := &Error{}
	if !strings.HasPrefix(resp.Header.Get("Content-Type"), "application/problem+json") || json.Unmarshal(b, e) != nil || e.Code == "" {
		e = &Error{Code: "http." + strconv.Itoa(resp.StatusCode), Title: http.StatusText(resp.StatusCode)}
	}
	e.Status = resp.StatusCode
	if n, err := strconv.Atoi(resp.Header.Get("Retry-After")); err == nil && n > 0 {
		e.RetryAfter = time.Duration(n) * time.Second
	}
	return e.RetryAfter, e
}

// each goes through a list, page by page.
func each[T any](ctx context.Context, c *Client, path string, query url.Values) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		q := url.Values{"limit": {"200"}}
		for k, v := range query {
			q[k] = v
		}
		for {
			var p Page[T]
			if err := c.Do(ctx, http.MethodGet, path, q, nil, &p); err != nil {
				var none T
				yield(none, err)
				return
			}
			for _, item := range p.Items {
				if !yield(item, nil) {
					return
				}
			}
			if p.NextCursor == "" {
				return
			}
			q.Set("cursor", p.NextCursor)
		}
	}
}

// given is a query of what is not empty.
func given(pairs ...string) url.Values {
	q := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			q.Set(pairs[i], pairs[i+1])
		}
	}
	return q
}
