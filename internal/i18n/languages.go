package i18n

import "golang.org/x/text/language"

// Language is one that the catalogs speak, with its name in itself.
type Language struct {
	Tag  string
	Name string
}

// Languages lists them in the order in which pages offer them. A new language
// is a line here and a file in catalog/.
func Languages() []Language {
	return []Language{
		{"de", "Deutsch"},
		{"en", "English"},
		{"fr", "Français"},
		{"sv", "Svenska"},
	}
}

// Default is spoken when nothing says otherwise.
const Default = "en"

// Known reports whether the catalogs speak exactly this tag.
func Known(tag string) bool {
	for _, l := range Languages() {
		if l.Tag == tag {
			return true
		}
	}
	return false
}

// tags lists the languages for the matcher, the default first because the
// matcher falls back to its first.
func tags() []language.Tag {
	out := []language.Tag{language.Make(Default)}
	for _, l := range Languages() {
		if l.Tag != Default {
			out = append(out, language.Make(l.Tag))
		}
	}
	return out
}
