package roster

import (
	"bufio"
	"encoding/base32"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"sallyport/internal/core"
)

// NewKeycloak reads the people of a realm's export: <realm>-realm.json with users
// in it, or <realm>-users-N.json. name says which file it is.
//
// What is read of a user: username, email, first and last name, enabled, the
// locale attribute, the password, the first authenticator app, and the required
// actions UPDATE_PASSWORD and VERIFY_EMAIL. Somebody with a federated identity
// and no password of their own is federated.
func NewKeycloak(in io.Reader, name string) (Reader, error) {
	k := &keycloak{in: json.NewDecoder(bufio.NewReaderSize(in, 1<<16)), name: name}
	if t, err := k.in.Token(); err != nil || t != json.Delim('{') {
		return nil, fmt.Errorf("%s is not an export of a realm: it does not begin as an object of JSON", name)
	}
	return k, nil
}

// keycloak goes through the keys of the outermost object and stops at users.
type keycloak struct {
	in     *json.Decoder
	name   string
	user   int
	inside bool // in the list of users
	seen   bool // a list of users was there
}

func (k *keycloak) Next() (Row, error) {
	for !k.inside {
		t, err := k.in.Token()
		if err != nil {
			return Row{}, k.broken(err)
		}
		key, isKey := t.(string)
		switch {
		case t == json.Delim('}') && !k.seen:
			return Row{}, fmt.Errorf("%s has no users in it: the admin console leaves them out, `kc.sh export` writes them", k.name)
		case t == json.Delim('}'):
			return Row{}, io.EOF
		case isKey && key == "users":
			if t, err = k.in.Token(); err != nil || t != json.Delim('[') {
				return Row{}, k.broken(errors.New("users is no list"))
			}
			k.inside, k.seen = true, true
		default:
			if err := k.skip(); err != nil {
				return Row{}, k.broken(err)
			}
		}
	}
	if !k.in.More() {
		if _, err := k.in.Token(); err != nil {
			return Row{}, k.broken(err)
		}
		k.inside = false
		return k.Next()
	}
	var raw json.RawMessage
	if err := k.in.Decode(&raw); err != nil {
		return Row{}, k.broken(err)
	}
	k.user++
	where := k.name + ", user " + strconv.Itoa(k.user)
	var u keycloakUser
	if json.Unmarshal(raw, &u) != nil {
		return Row{}, BadRow{where, core.Invalid("import.value_shape", "column", "user")}
	}
	if u.ServiceAccountClientID != "" {
		return Row{}, Skipped{"keycloak.service_account_of_a_client"}
	}
	row, fault := u.row()
	if fault != nil {
		return Row{}, BadRow{where, fault}
	}
	row.Where = where
	return row, nil
}

// broken never quotes the file.
func (k *keycloak) broken(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("%s breaks off after user %d", k.name, k.user)
	}
	return fmt.Errorf("%s is not whole JSON after user %d, about byte %d", k.name, k.user, k.in.InputOffset())
}

// skip passes one value by without keeping it.
func (k *keycloak) skip() error {
	depth := 0
	for {
		t, err := k.in.Token()
		if err != nil {
			return err
		}
		switch t {
		case json.Delim('{'), json.Delim('['):
			depth++
		case json.Delim('}'), json.Delim(']'):
			depth--
		}
		if depth == 0 {
			return nil
		}
	}
}

type keycloakUser struct {
	Username               string               `json:"username"`
	Email                  string               `json:"email"`
	FirstName              string               `json:"firstName"`
	LastName               string               `json:"lastName"`
	Enabled                *bool                `json:"enabled"`
	EmailVerified          bool                 `json:"emailVerified"`
	Attributes             map[string][]string  `json:"attributes"`
	Credentials            []keycloakCredential `json:"credentials"`
	RequiredActions        []string             `json:"requiredActions"`
	FederatedIdentities    []json.RawMessage    `json:"federatedIdentities"`
	FederationLink         string               `json:"federationLink"`
	ServiceAccountClientID string               `json:"serviceAccountClientId"`
}

type keycloakCredential struct {
	Type           string `json:"type"`
	SecretData     string `json:"secretData"` // JSON in a text
	CredentialData string `json:"credentialData"`
}

type keycloakSecret struct {
	Value          string `json:"value"`
	Salt           string `json:"salt"`
	SecretEncoding string `json:"secretEncoding"`
}

type keycloakData struct {
	HashIterations int                 `json:"hashIterations"`
	Algorithm      string              `json:"algorithm"`
	More           map[string][]string `json:"additionalParameters"`
	SubType        string              `json:"subType"`
	Digits         int                 `json:"digits"`
	Period         int                 `json:"period"`
	SecretEncoding string              `json:"secretEncoding"`
}

func (u keycloakUser) row() (Row, *core.Fault) {
	row := Row{Login: u.Username, Email: u.Email, Name: strings.TrimSpace(u.FirstName + " " + u.LastName), Status: "active"}
	if l := u.Attributes["locale"]; len(l) > 0 {
		row.Locale = l[0]
	}
	apps := 0
	for _, c := range u.Credentials {
		var s keycloakSecret
		var d keycloakData
		switch c.Type {
		case "password", "otp", "totp":
			if json.Unmarshal([]byte(c.SecretData), &s) != nil || json.Unmarshal([]byte(c.CredentialData), &d) != nil {
				return row, core.Invalid("import.credential", "type", c.Type)
			}
		case "password-history":
			continue
		default:
			row.Notes = append(row.Notes, "keycloak.other_credential")
			continue
		}
		if c.Type == "password" {
			row.PasswordHash = keycloakHash(s, d)
			continue
		}
		if apps++; apps > 1 {
			row.Notes = append(row.Notes, "totp.more_than_one")
			continue
		}
		row.TOTPSecret, row.TOTPDigits, row.TOTPPeriod, row.TOTPAlgorithm = keycloakApp(s, d)
	}
	if len(u.FederatedIdentities) > 0 || u.FederationLink != "" {
		// With a password of their own they can go on; marked as federated they could
		// not sign in at all.
		if row.PasswordHash == "" {
			row.Federated = "true"
		} else {
			row.Notes = append(row.Notes, "keycloak.federated_with_password")
		}
	}
	if slices.Contains(u.RequiredActions, "UPDATE_PASSWORD") {
		row.MustChange = "true"
	}
	switch {
	case u.Enabled != nil && !*u.Enabled:
		row.Status = "disabled"
	case !u.EmailVerified && slices.Contains(u.RequiredActions, "VERIFY_EMAIL"):
		row.Status = "invited"
	}
	return row, nil
}

// keycloakHash writes a password's hash as one text. What it cannot read it
// leaves to the check of hashes to refuse by name.
func keycloakHash(s keycloakSecret, d keycloakData) string {
	salt, err1 := base64.StdEncoding.DecodeString(s.Salt)
	key, err2 := base64.StdEncoding.DecodeString(s.Value)
	name := strings.TrimPrefix(d.Algorithm, "pbkdf2-")
	switch {
	case strings.HasPrefix(s.Value, "$2"): // the common extension for bcrypt
		return s.Value
	case err1 != nil || err2 != nil:
		return "$" + d.Algorithm + "$"
	case d.Algorithm == "pbkdf2":
		name = "sha1"
	}
	b64 := base64.RawStdEncoding
	if d.Algorithm == "argon2" {
		one := func(name, preset string) string {
			if v := d.More[name]; len(v) > 0 {
				return v[0]
			}
			return preset
		}
		version := map[string]string{"1.0": "16", "1.3": "19"}[one("version", "1.3")]
		return fmt.Sprintf("$argon2%s$v=%s$m=%s,t=%d,p=%s$%s$%s", one("type", "id"), version, one("memory", "7168"), d.HashIterations, one("parallelism", "1"),
			b64.EncodeToString(salt), b64.EncodeToString(key))
	}
	if strings.HasPrefix(d.Algorithm, "pbkdf2") {
		return fmt.Sprintf("$pbkdf2-%s$i=%d,l=%d$%s$%s", name, d.HashIterations, len(key), b64.EncodeToString(salt), b64.EncodeToString(key))
	}
	return "$" + d.Algorithm + "$"
}

// keycloakApp writes an app's secret in base32. It is kept as text, and the bytes
// of that text are the key, unless it says that it is base32.
func keycloakApp(s keycloakSecret, d keycloakData) (key, digits, period, algorithm string) {
	key = s.Value
	if s.SecretEncoding != "BASE32" && d.SecretEncoding != "BASE32" && key != "" {
		key = base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString([]byte(key))
	}
	text := func(n int) string {
		if n == 0 {
			return ""
		}
		return strconv.Itoa(n)
	}
	algorithm = strings.TrimPrefix(strings.ToUpper(d.Algorithm), "HMAC")
	if d.SubType == "hotp" {
		algorithm = "HOTP"
	}
	return key, text(d.Digits), text(d.Period), algorithm
}
