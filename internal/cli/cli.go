package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"unicode/utf8"

	"github.com/alecthomas/kong"

	"sallyport/internal/policy"
)

// Process is what the command line has of its process.
type Process struct {
	Args    []string // without the program's name
	Environ []string
	In      io.Reader
	Out     io.Writer
	Err     io.Writer
}

// Main runs the program and returns its exit code.
func Main() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	// A second signal ends the program at once.
	context.AfterFunc(ctx, stop)
	return Run(ctx, Process{Args: os.Args[1:], Environ: os.Environ(), In: os.Stdin, Out: os.Stdout, Err: os.Stderr})
}

// common are the flags of every verb.
type common struct {
	Config  string `help:"Configuration file; ./sallyport.yaml when there is one." placeholder:"FILE"`
	Data    string `help:"Folder of the embedded store (data_dir)." placeholder:"DIR"`
	JSON    bool   `name:"json" help:"Print results for machines."`
	NoInput bool   `help:"Never ask; fail where an answer would be needed."`

	Server           string `help:"Address of a server that is asked over its API, such as https://id.example.com (SALLYPORT_SERVER)." placeholder:"URL"`
	ClientID         string `name:"client-id" help:"API client to ask it as (SALLYPORT_CLIENT_ID)." placeholder:"ID"`
	ClientSecretFile string `help:"File whose first line is that client's secret (SALLYPORT_CLIENT_SECRET_FILE)." placeholder:"FILE"`
}

// dry is the flag of every write.
type dry struct {
	DryRun bool `help:"Show what would change, and change nothing."`
}

// sure is the flag of writes that are asked about first.
type sure struct {
	Yes bool `short:"y" help:"Do it without asking."`
}

// grammar is the whole command line.
type grammar struct {
	common

	Serve       serveCmd       `cmd:"" help:"Run the server."`
	Demo        demoCmd        `cmd:"" help:"See it work: walks the main story on loopback, then keeps serving."`
	Init        initCmd        `cmd:"" help:"Set up this machine: configuration, master key, store, first administrator."`
	AdminLink   adminLinkCmd   `cmd:"" help:"Print a one-time link, good for 30 minutes, that gives an administrator a new password and factor."`
	Doctor      doctorCmd      `cmd:"" help:"Check clock, store, keys, mail, addresses and backups, and that nobody is stuck."`
	Healthcheck healthcheckCmd `cmd:"" help:"Ask the running server whether it is ready."`
	Version     versionCmd     `cmd:"" help:"Print the version."`

	ConfigCmd configCmd  `cmd:"" name:"config" help:"Check or print the configuration."`
	Migrate   migrateCmd `cmd:"" help:"Bring the store's schema up to date."`
	Backup    backupCmd  `cmd:"" help:"Make, check and restore sealed backups."`
	Keys      keysCmd    `cmd:"" help:"List and rotate the keys that seal, hash and sign."`
	Tenant    tenantCmd  `cmd:"" help:"Organisations and units."`
	MFA       mfaCmd     `cmd:"" name:"mfa" help:"The switch of an organisation, and how far its people are."`
	User      userCmd    `cmd:"" help:"Accounts of people."`
	Role      roleCmd    `cmd:"" help:"What administrators may do, and who they are."`
	Service   serviceCmd `cmd:"" name:"service-account" help:"Accounts of programs, which are asked for no second factor."`
	App       appCmd     `cmd:"" help:"Apps that sign people in here."`
	APIClient clientCmd  `cmd:"" name:"api-client" help:"Programs that call the API, with a share of somebody's rights."`
	Policy    policyCmd  `cmd:"" help:"Settings of organisations: what holds and why, what a change would do, and the change."`
	Import    importCmd  `cmd:"" help:"Bring people in from other systems."`
	Export    exportCmd  `cmd:"" help:"Write people out, without secrets."`
	Audit     auditCmd   `cmd:"" help:"Check, follow and export the audit log."`
	Mail      mailCmd    `cmd:"" help:"Mail."`
	TOTP      totpCmd    `cmd:"" name:"totp" help:"Codes of authenticator apps, for support."`
}

// exited carries an exit code out of the parser, which wants to end the process.
type exited int

// Run runs one command line.
func Run(ctx context.Context, p Process) (code int) {
	defer func() {
		if e := recover(); e != nil {
			x, ok := e.(exited)
			if !ok {
				panic(e)
			}
			code = int(x)
		}
	}()
	s, parsed, err := read(ctx, p)
	if err == nil {
		err = s.reach(verbOf(parsed.Selected()))
	}
	if err == nil {
		err = parsed.Run(s)
	}
	if err != nil {
		return s.fail(err)
	}
	return exitOK
}

// verbOf are the words of the grammar that lead to a verb.
func verbOf(leaf *kong.Node) string {
	name := leaf.Name
	for n := leaf.Parent; n.Parent != nil; n = n.Parent {
		name = n.Name + " " + name
	}
	return name
}

// read reads a command line; what cannot be read is an error of usage.
func read(ctx context.Context, p Process) (*shell, *kong.Context, error) {
	var g grammar
	parser, err := kong.New(&g, kong.Name("sallyport"), kong.Writers(p.Out, p.Err),
		kong.Description("Sign-in and multi-factor authentication. Begin with: sallyport demo (to see it), sallyport init (to run it)."),
		kong.Exit(func(code int) { panic(exited(code)) }),
		kong.Vars{"presets": strings.Join(policy.Presets(), ", "), "roles": roleNames(), "languages": languageTags(), "languages_enum": strings.ReplaceAll(languageTags(), " ", "")},
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 110, NoExpandSubcommands: true}))
	if err != nil {
		panic(err) // the grammar is wrong, whatever was typed
	}
	s := &shell{Process: p, common: &g.common, ctx: ctx}
	for i, arg := range p.Args {
		// What is not text would reach the store as something else.
		if !utf8.ValidString(arg) {
			s.JSON = slices.Contains(p.Args, "--json")
			return s, nil, usage("argument %d (%q) is not UTF-8; nothing was done\nhelp: sallyport --help", i+1, arg)
		}
	}
	if len(p.Args) > 0 && p.Args[0] == "help" {
		s.JSON = slices.Contains(p.Args, "--json")
		return s, nil, usage("there is no verb help; every verb has the flag\nhelp: %s --help", strings.Join(append([]string{"sallyport"}, verbsIn(p.Args[1:])...), " "))
	}
	parsed, err := parser.Parse(p.Args)
	if err != nil {
		// The flag was not taken over from a line that could not be read.
		s.JSON = slices.Contains(p.Args, "--json")
		return s, nil, usage("%s", misread(err))
	}
	return s, parsed, nil
}

// verbsIn are the words that begin a line, up to its first flag.
func verbsIn(args []string) []string {
	if i := slices.IndexFunc(args, func(arg string) bool { return strings.HasPrefix(arg, "-") }); i >= 0 {
		return args[:i]
	}
	return args
}

// misread says what could not be read, and whose help would tell.
func misread(err error) string {
	text, path := strings.ReplaceAll(err.Error(), `one of "",`, "one of "), "sallyport"
	var parse *kong.ParseError
	if !errors.As(err, &parse) || parse.Context == nil {
		return text
	}
	at := parse.Context.Model.Node
	for _, step := range parse.Context.Path {
		if step.Command != nil {
			at = step.Command
		}
	}
	if at.Type == kong.CommandNode {
		path = at.FullPath()
	}
	flag, rest, _ := strings.Cut(text, ": ")
	switch {
	case strings.HasSuffix(text, `but got "EOL" (<EOL>)`):
		text = flag + " needs a value"
	case strings.HasPrefix(rest, `expected int value but got "-`):
		text = flag + " must not be negative"
	case strings.HasPrefix(rest, "expected duration but got "):
		got, _, _ := strings.Cut(strings.TrimPrefix(rest, "expected duration but got "), ": ")
		text = flag + ": " + got + " is not a length of time such as 30s or 5m"
	}
	// What it would try for -1 is no better than what was typed.
	text, _, _ = strings.Cut(text, "; perhaps try ")
	if strings.HasPrefix(text, "expected one of") {
		// The parser would cut the list.
		var words []string
		for _, child := range at.Children {
			words = append(words, child.Name)
		}
		text = "say what to do: " + strings.Join(words, ", ")
	}
	return text + "\nhelp: " + path + " --help"
}

// say writes talk, as distinct from results.
func (s *shell) say(format string, args ...any) {
	if s.voice != nil {
		s.voice.Info(fmt.Sprintf(format, args...), "event", "serve.said")
		return
	}
	fmt.Fprintf(s.Err, format+"\n", args...)
}

// warn is say for what somebody should look at.
func (s *shell) warn(format string, args ...any) {
	if s.voice != nil {
		s.voice.Warn(fmt.Sprintf(format, args...), "event", "serve.warned")
		return
	}
	s.say("warning: "+format, args...)
}

// next ends a success: it names the command that usually follows.
func (s *shell) next(format string, args ...any) {
	if s.JSON {
		return
	}
	text, note := fmt.Sprintf(format, args...), ""
	if i := strings.LastIndex(text, "   ("); i >= 0 {
		text, note = text[:i], text[i:]
	}
	s.say("next: %s%s%s", text, s.given(), note)
}

// given repeats the flags that say which store this is about. They go behind every
// command that is printed, or it would speak to another store.
func (s *shell) given() string {
	text := ""
	for _, f := range []struct{ name, value string }{{"config", s.Config}, {"data", s.Data}} {
		if f.value != "" {
			text += " --" + f.name + " " + quoted(f.value)
		}
	}
	return text
}

// quoted is a word as a shell reads it.
func quoted(word string) string {
	plainly := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("/._-+=:,@%", r)
	}
	if !strings.ContainsFunc(word, func(r rune) bool { return !plainly(r) }) {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}
