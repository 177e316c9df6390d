package sallyport_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"sallyport/pkg/sallyport"
)

// A write that is tried again carries the same key, waits as it was told, and a token
// that was refused is fetched anew once.
func TestTriesAgain(t *testing.T) {
	var keys, waits []string
	tokens, asked := 0, 0
	mux := http.NewServeMux()
	mux.HandleFunc("POST /oauth2/token", func(w http.ResponseWriter, r *http.Request) {
		tokens++
		id, secret, _ := r.BasicAuth()
		if id != "ap_1" || secret != "s%2Bt" || r.FormValue("resource") == "" {
			t.Errorf("%q, %q, %v", id, secret, r.Form)
		}
		fmt.Fprintf(w, `{"access_token":"token%d","expires_in":300}`, tokens)
	})
	mux.HandleFunc("POST /api/v1/tenants", func(w http.ResponseWriter, r *http.Request) {
		asked++
		keys = append(keys, r.Header.Get("Idempotency-Key"))
		problem := func(status int, code string) {
			w.Header().Set("Content-Type", "application/problem+json")
			w.WriteHeader(status)
			fmt.Fprintf(w, `{"status":%d,"code":%q,"field":"name"}`, status, code)
		}
		switch {
		case r.Header.Get("Authorization") == "Bearer token1":
			problem(401, "token.invalid")
		case asked == 2:
			w.Header().Set("Retry-After", "7")
			problem(429, "api.rate_limited")
		case asked == 3:
			w.WriteHeader(503)
		default:
			w.WriteHeader(201)
			fmt.Fprint(w, `{"id":"tn_1","name":"Huber","a_later_field":1}`)
		}
	})
	server := httptest.NewServer(mux)
	defer server.Close()
	c, err := sallyport.New(server.URL, sallyport.ClientCredentials("ap_1", "s+t"), sallyport.WithWait(func(_ context.Context, d time.Duration) error {
		waits = append(waits, d.String())
		return nil
	}))
	if err != nil {
		t.Fatal(err)
	}
	got, err := c.CreateTenant(t.Context(), sallyport.NewTenant{Name: "Huber"})
	if err != nil || got.ID != "tn_1" {
		t.Fatalf("%+v, %v", got, err)
	}
	if len(keys) != 4 || keys[0] == "" || len(slices.Compact(slices.Clone(keys))) != 1 || tokens != 2 || !slices.Equal(waits, []string{"7s", "800ms"}) {
		t.Errorf("keys %q, %d tokens, waits %q", keys, tokens, waits)
	}
}

// A refusal is an error with its code, and is not tried again.
func TestRefusals(t *testing.T) {
	asked := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked++
		w.Header().Set("Content-Type", "application/problem+json")
		w.WriteHeader(422)
		fmt.Fprint(w, `{"status":422,"code":"api.field_unknown","field":"colour","detail":"It is not known."}`)
	}))
	defer server.Close()
	c, err := sallyport.New(server.URL, sallyport.Token("x"))
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.Me(t.Context())
	if !errors.Is(err, &sallyport.Error{Code: "api.field_unknown"}) || sallyport.CodeOf(err) != "api.field_unknown" || asked != 1 || err.Error() != "422 api.field_unknown (colour): It is not known." {
		t.Errorf("%v after %d requests", err, asked)
	}
	for _, bad := range []string{"", "id.example.com", "ftp://id.example.com", "https://a:b@id.example.com", "https://id.example.com/?x=1"} {
		if _, err := sallyport.New(bad, sallyport.Token("x")); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
}
