package totp

import (
	"encoding/base32"
	"strconv"
	"strings"
)

// URI is what authenticator apps read. The issuer stands twice, as newer apps
// read the parameter and older ones the label.
func URI(issuer, account string, secret []byte, p Params) string {
	// Apps cut the label at its first colon, some before they decode it, so the
	// issuer must not hold one.
	issuer = strings.Join(strings.Fields(strings.ReplaceAll(issuer, ":", " ")), " ")
	var b strings.Builder
	b.WriteString("otpauth://totp/")
	if issuer != "" {
		b.WriteString(escape(issuer) + ":")
	}
	b.WriteString(escape(account))
	b.WriteString("?secret=" + base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(secret))
	if issuer != "" {
		b.WriteString("&issuer=" + escape(issuer))
	}
	b.WriteString("&algorithm=" + escape(p.Algorithm))
	b.WriteString("&digits=" + strconv.Itoa(p.Digits))
	b.WriteString("&period=" + strconv.Itoa(p.Period))
	return b.String()
}

// escape leaves only what no app mistakes. A space is %20: apps show the plus
// sign of form encoding as a plus sign. "@" stays, for short labels.
func escape(s string) string {
	const hex = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(s) {
		switch c := s[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', strings.IndexByte("-._~@", c) >= 0:
			b.WriteByte(c)
		default:
			b.WriteByte('%')
			b.WriteByte(hex[c>>4])
			b.WriteByte(hex[c&15])
		}
	}
	return b.String()
}

// SetupKey is the secret as people type it: base32 in groups of four.
func SetupKey(secret []byte) string {
	text := base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(secret)
	var groups []string
	for len(text) > 4 {
		groups = append(groups, text[:4])
		text = text[4:]
	}
	return strings.Join(append(groups, text), " ")
}

// minSecretBytes is 128 bits (T-07).
const minSecretBytes = 16

// ParseSetupKey reads what SetupKey wrote, in either case, with or without
// spaces, dashes and padding. It refuses keys below 128 bits.
func ParseSetupKey(key string) (secret []byte, ok bool) {
	if len(key) > 1024 {
		return nil, false
	}
	key = strings.Map(func(r rune) rune {
		switch r {
		case ' ', '\t', '\r', '\n', '-':
			return -1
		}
		return r
	}, key)
	key = strings.ToUpper(strings.TrimRight(key, "="))
	secret, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(key)
	return secret, err == nil && len(secret) >= minSecretBytes
}
