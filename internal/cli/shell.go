package cli

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"unicode"

	"golang.org/x/term"

	"sallyport/internal/app"
	"sallyport/internal/config"
	"sallyport/pkg/sallyport"
)

// shell is one run of the command line.
type shell struct {
	Process
	*common
	ctx    context.Context
	voice  *slog.Logger  // takes what is said, where machines read stderr
	lines  *bufio.Reader // of In
	loaded *config.Config
	origin []config.Origin
	bar    *bar
	api    *sallyport.Client // of --server, or nil: this machine's
}

// defaultFile is read when no other configuration is named.
const defaultFile = "sallyport.yaml"

// load reads the configuration once. more are keys that the verb's own flags set.
func (s *shell) load(more map[string]string) (config.Config, error) {
	if s.loaded != nil {
		return *s.loaded, nil
	}
	flags := map[string]string{}
	if s.Data != "" {
		flags["data_dir"] = s.Data
	}
	for k, v := range more {
		if v != "" {
			flags[k] = v
		}
	}
	c, origins, warnings, err := config.Load(config.Source{Flags: flags, Environ: s.Environ, File: s.Config, DefaultFile: defaultFile})
	for _, w := range warnings {
		s.warn("%s %s", w.Name, w.Text)
	}
	if err != nil {
		return c, err
	}
	if s.Data != "" && !app.Embedded(c) {
		s.warn("--data %s is the folder of an embedded store, and store.dsn is set: this speaks to the database of store.dsn", s.Data)
	}
	s.loaded, s.origin = &c, origins
	return c, nil
}

// checked is load for verbs that work with what they find.
func (s *shell) checked() (config.Config, error) {
	c, err := s.load(nil)
	if err == nil {
		err = c.Check()
	}
	return c, err
}

// logger is a verb's log, to stderr: quieter than a server's, since what a verb
// does is said in its own words.
func (s *shell) logger(c config.Config) *slog.Logger {
	o := levelOf(c)
	if o.Level == slog.LevelInfo {
		o.Level = slog.LevelWarn
	}
	return slog.New(slog.NewTextHandler(s.Err, o))
}

// serverLog is a server's log, to stderr, and what to call before the process
// ends. Who looks on sees each line at once.
func (s *shell) serverLog(c config.Config) (log *slog.Logger, flush func()) {
	over := func(w io.Writer) slog.Handler { return slog.NewJSONHandler(w, levelOf(c)) }
	if c.Log.Format == "text" {
		over = func(w io.Writer) slog.Handler { return slog.NewTextHandler(w, levelOf(c)) }
	}
	if terminal(s.Err) {
		return slog.New(over(s.Err)), func() {}
	}
	h, flush := gatherLines(s.Err, over)
	return slog.New(h), flush
}

func levelOf(c config.Config) *slog.HandlerOptions {
	level := slog.LevelInfo
	_ = level.UnmarshalText([]byte(c.Log.Level)) // checked
	return &slog.HandlerOptions{Level: level}
}

// env is a variable of the environment.
func (s *shell) env(name string) string {
	value := ""
	for _, e := range s.Environ {
		if n, v, ok := strings.Cut(e, "="); ok && n == name {
			value = v
		}
	}
	return value
}

func terminal(stream any) bool {
	f, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// asks reports whether somebody is there to answer.
func (s *shell) asks() bool { return !s.NoInput && terminal(s.In) }

func (s *shell) reader() *bufio.Reader {
	if s.lines == nil {
		s.lines = bufio.NewReader(s.In)
	}
	return s.lines
}

// line reads one line of input.
func (s *shell) line() (string, error) {
	text, err := s.reader().ReadString('\n')
	if err != nil && (text == "" || !errors.Is(err, io.EOF)) {
		return "", fmt.Errorf("read the answer: %w", err)
	}
	return strings.TrimRight(text, "\r\n"), nil
}

// ask puts a question; an empty answer is the default.
func (s *shell) ask(question, preset string) (string, error) {
	if preset != "" {
		question += " [" + preset + "]"
	}
	fmt.Fprint(s.Err, question+": ")
	answer, err := s.line()
	if answer = strings.TrimSpace(answer); answer == "" {
		answer = preset
	}
	return answer, err
}

// confirm asks before something that cannot be taken back. word is what must be
// typed; empty asks for a plain yes.
func (s *shell) confirm(yes bool, word, what string, args ...any) error {
	if yes {
		return nil
	}
	what = fmt.Sprintf(what, args...)
	if !s.asks() {
		return usage("%s\nthis is asked about first; add --yes", what)
	}
	if word == "" {
		word = "yes"
	}
	fmt.Fprintf(s.Err, "%s\ntype %q to go on: ", what, word)
	answer, err := s.line()
	if err != nil {
		return err
	}
	if strings.TrimSpace(answer) != word {
		return errors.New("not confirmed; nothing was changed")
	}
	return nil
}

// secret reads a secret: from a file, from a terminal that does not show it, or
// as a line of stdin. An argument could be read by everybody on the machine.
func (s *shell) secret(file, what string, twice bool) (string, error) {
	if file != "" {
		return s.secretFile(file, what)
	}
	if terminal(s.In) {
		if s.NoInput {
			return "", usage("%s is needed: give it on stdin or in a file", what)
		}
		first, err := s.hidden(what)
		if err != nil || !twice {
			return first, err
		}
		again, err := s.hidden(what + " again")
		if err == nil && again != first {
			err = errors.New("the two are not the same; nothing was changed")
		}
		return first, err
	}
	text, err := s.line()
	if err != nil || text == "" {
		return "", usage("%s is needed: give it as a line on stdin or in a file", what)
	}
	return text, nil
}

func (s *shell) hidden(what string) (string, error) {
	fmt.Fprint(s.Err, what+": ")
	raw, err := term.ReadPassword(int(s.In.(*os.File).Fd()))
	fmt.Fprintln(s.Err)
	return string(raw), err
}

// secretFile reads the first line of a file.
func (s *shell) secretFile(file, what string) (string, error) {
	f, err := os.Open(file)
	if err != nil {
		return "", fmt.Errorf("%s: %w", what, err)
	}
	defer f.Close()
	raw, err := io.ReadAll(io.LimitReader(f, 1<<16))
	if err != nil {
		return "", fmt.Errorf("%s: %w", what, err)
	}
	text, _, _ := bytes.Cut(raw, []byte("\n"))
	if text = bytes.TrimRight(text, "\r"); len(text) == 0 {
		return "", fmt.Errorf("%s: the first line of %s is empty", what, file)
	}
	return string(text), nil
}

// result prints a result: as JSON for machines, else by show.
func (s *shell) result(v any, show func(w io.Writer)) error {
	if s.JSON {
		return s.json(v)
	}
	show(s.Out)
	return nil
}

func (s *shell) json(v any) error {
	out := json.NewEncoder(s.Out)
	out.SetEscapeHTML(false)
	return out.Encode(v)
}

// plain makes text that somebody else chose fit for a terminal: no escape
// sequence, no turned reading direction.
func plain(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.Is(unicode.Cf, r) {
			return '·'
		}
		return r
	}, s)
}

// paint colours a word where somebody sees it.
func (s *shell) paint(w io.Writer, colour, word string) string {
	if !terminal(w) || s.env("NO_COLOR") != "" || s.env("TERM") == "dumb" {
		return word
	}
	return "\x1b[" + colour + "m" + word + "\x1b[0m"
}

const (
	green  = "32"
	red    = "31"
	yellow = "33"
)
