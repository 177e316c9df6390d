package adminapi

import (
	"encoding/base64"
	"errors"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"

	"sallyport/internal/core"
	api "sallyport/pkg/sallyport"
)

// clear is a sealer that seals nothing, so that the fuzzer gets past it.
type clear struct{ Sealer }

func (clear) Open(sealed []byte, bind ...string) ([]byte, error) {
	rest, ok := strings.CutPrefix(string(sealed), strings.Join(bind, "|"))
	if !ok {
		return nil, errors.New("not ours")
	}
	return []byte(rest), nil
}

// FuzzCursor: a cursor is a place, or refused as one that is none.
func FuzzCursor(f *testing.F) {
	f.Add("")
	f.Add(base64.RawURLEncoding.EncodeToString([]byte("a|bplace")))
	f.Add("%%%")
	f.Fuzz(func(t *testing.T, text string) {
		after, err := openCursor(clear{}, text, []string{"a", "b"})
		if (err == nil) == (after == "") || err != nil && !errors.Is(err, errCursor) {
			t.Errorf("%q: %q, %v", text, after, err)
		}
	})
}

// FuzzBody: whatever is sent is read as what an operation takes, or refused with a fault.
func FuzzBody(f *testing.F) {
	for _, seed := range []string{`{}`, `null`, `{"email":"a","name":"b"}`, `{"email":"a","email":"b"}`, `[[[[`, `{"settings":{"keys":{}},"name":"x","tenant":"y"}`, "{\"name\":\"\xff\"}"} {
		f.Add(seed)
	}
	r := httptest.NewRequest("POST", "/", nil)
	r.Header.Set("Content-Type", "application/json")
	f.Fuzz(func(t *testing.T, body string) {
		for _, want := range []reflect.Type{reflect.TypeFor[api.NewUser](), reflect.TypeFor[api.NewApp](), reflect.TypeFor[api.NewService](), reflect.TypeFor[nothing](), rawJSON} {
			in, err := parse(r, []byte(body), want)
			if _, fault := core.AsFault(err); err != nil && !fault || err == nil && reflect.TypeOf(in) != want {
				t.Errorf("%s: %v, %v", body, in, err)
			}
		}
	})
}
