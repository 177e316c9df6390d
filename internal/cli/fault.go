package cli

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"sallyport/internal/app"
	"sallyport/internal/config"
	"sallyport/internal/core"
	"sallyport/internal/i18n"
	"sallyport/internal/secret"
	"sallyport/internal/store"
)

// Exit codes.
const (
	exitOK       = 0
	exitFailed   = 1
	exitUsage    = 2
	exitFindings = 3
	exitPolicy   = 4
)

// usageError is wrong usage: of flags, of words, of the configuration.
type usageError string

func (e usageError) Error() string { return string(e) }

func usage(format string, args ...any) error { return usageError(fmt.Sprintf(format, args...)) }

// didYouMean goes behind a word that is not known.
func didYouMean(word string, among []string) string {
	if near := core.Nearest(word, among); near != "" {
		return ", did you mean " + near + "?"
	}
	return ""
}

// errFindings ends a verb whose result is that something is not well. It was
// printed already.
var errFindings = errors.New("there are findings")

// errQuiet ends a verb that failed and has said so.
var errQuiet = errors.New("failed")

// fail says what went wrong and returns the exit code.
func (s *shell) fail(err error) int {
	code := exitOf(err)
	if errors.Is(err, errFindings) || errors.Is(err, errQuiet) {
		return code
	}
	if s.ctx.Err() != nil && errors.Is(err, s.ctx.Err()) {
		err = errors.New("interrupted")
	}
	if s.JSON {
		_ = s.json(map[string]any{"error": asJSON(err)})
	}
	if s.voice != nil {
		s.voice.Error("serve failed", "event", "serve.failed", "error", inWords(err))
		return code
	}
	s.say("sallyport: %s", inWords(err))
	if f, ok := core.AsFault(err); ok && ways[f.Code] != "" {
		s.say("see: sallyport %s%s", ways[f.Code], s.given())
	}
	return code
}

// ways name the verb that helps on after a refusal.
var ways = map[string]string{
	"tenant.unknown":            "tenant list",
	"tenant.ambiguous":          "tenant list --name NAME",
	"tenant.settings_inherited": "tenant show TENANT",
	"tenant.has_administrator":  "user invite --role ROLE",
	"tenant.not_deleted":        "tenant list --state deleted",
	"user.unknown":              "user list --search TEXT",
	"user.last_administrator":   "user roles grant LOGIN ROLE",
	"role.unknown":              "role list --tenant TENANT",
	"role.ambiguous":            "role list --tenant TENANT",
	"role.right_not_in_base":    "role list",
	"role.held":                 "role holders --tenant TENANT",
	"policy.use_mfa_switch":     "mfa disable TENANT",
	"policy.locked":             "policy show --tenant TENANT",
	"policy.preset_unavailable": "policy compare --tenant TENANT --preset NAME",
	"policy.nobody_could_enrol": "policy show --tenant TENANT",
	"settings.preset_unknown":   "policy preset list",
	"service.not_one":           "service-account list",
	"service.already":           "service-account change LOGIN",
	"mfa.is_off":                "mfa enable TENANT",
}

func exitOf(err error) int {
	var u usageError
	var p config.Problems
	switch {
	case errors.As(err, &u), errors.As(err, &p):
		return exitUsage
	case errors.Is(err, errFindings):
		return exitFindings
	}
	if f, ok := core.AsFault(err); ok && policyFault(f) {
		return exitPolicy
	}
	return exitFailed
}

func policyFault(f *core.Fault) bool {
	return f.Kind == core.KindForbidden || f.Code == "user.last_administrator" || strings.HasPrefix(f.Code, "policy.") ||
		strings.HasPrefix(f.Code, "step_up.")
}

func asJSON(err error) map[string]any {
	if f, ok := core.AsFault(err); ok {
		return map[string]any{"code": f.Code, "kind": f.Kind.String(), "params": f.Params, "message": inWords(err)}
	}
	return map[string]any{"message": inWords(err)}
}

// inWords is an error as an operator reads it.
func inWords(err error) string {
	var held app.ErrHeld
	var problems config.Problems
	switch {
	case errors.As(err, &problems):
		return "the configuration is not right:\n  " + strings.ReplaceAll(problems.Error(), "\n", "\n  ")
	case errors.As(err, &held):
		return fmt.Sprintf("the data folder is in use by %s. One server holds a folder at a time: stop that one, or choose another folder with --data", held.By)
	case errors.Is(err, store.ErrNewerSchema):
		return err.Error() + ". Use that newer program, or restore a backup from before"
	case errors.Is(err, secret.ErrWrongMaster):
		return err.Error() + ". Put back the master key file that belongs to it (encryption.key_file); no other opens it"
	}
	var told *toldFault
	if errors.As(err, &told) {
		return told.words()
	}
	f, ok := core.AsFault(err)
	if !ok {
		return err.Error()
	}
	if f.Kind == core.KindUnavailable {
		// Whoever runs the shell runs the machine: the cause is what they need.
		cause := strings.ReplaceAll(err.Error(), f.Error()+": ", "")
		return fmt.Sprintf("%s. Nothing was changed (%s)", cause, f.Code)
	}
	if f.Code == core.ErrNotFound.Code && len(f.Params) > 0 {
		// What pages say of it speaks of addresses.
		return "there is no " + strings.Join(params(f.Params), ", ") + " (" + f.Code + ")"
	}
	said := i18n.For(i18n.Default).Fault(f.Code, plainParams(f.Params), nil)
	words := said.Text
	if said.Title != "" {
		words = said.Title + ". " + said.Text
	}
	return words + " (" + strings.Join(append([]string{f.Code}, params(f.Params)...), ", ") + ")"
}

// plainParams leaves out what only pages can show.
func plainParams(p map[string]any) map[string]any {
	p = maps.Clone(p)
	for _, name := range []string{"until", "now"} {
		delete(p, name)
	}
	return p
}

func params(p map[string]any) []string {
	var out []string
	for _, k := range slices.Sorted(maps.Keys(p)) {
		out = append(out, fmt.Sprintf("%s %s", k, plain(fmt.Sprint(p[k]))))
	}
	return out
}
