package cli

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"sallyport/internal/core"
	"sallyport/pkg/sallyport"
)

// overAPI is a verb's far half on the API of a server elsewhere.
type overAPI func(ctx context.Context, c *sallyport.Client, raw json.RawMessage, w io.Writer) error

// goesOver are the verbs that --server works for, as they are typed. Their near halves
// are the same as on the server's own machine; their far halves are in remotes.
var goesOver = []string{"tenant list", "tenant rename", "mfa status", "mfa list", "mfa what-if", "mfa enable", "mfa disable", "user list", "user show", "user unlock", "user disable", "user enable",
	"user sessions list", "user roles list", "role list", "service-account list", "service-account show", "policy show",
	"policy explain"}

// ofNoServer are verbs that are about this program alone.
var ofNoServer = []string{"version"}

// reach finds out which server a verb speaks to, before anything is asked or read.
func (s *shell) reach(verb string) error {
	value := func(flag, name string) string {
		if flag != "" {
			return flag
		}
		return s.env(name)
	}
	address := value(s.Server, "SALLYPORT_SERVER")
	if address == "" || slices.Contains(ofNoServer, verb) {
		return nil
	}
	if !slices.Contains(goesOver, verb) {
		return usage("%s works on the server's own machine only: run it there, without --server and SALLYPORT_SERVER\nover the API go: %s", verb, strings.Join(goesOver, ", "))
	}
	if s.Config != "" || s.Data != "" {
		return usage("--server is another machine's, --config and --data are of this one; give one or the other")
	}
	id, file := value(s.ClientID, "SALLYPORT_CLIENT_ID"), value(s.ClientSecretFile, "SALLYPORT_CLIENT_SECRET_FILE")
	if id == "" || file == "" {
		return usage("--server wants --client-id and --client-secret-file (or SALLYPORT_CLIENT_ID and SALLYPORT_CLIENT_SECRET_FILE): an API client, which sallyport api-client create makes on the server")
	}
	if err := safeAddress(address); err != nil {
		return err
	}
	secret, err := s.secretFile(file, "the client's secret")
	if err != nil {
		return err
	}
	s.api, err = sallyport.New(address, sallyport.ClientCredentials(id, secret), sallyport.WithHTTPClient(direct()))
	if err != nil {
		return usage("--server: %s", err)
	}
	return nil
}

// direct follows no redirect: what is sent holds a secret, and is for the address that
// was given. A certificate is checked as everywhere.
func direct() *http.Client {
	return &http.Client{Timeout: time.Minute, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// safeAddress takes https, and http where nobody is in between.
func safeAddress(address string) error {
	u, err := url.Parse(address)
	if err != nil {
		return usage("--server: %q is no address of a server, such as https://id.example.com", address)
	}
	ip, err := netip.ParseAddr(u.Hostname())
	if u.Scheme == "http" && u.Hostname() != "localhost" && (err != nil || !ip.IsLoopback()) {
		return usage("--server: http would show the secret to everybody on the way; say https://%s", u.Host)
	}
	return nil
}

// over runs a verb's far half on the API.
func (s *shell) over(name string, in json.RawMessage, w io.Writer) error {
	far, ok := remotes()[name]
	if !ok {
		return usage("%s works on the server's own machine only", name)
	}
	return fromAPI(far(s.ctx, s.api, in, w))
}

// toldFault is a refusal of a server elsewhere, in the words that it was told in: what
// they were filled with stays there.
type toldFault struct {
	*core.Fault
	told string
}

func (f *toldFault) Unwrap() error { return f.Fault }

func (f *toldFault) words() string {
	if f.Code == core.ErrStepUp.Code {
		return "this wants the fresh proof of a person, which an API client never has. Do it signed in to the console, or on the server's own machine without --server (" + f.Code + ")"
	}
	text := plain(f.told)
	if text == "" {
		text = "the server refused"
	}
	return text + " (" + strings.Join(append([]string{plain(f.Code)}, params(f.Params)...), ", ") + ")"
}

// kindsOf are the kinds of faults by the status that tells them.
var kindsOf = map[int]core.Kind{
	http.StatusBadRequest: core.KindInvalid, http.StatusUnprocessableEntity: core.KindInvalid, http.StatusUnauthorized: core.KindUnauthenticated, http.StatusForbidden: core.KindForbidden,
	http.StatusNotFound: core.KindNotFound, http.StatusConflict: core.KindConflict, http.StatusPreconditionFailed: core.KindStale, http.StatusTooManyRequests: core.KindLimited,
	http.StatusRequestEntityTooLarge: core.KindTooLarge, http.StatusServiceUnavailable: core.KindUnavailable,
}

// fromAPI makes the fault again that the server answered with.
func fromAPI(err error) error {
	var e *sallyport.Error
	if !errors.As(err, &e) {
		return err
	}
	f := core.NewFault(kindsOf[e.Status], e.Code) // another status is KindInternal
	if e.Field != "" {
		f = f.With("field", e.Field)
	}
	told := e.Title
	if e.Detail != "" {
		told = strings.TrimPrefix(strings.TrimSuffix(e.Title, ".")+". "+e.Detail, ". ")
	}
	return &toldFault{f, told}
}

// remotes are the far halves that go over the API, by the names that Verbs has.
func remotes() map[string]overAPI {
	return map[string]overAPI{
		"tenant.list":        half(apiTenantList),
		"tenant.rename":      half(apiTenant(apiRename)),
		"mfa.status":         half(apiMFAStatus),
		"mfa.list":           half(apiMFAList),
		"mfa.enable":         half(apiTenant(apiEnableMFA)),
		"mfa.disable":        half(apiTenant(apiDisableMFA)),
		"job.finish":         half(apiJobFinish),
		"user.list":          half(apiUserList),
		"user.show":          half(apiUserShow),
		"policy.explain":     half(apiPolicyExplain),
		"policy.show":        half(apiPolicyShow),
		"service.list":       half(apiServiceList),
		"service.show":       half(apiServiceShow),
		"user.unlock":        half(apiUser(unlock, (*sallyport.Client).UnlockUser)),
		"user.disable":       half(apiUser(disable, (*sallyport.Client).DisableUser)),
		"user.enable":        half(apiUser(enable, (*sallyport.Client).EnableUser)),
		"user.sessions.list": half(apiOfUser((*sallyport.Client).Sessions)),
		"user.roles.list":    half(apiOfUser((*sallyport.Client).UserRoles)),
		"role.list":          half(apiRoleList),
	}
}
