package ident

import (
	"net/netip"
	"strconv"
	"strings"
)

// Host reads the name of a host as browsers send it, with its port where that is not
// the usual one. ok is false for everything that two programs may read differently.
func Host(text string) (host string, ok bool) {
	if len(text) > 260 {
		return "", false
	}
	name, port, ported := strings.Cut(text, ":")
	if !hostName(name) {
		return "", false
	}
	if name != strings.ToLower(name) {
		name = strings.ToLower(name)
		text = name
		if ported {
			text += ":" + port
		}
	}
	switch {
	case !ported:
		return text, true
	case port == "80" || port == "443":
		return name, true
	}
	n, err := strconv.ParseUint(port, 10, 16)
	return text, err == nil && n > 0 && strconv.FormatUint(n, 10) == port
}

func hostName(name string) bool {
	if name == "" || len(name) > 253 {
		return false
	}
	label := 0
	for i := range len(name) {
		c := name[i]
		switch {
		case c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9':
			label++
		case c == '-' && label > 0 && i+1 < len(name) && name[i+1] != '.':
			label++
		case c == '.' && label > 0:
			label = 0
		default:
			return false
		}
		if label > 63 {
			return false
		}
	}
	return label > 0
}

// Here reports whether a host is the machine of whoever asks for it: there, http is as
// good as https.
func Here(host string) bool {
	name, _, _ := strings.Cut(host, ":")
	if name == "localhost" || strings.HasSuffix(name, ".localhost") {
		return true
	}
	a, err := netip.ParseAddr(name)
	return err == nil && a.IsLoopback()
}
