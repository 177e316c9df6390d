package roster

import (
	"encoding/base32"
	"errors"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/text/language"

	"sallyport/internal/access"
	"sallyport/internal/core"
	"sallyport/internal/directory"
	"sallyport/internal/factor/totp"
	"sallyport/internal/i18n"
	"sallyport/internal/ident"
	"sallyport/internal/policy"
	"sallyport/internal/secret"
)

// Notes about rows that came in without something. They are counted.
const (
	noteLocale    = "locale.left_out"              // a language that the catalogs do not speak
	noteFederated = "federated.secrets_left_out"   // password or app of somebody who signs in elsewhere
	noteService   = "service_account.app_left_out" // a service account has no second factor
	noteShort     = "totp.short"                   // a key of less than 128 bits, which goes on working
	noteEmail     = "email.left_out"               // another address of somebody who has signed in here
	noteHash      = "password_hash.left_out"       // as asked for with DropSecrets
	noteTOTP      = "totp.left_out"
)

// candidate is a row that is right in itself.
type candidate struct {
	user  core.User // without id and times
	at    *place
	eff   policy.Effective
	roles []core.Role
	// What the row says itself, and is not filled in.
	saidRoles, saidName, saidFederated bool
	hash                               secret.Imported
	hashed                             bool
	mustChange                         bool
	app                                app
	notes                              []string
}

// app is an authenticator app.
type app struct {
	secret []byte // none when empty
	digits int
}

// check says what a row means, or what is wrong with it. It looks at the row
// alone.
func check(row Row, at *place, o Options, by access.Actor) (candidate, error) {
	c := candidate{at: at, eff: at.eff, notes: row.Notes}
	if !by.Can(access.Invite, at.at) {
		return c, core.NewFault(core.KindNotFound, "tenant.unknown") // somebody else's branch looks like one that never was
	}
	c.user.Tenant = at.tenant.ID
	for _, read := range []func(Row) error{c.readKind, c.readStatus, c.readNames, c.readLocale} {
		if err := read(row); err != nil {
			return c, err
		}
	}
	if err := c.readRoles(row.Roles, by); err != nil {
		return c, err
	}
	var err error
	if c.user.Federated, err = yes(row.Federated, "federated"); err != nil {
		return c, err
	}
	c.saidFederated = strings.TrimSpace(row.Federated) != ""
	if c.mustChange, err = yes(row.MustChange, "must_change"); err != nil {
		return c, err
	}
	return c, c.readSecrets(row, o)
}

func (c *candidate) note(word string) { c.notes = append(c.notes, word) }

func (c *candidate) readKind(row Row) error {
	switch strings.TrimSpace(row.Kind) {
	case "", string(core.Person):
		c.user.Kind = core.Person
	case string(core.ServiceAccount):
		c.user.Kind = core.ServiceAccount
	default:
		return core.Invalid("import.kind_unknown")
	}
	return nil
}

// readStatus: whoever imports vouches for the mailboxes of those who are active
// elsewhere. They have not signed in here, so they are not active here yet.
func (c *candidate) readStatus(row Row) error {
	switch strings.TrimSpace(row.Status) {
	case "", string(core.UserActive), string(core.UserValidated):
		c.user.State = core.UserValidated
	case string(core.UserInvited), string(core.MFAPendingValidation):
		c.user.State = core.UserInvited
	case string(core.UserDisabled):
		c.user.State, c.user.Before = core.UserDisabled, core.UserValidated
	default:
		return core.Invalid("import.status_unknown")
	}
	return nil
}

func (c *candidate) readNames(row Row) error {
	email := strings.TrimSpace(row.Email)
	if email != "" {
		addr, err := ident.ParseAddress(email)
		if err != nil {
			return err
		}
		c.user.Email, c.user.EmailKey = addr.String(), addr.Key()
	} else if c.user.Kind == core.Person {
		return core.Invalid("import.email_missing")
	}
	login := strings.TrimSpace(row.Login)
	if login == "" {
		if login = c.user.Email; login == "" {
			return core.Invalid("import.login_missing")
		}
	}
	key, err := ident.NewLoginKey(login)
	if err != nil {
		return err
	}
	c.user.Login, c.user.LoginKey = login, key
	name := row.Name
	if c.saidName = strings.TrimSpace(name) != ""; !c.saidName {
		name, _, _ = strings.Cut(login, "@")
	}
	c.user.Name, err = directory.CleanName(name)
	return err
}

// readLocale takes a language of which the catalogs speak the base: de-AT is de.
// Somebody whose language they lack is brought in all the same.
func (c *candidate) readLocale(row Row) error {
	text := strings.TrimSpace(row.Locale)
	if text == "" || i18n.Known(text) {
		c.user.Locale = text
		return nil
	}
	tag, err := language.Parse(strings.ReplaceAll(text, "_", "-"))
	if err == nil {
		base, _ := tag.Base()
		if i18n.Known(base.String()) {
			c.user.Locale = base.String()
			return nil
		}
	}
	c.note(noteLocale)
	return nil
}

func (c *candidate) readRoles(text string, by access.Actor) error {
	for _, word := range strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune(",;| \t\n", r) }) {
		role := core.Role(word)
		switch {
		case slices.Contains(c.roles, role):
			continue
		case !slices.Contains(core.Roles, role):
			return core.Invalid("import.role_unknown")
		case !access.Fits(role, c.at.tenant.Kind):
			return core.Invalid("role.wrong_place", "role", string(role), "kind", string(c.at.tenant.Kind))
		case !by.MayGrant(access.Grant{Role: role, At: c.at.at}):
			return core.ErrForbidden
		}
		c.roles = append(c.roles, role)
	}
	if c.saidRoles = len(c.roles) > 0; !c.saidRoles {
		c.roles = []core.Role{core.RoleUser}
	}
	return nil
}

func yes(text, column string) (bool, error) {
	switch strings.ToLower(strings.TrimSpace(text)) {
	case "", "false", "no", "0":
		return false, nil
	case "true", "yes", "1":
		return true, nil
	}
	return false, core.Invalid("import.not_yes_or_no", "column", column)
}

// readSecrets reads password and app. Whoever signs in elsewhere gets neither: a
// secret that opens nothing is only there to be stolen.
func (c *candidate) readSecrets(row Row, o Options) error {
	hash := strings.TrimSpace(row.PasswordHash)
	if c.user.Federated {
		if hash != "" || row.TOTPSecret != "" {
			c.note(noteFederated)
		}
		return nil
	}
	if hash != "" {
		var err error
		if c.hash, err = secret.ReadImported(hash); err == nil {
			c.hashed = true
		} else if o.DropSecrets {
			c.note(noteHash)
		} else {
			return hashFault(err)
		}
	}
	if strings.TrimSpace(row.TOTPSecret) == "" {
		return nil
	}
	if c.user.Kind == core.ServiceAccount {
		c.note(noteService)
		return nil
	}
	a, short, fault := readApp(row)
	switch {
	case fault == nil:
		if c.app = a; short {
			c.note(noteShort)
		}
	case o.DropSecrets:
		c.note(noteTOTP)
	default:
		return fault
	}
	return nil
}

func hashFault(err error) error {
	var t secret.HashTrouble
	if !errors.As(err, &t) {
		return err
	}
	f := core.Invalid("import.hash_unknown")
	switch t.Why {
	case secret.HashMalformed:
		f = core.Invalid("import.hash_malformed")
	case secret.HashTooCostly:
		f = core.Invalid("import.hash_too_costly")
	}
	return f.With("kind", t.Kind)
}

// leastKey is 80 bits, the length that apps made for years. New keys have twice
// that (T-07); an old one goes on working rather than lock its owner out.
const leastKey = 10

// readApp reads a key in base32, or the whole otpauth URI that an app scans.
func readApp(row Row) (a app, short bool, fault *core.Fault) {
	text, digits, period, algorithm := strings.TrimSpace(row.TOTPSecret), row.TOTPDigits, row.TOTPPeriod, row.TOTPAlgorithm
	if len(text) > 8 && strings.EqualFold(text[:8], "otpauth:") {
		u, err := url.Parse(text)
		if err != nil {
			return a, false, core.Invalid("import.totp_malformed")
		}
		if !strings.EqualFold(u.Host, "totp") {
			return a, false, core.Invalid("import.totp_algorithm", "algorithm", "HOTP")
		}
		q := u.Query()
		text = q.Get("secret")
		for name, field := range map[string]*string{"digits": &digits, "period": &period, "algorithm": &algorithm} {
			if v := q.Get(name); v != "" {
				*field = v
			}
		}
	}
	algorithm = algorithmName.Replace(strings.ToUpper(strings.TrimSpace(algorithm)))
	if algorithm != "" && algorithm != totp.SHA1 {
		return a, false, core.Invalid("import.totp_algorithm", "algorithm", oneOf(algorithm, "SHA256", "SHA512", "MD5", "HOTP", "SHA224", "SHA384", "STEAM"))
	}
	if n, ok := whole(period, 30); !ok || n != 30 {
		return a, false, core.Invalid("import.totp_period", "period", n)
	}
	n, ok := whole(digits, 6)
	if !ok || n != 6 && n != 8 {
		return a, false, core.Invalid("import.totp_digits", "digits", n)
	}
	text = strings.ToUpper(strings.Map(func(r rune) rune {
		if strings.ContainsRune(" \t\r\n-", r) {
			return -1
		}
		return r
	}, text))
	key, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(strings.TrimRight(text, "="))
	if err != nil || len(key) > 128 {
		return a, false, core.Invalid("import.totp_malformed")
	}
	if len(key) < leastKey {
		return a, false, core.Invalid("import.totp_short", "bits", len(key)*8, "min", leastKey*8)
	}
	return app{key, n}, len(key) < 16, nil
}

var algorithmName = strings.NewReplacer("HMAC", "", "-", "")

// oneOf is a word if the list has it: nothing else of a row may be shown.
func oneOf(word string, list ...string) string {
	if slices.Contains(list, word) {
		return word
	}
	return "unknown"
}

func whole(text string, preset int) (int, bool) {
	if text = strings.TrimSpace(text); text == "" {
		return preset, true
	}
	n, err := strconv.Atoi(text)
	return n, err == nil
}
