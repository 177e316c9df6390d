package roster

import (
	"encoding/base32"
	"encoding/base64"
	"fmt"
	"os"
	"strings"
	"testing"

	"sallyport/internal/secret"
)

func keycloakRows(t *testing.T, text string) ([]Row, []string) {
	t.Helper()
	r, err := NewKeycloak(strings.NewReader(text), "x-users-0.json")
	if err != nil {
		t.Fatal(err)
	}
	return rows(t, r)
}

// The file is shaped as `kc.sh export` writes it.
func TestKeycloakUsers(t *testing.T) {
	text, err := os.ReadFile("testdata/keycloak-users-0.json")
	if err != nil {
		t.Fatal(err)
	}
	got, bad := keycloakRows(t, string(text))
	salt, key := base64.RawStdEncoding.EncodeToString([]byte("0123456789abcdef")), base64.RawStdEncoding.EncodeToString([]byte(strings.Repeat("k", 64)))
	want := []Row{
		{Login: "anna", Email: "anna@example.com", Name: "Anna Berg", Status: "active", Locale: "de", PasswordHash: "$pbkdf2-sha256$i=27500,l=64$" + salt + "$" + key,
			TOTPSecret: base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString([]byte("Pz9hUOJMcGBFnbMjuYX4")), TOTPDigits: "6", TOTPPeriod: "30", TOTPAlgorithm: "SHA1", Notes: []string{"keycloak.other_credential"}},
		{Login: "ben", Email: "ben@example.com", Name: "Ben", Status: "disabled", PasswordHash: "$pbkdf2-sha512$i=210000,l=64$" + salt + "$" + key, MustChange: "true"},
		{Login: "cleo", Email: "cleo@example.com", Status: "invited", PasswordHash: "$pbkdf2-sha1$i=20000,l=64$" + salt + "$" + key},
		{Login: "dora", Email: "dora@example.com", Status: "active", PasswordHash: "$argon2id$v=19$m=7168,t=5,p=1$" + salt + "$" + salt,
			TOTPSecret: "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP", TOTPDigits: "8", TOTPPeriod: "30", TOTPAlgorithm: "SHA1", Notes: []string{"totp.more_than_one"}},
		{Login: "emil", Email: "emil@example.com", Status: "active", Federated: "true"},
		{Login: "fritz", Email: "fritz@example.com", Status: "active", PasswordHash: "$2a$10$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy", Notes: []string{"keycloak.federated_with_password"}},
		{Login: "gina", Email: "gina@example.com", Status: "active", PasswordHash: "$argon2i$v=16$m=7168,t=5,p=1$" + salt + "$" + salt, TOTPSecret: "OJQXO", TOTPDigits: "6", TOTPAlgorithm: "HOTP"},
		{Login: "hugo", Email: "hugo@example.com", Status: "active", PasswordHash: "$unheard-of$"},
	}
	for i := range got {
		if got[i].Where != fmt.Sprintf("x-users-0.json, user %d", i+1) {
			t.Errorf("%s stands at %s", got[i].Login, got[i].Where)
		}
		got[i].Where = ""
	}
	for i := range max(len(got), len(want)) {
		if i >= len(got) || i >= len(want) || fmt.Sprint(got[i]) != fmt.Sprint(want[i]) {
			t.Errorf("got\n%+v, want\n%+v", got[i:], want[i:])
			break
		}
	}
	if fmt.Sprint(bad) != "[skipped: keycloak.service_account_of_a_client x-users-0.json, user 10: import.credential]" {
		t.Errorf("bad: %v", bad)
	}
	// What was written out of pieces is what the check of hashes reads.
	for i, kind := range []string{secret.KindPBKDF2SHA256, secret.KindPBKDF2SHA512, secret.KindPBKDF2SHA1, secret.KindArgon2id, "", secret.KindBcrypt} {
		if kind == "" {
			continue
		}
		h, err := secret.ReadImported(got[i].PasswordHash)
		if err != nil || h.Kind() != kind {
			t.Errorf("%s: %v, %v", got[i].PasswordHash, h, err)
		}
	}
}

func TestKeycloakFiles(t *testing.T) {
	for name, row := range map[string]struct {
		text  string
		users int
		fault string
	}{
		"a whole realm":           {`{"realm":"x","roles":{"realm":[{"name":"users"}],"users":[1]},"users":[{"username":"a"},{"username":"b"}],"clients":[]}`, 2, ""},
		"an empty realm":          {`{"realm":"x","users":[]}`, 0, ""},
		"no users":                {`{"realm":"x","groups":[{"users":[]}]}`, 0, "has no users in it"},
		"cut off":                 {`{"realm":"x","users":[{"username":"a"},{"userna`, 1, "breaks off after user 1"},
		"cut off before":          {`{"realm":"x","roles":{`, 0, "breaks off after user 0"},
		"not JSON after a secret": {`{"users":[{"username":"a"},{"secretData":"topsecret" x`, 1, "is not whole JSON after user 1"},
		"users of another shape":  {`{"users":{"a":1}}`, 0, "is not whole JSON"},
	} {
		r, err := NewKeycloak(strings.NewReader(row.text), "x.json")
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for {
			if _, err = r.Next(); err != nil {
				break
			}
			n++
		}
		if n != row.users || row.fault == "" && err.Error() != "EOF" || !strings.Contains(err.Error(), row.fault) || strings.Contains(err.Error(), "topsecret") {
			t.Errorf("%s: %d users, %v", name, n, err)
		}
	}
	for _, text := range []string{"", "[]", "x", `"users"`} {
		if _, err := NewKeycloak(strings.NewReader(text), "x.json"); err == nil {
			t.Errorf("%q is an export", text)
		}
	}
	got, bad := keycloakRows(t, `{"users":[{"username":5},{"username":"a"}]}`)
	if len(got) != 1 || fmt.Sprint(bad) != "[x-users-0.json, user 1: import.value_shape]" {
		t.Errorf("%v, %v", got, bad)
	}
}
