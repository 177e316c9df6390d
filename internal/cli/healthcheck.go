package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"sallyport/internal/app"
)

type healthcheckCmd struct {
	URL     string        `name:"url" help:"Address of the ops listener; from listen_ops when not given." placeholder:"URL"`
	Timeout time.Duration `default:"3s" help:"How long to wait for the answer (${default})."`
}

func (*healthcheckCmd) Help() string {
	return "Exit 0 when it is ready, 1 when it is not or does not answer."
}

type readyOut struct {
	Ready  bool        `json:"ready"`
	Checks []app.Check `json:"checks"`
}

func (v *healthcheckCmd) Run(s *shell) error {
	base := v.URL
	if base == "" {
		c, err := s.checked()
		if err != nil {
			return err
		}
		if base, err = opsURL(c.ListenOps); err != nil {
			return err
		}
	} else if u, err := url.Parse(base); err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return usage("--url: %q is not an address such as http://127.0.0.1:9090", base)
	}
	client := &http.Client{Timeout: v.Timeout}
	req, err := http.NewRequestWithContext(s.ctx, http.MethodGet, strings.TrimRight(base, "/")+"/readyz", nil)
	if err != nil {
		return usage("--url: %v", err)
	}
	resp, err := client.Do(req)
	if err != nil {
		return fmt.Errorf("no answer: %w", err)
	}
	defer resp.Body.Close()
	var o readyOut
	if err := json.NewDecoder(io.LimitReader(resp.Body, 1<<20)).Decode(&o); err != nil {
		return fmt.Errorf("what answers at %s is no ops listener of ours (%s)", base, resp.Status)
	}
	err = s.result(o, func(w io.Writer) {
		for _, c := range o.Checks {
			word := s.paint(w, green, "ok")
			if !c.OK {
				word = s.paint(w, red, "not ok")
			}
			fmt.Fprintf(w, "%-8s %s  %s\n", c.Name, word, plain(c.Detail))
		}
	})
	if err == nil && (!o.Ready || resp.StatusCode != http.StatusOK) {
		s.say("sallyport: not ready")
		return errQuiet
	}
	return err
}

// opsURL is how this machine reaches the ops listener.
func opsURL(listen string) (string, error) {
	if listen == "" {
		return "", errors.New("listen_ops is empty, so there is no ops listener to ask")
	}
	host, port, err := net.SplitHostPort(listen)
	if err != nil {
		return "", err
	}
	if port == "0" {
		return "", usage("listen_ops has the port 0, which is another one at each start; say where it is with --url")
	}
	if a, err := netip.ParseAddr(host); host == "" || err == nil && a.IsUnspecified() {
		host = "localhost"
	}
	return "http://" + net.JoinHostPort(host, port), nil
}
