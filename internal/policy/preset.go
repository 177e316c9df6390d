package policy

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"sallyport/internal/core"
)

//go:embed presets/*.json
var presets embed.FS

// Presets lists the names of the settings documents that ship, one for each way
// to run MFA.
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

// PresetShown is a shipped document by name, to look at and to compare with. It
// may have factors and keys of a later release.
func PresetShown(name string) (core.SettingsDoc, error) {
	if !slices.Contains(Presets(), name) {
		fault := core.Invalid("settings.preset_unknown", "preset", name, "known", strings.Join(Presets(), ", "))
		if near := core.Nearest(name, Presets()); near != "" {
			fault = fault.With("did_you_mean", near)
		}
		return nil, fault
	}
	b, err := presets.ReadFile("presets/" + name + ".json")
	return core.SettingsDoc(b), err
}

// Preset is a shipped document by name, to apply. One that needs a factor that
// this program cannot set up is refused.
func Preset(name string) (core.SettingsDoc, error) {
	b, err := PresetShown(name)
	if err != nil {
		return nil, err
	}
	doc, err := core.ParseSettings(b)
	if err == nil {
		return doc, nil
	}
	if errors.Is(err, core.ErrNobodyCouldEnrol) || len(later(b)) > 0 {
		return nil, core.NewFault(core.KindConflict, "policy.preset_unavailable").With("preset", name)
	}
	return nil, fmt.Errorf("preset %s: %w", name, err)
}

// later are the keys of a document that a later release reads.
func later(d core.SettingsDoc) []string {
	return slices.DeleteFunc(d.Keys(), func(k string) bool { return !slices.Contains(core.LaterKeys, k) })
}

// ApplyPreset is the change that makes an organisation's document say what a
// preset says. What a preset does not name is left as it is.
func ApplyPreset(name string, d core.SettingsDoc) (change core.SettingsDoc, diff []Difference, err error) {
	if change, err = Preset(name); err != nil {
		return nil, nil, err
	}
	after, err := d.Merge(change)
	if err != nil {
		return nil, nil, err
	}
	diff, err = DocDifferences(d, after)
	return change, diff, err
}

// ComparePreset says what a preset would change in a document, also one that
// cannot be applied yet.
func ComparePreset(name string, d core.SettingsDoc) ([]Difference, error) {
	doc, err := PresetShown(name)
	if err != nil {
		return nil, err
	}
	after, err := d.Merge(doc)
	if err != nil {
		return nil, err
	}
	return DocDifferences(d, after)
}
