package signin_test

import (
	"crypto/pbkdf2"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"strings"
	"testing"

	"golang.org/x/crypto/argon2"
	"golang.org/x/crypto/bcrypt"
	"golang.org/x/crypto/scrypt"

	"sallyport/internal/core"
	"sallyport/internal/secret"
	"sallyport/internal/signin"
	"sallyport/internal/store"
	"sallyport/internal/testkit/house"
)

// imported gives a person a password hash of another system.
func imported(h *house.House, p *house.Person, hash secret.Imported, err error) {
	h.T.Helper()
	if err != nil {
		h.T.Fatal(err)
	}
	h.Change(p.Tenant, func(tx store.Tx) error {
		_, err := tx.DropBrowsers(p.ID)
		if err != nil {
			return err
		}
		return tx.SetPassword(p.ID, core.Password{Hash: hash.Stored(), SetAt: tx.Now()})
	})
}

func pbkdf2Hash(h *house.House, password string) (secret.Imported, error) {
	key, err := pbkdf2.Key(sha256.New, password, []byte("another system's"), 1000, 32)
	if err != nil {
		h.T.Fatal(err)
	}
	return secret.PBKDF2("sha256", 1000, []byte("another system's"), key)
}

func stored(h *house.House, p *house.Person) (out core.Password) {
	h.T.Helper()
	h.View(p.Tenant, func(r store.Reader) (err error) { out, err = r.Password(p.ID); return err })
	return out
}

// A password that was right at the other system is right here, whatever hashed
// it there, and is ours from the first sign-in on.
func TestImportedPasswordsSignIn(t *testing.T) {
	each(t, func(t *testing.T, h *house.House) {
		org := h.Organisation("Moved", "self-service", "")
		salt := []byte("another system's")
		for i, make := range []func() (secret.Imported, error){
			func() (secret.Imported, error) { return pbkdf2Hash(h, house.Password) },
			func() (secret.Imported, error) {
				hash, err := bcrypt.GenerateFromPassword([]byte(house.Password), bcrypt.MinCost)
				if err != nil {
					t.Fatal(err)
				}
				return secret.ReadImported(string(hash))
			},
			func() (secret.Imported, error) {
				key, err := scrypt.Key([]byte(house.Password), salt, 16, 8, 1, 32)
				if err != nil {
					t.Fatal(err)
				}
				return secret.ReadImported(fmt.Sprintf("$scrypt$ln=4,r=8,p=1$%s$%s", base64ed(salt), base64ed(key)))
			},
			func() (secret.Imported, error) {
				return secret.Argon2("argon2i", 19, 64, 2, 1, salt, argon2.Key([]byte(house.Password), salt, 2, 64, 1, 32))
			},
			func() (secret.Imported, error) {
				return secret.Argon2("argon2id", 19, 128, 3, 2, salt, argon2.IDKey([]byte(house.Password), salt, 3, 128, 2, 32))
			},
		} {
			p := h.Person(org, fmt.Sprintf("person%d@example.com", i))
			hash, err := make()
			imported(h, p, hash, err)
			if a := h.Raw(at(10*i+1)).Post("/sign-in", "login", p.Login, "password", house.Password+"!"); a.Fault() != core.ErrRefused.Code {
				t.Errorf("%s: a wrong password: to %q, fault %q", hash.Setting(), a.Location, a.Fault())
			}
			if got := stored(h, p); got.Hash != hash.Stored() {
				t.Errorf("%s: a wrong password changed the hash", hash.Setting())
			}
			if a := p.Knock(h.Raw(at(10*i + 2))); !a.In() {
				t.Errorf("%s: to %q, fault %q", hash.Setting(), a.Location, a.Fault())
			}
			ours := stored(h, p)
			if !strings.HasPrefix(ours.Hash, "$argon2id$v=19$m=64,t=1,p=1$") || ours.Length != 15 || ours.MustChange {
				t.Errorf("%s: kept as %+v", hash.Setting(), ours)
			}
			if a := p.Knock(h.Raw(at(10*i + 3))); !a.In() || stored(h, p) != ours {
				t.Errorf("%s: the second sign-in: fault %q", hash.Setting(), a.Fault())
			}
		}
	})
}

func base64ed(b []byte) string { return base64.RawStdEncoding.EncodeToString(b) }

// Decision 7.16: how long an imported password is shows at the first sign-in. One
// that could not be chosen here is changed there, after everything else that is
// asked for, and nobody is locked out by it.
func TestImportedPasswordsThatMayNotStay(t *testing.T) {
	each(t, func(t *testing.T, h *house.House) {
		org := h.Organisation("Moved", "self-service", "")
		strict := h.Organisation("Strict", "", `{"requirement":["organization"]}`)
		for i, row := range []struct {
			org      core.Tenant
			password string
			stays    bool
		}{
			{org, "eight and", false}, // nine characters where the password is alone
			{org, "fifteen letters", true},
			{strict, "nine more", true}, // beside a second factor
			{strict, "seven .", false},
			{org, "passwordpassword", false}, // common
			{org, "person5@example.com", false},
		} {
			p := h.Enrolled(row.org, fmt.Sprintf("person%d@example.com", i))
			hash, err := pbkdf2Hash(h, row.password)
			imported(h, p, hash, err)
			p.Password = row.password
			r := h.Raw(at(10*i + 1))
			page := p.Attempt(r)
			a := r.Post(page, "code", p.Fresh())
			if row.stays {
				if !a.In() {
					t.Errorf("%q: leads to %q, fault %q", row.password, a.Location, a.Fault())
				}
				continue
			}
			if step(a) != "new-password" || r.Inside() {
				t.Errorf("%q: leads to %q, fault %q", row.password, a.Location, a.Fault())
				continue
			}
			// Left there, the next sign-in asks again.
			again := h.Raw(at(10*i + 2))
			if a = again.Post(p.Attempt(again), "code", p.Fresh()); step(a) != "new-password" {
				t.Errorf("%q: the second time to %q, fault %q", row.password, a.Location, a.Fault())
			}
			if b := again.Post(a.Location, "new_password", row.password); b.In() {
				t.Errorf("%q stays by being typed again", row.password)
			}
			if b := again.Post(a.Location, "new_password", another); !b.In() {
				t.Errorf("%q: a new one: fault %q", row.password, b.Fault())
			}
			p.Password = another
			last := h.Raw(at(10*i + 3))
			if a = last.Post(p.Attempt(last), "code", p.Fresh()); !a.In() {
				t.Errorf("%q: with the new one to %q, fault %q", row.password, a.Location, a.Fault())
			}
		}
	})
}

// A password of somebody who signs in elsewhere opens nothing, imported or not.
func TestImportedPasswordsOfFederatedPeople(t *testing.T) {
	each(t, func(t *testing.T, h *house.House) {
		p := h.Person(h.Organisation("Moved", "self-service", ""), "away@example.com")
		hash, err := pbkdf2Hash(h, p.Password)
		imported(h, p, hash, err)
		federate(h, p)
		if a := p.Knock(h.Raw(at(1))); a.Fault() != core.ErrRefused.Code {
			t.Errorf("to %q, fault %q", a.Location, a.Fault())
		}
	})
}

// A-06, B-25: unknown logins take the time of imported hashes in the shares that
// these have, each login always the same, so that time is no list of accounts.
func TestUnknownLoginsTakeTheTimeOfImportedHashesA06(t *testing.T) {
	h := house.Open(t, "sqlite")
	count := func(d *signin.Decoys) map[string]int {
		got := map[string]int{}
		for i := range 10_000 {
			login := fmt.Sprintf("nobody%d@example.com", i)
			hash := d.For(login)
			if d.For(login) != hash {
				t.Fatalf("%s has two decoys", login)
			}
			got[secret.SettingOf(hash)]++
		}
		return got
	}
	d := &signin.Decoys{Ring: h.Ring, Hasher: h.Hasher}
	if got := count(d); got[""] != 10_000 {
		t.Errorf("nothing was imported: %v", got)
	}
	d.Set(map[string]int64{"": 500})
	if got := count(d); got[""] != 10_000 || d.For("nobody") != h.Hasher.Dummy() {
		t.Errorf("only our own: %v", got)
	}
	d.Set(map[string]int64{"": 250_000, "bcrypt,c=10": 500_000})
	d.Add(map[string]int64{"pbkdf2-sha256,i=27500,l=64": 250_000})
	got := count(d)
	for setting, want := range map[string]int{"": 2500, "bcrypt,c=10": 5000, "pbkdf2-sha256,i=27500,l=64": 2500} {
		if n := got[setting]; n < want-300 || n > want+300 {
			t.Errorf("%q: %d of 10,000, want about %d", setting, n, want)
		}
	}
	// Who is locked takes the time of the hash that is not looked at.
	locked, err := pbkdf2Hash(h, "any")
	if err != nil {
		t.Fatal(err)
	}
	for stored, want := range map[string]string{locked.Stored(): locked.Setting(), h.Hasher.Dummy(): "", d.Instead(locked.Stored()): locked.Setting()} {
		decoy := d.Instead(stored)
		if secret.SettingOf(decoy) != want || decoy == locked.Stored() {
			t.Errorf("instead of %q: %q", want, decoy)
		}
	}
	// All that were imported have signed in.
	d.Set(map[string]int64{"": 1_000_000, "bcrypt,c=10": 0})
	if got := count(d); got[""] != 10_000 {
		t.Errorf("nothing imported is left: %v", got)
	}
}

// What is stored is counted where something was ever imported.
func TestImportedHashesAreCounted(t *testing.T) {
	each(t, func(t *testing.T, h *house.House) {
		p := h.Person(h.Organisation("Moved", "self-service", ""), "anna@example.com")
		hash, err := pbkdf2Hash(h, p.Password)
		imported(h, p, hash, err)
		d := &signin.Decoys{Ring: h.Ring, Hasher: h.Hasher}
		soon, err := d.Count(t.Context(), h.Store)
		if err != nil || secret.SettingOf(d.For("nobody")) != "" {
			t.Fatalf("counted although nothing was imported: %v", err)
		}
		if err := d.Imported(t.Context(), h.Store); err != nil {
			t.Fatal(err)
		}
		if again, err := d.Count(t.Context(), h.Store); err != nil || again != soon || secret.SettingOf(d.For("nobody")) != hash.Setting() {
			t.Errorf("the one password is imported: again in %s, %q, %v", again, d.For("nobody"), err)
		}
		if a := p.Knock(h.Raw(at(1))); !a.In() {
			t.Fatal(a.Fault())
		}
		if again, err := d.Count(t.Context(), h.Store); err != nil || again <= soon || d.For("nobody") != h.Hasher.Dummy() {
			t.Errorf("none is left: again in %s, %q, %v", again, d.For("nobody"), err)
		}
	})
}
