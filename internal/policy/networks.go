package policy

import (
	"cmp"
	"net/netip"
	"slices"

	"sallyport/internal/core"
)

// compareNetworks: a list that lies within the other is the stricter. An empty
// list is everywhere.
func compareNetworks(a, b core.Networks) Direction { return ordered(covers(a, b), covers(b, a)) }

// covers reports whether everything in narrow is in wide.
func covers(wide, narrow core.Networks) bool {
	if len(wide) == 0 {
		return true
	}
	if len(narrow) == 0 {
		return false
	}
	wide = merged(wide)
	for _, n := range merged(narrow) {
		if !slices.ContainsFunc(wide, func(w netip.Prefix) bool { return contains(w, n) }) {
			return false
		}
	}
	return true
}

// nowhere reports whether a list leaves no network at all.
func nowhere(n core.Networks) bool { return len(n) > 0 && len(merged(n)) == 0 }

// shared is what both lists allow.
func shared(a, b core.Networks) core.Networks {
	switch {
	case len(a) == 0:
		return slices.Clone(b)
	case len(b) == 0:
		return a
	}
	var out core.Networks
	for _, x := range a {
		for _, y := range b {
			switch {
			case contains(x, y):
				out = append(out, y)
			case contains(y, x):
				out = append(out, x)
			}
		}
	}
	if out = merged(out); len(out) > 0 {
		return out
	}
	return core.Nowhere
}

func contains(wide, narrow netip.Prefix) bool {
	return wide.IsValid() && narrow.IsValid() && wide.Bits() <= narrow.Bits() && wide.Contains(narrow.Addr())
}

// merged is the list in its shortest form: nothing within another, and two halves
// as the whole that they make. Only so one prefix is within a list exactly when it
// is within one of it.
func merged(list core.Networks) core.Networks {
	var out core.Networks
	for _, p := range list {
		if p.IsValid() {
			out = append(out, p.Masked())
		}
	}
	for changed := true; changed; {
		changed = false
		slices.SortFunc(out, func(a, b netip.Prefix) int {
			return cmp.Or(a.Addr().Compare(b.Addr()), cmp.Compare(a.Bits(), b.Bits()))
		})
		var next core.Networks
		for _, p := range out {
			if n := len(next); n > 0 {
				last := next[n-1]
				if contains(last, p) {
					continue
				}
				if whole, ok := halves(last, p); ok {
					next[n-1], changed = whole, true
					continue
				}
			}
			next = append(next, p)
		}
		out = next
	}
	return out
}

// halves is the network that two neighbours make up.
func halves(a, b netip.Prefix) (netip.Prefix, bool) {
	if a.Bits() != b.Bits() || a.Bits() == 0 || a.Addr().BitLen() != b.Addr().BitLen() {
		return netip.Prefix{}, false
	}
	whole, err := a.Addr().Prefix(a.Bits() - 1)
	return whole, err == nil && whole.Contains(b.Addr()) && a != b
}
