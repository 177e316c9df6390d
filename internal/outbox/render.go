package outbox

import (
	"bytes"
	"embed"
	"fmt"
	htmltemplate "html/template"
	"net/mail"
	"net/url"
	"strconv"
	"strings"
	"sync"
	texttemplate "text/template"
	"time"
	"unicode"
	"unicode/utf8"

	"sallyport/internal/core"
	"sallyport/internal/i18n"
)

//go:embed mail.html.tmpl mail.text.tmpl
var templates embed.FS

var (
	htmlMail = sync.OnceValue(func() *htmltemplate.Template {
		return htmltemplate.Must(htmltemplate.ParseFS(templates, "mail.html.tmpl"))
	})
	textMail = sync.OnceValue(func() *texttemplate.Template {
		return texttemplate.Must(texttemplate.New("mail.text.tmpl").Funcs(texttemplate.FuncMap{"wrap": wrap}).ParseFS(templates, "mail.text.tmpl"))
	})
)

// Renderer puts a mail into words.
type Renderer struct {
	// Base is the public address without a slash at its end, from the
	// configuration: no header of a request can bend a link (row B-30).
	Base string
	From mail.Address
	// Locale is spoken when neither the person nor the organisation chose.
	Locale string
}

// page is what both templates show.
type page struct {
	Lang         string
	Subject      string
	Organisation string
	Greeting     string
	Body         []string
	Button       string
	Link         string
	NotYou       string
	Footer       string
}

// Render writes the mail as it leaves at now.
func (r Renderer) Render(m core.Mail, b core.MailBody, now time.Time) (Outgoing, error) {
	k, ok := kindOf(m.Kind)
	if !ok {
		return Outgoing{}, fmt.Errorf("render mail: unknown kind %q", m.Kind)
	}
	tag := m.Locale
	if !i18n.Known(tag) {
		tag = r.Locale
	}
	lang := i18n.For(tag)
	args := words(lang, b)
	id := "mail." + string(m.Kind) + "."

	p := page{Lang: lang.Tag(), Subject: lang.T(id+"subject", args), Organisation: oneLine(b.Organisation),
		Greeting: lang.T("mail.greeting", args), Footer: lang.T("mail.footer", args)}
	for i := 1; lang.Has(id + "body" + strconv.Itoa(i)); i++ {
		if line := strings.TrimSpace(lang.T(id+"body"+strconv.Itoa(i), args)); line != "" {
			p.Body = append(p.Body, line)
		}
	}
	path := b.Path
	if path == "" {
		path = k.path
	}
	if path != "" && lang.Has(id+"button") {
		link, err := r.link(path)
		if err != nil {
			return Outgoing{}, fmt.Errorf("render mail %s: %w", m.Kind, err)
		}
		p.Link, p.Button = link, lang.T(id+"button", args)
	}
	if k.link && p.Link == "" {
		return Outgoing{}, fmt.Errorf("render mail %s: it has no link", m.Kind)
	}
	if m.Kind != core.MailTest {
		p.NotYou = lang.T("mail.not_you", args)
	}

	var text, html bytes.Buffer
	if err := textMail().Execute(&text, p); err != nil {
		return Outgoing{}, fmt.Errorf("render mail %s: %w", m.Kind, err)
	}
	if err := htmlMail().Execute(&html, p); err != nil {
		return Outgoing{}, fmt.Errorf("render mail %s: %w", m.Kind, err)
	}
	from := r.From
	if name := oneLine(b.FromName); name != "" {
		from.Name = name
	}
	return Outgoing{
		MessageID: string(m.ID) + "@" + domainOf(from.Address), From: from, To: m.To, Lang: p.Lang, Subject: oneLine(p.Subject),
		Text: crlf(text.String()), HTML: crlf(html.String()), Date: now,
	}, nil
}

// link puts the public address before a local path and refuses all that is not
// one: "//elsewhere" would be another host.
func (r Renderer) link(path string) (string, error) {
	u, err := url.Parse(path)
	if err != nil || u.Scheme != "" || u.Host != "" || !strings.HasPrefix(path, "/") || strings.HasPrefix(path, "//") || strings.Contains(path, `\`) {
		return "", fmt.Errorf("not a local path")
	}
	if r.Base == "" {
		return "", fmt.Errorf("the public address is not known")
	}
	return r.Base + path, nil
}

// words are the parameters of the texts. Names that people chose are put on one
// line, so that nobody writes headers or paragraphs of their own into a mail.
func words(lang i18n.Lang, b core.MailBody) map[string]any {
	zone, err := time.LoadLocation(b.TimeZone)
	if err != nil {
		zone = time.UTC
	}
	args := map[string]any{
		"Name": oneLine(b.Name), "Organisation": oneLine(b.Organisation), "Device": Device(b.Agent), "Address": oneLine(b.Address),
		"When": "", "Until": "",
	}
	if !b.At.IsZero() {
		args["When"] = lang.DateTimeZone(b.At, zone)
	}
	if !b.Until.IsZero() {
		args["Until"] = lang.DateTimeZone(b.Until, zone)
	}
	for name, v := range b.Args {
		if n, err := strconv.Atoi(v); err == nil && name == "count" {
			args["Count"] = n
			continue
		}
		r, size := utf8.DecodeRuneInString(name)
		args[string(unicode.ToUpper(r))+name[size:]] = oneLine(v)
	}
	return args
}

// longestName bounds what of a chosen name is put into a mail.
const longestName = 200

func oneLine(s string) string {
	s = strings.Map(func(r rune) rune {
		// Format characters can turn the reading direction of what follows.
		if unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || r == '\u2028' || r == '\u2029' {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, " "))
	s = strings.Join(strings.Fields(s), " ")
	if utf8.RuneCountInString(s) > longestName {
		s = string([]rune(s)[:longestName]) + "…"
	}
	return s
}

func domainOf(address string) string {
	if i := strings.LastIndexByte(address, '@'); i >= 0 && i+1 < len(address) {
		return address[i+1:]
	}
	return "localhost"
}

// crlf ends every line as mail wants it.
func crlf(s string) string {
	return strings.ReplaceAll(strings.ReplaceAll(s, "\r\n", "\n"), "\n", "\r\n")
}

// wrap breaks a paragraph into lines of at most 72 characters; a word that is
// longer, a link for instance, stays whole.
func wrap(s string) string {
	var out strings.Builder
	width := 0
	for _, word := range strings.Fields(s) {
		n := utf8.RuneCountInString(word)
		switch {
		case width == 0:
		case width+1+n > 72:
			out.WriteByte('\n')
			width = 0
		default:
			out.WriteByte(' ')
			width++
		}
		out.WriteString(word)
		width += n
	}
	return out.String()
}
