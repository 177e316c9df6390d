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
	s.say("sallyport: %s", inWords(err))
	return code
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
	f, ok := core.AsFault(err)
	if !ok {
		return err.Error()
	}
	if f.Kind == core.KindUnavailable {
		// Whoever runs the shell runs the machine: the cause is what they need.
		cause := strings.ReplaceAll(err.Error(), f.Error()+": ", "")
		return fmt.Sprintf("%s. Nothing was changed (%s)", cause, f.Code)
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
