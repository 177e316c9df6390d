package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"

	kyaml "github.com/knadh/koanf/parsers/yaml"
	"github.com/knadh/koanf/v2"
	"go.yaml.in/yaml/v3"

	"sallyport/internal/core"
)

// Source is where values may come from.
type Source struct {
	// Flags are keys given on the command line, with their values.
	Flags map[string]string
	// Environ is the process's environment, as os.Environ gives it. A variable
	// that is empty counts as not set.
	Environ []string
	// File is the configuration file named on the command line. When it is
	// empty SALLYPORT_CONFIG names one; when that is empty too, DefaultFile is
	// read if it exists.
	File        string
	DefaultFile string
}

// Origin says where the value of a key came from: "default", "flag --listen",
// "environment SALLYPORT_LISTEN", "file sallyport.yaml".
type Origin struct {
	Key  string
	From string
}

// Warning is something odd that does not stop anything.
type Warning struct {
	Name string // the variable or key it is about
	Text string
}

// Problem is a wrong value, with what to do about it.
type Problem struct {
	Key  string `json:"key"`
	Text string `json:"text"`
}

func (p Problem) String() string {
	if p.Key == "" {
		return p.Text
	}
	return p.Key + ": " + p.Text
}

// Problems is an error that names everything that is wrong.
type Problems []Problem

func (p Problems) Error() string {
	lines := make([]string, len(p))
	for i, one := range p {
		lines[i] = one.String()
	}
	return strings.Join(lines, "\n")
}

func (p *Problems) add(key, format string, args ...any) {
	*p = append(*p, Problem{key, fmt.Sprintf(format, args...)})
}

func (p Problems) orNil() error {
	if len(p) == 0 {
		return nil
	}
	return p
}

// OfCommandLine are variables that say which server the command line speaks to. A
// server has no such setting.
var OfCommandLine = []string{"SALLYPORT_SERVER", "SALLYPORT_CLIENT_ID", "SALLYPORT_CLIENT_SECRET_FILE"}

const (
	fileVar      = "SALLYPORT_CONFIG"
	biggestFile  = 1 << 20
	secretSuffix = "_file"
)

// layer feeds one source's values, already spelled as dotted keys, to koanf.
type layer map[string]any

func (l layer) ReadBytes() ([]byte, error)    { return nil, errors.New("not bytes") }
func (l layer) Read() (map[string]any, error) { return map[string]any(l), nil }

// Load reads all sources. The error is Problems; Config is then not to be used.
// It checks shape only: Check and CheckServe look at what the values mean.
func Load(from Source) (Config, []Origin, []Warning, error) {
	var problems Problems
	var warnings []Warning
	all := fields()

	env, envWarnings := environment(all, from.Environ)
	warnings = append(warnings, envWarnings...)

	name, must := from.File, true
	if name == "" {
		name = variable(from.Environ, fileVar)
	}
	if name == "" {
		name, must = from.DefaultFile, false
	}
	file, fileWarnings := readFile(all, name, must, &problems)
	warnings = append(warnings, fileWarnings...)

	flags := layer{}
	for key, value := range from.Flags {
		if !known(all, key) {
			problems.add(key, "there is no such key%s", didYouMean(key, keys(all)))
			continue
		}
		flags[key] = value
	}

	// Later layers win. The delimiter is one that no key has, because keys
	// arrive flat and koanf shall leave them so.
	merged := koanf.New("\x00")
	origin := map[string]string{}
	for _, l := range []struct {
		values layer
		from   func(key string) string
	}{
		{file, func(string) string { return "file " + name }},
		{env, func(key string) string { return "environment " + envName(key) }},
		{flags, func(key string) string { return "flag --" + key }},
	} {
		fromFile := resolveSecrets(all, l.values, &problems)
		if err := merged.Load(l.values, nil); err != nil {
			problems.add("", "cannot merge the configuration: %v", err)
		}
		for key := range l.values {
			origin[key] = l.from(key)
			if path, ok := fromFile[key]; ok {
				origin[key] += ", read from " + path
			}
		}
	}

	var c Config
	var origins []Origin
	for _, f := range all {
		raw, from := any(f.Default), "default"
		if merged.Exists(f.Key) {
			raw, from = merged.Get(f.Key), origin[f.Key]
		}
		if f.Default == "" && raw == "" {
			origins = append(origins, Origin{f.Key, from})
			continue
		}
		if err := f.set(&c, raw); err != nil {
			problems.add(f.Key, "%v (from %s)", err, from)
		}
		origins = append(origins, Origin{f.Key, from})
	}
	c.derive()
	return c, origins, warnings, problems.orNil()
}

// environment picks our names out of the environment.
func environment(all []field, environ []string) (layer, []Warning) {
	names := map[string]string{fileVar: ""}
	for _, n := range OfCommandLine {
		names[n] = ""
	}
	for _, f := range all {
		names[f.Env] = f.Key
		if f.Secret {
			names[f.Env+strings.ToUpper(secretSuffix)] = f.Key + secretSuffix
		}
	}
	values := layer{}
	var warnings []Warning
	for _, entry := range environ {
		name, value, _ := strings.Cut(entry, "=")
		if !strings.HasPrefix(name, envPrefix) {
			continue
		}
		key, ok := names[name]
		switch {
		case !ok:
			var known []string
			for n := range names {
				known = append(known, n)
			}
			warnings = append(warnings, Warning{name, "is not a setting and is ignored" + didYouMean(name, known)})
		case key != "" && value != "":
			values[key] = value
		}
	}
	slices.SortFunc(warnings, func(a, b Warning) int { return strings.Compare(a.Name, b.Name) })
	return values, warnings
}

func variable(environ []string, name string) string {
	// The last one wins, as in exec.
	for _, entry := range slices.Backward(environ) {
		if n, v, ok := strings.Cut(entry, "="); ok && n == name {
			return v
		}
	}
	return ""
}

// twice is how the parser tells of a key that stands in a section again. It counts
// "line 3: mapping key \"listen\" already defined at line 1".
var twice = regexp.MustCompile(`line (\d+): mapping key ("(?:[^"\\]|\\.)*") already defined at line (\d+)`)

// unread says why a file is no YAML that can be read.
func unread(problems *Problems, name string, err error) {
	all := twice.FindAllStringSubmatch(err.Error(), -1)
	for _, m := range all {
		key, bad := strconv.Unquote(m[2])
		if bad != nil {
			key = m[2]
		}
		problems.add(key, "stands twice in %s, in line %s and in line %s; keep one", name, m[3], m[1])
	}
	if len(all) == 0 {
		problems.add("", "%s is not valid YAML: %s", name, strings.TrimPrefix(err.Error(), "yaml: "))
	}
}

// readFile reads the YAML file into flat keys. Nested and dotted spelling are
// the same; the same key in both is refused.
func readFile(all []field, name string, must bool, problems *Problems) (layer, []Warning) {
	values := layer{}
	if name == "" {
		return values, nil
	}
	raw, mode, err := slurp(name)
	if errors.Is(err, os.ErrNotExist) && !must {
		return values, nil
	}
	if err != nil {
		problems.add("", "cannot read the configuration file %s: %v", name, reason(err))
		return values, nil
	}
	// The node tree knows the lines; koanf's parser makes the values.
	var tree, more yaml.Node
	documents := yaml.NewDecoder(bytes.NewReader(raw))
	err = documents.Decode(&tree)
	if errors.Is(err, io.EOF) {
		return values, nil
	}
	if err == nil {
		if err = documents.Decode(&more); err == nil {
			problems.add("", "%s holds more than one document: take the line --- out, or only the first would be read", name)
			return values, nil
		}
	}
	if !errors.Is(err, io.EOF) {
		unread(problems, name, err)
		return values, nil
	}
	if len(tree.Content) == 0 || tree.Content[0].Tag == "!!null" {
		return values, nil
	}
	if tree.Content[0].Kind != yaml.MappingNode {
		problems.add("", "%s must hold keys with values, such as listen: 127.0.0.1:8080", name)
		return values, nil
	}
	nested, err := kyaml.Parser().Unmarshal(raw)
	if err != nil {
		unread(problems, name, err)
		return values, nil
	}
	lines := map[string]int{}
	number(tree.Content[0], "", lines)
	flatten(nested, "", func(key string, value any) {
		if _, twice := values[key]; twice {
			problems.add(key, "stands twice in %s; keep one", name)
		}
		values[key] = value
	})
	hasSecret := false
	for key, value := range values {
		secret := ofSecret(all, key)
		section := slices.ContainsFunc(all, func(f field) bool { return strings.HasPrefix(f.Key, key+".") })
		switch {
		case section && value != nil && !known(all, key):
			problems.add(key, "is a section in %s, line %d, and has no value of its own; its keys are %s", name, lines[key], strings.Join(below(all, key), ", "))
			delete(values, key)
		case !known(all, key) && !secret && !section:
			problems.add(key, "unknown key in %s, line %d%s", name, lines[key], didYouMean(key, keys(all)))
			delete(values, key)
		case value == nil:
			delete(values, key) // "mail:" with everything below it commented out
		case secret && known(all, key):
			hasSecret = hasSecret || value != ""
		}
	}
	slices.SortStableFunc(*problems, func(a, b Problem) int { return lines[a.Key] - lines[b.Key] })
	if hasSecret && mode.Perm()&0o077 != 0 {
		return values, []Warning{{name, "holds a secret and others on this machine may read it; run chmod 600 " + name}}
	}
	return values, nil
}

func slurp(name string) ([]byte, os.FileMode, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, 0, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, 0, err
	}
	raw, err := io.ReadAll(io.LimitReader(f, biggestFile+1))
	if err == nil && len(raw) > biggestFile {
		err = errors.New("it is larger than 1 MiB")
	}
	return raw, info.Mode(), err
}

// reason drops the path that os errors repeat.
func reason(err error) error {
	var path *os.PathError
	if errors.As(err, &path) {
		return path.Err
	}
	return err
}

func number(n *yaml.Node, prefix string, lines map[string]int) {
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := prefix + n.Content[i].Value
		lines[key] = n.Content[i].Line
		if n.Content[i+1].Kind == yaml.MappingNode {
			number(n.Content[i+1], key+".", lines)
		}
	}
}

func flatten(m map[string]any, prefix string, yield func(string, any)) {
	for name, value := range m {
		if below, ok := value.(map[string]any); ok {
			flatten(below, prefix+name+".", yield)
			continue
		}
		yield(prefix+name, value)
	}
}

// resolveSecrets replaces every key_file by what the file holds, so that the
// secret itself never stands in a process list or a unit file. It tells which
// keys it filled, and from where.
func resolveSecrets(all []field, values layer, problems *Problems) map[string]string {
	filled := map[string]string{}
	for _, f := range all {
		name, ok := values[f.Key+secretSuffix]
		if !f.Secret || !ok {
			continue
		}
		delete(values, f.Key+secretSuffix)
		if v, both := values[f.Key]; both && v != "" && v != nil {
			problems.add(f.Key, "is set and %s is set too; keep one", f.Key+secretSuffix)
			continue
		}
		path, ok := scalar(name)
		if !ok || path == "" {
			problems.add(f.Key+secretSuffix, "must be the path of a file")
			continue
		}
		raw, _, err := slurp(path)
		if err != nil {
			problems.add(f.Key+secretSuffix, "cannot read %s: %v", path, reason(err))
			continue
		}
		text := strings.TrimRight(string(raw), "\r\n")
		if text == "" {
			problems.add(f.Key+secretSuffix, "%s is empty", path)
			continue
		}
		values[f.Key] = text
		filled[f.Key] = path
	}
	return filled
}

func known(all []field, key string) bool {
	return slices.ContainsFunc(all, func(f field) bool { return f.Key == key })
}

// ofSecret reports whether key is a secret or names the file of one.
func ofSecret(all []field, key string) bool {
	return slices.ContainsFunc(all, func(f field) bool {
		return f.Secret && (f.Key == key || f.Key+secretSuffix == key)
	})
}

func keys(all []field) []string {
	var out []string
	for _, f := range all {
		out = append(out, f.Key)
		if f.Secret {
			out = append(out, f.Key+secretSuffix)
		}
	}
	return out
}

// below lists the keys of a section.
func below(all []field, section string) (out []string) {
	for _, key := range keys(all) {
		if strings.HasPrefix(key, section+".") {
			out = append(out, key)
		}
	}
	return out
}

// didYouMean is the end of an error about a word that is not known.
func didYouMean(word string, among []string) string {
	if near := core.Nearest(word, among); near != "" {
		return "; did you mean " + near + "?"
	}
	return ""
}
