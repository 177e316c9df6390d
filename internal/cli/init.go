package cli

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"sallyport/internal/access"
	"sallyport/internal/app"
	"sallyport/internal/config"
	"sallyport/internal/core"
	"sallyport/internal/directory"
	"sallyport/internal/ident"
	"sallyport/internal/secret"
)

type initCmd struct {
	PublicURL   string `name:"public-url" help:"The address people see, such as https://login.example.com." placeholder:"URL"`
	SMTPURLFile string `name:"smtp-url-file" help:"File with the mail server, such as smtp://user:password@mail.example.com:587." placeholder:"FILE"`
	Admin       string `help:"E-mail address of the first administrator." placeholder:"EMAIL"`
	AdminName   string `help:"Name of the first administrator." placeholder:"NAME"`
	sure
	dry
}

func (*initCmd) Help() string {
	return "Asks three questions and writes the configuration and the master key, readable by you only; makes the store, its platform and the first administrator. " +
		"Nothing that exists is overwritten. With --yes it takes the defaults: http on this machine, no mail server yet, administrator admin@localhost."
}

const firstAdmin = "admin@localhost"

type initOut struct {
	Config    string      `json:"config"`
	MasterKey string      `json:"master_key"`
	Store     string      `json:"store"`
	Platform  string      `json:"platform"`
	Admin     string      `json:"admin"`
	AdminID   core.UserID `json:"admin_id,omitempty"`
	DryRun    bool        `json:"dry_run,omitempty"`
}

func (v *initCmd) Run(s *shell) error {
	file := cmp.Or(s.Config, s.env("SALLYPORT_CONFIG"), defaultFile)
	if err := absent(file); err != nil {
		return err
	}
	values, admin, err := v.questions(s)
	if err != nil {
		return err
	}
	c, err := v.tryOut(s, values)
	if err != nil {
		return err
	}
	// A verb that reads the file from elsewhere has to find the same store. What the
	// environment sets it sets for them too.
	if values["data_dir"] = whole(c.DataDir); values["data_dir"] != c.DataDir {
		derived := c.Encryption.KeyFile
		c.DataDir = values["data_dir"]
		if s.env("SALLYPORT_ENCRYPTION_KEY_FILE") == "" {
			derived = whole(derived)
		}
		c.Encryption.KeyFile = derived
	}
	if err := absent(c.Encryption.KeyFile); err != nil {
		return err
	}
	where := "PostgreSQL (store.dsn)"
	if app.Embedded(c) {
		where = filepath.Join(c.DataDir, "sallyport.db")
		if err := s.unused(c, where); err != nil {
			return err
		}
	}
	out := initOut{Config: file, MasterKey: c.Encryption.KeyFile, Store: where, Platform: platformName(c.PublicURL), Admin: admin.Email, DryRun: v.DryRun}
	if !v.DryRun {
		if out.AdminID, err = v.make(s, file, values, c, admin); err != nil {
			return err
		}
	}
	if err := s.result(out, func(w io.Writer) {
		did := "made"
		if v.DryRun {
			did = "would make"
		}
		fmt.Fprintf(w, "%s the configuration   %s\n%s the master key      %s\n%s the store           %s\n%s the administrator   %s, of the platform %q\n",
			did, out.Config, did, out.MasterKey, did, out.Store, did, plain(out.Admin), plain(out.Platform))
	}); err != nil || v.DryRun {
		return err
	}
	s.say("Keep a copy of %s apart from the data and its backups: without it nothing that is sealed opens again.", out.MasterKey)
	// The file says where the store is.
	s.Data = ""
	s.next("sallyport serve   (then, beside it: sallyport admin-link%s)", s.given())
	return nil
}

// questions gathers the three answers; a flag answers its question.
func (v *initCmd) questions(s *shell) (map[string]string, directory.NewUser, error) {
	var n directory.NewUser
	values := map[string]string{}
	// What was answered at the terminal and is wrong is asked again, with the reason:
	// the answers before it stay.
	ask := func(have, question, preset string, wrong func(string) error) (string, error) {
		switch {
		case have != "":
			return have, nil
		case v.Yes:
			return preset, nil
		case !s.asks():
			return "", usage("nobody is there to answer questions; take the defaults with --yes, or give --public-url, --smtp-url-file and --admin")
		}
		for {
			answer, err := s.ask(question, preset)
			if err != nil {
				return "", err
			}
			why := wrong(answer)
			if why == nil {
				return answer, nil
			}
			s.say("%s", inWords(why))
		}
	}
	fits := func(key string) func(string) error {
		return func(answer string) error { return v.fits(s, key, answer) }
	}
	var err error
	if values["public_url"], err = ask(v.PublicURL, "Address that people will see, such as https://login.example.com (empty: this machine only)", "", fits("public_url")); err != nil {
		return nil, n, err
	}
	if v.SMTPURLFile != "" {
		if values["mail.smtp_url"], err = s.secretFile(v.SMTPURLFile, "the mail server"); err != nil {
			return nil, n, err
		}
	} else if values["mail.smtp_url"], err = ask("", "Mail server, such as smtp://user:password@mail.example.com:587 (empty: mails wait)", "", fits("mail.smtp_url")); err != nil {
		return nil, n, err
	}
	if n.Email, err = ask(v.Admin, "E-mail address of the first administrator", firstAdmin, func(answer string) error { _, err := ident.ParseAddress(answer); return err }); err != nil {
		return nil, n, err
	}
	if _, err := ident.ParseAddress(n.Email); err != nil {
		return nil, n, usage("--admin: %s", inWords(err))
	}
	n.Name, _, _ = strings.Cut(n.Email, "@")
	n.Name = cmp.Or(v.AdminName, n.Name)
	n.Roles = []core.Role{core.PlatformAdmin}

	host := "localhost"
	if u, err := url.Parse(values["public_url"]); err == nil && u.Hostname() != "" {
		host = u.Hostname()
		if u.Scheme == "https" {
			// With the address that serve listens on by default, what speaks TLS is a proxy of this machine.
			values["trusted_proxies"] = "127.0.0.1, ::1"
		}
	}
	if values["mail.smtp_url"] != "" {
		values["mail.from"] = "no-reply@" + host
	}
	if s.Data != "" {
		values["data_dir"] = s.Data
	}
	maps.DeleteFunc(values, func(_, v string) bool { return v == "" })
	return values, n, nil
}

// fits says what is wrong with one answer as a value of its key.
func (v *initCmd) fits(s *shell, key, answer string) error {
	if answer == "" {
		return nil
	}
	c, _, _, err := config.Load(config.Source{Flags: map[string]string{key: answer}, Environ: s.Environ})
	if err == nil {
		err = c.Check()
	}
	var all config.Problems
	if !errors.As(err, &all) {
		return err
	}
	for _, p := range all {
		if p.Key == key {
			return errors.New(p.Text)
		}
	}
	return nil // others are no matter of this answer, and are told at the end
}

// tryOut reads the answers as serve would read the file.
func (v *initCmd) tryOut(s *shell, values map[string]string) (config.Config, error) {
	c, _, warnings, err := config.Load(config.Source{Flags: values, Environ: s.Environ})
	for _, w := range warnings {
		s.warn("%s %s", w.Name, w.Text)
	}
	if err != nil {
		return c, err
	}
	return c, c.Check()
}

// make writes everything, or takes back what it wrote.
func (v *initCmd) make(s *shell, file string, values map[string]string, c config.Config, admin directory.NewUser) (id core.UserID, err error) {
	var undo []string
	defer func() {
		if err != nil {
			for _, f := range undo {
				_ = os.Remove(f) // what is left is named by the next try
			}
		}
	}()
	var text bytes.Buffer
	if err := config.Template(&text, values); err != nil {
		return "", err
	}
	if err := create(file, text.Bytes()); err != nil {
		return "", err
	}
	undo = append(undo, file)
	if err := os.MkdirAll(filepath.Dir(c.Encryption.KeyFile), 0o700); err != nil {
		return "", err
	}
	if _, err := secret.CreateMaster(c.Encryption.KeyFile); err != nil {
		return "", err
	}
	undo = append(undo, c.Encryption.KeyFile)
	if app.Embedded(c) {
		db := filepath.Join(c.DataDir, "sallyport.db")
		undo = append(undo, db, db+"-wal", db+"-shm")
	}
	h, err := app.Open(s.ctx, app.Options{Config: c, Log: s.logger(c), Who: "sallyport init", NoHasher: true})
	if err != nil {
		return "", err
	}
	defer h.Close()
	root, made, err := h.EnsurePlatform(s.ctx, platformName(c.PublicURL), access.Shell())
	if err != nil {
		return "", err
	}
	if !made {
		return "", errors.New("this store was set up before; nothing was changed")
	}
	admin.Tenant = root.ID
	in, err := h.Directory.Invite(s.ctx, admin, access.Shell(), core.Client{})
	return in.User.ID, err
}

// absent refuses to overwrite.
func absent(file string) error {
	if _, err := os.Lstat(file); err == nil {
		return fmt.Errorf("%s exists already; nothing was changed", file)
	} else if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// unused refuses a store that holds something. One that a killed start left half
// made is as good as none.
func (s *shell) unused(c config.Config, file string) error {
	exists := absent(file)
	if exists == nil {
		return nil
	}
	h, err := app.OpenBare(s.ctx, app.Options{Config: c, Log: s.logger(c), Who: "sallyport init"})
	if err != nil {
		return fmt.Errorf("%w (%w)", exists, err)
	}
	defer h.Close()
	if blank, err := h.Store.Blank(s.ctx); err != nil || !blank {
		return exists
	}
	return nil
}

// create writes a new file that only its owner reads.
func create(file string, text []byte) error {
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}
