package i18n

import (
	"embed"
	"fmt"
	"sync"

	"github.com/BurntSushi/toml"
	goi18n "github.com/nicksnyder/go-i18n/v2/i18n"
	"golang.org/x/text/language"
)

//go:embed catalog/*.toml
var catalogs embed.FS

// house is the catalogs, read once. They are compiled in, so that reading them
// can only fail on a program whose tests never ran.
var house = sync.OnceValue(func() map[string]*goi18n.Localizer {
	bundle := goi18n.NewBundle(language.Make(Default))
	bundle.RegisterUnmarshalFunc("toml", toml.Unmarshal)
	for _, l := range Languages() {
		for _, file := range Files(l.Tag) {
			if _, err := bundle.LoadMessageFileFS(catalogs, file); err != nil {
				panic(fmt.Sprintf("i18n: %s: %v", file, err))
			}
		}
	}
	out := map[string]*goi18n.Localizer{}
	for _, l := range Languages() {
		out[l.Tag] = goi18n.NewLocalizer(bundle, l.Tag)
	}
	return out
})

// Files are the catalogs of a language: what everybody reads, and what only
// administrators do.
func Files(tag string) []string {
	return []string{"catalog/" + tag + ".toml", "catalog/console." + tag + ".toml"}
}

// Lang speaks one language. The zero value speaks the default.
type Lang struct{ tag string }

// For speaks exactly the language of tag, or the default when it has no
// catalog. To choose among wishes, use Choose.
func For(tag string) Lang {
	if Known(tag) {
		return Lang{tag}
	}
	return Lang{Default}
}

// Tag is the language's tag, for lang attributes and Content-Language.
func (l Lang) Tag() string {
	if l.tag == "" {
		return Default
	}
	return l.tag
}

// T says the message with this id. Where the message has plural forms,
// args["Count"] chooses among them. An id that no catalog has is returned as it
// is.
func (l Lang) T(id string, args map[string]any) string {
	text, ok := l.find(id, args)
	if !ok {
		return id
	}
	return text
}

// Has reports whether a message with this id exists.
func (l Lang) Has(id string) bool {
	_, ok := l.find(id, map[string]any{"Count": 1})
	return ok
}

func (l Lang) find(id string, args map[string]any) (string, bool) {
	cfg := goi18n.LocalizeConfig{MessageID: id, TemplateData: args}
	if n, ok := args["Count"]; ok {
		cfg.PluralCount = n
	}
	text, err := house()[l.Tag()].Localize(&cfg)
	// A message of the default language comes with an error beside it when this
	// one lacks it; it is still better than none.
	return text, err == nil || text != ""
}
