package web

import (
	"context"
	"html"
	"io"
	"regexp"
	"strings"

	"github.com/a-h/templ"
)

// Name is an argument of Rich that is set in bold and never hyphenated: a
// person, an organisation, an address.
type Name string

// Link is an argument of Rich that turns "[words](arg)" of a message into a
// link to it.
type Link string

var linkWords = regexp.MustCompile(`\[([^\[\]]+)\]\((\w+)\)`)

// Rich says a message whose arguments carry more than text. The catalogs hold
// no markup but [words](arg); everything else is escaped here.
func Rich(ctx context.Context, id string, pairs ...any) templ.Component {
	given, links := map[string]any{}, map[string]string{}
	for name, v := range args(pairs) {
		switch v := v.(type) {
		case Link:
			links[name] = string(v)
		case Name:
			// The marks survive the message's template and cannot be typed by
			// anybody: values lose theirs first.
			given[name] = "\x02" + unmark(string(v)) + "\x03"
		case string:
			given[name] = unmark(v)
		default:
			given[name] = v
		}
	}
	text := Lang(ctx).T(id, given)
	return templ.ComponentFunc(func(_ context.Context, w io.Writer) error {
		_, err := io.WriteString(w, dress(text, links))
		return err
	})
}

func unmark(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '\x02' || r == '\x03' {
			return -1
		}
		return r
	}, s)
}

func dress(text string, links map[string]string) string {
	var out strings.Builder
	for text != "" {
		plain, rest, found := strings.Cut(text, "\x02")
		out.WriteString(dressLinks(plain, links))
		if !found {
			break
		}
		name, after, _ := strings.Cut(rest, "\x03")
		out.WriteString(`<b class="keep">` + html.EscapeString(name) + `</b>`)
		text = after
	}
	return out.String()
}

func dressLinks(text string, links map[string]string) string {
	var out strings.Builder
	at := 0
	for _, m := range linkWords.FindAllStringSubmatchIndex(text, -1) {
		href, ok := links[text[m[4]:m[5]]]
		if !ok {
			continue
		}
		out.WriteString(html.EscapeString(text[at:m[0]]))
		out.WriteString(`<a href="` + html.EscapeString(string(templ.URL(href))) + `">` + html.EscapeString(text[m[2]:m[3]]) + `</a>`)
		at = m[1]
	}
	out.WriteString(html.EscapeString(text[at:]))
	return out.String()
}
