package cli

import (
	"context"
	"fmt"
	"log/slog"
	"net/url"
	"path/filepath"
	"strings"

	"sallyport/internal/access"
	"sallyport/internal/app"
	"sallyport/internal/core"
)

type serveCmd struct {
	Listen string `help:"Address and port of the pages (listen)." placeholder:"ADDR"`
}

func (*serveCmd) Help() string {
	return "Runs until it is interrupted. Without a configuration it serves http://localhost:8080 from ./data. " +
		"To be reached from other machines it wants an https public_url, with certificate files of its own or behind a proxy that is listed in trusted_proxies. " +
		"With --json it prints one line when it is ready."
}

func (v *serveCmd) Run(s *shell) error {
	// Who collects logs reads lines of one form; sentences are for who looks on.
	if s.JSON || !terminal(s.Err) {
		s.voice = slog.New(slog.NewJSONHandler(s.Err, nil))
	}
	c, err := s.load(map[string]string{"listen": v.Listen})
	if err != nil {
		return err
	}
	if err := c.CheckServe(); err != nil {
		return err
	}
	log, flush := s.serverLog(c)
	defer flush()
	if s.voice != nil {
		s.voice = log
	}
	h, err := app.Open(s.ctx, app.Options{Config: c, Log: log, Who: "serve"})
	if err != nil {
		return err
	}
	defer h.Close()
	_, made, err := h.EnsurePlatform(s.ctx, platformName(c.PublicURL), access.System())
	if err != nil {
		return err
	}
	running, err := h.Serve(s.ctx, app.ServeOptions{Verbs: Verbs()})
	if err != nil {
		return err
	}
	log.Info("serving", "event", "serve.ready", "url", running.URL, "ops", running.Ops, "store", h.Store.Engine(), "version", app.Version)
	if s.JSON {
		err = s.json(map[string]any{"ready": true, "url": running.URL, "ops": running.Ops})
	} else {
		_, err = fmt.Fprintf(s.Out, "Sallyport answers at %s\n", running.URL)
		if running.Ops != "" && s.voice == nil {
			s.say("health and metrics at %s (/livez, /readyz, /metrics)", running.Ops)
		}
	}
	if err == nil {
		err = s.firstSteps(h)
	}
	if made {
		s.newStore(h)
	}
	// Asked to end by whoever read that it serves, it ends as it always does: what
	// could not be looked up for them is no failure.
	if err != nil && s.ctx.Err() == nil {
		running.Close()
		return err
	}
	err = running.Wait(s.ctx)
	log.Info("stopped", "event", "serve.stopped")
	return err
}

// platformName is what the root is called until somebody renames it: the host
// that people see, or the product's name.
func platformName(publicURL string) string {
	if u, err := url.Parse(publicURL); err == nil && u.Hostname() != "" {
		return u.Hostname()
	}
	return "Sallyport"
}

// firstSteps says how to become the first administrator. Where a person looks
// on, the link itself is printed; into a log it must not go.
func (s *shell) firstSteps(h *app.House) error {
	admins, err := administrators(s.ctx, h)
	if err != nil {
		return err
	}
	if len(admins) == 0 {
		s.advise("Nobody administers this server yet. Make the first administrator, beside the running server:",
			"sallyport user invite --role platform_admin --name \"YOUR NAME\" --email YOU@EXAMPLE.COM --print-link"+s.given())
		return nil
	}
	for _, u := range admins {
		if u.State != core.UserInvited {
			return nil // somebody has been here
		}
	}
	if len(admins) > 1 || s.voice != nil {
		s.advise("The first administrator has not signed in yet. Print the one-time link with:", "sallyport admin-link --for "+plain(admins[0].Login)+s.given())
		return nil
	}
	link, err := adminLink(s.ctx, h, adminLinkIn{For: admins[0].Login})
	if err != nil {
		return err
	}
	s.say("\nThe first administrator (%s) signs in here, once, within 30 minutes:\n  %s\nA new link at any time: sallyport admin-link%s", plain(admins[0].Login), link.URL, s.given())
	return nil
}

// advise says which command comes next.
func (s *shell) advise(text, command string) {
	if s.voice != nil {
		s.voice.Info(strings.TrimSuffix(text, ":"), "event", "serve.first_step", "next", command)
		return
	}
	s.say("%s\n  %s", text, command)
}

// newStore says aloud that there was no store where this one is: a mistyped folder
// would look like a server that has lost everybody.
func (s *shell) newStore(h *app.House) {
	where := "in the database of store.dsn"
	if app.Embedded(h.Config) {
		where = "at " + whole(h.Config.DataDir)
	}
	key := whole(h.Config.Encryption.KeyFile)
	if s.voice != nil {
		s.voice.Warn("a new store was made "+where, "event", "serve.new_store", "key_file", key,
			"help", "if another one was meant, stop the server and start it with the right --config, --data or store.dsn")
		return
	}
	s.say("\nA new store was made %s, with the master key %s.\n"+
		"If you meant another one, stop the server (Ctrl-C) and start it with the right --config or --data; nothing else was touched.", where, key)
}

// whole is a path from the root on, or as it is where there is no telling.
func whole(path string) string {
	if abs, err := filepath.Abs(path); err == nil {
		return abs
	}
	return path
}

// administrators lists the people who administer the platform and are not
// disabled or deleted.
func administrators(ctx context.Context, h *app.House) ([]core.User, error) {
	grants, err := h.Store.AllRoles(ctx, core.PlatformAdmin)
	if err != nil {
		return nil, err
	}
	var out []core.User
	for _, g := range grants {
		u, err := h.Store.FindUser(ctx, g.User)
		if err != nil {
			return nil, err
		}
		if u.State != core.UserDisabled && u.State != core.UserDeleted {
			out = append(out, u)
		}
	}
	return out, nil
}
