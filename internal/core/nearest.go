package core

import (
	"slices"
	"strings"
)

// Nearest finds what somebody may have wanted to write: the nearest by changed
// letters, or one that ends in the same word ("smtp_url" for "mail.smtp_url"). It
// is empty where nothing is near.
func Nearest(word string, among []string) string {
	best, least := "", 2+len(word)/5
	among = slices.Sorted(slices.Values(among))
	for _, w := range among {
		if d := distance(strings.ToLower(word), strings.ToLower(w)); d <= least && (best == "" || d < least) {
			best, least = w, d
		}
	}
	if best == "" {
		i := slices.IndexFunc(among, func(w string) bool {
			return strings.HasSuffix(w, "."+word) || strings.HasSuffix(w, lastPart(word)) && len(lastPart(word)) > 3
		})
		if i >= 0 {
			best = among[i]
		}
	}
	return best
}

func lastPart(key string) string { return key[strings.LastIndexByte(key, '.')+1:] }

// distance is the Levenshtein distance. Keys are short; a word of any length
// that somebody typed is cut so that it cannot cost much.
func distance(a, b string) int {
	a, b = a[:min(len(a), 80)], b[:min(len(b), 80)]
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			above := row[j+1]
			row[j+1] = min(above+1, row[j]+1, diagonal+cost)
			diagonal = above
		}
	}
	return row[len(b)]
}
