package secret

import (
	"crypto/pbkdf2"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// pbkdf2Of is what another program makes of a password, with ten rounds.
func pbkdf2Of(t testing.TB, password string) []byte {
	t.Helper()
	key, err := pbkdf2.Key(sha256.New, password, []byte("salt"), 10, 32)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

const cologne = "Grüße aus Köln"

func unbase64(t testing.TB, s string) []byte {
	t.Helper()
	b, err := base64.StdEncoding.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func readImported(t testing.TB, text string) Imported {
	t.Helper()
	i, err := ReadImported(text)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return i
}

// Hashes that others made: published ones, and ones of Python's hashlib and of
// libxcrypt. Passwords that sign in there sign in here.
func TestHashesOfOtherSystems(t *testing.T) {
	keycloak := func(digest, key string) string {
		i, err := PBKDF2(digest, 1000, unbase64(t, "AAECAwQFBgcICQoLDA0ODw=="), unbase64(t, key))
		if err != nil {
			t.Fatal(err)
		}
		return i.Stored()
	}
	h := newHasher(t, HasherOptions{})
	for _, row := range []struct {
		name, hash, password, kind, setting string
	}{
		{"bcrypt 2a", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW", "U*U", KindBcrypt, "bcrypt,c=5"},
		{"bcrypt 2y, not ASCII", "$2y$04$abcdefghijklmnopqrstuu8CUm8kgrZsnboz/WhY60Zf2APZzRatm", cologne, KindBcrypt, "bcrypt,c=4"},
		{"bcrypt in a directory", "{CRYPT}$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW", "U*U", KindBcrypt, "bcrypt,c=5"},
		{"passlib, SHA-1", "$pbkdf2$1000$AAECAwQFBgcICQoLDA0ODw$OH5FhnVHosAh9VMCF86j3zf5FvA", cologne, KindPBKDF2SHA1, "pbkdf2-sha1,i=1000,l=20"},
		{"passlib, SHA-256", "$pbkdf2-sha256$6400$.6UI/S.nXIk8jcbdHx3Fhg$98jZicV16ODfEsEZeYPGHU3kbrUrvUEXOPimVSQDD44", "password", KindPBKDF2SHA256, "pbkdf2-sha256,i=6400,l=32"},
		{"passlib, SHA-512", "$pbkdf2-sha512$1000$AAECAwQFBgcICQoLDA0ODw$qXyo5WQOsLUKX54UeLpU7Ixka8oPb8y.dE2S7BRbQd9XvefuJHwIs7ic/60HwobzNHC2RYI8nL4EG4g/GZi7IQ", cologne, KindPBKDF2SHA512, "pbkdf2-sha512,i=1000,l=64"},
		{"PHC with names", "$pbkdf2-sha256$i=1000,l=32$AAECAwQFBgcICQoLDA0ODw$Pyb7Cs+k85w/isEOVR6ARQzsCt/UriPr4ZhWnJLVKME", cologne, KindPBKDF2SHA256, "pbkdf2-sha256,i=1000,l=32"},
		{"Django", "pbkdf2_sha256$1000$seasalt$WZfTrUCLIny1P/lZcqNeag4xOlFcgqIA4QCCH4fqOQA=", cologne, KindPBKDF2SHA256, "pbkdf2-sha256,i=1000,l=32"},
		{"Django, SHA-1", "pbkdf2_sha1$1000$seasalt$Rk9ccet1pGspqYxzYQviAZ95WOM=", cologne, KindPBKDF2SHA1, "pbkdf2-sha1,i=1000,l=20"},
		{"Keycloak, SHA-1 and 512 bits", keycloak("sha1", "OH5FhnVHosAh9VMCF86j3zf5FvCDlM1VFsIbzKbJbXQOEPlLStTOzpsY1yyUx3PVCKLeCQT3aQdS6iTf9Cgydw=="), cologne, KindPBKDF2SHA1, "pbkdf2-sha1,i=1000,l=64"},
		{"Keycloak, SHA-256 and 512 bits", keycloak("sha256", "Pyb7Cs+k85w/isEOVR6ARQzsCt/UriPr4ZhWnJLVKMFSq3FOEo3iDG7hTGPRN7MU3GIbRfR4skqgstwm6/LXRQ=="), cologne, KindPBKDF2SHA256, "pbkdf2-sha256,i=1000,l=64"},
		{"Keycloak, SHA-512", keycloak("sha512", "qXyo5WQOsLUKX54UeLpU7Ixka8oPb8y+dE2S7BRbQd9XvefuJHwIs7ic/60HwobzNHC2RYI8nL4EG4g/GZi7IQ=="), cologne, KindPBKDF2SHA512, "pbkdf2-sha512,i=1000,l=64"},
		{"scrypt", "$scrypt$ln=4,r=8,p=2$AAECAwQFBgcICQoLDA0ODw$QngujJ64xdGbf3wxsFtbI6NfPe1pn6peoMXgYTnIPxA", cologne, KindScrypt, "scrypt,ln=4,r=8,p=2,l=32"},
		{"scrypt of passlib's documents", "$scrypt$ln=16,r=8,p=1$aM15713r3Xsvxbi31lqr1Q$nFNh2CVHVjNldFVKDHDlm4CbdRSCdEBsjjJxD+iCs5E", "password", KindScrypt, "scrypt,ln=16,r=8,p=1,l=32"},
		{"argon2i of the reference", "$argon2i$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$wWKIMhR9lyDFvRz9YTZweHKfbftvj+qf+YFY4NeBbtA", "password", KindArgon2i, "argon2i,m=65536,t=2,p=1,l=32"},
		{"argon2id of the reference", "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc", "password", KindArgon2id, "argon2id,m=65536,t=2,p=1,l=32"},
		{"SHA-256 crypt of its specification", "$5$saltstring$5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc5", "Hello world!", KindSHA256Crypt, "sha256-crypt,r=5000"},
		{"SHA-256 crypt with rounds", "$5$rounds=10000$saltstringsaltst$3xv.VbSHBb41AL9AvLeujZkZRBAwqFMz2.opqey6IcA", "Hello world!", KindSHA256Crypt, "sha256-crypt,r=10000"},
		{"SHA-512 crypt of its specification", "$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/O817G3uBnIFNjnQJuesI68u4OTLiBFdcbYEdFCoEOfaS35inz1", "Hello world!", KindSHA512Crypt, "sha512-crypt,r=5000"},
		{"SHA-512 crypt with rounds", "$6$rounds=1000$saltstringsaltst$Y.wiJpF2BZ6guMz15deos0ztCanM.JnsjeF/8nuaIh5xtCv52yyDujJKkgLElgDE9Wt4JK2JM5wE7NH1/y9gX.", "Hello world!", KindSHA512Crypt, "sha512-crypt,r=1000"},
	} {
		stored := row.hash
		if !strings.HasPrefix(stored, importedMark) {
			i := readImported(t, row.hash)
			if i.Kind() != row.kind || i.Setting() != row.setting {
				t.Errorf("%s: kind %s, setting %s", row.name, i.Kind(), i.Setting())
			}
			stored = i.Stored()
		}
		if got := strings.TrimRight(stored[len(importedMark):len(importedMark)+settingWidth], " "); got != row.setting {
			t.Errorf("%s: stored under %q", row.name, got)
		}
		if ok, rehash := check(t, h, stored, row.password); !ok || !rehash {
			t.Errorf("%s: ok %v, rehash %v", row.name, ok, rehash)
		}
		for _, wrong := range []string{row.password + "x", "", row.password[1:], strings.ToUpper(row.password) + " "} {
			if ok, rehash := check(t, h, stored, wrong); ok || rehash {
				t.Errorf("%s: %q is right, too", row.name, wrong)
			}
		}
		// The same hash read from the row once more.
		_, encoded, _ := cutImported(stored)
		if again := readImported(t, encoded); again.Stored() != stored {
			t.Errorf("%s: read back as %s", row.name, again.Stored())
		}
	}
}

func TestHashesThatAreNotTaken(t *testing.T) {
	const bcrypt53 = "CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"
	s, k := "AAECAwQFBgcICQoLDA0ODw", strings.Repeat("A", 43)
	long := strings.Repeat("A", 171) // 128 bytes
	for _, row := range []struct{ name, hash, why, kind string }{
		{"nothing", "", HashUnknown, kindUnknown},
		{"a password", "correct horse", HashUnknown, kindUnknown},
		{"a dollar", "$", HashUnknown, kindUnknown},
		{"a password with dollars", "$ecret$tuff$", HashUnknown, kindUnknown},
		{"hex of MD5", "5f4dcc3b5aa765d61d8327deb882cf99", HashUnknown, kindUnknown},
		{"SSHA", "{SSHA}0c0blFTXXNuAMHECS4uxrj3ZieMoWImr", HashUnknown, kindUnknown},
		{"md5-crypt", "$1$saltsalt$qjXMvbEw8oaL.CzflDtaK/", HashUnknown, "md5-crypt"},
		{"Apache", "$apr1$saltsalt$qjXMvbEw8oaL.CzflDtaK/", HashUnknown, "md5-crypt"},
		{"phpass", "$P$984478476IagS59wHZvyQMArzfx58u.", HashUnknown, "phpass"},
		{"yescrypt", "$y$j9T$aaaa$bbbb", HashUnknown, "yescrypt"},
		{"faulty bcrypt", "$2x$05$" + bcrypt53, HashUnknown, "bcrypt of a faulty program"},
		{"passlib's bcrypt over SHA-256", "$bcrypt-sha256$v=2,t=2b,r=12$n79VH.0Q2TMWmt3Oqt9uku$Kq4Noyk3094Y2QlB8NdRT8SvGiI4ft2", HashUnknown, "bcrypt-sha256"},
		{"Django's argon2", "argon2$argon2id$v=19$m=102400,t=2,p=8$a$b", HashUnknown, kindUnknown},
		{"PBKDF2 of another digest", "pbkdf2_sha512$1000$salt$AAAA", HashUnknown, "pbkdf2 with another digest"},
		{"SHA-384", "$pbkdf2-sha384$1000$" + s + "$" + k, HashUnknown, "pbkdf2-sha224 or -sha384"},
		{"argon2 1.0", "$argon2i$v=16$m=64,t=2,p=1$" + s + "$" + k, HashUnknown, "argon2i of version 1.0"},
		{"argon2 without a version", "$argon2i$m=64,t=2,p=1$" + s + "$" + k, HashUnknown, "argon2i of version 1.0"},
		{"too long", "$2b$05$" + strings.Repeat("A", 600), HashUnknown, kindUnknown},

		{"bcrypt cut off", "$2b$05$" + bcrypt53[:52], HashMalformed, KindBcrypt},
		{"bcrypt with more", "$2b$05$" + bcrypt53 + "A", HashMalformed, KindBcrypt},
		{"bcrypt with a line break", "$2b$05$" + bcrypt53[:52] + "\n", HashMalformed, KindBcrypt},
		{"bcrypt of cost 3", "$2b$03$" + bcrypt53, HashMalformed, KindBcrypt},
		{"bcrypt of cost 5.", "$2b$5.$" + bcrypt53, HashMalformed, KindBcrypt},
		{"bcrypt with a salt of its own", "$2b$05$AAA$" + bcrypt53, HashMalformed, KindBcrypt},
		{"PBKDF2 without rounds", "$pbkdf2-sha256$0$" + s + "$" + k, HashMalformed, KindPBKDF2SHA256},
		{"PBKDF2 with a sign", "$pbkdf2-sha256$+1000$" + s + "$" + k, HashMalformed, KindPBKDF2SHA256},
		{"PBKDF2 of 8 bytes", "$pbkdf2-sha256$1000$" + s + "$AAAAAAAAAAA", HashMalformed, KindPBKDF2SHA256},
		{"PBKDF2 of another length", "$pbkdf2-sha256$i=1000,l=31$" + s + "$" + k, HashMalformed, KindPBKDF2SHA256},
		{"PBKDF2 with padding", "$pbkdf2-sha256$1000$" + s + "==$" + k + "=", HashMalformed, KindPBKDF2SHA256},
		{"Django cut off", "pbkdf2_sha256$1000$salt", HashMalformed, KindPBKDF2SHA256},
		{"scrypt without p", "$scrypt$ln=4,r=8$" + s + "$" + k, HashMalformed, KindScrypt},
		{"scrypt of p 0", "$scrypt$ln=4,r=8,p=0$" + s + "$" + k, HashMalformed, KindScrypt},
		{"scrypt with r twice", "$scrypt$ln=4,r=8,r=8$" + s + "$" + k, HashMalformed, KindScrypt},
		{"scrypt with a nameless number", "$scrypt$ln=4,=8,p=1$" + s + "$" + k, HashMalformed, KindScrypt},
		{"argon2 of t 0", "$argon2i$v=19$m=64,t=0,p=1$" + s + "$" + k, HashMalformed, KindArgon2i},
		{"argon2 of too little memory", "$argon2id$v=19$m=8,t=1,p=2$" + s + "$" + k, HashMalformed, KindArgon2id},
		{"argon2 without a salt", "$argon2id$v=19$m=64,t=1,p=1$$" + k, HashMalformed, KindArgon2id},
		{"argon2 with data", "$argon2id$v=19$m=64,t=1,p=1,data=AA$" + s + "$" + k, HashMalformed, KindArgon2id},
		{"SHA-crypt cut off", "$6$salt$abc", HashMalformed, KindSHA512Crypt},
		{"SHA-crypt of few rounds", "$5$rounds=999$salt$" + k, HashMalformed, KindSHA256Crypt},
		{"SHA-crypt with a long salt", "$5$saltsaltsaltsalts$" + k, HashMalformed, KindSHA256Crypt},

		{"bcrypt 15", "$2b$15$" + bcrypt53, HashTooCostly, KindBcrypt},
		{"bcrypt 31", "$2b$31$" + bcrypt53, HashTooCostly, KindBcrypt},
		{"PBKDF2 of many rounds", "$pbkdf2-sha256$5000001$" + s + "$" + k, HashTooCostly, KindPBKDF2SHA256},
		{"PBKDF2 of many rounds for each of four blocks", "$pbkdf2-sha256$1250001$" + s + "$" + long, HashTooCostly, KindPBKDF2SHA256},
		{"PBKDF2 of more than a number", "$pbkdf2-sha512$9999999999$" + s + "$" + k, HashTooCostly, KindPBKDF2SHA512},
		{"scrypt of a GiB", "$scrypt$ln=20,r=8,p=1$" + s + "$" + k, HashTooCostly, KindScrypt},
		{"scrypt, much at once", "$scrypt$ln=14,r=8,p=17$" + s + "$" + k, HashTooCostly, KindScrypt},
		{"scrypt beyond counting", "$scrypt$ln=63,r=9999999999,p=9999999999$" + s + "$" + k, HashTooCostly, KindScrypt},
		{"argon2 of 257 MiB", "$argon2id$v=19$m=263168,t=1,p=1$" + s + "$" + k, HashTooCostly, KindArgon2id},
		{"argon2 of many passes", "$argon2id$v=19$m=65536,t=17,p=1$" + s + "$" + k, HashTooCostly, KindArgon2id},
		{"argon2 of many lanes", "$argon2i$v=19$m=65536,t=1,p=17$" + s + "$" + k, HashTooCostly, KindArgon2i},
		{"SHA-crypt of many rounds", "$6$rounds=1000001$salt$" + k + k, HashTooCostly, KindSHA512Crypt},
		{"SHA-crypt of most rounds", "$6$rounds=999999999$salt$" + k + k, HashTooCostly, KindSHA512Crypt},
	} {
		_, err := ReadImported(row.hash)
		var trouble HashTrouble
		if !errors.As(err, &trouble) || trouble.Why != row.why || trouble.Kind != row.kind {
			t.Errorf("%s: %v", row.name, err)
		}
		if err != nil && len(row.hash) > 12 && strings.Contains(err.Error(), row.hash[8:]) {
			t.Errorf("%s: the hash stands in the error", row.name)
		}
	}
	// What is just within the bounds.
	for _, hash := range []string{"$2b$14$" + bcrypt53, "$pbkdf2-sha256$5000000$" + s + "$" + k, "$scrypt$ln=18,r=8,p=1$" + s + "$" + k,
		"$argon2id$v=19$m=262144,t=4,p=16$" + s + "$" + k, "$argon2d$v=19$m=65536,t=16,p=1$" + s + "$" + k, "$6$rounds=1000000$salt$" + k + k} {
		readImported(t, hash)
	}
	for _, digest := range []string{"", "md5", "sha256 "} {
		if _, err := PBKDF2(digest, 1000, make([]byte, 16), make([]byte, 32)); err == nil {
			t.Errorf("PBKDF2 with %q is taken", digest)
		}
	}
	if _, err := Argon2("argon2x", 19, 64, 1, 1, make([]byte, 16), make([]byte, 32)); err == nil {
		t.Error("argon2x is taken")
	}
}

// bcrypt reads 72 bytes. Who typed more signs in, but what they typed is not
// made their password: nobody knows whether the rest was right.
func TestLongPasswordsBeforeBcrypt(t *testing.T) {
	h := newHasher(t, HasherOptions{})
	stored := readImported(t, "$2b$04$abcdefghijklmnopqrstuubzadhGtS2zEF.gu0yd0opP6cVzb.e0i").Stored() // of 80 x
	for n, want := range map[int]bool{71: false, 72: true, 73: true, 80: true, 1024: true} {
		ok, rehash := check(t, h, stored, strings.Repeat("x", n))
		if ok != want || rehash != (n == 72) {
			t.Errorf("%d bytes: ok %v, rehash %v", n, ok, rehash)
		}
	}
	if ok, rehash := check(t, h, stored, strings.Repeat("x", 72)+"y"); !ok || rehash {
		t.Errorf("another end: ok %v, rehash %v", ok, rehash)
	}
	if _, _, err := h.Check(t.Context(), Lane{}, stored, strings.Repeat("x", 1025)); !errors.Is(err, ErrPasswordTooLong) {
		t.Errorf("1025 bytes: %v", err)
	}
}

// N-16: an accent counts the same whether the keyboard composed it or not,
// whatever the other system hashed.
func TestAccentsBeforeImportedHashes(t *testing.T) {
	h := newHasher(t, HasherOptions{})
	composed, apart := "caf\u00e9 au lait", "cafe\u0301 au lait"
	for _, hashed := range []string{composed, apart} {
		i, err := PBKDF2("sha256", 10, []byte("salt"), pbkdf2Of(t, hashed))
		if err != nil {
			t.Fatal(err)
		}
		// Who always typed it one way goes on doing so.
		if ok, _ := check(t, h, i.Stored(), hashed); !ok {
			t.Errorf("%+q does not match itself", hashed)
		}
	}
	i, err := PBKDF2("sha256", 10, []byte("salt"), pbkdf2Of(t, composed))
	if err != nil {
		t.Fatal(err)
	}
	if ok, _ := check(t, h, i.Stored(), apart); !ok {
		t.Error("typed apart, hashed composed: refused")
	}
}

// Long passwords cannot make SHA-crypt slower than crypt itself would be.
func TestLongPasswordsBeforeSHACrypt(t *testing.T) {
	h := newHasher(t, HasherOptions{})
	stored := readImported(t, "$5$rounds=1000$saltstring$"+strings.Repeat("a", 43)).Stored()
	if ok, _ := check(t, h, stored, strings.Repeat("x", 1024)); ok {
		t.Error("1024 bytes match")
	}
}

// A row that was altered is refused, and its cost is not paid.
func TestAlteredImportedRows(t *testing.T) {
	h := newHasher(t, HasherOptions{})
	good := readImported(t, "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW").Stored()
	for name, stored := range map[string]string{
		"cut off":           good[:len(good)-1],
		"of another cost":   strings.Replace(good, "$05$", "$31$", 1),
		"another setting":   strings.Replace(good, "c=5", "c=4", 1),
		"no setting":        importedMark,
		"only the setting":  good[:len(importedMark)+settingWidth],
		"of another kind":   strings.Replace(good, "bcrypt,c=5", "scrypt,c=5", 1),
		"of an empty kind":  importedMark + strings.Repeat(" ", settingWidth),
		"with more":         good + "A",
		"in another prefix": "imp" + good,
	} {
		if ok, _, err := h.Check(t.Context(), Lane{}, stored, "U*U"); ok || !errors.Is(err, ErrHashFormat) {
			t.Errorf("%s: ok %v, %v", name, ok, err)
		}
	}
}

// A-06, B-25: a decoy is of the setting that it stands for, and nobody's.
func TestDecoys(t *testing.T) {
	h := newHasher(t, HasherOptions{})
	settings := []string{"bcrypt,c=4", "pbkdf2-sha1,i=10,l=64", "pbkdf2-sha256,i=10,l=32", "pbkdf2-sha512,i=10,l=64", "scrypt,ln=4,r=8,p=1,l=32",
		"argon2i,m=64,t=1,p=1,l=32", "argon2d,m=64,t=1,p=2,l=16", "argon2id,m=64,t=3,p=1,l=32", "sha256-crypt,r=1000", "sha512-crypt,r=5000"}
	for _, s := range settings {
		decoy := h.Decoy(s)
		if setting, _, ok := cutImported(decoy); !ok || setting != s {
			t.Errorf("%s: stands as %q", s, decoy)
		}
		if ok, _ := check(t, h, decoy, "password"); ok {
			t.Errorf("%s: a decoy has a password", s)
		}
		if h.Decoy(s) == decoy {
			t.Errorf("%s: two decoys are the same", s)
		}
	}
	for _, s := range []string{"", "bcrypt", "bcrypt,c=", "bcrypt,c=31", "argon2id,m=64", "rot13,n=13", "pbkdf2-sha256,i=10,l=999999999", "scrypt,ln=63,r=8,p=1,l=32"} {
		if got := h.Decoy(s); got != h.Dummy() && !strings.HasPrefix(got, importedMark+"pbkdf2-sha256,i=10,l=128") {
			t.Errorf("%q: %s", s, got)
		}
	}
}

// No input makes the reader, or the check of what it took, go wrong.
func FuzzReadImported(f *testing.F) {
	for _, s := range []string{"$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW", "pbkdf2_sha256$1$s$WZfTrUCLIny1P/lZcqNeag4xOlFcgqIA4QCCH4fqOQA=",
		"$scrypt$ln=1,r=1,p=1$AAECAwQFBgcICQoLDA0ODw$QngujJ64xdGbf3wxsFtbI6NfPe1pn6peoMXgYTnIPxA", "$argon2i$v=19$m=8,t=1,p=1$c29tZXNhbHQ$wWKIMhR9lyDFvRz9YTZweHKfbftvj+qf+YFY4NeBbtA",
		"$5$saltstring$5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc5", "$pbkdf2$1000$AAECAwQFBgcICQoLDA0ODw$OH5FhnVHosAh9VMCF86j3zf5FvA", "{crypt}$6$$", "$$$$$"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		i, err := ReadImported(s)
		if err != nil {
			return
		}
		if len(i.Setting()) > settingWidth {
			t.Fatalf("the setting %q is too long", i.Setting())
		}
		_, encoded, ok := cutImported(i.Stored())
		if again, err := ReadImported(encoded); !ok || err != nil || again != i {
			t.Errorf("%q is %+v and read back %+v, %v", s, i, again, err)
		}
		if _, err := matcher(i.Kind(), encoded); err != nil {
			t.Errorf("%q: %v", s, err)
		}
	})
}

// The widest settings fit into their place.
func TestSettingsFit(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := func(name string, most int) int {
			return rapid.OneOf(rapid.IntRange(1, most), rapid.Just(most)).Draw(t, name)
		}
		var i Imported
		var err error
		switch rapid.IntRange(0, 3).Draw(t, "kind") {
		case 0:
			i, err = PBKDF2(rapid.SampledFrom([]string{"sha1", "sha256", "sha512"}).Draw(t, "digest"), n("rounds", maxSHA1), nil, make([]byte, n("length", 128)))
		case 1:
			i, err = Argon2(rapid.SampledFrom([]string{"argon2i", "argon2d", "argon2id"}).Draw(t, "kind"), 19, n("memory", maxMemoryKiB), n("time", maxArgonWork), n("lanes", maxLanes), make([]byte, 64), make([]byte, 64))
		case 2:
			i, err = readScrypt([]string{"", "scrypt", fmt.Sprintf("ln=%d,r=%d,p=%d", n("ln", 21), n("r", maxScrypt), n("p", maxScrypt)), "", strings.Repeat("A", 86)})
		default:
			i, err = readSHACrypt([]string{"", "5", fmt.Sprintf("rounds=%d", n("rounds", maxCryptRound)), "", strings.Repeat("A", 43)})
		}
		if err == nil && (len(i.Setting()) > settingWidth || len(i.Stored()) < importedMinimum) {
			t.Fatalf("%s", i.Setting())
		}
	})
}

const importedMinimum = len(importedMark) + settingWidth
