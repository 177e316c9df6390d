package e2e

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"sallyport/internal/hosted"
	"sallyport/internal/portal"
	"sallyport/internal/testkit/house"
	"sallyport/internal/web"
)

// bodies are forms that nobody's browser sends.
func bodies() map[string]string {
	long := strings.Repeat("a", 10<<20)
	fields := []string{"login", "password", "code", "new_password", "saved", "confirm", "go", "session", "locale", "return_to"}
	all := func(value string) string {
		v := url.Values{}
		for _, f := range fields {
			v.Set(f, value)
		}
		return v.Encode()
	}
	twice := ""
	for _, f := range fields {
		twice += f + "=x&" + f + "=y&"
	}
	return map[string]string{
		"empty": "", "only separators": "&&&==&", "empty values": all(""), "repeated": twice, "arrays": "login[]=a&login[0]=b&code[]=1",
		"10 MB password": "login=a&password=" + long, "not UTF-8": "login=%ff%fe&password=%c3%28&code=%80", "NUL": all("a\x00b"),
		"control characters": all("a\x1b[31mb\x7f"), "line breaks": all("a\r\nSet-Cookie: x=y"), "Arabic digits": all("١٢٣٤٥٦"),
		"full-width digits": all("１２３４５６"), "NFD": all("e\u0301lodie@example.com"), "right-to-left": all("\u202eabc"),
		"broken escapes": "login=%zz&password=%", "JSON": `{"login":"a","password":"b"}`, "markup": all(`"><script>alert(1)</script>`),
		"SQL": all("' OR 1=1; DROP TABLE users; --"), "very long login": "login=" + strings.Repeat("b", 60000) + "&password=x",
		"semicolons": "login=a;password=b",
	}
}

// TestBadInputIsRefusedClearly sends each of them to every form of the product,
// with and without a session: the answer is a page and never a 5xx, and what was
// there before is there after.
func TestBadInputIsRefusedClearly(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		org := h.Organisation("Forms", "self-service", "")
		p := h.Enrolled(org, "forms@example.com")
		routes := append((&hosted.Handler{}).Routes(), (&portal.Handler{}).Routes()...)
		posted := 0
		for _, r := range routes {
			path, ok := strings.CutPrefix(r.Pattern, "POST ")
			if !ok || path == "/sign-out" {
				continue
			}
			path = strings.NewReplacer("{attempt}", "at_00000000000000000000000000", "{token}", "never-was").Replace(path)
			for name, body := range bodies() {
				if path == "/account/security/disable" && strings.Contains(body, "confirm") || r.Guard == web.Session && name == "10 MB password" && path != "/account/password" {
					continue
				}
				posted++
				status, text := post(t, h.URL+path, body, p.Visitor.Cookies())
				if status >= 500 || status < 300 {
					t.Errorf("%s with %s: status %d: %.200s", path, name, status, text)
				}
			}
		}
		if posted < 200 {
			t.Errorf("only %d forms were tried", posted)
		}
		if got := p.Status(); got != "enabled" {
			t.Errorf("the person's status is %q after all that", got)
		}
		h.SignOut(p.Visitor)
		h.Clock.Advance(2 * 3600e9) // whatever was locked is open again
		v := h.Browser("")
		page := p.Door(v)
		if page.Name != "code" {
			t.Fatalf("page %q, fault %q", page.Name, page.Fault)
		}
		// The bare form of the recovery code's page makes a new one, which nobody
		// said is saved; so the sign-in brings one more.
		if page = h.Must(v.Submit(page, "code", p.Fresh())); page.Name != "account" && page.Name != "recovery-code" {
			t.Errorf("page %q, fault %q after all that", page.Name, page.Fault)
		}
	})
}

func post(t *testing.T, to, body string, cookies []*http.Cookie) (int, string) {
	t.Helper()
	req, err := http.NewRequest(http.MethodPost, to, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	for _, c := range cookies {
		req.AddCookie(c)
	}
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Do(req)
	if err != nil {
		if len(body) > 1<<20 {
			return http.StatusRequestEntityTooLarge, "" // the server hung up in the middle of ten megabytes, after its answer
		}
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(b)
}

// FuzzForms looks for a body and a header that bring a form of the door down.
func FuzzForms(f *testing.F) {
	h := house.Open(f, "sqlite")
	n := 0
	for name, b := range bodies() {
		if len(b) < 1<<20 {
			f.Add([]byte(b), name)
		}
	}
	f.Add([]byte("login=a&password=b"), "X-Forwarded-For: , ,::1, 300.1.1.1")
	f.Fuzz(func(t *testing.T, body []byte, forwarded string) {
		n++
		req, err := http.NewRequest(http.MethodPost, h.URL+[]string{"/sign-in", "/reset", "/invitation/x", "/sign-in/at_x/code"}[n%4], bytes.NewReader(body))
		if err != nil {
			t.Skip()
		}
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		if !strings.ContainsAny(forwarded, "\r\n\x00") && forwarded == strings.ToValidUTF8(forwarded, "") {
			req.Header.Set("X-Forwarded-For", fmt.Sprintf("%q, 10.%d.%d.1", forwarded, n/250%250, n%250))
		}
		resp, err := http.DefaultTransport.RoundTrip(req)
		if err != nil {
			t.Skip() // the client itself would not send this
		}
		defer resp.Body.Close()
		if resp.StatusCode >= 500 {
			b, _ := io.ReadAll(resp.Body)
			t.Errorf("status %d for %q: %.300s", resp.StatusCode, body, b)
		}
	})
}
