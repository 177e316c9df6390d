package i18n_test

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/BurntSushi/toml"

	"sallyport/internal/core"
	"sallyport/internal/i18n"
)

// text is one message as it stands in a catalog: by plural form, or under
// "other" alone when it has none.
type text struct {
	forms  map[string]string
	plural bool
}

func (t text) whole() string {
	var all []string
	for _, form := range slices.Sorted(maps.Keys(t.forms)) {
		all = append(all, t.forms[form])
	}
	return strings.Join(all, "\n")
}

var placeholder = regexp.MustCompile(`\{\{[^}]*\}\}`)
var named = regexp.MustCompile(`\.([A-Z]\w*)`)
var linked = regexp.MustCompile(`\]\((\w+)\)`)

// wants lists what a message is filled with.
func (t text) wants() []string {
	found := map[string]bool{}
	for _, form := range t.forms {
		for _, action := range placeholder.FindAllString(form, -1) {
			for _, m := range named.FindAllStringSubmatch(action, -1) {
				found[m[1]] = true
			}
		}
		for _, m := range linked.FindAllStringSubmatch(form, -1) {
			found[m[1]] = true
		}
	}
	if t.plural {
		found["Count"] = true
	}
	return slices.Sorted(maps.Keys(found))
}

func catalog(t *testing.T, tag string) map[string]text {
	t.Helper()
	raw := map[string]any{}
	for _, file := range i18n.Files(tag) {
		body, err := os.ReadFile(filepath.FromSlash(file))
		if err != nil {
			t.Fatal(err)
		}
		part := map[string]any{}
		if _, err := toml.Decode(string(body), &part); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		for id, v := range part {
			if _, twice := raw[id]; twice {
				t.Errorf("%s stands in two files", id)
			}
			raw[id] = v
		}
	}
	out := map[string]text{}
	for id, v := range raw {
		switch v := v.(type) {
		case string:
			out[id] = text{forms: map[string]string{"other": v}}
		case map[string]any:
			forms := map[string]string{}
			for form, s := range v {
				forms[form] = fmt.Sprint(s)
			}
			out[id] = text{forms: forms, plural: true}
		default:
			t.Errorf("%s: %s is neither a text nor its plural forms", tag, id)
		}
	}
	return out
}

func TestCatalogsAgree(t *testing.T) {
	english := catalog(t, "en")
	// The forms that each language has by the Unicode plural rules.
	forms := map[string][]string{"de": {"one", "other"}, "en": {"one", "other"}, "fr": {"many", "one", "other"}, "sv": {"one", "other"}}
	for _, l := range i18n.Languages() {
		other := catalog(t, l.Tag)
		for id := range english {
			if _, ok := other[id]; !ok {
				t.Errorf("%s lacks %s", l.Tag, id)
			}
		}
		for id, text := range other {
			first, ok := english[id]
			if !ok {
				t.Errorf("%s has %s, which en lacks", l.Tag, id)
				continue
			}
			if text.plural != first.plural {
				t.Errorf("%s: %s has plural forms in one language only", l.Tag, id)
			}
			if got, want := text.wants(), first.wants(); !slices.Equal(got, want) {
				t.Errorf("%s: %s is filled with %v, in en with %v", l.Tag, id, got, want)
			}
			if got := slices.Sorted(maps.Keys(text.forms)); text.plural && !slices.Equal(got, forms[l.Tag]) {
				t.Errorf("%s: %s has the plural forms %v, the language has %v", l.Tag, id, got, forms[l.Tag])
			}
		}
	}
}

// What reads as careless, in any language: machine quotes, three dots, hurry,
// markup that should be in a template.
func TestTextsAreTidy(t *testing.T) {
	careless := regexp.MustCompile(`'|"|\.\.\.|!|  |^\s|\s$|<[a-z/]|&[a-z]+;|\{\{[^}]*\}[^}]|TODO`)
	actions := regexp.MustCompile(`\{\{[^}]*\}\}`)
	for _, l := range i18n.Languages() {
		for id, text := range catalog(t, l.Tag) {
			for form, s := range text.forms {
				if strings.TrimSpace(s) == "" {
					t.Errorf("%s: %s (%s) is empty", l.Tag, id, form)
				}
				if m := careless.FindString(actions.ReplaceAllString(s, "x")); m != "" {
					t.Errorf("%s: %s (%s) has %q: %s", l.Tag, id, form, m, s)
				}
			}
		}
	}
	// French sets a space before high punctuation, and it must not break.
	breaks := regexp.MustCompile(`[^\x{a0}\x{202f} ?!:;»](\?|;|»)|[^\x{a0}\x{202f}](:)( |$)| [?;:!»]|« `)
	for id, text := range catalog(t, "fr") {
		if m := breaks.FindString(actions.ReplaceAllString(text.whole(), "x")); m != "" {
			t.Errorf("fr: %s has %q without a space that holds", id, m)
		}
	}
}

// TestMailTexts holds the catalogs to the kinds of mail there are: each has a
// subject and a body, and what is filled in is what the outbox provides.
func TestMailTexts(t *testing.T) {
	english := catalog(t, "en")
	provided := []string{"Name", "Organisation", "Login", "When", "Until", "Device", "Address", "By", "What", "Count", "Sheet", "Clears", "Kind", "Whom", "From", "Reason"}
	for _, kind := range core.MailKinds {
		for _, part := range []string{"subject", "body1"} {
			if _, ok := english["mail."+string(kind)+"."+part]; !ok {
				t.Errorf("mail.%s.%s is missing", kind, part)
			}
		}
	}
	for _, kind := range []core.MailKind{core.MailInvitation, core.MailReset, core.MailEnrolProof, core.MailEmailConfirm} {
		if _, ok := english["mail."+string(kind)+".button"]; !ok {
			t.Errorf("mail.%s carries a link and has no button", kind)
		}
	}
	for id, text := range english {
		kind, part, ok := strings.Cut(strings.TrimPrefix(id, "mail."), ".")
		if !strings.HasPrefix(id, "mail.") || !ok {
			continue
		}
		if !slices.Contains(core.MailKinds, core.MailKind(kind)) {
			t.Errorf("%s belongs to no kind of mail", id)
		}
		for _, word := range text.wants() {
			if !slices.Contains(provided, word) {
				t.Errorf("%s is filled with %s, which mails do not have", id, word)
			}
		}
		if part == "subject" && strings.Contains(text.whole(), "Code}}") {
			t.Errorf("%s shows a code on a locked screen", id)
		}
	}
}

// Who has forgotten which of several logins it was finds it in the mail.
func TestResetMailNamesTheLogin(t *testing.T) {
	for _, l := range i18n.Languages() {
		if !strings.Contains(catalog(t, l.Tag)["mail.reset.body1"].whole(), "{{.Login}}") {
			t.Errorf("%s: the reset mail does not name the login", l.Tag)
		}
	}
}

// The refusal at sign-in always says that one may have to wait, and never why
// it refused (A-06, decision: same answer outside).
func TestRefusalNamesTheWaitAndNoReason(t *testing.T) {
	for tag, wait := range map[string]string{"en": "some minutes", "de": "einige Minuten", "fr": "quelques minutes", "sv": "några minuter"} {
		said := i18n.For(tag).Fault("sign_in.refused", map[string]any{"until": "x", "reason": "locked"}, nil)
		if !strings.Contains(said.Text, wait) {
			t.Errorf("%s: %q does not say to wait %s", tag, said.Text, wait)
		}
		if said.Detail != "" {
			t.Errorf("%s: says more than the one text: %q", tag, said.Detail)
		}
	}
}
