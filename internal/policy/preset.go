package policy

import (
	"embed"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"sallyport/internal/core"
)

//go:embed presets/*.json
var presets embed.FS

// Presets lists the names of the settings documents that ship.
func Presets() []string {
	files, err := fs.Glob(presets, "presets/*.json")
	if err != nil {
		return nil
	}
	var names []string
	for _, f := range files {
		names = append(names, strings.TrimSuffix(path.Base(f), ".json"))
	}
	slices.Sort(names)
	return names
}

// Preset is a shipped settings document by name.
func Preset(name string) (core.SettingsDoc, error) {
	b, err := presets.ReadFile("presets/" + path.Base(name) + ".json")
	if err != nil {
		return nil, core.Invalid("settings.preset_unknown", "preset", name, "known", strings.Join(Presets(), ", "))
	}
	doc, err := core.ParseSettings(b)
	if err != nil {
		return nil, fmt.Errorf("preset %s: %w", name, err)
	}
	return doc, nil
}
