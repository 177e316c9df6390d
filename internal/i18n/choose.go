package i18n

import (
	"strings"
	"sync"

	"golang.org/x/text/language"
)

// longestWish bounds what is parsed of a header that anybody may send.
const longestWish = 512

// speaking is what wishes are held against. Making it takes longer than all the
// rest of a choice, and it is only ever read.
var speaking = sync.OnceValue(func() (s struct {
	tags  []language.Tag
	match language.Matcher
}) {
	s.tags = tags()
	s.match = language.NewMatcher(s.tags)
	return s
})

// Choose picks the language of a request. The wishes are asked in the order of
// the arguments and the first that the catalogs can meet decides: what the
// person picked just now, what stands in the profile, what the app asked for
// (ui_locales, space separated), the cookie of an earlier pick, the browser's
// Accept-Language, and the organisation's default. Then English.
func Choose(picked, profile, uiLocales, cookie, acceptLanguage, tenantDefault string) Lang {
	speak := speaking()
	for _, wish := range []struct {
		text   string
		header bool
	}{
		{picked, false}, {profile, false}, {uiLocales, false}, {cookie, false}, {acceptLanguage, true}, {tenantDefault, false},
	} {
		if wish.text == "" || len(wish.text) > longestWish {
			continue
		}
		for _, tag := range wishes(wish.text, wish.header) {
			// The index, not the returned tag: that one carries extensions.
			// Less than High would hand Swedish to somebody who reads Danish.
			if _, i, sure := speak.match.Match(tag); sure >= language.High {
				return Lang{speak.tags[i].String()}
			}
		}
	}
	return Lang{Default}
}

func wishes(text string, header bool) []language.Tag {
	if header {
		out, _, err := language.ParseAcceptLanguage(text)
		if err != nil {
			return nil
		}
		return out
	}
	var out []language.Tag
	for _, word := range strings.Fields(text) {
		// Profiles imported from elsewhere write de_DE.
		if tag, err := language.Parse(strings.ReplaceAll(word, "_", "-")); err == nil {
			out = append(out, tag)
		}
	}
	return out
}
